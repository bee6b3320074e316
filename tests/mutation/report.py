"""Writes docs/mutation.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutation.mutants import Mutant

_HISTORY = Path(__file__).with_name("history.md")
_HEAD = """# Mutants of the rule engine

Made by `python -m tests.mutation` (tests/mutation): one small wrong change in one function of `services/billing/domain` at a
time, against every check that runs the function. Not mutated: constants of modules, texts that people read, modules that a
decision does not run, and what is decided by data (`parameters/`), which the cases at each limit verify.

{tried} of {total} mutants were tried, in a random order; {noticed} were noticed ({share:.1%}) by the expectations of a YAML case,
the kept bytes of a case's answer, a unit or a property test. {survived} survive.{sample}

| Module | Function | Was → is now | Why nothing notices |
|---|---|---|---|
"""


def write_report(path: Path, survivors: Sequence[Mutant], tried: int, total: int, reasons: Mapping[str, str]) -> None:
    """Write the survivors by module, each with its reason; without one it says so."""
    noticed = tried - len(survivors)
    sample = "" if tried == total else " The rest did not fit into the time: the share is that of the sample."
    text = _HEAD.format(
        tried=tried, total=total, noticed=noticed, share=noticed / max(tried, 1), survived=len(survivors), sample=sample
    )
    for mutant in sorted(survivors, key=lambda each: (each.module, each.line, each.now)):
        cells = [f"`{_cell(part)}`" for part in (mutant.was, mutant.now)]
        reason = _reason(mutant, reasons)
        text += f"| {mutant.module} | {mutant.function} | {cells[0]} → {cells[1]} | {reason} |\n"
    path.write_text(text + _HISTORY.read_text(encoding="utf-8"), encoding="utf-8")


def _reason(mutant: Mutant, reasons: Mapping[str, str]) -> str:
    for key in (mutant.key, f"{mutant.module}:{mutant.function}"):
        if key in reasons:
            return reasons[key]
    return "not examined"


def _cell(text: str) -> str:
    short = " ".join(text.split())
    return (short if len(short) <= 90 else short[:87] + "...").replace("|", "\\|").replace("`", "'")
