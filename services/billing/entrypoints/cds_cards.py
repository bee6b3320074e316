"""From a patient's line to CDS cards: what happened, why, what to do, in the words of the pages. It reads and writes nothing.

A card never says that all is well; where there is nothing to say there is no card.
"""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.billing.domain.cards import CardTopic, OverrideReason, card_id
from services.billing.domain.rule_book import RuleBook
from services.billing.entrypoints.cds_bodies import Card, Coding, Hook, Indicator, Link, Source
from services.billing.entrypoints.fragments.common import LANES, counted, day_of, sentence
from services.billing.usecases.cds_ports import CareLine
from shared.kernel.vocabulary import CANONICAL, Lane
from shared.web.pages import clock_words, days_left, duration_words

TOPICS = f"{CANONICAL}/CodeSystem/cds-card-topic"
REASONS = f"{CANONICAL}/CodeSystem/cds-override-reason"

_LONGEST_SUMMARY = 139
_ENDING_DAYS = 30
"""How many days before its last day a consent is said to end: our choice, about one visit ahead."""
_DISPLAYS = {
    CardTopic.CONSENT: "Consent",
    CardTopic.TIME: "Time",
    CardTopic.PROGRAMS: "Other programs",
    OverrideReason.PATIENT_DECLINED: "Patient declined",
    OverrideReason.ASK_LATER: "Ask later",
    OverrideReason.NOT_ELIGIBLE: "Not eligible",
    OverrideReason.ALREADY_SETTLED: "Already settled",
}
_REASONS = {
    CardTopic.CONSENT: (OverrideReason.PATIENT_DECLINED, OverrideReason.ASK_LATER, OverrideReason.NOT_ELIGIBLE),
    CardTopic.TIME: (),
    CardTopic.PROGRAMS: (OverrideReason.ALREADY_SETTLED, OverrideReason.ASK_LATER),
}
_LINKS = {
    CardTopic.CONSENT: "Open the consent",
    CardTopic.TIME: "Open the timer",
    CardTopic.PROGRAMS: "Open the month",
}
_RULES = {CardTopic.CONSENT: "C1", CardTopic.TIME: "T1"}
_OWN_LABEL = "Careledger"
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&\"'$@:])")


@dataclass(frozen=True)
class _Said:
    """A card's words: `detail` are paragraphs, each a plain text or a list of plain texts."""

    topic: CardTopic
    indicator: Indicator
    summary: str
    detail: tuple[str | list[str], ...]
    rule: str = ""


def cards_of(line: CareLine, *, hook: Hook, at: datetime, zone: ZoneInfo, book: RuleBook, launch_url: str) -> list[Card]:
    """Return what there is to say of the patient at this moment, the weightier first; `launch_url` opens our app."""
    said = sorted(_all(line, hook, at, zone), key=lambda one: one.indicator != "warning")
    return [_card(one, line, at, zone, book, launch_url) for one in said]


def _all(line: CareLine, hook: Hook, at: datetime, zone: ZoneInfo) -> Iterator[_Said]:
    today = at.astimezone(zone).date()
    consent = _consent(line, today)
    if consent is not None:
        yield consent
    programs = _programs(line)
    if programs is not None:
        yield programs
    if hook == "patient-view" and (consent is None or _standing(line, today) == "in-force"):
        time = _time(line, at, zone)
        if time is not None:
            yield time


def _standing(line: CareLine, today: date) -> str:
    """Return how the consent stands today: the line may be of yesterday, and a consent may have ended since."""
    until = line.row.consent_until
    return "ended" if line.row.consent == "in-force" and until is not None and until < today else line.row.consent


def _consent(line: CareLine, today: date) -> _Said | None:
    row, standing = line.row, _standing(line, today)
    waits = f"{duration_words(row.without_consent)} logged in {line.month.first_day:%B} cannot be billed."
    lost = (waits,) if row.without_consent else ()
    weight: Indicator = "info" if row.state == "outside" else "warning"
    if standing == "in-force":
        return _ending(line, today)
    if standing == "missing" and row.state == "outside":
        summary = f"Care management can be offered: {counted(row.conditions, 'chronic condition')}, nobody has asked yet"
        return _Said(CardTopic.CONSENT, "info", summary, ("Ask at this visit, and record the answer, yes or no.",))
    if standing == "missing":
        summary = f"No consent to care management: {row.consent_why[:1].lower()}{row.consent_why[1:]}"
        todo = "Time counts from the consent on. Tell what the patient must be told, and record the answer."
        return _Said(CardTopic.CONSENT, "warning", summary, (*lost, todo))
    if standing == "declined":
        weight = "warning" if row.without_consent else "info"
        todo = "Nothing is billed. If the patient has changed their mind, record a new consent."
        return _Said(CardTopic.CONSENT, weight, f"Care management: {_small(row.consent_why)}", (*lost, todo))
    why = f"Ended {day_of(row.consent_until)}" if standing == "ended" and row.consent_until else row.consent_why
    todo = {
        "ended": "Nothing after its last day is billed. To go on, ask again and record the answer.",
        "incomplete": "Tell the patient what is missing, and record it in the consent.",
        "other-practitioner": f"The month is {row.practitioner_name}’s: a change of practitioner asks for a new consent.",
    }.get(standing, "Look at the consent.")
    return _Said(CardTopic.CONSENT, weight, f"Consent to care management: {_small(why)}", (*lost, todo))


