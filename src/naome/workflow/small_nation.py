"""A small nation of real people may not show its small groups: which cohorts are too small, and what to write then."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from naome.core.params import Params
from naome.extract.vocabulary import SMALLEST_SAID

#: Fewest people of a nation's cohort whose small groups may be shown
SMALLEST_NATION = 1000
#: What may be written where a cohort has fewer
INSTEAD = ("suppress_small", "suppress")


def say_people(people: int) -> str:
    """Say how many people a cohort has; very few are not counted out.

    Examples
    --------
    >>> say_people(1250), say_people(3)
    ('1,250 people', 'fewer than 8 people')
    """
    return f"fewer than {SMALLEST_SAID} people" if 0 < people < SMALLEST_SAID else f"{people:,} people"


def explain_small(sizes: Mapping[str, int], params: Params, locate: Callable[..., str]) -> str:
    """Say why the run of a real extract will be refused for the sizes of its cohorts.

    Parameters
    ----------
    sizes : mapping of str to int
        Cohort -> people; a cohort of nobody shows nothing.
    params : Params
    locate : callable
        Returns file, line and name of a key of the parameters, as :func:`naome.core.yaml_files.locate_key` does.

    Returns
    -------
    str
        Empty where nothing is wrong.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> explain_small({"denovo": 2000}, load_params("england"), lambda *keys: "")
    ''
    """
    disclosure = params.disclosure
    small = {cohort: people for cohort, people in sizes.items() if 0 < people < SMALLEST_NATION}
    if disclosure.national != "show" or disclosure.policy == "none" or not small:
        return ""
    found = ", ".join(f"{cohort} has {say_people(people)}" for cohort, people in small.items())
    return (
        f"{locate('disclosure', 'national')} is 'show', and {found}: small groups of a small nation would be shown as "
        f"they are. Allowed: 'show' where each cohort of real people has at least {SMALLEST_NATION:,}, else "
        f"{' or '.join(map(repr, INSTEAD))}. Hint: write national: {INSTEAD[0]} (small groups are suppressed, and what "
        "they could be worked out from), and run again."
    )
