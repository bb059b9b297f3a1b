"""Two finished runs of an audit side by side: every released value that one has and the other has not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from naome.core.errors import RunError
from naome.core.results import COUNTS, NUMBERS, RESULT_KEY
from naome.release.policy import POLICIES
from naome.report.downloads import collect_released
from naome.report.finished import OUTLIER_STATUS, FinishedRun
from naome.report.prose import say_count, say_list

#: What makes a result of two runs the same; audits of the same nation may be called otherwise
SAME = [column for column in RESULT_KEY if column != "audit"]
STATUS_OF = ["cohort", "measure", "unit"]
LEVELS_GIVEN = ["outlier_status", "direction", "reason_not_assessed"]
TEXTS = ["unit_name", "unit_of_estimate", "method", "status", "reason", "definition_id", *LEVELS_GIVEN]
COLUMNS = ["result_id", *SAME, "column", "before", "after"]
#: Numbers that differ by less, relative to the larger or absolutely, differ by the machine's arithmetic
RELATIVE, ABSOLUTE = 1e-9, 1e-12
#: What a run is made from, as its manifest holds it -> in words
MADE_OF = {
    "code_sha256": "the program",
    "params_sha256": "the parameters",
    "definitions_sha256": "the definitions",
    "inputs_sha256": "the extract",
}
#: In place of a value, where the run has not released the result
ABSENT = "not released"


def list_revisions(before: FinishedRun, after: FinishedRun) -> pd.DataFrame:
    """List every released value of two runs that differs.

    Parameters
    ----------
    before, after : FinishedRun
        Runs of one nation.

    Returns
    -------
    DataFrame
        See :func:`compare_released`.

    Raises
    ------
    RunError
        If the runs are of different nations, or see :func:`naome.report.downloads.collect_released`.
    """
    if before.nation != after.nation:
        raise RunError(
            f"{before.folder} is a run of {before.nation}, {after.folder} of {after.nation}; allowed: two runs of one "
            "nation."
        )
    return compare_released(_read_results(before), _read_results(after))


def compare_released(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare two sets of released results, value by value.

    Parameters
    ----------
    before, after : DataFrame
        Results (:func:`naome.core.results.make_results`), with ``outlier_status, direction, reason_not_assessed`` where
        an organisation has them, else empty.

    Returns
    -------
    DataFrame
        ``result_id`` (of `after`, where it has the result), cohort, measure, level, unit, group_by, group,
        ``column``, ``before, after``: one row per value, texts and numbers as they were released. Of a result that one
        side does not have, every value of the other is listed. Differences below 1e-9 of a number are none.
    """
    both = before.merge(after, how="outer", on=SAME, suffixes=("_before", "_after"), indicator="found")
    known = both[SAME].assign(result_id=both["result_id_after"].fillna(both["result_id_before"]))
    pieces = []
    for column in (*COUNTS, *NUMBERS, *TEXTS):
        old, new = both[f"{column}_before"], both[f"{column}_after"]
        differs = _differ(old, new) if column in (*COUNTS, *NUMBERS) else old.fillna("") != new.fillna("")
        sides = {
            "before": old.astype(object).mask(both["found"] == "right_only", ABSENT),
            "after": new.astype(object).mask(both["found"] == "left_only", ABSENT),
        }
        pieces.append(known.assign(column=column, **sides)[differs][COLUMNS])
    return pd.concat(pieces, ignore_index=True).sort_values(SAME, kind="stable", ignore_index=True)


def _read_results(run: FinishedRun) -> pd.DataFrame:
    """Return the released results of a run, with the outlier status of organisations beside them."""
    results = collect_released(run)
    levels = run.read_table(OUTLIER_STATUS)
    if levels is None:
        results = results.assign(**dict.fromkeys(LEVELS_GIVEN, ""))
    else:
        levels = levels.rename(columns={"reason": "reason_not_assessed"})
        results = results.merge(levels[[*STATUS_OF, *LEVELS_GIVEN]], how="left", on=STATUS_OF)
    return results[["result_id", *SAME, *COUNTS, *NUMBERS, *TEXTS]].fillna(dict.fromkeys(TEXTS, ""))


def _differ(old: pd.Series, new: pd.Series) -> pd.Series:
    x, y = (each.to_numpy(dtype=float, na_value=np.nan) for each in (old, new))
    return pd.Series(~np.isclose(x, y, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True), index=old.index)


