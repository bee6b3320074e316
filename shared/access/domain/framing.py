"""Which pages around our frame a practice has not named, as far as a browser tells.

A browser that obeys `frame-ancestors` shows nothing of ours and runs nothing of ours, so others must tell: the request's own
`Referer` names the page right around the frame, the browser's report (which names our own page only) says that one further up was
refused, and a trial page without any power, which may be framed by anybody, reads all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

LONGEST = 300


class Way(StrEnum):
    """How we know of it: `parent` is the page right around the frame, `above` one somewhere above the page that is named."""

    PARENT = "parent"
    ABOVE = "above"
    TRIAL = "trial"


@dataclass(frozen=True)
class Framing:
    """An origin that framed us and was not to, with how often and when last; it is what browsers said, and anybody may say it."""

    origin: str
    way: Way
    times: int
    first_at: datetime
    last_at: datetime


def origin_of(address: str | None) -> str | None:
    """Return scheme://host[:port] of an http address; None for anything else."""
    try:
        parts = urlsplit(address or "")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or len(parts.netloc) > LONGEST or parts.username is not None:
        return None
    plain = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" if plain else f"{parts.scheme}://{shown}:{port}"


def unnamed(origins: Iterable[str], named: Iterable[str]) -> list[str]:
    """Return those of `origins` that the practice's document does not name, each once."""
    known = {origin_of(one) for one in named}
    return [one for one in dict.fromkeys(origins) if one not in known]


def framed_by(headers: Mapping[str, str]) -> str | None:
    """Return the origin of the page that loads a document into a frame, as the request says; None where it says nothing."""
    return origin_of(headers.get("referer")) if headers.get("sec-fetch-dest") in ("iframe", "frame") else None
