"""Where a released result comes from, for the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from naome.core.errors import NaomeError, RunError
from naome.core.run_folder import MANIFEST, list_runs
from naome.report.finished import FinishedRun, open_finished
from naome.report.publication.report import open_audit
from naome.report.publication.trace import explain_result
from naome.workflow.pages import load_pages

RESULT = re.compile(r"r-[0-9a-f]{10}")


def explain(result: str, runs: Iterable[str | Path] | None = None) -> str:
    """Say what a released result is, how it was made and by which run: by each, where several released it.

    A run that cannot be read is named at the end: it keeps nothing of the others from being explained.

    Parameters
    ----------
    result : str
        Its identifier.
    runs : iterable of str or Path, optional
        Where to look; all finished runs by default.

    Returns
    -------
    str
        One line per fact, and an empty line between runs.

    Raises
    ------
    RunError
        If it is not an identifier, or no run has released such a result.
    """
    if not RESULT.fullmatch(result):
        raise RunError(f"{result!r} is no identifier of a result; allowed: r- and ten digits or letters a to f.")
    names = list(runs) if runs is not None else list_runs(MANIFEST)
    found, searched, unread = {}, [], []
    for name in names:
        try:
            run = open_finished(name)
            searched.append(str(name))
            if run.run_id not in found and (facts := _find_facts(result, run)):
                found[run.run_id] = "\n".join(f"{fact}: {_plain(text)}" for fact, text in facts if text)
        except NaomeError as error:
            unread.append(f"Not searched: {error}")
    if not found:
        where = ", ".join(searched) or "none"
        raise RunError("\n  ".join([f"no finished run has released {result}. Searched: {where}.", *unread]))
    return "\n\n".join([*found.values(), *unread])


def _find_facts(result: str, run: FinishedRun) -> list[tuple[str, str]]:
    """Return what is known of a result by name of the fact; nothing where the run has not released it."""
    pages = {frame: f"notebooks/{page.notebook}.ipynb" for page in load_pages().notebooks for frame in page.saves}
    audit = open_audit(run, pages)
    rows = audit.results[audit.results["result_id"] == result] if len(audit.results) else audit.results
    return explain_result(rows.iloc[0].to_dict(), audit) if len(rows) else []


def _plain(text: str) -> str:
    """Return Markdown as plain text: links as their words, without marks."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "").replace("**", "").replace("*", "")
