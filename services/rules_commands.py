"""What the `rules`, `fees` and `replay-decisions` commands do."""

import argparse
import asyncio
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import services.billing.main
from services.billing.adapters.fee_file import read_amounts, write_amounts
from services.billing.adapters.rule_book_adoption import adopt, differences_of_draft
from services.billing.adapters.rule_book_cases import cases_by_rule
from services.billing.adapters.rule_book_files import PARAMETERS, differences, load_rule_book, read_parameters, values_on
from services.billing.usecases.explain_rule import explain_rule, spoken_rule
from shared.kernel.calendar_month import CalendarMonth
from shared.ops.environment import Environment

CASES = Path("tests/rules")


def run_lint(arguments: argparse.Namespace) -> int:
    """Check the rule book's files, and that no rule is without a case where there are cases."""
    found = services.billing.main.lint_rules(_cases(arguments))
    print("\n".join(found) or "the rule book is whole")
    return 1 if found else 0


def run_test(arguments: argparse.Namespace) -> int:
    """Run the cases of a folder (they need the development environment)."""
    return subprocess.run([sys.executable, "-m", "pytest", "-q", str(arguments.cases)], check=False).returncode  # noqa: S603


def run_diff(arguments: argparse.Namespace) -> int:
    """Print what is in force otherwise on the first of two months."""
    data = read_parameters(arguments.edition)
    before, after = (values_on(data, CalendarMonth.parse(month).first_day) for month in (arguments.month, arguments.other))
    print("\n".join(differences(before, after)) or f"the same rules on the first of {arguments.month} and of {arguments.other}")
    return 0


def run_explain(arguments: argparse.Namespace) -> int:
    """Print a rule with its parameters, severities, sources and cases."""
    book = load_rule_book(arguments.edition)
    shown = explain_rule(rule_book=book, rule_id=arguments.rule, profile=arguments.profile, day=arguments.on)
    folder = _cases(arguments)
    print(spoken_rule(shown, cases_by_rule(folder, book.rules).get(arguments.rule, ()) if folder else ()))
    return 0


def run_adopt(arguments: argparse.Namespace) -> int:
    """Show what a draft changes; with --by and --text, record that this person has read the text and accepts it."""
    if arguments.by is None or arguments.text is None:
        print("\n".join(differences_of_draft(arguments.edition)) or f"{arguments.edition} changes no value in force")
        print("careledger: nothing was adopted: --by names who has read the payers' text, --text which text", file=sys.stderr)
        return 1
    accepted = adopt(arguments.edition, reader=arguments.by, text=arguments.text, on=date.today())  # noqa: DTZ011
    print("\n".join(accepted) or "no value in force changes")
    print(f"{arguments.by} has adopted {arguments.edition}: commit its adoption.yaml, and restart what is running")
    return 0


def run_fees_import(arguments: argparse.Namespace) -> int:
    """Write the amounts of the codes that the rule book knows from the CMS relative-value file."""
    book = load_rule_book()
    amounts = read_amounts(arguments.file, book.groups.keys())
    out = arguments.out or PARAMETERS / "fees" / f"imported-{arguments.since}.yaml"
    until = arguments.until or date(arguments.since.year + 1, 1, 1) - timedelta(days=1)
    write_amounts(amounts, arguments.file, out, since=arguments.since, until=until)
    print(f"{out}: {len(amounts)} codes from {arguments.since} to {until}")
    return 0


def run_replay(arguments: argparse.Namespace) -> int:
    """Compute a month's stored decisions again; status 1 if one does not repeat itself."""
    settings = services.billing.main.read_settings(Environment())
    replayed = asyncio.run(services.billing.main.replay_for(settings, arguments.tenant, arguments.month, arguments.edition))
    for line in replayed.lines:
        print(line)
    print(replayed.summary)
    return 0 if replayed.repeats or arguments.edition else 1


def _cases(arguments: argparse.Namespace) -> Path | None:
    """Return the folder of the cases that was named, or the checkout's; None where there is none."""
    named: Path | None = arguments.cases
    return named if named is not None else CASES if CASES.is_dir() else None


def add_commands(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the command line."""
    rules = groups.add_parser("rules", help="the rule book", description="the rule book").add_subparsers(required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        parser = rules.add_parser(name, help=text, description=text)
        parser.add_argument("--edition", default="", metavar="YEAR", help="a draft, e.g. 2027; absent: the rule book in force")
        return parser

    lint = rules.add_parser("lint", help="refuse what does not resolve, lacks a source, a severity or a case")
    lint.add_argument("--cases", type=Path, metavar="FOLDER", help=f"the cases (default: {CASES}, if it is there)")
    lint.set_defaults(run=run_lint)
    test = rules.add_parser("test", help="run the rule book's cases")
    test.add_argument("cases", type=Path, nargs="?", default=CASES, metavar="FOLDER")
    test.set_defaults(run=run_test)
    diff = command("diff", "what is in force otherwise in another month")
    diff.add_argument("month", metavar="YYYY-MM")
    diff.add_argument("other", metavar="YYYY-MM")
    diff.set_defaults(run=run_diff)
    explain = command("explain", "a rule with its parameters, severities, sources and cases")
    explain.add_argument("rule", metavar="RULE", help="e.g. T1, X6, R14")
    explain.add_argument("--profile", default="medicare_ffs")
    explain.add_argument("--on", type=date.fromisoformat, default=date.today(), metavar="DATE")  # noqa: DTZ011
    explain.add_argument("--cases", type=Path, metavar="FOLDER")
    explain.set_defaults(run=run_explain)
    adoption = rules.add_parser("adopt", help="adopt a draft in the name of who has read the payers' text")
    adoption.add_argument("edition", metavar="YEAR")
    adoption.add_argument("--by", metavar="NAME", help="who has read the text")
    adoption.add_argument("--text", help="which text was read")
    adoption.set_defaults(run=run_adopt)

    fees = groups.add_parser("fees", help="amounts for forecasts", description="amounts for forecasts")
    imported = fees.add_subparsers(required=True).add_parser("import", help="take the CMS relative-value file as published")
    imported.add_argument("file", type=Path)
    imported.add_argument("--since", type=date.fromisoformat, required=True, metavar="DATE", help="first day of these amounts")
    imported.add_argument("--until", type=date.fromisoformat, metavar="DATE", help="last day (default: end of that year)")
    imported.add_argument("--out", type=Path, metavar="FILE", help="default: beside the rule book's own amounts")
    imported.set_defaults(run=run_fees_import)

    replay = groups.add_parser("replay-decisions", help="compute a month's stored decisions again, byte for byte")
    replay.add_argument("--tenant", required=True, metavar="SLUG")
    replay.add_argument("--month", required=True, metavar="YYYY-MM")
    replay.add_argument(
        "--rules", dest="edition", default="", metavar="YEAR", help="by a draft: the difference by patient and code"
    )
    replay.set_defaults(run=run_replay)
