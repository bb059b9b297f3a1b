"""The attack on everything that a run has released."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd

from naome.core.errors import RunError
from naome.core.results import NATIONAL_LEVELS, NUMBERS
from naome.core.run_files import read_frame
from naome.release.attack import FAILURES, Attack, attack_release
from naome.release.guess import GROUP_KEY
from naome.release.places import list_places, say_places
from naome.release.policy import POLICIES
from naome.release.suppress import list_least, list_needed
from naome.workflow.attack_hints import POOLED_FRAME, list_hints
from naome.workflow.run import Run

#: Frames in the result schema whose denominators are not people
OF_UNITS = ("variation",)


def attack_run(run: Run) -> Attack:
    """Attack everything that a run has released, and refuse the run if that finds more than the policy allows.

    Raises
    ------
    RunError
        If more could be worked out than the policy allows, or the attack contradicts the truth
        (:func:`explain_attack`).
    """
    found = find_attack(run)
    if not found.passed:
        raise RunError(explain_attack(run, found))
    return found


def explain_attack(run: Run, found: Attack) -> str:
    """Say what failed, in which tables, and which keys of the parameters would change it.

    It names measure, cohort, level and characteristic: never a count, a group or an organisation.
    """
    lines = [
        f"  {name.replace('_', ' ')} {count}: {FAILURES[name]}.\n    In: {say_places(found.where.get(name, []))}."
        for name, count in found.failures.items()
    ]
    found_hints = list_hints(found, run.params, run.specification, _list_frames(run), run.locate)
    hints = [f"  Hint: {hint}" for hint in found_hints]
    head = (
        f"{run.folder}: what would be released says more than the policy {found.policy!r} allows. Nothing may leave "
        "this run."
    )
    end = f"  `naome attack --run {shlex.quote(str(run.folder))}` shows the whole report."
    return "\n".join([head, *lines, *hints, end])


def find_attack(run: Run, *, thorough: bool = False) -> Attack:
    """Attack everything that a run has released, below the nation and of the nation; return what was found.

    A thorough attack looks at every suppressed count near the guarantee, with all relations together.
    """
    policy = POLICIES[run.params.disclosure.policy]
    if policy.name == "none":
        return Attack(policy.name)
    names = [file.stem for file in sorted((run.folder / "release").glob("*.parquet"))]
    pairs = {name: (_read(run, "release", name), _read(run, "results", name)) for name in names}
    own = [pair for name, pair in pairs.items() if name not in (*OF_UNITS, POOLED_FRAME) and _is_results(pair[1])]
    plan = run.plan
    if not own or plan is None:
        return Attack(policy.name)
    released = pd.concat([pair[0] for pair in own], ignore_index=True)
    truth = pd.concat([pair[1] for pair in own], ignore_index=True)
    least = pd.Series(list_least(released, run.params), released["result_id"]).groupby(level=0).max()
    national = run.params.disclosure.national
    found = attack_release(released, truth, plan.scheme, policy, national=national, least=least, thorough=thorough)
    given = list_given_away(released, pairs[POOLED_FRAME][0]) if POOLED_FRAME in pairs else pd.DataFrame()
    empty = [list_without_result(pair[0]) for pair in pairs.values() if _is_results(pair[0])]
    found.pooled_broken, found.without_result = len(given), sum(map(len, empty))
    for name, rows in (("pooled_broken", given), ("without_result", pd.concat(empty))):
        if len(rows):
            found.where[name] = list_places(rows)
    return found


def list_given_away(released: pd.DataFrame, pooled: pd.DataFrame) -> pd.DataFrame:
    """List the results of several nations together that have a number although this nation's is not shown.

    What this nation does not show, for whatever reason, would be left when the other nation's number is subtracted.
    """
    own = released[released["level"].isin(NATIONAL_LEVELS)]
    shown = set(own.loc[own["status"] == "ok", GROUP_KEY].itertuples(index=False, name=None))
    known = set(own[GROUP_KEY].itertuples(index=False, name=None))
    numbers = pooled[_has_number(pooled)]
    needed = map(list_needed, numbers[GROUP_KEY].itertuples(index=False, name=None))
    return numbers[[not (shown | (set(each) - known)).issuperset(each) for each in needed]]


def list_without_result(released: pd.DataFrame) -> pd.DataFrame:
    """List the rows that have no result, because it is suppressed, not derivable or of too few people, and a number.

    Examples
    --------
    >>> row = {"status": "not_derivable", "denominator": 107, "numerator": 63, "estimate": None}
    >>> len(list_without_result(pd.DataFrame([row | {"lower": None, "upper": None}])))
    1
    """
    return released[(released["status"] != "ok") & _has_number(released)]


def _has_number(results: pd.DataFrame) -> pd.Series:
    return results[["denominator", "numerator", *NUMBERS]].notna().any(axis=1)


def _list_frames(run: Run) -> dict[str, set[str]]:
    """List for each measure the released frames that hold it."""
    frames: dict[str, set[str]] = {}
    for file in sorted((run.folder / "release").glob("*.parquet")):
        if _is_results(frame := read_frame(file)):
            for measure in frame["measure"].unique():
                frames.setdefault(measure, set()).add(file.stem)
    return frames


def _read(run: Run, folder: str, name: str) -> pd.DataFrame:
    file: Path = run.folder / folder / f"{name}.parquet"
    return read_frame(file) if file.is_file() else pd.DataFrame()


def _is_results(frame: pd.DataFrame) -> bool:
    return "result_id" in frame.columns
