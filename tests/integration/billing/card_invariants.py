"""What CDS Hooks 2.0.1 asks of its bodies, invariant by invariant (standards.md 4.1), read off the specification."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

CARD = {"uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons", "links"}
SERVICE = {"hook", "title", "description", "id", "prefetch", "usageRequirements", "version", "hookVersion"}
LINK = {"label", "url", "type", "appContext", "autolaunchable"}


def empty_places(value: Any, where: str = "$") -> Iterator[str]:
    """Yield where something is null or empty: only `cards` and `services` themselves may be empty."""
    if value is None or value == "" or value == {} or (value == [] and where not in ("$.cards", "$.services")):
        yield where
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from empty_places(inner, f"{where}.{name}")
    if isinstance(value, list):
        for at, inner in enumerate(value):
            yield from empty_places(inner, f"{where}[{at}]")


def card_faults(answer: dict[str, Any]) -> list[str]:
    """Return what is wrong with the answer of a service."""
    found = [*empty_places(answer), *(["more than cards"] if set(answer) - {"cards", "systemActions"} else [])]
    for card in answer["cards"]:
        found += [f"{card.get('summary')}: {fault}" for fault in _of_card(card)]
    ids = [card["uuid"] for card in answer["cards"]]
    return found + (["two cards with one uuid"] if len(ids) != len(set(ids)) else [])


def _of_card(card: dict[str, Any]) -> Iterator[str]:
    reasons = card.get("overrideReasons", ())
    checks = {
        "unknown fields": not set(card) - CARD,
        "uuid": str(UUID(card["uuid"])) == card["uuid"],
        "summary below 140 on one line": 0 < len(card["summary"]) < 140 and "\n" not in card["summary"],
        "indicator": card["indicator"] in ("info", "warning", "critical"),
        "source.label": bool(card["source"]["label"].strip()),
        "source.url absolute": "url" not in card["source"] or _absolute(card["source"]["url"]),
        "topic a Coding": {"code", "system"} <= set(card["source"].get("topic", {"code": 0, "system": 0})),
        "cds-resp-4: display": all(one.get("display") and one["code"] and one["system"] for one in reasons),
        "cds-resp-6: selectionBehavior": "suggestions" not in card or "selectionBehavior" in card,
        "selectionBehavior": card.get("selectionBehavior", "any") in ("any", "at-most-one"),
        "cds-resp-1": card.get("selectionBehavior") != "at-most-one"
        or sum(bool(one.get("isRecommended")) for one in card.get("suggestions", ())) <= 1,
        "cds-resp-5, 2, 7": all(_suggestion(one) for one in card.get("suggestions", ())),
        "links": all(_link(one) for one in card.get("links", ())),
        "no markup of others": not re.search(r"(?<!\\)[<\[!]", card.get("detail", "")),
    }
    yield from (name for name, holds in checks.items() if not holds)


def _suggestion(suggestion: dict[str, Any]) -> bool:
    actions = suggestion.get("actions", ())
    kept = all(one["type"] != "delete" or ("resourceId" in one and "resource" not in one) for one in actions)
    behaves = suggestion.get("actionSelectionBehavior", "all") in ("all", "any", "at-most-one")
    return bool(suggestion["label"]) and kept and behaves and all(one.get("description") for one in actions)


def _link(link: dict[str, Any]) -> bool:
    app = link["type"] == "smart" or "appContext" not in link  # cds-resp-3
    return (
        not set(link) - LINK and bool(link["label"]) and _absolute(link["url"]) and link["type"] in ("absolute", "smart") and app
    )


def _absolute(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def service_faults(answer: dict[str, Any]) -> list[str]:
    """Return what is wrong with the answer of discovery."""
    found = list(empty_places(answer))
    for service in answer["services"]:
        if set(service) - SERVICE or not all(service.get(name) for name in ("hook", "description", "id", "title")):
            found.append(f"{service}: fields")
        if not re.fullmatch(r"[a-z]+(-[a-z]+)+", service["hook"]) or not re.fullmatch(r"[A-Za-z0-9_-]+", service["id"]):
            found.append(f"{service}: names")
    pairs = [(service["id"], service["hook"]) for service in answer["services"]]
    return found + (["a hook twice for one id"] if len(pairs) != len(set(pairs)) else [])
