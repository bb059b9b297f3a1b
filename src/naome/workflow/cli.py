"""The command line: ``naome <command>``. Each command is one thing; ``--help`` says what."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from naome import __version__
from naome.core.errors import NaomeError, explain_system
from naome.core.out_folder import check_out
from naome.core.run_folder import MANIFEST, READ_RECORD, place_run
from naome.workflow.attack_words import describe_keys
from naome.workflow.command_parser import CommandParser
from naome.workflow.endings import exit_code_of, heed_requests
from naome.workflow.fonts import fonts_apart
from naome.workflow.warm import run_warm

if TYPE_CHECKING:
    from naome.workflow.plan import RunPlan
    from naome.workflow.run import Run

#: How a run is named, by every command and by make
NAMED = "a name, of a folder in runs/ (or NAOME_RUNS), or a path such as ./mine"
#: What is said of what an interrupted command leaves, where it is not what most of them leave
NOTHING_LEFT = "nothing is left half-written"
KEPT = "what was finished is kept, run the command again to go on"
NOTEBOOKS_KEPT = (
    "the notebooks that were finished are kept: the same command with --resume goes on, and without it begins anew"
)
#: Commands of earlier versions, and what they are called now
MOVED = {
    "simulate": "naome-synthetic simulate",
    "compare-truth": "naome-synthetic compare-truth",
    "simulate-study": "naome simulation-study",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code (0 well, 2 refused with a message, 1 unexpected)."""
    after = NOTHING_LEFT
    try:
        try:
            given = sys.argv[1:] if arguments is None else arguments
            parsed = _parse(given)
            after = getattr(parsed, "after", NOTHING_LEFT)
            if arguments is None:
                heed_requests()
                if (code := run_warm(given)) is not None:
                    return code
            return parsed.do(parsed) or 0
        finally:
            sys.stdout.flush()
    except NaomeError as error:
        print(f"naome: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as ended:
        print(f"naome: interrupted; {after}", file=sys.stderr)
        return exit_code_of(ended)
    except BrokenPipeError:  # what reads the output, such as head, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        print(f"naome: {explain_system(error, 'NAOME_RUNS or --run')}", file=sys.stderr)
        return 2


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = _parser()
    if arguments and arguments[0] in MOVED:
        parser.error(f"{arguments[0]} is now `{MOVED[arguments[0]]}`")
    return parser.parse_args(arguments)


class _KeysAsTheyAre(argparse.HelpFormatter):
    """Leaves a list of several lines as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="naome", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--version", action="version", version=f"naome {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    new = commands.add_parser("new-audit", help="write a parameter file to start from")
    new.add_argument("name", help="name of the audit: small letters, digits, hyphens, e.g. mersey-2022")
    new.add_argument("--like", required=True, help="shipped audit or parameter file that it resembles, e.g. england")
    new.add_argument("--title", help="how pages name it (default: made from the name)")
    new.add_argument("--data", default="", help="folder of its extract")
    new.add_argument("--out", type=Path, default=Path(), help="folder of the new file (default: this one)")
    new.set_defaults(do=_new_audit)

    read = commands.add_parser("read", help="read an extract into a run's folder")
    _add_audit(read)
    _add_run(read)
    _add_replace(read)
    read.set_defaults(do=_read)

    check = commands.add_parser("check-extract", help="check an extract and write nothing")
    check.add_argument("folder", type=Path)
    check.add_argument("--params", required=True, help="parameter file or audit name")
    check.set_defaults(do=_check_extract)

    run = commands.add_parser("run", help="execute one notebook of a run, strictly")
    run.add_argument("notebook", help="number or name, e.g. 04 or 04-kaplan-meier-survival")
    _add_step(run)
    run.add_argument("-p", "--parameter", action="append", default=[], metavar="KEY=VALUE", help="another parameter")
    run.set_defaults(do=_run)

    chain = commands.add_parser(
        "chain",
        help="read an extract, execute the notebooks of its audit, draw its site",
        description="One command from an extract to a site. Give --params, --data and --run several times, in the "
        "same order, for several audits on one site: people of England and Wales are pooled where that is allowed. "
        "What is there is made again, so nothing has to be forced; with --resume what an earlier chain finished stays.",
    )
    chain.add_argument(
        "--params", "--audit", required=True, action="append", dest="audit", help="parameter file or name"
    )
    chain.add_argument("--data", action="append", default=[], help="folder of the extract")
    _add_run(chain, action="append", default=[])
    chain.add_argument("--cores", type=_at_least_one, default=2, help="notebooks at the same time (default 2)")
    chain.add_argument("--site", type=Path, help="folder of the site (default: site/ in the first run's folder)")
    chain.add_argument("--no-site", action="store_true", help="draw no site")
    chain.add_argument(
        "--resume",
        action="store_true",
        help="go on where an earlier chain ended: what was read and executed from the same inputs, by the same code "
        "and notebooks, stays as it is",
    )
    _add_replace(chain)
    chain.set_defaults(do=_chain, after=NOTEBOOKS_KEPT)

    manifest = commands.add_parser("manifest", help="write a run's manifest.json")
    _add_step(manifest)
    manifest.set_defaults(do=_manifest)

    attack = commands.add_parser(
        "attack",
        help="attack what a run has released, and say what could be worked out",
        description="Work out from the released results, the organisation tree and the definitions what a reader "
        "could, and compare it with what the disclosure policy guarantees. Prints numbers of counts and the tables "
        "in which something fails, never a count; exit code 2 if more can be worked out, with the keys of the "
        "parameters that would change it. `naome manifest` does the same before a run is finished.",
        epilog=describe_keys(),
        formatter_class=_KeysAsTheyAre,
    )
    _add_step(attack)
    attack.add_argument(
        "--thorough",
        action="store_true",
        help="work out by linear programming, from all relations together, the range of every suppressed count that is "
        "close to the guaranteed one, not only of some hundred (takes minutes)",
    )
    attack.set_defaults(do=_attack)

    workflow = commands.add_parser("workflow", help="make the site, or the files named, as far as they are not there")
    workflow.add_argument("targets", nargs="*", help="files to make (default: the site)")
    workflow.add_argument("--cores", type=_at_least_one, default=2, help="steps at the same time (default 2)")
    workflow.add_argument("--scale", default="1", help="size of the synthetic extracts, 1 is national (default 1)")
    workflow.add_argument("--audits", default="", help="names separated by commas, instead of the site's audits")
    workflow.set_defaults(do=_workflow, after=KEPT)

    study = commands.add_parser(
        "simulation-study", help="run the simulation study of provider methods (an hour or more)"
    )
    study.add_argument("--replicates", type=int, default=200, help="data sets per situation (default 200)")
    study.add_argument("--seed", type=int, default=2024, help="same seed and versions, same numbers (default 2024)")
    study.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    study.add_argument("--out", type=Path, help="folder of the summary (default methodology/simulation)")
    study.set_defaults(do=_simulation_study)

    downloads = commands.add_parser("downloads", help="write all released results and their data dictionary")
    _add_runs(downloads)
    downloads.add_argument("--out", type=Path, default=Path("downloads"), help="folder (default downloads)")
    downloads.set_defaults(do=_downloads)

    plans = commands.add_parser(
        "action-plans",
        help="write a local action plan for each organisation of finished runs",
        description="Write a text document (docx) for each organisation: its released results on the measures of each "
        "recommendation, its position beside the nation, actions that fit it, and room for what is agreed locally.",
    )
    _add_runs(plans)
    plans.add_argument("--out", type=Path, default=Path("action-plans"), help="folder (default action-plans)")
    plans.add_argument("--organisation", default="", metavar="CODE", help="only this organisation (default: all)")
    plans.set_defaults(do=_action_plans)

    render = commands.add_parser("render", help="draw a site of finished runs")
    _add_runs(render, "those of the site that is shipped")
    render.add_argument("--out", "--site", type=Path, help="folder of the site (default _site in the project)")
    render.add_argument("--renderer", choices=["auto", "quarto", "preview"], default="auto")
    render.add_argument("--check", action="store_true", help="only list what is outside the portable subset")
    render.set_defaults(do=_render)

    explain = commands.add_parser(
        "explain", help="say where a released result comes from: definition, rules, code lists, method, notebook, run"
    )
    explain.add_argument("result", help="identifier of a result, as pages and results.csv have it, e.g. r-06ffae36ad")
    _add_runs(explain, "all finished runs")
    explain.set_defaults(do=_explain)

    compare = commands.add_parser(
        "compare",
        help="list every released result in which two finished runs differ",
        description="Compare what two finished runs of one nation released: an earlier and a later version of the "
        "program, of the parameters or of the extract. Prints how many results differ by measure; --out has every "
        "value that differs, before and after. Differences below 1e-9 of a number are those of the machine.",
    )
    compare.add_argument("before", type=place_run, metavar="BEFORE", help=f"run: {NAMED}")
    compare.add_argument("after", type=place_run, metavar="AFTER", help=f"run: {NAMED}")
    compare.add_argument("--out", type=Path, metavar="FILE.csv", help="file for every value that differs")
    compare.set_defaults(do=_compare)

    docs = commands.add_parser("docs", help="write again the reference pages that are made from code")
    docs.add_argument("--check", action="store_true", help="write nothing; say what is out of date")
    docs.set_defaults(do=_docs)

    refresh = commands.add_parser("refresh", help="execute the committed notebooks again and keep their outputs")
    refresh.add_argument("notebooks", nargs="*", metavar="notebook", help="number or name (default: all)")
    refresh.set_defaults(do=_refresh)
    return parser


def _add_audit(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--params", "--audit", required=required, default="", dest="audit", help="parameter file or name"
    )
    parser.add_argument("--data", default="", help="folder of the extract (default: data_dir of the parameters)")


def _add_run(parser: argparse.ArgumentParser, action: str = "store", default: str | list[str] = "") -> None:
    """Let a command name the run that it reads or writes; ``--run-dir`` of earlier versions is always a folder."""
    parser.add_argument(
        "--run",
        dest="run_dir",
        type=place_run,
        action=action,
        default=default,
        metavar="RUN",
        help=f"run: {NAMED} (default: runs/AUDIT)",
    )
    parser.add_argument("--run-dir", dest="run_dir", action=action, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def _add_runs(parser: argparse.ArgumentParser, otherwise: str = "") -> None:
    """Let a command name the finished runs that it shows; ``--audits`` is the name of earlier versions."""
    either = parser.add_mutually_exclusive_group(required=not otherwise)
    default = f" (default: {otherwise})" if otherwise else ""
    either.add_argument("--run", dest="runs", metavar="RUN,RUN", help=f"runs: each {NAMED}{default}")
    either.add_argument("--audits", dest="runs", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def _add_step(parser: argparse.ArgumentParser) -> None:
    _add_audit(parser, required=False)
    _add_run(parser)


def _at_least_one(text: str) -> int:
    """Return a number of processes."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; allowed: a whole number from 1")
    return int(text)


