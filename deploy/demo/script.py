"""What the month's script says by itself, without any word of the product: against this the read-back is held."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from deploy.demo.timeline import Action, measured_seconds

IN_FORCE, DECLINED, REVOKED, MISSING = "in force", "declined", "revoked", "missing"


@dataclass
class Script:
    """Seconds by patient and program, and by (program, basis); for each patient how consent to CCM stands after the month."""

    logged: dict[str, Counter[str]] = field(default_factory=dict)
    by_basis: Counter[tuple[str, str]] = field(default_factory=Counter)
    consents: dict[str, str] = field(default_factory=dict)


def read_script(actions: Iterable[Action], patients: Iterable[str]) -> Script:
    """Add up the actions; what is expected to be refused adds nothing."""
    known = [action for action in actions if action.get("expect") != "refused"]
    script = Script(consents=dict.fromkeys(patients, MISSING))
    started = {action["timer"]: action for action in known if action["do"] == "timer.start"}
    for timer, seconds in measured_seconds(known).items():
        _log(script, started[timer], seconds, "measured")
    granted: dict[str, str] = {}
    for action in known:
        if action["do"] == "time.log":
            _log(script, action, _stated(action), "asserted")
        elif action["do"] in ("consent.grant", "consent.decline") and action["program"] == "ccm":
            granted[action["consent"]] = action["patient"]
            script.consents[action["patient"]] = IN_FORCE if action["do"] == "consent.grant" else DECLINED
        elif action["do"] == "consent.revoke" and action["consent"] in granted:
            script.consents[granted[action["consent"]]] = REVOKED
    return script


def _log(script: Script, action: Action, seconds: int, basis: str) -> None:
    script.logged.setdefault(action["patient"], Counter())[action["program"]] += seconds
    script.by_basis[action["program"], basis] += seconds


def _stated(action: Action) -> int:
    if "seconds" in action:
        return int(action["seconds"])
    return int((datetime.fromisoformat(action["end"]) - datetime.fromisoformat(action["start"])).total_seconds())
