"""End a web session."""

from shared.access.usecases.launch_ports import Begin, Directory, EndReason, NoSession
from shared.access.usecases.open_page import standing_session, tenant_of, user_key


async def end_session(*, launch_id: str, handle: str | None, directory: Directory, begin: Begin, reason: EndReason) -> bool:
    """End the session for whoever holds its handle, destroy the EHR's tokens and tell the services; False if it was over."""
    try:
        tenant = await tenant_of(launch_id, directory)
        session = await standing_session(tenant=tenant, launch_id=launch_id, handle=handle, begin=begin)
    except NoSession:
        return False
    async with begin(tenant) as uow:
        await uow.end_session(session, reason)
    return True


async def end_if_stale(*, launch_id: str, handle: str, present: str, directory: Directory, begin: Begin) -> bool:
    """Tell whether a session that the browser still holds is over; one of somebody other than `present` (a user key) is ended.

    On a shared workstation nobody goes on in the name of whoever sat there before.
    """
    try:
        tenant = await tenant_of(launch_id, directory)
        session = await standing_session(tenant=tenant, launch_id=launch_id, handle=handle, begin=begin)
    except NoSession:
        return True
    if user_key(tenant, session.iss, session.subject) == present:
        return False
    async with begin(tenant) as uow:
        await uow.end_session(session, "other-user")
    return True
