"""What the data of a run are: invented, public, or real; and the words that say so wherever results are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Marking:
    """The words for one kind of data.

    Attributes
    ----------
    kind : {"synthetic", "real"}
        Kind of the banner at the top of a page; its class is ``banner-synthetic`` or ``banner-real``.
    name : str
        What the data are called.
    page : str
        What the banner says on a page of one run; of open data, the reader says what they are.
    results : str
        What it says where results of some runs are shown; ``{names}`` stands for these.
    """

    kind: str
    name: str
    page: str
    results: str


MARKINGS = {
    "synthetic": Marking(
        "synthetic",
        "Synthetic data",
        "Every person, organisation and number on this page is invented by a program to test the methods. "
        "Nothing here describes real patients or real care.",
        "The results for {names} describe invented people, made by a program to test the methods.",
    ),
    "open": Marking(
        "real",
        "Open data",
        "",
        "The results for {names} are based on data that are published for public use.",
    ),
    "real": Marking(
        "real",
        "Real data",
        "Results have passed disclosure control.",
        "The results for {names} have passed disclosure control.",
    ),
}

#: Of a page whose numbers are simulated and come from no run
SIMULATED = (
    "**Simulated data.** The numbers on this page come from a simulation with known true values. "
    "They do not come from an audit."
)


def describe_data(marking: str, about: str = "") -> tuple[str, str]:
    """Return the kind of a page's banner and its words, in Markdown.

    Parameters
    ----------
    marking : {"synthetic", "open", "real"}
        As reading found it (:attr:`naome.workflow.run.Run.marking`).
    about : str
        What the reader says of open data.

    Examples
    --------
    >>> describe_data("open", "Women treated decades ago.")
    ('real', '**Open data.** Women treated decades ago.')
    """
    words = MARKINGS[marking]
    return words.kind, " ".join(filter(None, (f"**{words.name}.**", words.page, about)))


def name_by_marking(runs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Group the names of runs by their marking, in the order in which they are given.

    Parameters
    ----------
    runs : iterable of (str, str)
        Marking and name of each run.

    Examples
    --------
    >>> name_by_marking([("synthetic", "England"), ("open", "Rotterdam"), ("synthetic", "Wales")])
    {'synthetic': ['England', 'Wales'], 'open': ['Rotterdam']}
    """
    found: dict[str, list[str]] = {}
    for marking, name in runs:
        found.setdefault(marking, []).append(name)
    return found


def write_banners(runs: Iterable[tuple[str, str]]) -> str:
    """Write the banners of a page that shows results of some runs, one for each kind of data, in Markdown.

    Parameters
    ----------
    runs : iterable of (str, str)
        Marking and name of each run.

    Examples
    --------
    >>> print(write_banners([("real", "Mersey")]))
    ::: {.banner-real}
    **Real data.** The results for Mersey have passed disclosure control.
    :::
    """
    strips = []
    for marking, names in name_by_marking(runs).items():
        words = MARKINGS[marking]
        text = words.results.format(names=join_names(names))
        strips.append(f"::: {{.banner-{words.kind}}}\n**{words.name}.** {text}\n:::")
    return "\n\n".join(strips)


def join_names(names: list[str]) -> str:
    """Join names as in a sentence; semicolons where a name holds a comma.

    Examples
    --------
    >>> join_names(["England", "Wales", "Rotterdam"])
    'England, Wales and Rotterdam'
    >>> join_names(["England", "England, rapid registration", "Wales"])
    'England; England, rapid registration; and Wales'
    """
    if len(names) < 2:
        return "".join(names)
    if any("," in name for name in names):
        return "; ".join([*names[:-1], f"and {names[-1]}"])
    return f"{', '.join(names[:-1])} and {names[-1]}"
