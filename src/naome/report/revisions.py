"""Two finished runs of an audit side by side: every released value that one has and the other has not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.core.errors import RunError
from naome.core.results import COUNTS, NUMBERS, RESULT_KEY
from naome.report.downloads import collect_released
from naome.report.finished import OUTLIER_STATUS, FinishedRun
from naome.report.prose import say_count, say_list

#: What makes a result of two runs the same; audits of the same nation may be called otherwise
SAME = [column for column in RESULT_KEY if column != "audit"]
STATUS_OF = ["cohort", "measure", "unit"]
LEVELS_GIVEN = ["outlier_status", "direction"]
TEXTS = ["unit_of_estimate", "method", "status", "reason", "definition_id", *LEVELS_GIVEN]
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
        Results (:func:`naome.core.results.make_results`), with ``outlier_status, direction`` where an organisation has
        them, else empty.

    Returns
    -------
    DataFrame
        ``result_id`` (of `after`, where it has the result), cohort, measure, level, unit, group_by, group,
        ``column``, ``before, after``: one row per value, texts and numbers as they were released. A result that one
        side does not have is one row, of its status. Differences below 1e-9 of a number are none.
    """
    both = before.merge(after, how="outer", on=SAME, suffixes=("_before", "_after"), indicator="found")
    common = both["found"] == "both"
    pieces = []
    for column in (*COUNTS, *NUMBERS, *TEXTS):
        old, new = both[f"{column}_before"], both[f"{column}_after"]
        differs = common & (_differ(old, new) if column in (*COUNTS, *NUMBERS) else old != new)
        pieces.append(_take(both, differs, column, old, new))
    for side, only in (("after", "right_only"), ("before", "left_only")):
        chosen = both["found"] == only
        told = {"before": ABSENT, "after": ABSENT, side: both[f"status_{side}"]}
        pieces.append(_take(both, chosen, "status", told["before"], told["after"]))
    pieces = [piece for piece in pieces if len(piece)] or [pd.DataFrame(columns=COLUMNS)]
    return pd.concat(pieces, ignore_index=True).sort_values(SAME, kind="stable", ignore_index=True)


def _read_results(run: FinishedRun) -> pd.DataFrame:
    """Return the released results of a run, with the outlier status of organisations beside them."""
    results = collect_released(run)
    levels = run.read_table(OUTLIER_STATUS)
    if levels is None:
        results = results.assign(**dict.fromkeys(LEVELS_GIVEN, ""))
    else:
        results = results.merge(levels[[*STATUS_OF, *LEVELS_GIVEN]], how="left", on=STATUS_OF)
    return results[["result_id", *SAME, *COUNTS, *NUMBERS, *TEXTS]].fillna(dict.fromkeys(TEXTS, ""))


def _differ(old: pd.Series, new: pd.Series) -> pd.Series:
    x, y = (each.to_numpy(dtype=float, na_value=np.nan) for each in (old, new))
    return pd.Series(~np.isclose(x, y, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True), index=old.index)


def _take(
    both: pd.DataFrame, chosen: pd.Series, column: str, old: pd.Series | str, new: pd.Series | str
) -> pd.DataFrame:
    known = both["result_id_after"].fillna(both["result_id_before"])
    frame = both[SAME].assign(result_id=known, column=column, before=old, after=new)[chosen]
    return frame.astype({"before": object, "after": object})[COLUMNS]


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
    estimates = revisions[(revisions["column"] == "estimate")]
    change = (pd.to_numeric(estimates["after"]) - pd.to_numeric(estimates["before"])).abs()
    keys = ["measure", "cohort", "level"]
    counts = revisions.groupby(keys, as_index=False).agg(results=("result_id", "nunique"))
    largest = change.groupby([estimates[key] for key in keys]).max().rename("largest").reset_index()
    return counts.merge(largest, how="left", on=keys).sort_values(
        ["results", *keys], ascending=[False, True, True, True], ignore_index=True
    )


def describe_revisions(before: FinishedRun, after: FinishedRun, revisions: pd.DataFrame) -> str:
    """Say for a terminal what two runs released differently, most results first."""
    said = [f"before: {before.run_id} ({before.folder})", f"after:  {after.run_id} ({after.folder})"]
    made = [name for key, name in MADE_OF.items() if before.manifest.get(key) != after.manifest.get(key)]
    said.append(f"The runs differ in {say_list(made)}." if made else "The runs were made from the same things.")
    if revisions.empty:
        return "\n".join([*said, "Every released result is the same."])
    levels = revisions.loc[revisions["column"] == "outlier_status", "result_id"].nunique()
    absent = {side: int((revisions[side] == ABSENT).sum()) for side in ("before", "after")}
    changed = revisions["result_id"].nunique() - sum(absent.values())
    said.append(
        f"{say_count(changed, 'result')} with another value, {absent['before']:,} only after, {absent['after']:,} only "
        f"before; outlier status changed in {levels:,}."
    )
    table = summarise_revisions(revisions).rename(columns={"largest": "largest change of an estimate"})
    return "\n".join([*said, "", table.to_string(index=False, na_rep="-", float_format="{:.4g}".format)])