def summarise_revisions(revisions: pd.DataFrame) -> pd.DataFrame:
    """Count the results that differ, by measure, cohort and level, with the largest change of an estimate.

    Parameters
    ----------
    revisions : DataFrame
        From :func:`list_revisions`.

    Returns
    -------
    DataFrame
        ``measure, cohort, level, results, largest`` (absolute change of an estimate that both runs have; missing where
        none changed), most results first.
    """
    of_both = (revisions[["before", "after"]] != ABSENT).all(axis=1)
    estimates = revisions[(revisions["column"] == "estimate") & of_both]
    change = (pd.to_numeric(estimates["after"]) - pd.to_numeric(estimates["before"])).abs()
    keys = ["measure", "cohort", "level"]
    counts = revisions.groupby(keys, as_index=False).agg(results=("result_id", "nunique"))
    largest = change.groupby([estimates[key] for key in keys]).max().rename("largest").reset_index()
    return counts.merge(largest, how="left", on=keys).sort_values(
        ["results", *keys], ascending=[False, True, True, True], ignore_index=True
    )


def count_small_changes(revisions: pd.DataFrame, most: int) -> int:
    """Count the results of which a count differs by few people: by one at least, and `most` at most."""
    counts = revisions[revisions["column"].isin(COUNTS)]
    sides = [pd.to_numeric(counts[side], errors="coerce") for side in ("before", "after")]
    return counts.loc[(sides[1] - sides[0]).abs().between(1, most), "result_id"].nunique()


def _hides_to(run: FinishedRun) -> int:
    """Return the largest number that a run's policy hides; of results that were copied alone, that of any policy."""
    policies = [POLICIES[run.params.disclosure.policy]] if run.has_inputs else POLICIES.values()
    return max(policy.hide_to for policy in policies)


def list_other_tables(before: FinishedRun, after: FinishedRun) -> list[str]:
    """Name the released tables without results that differ, such as that of the organisations."""
    tables = [
        {
            name: frame.drop(columns="run_id", errors="ignore")
            for name, frame in run.read_released()
            if "result_id" not in frame and name != OUTLIER_STATUS
        }
        for run in (before, after)
    ]
    names = sorted(set(tables[0]) | set(tables[1]))
    return [name for name in names if not pd.DataFrame.equals(*(each.get(name, pd.DataFrame()) for each in tables))]


def describe_revisions(before: FinishedRun, after: FinishedRun, revisions: pd.DataFrame) -> str:
    """Say for a terminal what two runs released differently, most results first."""
    said = [f"before: {before.run_id} ({before.folder})", f"after:  {after.run_id} ({after.folder})"]
    known = [key for key in MADE_OF if {key} <= before.manifest.keys() & after.manifest.keys()]
    made = [MADE_OF[key] for key in known if before.manifest[key] != after.manifest[key]]
    if unknown := [MADE_OF[key] for key in MADE_OF if key not in known]:
        said.append(f"Not said by both manifests: {say_list(unknown)}.")
    said.append(f"The runs differ in {say_list(made)}." if made else "The runs were made from the same things.")
    if others := list_other_tables(before, after):
        said.append(f"Other released tables that differ, not compared by value: {say_list(others)}.")
    if revisions.empty:
        return "\n".join([*said, "Every released result is the same."])
    levels = revisions.loc[revisions["column"] == "outlier_status", "result_id"].nunique()
    absent = {side: revisions.loc[revisions[side] == ABSENT, "result_id"].nunique() for side in ("before", "after")}
    changed = revisions["result_id"].nunique() - sum(absent.values())
    said.append(
        f"{say_count(changed, 'result')} with another value, {absent['before']:,} only after, {absent['after']:,} only "
        f"before; outlier status changed in {levels:,}."
    )
    if few := count_small_changes(revisions, most := max(_hides_to(run) for run in (before, after))):
        said.append(
            f"Caution: the counts of {say_count(few, 'result')} differ by 1 to {most}. Who has both releases learns of "
            "these few people what neither release shows: do not publish both."
        )
    both = revisions[(revisions[["before", "after"]] != ABSENT).all(axis=1)]
    columns = [f"{name} ({rows:,})" for name, rows in both["column"].value_counts().items()]
    if columns:
        said.append(f"Columns in which they differ: {say_list(columns)}.")
    table = summarise_revisions(revisions).rename(columns={"largest": "largest change of an estimate"})
    return "\n".join([*said, "", table.to_string(index=False, na_rep="-", float_format="{:.4g}".format)])


def check_list(path: Path, runs: Iterable[FinishedRun]) -> None:
    """Refuse to write a list of differences over anything but an earlier one, or into a run's folder.

    Raises
    ------
    RunError
        Naming the file, what is allowed, and a hint.
    """
    inside = [run.folder for run in runs if run.folder.resolve() in path.resolve().parents]
    if inside:
        raise RunError(f"{path}: is inside the run {inside[0]}; allowed: a file elsewhere.")
    if not os.path.lexists(path):
        return
    heading = f"{','.join(COLUMNS)}\n".encode()
    if path.is_symlink() or not path.is_file() or not path.read_bytes().startswith(heading):
        hint = f"Hint: --out {(path if path.is_dir() else path.parent) / 'changes.csv'}"
        raise RunError(f"{path}: is there and no earlier list of differences; allowed: a new file. {hint}")
