"""Look at a practice's settings as its EHR and its users' browsers meet them."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from shared.access.domain.framing import Framing, Way, unnamed
from shared.access.domain.launch_refusals import LaunchRefused
from shared.access.usecases.launch_ports import EhrApp
from shared.access.usecases.ports import AdminUnitOfWork
from shared.contracts.tenant import EhrConnection
from shared.kernel.errors import NotFound

_WAYS = {
    Way.PARENT: "has framed us and is not named: the browser refused",
    Way.TRIAL: "is around the trial page and is not named",
    Way.ABOVE: "has framed us and is named, but a page above it was refused: browsers do not say which, the trial page does",
}


async def check_tenant(
    *, slug: str, uow: AdminUnitOfWork, app: EhrApp, framings: Callable[[UUID], Awaitable[Sequence[Framing]]], public_url: str
) -> tuple[list[str], bool]:
    """Return what is found, line by line, and whether all is well; NotFound for a practice that nobody has applied.

    It reads the EHR's smart-configuration of each `iss`, and lists the pages around our frame that were refused.
    """
    async with uow:
        state = await uow.tenant(slug)
    if state is None:
        raise NotFound(f"there is no tenant {slug}")
    ehr, lines, well = state.document.ehr, [f"{slug}: version {state.version} of {state.document.name}"], True
    for iss in ehr.launch_issuers:
        said, fine = await _endpoints(iss, ehr, app)
        lines.append(f"{iss}: {said}")
        well &= fine
    named = ", ".join(ehr.frame_ancestors) or "no page: Careledger opens in its own window only"
    lines.append(f"may be framed by {named}")
    told = [one for one in await framings(UUID(state.tenant_id)) if _still(one, ehr)]
    lines += [f"{one.origin} {_WAYS[one.way]} ({one.times} times, last {one.last_at:%Y-%m-%d %H:%M} UTC)" for one in told]
    if not told:
        lines.append("no browser has told of a page that was refused")
    lines.append(f"the trial page, to be opened where the app will be: {public_url}/launch/frame?iss={ehr.launch_issuers[0]}")
    return lines, well and not told


async def _endpoints(iss: str, ehr: EhrConnection, app: EhrApp) -> tuple[str, bool]:
    try:
        found = await app.discover(iss, ehr)
    except LaunchRefused as refusal:
        return f"{refusal.code} ({refusal.detail})", False
    return f"launches us by {found.authorize_url}, tokens from {found.token_url}", True


def _still(one: Framing, ehr: EhrConnection) -> bool:
    """Tell whether a note matters by the settings of now."""
    return bool(unnamed([one.origin], ehr.frame_ancestors)) == (one.way is not Way.ABOVE)
