"""Quarto itself: is it there and new enough, and did it really succeed."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sitepreview.problems import Problem, Refused

OLDEST = (1, 9)
# Quarto ends with code 0 on all of these
FAILURES = re.compile(r"\bWARN(?:ING)?\b|Unable to resolve|[Cc]iteproc|\bERROR\b")
PAGE = re.compile(r"\[\s*\d+/\d+\] (\S.*)")
# Lines that follow an error and say where it is
EXPLAINED = 8
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def find_quarto(root: Path) -> tuple[Path | None, str, str]:
    """Find a Quarto that is new enough: on PATH, in the environment that runs this, or in the project's `.venv`.

    Returns
    -------
    (Path or None, str, str)
        The program, its version, and the reason: which one was taken, or why none was.
    """
    on_path = shutil.which("quarto")
    candidates = [Path(on_path)] if on_path else []
    for local in (Path(sys.executable).parent / "quarto", root / ".venv" / "bin" / "quarto"):
        if os.access(local, os.X_OK) and local not in candidates:
            candidates.append(local)
    reasons = []
    for program in candidates:
        number = _ask_version(program)
        if number is None:
            reasons.append(f"{program} does not tell its version")
        elif tuple(map(int, number.split(".")[:2])) < OLDEST:
            reasons.append(f"Quarto {number} at {program} is older than {OLDEST[0]}.{OLDEST[1]}")
        else:
            return program, number, f"Quarto {number} at {program}"
    return None, "", "; ".join(reasons) or "Quarto is not installed"


def run_quarto(program: Path, root: Path, say: Callable[[str], None]) -> None:
    """Run `quarto render` in the project and treat each warning as a failure.

    Raises
    ------
    Refused
        With every line of Quarto's log that warns or fails.
    """
    with subprocess.Popen(
        [str(program), "render"],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        rows = []
        for row in process.stdout:
            rows.append(ANSI.sub("", row).rstrip())
            if rows[-1]:
                say(f"quarto: {rows[-1]}")
    problems = _read_log(rows)
    if process.returncode and not problems:
        said = " / ".join(row.strip() for row in rows[-3:] if row.strip())
        problems = [_log_problem("", f"ended with code {process.returncode}: {said or 'no word'}")]
    if problems:
        raise Refused(problems)


def _read_log(rows: list[str]) -> list[Problem]:
    """Find the lines of a log that warn or fail, each with the page that was being drawn."""
    problems: list[Problem] = []
    page = ""
    for n, row in enumerate(rows):
        if found := PAGE.match(row):
            page = found[1].strip()
        if not FAILURES.search(row):
            continue
        more: list[str] = []
        if "ERROR" in row:
            for later in rows[n + 1 : n + 1 + EXPLAINED]:
                if PAGE.match(later) or FAILURES.search(later):
                    break
                more += [later.strip()] if later.strip() else []
        problems.append(_log_problem(page, " / ".join([row.strip(), *more])))
    return problems


def _log_problem(page: str, what: str) -> Problem:
    return Problem(page or "quarto render", None, what, "mend what the log names")


def _ask_version(program: Path) -> str | None:
    try:
        done = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+\.\d+(?:\.\d+)?", done.stdout)
    return found[0] if done.returncode == 0 and found else None
