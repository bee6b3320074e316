"""What the pages ask of the world beside the use cases' own ports: who a patient is, what an entry says, what was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from zoneinfo import ZoneInfo

from shared.kernel.calendar_month import CalendarMonth


@dataclass(frozen=True, kw_only=True)
class Face:
    """Who a patient is, as the EHR last said it; what it did not say is None."""

    name: str | None = None
    birth_date: date | None = None
    mrn: str | None = None


@dataclass(frozen=True, kw_only=True)
class EntryText:
    """The words of an entry in force; `amended` is how often it was changed."""

    note: str
    because: str = ""
    reason: str = ""
    amended: int = 0


@dataclass(frozen=True, kw_only=True)
class NoteToImprove:
    """An entry whose note lacks something: which parts, and who can add them."""

    patient: str
    entry: str
    day: date
    activity: str
    author: str
    author_name: str
    text: str
    missing: tuple[str, ...]
    seconds: int


class Views(Protocol):
    """Reads for the pages of one tenant."""

    async def face(self, patient: str) -> Face:
        """Return who a patient is."""

    async def entry_texts(self, entries: Sequence[str]) -> Mapping[str, EntryText]:
        """Return the words of entries by their id."""

    async def problem_names(self, patient: str) -> Mapping[str, str]:
        """Return what the chart calls a patient's problems, by the Condition's id."""

    async def notes_to_improve(self, patients: Sequence[str], month: CalendarMonth, zone: ZoneInfo) -> list[NoteToImprove]:
        """Return the entries of a month, of some patients, whose notes lack something, oldest first."""

    async def standings(self, patients: Sequence[str]) -> Mapping[str, tuple[str, date, str]]:
        """Return what was last said of whether patients take part: the word of it, since when, why; others are absent."""

    async def has(self, aggregate: str, version: int) -> bool:
        """Tell whether the ledger holds that version, or a later one, of an aggregate named by its id or by kind and id."""
