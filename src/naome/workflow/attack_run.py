"""The attack on everything that a run has released."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from naome.core.errors import ChainError
from naome.core.results import NUMBERS, WHOLE
from naome.release.attack import Attack, attack_release
from naome.release.policy import POLICIES
from naome.release.suppress import list_needed
from naome.workflow.run import Run

#: Frames in the result schema whose denominators are not people
NOT_OF_PEOPLE = ("variation",)
POOLED_FRAME = "england_wales"
KEY = ["cohort", "measure", "group_by", "group"]


def attack_run(run: Run) -> Attack:
    """Attack everything that a run has released, and refuse the run if that finds more than the policy allows.

    Raises
    ------
    ChainError
        If more could be worked out than the policy allows, or the attack contradicts the truth. It names no measure
        or unit: what fails is counted.
    """
    found = find_attack(run)
    if not found.passed:
        what = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in found.failures.items())
        raise ChainError(
            f"{run.folder}: what would be released says more than the policy {found.policy!r} allows: {what}. "
            "Nothing may leave this run. Hint: `naome attack` shows the whole report; a policy that hides more is safe."
        )
    return found


def find_attack(run: Run) -> Attack:
    """Attack everything that a run has released, below the nation and of the nation; return what was found."""
    policy = POLICIES[run.params.disclosure.policy]
    if policy.name == "none":
        return Attack(policy.name)
    names = [file.stem for file in sorted((run.folder / "release").glob("*.parquet"))]
    pairs = {name: (_read(run, "release", name), _read(run, "results", name)) for name in names}
    own = [pair for name, pair in pairs.items() if name not in (*NOT_OF_PEOPLE, POOLED_FRAME) and _is_results(pair[1])]
    plan = run.plan
    if not own or plan is None:
        return Attack(policy.name)
    released = pd.concat([pair[0] for pair in own], ignore_index=True)
    truth = pd.concat([pair[1] for pair in own], ignore_index=True)
    found = attack_release(released, truth, plan.scheme, policy, national=run.params.disclosure.national)
    if POOLED_FRAME in pairs:
        found.pooled_broken = count_given_away(released, pairs[POOLED_FRAME][0])
    found.without_result = sum(count_without_result(pair[0]) for pair in pairs.values() if _is_results(pair[0]))
    return found


def count_given_away(released: pd.DataFrame, pooled: pd.DataFrame) -> int:
    """Count the results of several nations together that have a number although this nation's is not shown.

    What this nation does not show, for whatever reason, would be left when the other nation's number is subtracted.
    """
    own = released[released["level"].isin(WHOLE)]
    shown = set(own.loc[own["status"] == "ok", KEY].itertuples(index=False, name=None))
    known = set(own[KEY].itertuples(index=False, name=None))
    numbers = pooled.loc[_has_number(pooled), KEY].itertuples(index=False, name=None)
    return sum(not (shown | (set(needed) - known)).issuperset(needed) for needed in map(list_needed, numbers))


def count_without_result(released: pd.DataFrame) -> int:
    """Count the rows that have no result, because it is suppressed, not derivable or of too few people, and a number.

    Examples
    --------
    >>> row = {"status": "not_derivable", "denominator": 107, "numerator": 63, "estimate": None}
    >>> count_without_result(pd.DataFrame([row | {"lower": None, "upper": None}]))
    1
    """
    return int(((released["status"] != "ok") & _has_number(released)).sum())


def _has_number(results: pd.DataFrame) -> pd.Series:
    return results[["denominator", "numerator", *NUMBERS]].notna().any(axis=1)


def _read(run: Run, folder: str, name: str) -> pd.DataFrame:
    file: Path = run.folder / folder / f"{name}.parquet"
    return pd.read_parquet(file) if file.is_file() else pd.DataFrame()


def _is_results(frame: pd.DataFrame) -> bool:
    return "result_id" in frame.columns
