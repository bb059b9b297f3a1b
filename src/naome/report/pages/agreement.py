"""The page of agreement: published figures beside the run's own."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from naome.core.results import name_nation
from naome.measures.agreement import VERDICTS, count_verdicts
from naome.measures.derivability import CANCER_SHARE_OF_DEATHS
from naome.measures.specification import Specification, read_data_items
from naome.release import Released, declare_not_counts
from naome.report.display import CountText, Sentence, Table, format_number
from naome.report.labels import COHORT_NAMES, name_value
from naome.report.proportions import tabulate_indicators
from naome.report.prose import say_list

#: Comparison -> how the page says it: a result that is suppressed could be derived
SAID = {"not derivable here": "no result here"}
#: Why figures may differ although nothing is wrong: the interval allows for the sampling error of one of two samples
CHANCE = (
    "If the people are those of the audit itself, sampling error makes no figure differ. If they are other people, it "
    "makes some differ although nothing is wrong, because the published figures have sampling errors of their own. "
)
FORMATS = {"percent": "percent1", "people": "count", "years": "decimal1"}


OTHER_TITLES = {
    "cohort_size": "People in the cohort",
    "age_mean": "Mean age, years",
    CANCER_SHARE_OF_DEATHS: "Deaths from breast cancer, of all deaths",
    "mbc_record_before_breast_cancer_death": "Record of metastatic disease before death from breast cancer",
    "metastatic_site": "Metastatic site",
    "metastatic_biopsy": "Biopsy of a metastatic lesion",
    "er_positive": "ER status",
    "her2_positive": "HER2 status",
    "age_band": "Age",
    "grade": "Grade",
    "performance_status": "Performance status",
    "prevalence": "People living with metastatic disease",
    "stage_recorded": "Stage recorded",
    "cosd_recurrence_recorded": "Recurrence reported in COSD",
}


def say_agreement(replication: Replication) -> Sentence:
    """Say how many published figures agree, and which runs were read."""
    compared = replication.compared.frame
    n = compared["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    runs = declare_not_counts(", ".join(replication.runs.values()), "Identifiers of runs.")
    return Sentence(
        f"Of {len(compared)} published figures, {n['agrees']} agree within sampling error and rounding and "
        f"{n['differs']} differ. {CHANCE if n['agrees'] + n['differs'] else ''}"
        f"For {n['not derivable here']} there is no result here, because it cannot be derived or is suppressed; for "
        f"{n['other period']} the period is another. Runs compared: {say_list(list(replication.runs.values()))}.",
        (replication.compared, runs),
    )


def tabulate_agreement(compared: Released, specification: Specification) -> Table:
    """Lay out the comparison; rows that differ are marked.

    Parameters
    ----------
    compared : Released
        From :func:`naome.measures.agreement.compare_published`.
    specification : Specification
        For the titles.
    """
    rows = []
    for row in compared.frame.to_dict("records"):
        interval = ""
        if row["verdict"] in ("agrees", "differs"):
            interval = f"{_write(row['lower'], row['unit'])} to {_write(row['upper'], row['unit'])}"
        reason = f": {row['reason']}" if row["reason"] else ""
        rows.append(
            {
                "Figure": _label(row, specification),
                "Nation": name_nation(row["nation"]),
                "Cohort": COHORT_NAMES.get(row["cohort"].split("_")[0], row["cohort"]),
                "Published": _printed(row["published"], row["unit"]),
                "This run": _write(row["estimate"], row["unit"]),
                "95% interval": interval,
                "Difference": _difference(row["difference"], row["unit"]),
                "Result": f"{SAID.get(row['verdict'], row['verdict'])}{reason}",
                "mark": "differs" if row["verdict"] == "differs" else "",
            }
        )
    return Table(pd.DataFrame(rows), compared)


def tabulate_differing(compared: Released, specification: Specification) -> Table | Sentence:
    """Lay out the figures that differ, or say that none does."""
    differing = compared.where(verdict="differs")
    return tabulate_agreement(differing, specification) if len(differing.frame) else Sentence("No figure differs.")


def tabulate_pooled(replication: Replication, specification: Specification) -> Table | Sentence:
    """Lay out the performance indicators of all nations together, or say why there are none."""
    if replication.reason:
        return Sentence(replication.reason, declare_not_counts(replication.reason, "Why runs are not pooled: dates."))
    return tabulate_indicators(replication.pooled, specification, "performance")


def tabulate_verdicts(compared: Released) -> Table:
    """Lay out how many figures agree, differ or are not compared, by nation."""
    counts = count_verdicts(compared.frame)
    frame = counts.assign(nation=counts["nation"].map(name_nation))
    frame = frame.rename(columns=SAID).rename(columns=str.capitalize)
    return Table(frame, compared, dict.fromkeys(frame.columns[1:], "int"))


def tabulate_elsewhere(released: Released, specification: Specification) -> Table:
    """Lay out figures of other publications, with the period to which they refer."""
    later = released.frame
    said = [SAID.get(verdict, verdict) for verdict in later["verdict"]]
    frame = pd.DataFrame(
        {
            "Figure": [_label(row, specification) for row in later.to_dict("records")],
            "Nation": later["nation"].map(name_nation),
            "Published": [_printed(v, u) for v, u in zip(later["published"], later["unit"], strict=True)],
            "Period": later["period"],
            "Result": [f"{v}: {r}" if r else v for v, r in zip(said, later["reason"], strict=True)],
            "Source": later["source"],
        }
    )
    return Table(frame, released)


def _label(row: dict, specification: Specification) -> str:
    measure, group = row["measure"], row["group"]
    if measure == "completeness":
        name = {"tumour_grade": "grade", "overall_stage": "stage", "age_at_diagnosis": "age"}.get(group)
        name = name or group.removesuffix("_status") if group != "performance_status" else group
        titles = {item.id: item.title for item in read_data_items(specification.definitions)}
        return f"Recorded: {titles.get(name, group)}"
    known = {indicator.id: indicator.title for indicator in specification.indicators}
    if measure.endswith("_denominator"):
        title = f"Denominator: {known.get(measure.removesuffix('_denominator'), measure)}"
    elif measure.startswith("survival_"):
        title = f"Survival at {measure.removeprefix('survival_').removesuffix('y')} years".replace(
            " 1 years", " 1 year"
        )
    else:
        title = known.get(measure) or OTHER_TITLES.get(measure, measure)
    return title if group == "all" else f"{title}: {name_value(group)}"


def _write(value: float, unit: str) -> str:
    text = format_number(value / 100 if unit == "percent" else value, FORMATS[unit])
    return CountText(text) if unit == "people" else text


def _printed(value: str, unit: str) -> str:
    if unit == "percent":
        return f"{value}%"
    return f"{int(value):,}" if unit == "people" else value


def _difference(value: float, unit: str) -> str:
    if pd.isna(value):
        return format_number(None, "text")
    text = format_number(value, "count" if unit == "people" else "decimal1")
    return f"+{text}" if value > 0 and text.strip("0.") else text


@dataclass(frozen=True)
class Replication:
    """What :func:`replicate` found.

    Attributes
    ----------
    runs : dict of str to str
        Nation -> identifier of the run that was read.
    pooled : Released
        Results of England + Wales; empty when they cannot be pooled.
    reason : str
        Why they cannot be pooled, or an empty text.
    compared, later : Released
        :func:`naome.measures.agreement.compare_published` for the 2024 report, and for figures published elsewhere.
    """

    runs: dict[str, str]
    pooled: Released
    reason: str
    compared: Released
    later: Released
