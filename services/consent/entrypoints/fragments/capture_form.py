"""What is answered in the form of a consent: read, and told what is missing."""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request

from services.consent.domain.consent import Answer
from services.consent.entrypoints.fragments.common import AUTHORITIES, IDENTITY_CHECKS, TOPICS
from shared.kernel.vocabulary import ConsentMethod, DisclosureCode
from shared.web.typed import FieldError, day_of, instant_at, picked, time_of_day

_PNG = "data:image/png;base64,"
_LARGEST_SIGNATURE = 400_000


@dataclass(frozen=True)
class Typed:
    """The answers: `form` by field, `checks` how the identity was checked, `signature` the PNG that was drawn."""

    form: Mapping[str, str]
    checks: tuple[str, ...]
    signature: bytes = b""

    def get(self, name: str) -> str:
        """Return what a field holds, or nothing."""
        return self.form.get(name, "")

    @property
    def program(self) -> str:
        """The program that was picked."""
        return self.get("program")

    @property
    def practitioner(self) -> str:
        """The billing practitioner that was picked."""
        return self.get("practitioner")

    @property
    def method(self) -> ConsentMethod | None:
        """How the patient answers."""
        return picked(ConsentMethod, self.form, "how")

    @property
    def other(self) -> Answer | None:
        """Whether another practice gives the service."""
        return picked(Answer, self.form, "other")

    @property
    def represented(self) -> bool:
        """Whether a representative answers."""
        return self.get("who") == "representative"

    @property
    def authority(self) -> str:
        """By which authority a representative answers."""
        return self.get("authority") if self.represented and self.get("authority") in AUTHORITIES else ""

    @property
    def declines(self) -> bool:
        """Whether the patient declines."""
        return self.get("ans") == "declines"

    @property
    def decline_reason(self) -> str:
        """Why the patient declines: the picked words, or the patient's."""
        words = self.get("dec_words")
        return words if self.get("dec") in ("", "Other") else ": ".join(part for part in (self.get("dec"), words) if part)

    @property
    def document(self) -> UUID | None:
        """The document that was kept before."""
        try:
            return UUID(self.get("document"))
        except ValueError:
            return None

    def disclosures(self, codes: Sequence[DisclosureCode]) -> dict[DisclosureCode, bool]:
        """Return which points were told."""
        marks = {code: self.get(f"told-{code.value}") for code in codes}
        return {code: mark == "yes" for code, mark in marks.items() if mark in ("yes", "no")}

    def given_at(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the patient answered: now, or the day and time that are typed; None if they are no instant."""
        if not self.get("late_day") and not self.get("late_time"):
            return now.replace(microsecond=0)
        day, at = day_of(self.get("late_day")), time_of_day(self.get("late_time"))
        return instant_at(day, at, zone) if day and at else None

    def errors(
        self,
        codes: Sequence[DisclosureCode],
        *,
        programs: Collection[str],
        practitioners: Collection[str],
        now: datetime,
        zone: ZoneInfo,
    ) -> list[FieldError]:
        """Return what is missing, in the order of the form."""
        told = self.disclosures(codes)
        found = [
            FieldError(f"cons-{code.value}-yes", f"{TOPICS[code]}: say whether it was told") for code in codes if code not in told
        ]
        if self.program not in programs:
            found.append(FieldError("cons-program", "Choose the program"))
        if self.practitioner not in practitioners:
            found.append(FieldError("cons-practitioner", "Choose the billing practitioner"))
        if self.other is None:
            found.append(FieldError("cons-other-no", "Other practice: mark the answer"))
        found += self._who()
        if self.method is None:
            found.append(FieldError("cons-how-verbal", "How: mark the way"))
        elif self.method is ConsentMethod.VERBAL and not self.checks:
            found.append(FieldError(f"cons-check-{next(iter(IDENTITY_CHECKS))}", "Identity: say how it was checked"))
        if self.get("ans") not in ("consents", "declines"):
            found.append(FieldError("cons-ans-consents", "Answer: mark what the patient says"))
        elif self.declines and not self.decline_reason:
            found.append(FieldError("cons-dec", "Reason: choose why the patient declines"))
        at = self.given_at(now, zone)
        if at is None or at > now:
            found.append(FieldError("cons-late-day", "Given earlier: give a day and a time that have passed"))
        return found

    def _who(self) -> list[FieldError]:
        if self.get("who") not in ("patient", "representative"):
            return [FieldError("cons-who-patient", "Who answers: mark who")]
        found = []
        if self.represented and not self.get("rep_name"):
            found.append(FieldError("cons-rep-name", "Representative: give the full name"))
        if self.represented and not self.authority:
            found.append(FieldError("cons-authority", "Representative: choose the authority"))
        return found


async def typed_of(request: Request) -> Typed:
    """Return the answers of a posted form."""
    async with request.form() as form:
        texts = {name: value.strip() for name, value in form.multi_items() if isinstance(value, str)}
        checks = tuple(str(value) for value in form.getlist("check") if value in IDENTITY_CHECKS)
    return Typed(texts, checks, _png(texts.pop("signature", "")))


def _png(address: str) -> bytes:
    if not address.startswith(_PNG) or len(address) > _LARGEST_SIGNATURE:
        return b""
    try:
        return base64.b64decode(address.removeprefix(_PNG), validate=True)
    except binascii.Error:
        return b""
