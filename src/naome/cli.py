"""The command line: ``naome <command>``. Each command is one thing; ``--help`` says what."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from naome import __version__
from naome.errors import NaomeError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code (0 well, 2 refused with a message, 1 unexpected)."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.do(parsed) or 0
    except NaomeError as error:
        print(f"naome: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("naome: interrupted; what was finished is kept, run the command again to go on", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="naome", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--version", action="version", version=f"naome {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    simulate = commands.add_parser("simulate", help="write a synthetic extract in a nation's real schema")
    simulate.add_argument("nation", choices=["england", "wales", "england-rcrd"])
    simulate.add_argument("--out", type=Path, help="folder of the extract (default data/synthetic/NATION)")
    simulate.add_argument("--truth", type=Path, help="folder of the truth (default data/truth/NATION)")
    simulate.add_argument(
        "--scale", type=float, default=1.0, help="1 is national size, 0.02 is enough to try (default 1)"
    )
    simulate.add_argument("--seed", type=int, default=2024, help="same seed and version, same bytes (default 2024)")
    simulate.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    simulate.set_defaults(do=_simulate)

    read = commands.add_parser("read", help="read an extract into canonical tables")
    _add_run(read)
    read.set_defaults(do=_read)

    check = commands.add_parser("check-extract", help="check an extract and write nothing")
    check.add_argument("folder", type=Path)
    check.add_argument("--params", required=True, help="parameter file or audit name")
    check.set_defaults(do=_check_extract)

    run = commands.add_parser("run", help="execute one notebook of a run, strictly")
    run.add_argument("notebook", help="number or name, e.g. 04 or 04-kaplan-meier-survival")
    _add_run(run)
    run.add_argument("-p", "--parameter", action="append", default=[], metavar="KEY=VALUE", help="another parameter")
    run.set_defaults(do=_run)

    chain = commands.add_parser("chain", help="read an extract and execute the notebooks of its audit")
    _add_run(chain)
    chain.set_defaults(do=_chain)

    manifest = commands.add_parser("manifest", help="write a run's manifest.json")
    _add_run(manifest)
    manifest.set_defaults(do=_manifest)

    study = commands.add_parser("simulate-study", help="run the simulation study of provider methods (minutes)")
    study.add_argument("--replicates", type=int, default=200, help="data sets per situation (default 200)")
    study.add_argument("--seed", type=int, default=2024, help="same seed and versions, same numbers (default 2024)")
    study.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    study.add_argument("--out", type=Path, help="folder of the summary (default methodology/simulation)")
    study.set_defaults(do=_simulate_study)

    truth = commands.add_parser("compare-truth", help="compare what was found in synthetic extracts with their truth")
    truth.add_argument("--audits", required=True, help="audit names, separated by commas; each must have been read")
    truth.add_argument("--truth", type=Path, help="folder of the truths, one folder per audit (default data/truth)")
    truth.add_argument("--out", type=Path, help="page to write (default runs/truth/cohorts-against-truth.qmd)")
    truth.set_defaults(do=_compare_truth)

    downloads = commands.add_parser("downloads", help="write all released results and their data dictionary")
    downloads.add_argument("--audits", required=True, help="audit names, separated by commas")
    downloads.add_argument("--out", type=Path, help="folder (default downloads, which the site publishes)")
    downloads.set_defaults(do=_downloads)

    render = commands.add_parser("render", help="draw the site from executed notebooks")
    render.add_argument("--renderer", choices=["auto", "quarto", "preview"], default="auto")
    render.add_argument("--check", action="store_true", help="only list what is outside the portable subset")
    render.set_defaults(do=_render)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--audit", "--params", required=True, dest="audit", help="parameter file or audit name")
    parser.add_argument("--data", default="", help="folder of the extract (default: data_dir of the parameters)")
    parser.add_argument("--run-dir", default="", help="folder of the run (default: runs/AUDIT)")


def _open(parsed: argparse.Namespace):
    from naome.run import open_run

    return open_run(parsed.audit, parsed.data, parsed.run_dir)


def _simulate(parsed: argparse.Namespace) -> None:
    from naome.paths import resolve
    from naome.synthetic import write_extract

    started = time.monotonic()
    out = parsed.out or resolve(f"data/synthetic/{parsed.nation}")
    truth = parsed.truth or resolve(f"data/truth/{parsed.nation}")
    try:
        summary = write_extract(parsed.nation, out, truth, scale=parsed.scale, seed=parsed.seed, fmt=parsed.format)
    except ValueError as error:
        raise NaomeError(str(error)) from None
    rows = sum(summary["rows"].values())
    print(f"{parsed.nation}: synthetic extract of {rows:,} rows in {out} ({time.monotonic() - started:.1f} s)")


def _read(parsed: argparse.Namespace) -> None:
    from naome.ingest import read_run

    started = time.monotonic()
    run = _open(parsed)
    extract = read_run(run, progress=lambda line: None)
    repairs = [entry for entry in extract.quality if entry["kind"] == "repair"]
    left_out = sum(int(entry["rows"]) for entry in extract.quality if entry["kind"] == "left out")
    print(
        f"{run.params.audit}: read {sum(extract.raw_rows.values()):,} rows of {len(extract.raw_rows)} tables, "
        f"{left_out:,} left out, {sum(int(entry['rows']) for entry in repairs):,} repairs by "
        f"{len({entry['rule'] for entry in repairs})} rules ({time.monotonic() - started:.1f} s)"
    )


def _check_extract(parsed: argparse.Namespace) -> None:
    from naome.ingest import check_run, describe_extract, say_lacking
    from naome.run import open_run

    started = time.monotonic()
    run = open_run(parsed.params, str(parsed.folder.resolve()))
    extract = check_run(run, progress=lambda line: None)
    seconds = time.monotonic() - started
    print(f"{parsed.folder}: readable as {run.params.source} for audit {run.params.audit} ({seconds:.1f} s)")
    print("\n".join([describe_extract(extract), *say_lacking(run, extract)]))


def _run(parsed: argparse.Namespace) -> None:
    from naome.chain import run_notebook
    from naome.errors import ChainError
    from naome.notebooks import find_notebook

    run = _open(parsed)
    notebook = find_notebook(parsed.notebook)
    extra = {}
    for item in parsed.parameter:
        key, separator, value = item.partition("=")
        if not separator:
            raise ChainError(f"parameter {item!r}: write KEY=VALUE")
        extra[key] = value
    started = time.monotonic()
    run_notebook(run, notebook, extra)
    print(f"{run.params.audit}: {notebook.stem} ({time.monotonic() - started:.1f} s)", flush=True)


def _chain(parsed: argparse.Namespace) -> None:
    from naome.chain import run_chain
    from naome.ingest import read_run
    from naome.notebooks import notebooks_of

    run = _open(parsed)
    notebooks_of(run.params)  # a wrong list is refused before anything is read
    read_run(run)
    run_chain(run)


def _manifest(parsed: argparse.Namespace) -> None:
    from naome.chain import write_manifest
    from naome.paths import project_root
    from naome.render.site import choose_renderer

    program, version, why = choose_renderer(project_root(), "auto")
    print(write_manifest(_open(parsed), f"Quarto {version}" if program else f"preview ({why})"))


def _simulate_study(parsed: argparse.Namespace) -> None:
    from naome.study import run_study, study_folder

    started = time.monotonic()
    folder = parsed.out or study_folder()
    path = run_study(replicates=parsed.replicates, seed=parsed.seed, workers=parsed.workers, folder=folder)
    print(f"{path}: {parsed.replicates} data sets per situation ({time.monotonic() - started:.1f} s)")


def _compare_truth(parsed: argparse.Namespace) -> None:
    from naome.paths import resolve, runs_root, write_text
    from naome.run import open_run
    from naome.synthetic.report import write_report

    runs = [open_run(name) for name in parsed.audits.split(",")]
    root = parsed.truth or resolve("data/truth")
    page = parsed.out or runs_root() / "truth" / "cohorts-against-truth.qmd"
    write_text(write_report(runs, [root / run.params.audit for run in runs]), page)
    print(f"truth: {page}")


def _downloads(parsed: argparse.Namespace) -> None:
    from naome.paths import resolve
    from naome.publish.downloads import collect_results, write_downloads
    from naome.run import open_run

    runs = [open_run(audit) for audit in parsed.audits.split(",")]
    for run in runs:
        collect_results(run)
    results, _ = write_downloads(runs, parsed.out or resolve("downloads"))
    print(f"downloads: {results}")


def _render(parsed: argparse.Namespace) -> int:
    from naome.paths import project_root
    from naome.render import run_render

    return run_render(project_root(), renderer=parsed.renderer, check=parsed.check)


if __name__ == "__main__":
    sys.exit(main())
