"""What would leave a run, for the person who checks outputs: the attack on it, and a sheet of every file."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from naome.core.atomic import write_text
from naome.core.errors import ChainError
from naome.core.results import WHOLE
from naome.core.spreadsheets import write_csv
from naome.release.attack import Attack, attack_release
from naome.release.policy import POLICIES
from naome.workflow.run import Run

#: Frames in the result schema whose denominators are not people
NOT_OF_PEOPLE = ("variation",)
POOLED_FRAME = "england_wales"
SHEET = ["file", "measures", "levels", "rows", "suppressed", "too_few", "not_derivable", "smallest_count", "sha256"]
KEY = ["cohort", "measure", "group_by", "group"]


def attack_run(run: Run) -> Attack:
    """Attack everything that a run has released, and refuse the run if that finds more than the policy allows.

    Raises
    ------
    ChainError
        If more could be worked out than the policy allows, or the attack contradicts the truth. It names no measure
        or unit: what fails is counted.
    """
    found = find_attack(run)
    if not found.passed:
        what = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in found.failures.items())
        raise ChainError(
            f"{run.folder}: what would be released says more than the policy {found.policy!r} allows: {what}. "
            "Nothing may leave this run. Hint: `naome attack` shows the whole report; a policy that hides more is safe."
        )
    return found


def find_attack(run: Run) -> Attack:
    """Attack everything that a run has released, below the nation and of the nation; return what was found."""
    policy = POLICIES[run.params.disclosure.policy]
    if policy.name == "none":
        return Attack(policy.name)
    names = [file.stem for file in sorted((run.folder / "release").glob("*.parquet"))]
    pairs = {name: (_read(run, "release", name), _read(run, "results", name)) for name in names}
    own = [pair for name, pair in pairs.items() if name not in (*NOT_OF_PEOPLE, POOLED_FRAME) and _is_results(pair[1])]
    plan = run.plan
    if not own or plan is None:
        return Attack(policy.name)
    released = pd.concat([pair[0] for pair in own], ignore_index=True)
    truth = pd.concat([pair[1] for pair in own], ignore_index=True)
    found = attack_release(released, truth, plan.scheme, policy, national=run.params.disclosure.national)
    if POOLED_FRAME in pairs:
        found.pooled_broken = count_given_away(released, pairs[POOLED_FRAME][0])
    return found


def count_given_away(released: pd.DataFrame, pooled: pd.DataFrame) -> int:
    """Count the results of several nations together that are shown although that of this nation is hidden."""
    hidden = released[released["level"].isin(WHOLE) & released["status"].isin(["suppressed", "too_few"])]
    gone = set(hidden[KEY].itertuples(index=False, name=None))
    shown = pooled[pooled["denominator"].notna()]
    return sum(row in gone for row in shown[KEY].itertuples(index=False, name=None))


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
        ``SHEET``: one row per file; counts of rows and the smallest count above zero below the nation for released
        frames, empty for pages.
    """
    rows = []
    for name, digest in digests.items():
        row: dict[str, object] = {"file": name, "sha256": digest}
        if name.endswith(".parquet"):
            frame = pd.read_parquet(run.folder / name)
            below = frame[~frame["level"].isin(WHOLE)]
            counts = pd.concat([below["denominator"], below["numerator"]]).dropna()
            row |= {
                "measures": frame["measure"].nunique(),
                "levels": " ".join(sorted(frame["level"].unique())),
                "rows": len(frame),
                **{status: int((frame["status"] == status).sum()) for status in SHEET[4:7]},
                "smallest_count": counts[counts > 0].min() if (counts > 0).any() else pd.NA,
            }
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=SHEET)


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
    report = pd.DataFrame(
        [(name.replace("_", " "), _say(value)) for name, value in attack.to_dict().items() if name != "shares"],
        columns=["What was found", "Value"],
    )
    shares = pd.DataFrame(list(attack.shares.items()), columns=["Measure", "Share of organisations shown"])
    disclosure = run.params.disclosure
    head = (
        f"<h1>Egress sheet: {html.escape(run.params.title)}</h1>"
        f"<p>Run {html.escape(run.run_id)}, {run.marking} data. Policy {disclosure.policy}; national figures: "
        f"{disclosure.national}. Rows are suppressed because they hold a small number, or one from which a small "
        "number could be worked out; which of them is not said. Exceptions: none, but for counts of no one and of "
        "everyone, which the policy allows, and national figures as stated.</p>"
    )
    tables = [each.to_html(index=False, border=0, na_rep="", float_format="%.3f") for each in (report, files, shares)]
    titles = ["Attack on this release", "Files", "Results of organisations shown, by measure"]
    body = "".join(f"<h2>{title}</h2>{table}" for title, table in zip(titles, tables, strict=True))
    style = "body{font-family:sans-serif;margin:2rem}td,th{padding:.2rem .6rem;text-align:left;border-bottom:1px solid}"
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Egress sheet</title><style>{style}</style>'
    write_text(f"{page}<body>{head}{body}</body></html>\n", run.folder / "egress.html", private=True)


def _read(run: Run, folder: str, name: str) -> pd.DataFrame:
    file: Path = run.folder / folder / f"{name}.parquet"
    return pd.read_parquet(file) if file.is_file() else pd.DataFrame()


def _is_results(frame: pd.DataFrame) -> bool:
    return "result_id" in frame.columns


def _say(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {count:,}" for key, count in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
