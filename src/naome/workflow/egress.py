"""Sheets of every file that would leave, for the person who checks outputs: of a run, and of a drawn site."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from naome.core.atomic import write_text
from naome.core.errors import RunError
from naome.core.params import Disclosure
from naome.core.results import NATIONAL_LEVELS
from naome.core.run_files import read_frame, read_record
from naome.core.spreadsheets import write_csv
from naome.release.attack import Attack
from naome.release.policy import POLICIES, Policy
from naome.report.finished import FinishedRun
from naome.workflow.attack_words import ATTACK_FOUND
from naome.workflow.run import Run

UNSHOWN = ["suppressed", "too_few", "not_derivable"]
SHEET = ["file", "measures", "levels", "rows", *UNSHOWN, "smallest_count", "tables", "figures", "exceptions", "sha256"]
#: Title of the sheet of a site, and characters at the beginning of a file by which a sheet is known
SITE_TITLE, LOOKED_AT = "Egress sheet of the site", 1000
SITE_SHEET = ["file", "runs", "policy", "attack", "tables", "figures", "exceptions", "bytes", "sha256"]
STYLE = (
    "body{font-family:sans-serif;margin:2rem}table{border-collapse:collapse}"
    "td,th{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #bbb}td{max-width:36rem}"
)
NO_COUNTS = "No counts: organisations of which results are released, with their names or their outlier status."
#: Why a file without results may leave
NO_RESULTS = "No results: text, style or program of the site."


def tabulate_files(run: Run, digests: Mapping[str, str]) -> pd.DataFrame:
    """List every file that would leave a run, with what it holds.

    Parameters
    ----------
    run : Run
    digests : mapping of str to str
        Files, relative to the run's folder -> sha256.

    Returns
    -------
    DataFrame
        ``SHEET``: one row per file. Released frames have counts of rows and the smallest count above zero below the
        nation; pages the tables and figures they show; ``exceptions`` says what is shown though it was not protected,
        and why it may be.
    """
    rows = []
    for name, digest in digests.items():
        file = run.folder / name
        found: dict[str, object] = {}
        if name.endswith(".parquet"):
            found = _describe_frame(read_frame(file), run.params.disclosure)
        elif name.endswith(".ipynb"):
            found = describe_page(read_record(file, {"cells": list}))
        rows.append({"file": name, "sha256": digest, **found})
    return _whole_numbers(pd.DataFrame(rows).reindex(columns=SHEET))


def write_egress(run: Run, attack: Attack, digests: Mapping[str, str]) -> None:
    """Write the sheet for the output checker, as ``egress.csv`` and ``egress.html`` in the run's folder.

    Parameters
    ----------
    run : Run
    attack : Attack
        What the attack found.
    digests : mapping of str to str
        As for :func:`tabulate_files`.
    """
    files = tabulate_files(run, digests)
    write_csv(files, run.folder / "egress.csv", private=True)
    values = attack.to_dict()
    rows = [(words, _say(values[name])) for name, words in ATTACK_FOUND.items()]
    report = pd.DataFrame(rows, columns=["What was found", "Value"])
    shares = pd.DataFrame(list(attack.shares.items()), columns=["Measure", "Share of organisations shown"])
    disclosure = run.params.disclosure
    head = (
        f"Run {run.current_id}, {run.marking} data. Policy {disclosure.policy}; national figures: "
        f"{disclosure.national}. Rows are suppressed because they hold a small number, or one from which a small "
        "number could be worked out; which of them is not said."
    )
    tables = {"Attack on this release": report, "Files": files, "Results of organisations shown, by measure": shares}
    _write_sheet(run.folder / "egress.html", f"Egress sheet: {run.params.title}", head, tables)


def write_site_egress(site: Path, runs: Iterable[FinishedRun], places: Mapping[str, FinishedRun]) -> Path:
    """Write the sheet of a drawn site, as ``<site>-egress.csv`` and ``.html`` beside its folder.

    Parameters
    ----------
    site : Path
        Folder of the site.
    runs : iterable of FinishedRun
        The runs it shows; each has passed the attack, or it would not be drawn.
    places : mapping of str to FinishedRun
        Executed notebook, as a path in the project of the site -> the run that made it.

    Returns
    -------
    Path
        The CSV file: ``SITE_SHEET``, one row per file of the site.
    """
    runs = list(runs)
    pages = {str(Path(place).with_suffix(".html")): (run, Path(place).stem) for place, run in places.items()}
    rows = [_describe_site_file(file, site, runs, pages) for file in sorted(site.rglob("*")) if file.is_file()]
    files = _whole_numbers(pd.DataFrame(rows).reindex(columns=SITE_SHEET))
    target, page = _place_sheet(site)
    write_csv(files, target, private=True)
    head = f"{len(files):,} files. Runs: {', '.join(run.run_id for run in runs)}. The attack on each has passed."
    _write_sheet(page, SITE_TITLE, head, {"Files": files})
    return target


def check_site_egress(site: Path) -> None:
    """Refuse a folder of a site beside which other files have the names of its sheet.

    Raises
    ------
    RunError
        With the file.
    """
    for file, sign in zip(_place_sheet(site), (",".join(SITE_SHEET), f"<title>{SITE_TITLE}</title>"), strict=True):
        if file.exists() and not (file.is_file() and sign in file.read_text("utf-8", errors="replace")[:LOOKED_AT]):
            raise RunError(
                f"{file}: is not the egress sheet of a site, which would take its place; nothing was written. Hint: "
                "name another folder for the site, or move the file."
            )


def _place_sheet(site: Path) -> tuple[Path, Path]:
    return site.parent / f"{site.name}-egress.csv", site.parent / f"{site.name}-egress.html"


def describe_page(notebook: Mapping[str, Any]) -> dict[str, object]:
    """Count the tables and figures of an executed notebook, and list why what was not protected may be shown.

    Examples
    --------
    >>> describe_page({"cells": []})
    {'tables': 0, 'figures': 0, 'exceptions': ''}
    """
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    shown = [output.get("data", {}) for output in outputs]
    texts = ["".join(data.get("text/markdown", "")) for data in shown]
    reasons = [why for output in outputs for why in output.get("metadata", {}).get("naome", {}).get("declared", [])]
    return {
        "tables": sum("<table" in text for text in texts),
        "figures": sum("image/png" in data for data in shown),
        "exceptions": " ".join(dict.fromkeys(reasons)),
    }


def _describe_frame(frame: pd.DataFrame, disclosure: Disclosure) -> dict[str, object]:
    if "result_id" not in frame:
        return {"rows": len(frame), "exceptions": NO_COUNTS}
    policy = POLICIES[disclosure.policy]
    whole = frame["level"].isin(NATIONAL_LEVELS)
    below = frame[~whole]
    counts = pd.concat([below["denominator"], below["numerator"]]).dropna()
    return {
        "measures": frame["measure"].nunique(),
        "levels": " ".join(sorted(frame["level"].unique())),
        "rows": len(frame),
        **{status: int((frame["status"] == status).sum()) for status in UNSHOWN},
        "smallest_count": counts[counts > 0].min() if (counts > 0).any() else pd.NA,
        "exceptions": " ".join(_list_exceptions(frame[whole], counts, policy, disclosure.national)),
    }


def _list_exceptions(nation: pd.DataFrame, below: pd.Series, policy: Policy, national: str) -> Sequence[str]:
    """Say what a frame shows that the policy for small numbers does not reach, each with its reason."""
    if policy.name == "none":
        return [f"All counts: policy none, {policy.source}."]
    small = nation[["denominator", "numerator"]].apply(lambda c: c.between(policy.hide_from, policy.hide_to))
    said = []
    if count := int(small.fillna(False).any(axis=1).sum()):
        span = f"{policy.hide_from} to {policy.hide_to}"
        said.append(f"{count:,} national results with a count of {span}: national figures are set to {national}.")
    if count := int((below == 0).sum()):
        said.append(f"{count:,} counts of no one below the nation: the policy allows them.")
    return said


def _describe_site_file(
    file: Path, site: Path, runs: list[FinishedRun], pages: Mapping[str, tuple[FinishedRun, str]]
) -> dict[str, object]:
    name, data = file.relative_to(site).as_posix(), file.read_bytes()
    row: dict[str, object] = {"file": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if name in pages:
        run, notebook = pages[name]
        about, found = [run], describe_page(json.loads(run.read_page(notebook)))
    elif name.endswith((".html", ".json", ".csv", ".xlsx", ".parquet", ".js", ".docx", ".pdf", ".zip")):
        about, found = runs, {"exceptions": ""}  # released results, or cells of pages, of any run
    else:
        about, found = [], {"exceptions": NO_RESULTS}
    attacks = [run.manifest["attack"] for run in about]
    row["runs"] = "all" if len(about) == len(runs) > 1 else " ".join(run.run_id for run in about)
    row["policy"] = " ".join(dict.fromkeys(str(attack.get("policy", "")) for attack in attacks))
    row["attack"] = " ".join(dict.fromkeys(str(attack["verdict"]) for attack in attacks))
    return {**row, **found}


def _write_sheet(file: Path, title: str, head: str, tables: Mapping[str, pd.DataFrame]) -> None:
    body = ""
    for name, table in tables.items():
        if "sha256" in table:  # whole in the CSV file
            table = table.assign(sha256=table["sha256"].str[:12])
        shown = table.astype(object).where(table.notna(), "")
        body += f"<h2>{name}</h2>{shown.to_html(index=False, border=0)}"
    write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><body><h1>{html.escape(title)}</h1><p>{html.escape(head)}</p>{body}</body></html>\n",
        file,
        private=True,
    )


def _whole_numbers(sheet: pd.DataFrame) -> pd.DataFrame:
    numbers = sheet.columns.intersection(["measures", "rows", *UNSHOWN, "smallest_count", "tables", "figures"])
    return sheet.astype(dict.fromkeys(numbers, "Int64"))


def _say(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {count:,}" for key, count in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
