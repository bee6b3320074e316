"""The rules in our words: what a rule says, from which source, how certain, as it stands on a day; and the guide to the codes."""

from typing import Annotated

from fastapi import Depends, Request, Response

from services.billing.domain.progress import thresholds_of
from services.billing.domain.rules import LaneRules, rules_for
from services.billing.entrypoints.fragments.bars import threshold_words
from services.billing.entrypoints.fragments.common import (
    EVERYBODY,
    LANES,
    SEVERITY_WORDS,
    Desk,
    Row,
    answer,
    day_of,
    desk_of,
    fragment_router,
    profile_words,
    sentence,
)
from services.billing.usecases.explain_rule import ParameterInForce, explain_rule
from shared.kernel.calendar_month import CalendarMonth
from shared.web.access_control import Principal, page
from shared.web.pages import duration_words

router = fragment_router("/rules")

Reader = Annotated[Principal, Depends(page(*EVERYBODY, chart=False))]

CERTAINTY = {"sourced": "Sourced", "general knowledge": "General knowledge", "design": "Design choice"}
_MEDICARE = "medicare_ffs"


@router.get("")
async def guide(request: Request, principal: Reader) -> Response:
    """Show the codes of each lane with their thresholds, and every rule in one sentence."""
    desk = await desk_of(request, principal)
    book = desk.call.world.rule_book
    rules = rules_for(book, _MEDICARE, CalendarMonth.of(desk.at, desk.zone))
    return answer(
        "rules.html",
        base=desk.base,
        alone=request.query_params.get("in") != "panel",
        book=book.name,
        valid=f"{day_of(book.validity.valid_from)} to {day_of(book.validity.valid_to)}",
        read=f"{book.validity.read_by}, {day_of(book.validity.read_on)}",
        lanes=[_lane(desk, lane) for lane in rules.lanes.values()],
        rules=[
            {"id": rule.id, "says": sentence(rule.says), "certainty": CERTAINTY[rule.certainty]} for rule in book.rules.values()
        ],
    )


@router.get("/{rule_id}")
async def rule(request: Request, rule_id: str, principal: Reader) -> Response:
    """Show one rule as Medicare's profile has it today."""
    desk = await desk_of(request, principal)
    shown = explain_rule(rule_book=desk.call.world.rule_book, rule_id=rule_id, profile=_MEDICARE, day=desk.today)
    return answer(
        "rule.html",
        base=desk.base,
        id=shown.rule.id,
        says=sentence(shown.rule.says),
        certainty=CERTAINTY[shown.rule.certainty],
        profile=profile_words(_MEDICARE),
        elsewhere=sentence(shown.rule.elsewhere) if shown.rule.elsewhere else "",
        parameters=[_parameter(each) for each in shown.parameters],
        situations=[
            {
                "level": row.situation.severity.value if row.situation.severity else "none",
                "words": SEVERITY_WORDS[row.situation.severity] if row.situation.severity else "Nothing",
                "text": sentence(row.description),
                "action": sentence(row.situation.action),
            }
            for row in shown.situations
        ],
        sources=[{"title": source.title, "address": source.address} for source in shown.references],
    )


def _parameter(each: ParameterInForce) -> Row:
    parameter = each.parameter
    return {
        "words": sentence(parameter.description),
        "value": value_words(each.value, parameter.unit),
        "since": day_of(each.since),
        "certainty": CERTAINTY[parameter.certainty],
        "checked": day_of(parameter.last_checked_on),
    }


def value_words(value: object, unit: str) -> str:
    """Say a parameter's value with its unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return duration_words(value) if unit == "second" else f"{value} {unit}{'' if value == 1 else 's'}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {value_words(item, unit)}" for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(value_words(item, unit) for item in value)
    return str(value)


def _lane(desk: Desk, lane: LaneRules) -> Row:
    book = desk.call.world.rule_book
    steps = []
    for step in thresholds_of(lane)[:4]:
        amount = book.expected_amount(step.code, "11", desk.today)
        steps.append(
            {
                "code": threshold_words(step),
                "from": duration_words(step.seconds),
                "amount": f"${amount}" if amount is not None else "not known",
            }
        )
    return {"name": LANES[lane.lane], "steps": steps, "most": lane.units_max, "addon": lane.addon_code}
