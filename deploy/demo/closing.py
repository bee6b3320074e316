"""The month's end: assemble, sign by each billing practitioner, then pull and acknowledge as a billing system does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby

from deploy.demo.api import Api, Json, Unexpected, until
from deploy.demo.resources import CANONICAL, CLAIM_IDS

REASONS = f"{CANONICAL}/CodeSystem/acknowledge-reason"


def results(staff: Api, month: str) -> Iterator[Json]:
    """Yield each patient's result of the month, page by page."""
    after: dict[str, str] = {}
    while True:
        page = staff.get(f"billing/months/{month}", count="200", **after)
        yield from page["results"]
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def assemble(staff: Api, month: str, logged: Mapping[str, Mapping[str, int]]) -> Json:
    """Assemble the month once billing knows all that was logged (seconds by patient and program), and return the answer.

    Events take their time: the month is assembled again until its own sums are those of the script.
    """

    def once() -> tuple[Json, dict[str, dict[str, int]]]:
        answer = staff.call("POST", f"billing/months/{month}/assemble").json()
        return answer, {one["patient"]: dict(one["assembly"]["program_seconds"]) for one in results(staff, month)}

    return until(once, lambda found: all(found[1].get(patient) == seconds for patient, seconds in logged.items()))[0]


def attest(staff: Api, month: str, practitioners: Iterable[str]) -> int:
    """Let each practitioner sign; return how many charges left."""
    charges = 0
    for who in practitioners:
        answer = staff.call("POST", f"billing/months/{month}/attest", json={"by": who}).json()
        if answer["changed"]:
            raise Unexpected(f"{len(answer['changed'])} results changed between assembly and signature")
        charges += answer["charges"]
    return charges


def pull_and_acknowledge(biller: Api, month: str, say: Callable[[str], None]) -> None:
    """Take all billable charges off the queue: billed under claim numbers, one rejected, one returned after it was billed."""
    waiting = sorted(biller.search("ChargeItem", status="billable", _count="50"), key=_by_patient)
    say(f"  pulled                   {len(waiting)} billable charges")
    claims = [list(lines) for _, lines in groupby(waiting, key=lambda charge: str(charge["subject"]["reference"]))]
    single = [number for number, lines in enumerate(claims) if len(lines) == 1]
    rejected, returned = (single[0], single[1]) if len(single) > 1 else (None, None)
    items = [
        _item(charge, "rejected", reason="member-id does not match")
        if number == rejected
        else _item(charge, "billed", claim=f"{month}-{number + 1:04d}")
        for number, lines in enumerate(claims)
        for charge in lines
    ]
    say(f"  acknowledged             {_acknowledge(biller, items)}")
    say(f"  the same again           {_acknowledge(biller, items)}")
    if returned is not None:
        back = [_item(charge, "returned", reason="claim was never sent") for charge in claims[returned]]
        say(f"  returned                 {_acknowledge(biller, back)}")


def _acknowledge(biller: Api, items: list[Json]) -> str:
    """Send the items; return how many were answered in which way, Unexpected if one was refused."""
    said: dict[str, int] = {}
    for start in range(0, len(items), 500):
        body = {"resourceType": "Parameters", "parameter": items[start : start + 500]}
        answer = biller.call("POST", "fhir/R4/ChargeItem/$acknowledge", json=body).json()
        for item in (found for found in answer["parameter"] if found["name"] == "item"):
            result = next(part["valueCode"] for part in item["part"] if part["name"] == "result")
            said[result] = said.get(result, 0) + 1
    if set(said) - {"applied", "already"}:
        raise Unexpected(f"the acknowledgement was answered {said}")
    return ", ".join(f"{number} {result}" for result, number in sorted(said.items())) or "nothing"


def _item(charge: Json, outcome: str, *, claim: str | None = None, reason: str | None = None) -> Json:
    parts: list[Json] = [
        {"name": "charge", "valueReference": {"reference": f"ChargeItem/{charge['id']}"}},
        {"name": "outcome", "valueCode": outcome},
    ]
    if claim is not None:
        parts.append({"name": "claim", "valueIdentifier": {"system": CLAIM_IDS, "value": claim}})
    if reason is not None:
        parts.append({"name": "reason", "valueCodeableConcept": {"text": reason}})
    return {"name": "item", "part": parts}


def _by_patient(charge: Json) -> tuple[str, str]:
    return charge["subject"]["reference"], charge["code"]["coding"][0]["code"]
