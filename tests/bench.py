"""Times the extract-sized steps: simulate, read, derive, and raw files to analysis table in one process.

    python tests/bench.py                          # England at national size
    python tests/bench.py --scales 0.1 1 10        # growth: seconds per million rows should not rise
    python tests/bench.py --data FOLDER            # an extract that is there already
    python tests/bench.py --notebooks runs         # what the notebooks of finished runs took, from their records

Every step runs in a process of its own, so that memory and imports are its own. Nothing
is written into the project unless ``--out`` says where. Not a test: a machine that is
busy with something else is slow, and the user's CPU seconds tell.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AUDITS = ("england", "wales")
HEADERS = ("scale", "step", "rows", "seconds", "CPU s", "of it user", "import s", "peak MB", "s per million rows")
IMPORTS = {
    "simulate": "import naome_synthetic",
    "read": "import naome.workflow.ingest, naome.workflow.plan, naome.workflow.run",
    "derive": "import naome.cohort.derive, naome.workflow.run",
    "raw to analysis": "import naome.workflow.ingest, naome.workflow.run, naome.cohort.derive",
}


def main() -> None:
    """Run the steps at each scale and print one table."""
    parser = _parser()
    parsed = parser.parse_args()
    if parsed.notebooks:
        _print_notebooks(parsed.notebooks)
        return
    if parsed.step:
        if parsed.data is None or parsed.run_dir is None:
            parser.error("--step is how this program calls itself; leave it out")
        _run_step(parsed)
        return
    rows = []
    for scale in parsed.scales or [parsed.scale]:
        with tempfile.TemporaryDirectory(prefix="naome-bench-", dir=parsed.scratch) as scratch:
            rows += _bench_scale(parsed, scale, Path(scratch))
    _print(rows)
    if parsed.out:
        parsed.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audit", choices=AUDITS, default="england")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is national size (default)")
    parser.add_argument("--scales", type=float, nargs="+", help="several, one after the other")
    parser.add_argument("--data", type=Path, help="an extract that is there already, instead of simulating one")
    parser.add_argument(
        "--notebooks", type=Path, metavar="RUNS", help="folder of finished runs: print their notebooks' times"
    )
    parser.add_argument("--scratch", type=Path, help="folder for extracts and runs (default: the system's)")
    parser.add_argument("--out", type=Path, help="also write the measurements here, as JSON")
    parser.add_argument("--step", choices=sorted(IMPORTS), help=argparse.SUPPRESS)
    parser.add_argument("--run-dir", type=Path, help=argparse.SUPPRESS)
    return parser


def _bench_scale(parsed: argparse.Namespace, scale: float, scratch: Path) -> list[dict]:
    data = parsed.data or scratch / "extract"
    rows = []
    for step in IMPORTS:
        if step == "simulate" and parsed.data:
            continue
        command = [sys.executable, __file__, "--step", step, "--audit", parsed.audit, "--scale", str(scale)]
        command += ["--data", str(data), "--run-dir", str(scratch / ("whole" if step == "raw to analysis" else "run"))]
        finished = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        rows.append({"scale": scale if not parsed.data else None, "step": step, **json.loads(finished.stdout)})
        _print(rows[-1:], head=False, to=sys.stderr)
    return rows


def _run_step(parsed: argparse.Namespace) -> None:
    """Do one step in this process and print what it took as JSON."""
    started = time.perf_counter()
    exec(IMPORTS[parsed.step], {})
    imported = time.perf_counter() - started
    before, started = os.times(), time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        rows = _do(parsed)
    seconds, after = time.perf_counter() - started, os.times()
    user = after.user - before.user
    took = {
        "rows": rows,
        "seconds": round(seconds, 2),
        "user_seconds": round(user, 2),
        "cpu_seconds": round(user + after.system - before.system, 2),
        "import_seconds": round(imported, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(took))


def _do(parsed: argparse.Namespace) -> int:
    """Do one step; return the raw rows it is about."""
    if parsed.step == "simulate":
        from naome_synthetic import write_extract

        truth = parsed.data.parent / "truth"
        return sum(write_extract(parsed.audit, parsed.data, truth, scale=parsed.scale, seed=2024)["rows"].values())
    folder = str(parsed.run_dir.resolve())
    if parsed.step != "derive":
        from naome.workflow.ingest import read_run
        from naome.workflow.plan import plan_run

        read_run(plan_run(parsed.audit, str(parsed.data.resolve()), folder), progress=lambda line: None)
    from naome.workflow.run import open_run

    run = open_run(run_dir=folder)
    if parsed.step != "read":
        from naome.cohort.derive import derive_cohorts

        cohorts = derive_cohorts(run.params, run.canonical, rules=run.study.rules)
        run.save("analysis", cohorts.analysis)
        run.save("attrition", cohorts.attrition)
    return sum(run.read_record["raw_rows"].values())


def _print_notebooks(runs: Path) -> None:
    """Print own (seconds of the cells), start (until the first cell) and total of every step, and their sums."""
    steps = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(runs.glob("*/steps/*.json"))]
    print(f"{'run':<28}{'notebook':<28}{'own':>8}{'start':>8}{'total':>8}")
    for step in steps:
        times = "".join(f"{step['seconds'][name]:>8.2f}" for name in ("own", "start", "total"))
        print(f"{step['run_id']:<28}{step['notebook']:<28}{times}")
    own, start, total = (sum(step["seconds"][name] for step in steps) for name in ("own", "start", "total"))
    print(f"{'sum of ' + str(len(steps)) + ' notebooks':<56}{own:>8.1f}{start:>8.1f}{total:>8.1f}")
    print(f"total / own: {total / own:.2f}")


def _print(rows: list[dict], *, head: bool = True, to=None) -> None:
    lines = [HEADERS] if head else []
    for row in rows:
        speed = f"{row['seconds'] / row['rows'] * 1e6:.2f}"
        scale = "-" if row["scale"] is None else f"{row['scale']:g}"
        numbers = (row["seconds"], row["cpu_seconds"], row["user_seconds"], row["import_seconds"])
        lines.append(
            (scale, row["step"], f"{row['rows']:,}", *(f"{n:.2f}" for n in numbers), f"{row['peak_mb']:,}", speed)
        )
    widths = (6, 16, 13, 9, 9, 11, 9, 8, 19)
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[1] = line[1].ljust(widths[1])
        print("  ".join(cells), file=to or sys.stdout, flush=True)


if __name__ == "__main__":
    main()
