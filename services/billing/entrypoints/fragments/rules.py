"""The rules in our words: what a rule says, from which source, how certain, as it stands on a day; and the guide to the codes."""

from typing import Annotated

from fastapi import Depends, Request, Response

from services.billing.domain.progress import thresholds_of
from services.billing.domain.rule_book import RuleBook
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
from services.billing.entrypoints.fragments.lines import csv_answer
from services.billing.usecases.explain_rule import ParameterInForce, explain_rule
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.vocabulary import Program
from shared.web.access_control import Principal, page
from shared.web.pages import duration_words
from shared.web.words import program_words

router = fragment_router("/rules")

Reader = Annotated[Principal, Depends(page(*EVERYBODY, chart=False))]

CERTAINTY = {"sourced": "Sourced", "general knowledge": "General knowledge", "design": "Design choice"}
_MEDICARE = "medicare_ffs"
_ABOUT = (
    ("Time", ("T", "UNION", "DUP")),
    ("Lanes, codes and months", ("L", "lanes", "MUE", "PCM", "CODE", "PATTERN")),
    ("Eligibility", ("E", "WHO")),
    ("Consent", ("C",)),
    ("Other programs and practices", ("X",)),
    ("Documentation", ("DOC",)),
    ("Payers and claims", ("P", "PAYER", "A", "BILLED", "EHR")),
    ("How doubtful points are read", ("R",)),
)


@router.get("")
async def guide(request: Request, principal: Reader) -> Response:
    """Show the codes of each lane with their thresholds, and every rule in one sentence."""
    desk = await desk_of(request, principal)
    book, month = desk.call.world.rule_book, CalendarMonth.of(desk.at, desk.zone)
    programs = [(program, rules_for(book, _MEDICARE, month, program)) for program in (Program.CCM, Program.PCM)]
    return answer(
        "rules.html",
        base=desk.base,
        alone=request.query_params.get("in") != "panel",
        book=book.name,
        valid=f"{day_of(book.validity.valid_from)} to {day_of(book.validity.valid_to)}",
        read=f"{book.validity.read_by}, {day_of(book.validity.read_on)}",
        lanes=[_lane(desk, program, lane) for program, rules in programs for lane in rules.lanes.values()],
        groups=_groups(book, ""),
        q="",
    )


@router.get("/table")
async def table(request: Request, principal: Reader) -> Response:
    """Show the rules in whose id or words something occurs."""
    desk, q = await desk_of(request, principal), request.query_params.get("q", "")[:100].strip()
    return answer("rules_table.html", base=desk.base, groups=_groups(desk.call.world.rule_book, q.lower()), q=q)


@router.get(".csv")
async def as_file(request: Request, principal: Reader) -> Response:
    """Answer with every rule as a file."""
    desk = await desk_of(request, principal)
    book = desk.call.world.rule_book
    rows = [
        (rule.id, rule.says, rule.certainty, rule.confidence, "; ".join(book.references[r].title for r in rule.references))
        for rule in book.rules.values()
    ]
    return csv_answer(f"rules-{book.name}.csv", ("rule", "in our words", "certainty", "confidence", "sources"), rows)


def _groups(book: RuleBook, q: str) -> list[Row]:
    """Return the rules that match, by what they are about."""
    found: dict[str, list[Row]] = {}
    for rule in book.rules.values():
        if not q or q in rule.id.lower() or q in rule.says.lower():
            name = next((name for name, heads in _ABOUT if _heads(rule.id) in heads), "Other")
            row = {"id": rule.id, "says": sentence(rule.says), "certainty": CERTAINTY[rule.certainty]}
            found.setdefault(name, []).append(row)
    names = (*(name for name, _ in _ABOUT), "Other")
    return [{"name": name, "rules": found[name]} for name in dict.fromkeys(names) if name in found]


def _heads(rule_id: str) -> str:
    return rule_id.rstrip("0123456789").split(".", 1)[0]


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


def _lane(desk: Desk, program: Program, lane: LaneRules) -> Row:
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
    return {
        "program": program_words(program),
        "name": LANES[lane.lane],
        "steps": steps,
        "most": lane.units_max,
        "addon": lane.addon_code,
    }