def _add_replace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--replace", action="store_true", help="replace a run of other data or another parameter file")


@contextmanager
def _private() -> Iterator[None]:
    """Let nobody else read what a run writes: its files are about people."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _new_audit(parsed: argparse.Namespace) -> None:
    from naome.workflow.new_audit import describe_disclosure, write_audit

    file = write_audit(parsed.name, like=parsed.like, title=parsed.title, data=parsed.data, folder=parsed.out)
    quoted = shlex.quote(str(file))
    folder = shlex.quote(str(Path(parsed.data).expanduser().absolute())) if parsed.data else "FOLDER"
    print(f"{file}: a copy of {parsed.like} under the name {parsed.name}; look through its dates and choices, then run")
    print(f"  naome check-extract {folder} --params {quoted}")
    print(f"  naome chain --params {quoted}{'' if parsed.data else ' --data FOLDER'}")
    print(describe_disclosure(file))


def _check_params(*sources: str) -> None:
    """Refuse a parameter file before anything that takes seconds to import."""
    from naome.core.params import load_params

    for source in sources:
        load_params(source)


def _read(parsed: argparse.Namespace) -> None:
    _check_params(parsed.audit)
    from naome.core.lock import lock_folder
    from naome.workflow.plan import plan_run

    plan = plan_run(parsed.audit, parsed.data, parsed.run_dir, replace=parsed.replace)
    with _private(), lock_folder(plan.folder):
        _read_plan(plan)


def _read_plan(plan: RunPlan) -> Run:
    from naome.workflow.extract_report import describe_reading
    from naome.workflow.ingest import read_run

    started = time.monotonic()
    run, extract = read_run(plan, progress=lambda line: None)
    seconds = time.monotonic() - started
    print(f"{run.folder.name}: {describe_reading(extract, exact=run.params.disclosure.shows_nation)} ({seconds:.1f} s)")
    for sentence in run.read_record["lacking"]:
        print(f"{run.folder.name}: {sentence}")
    for sentence in run.read_record["warnings"]:
        print(f"{run.folder.name}: warning: {sentence}")
    print(f"{run.folder.name}: {plan.describe_marking()}; run {run.current_id} in {run.folder}", flush=True)
    return run


def _check_extract(parsed: argparse.Namespace) -> None:
    _check_params(parsed.params)
    from naome.core.errors import ParamsError
    from naome.workflow.extract_report import describe_extract, describe_reading, describe_sizes
    from naome.workflow.ingest import check_extract, say_lacking
    from naome.workflow.plan import plan_check

    started = time.monotonic()
    plan = plan_check(parsed.params, str(parsed.folder))
    checked = check_extract(plan, progress=lambda line: None)
    seconds = time.monotonic() - started
    print(f"{parsed.folder}: readable as {plan.params.source} for audit {plan.params.audit} ({seconds:.1f} s)")
    print(f"{parsed.folder}: {plan.describe_marking()}")
    print(f"{parsed.folder}: {describe_reading(checked.extract)}")
    print(f"\n{describe_extract(checked.extract, say_lacking(plan, checked.extract), plan.params.censor_date)}")
    print(f"\n{describe_sizes(checked.sizes)}", flush=True)
    if checked.refusals:
        raise ParamsError(
            "\n  ".join(["this extract can be read, but a run of it would be refused:", *checked.refusals])
        )


def _open_step(parsed: argparse.Namespace) -> Run:
    """Open the run of a step; say what has changed since it was finished."""
    from naome.workflow.plan import open_step

    run = open_step(parsed.audit, parsed.data, parsed.run_dir)
    if run.changes:
        print(f"naome: {run.describe_changes()}", file=sys.stderr)
    return run


def _run(parsed: argparse.Namespace) -> None:
    from naome.core.errors import RunError
    from naome.workflow.pages import find_notebook

    notebook = find_notebook(parsed.notebook)
    extra = {}
    for item in parsed.parameter:
        key, separator, value = item.partition("=")
        if not separator:
            raise RunError(f"parameter {item!r}: write KEY=VALUE")
        extra[key] = value
    from naome.core.lock import HELD, lock_folder
    from naome.workflow.execute import check_parameters, run_notebook

    check_parameters(notebook, {"audit": parsed.audit, **extra})
    run = _open_step(parsed)
    started = time.monotonic()
    held = os.environ.get(HELD) == str(run.folder.absolute())  # by the chain that this is a step of
    with _private(), nullcontext() if held else lock_folder(run.folder, shared=True):
        run_notebook(run, notebook, extra)
    print(f"{run.folder.name}: {notebook.stem} ({time.monotonic() - started:.1f} s)", flush=True)


def _chain(parsed: argparse.Namespace) -> None:
    from naome.core.errors import RunError

    audits = len(parsed.audit)
    for option, given in (("--data", parsed.data), ("--run", parsed.run_dir)):
        if len(given) not in (0, audits):
            raise RunError(
                f"{option} is given {len(given)} times for {audits} audits; give it once for each, or never."
            )
    _check_params(*parsed.audit)
    from naome.core.lock import lock_folder
    from naome.workflow.chain import list_executed, run_chain
    from naome.workflow.egress import check_site_egress
    from naome.workflow.manifest import write_manifest
    from naome.workflow.plan import plan_run
    from sitepreview import holds_site

    data, folders = parsed.data or [""] * audits, parsed.run_dir or [""] * audits
    plans = [plan_run(*each, replace=parsed.replace) for each in zip(parsed.audit, data, folders, strict=True)]
    if len({plan.folder for plan in plans}) < audits:
        raise RunError("two audits have the same folder. Hint: give each a --run of its own.")
    own, site = [plan.folder for plan in plans], parsed.site or plans[0].folder / "site"
    if not parsed.no_site and (parsed.site or site.exists()):
        check_out(site, holds_site, option="--site", extracts=[plan.inputs.folder for plan in plans], runs=own)
        check_site_egress(site)
    with ExitStack() as held:
        held.enter_context(_private())
        for plan in plans:
            held.enter_context(lock_folder(plan.folder))
        runs = [_begin(plan, resume=parsed.resume) for plan in plans]
        executed = list_executed(runs) if parsed.resume else set()
        for folder, kept in Counter(step.run for step in executed).items():
            print(f"{folder.name}: notebooks that are executed already and stay: {kept}", flush=True)
        run_chain(runs, cores=parsed.cores, executed=executed)
        for run in runs:
            write_manifest(run)
    if not parsed.no_site:
        _draw_site(own, site)


def _begin(plan: RunPlan, *, resume: bool) -> Run:
    """Read the extract of a run of the chain, if it is not read already and that is to stay."""
    from naome.workflow.ingest import is_read
    from naome.workflow.run import Run

    if not resume:
        _announce_again(plan)
    elif is_read(plan):
        run = Run(plan.folder)
        print(f"{run.folder.name}: the extract is read already; run {run.current_id} in {run.folder}", flush=True)
        return run
    return _read_plan(plan)


def _announce_again(plan: RunPlan) -> None:
    """Say of a run that is there what the chain does with it, and what does less."""
    if (plan.folder / READ_RECORD).is_file():
        run = shlex.quote(str(plan.folder))
        state = "finished" if (plan.folder / MANIFEST).is_file() else "not finished"
        print(
            f"{plan.folder.name}: the run is there, {state}; it is made again: the extract is read, and every "
            "notebook executed. Less: the same command with --resume keeps what is there as it would be made now; "
            f"`naome run NUMBER --run {run}` executes one notebook, `naome manifest --run {run}` finishes the run, "
            f"`naome render --run {run} --out FOLDER` draws a site of it.",
            flush=True,
        )


def _draw_site(folders: list[Path], out: Path) -> None:
    with fonts_apart():
        from naome.workflow.site import render_runs

        report = render_runs(folders, out, progress=print)
    print(f"site: {report.out_dir / 'index.html'}")


def _manifest(parsed: argparse.Namespace) -> None:
    from naome.core.lock import lock_folder
    from naome.core.paths import project_root
    from naome.workflow.manifest import write_manifest
    from naome.workflow.plan import open_step
    from sitepreview import choose_renderer

    run = open_step(parsed.audit, parsed.data, parsed.run_dir)  # whatever its manifest was
    program, version, why = choose_renderer(project_root(), "auto")
    with _private(), lock_folder(run.folder, shared=True):
        print(write_manifest(run, f"Quarto {version}" if program else f"preview ({why})"))


def _attack(parsed: argparse.Namespace) -> int:
    import json

    from naome.workflow.attack_run import explain_attack, find_attack

    run = _open_step(parsed)
    found = find_attack(run, thorough=parsed.thorough)
    print(json.dumps(found.to_dict(), indent=1), flush=True)
    if not found.passed:
        print(f"naome: {explain_attack(run, found)}", file=sys.stderr)
    return 0 if found.passed else 2


def _workflow(parsed: argparse.Namespace) -> int:
    from naome.workflow.graph import run_workflow

    return run_workflow(parsed.targets, cores=parsed.cores, scale=parsed.scale, audits=parsed.audits)


def _simulation_study(parsed: argparse.Namespace) -> None:
    from naome.workflow.simulation_study import holds_study, run_study, study_folder

    started = time.monotonic()
    folder = parsed.out or study_folder()
    check_out(folder, holds_study)
    path = run_study(replicates=parsed.replicates, seed=parsed.seed, workers=parsed.workers, folder=folder)
    print(f"{path}: {parsed.replicates} data sets per situation ({time.monotonic() - started:.1f} s)")


def _downloads(parsed: argparse.Namespace) -> None:
    from naome.report.downloads import holds_downloads, write_downloads
    from naome.report.finished import open_all_finished

    check_out(parsed.out, holds_downloads)
    results, _ = write_downloads(open_all_finished(parsed.runs.split(",")), parsed.out)
    print(f"downloads: {results}")


def _action_plans(parsed: argparse.Namespace) -> None:
    from naome.report.action_plans import holds_plans, write_action_plans
    from naome.report.finished import open_all_finished

    check_out(parsed.out, holds_plans)
    write_action_plans(open_all_finished(parsed.runs.split(",")), parsed.out, parsed.organisation)


def _explain(parsed: argparse.Namespace) -> None:
    from naome.workflow.explain import explain

    print(explain(parsed.result, parsed.runs.split(",") if parsed.runs else None))


def _compare(parsed: argparse.Namespace) -> None:
    from naome.core.spreadsheets import write_csv
    from naome.report.finished import open_finished
    from naome.report.revisions import check_list, describe_revisions, list_revisions

    before, after = open_finished(parsed.before), open_finished(parsed.after)
    if parsed.out is not None:
        check_list(parsed.out, (before, after))
    revisions = list_revisions(before, after)
    if parsed.out is not None:
        write_csv(revisions, parsed.out)
    print(describe_revisions(before, after, revisions))
    if parsed.out is not None:
        print(f"\nevery value that differs: {parsed.out}")


def _render(parsed: argparse.Namespace) -> None:
    from naome.core.paths import project_root
    from naome.workflow.pages import load_pages

    if parsed.check:
        from naome.workflow.site import check_pages

        check_pages(project_root())
        print("every page is inside the portable subset")
        return
    runs, out = parsed.runs.split(",") if parsed.runs else load_pages().site, parsed.out or project_root() / "_site"
    with fonts_apart():
        from naome.workflow.site import render_runs

        print(render_runs(runs, out, parsed.renderer, lambda row: print(row, flush=True)))


def _docs(parsed: argparse.Namespace) -> None:
    from naome.core.errors import RunError
    from naome.workflow.docs import DOCS, find_stale_docs, write_docs

    if parsed.check and (stale := find_stale_docs()):
        raise RunError(f"{', '.join(stale)}: out of date. Hint: naome docs.")
    written = [] if parsed.check else write_docs()
    for name in DOCS:
        print(f"{name}: {'written' if name in written else 'up to date'}")


def _refresh(parsed: argparse.Namespace) -> None:
    from naome.workflow.refresh import refresh_notebooks

    refresh_notebooks(parsed.notebooks)


if __name__ == "__main__":
    sys.exit(main())
