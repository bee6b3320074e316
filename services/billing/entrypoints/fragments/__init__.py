"""What people see of billing, as fragments below `/t/{tenant}/app/billing`: every view that joins what several services know."""

from services.billing.entrypoints.fragments import (
    allocation,
    attestations,
    charge,
    closing,
    consent_asks,
    decisions,
    desk,
    differences,
    elements,
    packet,
    patient,
    plans,
    program,
    refreshers,
    rules,
    said,
    worklist,
)
from shared.web.audit_page import log_router

ROUTERS = (
    patient.router,
    consent_asks.router,
    attestations.router,
    said.router,
    allocation.router,
    rules.router,
    refreshers.router,
    worklist.router,
    desk.router,
    elements.router,
    plans.router,
    differences.router,
    charge.router,
    packet.router,
    decisions.router,
    closing.router,
    program.router,
    log_router("billing"),
)
