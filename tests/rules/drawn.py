"""Months drawn at random, always the same: many facts at once, near the edges of October, for the kept answers.

Nobody wrote down what they come to; that they come to the same is all they say.
"""

import random
from typing import Any

MANY = 250
_DAYS = ("10-01", "10-02", "10-05", "10-06", "10-12", "10-13", "10-20", "10-30", "10-31")
_EDGES = ("2026-09-28", "2026-09-30", *_DAYS, "2026-11-01", "2026-11-02")
_HOURS = ("00:00", "08:50", "09:00", "09:10", "09:40", "12:00", "23:40")
_ODD_ENTRIES: tuple[dict[str, Any], ...] = (
    {"note": "improve"},
    {"note": "fail"},
    {"flags": ["time"]},
    {"activity": "outreach-attempt"},
    {"activity": "prior-authorization"},
    {"program": "rpm"},
    {"program": "pcm"},
    {"also": ["bhi"]},
    {"basis": "asserted"},
    {"country": "CA"},
    {"status": "entered-in-error"},
    {"external_ids": ["x|1"]},
    {"directed_by": "dr-b"},
    {"retagged_from": "tcm"},
)


def drawn() -> dict[str, dict[str, Any]]:
    """Return the facts of each month by its name."""
    return {f"drawn:{n}": _Draw(random.Random(n)).facts() for n in range(MANY)}


