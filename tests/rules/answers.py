"""`python -m tests.rules.answers`: keeps what the engine says of every case, as a hash of its canonical bytes.

A decision that is stored must repeat itself to the byte. So an answer may change only with the rule book or with
ENGINE_VERSION; the writer refuses anything else.
"""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import assemble
from services.billing.domain.decision import ENGINE_VERSION, assembly_bytes
from tests.rules.drawn import drawn
from tests.rules.test_rules import all_cases
from tests.rules.world import World

TARGET = Path(__file__).with_name("answers.json")


def answer_of(facts: dict[str, Any]) -> str:
    """Return the hash of the engine's answer, apart from the rule book's own hash."""
    world = World(facts)
    book = load_rule_book(facts.get("rules", "")).with_profiles(facts.get("payers", {}))
    assembly = assemble(world.month, world.ledger(), book, at=world.at)
    return hashlib.sha256(assembly_bytes(replace(assembly, rule_book=""))).hexdigest()[:16]


def asked() -> dict[str, dict[str, Any]]:
    """Return the facts of each case, and of months drawn at random, by their names."""
    return {str(row.id): row.values[0]["facts"] for row in all_cases()} | drawn()


def answers() -> dict[str, Any]:
    """Return the answer to each, and what they stand on."""
    cases = {name: answer_of(facts) for name, facts in asked().items()}
    return {"engine": ENGINE_VERSION, "rule_book": load_rule_book().content_hash, "cases": cases}


def kept() -> dict[str, Any]:
    """Return what is kept."""
    read: dict[str, Any] = json.loads(TARGET.read_text(encoding="utf-8"))
    return read


def changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return the cases of both whose answers differ."""
    return sorted(case for case in before.keys() & now.keys() if before[case] != now[case])


def main() -> None:
    """Write the answers, unless they changed while neither the engine's version nor the rule book did."""
    now = answers()
    if TARGET.exists():
        before = kept()
        other = changed(before["cases"], now["cases"])
        if other and (before["engine"], before["rule_book"]) == (now["engine"], now["rule_book"]):
            sys.exit(f"the same rules answer otherwise: raise ENGINE_VERSION ({', '.join(other[:5])}, {len(other)} in all)")
    TARGET.write_text(json.dumps(now, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
