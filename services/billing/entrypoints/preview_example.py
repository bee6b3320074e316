"""The example of a preview in the interface description: 21 minutes in October, everything in order."""

from typing import Any

_SIGNED = "2026-01-20T15:00:00-05:00"
_ELEMENTS = (
    "plan-sharing",
    "access-24-7",
    "continuity",
    "certified-ehr",
    "transitions",
    "community-coordination",
    "enhanced-communication",
)

EXAMPLE: dict[str, Any] = {
    "month": "2026-10",
    "at": "2026-11-03T09:00:00-05:00",
    "practice": {
        "zone": "America/New_York",
        "npi": "1999999984",
        "tin": "111111111",
        "staff": [
            {
                "practitioner": "dr-lee",
                "name": "Dr. Lee",
                "npi": "1999999992",
                "credentials": [{"credential": "physician"}],
                "locations": [{"country": "US"}],
                "exclusion_checks": ["2026-09-30"],
            },
            {
                "practitioner": "rn-kay",
                "name": "Kay",
                "credentials": [{"credential": "registered-nurse"}],
                "supervision": [{"practitioner": "dr-lee"}],
                "locations": [{"country": "US"}],
                "exclusion_checks": ["2026-09-30"],
            },
        ],
        "attestations": [{"kind": kind, "value": {"given": True}, "by": "dr-lee", "signed_at": _SIGNED} for kind in _ELEMENTS],
    },
    "consents": [
        {
            "practitioner": "dr-lee",
            "method": "written",
            "given_at": "2026-01-15T10:00:00-05:00",
            "disclosed": ["availability", "cost-sharing", "one-practitioner", "right-to-stop", "scope-of-services"],
        }
    ],
    "entries": [
        {
            "performer": "rn-kay",
            "role": "registered-nurse",
            "activity": "patient-contact",
            "start": "2026-10-05T09:00:00-04:00",
            "end": "2026-10-05T09:21:00-04:00",
            "note": {"outcome": "pass"},
        }
    ],
    "conditions": [{"icd10": "I10"}, {"icd10": "E11.9"}],
    "coverages": [{"kind": "medicare_ffs", "payer": "medicare"}],
    "encounters": [{"kind": "visit", "start_day": "2026-01-10", "practitioners": ["dr-lee"]}],
    "care_plans": [{"dated": "2026-01-20", "author": "dr-lee"}],
    "attestations": [
        {"kind": "risk", "value": {"significant": True}, "by": "dr-lee", "signed_at": _SIGNED},
        {"kind": "plan-copy", "value": {"day": "2026-01-20", "method": "portal"}, "by": "dr-lee", "signed_at": _SIGNED},
    ],
}
