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
    bad = [row.strip() for row in rows if FAILURES.search(row)]
    if process.returncode and not bad:
        bad = [f"ended with code {process.returncode}", *[row.strip() for row in rows[-3:] if row.strip()]]
    if bad:
        raise Refused([Problem("quarto render", n, row, "mend what the log names") for n, row in enumerate(bad, 1)])


def _ask_version(program: Path) -> str | None:
    try:
        done = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+\.\d+(?:\.\d+)?", done.stdout)
    return found[0] if done.returncode == 0 and found else None
