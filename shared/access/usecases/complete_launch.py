"""Complete a launch that came back from the EHR."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from shared.access.domain.launch import check_patient, check_proofs, digest, new_launch_id, new_secret, tenant_of_state
from shared.access.domain.launch_refusals import LaunchRefused, refused_by_ehr
from shared.access.domain.roles import roles_of
from shared.access.usecases.begin_launch import pinned_issuer
from shared.access.usecases.launch_ports import Begin, Directory, EhrApp, EhrReader, WebSession, rules_of
from shared.access.usecases.open_page import OpenPage, PageIssuer
from shared.contracts.tenant import TenantState
from shared.kernel.clock import Clock


@dataclass(frozen=True)
class EhrAnswer:
    """What the EHR sent the browser back with."""

    state: str
    code: str | None = None
    iss: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class CompletedLaunch:
    """An opened page, and the handle by which its browser asks for further tokens."""

    page: OpenPage
    handle: str


async def complete_launch(
    *,
    answer: EhrAnswer,
    proofs: Sequence[str | None],
    directory: Directory,
    app: EhrApp,
    reader: EhrReader,
    begin: Begin,
    pages: PageIssuer,
    clock: Clock,
) -> CompletedLaunch:
    """Burn the transaction, check that this browser began it, redeem the code, read who and whose chart, open a session.

    LaunchRefused says what stopped it; whatever it is, the transaction serves no second time. `proofs` are the secrets that
    came by the cookie and by the page: at least one, and none wrong. Source: integration.md 3.
    """
    tenant = await _tenant(answer.state, directory)
    async with begin(tenant) as uow:
        transaction = await uow.use_transaction(digest(answer.state))
    if isinstance(transaction, str):
        raise LaunchRefused(transaction)
    check_proofs(transaction.secret_hash, proofs)
    ehr = tenant.document.ehr
    issuer = await pinned_issuer(tenant, transaction.iss, app=app, begin=begin)
    if answer.iss != issuer.issuer and (answer.iss is not None or issuer.names_issuer):
        raise LaunchRefused("sign-in-not-proved", "iss of the answer")
    if answer.error is not None:
        raise refused_by_ehr(answer.error)
    if not answer.code:
        raise LaunchRefused("launch-incomplete", "no code")
    tokens, context = await app.redeem(issuer, ehr, code=answer.code, transaction=transaction)
    check_patient(context.scopes, context.patient)
    now = clock.now()
    seen = await reader.observe(ehr, context, tokens.access, now)
    async with begin(tenant) as uow:
        today = now.astimezone(ZoneInfo(tenant.document.zone)).date()
        roles = roles_of(
            rules_of(tenant),
            practitioner=seen.person.id,
            npi=seen.person.npi,
            codes=seen.role_codes,
            listed=await uow.listed_roles(seen.person.id, seen.person.npi, today),
        )
        handle = new_secret()
        session = WebSession(
            sid=uuid4(),
            launch_id=new_launch_id(UUID(tenant.tenant_id)),
            handle_hash=digest(handle),
            iss=context.base,
            subject=context.subject,
            fhir_user=f"Practitioner/{seen.person.id}",
            user_name=", ".join(part for part in (seen.person.name, seen.person.credential) if part) or seen.person.id,
            roles=tuple(sorted(roles)),
            patient=context.patient,
            encounter=context.encounter,
        )
        await uow.add_session(session, tokens, hours=ehr.session_hours)
        if seen.chart is not None:
            await uow.tell_chart(seen.chart)
    return CompletedLaunch(await pages.open(session, tenant), handle)


async def _tenant(state: str, directory: Directory) -> TenantState:
    tenant_id = tenant_of_state(state)
    tenant = await directory.tenant_by_id(tenant_id) if tenant_id is not None else None
    if tenant is None:
        raise LaunchRefused("launch-expired", "no such state")
    return tenant
