"""Turns the field terms of a YAML case into a ledger. Everything is in order unless the case says otherwise.

Days are `10-05` of the case's year, or whole ISO days; instants `10-05 09:00[:00]` in the practice's zone.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.billing.domain.attestations import SPECS, AttestationKind, parse_value
from services.billing.domain.ledger import (
    Attestation,
    BilledCharge,
    Busy,
    CarePlan,
    Condition,
    ConsentFact,
    Coverage,
    CredentialHeld,
    EarlierMonth,
    Encounter,
    EncounterKind,
    Enrollment,
    Ledger,
    NoteAssessment,
    OtherService,
    Patient,
    Practice,
    ReviewDecision,
    ServiceStatus,
    Signal,
    StaffFact,
    SupervisedBy,
    TenantFact,
    TimeEntryFact,
    WorkLocation,
)
from shared.kernel.calendar_month import CalendarMonth

LONG_AGO = date(2019, 1, 1)
NEVER = datetime(2019, 1, 1, tzinfo=UTC)
ALL_TOLD = ("availability", "cost-sharing", "one-practitioner", "right-to-stop", "scope-of-services")
STAFF = {
    "dr-a": "physician",
    "dr-b": "physician",
    "np-1": "nurse-practitioner",
    "rn-1": "registered-nurse",
    "rn-2": "registered-nurse",
    "lpn-1": "licensed-practical-nurse",
    "ma-1": "medical-assistant",
    "chw-1": "community-health-worker",
    "sw-1": "social-worker",
    "desk-1": "non-clinical",
    "bot-1": "software",
}
PRACTICE_SAYS = (
    "plan-sharing",
    "access-24-7",
    "continuity",
    "certified-ehr",
    "transitions",
    "community-coordination",
    "enhanced-communication",
)


class World:
    """The reader of one case."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.month = CalendarMonth.parse(facts.get("month", "2026-10"))
        self.zone = ZoneInfo(facts.get("zone", "America/New_York"))
        self.at = self.instant(facts["at"]) if "at" in facts else self.month.end(self.zone) + timedelta(days=4)

    def day(self, text: str | date | None) -> date | None:
        """Read a day."""
        if text is None or isinstance(text, date):
            return text
        return date.fromisoformat(text if len(text) == 10 else f"{self.month.year}-{text}")

    def instant(self, text: str) -> datetime:
        """Read an instant of the practice's zone, or one with its own offset."""
        day, _, hour = text.partition(" ")
        if "T" in text:
            return datetime.fromisoformat(text).astimezone(UTC)
        read = self.day(day)
        assert read is not None
        return datetime.fromisoformat(f"{read}T{hour or '00:00'}").replace(tzinfo=self.zone).astimezone(UTC)

    def maybe(self, text: str | None) -> datetime | None:
        """Read an instant that may be absent."""
        return None if text is None else self.instant(text)

    def ledger(self) -> Ledger:
        """Return the ledger of the case."""
        facts = self.facts
        died = facts.get("died")
        return Ledger(
            patient=Patient(
                source="patient/p@1",
                recorded_at=NEVER,
                id="p",
                died_at=self.instant(died) if died and " " in died else None,
                died_on=self.day(died) if died and " " not in died else None,
            ),
            practice=self.practice(),
            consents=tuple(self.consent(n, row) for n, row in enumerate(facts.get("consents", [{}]))),
            entries=tuple(self.entry(n, row) for n, row in enumerate(facts.get("entries", []))),
            conditions=tuple(self.condition(n, row) for n, row in enumerate(facts.get("conditions", ["I10", "E11.9"]))),
            coverages=tuple(self.coverage(n, row) for n, row in enumerate(facts.get("coverages", [{}]))),
            encounters=tuple(
                self.encounter(n, row)
                for n, row in enumerate([*facts.get("past", [{"day": "2026-01-10"}]), *facts.get("encounters", [])])
            ),
            care_plans=tuple(
                CarePlan(source=f"care-plan/{n}@1", recorded_at=NEVER, plan_id=str(n), dated=self.day(row) or LONG_AGO)
                for n, row in enumerate(facts.get("care_plans", ["2026-01-20"]))
            ),
            enrollments=tuple(self.enrollment(n, row) for n, row in enumerate(facts.get("enrollments", []))),
            other_services=tuple(self.service(n, row) for n, row in enumerate(facts.get("services", []))),
            attestations=tuple(self.attestations()),
            decisions=tuple(
                ReviewDecision(source=f"review/{n}@1", recorded_at=self.at, reason="looked at it", by="dr-a", **row)
                for n, row in enumerate(facts.get("decisions", []))
            ),
            billed=tuple(
                BilledCharge(
                    source=f"charge/{n}@3",
                    recorded_at=self.at,
                    charge_id=str(n),
                    date_of_service=self.month.last_day,
                    practitioner=row.get("by", "dr-a"),
                    code=row["code"],
                    units=row["units"],
                )
                for n, row in enumerate(facts.get("billed", []))
            ),
            earlier_months=tuple(
                EarlierMonth(
                    source=f"month/{m}@1",
                    recorded_at=NEVER,
                    month=CalendarMonth.parse(m),
                    lane="clinical_staff",
                    staff_seconds=seconds,
                    complexity_attested=True,
                )
                for m, seconds in facts.get("earlier", {}).items()
            ),
            busy=tuple(
                Busy(
                    source=f"busy/{n}",
                    recorded_at=NEVER,
                    performer=row["by"],
                    start=self.instant(row["start"]),
                    end=self.instant(row["end"]),
                )
                for n, row in enumerate(facts.get("busy", []))
            ),
            signals=tuple(
                Signal(source=f"signal/{n}@1", recorded_at=NEVER, **row) for n, row in enumerate(facts.get("signals", []))
            ),
        )

    def practice(self) -> Practice:
        """Return the practice: tenant, roster, attestations and what is known of staff days."""
        facts = self.facts
        tenant = TenantFact(
            source="tenant/t@1",
            recorded_at=NEVER,
            tenant="t",
            effective_from=LONG_AGO,
            zone=self.zone,
            **{"npi": "1999999984", "tin": "111", **facts.get("tenant", {})},
        )
        without = facts.get("without", [])
        said = [self.attestation(k, {"given": True}, {}, f"practice-{k}") for k in PRACTICE_SAYS if k not in without]
        closed = facts.get("closed")
        seconds = {(who, self.day(day)): n for who, day, n in facts.get("staff_seconds", [])}
        return Practice(
            tenants=(tenant,),
            staff={name: self.person(name, role) for name, role in STAFF.items() if name not in facts.get("not_on_roster", [])},
            attestations=tuple(said),
            staff_seconds=seconds,  # type: ignore[arg-type]
            closed_at=self.maybe(closed),
        )

    def person(self, name: str, role: str) -> StaffFact:
        """Return a member of staff, with what the case's roster says of them."""
        row = self.facts.get("roster", {}).get(name, {})
        credential = CredentialHeld(
            since=self.day(row.get("since")) or LONG_AGO,
            until=self.day(row.get("until")),
            credential=row.get("credential", role),
            verified=row.get("verified", True),
        )
        others = tuple(CredentialHeld(since=LONG_AGO, credential=name) for name in row.get("holds_too", []))
        place = row.get("country", "US")
        supervised = row.get("supervised_by", [])
        return StaffFact(
            source=f"staff-member/{name}@1",
            recorded_at=NEVER,
            practitioner=name,
            name=name,
            npi=row.get("npi", f"npi-{name}"),
            credentials=(credential, *others),
            supervision=tuple(SupervisedBy(since=LONG_AGO, practitioner=p) for p in supervised),
            locations=(WorkLocation(since=LONG_AGO, country=place),) if place else (),
            exclusion_checks=tuple(self.day(d) or LONG_AGO for d in row.get("checked", ["2019-06-01"])),
        )

    def consent(self, n: int, row: dict[str, Any]) -> ConsentFact:
        """Return a version of a consent."""
        given = self.instant(row.get("given", "2026-01-15 10:00"))
        first = self.instant(row["recorded"]) if "recorded" in row else given
        written = self.instant(row["version_recorded"]) if "version_recorded" in row else first
        ident, version = row.get("id", str(n)), row.get("version", 1)
        told = row.get("told", [t for t in ALL_TOLD if t not in row.get("not_told", [])])
        return ConsentFact(
            source=f"consent/{ident}@{version}",
            recorded_at=written,
            consent_id=ident,
            version=version,
            program=row.get("program", "ccm"),
            practitioner=row.get("with", "dr-a"),
            practitioner_name=row.get("with", "dr-a"),
            practitioner_npi=row.get("npi", f"npi-{row.get('with', 'dr-a')}"),
            status=row.get("status", "active"),
            method=row.get("method", "written"),
            given_at=given,
            first_recorded_at=first,
            in_force_from=given,
            in_force_until=self.day(row.get("until")),
            disclosed=frozenset(told),
            revoked_at=self.maybe(row.get("revoked")),
            other_practice=row.get("other_practice"),
            other_practice_name=row.get("other_practice_name"),
        )

    def entry(self, n: int, row: dict[str, Any]) -> TimeEntryFact:
        """Return a time entry; `start` with `minutes`, `seconds` or `end`, or `day` alone."""
        start = self.maybe(row.get("start"))
        length = timedelta(minutes=row.get("minutes", 0), seconds=row.get("seconds", 0))
        end = self.maybe(row.get("end")) if "end" in row else start + length if start else None
        seconds = int((end - start).total_seconds()) if start and end else int(length.total_seconds())
        day = self.day(row.get("day"))
        worked = end or self.instant(f"{day} 23:00")
        first = self.instant(row["written"]) if "written" in row else worked
        by = row.get("by", "rn-1")
        note = row.get("note", "pass")
        ident, version = row.get("id", f"e{n}"), row.get("version", 1)
        return TimeEntryFact(
            source=f"time-entry/{ident}@{version}",
            recorded_at=first,
            entry_id=ident,
            version=version,
            status=row.get("status", "completed"),
            performer=by,
            role=row.get("role", STAFF.get(by, "registered-nurse")),
            directed_by=row.get("directed_by"),
            program=row.get("program", "ccm"),
            other_programs=tuple(row.get("also", [])),
            activity=row.get("activity", "patient-contact"),
            start=start,
            end=end,
            day=day,
            seconds=seconds,
            basis=row.get("basis", "asserted" if day else "measured"),
            assessment=None if note is None else NoteAssessment(outcome=note, flags=tuple(row.get("flags", [])), version="1"),
            has_problem=row.get("has_problem", False),
            has_action=row.get("has_action", False),
            has_relevance=row.get("has_relevance", False),
            has_note=row.get("has_note", False),
            external_ids=tuple(row.get("external_ids", [])),
            country=row.get("country"),
            author=by,
            written_at=first,
            first_written_at=first,
            retagged_from=row.get("retagged_from"),
        )

    def condition(self, n: int, row: str | dict[str, Any]) -> Condition:
        """Return a problem of the list."""
        fields = {"icd10": row} if isinstance(row, str) else dict(row)
        days = {name: self.day(fields.pop(name, None)) for name in ("onset", "abated")}
        return Condition(source=f"condition/{n}@1", recorded_at=NEVER, condition_id=f"c{n}", **days, **fields)

    def coverage(self, n: int, row: dict[str, Any]) -> Coverage:
        """Return a coverage."""
        return Coverage(
            source=f"coverage/{n}@1",
            recorded_at=NEVER,
            coverage_id=str(n),
            kind=row.get("kind", "medicare_ffs"),
            payer=row.get("payer", "cms"),
            plan=row.get("plan"),
            start=self.day(row.get("start")),
            end=self.day(row.get("end")),
            rank=row.get("rank", 1),
            qmb=row.get("qmb", False),
        )

    def encounter(self, n: int, row: dict[str, Any]) -> Encounter:
        """Return a visit or a stay: `start`/`end` instants, or `day`/`end_day` without hours."""
        start, end = self.maybe(row.get("start")), self.maybe(row.get("end"))
        first = self.day(row.get("day")) or (start.astimezone(self.zone).date() if start else LONG_AGO)
        last = self.day(row.get("end_day")) or (end.astimezone(self.zone).date() if end else None)
        kind = EncounterKind(row.get("kind", "visit"))
        if kind is EncounterKind.VISIT and last is None:
            last = first
        return Encounter(
            source=f"encounter/{n}@1",
            recorded_at=NEVER,
            encounter_id=str(n),
            kind=kind,
            start=start,
            end=end,
            start_day=first,
            end_day=last,
            practitioners=tuple(row.get("with", ["dr-a"])),
            own_practice=row.get("own_practice", True),
            codes=tuple(row.get("codes", [])),
        )

    def enrollment(self, n: int, row: dict[str, Any]) -> Enrollment:
        """Return an episode of care."""
        return Enrollment(
            source=f"episode-of-care/{n}@1",
            recorded_at=NEVER,
            episode_id=str(n),
            program=row.get("program", "ccm"),
            status=row.get("status", "active"),
            start=self.day(row.get("start")),
            end=self.day(row.get("end")),
            practitioner=row.get("with"),
        )

    def service(self, n: int, row: dict[str, Any]) -> OtherService:
        """Return a service billed beside CCM."""
        return OtherService(
            source=f"other-service/{n}@1",
            recorded_at=NEVER,
            code=row["code"],
            day=self.day(row.get("day", "10-15")) or LONG_AGO,
            npi=row.get("npi", "npi-dr-a"),
            tin=row.get("tin", "111"),
            status=ServiceStatus(row.get("status", "claimed")),
            window_start=self.day(row.get("window_start")),
            window_end=self.day(row.get("window_end")),
        )

    def attestations(self) -> list[Attestation]:
        """Return the patient's attestations: the usual ones, unless the case goes without, and its own."""
        without = self.facts.get("without", [])
        usual: dict[str, dict[str, Any]] = {
            "risk": {"significant": True},
            "plan-copy": {"day": "2026-01-20", "method": "hand", "recipient": "patient"},
        }
        made = [self.attestation(k, v, {}, f"usual-{k}") for k, v in usual.items() if k not in without]
        for n, row in enumerate(self.facts.get("attest", [])):
            made.append(self.attestation(row["kind"], row.get("value", {}), row, str(n)))
        return made

    def attestation(self, kind: str, value: dict[str, Any], row: dict[str, Any], ident: str) -> Attestation:
        """Return an attestation; monthly kinds are signed within the month unless the case says when."""
        spec = SPECS[AttestationKind(kind)]
        effective = self.day(row.get("effective")) or (self.month.first_day if spec.monthly else date(2026, 1, 20))
        signed = self.instant(row["signed"]) if "signed" in row else self.month.start(self.zone) + timedelta(days=20)
        return Attestation(
            source=f"attestation/{ident}@1",
            recorded_at=signed,
            attestation_id=ident,
            kind=AttestationKind(kind),
            value=parse_value(AttestationKind(kind), value),
            by=row.get("by", "dr-a"),
            role=row.get("role", "physician"),
            signed_at=signed,
            effective=effective,
            until=self.day(row.get("until")),
            month=CalendarMonth.parse(row["month"])
            if "month" in row
            else self.month
            if spec.monthly and "signed" not in row
            else None,
        )
