"""The month's work in field terms: an ordered list of dated actions that staff take, with no word of any product's wire format.

An action is a plain dictionary: `at` (UTC instant at which it is done), `do` (what), `expect` where it is to be refused,
and the fields below. People, patients and conditions are named by the ids of the EHR; codes are the public vocabulary of
the product (programs, activities, credentials, disclosures).

- `roster.record`: practitioner, name, npi, roles, credentials, supervision, locations, exclusion_checks
- `consent.grant`, `consent.decline`: consent (a key of this list), patient, program, practitioner, method, given_at,
  obtained_by, disclosures, script, other_practice; decline_reason. `consent.revoke`: consent, received_at, channel, recorded_by
- `timer.start`: timer (key), performer, role, patient, program, activity, directed_by; `timer.pause`, `timer.resume`: timer;
  `timer.stop`: timer and the documentation (problem, note, action_taken, clinical_relevance)
- `time.log`: entry (key), the fields of start and stop in one, start and end, or day and seconds, and asserted_reason
- `attest`: kind, by, value; patient and month where it concerns them
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from deploy.sandbox.clinic.diary import Diary, Month
from deploy.sandbox.clinic.notes import Note, write
from deploy.sandbox.clinic.people import Practice, Practitioner, new_id
from deploy.sandbox.clinic.stories import Part, Story
from deploy.sandbox.clinic.tables import table

Action = dict[str, Any]

SHORTEST, LONGEST = 240, 900
LATE = timedelta(days=9)


def instant(at: datetime) -> str:
    """Write an instant in UTC to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stretches(rng: random.Random, total: int) -> list[int]:
    """Cut seconds into stretches of four to fifteen minutes whose sum is exact; less than eight minutes stay one."""
    pieces = []
    while total >= 2 * SHORTEST:
        piece = min(rng.randint(SHORTEST, 660), total - SHORTEST)
        if total <= LONGEST and rng.random() < 0.3:
            break
        pieces.append(piece)
        total -= piece
    return [*pieces, total]


