"""What the `months`, `charges`, `remits` and `feed` commands do: billing's own, one use case each."""

import argparse
import asyncio
import re
import sys
from pathlib import Path

import services.billing.main
from shared.ops.environment import Environment
from shared.ops.settings import PartSettings


def run_assemble(arguments: argparse.Namespace) -> int:
    """Read the charts and assemble a month as the worker; status 1 if the EHR did not give all that was asked."""
    work = services.billing.main.assemble_for(_settings(), arguments.tenant, arguments.month, workers=arguments.workers)
    refreshed, done = asyncio.run(work)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(done.outcomes.items())) or "nobody is enrolled"
    print(f"{arguments.month}: {done.results} results, {done.changed} new or changed: {outcomes}")
    print(f"charts: {refreshed.charts} read, {refreshed.unanswered} not given by the EHR")
    if not refreshed.enrolment_read:
        print("the EHR did not say who is enrolled")
    return 0 if refreshed.enrolment_read and not refreshed.unanswered else 1


def run_export(arguments: argparse.Namespace) -> int:
    """Write charges as a file with its control file."""
    control = services.billing.main.export_for(
        _settings(),
        arguments.tenant,
        month=arguments.month,
        since=arguments.since,
        amounts=not arguments.without_amounts,
        folder=arguments.out,
    )
    print(asyncio.run(control))
    return 0


def run_remits_import(arguments: argparse.Namespace) -> int:
    """Take in what payers decided; status 1 if lines belong to no claim of ours."""
    try:
        done = asyncio.run(services.billing.main.import_remits_for(_settings(), arguments.tenant, arguments.file.read_bytes()))
    except OSError as error:
        print(f"careledger: {arguments.file}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{done.new} new decisions, {done.already} known before, {len(done.unmatched)} left out")
    for number, why in done.unmatched:
        print(f"line {number}: {why}")
    return 1 if done.unmatched else 0


def run_feed_renew(arguments: argparse.Namespace) -> int:
    """Begin a new epoch of a practice's change feed."""
    epoch = asyncio.run(services.billing.main.renew_feed(_settings(), arguments.tenant))
    print(f"the change feed of {arguments.tenant} begins anew as {epoch}: positions given before get a 410")
    return 0


def _settings() -> PartSettings:
    return services.billing.main.read_settings(Environment())


def _month(text: str) -> str:
    if not re.fullmatch(r"2[01]\d\d-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError("a month is YYYY-MM")
    return text


def add_commands(groups: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the command line."""

    def command(group: str, name: str, text: str) -> argparse.ArgumentParser:
        inside = groups.add_parser(group, help=text, description=text).add_subparsers(required=True)
        parser = inside.add_parser(name, help=text, description=text)
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        return parser

    assemble = command("months", "assemble", "read the charts and decide a month for every enrolled patient")
    assemble.add_argument("--month", required=True, type=_month, metavar="YYYY-MM")
    assemble.add_argument("--workers", type=int, choices=range(1, 17), default=1, metavar="N", help="processes that decide (1)")
    assemble.set_defaults(run=run_assemble)

    export = command("charges", "export", "write charges as CSV with a control file (docs/charges-csv.md)")
    which = export.add_mutually_exclusive_group(required=True)
    which.add_argument("--month", type=_month, metavar="YYYY-MM", help="the billable charges of a month")
    which.add_argument("--since", metavar="POSITION", help="what changed after a position of the change feed (0: all)")
    export.add_argument("--out", required=True, type=Path, metavar="DIR")
    export.add_argument(
        "--without-amounts", action="store_true", help="leave charge_amount blank, for a billing system with prices of its own"
    )
    export.set_defaults(run=run_export)

    remits = command("remits", "import", "take in payers' decisions on claim lines from a CSV file (docs/remits-csv.md)")
    remits.add_argument("file", type=Path, metavar="FILE.csv")
    remits.set_defaults(run=run_remits_import)

    renew = command("feed", "renew", "begin the change feed anew after the database was restored to an earlier point")
    renew.set_defaults(run=run_feed_renew)
