"""What people see of billing, as fragments below `/t/{tenant}/app/billing`: every view that joins what several services know."""

from services.billing.entrypoints.fragments import attestations, patient

ROUTERS = (patient.router, attestations.router)
