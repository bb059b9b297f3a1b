"""The cohort rules and the estimate of missed cases against the truth of the synthetic extracts, as a page.

Not part of an audit run and not read by one: ``naome-synthetic compare-truth`` makes it from
canonical tables and the truth beside the extracts.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from naome.cohort.derive import identify_members
from naome.core.errors import RunError
from naome.measures.ascertainment import count_sources, measure_missed
from naome.report.display import format_number
from naome.report.markdown import write_pipe_table
from naome.workflow.run import Run
from naome_synthetic.validate import (
    NEAR_DAYS,
    compare_with_truth,
    count_true_recurrences,
    load_truth,
    measure_date_error,
)

FRONT = """---
title: The rules against the truth
description: How many people with metastatic disease the cohort rules find when everybody's course is known
runs: [{runs}]
---"""
BANNER = """::: {.banner-synthetic}
**Synthetic data.** Every person here is invented, which is why the truth about them is known.
:::"""
INTRODUCTION = """Synthetic records are made from people whose true course is known: when distant disease began, and
what they died of. The cohort rules see only the records. This page compares what they found with what was true. No
audit can do this, and no audit run here does. It does not say how good the rules are on real records: how often
hospitals code a recurrence was chosen so that the published share of deaths with an earlier record comes out, how
often they put it first among the codes is an assumption, and no hospital of the generator codes a metastasis that is
not there."""
COHORTS = {"denovo": "De novo", "recurrent": "Recurrent"}
MEASURES = {
    "sensitivity": "Disease truly began in the period: found",
    "sensitivity_died": "of these, died of breast cancer: found",
    "ppv_disease": "In the cohort: true distant disease by a year after the date",
    "ppv_kind": "In the cohort: truly of this kind",
    "ppv_period": "In the cohort: truly of this kind, begun in the period",
}
ESTIMATES = {
    "recurrent_seen": "Found by admissions",
    "recurrent_population_chapman": "Admissions and reported recurrences (Chapman)",
    "recurrent_population_loglinear": "Log-linear, without deaths",
    "recurrent_population_loglinear_with_death": "Log-linear, with deaths as a source",
}


def write_report(runs: list[Run], truths: list[Path]) -> str:
    """Compare the runs of synthetic extracts with their truth, as a page in Markdown that names the runs in its front.

    Parameters
    ----------
    runs : list of Run
        Runs whose extracts have been read.
    truths : list of Path
        Folder of each one's truth.

    Raises
    ------
    RunError
        For an extract that is not synthetic, or a truth that is not there.
    """
    parts = [FRONT.format(runs=", ".join(run.current_id for run in runs)), BANNER, INTRODUCTION]
    for run, folder in zip(runs, truths, strict=True):
        parts += _describe_run(run, folder)
    return "\n\n".join(parts) + "\n"


def tabulate_estimates(run: Run, truth: pd.DataFrame) -> pd.DataFrame:
    """Set the estimates of how many people have recurrent disease beside how many truly had.

    Returns
    -------
    DataFrame
        ``method, people, lower, upper, truth, holds, reason``; the count by admissions and the estimates of
        :func:`measure_missed`, by the last day of follow-up.
    """
    results = measure_missed(count_sources(run.study, run.tables), run.study)
    true = count_true_recurrences(truth, run.params.censor_date)
    wanted = results[results["measure"].isin(list(ESTIMATES)) & results["group"].isin(["all", "admissions"])]
    return pd.DataFrame(
        {
            "method": wanted["measure"].map(ESTIMATES),
            "people": wanted["estimate"],
            "lower": wanted["lower"],
            "upper": wanted["upper"],
            "truth": true,
            "holds": wanted["lower"].le(true) & wanted["upper"].ge(true),
            "reason": wanted["reason"].mask(wanted["status"] == "ok", ""),
        }
    ).reset_index(drop=True)


def _describe_run(run: Run, folder: Path) -> list[str]:
    if run.marking != "synthetic":
        raise RunError(f"{run.params.audit}: the extract is not synthetic, so there is no truth to compare with")
    if not (folder / "people.parquet").is_file():
        raise RunError(
            f"{folder}: no truth of the extract here. Hint: `naome-synthetic simulate` writes it (make extracts)."
        )
    truth = load_truth(folder)
    found = identify_members(run.params, run.canonical)
    period = (run.params.metastatic_from, run.params.metastatic_to)
    return [
        f"## {run.params.title}",
        f"Run `{run.current_id}`; disease that began from {period[0]:%-d %B %Y} to {period[1]:%-d %B %Y}.",
        "### Who is found",
        write_pipe_table(_lay_out_accuracy(compare_with_truth(found, truth, period))),
        "### How far the date is off",
        "Days from the true beginning of distant disease to the date in the cohort, in people who truly have it.",
        write_pipe_table(_lay_out_errors(measure_date_error(found, truth))),
        "### How many there are",
        f"People with recurrent disease by {run.params.censor_date:%-d %B %Y}, as counted, as estimated, and in truth.",
        write_pipe_table(_lay_out_estimates(tabulate_estimates(run, truth))),
    ]


def _lay_out_accuracy(table: pd.DataFrame) -> pd.DataFrame:
    limits = [f"{_percent(low)} to {_percent(high)}" for low, high in zip(table["lower"], table["upper"], strict=True)]
    return pd.DataFrame(
        {
            "cohort": table["cohort"].map(COHORTS),
            "what": table["measure"].map(MEASURES),
            "people": [_count(value) for value in table["denominator"]],
            "share": [_percent(value) for value in table["estimate"]],
            "95% interval (Wilson)": limits,
        }
    )


def _lay_out_errors(table: pd.DataFrame) -> pd.DataFrame:
    shown = {
        "cohort": table["cohort"].map(COHORTS),
        "people": [_count(value) for value in table["people"]],
        "median": [_count(value) for value in table["median"]],
        "middle half": [
            f"{_count(low)} to {_count(high)}"
            for low, high in zip(table["quarter"], table["three_quarters"], strict=True)
        ],
        "too early": [_percent(value) for value in table["early"]],
    }
    near = {f"within {days} days": [_percent(v) for v in table[f"within_{days}_days"]] for days in NEAR_DAYS}
    return pd.DataFrame({**shown, **near})


def _lay_out_estimates(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in table.to_dict("records"):
        limits, holds = (f"{_count(row['lower'])} to {_count(row['upper'])}", "yes" if row["holds"] else "no")
        if row["reason"]:
            limits, holds = f"not derivable: {row['reason']}", "–"
        elif pd.isna(row["lower"]):
            limits, holds = "a count", "–"
        rows.append((row["method"], _count(row["people"]), limits, _count(row["truth"]), holds))
    return pd.DataFrame(rows, columns=["method", "people", "95% interval", "truth", "interval holds the truth"])


def _count(value: float) -> str:
    return format_number(value, "int")


def _percent(value: float) -> str:
    return format_number(value, "percent1")
