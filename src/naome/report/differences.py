"""The table of differences from a second implementation, on the pages of survival and of the case-mix model."""

from __future__ import annotations

import pandas as pd

from naome.release import declare_not_counts
from naome.report.display import Table
from naome.report.labels import COHORT_NAMES
from naome.report.prose import say_list

OF_DIFFERENCES = "Differences between two fits of the same estimates, and how many numbers were compared."

# Below this a difference is rounding of the machine's arithmetic, and differs from machine to machine
ROUNDING = 1e-10


def tabulate_differences(compared: pd.DataFrame) -> Table:
    """Lay out the largest differences from a second implementation: one row per cohort, library and quantity.

    Models for different time points share a row, which names their time points and has their largest difference.

    Parameters
    ----------
    compared : DataFrame
        From :func:`naome.measures.second_implementation.refuse_differences`.
    """
    keys = ["cohort", "library", "quantity", "tolerance", "reason"]
    compared = compared.groupby(keys, sort=False, dropna=False, as_index=False).agg(
        {"years": "sum", "values": "sum", "difference": "max"}
    )
    nothing = compared["reason"] != ""
    frame = pd.DataFrame(
        {
            "Cohort": compared["cohort"].map(COHORT_NAMES),
            "Models": [say_list([f"{each} y" for each in years]) if years else "" for years in compared["years"]],
            "Library": compared["library"],
            "Quantity": compared["quantity"].str.capitalize(),
            "Numbers compared": compared["values"].mask(nothing).astype("Int64"),
            "Largest difference": [write_difference(each) for each in compared["difference"]],
            "Refused above": [write_difference(each) for each in compared["tolerance"]],
            "status": nothing.map({True: "not_derivable", False: "ok"}),
            "reason": compared["reason"],
        }
    )
    if not compared["years"].map(len).any():
        frame = frame.drop(columns="Models")
    return Table(frame, declare_not_counts(frame, OF_DIFFERENCES), {"Numbers compared": "int"})


def write_difference(difference: float) -> str:
    """Write a difference to one significant figure, and one that is rounding of the machine as such.

    Examples
    --------
    >>> write_difference(1.09e-7), write_difference(3e-14), write_difference(0.0), write_difference(float("nan"))
    ('1e-07', 'below 1e-10', '0', '')
    """
    if pd.isna(difference):
        return ""
    if difference == 0:
        return "0"
    return f"below {ROUNDING:.0e}" if difference < ROUNDING else f"{difference:.0e}"