def _ending(line: CareLine, today: date) -> _Said | None:
    until = line.row.consent_until
    if until is None or until > today + timedelta(days=_ENDING_DAYS):
        return None
    days = (until - today).days
    left = "today is its last day" if days == 0 else f"{counted(days, 'day')} left"
    summary = f"Consent to care management ends {day_of(until)}: {left}"
    return _Said(CardTopic.CONSENT, "warning", summary, ("Nothing after that day is billed, unless the patient consents again.",))


def _time(line: CareLine, at: datetime, zone: ZoneInfo) -> _Said | None:
    """Say the distance to the next code, and urge nothing; only of a month that runs and may still be charged."""
    row, end = line.row, line.month.end(zone)
    if row.missing is None or row.next_code is None or not line.month.start(zone) <= at < end:
        return None
    excluded = (row.severity == "deny" and row.kind != "time") or any(one["severity"] == "deny" for one in _beside(line))
    if not row.enrolled or row.state == "released" or excluded:
        return None
    days = days_left(at, end)
    left = "last day" if days <= 1 else f"{days} days left"
    done = f"{duration_words(row.counted)} counted" if row.counted else "No time counted yet"
    summary = f"{done} in {line.month.first_day:%B}: {duration_words(row.missing)} to {row.next_code}, {left}"
    lane = f"{LANES[Lane(row.lane)]} lane"
    told = f"{lane}, {duration_words(row.asserted)} of it stated by hand." if row.asserted else f"{lane}."
    return _Said(CardTopic.TIME, "info", summary, (told, "Log only work the patient needed."))


def _programs(line: CareLine) -> _Said | None:
    """Say which other programs stand in the way this month."""
    found = _beside(line)
    if not found or line.row.state == "outside":  # nobody is about to work for somebody who is not enrolled
        return None
    first = sentence(found[0]["text"]).removesuffix(".")
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    listed = [" ".join(filter(None, (sentence(one["text"]), sentence(one["would"])))) for one in found]
    return _Said(CardTopic.PROGRAMS, "warning", f"{first}{more}", (listed,), found[0]["rule"])


def _beside(line: CareLine) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(line.row.beside)
    return found


def _card(said: _Said, line: CareLine, at: datetime, zone: ZoneInfo, book: RuleBook, launch_url: str) -> Card:
    paragraphs = list(said.detail)
    if line.behind:
        looked = line.row.looked_at
        when = clock_words(looked, zone) if looked.astimezone(zone).date() == at.astimezone(zone).date() else day_of(
            looked.astimezone(zone).date()
        )  # fmt: skip
        paragraphs.append(f"As of {when}; newer facts are being taken in.")
    reasons = [_coding(REASONS, reason) for reason in _REASONS[said.topic]]
    return Card(
        uuid=card_id(said.topic, secrets.token_bytes(16)),
        summary=_short(said.summary),
        detail="\n\n".join(_markdown(one) for one in paragraphs),
        indicator=said.indicator,
        source=_source(said, book),
        override_reasons=reasons or None,
        links=[
            Link(
                label=_LINKS[said.topic],
                url=launch_url,
                type="smart",
                app_context=json.dumps({"show": said.topic.value}),
            )
        ],
    )


def _source(said: _Said, book: RuleBook) -> Source:
    """Name the text behind the card's rule, as the rule book cites it."""
    rule = book.rules.get(said.rule or _RULES.get(said.topic, ""))
    cited = [book.references[ref] for ref in rule.references if ref in book.references] if rule is not None else []
    found = next((one for one in cited if one.address.startswith("https://")), None)
    label = f"{_OWN_LABEL}, by {found.title}" if found is not None else _OWN_LABEL
    return Source(label=label, url=found.address if found is not None else None, topic=_coding(TOPICS, said.topic))


def _coding(system: str, code: CardTopic | OverrideReason) -> Coding:
    return Coding(system=system, code=code.value, display=_DISPLAYS[code])


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _short(text: str) -> str:
    """Return a summary of fewer than 140 characters on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SUMMARY else f"{line[: _LONGEST_SUMMARY - 1].rstrip()}…"


def _markdown(paragraph: str | list[str]) -> str:
    """Write a paragraph, or a list, in which no text can be markup: names and notes come from elsewhere."""
    if isinstance(paragraph, list):
        return "\n".join(f"- {_markdown(item)}" for item in paragraph)
    return _MARKUP.sub(r"\\\1", " ".join(paragraph.split()))
