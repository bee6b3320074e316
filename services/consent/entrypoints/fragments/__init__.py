"""What people see of consent, as HTML fragments below `/t/{tenant}/app/consent`: state, capture, change, history."""

from services.consent.entrypoints.fragments import capture, change, filing, history, panel, scripts
from shared.web.audit_page import log_router

ROUTERS = (panel.router, capture.router, history.router, filing.router, change.router, scripts.router, log_router("consent"))