@dataclass
class Worker:
    """Places one patient's parts into the diary and collects the actions and the intended seconds by program."""

    rng: random.Random
    story: Story
    practice: Practice
    month: Month
    diary: Diary
    actions: list[Action] = field(default_factory=list)
    seconds: dict[str, int] = field(default_factory=dict)

    @property
    def turn_in_line(self) -> int:
        """Who is placed first: work bound to a day or two, then days that must still be empty for somebody, then the rest."""
        parts = self.story.situation.parts
        if any(part.when in ("visit", "stay") for part in parts):
            return 0
        return 1 if any(part.basis == "date-only" for part in parts) else 2

    def work(self) -> None:
        """Place all parts of the situation around the patient's visits, then try the overlaps that it asks for."""
        for visit in self.story.visits:
            for one in (self.story.person.id, visit.practitioner.id):
                self.diary.block((one,), *visit.interval)
        for part in self.story.situation.parts:
            total = self.rng.randint(*part.seconds)
            self.seconds[part.program] = self.seconds.get(part.program, 0) + total
            self._place(part, total)
        if self.story.situation.overlap:
            self._try_overlaps()

    def _place(self, part: Part, total: int) -> None:
        days = self.story.days(part.when, self.month)
        if part.basis == "date-only":
            who = self._performer(part)
            day = self.diary.free_day(self.rng, (who.id, self.story.person.id), days)
            self._log(part, who, total, day=day)
            return
        if part.basis in ("late", "asserted"):
            if part.basis == "late":
                days = [day for day in days if day + LATE <= self.month.last]
            for seconds in stretches(self.rng, total):
                self._log(part, self._performer(part), seconds, days=days)
            return
        said = 0
        if part.basis == "usual" and self.rng.random() < 0.75:
            said = int(total * self.rng.uniform(0.14, 0.19))
            self._log(part, self._performer(part), said, days=days)
        for seconds in stretches(self.rng, total - said):
            self._time(part, self._performer(part), seconds, days)

    def _performer(self, part: Part) -> Practitioner:
        if part.by == "practitioner":
            return self.story.practitioner
        return self.rng.choice(self.practice.team(self.story.practitioner.key, part.by))

    def _time(self, part: Part, who: Practitioner, seconds: int, days: list[date]) -> None:
        """Measure a stretch by a timer; now and then it is paused for one to four minutes."""
        break_at = self.rng.randint(120, seconds - 120) if seconds >= 360 and self.rng.random() < 0.15 else 0
        pause = self.rng.randint(60, 240) if break_at else 0
        start = self.diary.place(self.rng, (who.id, self.story.person.id), days, seconds + pause)
        note, documentation = self._documentation(part, start.date(), seconds)
        timer = new_id(self.rng)
        self._add(start, "timer.start", timer=timer, **self._what(part, who, note))
        if pause:
            self._add(start + timedelta(seconds=break_at), "timer.pause", timer=timer)
            self._add(start + timedelta(seconds=break_at + pause), "timer.resume", timer=timer)
        self._add(start + timedelta(seconds=seconds + pause), "timer.stop", timer=timer, **documentation)

    def _log(
        self, part: Part, who: Practitioner, seconds: int, *, days: list[date] | None = None, day: date | None = None
    ) -> None:
        """Write a stretch by hand: on its day some minutes after its end, or late; with start and end, or by its day only."""
        if day is not None:
            when: Action = {"day": day.isoformat(), "seconds": seconds}
            at, worked = self.month.at(day, 16, 40), day
        else:
            start = self.diary.place(self.rng, (who.id, self.story.person.id), days or [], seconds)
            end = start + timedelta(seconds=seconds)
            when = {"start": instant(start), "end": instant(end)}
            at, worked = end + timedelta(seconds=self.rng.randint(60, 1500)), start.date()
        if part.basis == "late":
            at += LATE
        note, documentation = self._documentation(part, worked, seconds)
        reason = self.rng.choice(table("notes")["asserted_reasons"])
        entry = {"entry": new_id(self.rng), **self._what(part, who, note), **when, "asserted_reason": reason}
        self._add(at, "time.log", **entry, **documentation)

    def _documentation(self, part: Part, day: date, seconds: int) -> tuple[Note, Action]:
        condition = self.rng.choice(self.story.conditions)
        kind = part.program if part.program in ("rpm", "tcm") else part.notes
        note = write(self.rng, kind, condition.key, day, seconds)
        found: Action = {"note": note.text}
        if note.action_taken:
            found["action_taken"] = note.action_taken
            found["clinical_relevance"] = note.clinical_relevance
        if kind != "desk":
            found["problem"] = condition.id
        return note, found

    def _what(self, part: Part, who: Practitioner, note: Note) -> Action:
        return {
            "performer": who.id,
            "role": who.credential,
            "patient": self.story.person.id,
            "program": part.program,
            "activity": note.activity,
            "directed_by": self.story.practitioner.id,
        }

    def _try_overlaps(self) -> None:
        """While a timer runs its performer starts a second one, and later writes an entry across it: both are to be refused."""
        begun = next(action for action in self.actions if action["do"] == "timer.start")
        ended = next(action for action in self.actions if action["do"] == "timer.stop" and action["timer"] == begun["timer"])
        start, end = (datetime.fromisoformat(action["at"]) for action in (begun, ended))
        what = {name: begun[name] for name in ("performer", "role", "patient", "program", "activity", "directed_by")}
        timer, entry = new_id(self.rng), new_id(self.rng)
        self._add(start + timedelta(seconds=40), "timer.start", timer=timer, **what, expect="refused")
        across = {"start": instant(start + timedelta(seconds=30)), "end": instant(end + timedelta(seconds=20))}
        words: Action = {name: ended[name] for name in ("note", "problem", "action_taken", "clinical_relevance") if name in ended}
        reason = table("notes")["asserted_reasons"][0]
        logged: Action = {"entry": entry, **what, **across, "asserted_reason": reason, **words}
        self._add(end + timedelta(seconds=30), "time.log", **logged, expect="refused")

    def _add(self, at: datetime, do: str, **fields: Any) -> None:
        self.actions.append({"at": instant(at), "do": do, **fields})
