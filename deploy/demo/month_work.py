"""Works the month: each action at its instant of domain time, through the interface that an EHR and its users would use."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from deploy.demo.api import Api, Unexpected, until
from deploy.demo.clock import Clock
from deploy.demo.progress import Progress
from deploy.demo.resources import CONSENT_IDS, STATEMENT_IDS, consent, revoked, time_entry
from deploy.demo.timeline import Action, moment

_CREATED = (200, 201)
_REFUSED = (409,)
_NOT_YET = (403, 404)
_WORDS = ("note", "action_taken", "clinical_relevance")


class MonthWork:
    """Sends actions one after the other, the clock set to each; remembers how far it came.

    A run that was cut short goes on where it ended: each request can be repeated under the sender's own identifier.
    """

    def __init__(self, ehr: Api, staff: Api, clock: Clock, progress: Progress, say: Callable[[str], None]) -> None:
        self._ehr = ehr
        self._staff = staff
        self._clock = clock
        self._progress = progress
        self._say = say
        self._starts: dict[str, Action] = {}
        self._timers: dict[str, str] = {}
        self._do = {
            "roster.record": self._roster,
            "attest": self._attest,
            "consent.grant": self._consent,
            "consent.decline": self._consent,
            "consent.revoke": self._revoke,
            "timer.start": self._start,
            "timer.pause": self._timer,
            "timer.resume": self._timer,
            "timer.heartbeat": self._timer,
            "timer.stop": self._timer,
            "time.log": self._log,
        }

    def run(self, actions: Sequence[Action], phase: Callable[[Action], str]) -> None:
        """Do the actions that are not done yet, in their order, and say what was done in each phase."""
        done = self._progress.done
        self._starts = {action["timer"]: action for action in actions if action["do"] == "timer.start"}
        counts: Counter[str] = Counter()
        for number, action in enumerate(actions[done:], start=done):
            self._clock.set(moment(action))
            self._do[action["do"]](action)
            self._progress.advance()
            counts["refused" if action.get("expect") == "refused" else action["do"]] += 1
            if number + 1 == len(actions) or phase(actions[number + 1]) != phase(action):
                self._say(f"  {phase(action):<24} {_told(counts)}")
                counts.clear()

    def _roster(self, action: Action) -> None:
        path = f"time/roster/{action['practitioner']}"
        member = {name: value for name, value in action.items() if name not in ("at", "do", "practitioner", "recorded_by")}
        known = self._staff.call("GET", path, expect=(200, 404))
        seen = {"If-Match": known.headers["ETag"]} if known.status_code == 200 else None
        self._staff.call("PUT", path, json=member, headers=seen, expect=_CREATED)

    def _consent(self, action: Action) -> None:
        self._ehr.call("POST", "fhir/R4/Consent", json=consent(action), expect=_CREATED)

    def _revoke(self, action: Action) -> None:
        found = list(self._ehr.search("Consent", identifier=f"{CONSENT_IDS}|{action['consent']}"))
        if len(found) != 1:
            raise Unexpected(f"{len(found)} consents have the identifier {action['consent']}")
        if found[0]["status"] == "inactive":
            return
        path, version = f"fhir/R4/Consent/{found[0]['id']}", found[0]["meta"]["versionId"]
        self._ehr.call("PUT", path, json=revoked(found[0], action), headers={"If-Match": f'W/"{version}"'})

    def _log(self, action: Action) -> None:
        expect = _REFUSED if action.get("expect") == "refused" else _CREATED
        self._ehr.call("POST", "fhir/R4/Task", json=time_entry(action), expect=expect)

    def _start(self, action: Action) -> None:
        body = {name: action[name] for name in ("performer", "role", "patient", "program", "activity", "directed_by")}
        body["identifier"] = action["timer"]
        if action.get("expect") == "refused":
            self._staff.call("POST", "time/timers", json=body, expect=_REFUSED)
            return
        self._timers[action["timer"]] = self._staff.call("POST", "time/timers", json=body, expect=_CREATED).json()["id"]

    def _timer(self, action: Action) -> None:
        """Pause, resume, stop or hear of a timer; one that an earlier run started is found by starting it again."""
        timer, verb = action["timer"], action["do"].removeprefix("timer.")
        if timer not in self._timers:
            self._start(self._starts[timer])
        body: dict[str, Any] = {"performer": self._starts[timer]["performer"]}
        if verb == "stop":
            body |= {name: action[name] for name in _WORDS if name in action}
            if "problem" in action:
                body["problem"] = {"condition": action["problem"]}
        self._staff.call("POST", f"time/timers/{self._timers[timer]}/{verb}", json=body)

    def _attest(self, action: Action) -> None:
        """Attest; who is on the roster reaches billing by event, so that the first statements may have to wait for it."""
        body: dict[str, Any] = {name: action[name] for name in ("kind", "by", "patient", "month", "value") if name in action}
        value = hashlib.sha256(json.dumps(action, sort_keys=True).encode()).hexdigest()[:32]
        body |= {"identifier": {"system": STATEMENT_IDS, "value": value}, "role": "billing-practitioner"}
        until(lambda: self._staff.call("POST", "billing/attestations", json=body, expect=(*_CREATED, *_NOT_YET)), _settled)


def _settled(answer: httpx.Response) -> bool:
    return answer.status_code not in _NOT_YET


def _told(counts: Counter[str]) -> str:
    """Say what was done, in words."""
    words = {
        "roster.record": "roster records",
        "attest": "attestations",
        "consent.grant": "consents",
        "consent.decline": "declined",
        "consent.revoke": "revoked",
        "timer.stop": "timers",
        "timer.heartbeat": "heartbeats",
        "time.log": "entries by hand",
        "refused": "overlaps refused",
    }
    return ", ".join(f"{counts[do]} {text}" for do, text in words.items() if counts[do])
