"""What every page has: the banner that says which data it shows, and where its numbers come from."""

from __future__ import annotations

from typing import Protocol

from naome.measures.derivability import CANCER_SHARE_OF_DEATHS, RECORD_BEFORE_CANCER_DEATH, RECORD_BEFORE_DEATH
from naome.measures.specification import Specification, read_data_items
from naome.measures.study import Study
from naome.release import declare_not_counts
from naome.report.display import Sentence, show, show_banner
from naome.report.labels import COHORT_NAMES
from naome.report.marking import SIMULATED, describe_data
from naome.report.prose import lower_first

VALIDATION_TITLES = {
    RECORD_BEFORE_CANCER_DEATH: "deaths from breast cancer with an earlier record of metastatic disease",
    RECORD_BEFORE_DEATH: "deaths from any cause with such a record",
    CANCER_SHARE_OF_DEATHS: "deaths from breast cancer, of all deaths",
}


class Marked(Protocol):
    """A run as its pages see it.

    Attributes
    ----------
    marking : {"synthetic", "open", "real"}
        What the data are.
    about : str
        What the reader says of open data.
    """

    @property
    def marking(self) -> str: ...  # noqa: D102

    @property
    def about(self) -> str: ...  # noqa: D102


def show_marking(run: Marked) -> None:
    """Show the banner of the run's data."""
    show_banner(*describe_data(run.marking, run.about))


def show_simulated() -> None:
    """Show the banner of a page that holds simulated numbers and nothing of a run."""
    show_banner("neutral", SIMULATED)


def show_not_derivable(study: Study) -> None:
    """List the results that cannot be derived from the run's data, by reason."""
    by_reason: dict[str, list[str]] = {}
    for key, reason in study.not_derivable.items():
        by_reason.setdefault(reason, []).append(name_not_derivable(key, study.specification))
    if not by_reason:
        show(Sentence("Every result for which a data item exists can be derived from these data."))
        return
    lines = [f"- {reason} Not derivable: {'; '.join(names)}." for reason, names in by_reason.items()]
    text = "These results cannot be derived from these data:\n\n" + "\n".join(lines)
    show(Sentence(text, declare_not_counts(text, "Why indicators cannot be derived, and their names.")))


def name_not_derivable(key: str, specification: Specification) -> str:
    """Name a key of ``not_derivable`` as a reader would.

    Examples
    --------
    >>> from naome.measures.specification import load_specification
    >>> known = load_specification()
    >>> name_not_derivable("completeness.grade", known), name_not_derivable("biopsy", known)
    ('completeness of tumour grade', 'biopsy of a metastatic lesion')
    """
    if key in VALIDATION_TITLES:
        return VALIDATION_TITLES[key]
    name, _, part = key.partition(".")
    if name == "completeness":
        titles = {item.id: item.title for item in read_data_items(specification.definitions)}
        return f"completeness of {lower_first(titles[part])}"
    cohort = f" ({COHORT_NAMES[part].lower()})" if part else ""
    return f"{lower_first(specification[name].title)}{cohort}"
