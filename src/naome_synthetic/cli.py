"""Make synthetic extracts whose truth is known, and hold what the analysis found against that truth."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from naome import __version__
from naome.core.errors import NaomeError, explain_system
from naome.core.paths import project_root, runs_root
from naome.core.seal import SEAL
from naome.workflow.command_parser import CommandParser
from naome.workflow.endings import exit_code_of, heed_requests
from naome_synthetic.extract import NATIONS, write_extract


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code (0 well, 2 refused with a message, 1 unexpected)."""
    parsed = _parser().parse_args(arguments)
    if arguments is None:
        heed_requests()
    try:
        parsed.do(parsed)
    except NaomeError as error:
        print(f"naome-synthetic: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as ended:
        print("naome-synthetic: interrupted; nothing was written", file=sys.stderr)
        return exit_code_of(ended)
    except OSError as error:
        print(f"naome-synthetic: {explain_system(error, '--out')}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="naome-synthetic", description=__doc__)
    parser.add_argument("--version", action="version", version=f"naome-synthetic {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    simulate = commands.add_parser("simulate", help="write a synthetic extract in a nation's real schema")
    simulate.add_argument("nation", choices=list(NATIONS))
    simulate.add_argument("--out", type=Path, help="folder of the extract (default data/synthetic/NATION)")
    simulate.add_argument(
        "--truth", type=Path, help="folder of the truth (default data/truth/NATION, or OUT-truth beside --out)"
    )
    simulate.add_argument(
        "--scale", type=float, default=1.0, help="1 is national size, 0.02 is enough to try (default 1)"
    )
    simulate.add_argument("--seed", type=int, default=2024, help="same seed and version, same bytes (default 2024)")
    simulate.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    simulate.set_defaults(do=_simulate)

    truth = commands.add_parser("compare-truth", help="compare what was found in synthetic extracts with their truth")
    either = truth.add_mutually_exclusive_group(required=True)
    either.add_argument("--run", dest="runs", metavar="RUN,RUN", help="runs: names; each must have been read")
    either.add_argument("--audits", dest="runs", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    truth.add_argument("--truth", type=Path, help="folder of the truths, one folder per audit (default data/truth)")
    truth.add_argument("--out", type=Path, help="page to write (default runs/truth/cohorts-against-truth.qmd)")
    truth.set_defaults(do=_compare_truth)
    return parser


def _simulate(parsed: argparse.Namespace) -> None:
    started = time.monotonic()
    out = parsed.out or project_root() / "data" / "synthetic" / parsed.nation
    # a trial beside the extracts of the site leaves their truth as it is
    beside = parsed.out.absolute() if parsed.out else None
    beside = beside.with_name(f"{beside.name}-truth") if beside else project_root() / "data" / "truth" / parsed.nation
    truth = parsed.truth or beside
    try:
        summary = write_extract(parsed.nation, out, truth, scale=parsed.scale, seed=parsed.seed, fmt=parsed.format)
    except ValueError as error:
        raise NaomeError(str(error)) from None
    rows = sum(summary["rows"].values())
    seconds = time.monotonic() - started
    print(f"{parsed.nation}: synthetic extract of {rows:,} rows in {out}, its truth in {truth} ({seconds:.1f} s)")
    print(
        f"{parsed.nation}: {SEAL} there marks it as synthetic; without it, or with a file changed, data count as real"
    )


def _compare_truth(parsed: argparse.Namespace) -> None:
    # only this command needs the analysis
    from naome.core.atomic import write_text
    from naome.workflow.run import open_run
    from naome_synthetic.report import write_report

    runs = [open_run(name) for name in parsed.runs.split(",")]
    root = parsed.truth or project_root() / "data" / "truth"
    page = parsed.out or runs_root() / "truth" / "cohorts-against-truth.qmd"
    write_text(write_report(runs, [root / run.params.audit for run in runs]), page)
    print(f"truth: {page}")
