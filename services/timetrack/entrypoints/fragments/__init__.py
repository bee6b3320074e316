"""What people see of timetrack, as HTML fragments below `/t/{tenant}/app/time`: the timer with its note, logging, each entry."""

from services.timetrack.entrypoints.fragments import dividing, entries, log, timer
from shared.web.audit_page import log_router

ROUTERS = (timer.router, log.router, entries.router, dividing.router, log_router("time"))
