"""The page of the indicators."""

from __future__ import annotations

from naome.core.params import Params
from naome.measures.study import Study
from naome.release import Released, declare_not_counts
from naome.report.display import Sentence

LAST_CHEMOTHERAPY = {
    "latest_activity": "the latest start of a cycle, administration or hospital attendance for chemotherapy",
    "cycle_start": "the start of the last cycle of chemotherapy",
}


def say_derived(released: Released, params: Params) -> Sentence:
    """Say how many results of indicators a run can derive."""
    national = released.where(level="nation", group_by="all").frame
    derived = (national["status"] == "ok").sum()
    return Sentence(
        f"{derived} of {len(national)} indicator results can be derived for {params.title}. "
        "Intervals are 95% Wilson intervals.",
        released,
    )


def say_last_chemotherapy(study: Study) -> Sentence:
    """Say which chemotherapy is the last by the option in force, and who is not counted."""
    last = LAST_CHEMOTHERAPY[study.rules["last_chemotherapy"]]
    text = (
        f"One row per person: the last chemotherapy decides, which is {last}. People whose last chemotherapy was less "
        "than 30 days before follow-up ends are not counted, because their outcome is not known."
    )
    return Sentence(text, declare_not_counts(text, "Lengths of windows."))
