"""Where a computation can be checked: the functions of a cell in the API reference, and its section of the methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from naome.report.display import Sentence
from naome.report.prose import say_list

#: The page of the API reference
REFERENCE = "methodology/api.qmd"
#: Module -> page of the methods, and its section that explains what the module's functions do
METHOD_SECTIONS = {
    "naome.cohort.derive": ("cohorts", "Rules"),
    "naome.measures.completeness": ("proportions", "Proportions"),
    "naome.measures.deaths_check": ("cohorts", "Why validation against deaths matters"),
    "naome.measures.indicators": ("proportions", "Proportions"),
    "naome.measures.survival": ("survival", "Kaplan-Meier"),
    "naome.measures.period": ("survival", "Period analysis"),
    "naome.measures.net_survival": ("survival", "Net survival"),
    "naome.measures.second_implementation": ("survival", "Check against other programs"),
    "naome.measures.casemix.adjust": ("risk-adjustment", "The national model"),
    "naome.measures.casemix.checks": ("risk-adjustment", "Checks of the model"),
    "naome.measures.variation": ("proportions", "Comparing organisations"),
    "naome.measures.adjusted": ("proportions", "Adjusted proportions"),
    "naome.measures.quarterly": ("proportions", "Changes over time"),
    "naome.measures.trend": ("proportions", "Changes over time"),
    "naome.measures.ascertainment": ("proportions", "Capture and recapture"),
    "naome.measures.prevalence": ("proportions", "Capture and recapture"),
    "naome.measures.sensitivity": ("proportions", "Changed choices"),
    "naome.measures.inequalities": ("proportions", "Groups of people"),
    "naome.measures.landmark": ("proportions", "Groups of people"),
}


def cite_functions(*functions: Callable[..., Any]) -> Sentence:
    """Link the functions of a cell to the API reference, and to the sections of the methods that explain them.

    Parameters
    ----------
    *functions : function
        Public functions of the project, at least one.

    Returns
    -------
    Sentence

    Raises
    ------
    KeyError
        If the methods have no section for a function's module.
    """
    named = [f"[`{f.__name__}`](/{REFERENCE}#{make_anchor(f.__module__, f.__name__)})" for f in functions]
    sections = dict.fromkeys(METHOD_SECTIONS[f.__module__] for f in functions)
    methods = [f"[{title}](/methodology/{page}.qmd#{make_slug(title)})" for page, title in sections]
    return Sentence(f"Functions: {say_list(named)}. Methods: {say_list(methods)}.")


def make_anchor(module: str, name: str) -> str:
    """Return the place of a function on the page of the API reference.

    Examples
    --------
    >>> make_anchor("naome.stats.pseudo", "pseudo_observations")
    'naome-stats-pseudo-pseudo_observations'
    """
    return f"{module}.{name}".replace(".", "-")


def make_slug(heading: str) -> str:
    """Return the identifier that Pandoc gives a heading of letters, hyphens and spaces.

    Examples
    --------
    >>> make_slug("Period analysis")
    'period-analysis'
    """
    return heading.lower().replace(" ", "-")