class _Draw:
    """Draws the facts of one month."""

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def _one(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _maybe(self, chance: float) -> bool:
        return self._random.random() < chance

    def _mostly(self, usual: Any, *others: Any) -> Any:
        return usual if self._maybe(0.85) else self._one(*others)

    def _at(self, days: tuple[str, ...] = _EDGES) -> str:
        return f"{self._one(*days)} {self._one(*_HOURS)}"

    def _some(self, most: int, make: Any) -> list[Any]:
        return [make(n) for n in range(self._random.randint(0, most))]

    def facts(self) -> dict[str, Any]:
        """Return the facts in the terms of `World`."""
        facts: dict[str, Any] = {
            "at": self._one("10-20 12:00", "2026-11-01 00:00", "2026-11-04 09:00", "2026-11-04 09:00"),
            "consents": [{"id": "c"}] if self._maybe(0.6) else self._some(3, self._consent),
            "entries": [self._entry(n) for n in range(self._random.randint(1, 7))],
            "conditions": self._mostly(["I10", "E11.9"], ["I10"], ["E11.9", {"icd10": "E11.65", "onset": "10-30"}]),
            "coverages": self._coverages(),
            "past": self._mostly(
                [{"day": "2026-01-10", "with": ["dr-a", "dr-b"]}], [], [{"day": "2025-10-05", "with": ["dr-b"]}]
            ),
            "encounters": self._some(2, self._encounter) if self._maybe(0.5) else [],
            "care_plans": self._mostly(["2026-01-20"], ["2025-01-20"], []),
            "services": self._some(1, self._service) if self._maybe(0.4) else [],
            "attest": self._some(3, self._statement) if self._maybe(0.6) else [],
            "busy": [{"by": "rn-1", "start": "10-05 09:00", "end": "10-05 09:10"}] if self._maybe(0.1) else [],
            "staff_seconds": [["rn-1", "10-05", self._one(28800, 28801)]] if self._maybe(0.2) else [],
        }
        if self._maybe(0.15):
            facts["closed"] = self._one("2026-11-02 09:00", "2026-11-01 00:00")
        if self._maybe(0.1):
            facts["died"] = self._one("10-12", "10-12 09:10", "10-31")
        if self._maybe(0.1):
            facts["billed"] = [{"code": "99490", "units": 1}]
        if self._maybe(0.1):
            facts["not_on_roster"] = [self._one("dr-a", "rn-1")]
        if self._maybe(0.1):
            facts["without"] = [self._one("risk", "plan-copy", "access-24-7")]
        return facts

    def _consent(self, n: int) -> dict[str, Any]:
        given = self._at()
        row: dict[str, Any] = {"id": f"c{n}", "given": given, "with": self._one("dr-a", "dr-a", "dr-b")}
        return row | self._one(
            {},
            {},
            {},
            {"method": "verbal"},
            {"not_told": ["cost-sharing"]},
            {"status": "rejected"},
            {"program": "pcm"},
            {"recorded": self._at(("2026-11-02", "2026-11-12"))},
            {"other_practice": "yes"},
            {"status": "inactive", "until": self._one("10-31", "10-12")},
            {"status": "inactive", "revoked": self._at(_DAYS), "until": "10-31"},
        )

    def _entry(self, n: int) -> dict[str, Any]:
        row: dict[str, Any] = {"id": f"e{n}", "by": self._one("rn-1", "rn-1", "rn-1", "rn-2", "dr-a", "dr-b", "ma-1", "desk-1")}
        row |= (
            {"start": self._at(), "minutes": self._one(5, 10, 20, 30, 60)}
            if self._maybe(0.9)
            else {"day": "10-05", "minutes": 20}
        )
        late = self._at(("2026-11-01", "2026-11-08"))
        return row | self._mostly({}, *_ODD_ENTRIES, {"written": late})

    def _coverages(self) -> list[dict[str, Any]]:
        others = ("commercial_strict", "medicare_advantage", "medicaid", "unknown")
        first = {"kind": self._mostly("medicare_ffs", *others), "qmb": self._maybe(0.1)}
        first |= self._mostly({}, {"end": "10-20"}, {"start": "10-06"})
        second = {"kind": self._one("medicare_ffs", *others), "rank": 2, "payer": "p2"}
        return [first, second] if self._maybe(0.1) else [first]

    def _encounter(self, _: int) -> dict[str, Any]:
        kind = self._one("visit", "visit", "inpatient", "snf-part-a", "nursing-facility", "observation")
        row: dict[str, Any] = {"kind": kind, "with": [self._one("dr-a", "dr-b")], "own_practice": self._maybe(0.8)}
        first = self._random.randrange(len(_DAYS) - 1)
        last = _DAYS[min(first + self._one(0, 0, 1, 3), len(_DAYS) - 1)]
        hours = {"start": f"{_DAYS[first]} 08:50", "end": f"{last} 09:10"}
        return row | (hours if self._maybe(0.6) else {"day": _DAYS[first], "end_day": last})

    def _service(self, _: int) -> dict[str, Any]:
        code = self._one("99490", "99439", "99495", "99457", "99484", "G0557", "G0181", "99426", "90960", "G0676", "12345")
        row = {"code": code, "day": self._one(*_DAYS), "status": self._one("paid", "claimed", "unknown")}
        return row | self._one({}, {"npi": "npi-x", "tin": "999"}, {"npi": "npi-x"}, {"npi": "npi-x", "tin": None}, {"npi": None})

    def _statement(self, _: int) -> dict[str, Any]:
        day, at = self._one("2026-10-05", "2026-10-12"), "2026-10-12T13:00:00+00:00"
        kinds: tuple[tuple[str, dict[str, Any]], ...] = (
            ("lane", {"lane": self._one("clinical_staff", "complex", "practitioner")}),
            ("complexity", {"level": self._one("low", "moderate", "high")}),
            ("practitioner", {"practitioner": self._one("dr-a", "dr-b")}),
            ("time-allocation", {"entry": "e0", "program": self._one("ccm", "bhi"), "seconds": 600}),
            ("hospice", {"start": day}),
            ("model-flag", {"model": self._one("access", "guide"), "own_organization": True, "start": day}),
            ("abroad", {"start": at}),
            (
                "institutional-stay",
                {"stay": self._one("inpatient", "nursing-facility"), "start_day": day, "end_day": "2026-10-13"},
            ),
            ("death", {"day": day}),
            ("disclosure", {"consent": "c0", "codes": ["cost-sharing"], "told_at": at}),
            ("facility-payment", {"paid": self._maybe(0.5)}),
            ("conditions", {"codes": self._one(["I10", "E11.9"], ["I10"])}),
            ("claim-diagnoses", {"codes": self._one(["I10", "R05"], ["E11.9", "I10"])}),
            ("initiation-planning", {"visit_day": day, "practitioner": "dr-a"}),
            ("initiating-visit", {"day": day, "practitioner": "dr-a", "discussed": True}),
            ("other-practice-ended", {"day": "2026-09-30"}),
        )
        kind, value = self._one(*kinds)
        return {"kind": kind, "value": value}
