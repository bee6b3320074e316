"""A second implementation of the time and unit rules, second by second and without haste, to compare the engine with.

It reads the field terms of a case, not the ledger, and shares no code with the engine. It knows full months of Medicare FFS with
all evidence in place: consents of one practitioner, stays, visits and death by instants, two programs, three roles.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

STAFF = {"rn-1", "rn-2"}
BILLER = "dr-a"


def epoch(text: str) -> int:
    """Return the second of an ISO instant with offset."""
    return int(datetime.fromisoformat(text).timestamp())


def month_bounds(month: str, zone: str) -> tuple[int, int]:
    """Return the first second of the month and of the next one, in the zone."""
    year, number = int(month[:4]), int(month[5:])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    tz = ZoneInfo(zone)
    return int(datetime(year, number, 1, tzinfo=tz).timestamp()), int(datetime(*following, 1, tzinfo=tz).timestamp())


def consent_says(consents: list[dict[str, Any]], second: int, bounds: tuple[int, int]) -> str:
    """Return what the consents mean at a second: count, hold, review or exclude."""
    happened: list[tuple[int, str, int]] = []
    for number, consent in enumerate(consents):
        given = epoch(consent["given"])
        happened.append((given, "decline" if consent.get("status") == "rejected" else "grant", number))
        if "revoked" in consent:
            happened.append((epoch(consent["revoked"]), "stop", number))
    live: list[int] = []
    ended_by, ended_at = "", 0
    for at, what, number in sorted(happened):
        if at > second:
            break
        if what == "grant":
            live.append(number)
        elif what == "decline":
            live, ended_by, ended_at = [], "decline", at
        elif live:
            live, ended_by, ended_at = [], "stop", at
    if any(not consents[number].get("not_told") for number in live):
        return "count"
    if live:
        return "hold"
    return "review" if ended_by == "stop" and bounds[0] <= ended_at < bounds[1] else "exclude"


def verdict(facts: dict[str, Any], entry: dict[str, Any], second: int, bounds: tuple[int, int]) -> str:
    """Return what one entry's second is worth by itself: count, hold, review or exclude."""
    if entry["by"] not in STAFF and entry["by"] != BILLER:
        return "exclude"
    if "died" in facts and second >= epoch(facts["died"]):
        return "exclude"
    answers = {consent_says(facts["consents"], second, bounds)}
    tz = ZoneInfo(facts["zone"])
    for encounter in facts["encounters"]:
        start, end = epoch(encounter["start"]), epoch(encounter["end"])
        if start <= second < end:
            answers.add("exclude")
        elif encounter["kind"] == "visit":
            days = {datetime.fromtimestamp(edge, tz).date() for edge in (start, end)}
            if datetime.fromtimestamp(second, tz).date() in days:
                answers.add("review")
    for other in facts["entries"]:
        contests = other["program"] != "ccm" and other["status"] == "completed" and other["by"] != "desk-1"
        if contests and epoch(other["start"]) <= second < epoch(other["end"]):
            answers.add("hold")
    return next(answer for answer in ("exclude", "hold", "review", "count") if answer in answers)


def decide(facts: dict[str, Any]) -> tuple[dict[str, int], int]:
    """Return the charges (code → units) and the seconds of the lane that was charged or would be."""
    bounds = month_bounds(facts["month"], facts["zone"])
    mine = [e for e in facts["entries"] if e["program"] == "ccm" and e["status"] == "completed"]
    staff: set[int] = set()
    own: set[int] = set()
    staff_only: set[int] = set()
    for entry in mine:
        for second in range(max(epoch(entry["start"]), bounds[0]), min(epoch(entry["end"]), bounds[1])):
            if verdict(facts, entry, second, bounds) == "count":
                staff.add(second)
                (own if entry["by"] == BILLER else staff_only).add(second)
    lane = next((a["value"]["lane"] for a in facts["attest"] if a["kind"] == "lane"), None)
    if lane == "practitioner" and len(own) >= 1800:
        return {"99491": 1, "99437": min((len(own) - 1800) // 1800, 2)}, len(own)
    seconds = len(staff)
    if seconds < 1200 or (lane is None and not staff_only):
        return {}, seconds
    return {"99490": 1, "99439": min((seconds - 1200) // 1200, 2)}, seconds
