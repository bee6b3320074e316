"""`python -m tests.rules.coverage [--check]`: which case verifies which rule, from which text, as docs/coverage.md."""

import sys
from pathlib import Path

from services.billing.adapters.rule_book_cases import cases_by_rule
from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.rule_book import Rule, RuleBook

FOLDER = Path(__file__).parent
TARGET = FOLDER.parents[1] / "docs/coverage.md"
_SHOWN = 6
_HEAD = """# Rules, cases and sources

Made by `python -m tests.rules.coverage` from `services/billing/parameters` and the cases of `tests/rules`. {decided} of {all}
rules are decided by the engine, each with its cases ({cases} cases in all, beside every row of the severity table under four
payers); the others say who decides them. Certainty: s sourced, g general knowledge, d design; confidence H, M, L.

| Rule | Says | Cases | Source | |
|---|---|---|---|---|
"""


def coverage() -> str:
    """Return the matrix as Markdown."""
    book = load_rule_book()
    cases = cases_by_rule(FOLDER, book.rules)
    decided = [rule for rule in book.rules.values() if not rule.elsewhere]
    named = {case for found in cases.values() for case in found}
    text = _HEAD.format(decided=len(decided), all=len(book.rules), cases=len(named))
    for rule in book.rules.values():
        text += f"| {rule.id} | {rule.says} | {_cases(rule, cases.get(rule.id, []))} | {_sources(rule, book)} | {_sure(rule)} |\n"
    return text


def _cases(rule: Rule, found: list[str]) -> str:
    if rule.elsewhere:
        return f"– {rule.elsewhere}"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(f"`{case}`" for case in found[:_SHOWN]) + more


def _sources(rule: Rule, book: RuleBook) -> str:
    told = [book.references[ref] for ref in rule.references]
    return "; ".join(f"[{each.id}]({each.address})" if each.address.startswith("http") else each.title for each in told)


def _sure(rule: Rule) -> str:
    return f"{rule.certainty[0]} {rule.confidence}"


def main() -> int:
    """Write the matrix, or compare it."""
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(coverage(), encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == coverage():
        return 0
    print("docs/coverage.md is not what the cases say: run python -m tests.rules.coverage")
    return 1


if __name__ == "__main__":
    sys.exit(main())
