"""When a payer asks for a consent anew (C5): Medicare FFS never does, a plan's rules may."""

from datetime import date, timedelta

from services.billing.domain.case import Case, add_months
from services.billing.domain.findings import Severity
from services.billing.domain.ledger import ConsentFact

SOON = timedelta(days=30)
"""How long before the day a renewal is worth asking for: a design choice, no payer's rule."""
_ASKED = (Severity.HOLD, Severity.REVIEW)


def renewal_due(case: Case, consent: ConsentFact) -> date | None:
    """Return the last day on which a consent stands without being renewed; None where the payer asks for no renewal."""
    if case.rules.situations["6"].severity not in _ASKED:
        return None
    return add_months(case.grid.day_of(consent.given_at), case.rules.consent_renewal_months)
