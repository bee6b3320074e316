"""What this process is being asked: the request whose effects and disclosures the journal tells of.

The web opens it around each request; `journal.record_values` puts it into the rows of changes and counts them, a transaction
says whether they stayed, and whoever puts patient data into an answer names the patients (`discloses`). Work without a request
(consumers, commands) has none.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Asked:
    """One request: who makes it, by which route, whose data its answer holds, and what was journalled for it.

    `patients` and `resources` (relative references) are what the answer discloses; `told` are the patients that committed
    journal rows name, `written` is the number of those rows. `denied` is the rule of a refusal that an open route makes itself.
    """

    request: str
    address: str | None = None
    actor: str = "unknown"
    client: str = "unknown"
    token: str | None = None
    interaction: str | None = None
    route: str | None = None
    guarded: bool = False
    denied: str | None = None
    patients: set[str] = field(default_factory=set)
    resources: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    written: int = 0
    _pending: int = 0
    _pending_patients: set[str] = field(default_factory=set)

    def journalling(self, patients: Iterable[str]) -> None:
        """Note a row that is about to be written; it counts once its transaction is committed."""
        self._pending += 1
        self._pending_patients.update(patients)

    def settle(self, *, committed: bool) -> None:
        """Count the rows of a transaction that has ended, or forget them."""
        if committed:
            self.written += self._pending
            self.told |= self._pending_patients
        self._pending = 0
        self._pending_patients = set()


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)


def discloses(*patients: str, resources: Iterable[str] = ()) -> None:
    """Say that the answer to the present request holds data of these patients (EHR ids), in these resources."""
    asked = ASKED.get()
    if asked is not None:
        asked.patients.update(patients)
        asked.resources.update(resources)


def denies(rule: str) -> None:
    """Say that the present request is refused, by which rule, although its route is open to all."""
    asked = ASKED.get()
    if asked is not None:
        asked.denied = rule
