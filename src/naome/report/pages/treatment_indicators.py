"""The page of the indicators of care."""

from __future__ import annotations

from naome.cohort.features import OBSERVED_DAYS
from naome.core.params import Params
from naome.measures.specification import Specification
from naome.measures.study import Study
from naome.release import Released, declare_not_counts
from naome.report.display import Sentence
from naome.report.labels import title_of
from naome.report.prose import say_result

LAST_CHEMOTHERAPY = {
    "latest_activity": "the latest start of a cycle, administration or hospital attendance for chemotherapy",
    "cycle_start": "the start of the last cycle of chemotherapy",
}


def say_derived(released: Released, specification: Specification, params: Params) -> Sentence:
    """State the key findings: performance indicators with a better direction, and how many results a run can derive."""
    national = released.where(level="nation", group_by="all").frame
    derived = national[national["status"] == "ok"]
    directed = [i.id for i in specification.indicators if i.kind == "performance" and i.polarity != "neutral"]
    key = derived[derived["measure"].isin(directed)].sort_values(
        ["measure", "cohort"], key=lambda c: c.map(directed.index) if c.name == "measure" else c
    )
    lines = [f"- {title_of(specification, r['measure'], r['cohort'])}: {say_result(r)}" for r in key.to_dict("records")]
    gone = int((national["status"] == "suppressed").sum())
    suppressed = f" ({gone} suppressed)" if gone else ""
    text = (
        f"{len(derived) + gone} of {len(national)} indicator results can be derived for {params.title}{suppressed}. "
        "Intervals are 95% Wilson intervals."
    )
    return Sentence("\n".join([*lines, "", text]), released)


def say_last_chemotherapy(study: Study) -> Sentence:
    """Say which chemotherapy is the last by the option in force, and who is not counted."""
    last = LAST_CHEMOTHERAPY[study.rules["last_chemotherapy"]]
    text = (
        f"Each person is counted once, at the last chemotherapy: {last}, among those at least {OBSERVED_DAYS} days "
        "before the end of follow-up, because the outcome of later ones is not known. People who continue treatment "
        "beyond that day are therefore counted at an earlier cycle; excluding them would select people by survival."
    )
    return Sentence(text, declare_not_counts(text, "Lengths of windows."))
