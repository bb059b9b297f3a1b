"""Which keys of the parameters hide more where an attack on a release succeeds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from naome.core.params import Params
from naome.measures.specification import Specification
from naome.release.attack import Attack
from naome.release.cells import DERIVED
from naome.release.places import Place
from naome.release.suppress import ELIGIBLE
from naome.workflow.pages import notebooks_of, reads_from, saved_by

#: Failures that hiding more mends; the others are faults of the program or the definitions
NARROW = ("hidden_narrow", "shown_narrow", "remainders")
FAULTS = ("relations_broken", "truth_outside", "without_result")
#: For a policy, those that hide or round more
STRICTER = {"lt5": ("lt10", "hes2018"), "lt10": ("hes2018",)}
#: Frame of results of nations together
POOLED_FRAME = "england_wales"


def list_hints(
    found: Attack,
    params: Params,
    specification: Specification,
    frames: Mapping[str, Collection[str]],
    locate: Callable[..., str],
) -> list[str]:
    """List what may be written in the parameter file so that less can be worked out: key, value and what it does.

    Parameters
    ----------
    found : Attack
        One that did not pass.
    params : Params
    specification : Specification
        Of the run, whose indicators can be taken out.
    frames : mapping of str to collection of str
        Measure -> released frames that hold it; the notebooks that save these can be left out.
    locate : callable
        Returns file, line and name of a key of the parameters.

    Returns
    -------
    list of str
        The change that hides least first. Whether it is enough, the next run says.
    """
    failed, indicators = found.failures, [indicator.id for indicator in specification.indicators]
    narrow = sorted({place for name in NARROW for place in found.where.get(name, ())})
    hints = [*_hide_nation(narrow, params, locate), *_be_stricter(narrow, params, locate)]
    names = {place.measure: find_key(place.measure, indicators) for place in narrow}
    hints += _take_out([name for name in names.values() if name], locate)
    others = [measure for measure, name in names.items() if not name]
    others += [place.measure for place in found.where.get("guesses_right", ())]
    pooled = [POOLED_FRAME] if "pooled_broken" in failed else []
    hints += _leave_out([*pooled, *(frame for each in others for frame in frames.get(each, ()))], params, locate)
    if any(name in failed for name in FAULTS):
        hints.append(
            "no parameter changes what is wrong between results and definitions (definitions/relations.yaml): report "
            "it, with what the command attack prints; it holds no count of people."
        )
    return hints


def _hide_nation(places: Iterable[Place], params: Params, locate: Callable[..., str]) -> list[str]:
    if params.disclosure.national != "suppress_small" or not any(place.of_nation for place in places):
        return []
    return [
        f"{locate('disclosure', 'national')} is 'suppress_small'; 'suppress' rounds and suppresses national figures "
        "like any other."
    ]


def _be_stricter(places: Iterable[Place], params: Params, locate: Callable[..., str]) -> list[str]:
    others = STRICTER.get(params.disclosure.policy, ())
    if not others or not list(places):
        return []
    return [
        f"{locate('disclosure', 'policy')} is {params.disclosure.policy!r}; {' or '.join(map(repr, others))} hides "
        "more."
    ]


def _take_out(names: Iterable[str], locate: Callable[..., str]) -> list[str]:
    """Name the indicators and items that a run can do without."""
    names = list(dict.fromkeys(names))
    if not names:
        return []
    return [
        f"{locate('not_derivable')} takes results out, each with the reason that is shown instead; here: "
        f"{', '.join(names)}."
    ]


def _leave_out(frames: Iterable[str], params: Params, locate: Callable[..., str]) -> list[str]:
    """Name the notebooks that save some frames, and which are left without them and those that read theirs."""
    frames, ours = set(frames), notebooks_of(params)
    without = [path for path in ours[1:] if frames.intersection(saved_by(path))]
    without += [path for path in ours if set(reads_from(path)).intersection(without)]
    if not without:
        return []
    kept = ", ".join(f'"{_number(path)}"' for path in ours if path not in without)
    names = ", ".join(dict.fromkeys(path.stem for path in without))
    return [f"{locate('notebooks')}: [{kept}] excludes {names}, with all results of these pages."]


def _number(notebook: Path) -> str:
    return notebook.stem.partition("-")[0]


def find_key(measure: str, indicators: Iterable[str]) -> str:
    """Return the name by which ``not_derivable`` takes a measure out; empty where it cannot.

    Examples
    --------
    >>> find_key("eligible.chemotherapy", ["chemotherapy"]), find_key("chemotherapy_adjusted", ["chemotherapy"])
    ('chemotherapy', 'chemotherapy')
    >>> find_key("completeness.stage", []), find_key("survival_1y", [])
    ('completeness.stage', '')
    """
    if measure.startswith("completeness."):
        return measure
    plain = measure.removeprefix(ELIGIBLE)
    ends = ("", *DERIVED)
    return next((plain.removesuffix(end) for end in ends if plain.removesuffix(end) in indicators), "")
