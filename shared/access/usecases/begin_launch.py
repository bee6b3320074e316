"""Begin a launch that an EHR asked for."""

from dataclasses import dataclass
from uuid import UUID

from shared.access.domain.launch import Issuer, LaunchTransaction, digest, new_secret, new_state
from shared.access.domain.launch_refusals import LaunchRefused
from shared.access.usecases.launch_ports import Begin, Directory, EhrApp
from shared.contracts.tenant import TenantState


@dataclass(frozen=True)
class BegunLaunch:
    """Where the browser goes next, and the secret that proves later that it is the same browser."""

    authorize_url: str
    state: str
    secret: str


async def begin_launch(*, iss: str, launch: str, directory: Directory, app: EhrApp, begin: Begin) -> BegunLaunch:
    """Open a launch transaction for the practice whose EHR is exactly `iss`.

    LaunchRefused for any other: nothing is fetched from an address that came with a request. A transaction is made here and
    never rewritten. Source: integration.md 3, SMART App Launch 2.2.
    """
    if not iss or not launch or len(launch) > 4000:
        raise LaunchRefused("launch-incomplete")
    tenant = await directory.tenant_of_issuer(iss)
    if tenant is None:
        raise LaunchRefused("launch-unknown-ehr")
    issuer = await pinned_issuer(tenant, iss, app=app, begin=begin)
    secret, state = new_secret(), new_state(UUID(tenant.tenant_id))
    transaction = LaunchTransaction(iss, digest(secret), nonce=new_secret(), code_verifier=new_secret())
    async with begin(tenant) as uow:
        await uow.add_transaction(digest(state), transaction)
    address = app.authorize_url(issuer, tenant.document.ehr, launch=launch, state=state, transaction=transaction)
    return BegunLaunch(address, state, secret)


async def pinned_issuer(tenant: TenantState, iss: str, *, app: EhrApp, begin: Begin) -> Issuer:
    """Return the pinned endpoints of `iss`; they are read once for each version of the practice's document."""
    async with begin(tenant) as uow:
        pinned = await uow.issuer(iss, tenant.version)
    if pinned is not None:
        return pinned
    found = await app.discover(iss, tenant.document.ehr)
    async with begin(tenant) as uow:
        await uow.pin_issuer(found, tenant.version)
        return await uow.issuer(iss, tenant.version) or found
