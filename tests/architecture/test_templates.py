"""What a template may not hold: under the pages' policy it would do nothing, without a message, or leave the page.

Requirements: integration.md 3 (headers of pages), guide.md 9.
"""

import re
from pathlib import Path

import pytest

import services
import shared

_ROOTS = (Path(services.__file__).parent, Path(shared.__file__).parent)
TEMPLATES = sorted(path for root in _ROOTS for path in root.rglob("*.html"))

FORBIDDEN = {
    "an inline style": r"""\sstyle\s*=""",
    "a style element": r"<style\b",
    "a handler in an attribute": r"\son[a-z]+\s*=",
    "hx-on": r"\bhx-on\b",
    "a value that is evaluated": r"""["'\s](?:js|javascript):""",
    "a filter of a trigger": r"""hx-trigger\s*=\s*"[^"]*\[""",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "an address that is evaluated or plain": r"""(?:src|href)\s*=\s*["'](?:http:|//)""",
    "a frame": r"<iframe\b",
    "a new window that knows this one": r"""target="_blank"(?![^>]*rel="noopener")""",
}


def found_in(text: str) -> list[str]:
    """Return which forbidden things a template's text holds."""
    plain = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    return [what for what, pattern in FORBIDDEN.items() if re.search(pattern, plain, re.IGNORECASE)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.parent.parent.name}-{path.name}")
def test_a_template_holds_nothing_that_the_policy_forbids(path: Path) -> None:
    assert found_in(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        '<p style="color:red">', "<style>p{}</style>", '<a onclick="x()">', '<a hx-on:click="x()">', '<a hx-vals="js:{a:1}">',
        '<a hx-trigger="click[ctrlKey]">', "<script>x()</script>", '<img src="//elsewhere.example/x.png">', "<iframe>",
        '<a target="_blank" href="/x">',
    ],
)  # fmt: skip
def test_each_of_them_is_seen(text: str) -> None:
    assert len(found_in(text)) == 1


def test_there_are_templates_to_look_at() -> None:
    assert {path.parent.parent.parent.name for path in TEMPLATES} >= {"consent", "timetrack"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_ids_begin_with_their_service(path: Path) -> None:
    prefix = {"consent": "cons-", "timetrack": "time"}.get(path.parent.parent.parent.name)
    ids = re.findall(r'\sid="([^"{]+)', path.read_text("utf-8")) if prefix else []
    assert [one for one in ids if prefix and not one.startswith(prefix)] == []
