"""An attack on what a run releases: what a reader could work out, and whether that is more than promised.

The attack starts from published numbers, the organisation tree and the definitions. It narrows every count by all
relations at once, and solves linear programmes where a hidden count comes near the promise. The truth is used for two
things only: to see that each relation holds and that no bound excludes the truth (the attack itself would be wrong
otherwise), and to find which hidden counts are small, which is where the promise applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from naome.core.results import NATIONAL_LEVELS
from naome.release.cells import Cells, Scheme, list_cells
from naome.release.guess import guess_counts
from naome.release.places import Place, find_places, list_places
from naome.release.policy import Policy, find_kinds
from naome.release.protect import (
    PROGRAMMES,
    Bounds,
    bound_counts,
    find_broken,
    find_held,
    find_remainders,
    find_small,
    list_near,
)
from naome.release.suppress import SCALES

__all__ = ["Attack", "attack_release"]

#: What must be zero, and what it is for a reader
FAILURES = {
    "relations_broken": "relations between counts that the exact counts do not fulfil",
    "truth_outside": "exact counts outside what was worked out",
    "hidden_narrow": "small counts that are suppressed and can be worked out more closely than promised",
    "shown_narrow": "rounded counts with fewer possible values than promised",
    "remainders": "suppressed groups that are few people together, as follows from all and the others",
    "pooled_broken": "results of nations together from which a suppressed one follows",
    "without_result": "rows without a result that yet hold a number",
    "guesses_right": "counts guessed right from adjusted results more often than allowed",
}


@dataclass
class Attack:
    """What an attack found; numbers of counts and the tables they are in, never a count or whose it is.

    Attributes
    ----------
    policy : str
    thorough : bool
        Whether every hidden count near the promise was looked at, with all relations together.
    rows_shown, rows_hidden : int
        Results below the nation with counts, and those of them that are hidden.
    national_hidden : int
        Results of the nation that are hidden.
    relations, relations_broken : int
        Relations used, and those that the truth does not fulfil: must be 0.
    truth_outside : int
        Counts outside their bounds: must be 0.
    hidden, hidden_exact, hidden_narrow : int
        Small counts that are hidden; those known exactly; those narrower than promised, exact ones among them.
    shown, shown_exact, shown_narrow : int
        Rounded counts above zero that are shown; those known exactly; those with fewer values than promised.
    zero : int
        Counts below the nation shown as zero, which the policy allows: no one, or everyone.
    values : dict of str to int
        Possible values of a rounded count -> number of such counts; the last is "or more".
    programmes : int
        Hidden counts near the promise for which linear programmes were solved.
    smallest : int
        Smallest count above zero that is shown below the nation.
    remainders : int
        Groups that are hidden, and together few people, which follow from the whole and the other groups: must be 0.
    pooled_broken : int
        Results of several nations together that are shown though that of one is not: must be 0.
    without_result : int
        Rows of any published frame that have no result, for whatever reason, and yet a number: must be 0.
    guesses, guesses_blind, guesses_right, guesses_allowed : int, float, float, float
        Results adjusted for case mix; how often their events are guessed right without and with the adjusted
        numbers, and how often that may be (:mod:`naome.release.guess`).
    shares : dict of str to float
        Measure -> share of its organisations whose result is shown.
    where : dict of str to list of Place
        What must be zero and is not -> the tables in which it fails (:mod:`naome.release.places`).
    """

    policy: str
    thorough: bool = False
    rows_shown: int = 0
    rows_hidden: int = 0
    national_hidden: int = 0
    relations: int = 0
    relations_broken: int = 0
    truth_outside: int = 0
    hidden: int = 0
    hidden_exact: int = 0
    hidden_narrow: int = 0
    shown: int = 0
    shown_exact: int = 0
    shown_narrow: int = 0
    zero: int = 0
    values: dict[str, int] = field(default_factory=dict)
    programmes: int = 0
    smallest: int = 0
    remainders: int = 0
    pooled_broken: int = 0
    without_result: int = 0
    guesses: int = 0
    guesses_blind: float = 0.0
    guesses_right: float = 0.0
    guesses_allowed: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)
    where: dict[str, list[Place]] = field(default_factory=dict)

    @property
    def failures(self) -> dict[str, int]:
        """What must be zero and is not."""
        names = [name for name in FAILURES if name != "guesses_right"]
        failed = {name: getattr(self, name) for name in names if getattr(self, name)}
        too_often = self.guesses_right > self.guesses_allowed
        return {**failed, "guesses_right": round(self.guesses_right)} if too_often else failed

    @property
    def passed(self) -> bool:
        """Whether nothing could be worked out more closely than promised, and the attack itself is right."""
        return not self.failures

    @property
    def verdict(self) -> str:
        """``pass`` or ``fail``; ``not attacked`` where the policy guarantees nothing."""
        if self.policy == "none":
            return "not attacked"
        return "pass" if self.passed else "fail"

    def to_dict(self) -> dict:
        """Return all of it as plain values, with ``verdict``."""
        where = {name: [place.to_dict() for place in places] for name, places in self.where.items()}
        return {"verdict": self.verdict, **asdict(self), "where": where}


def attack_release(
    released: pd.DataFrame,
    truth: pd.DataFrame,
    scheme: Scheme,
    policy: Policy,
    *,
    national: str,
    least: pd.Series | None = None,
    thorough: bool = False,
) -> Attack:
    """Attack released results.

    Parameters
    ----------
    released : DataFrame
        Results as published, of all measures and levels of one run.
    truth : DataFrame
        The same results with their exact counts, in any order.
    scheme : Scheme
        Definitions and the organisation tree, which a reader knows.
    policy : Policy
    national : {"show", "suppress_small", "suppress"}
        How national counts are published: "show" is no secret at all.
    least : Series of int, optional
        Identifier of a result -> the fewest people it can have where its estimate is shown
        (:func:`naome.release.suppress.list_least`).
    thorough : bool
        Whether linear programmes look at every hidden count near the promise, and use all relations together.

    Returns
    -------
    Attack
    """
    truth = truth.drop_duplicates("result_id").reset_index(drop=True)
    rows = released.drop_duplicates("result_id").set_index("result_id").reindex(truth["result_id"]).reset_index()
    cells = list_cells(truth, scheme)
    whole = truth["level"].isin(NATIONAL_LEVELS).to_numpy()
    people, events = (rows[name].to_numpy(dtype=float, na_value=np.nan) for name in ("denominator", "numerator"))
    exact = whole & (national != "suppress")
    secret_rows = ~whole if national == "show" else np.ones(len(whole), dtype=bool)
    protected = cells.in_rows(secret_rows)
    found = Attack(policy.name, thorough)
    holds = cells.relations.holds(cells.value)
    found.relations, found.relations_broken = len(holds), int((~holds).sum())
    broken = cells.relations.count[np.isin(cells.relations.number, np.flatnonzero(~holds))]
    try:
        fewest = 0 if least is None else rows["result_id"].map(least).fillna(0).to_numpy(dtype=float)
        bounds = bound_counts(cells, people, events, exact, policy, fewest)
    except ValueError:  # what is published contradicts itself, so that it cannot be the truth
        found.truth_outside = len(cells.value)
        found.where = _place(truth, cells, {"relations_broken": broken, "truth_outside": np.arange(len(cells.value))})
        return found
    outside = (cells.value < bounds.lower) | (cells.value > bounds.upper)
    found.truth_outside = int(outside.sum())
    narrow, rounded = find_broken(cells, bounds, policy, secret_rows)
    secret = find_small(cells, policy) & (bounds.known == 0) & protected
    found.hidden, found.hidden_narrow = int(secret.sum()), int(narrow.sum())
    found.hidden_exact = int((narrow & (bounds.lower == bounds.upper)).sum())
    near = list_near(cells, bounds, policy, secret_rows, None if thorough else PROGRAMMES)
    near = near[~narrow[near]]
    found.programmes = len(near)
    remainders = find_remainders(cells, bounds, policy, secret_rows)
    found.remainders = len(remainders)
    solved = near[~find_held(near, cells, bounds, policy, everything=thorough)]
    found.hidden_narrow += len(solved)
    seen = protected & (bounds.known == 1) & (cells.value > 0)
    width = (bounds.upper - bounds.lower + 1)[seen]
    found.shown, found.shown_narrow = int(seen.sum()), int(rounded.sum())
    found.shown_exact = int((width == 1).sum()) if policy.round_to > 1 else 0
    most = policy.round_to
    counted = pd.Series(np.minimum(width, most).astype(int)).value_counts().sort_index()
    found.values = {f"{value}{' or more' * (value == most)}": int(n) for value, n in counted.items()}
    found.zero = int((protected & (bounds.known == 1) & (cells.value == 0)).sum())
    below, counts = ~whole & truth["denominator"].notna().to_numpy(), ~np.isnan(people)
    found.rows_shown, found.rows_hidden = int((below & counts).sum()), int((below & ~counts).sum())
    found.national_hidden = int((whole & (rows["status"] == "suppressed")).sum())
    values = np.concatenate([people[below], events[below]])
    found.smallest = int(np.nanmin(values[values > 0])) if (values > 0).any() else 0
    units = (truth["level"] == "provider") & below
    found.where = _place(
        truth,
        cells,
        {
            "relations_broken": broken,
            "truth_outside": np.flatnonzero(outside),
            "hidden_narrow": np.concatenate([np.flatnonzero(narrow), solved]),
            "shown_narrow": np.flatnonzero(rounded),
            "remainders": _list_parts(cells, bounds, remainders),
        },
    )
    guessed = guess_counts(rows, truth, policy)
    found.guesses, found.guesses_blind = guessed.made, round(guessed.blind, 1)
    found.guesses_right, found.guesses_allowed = round(guessed.right, 1), round(guessed.allowed, 1)
    if found.guesses_right > found.guesses_allowed:
        found.where["guesses_right"] = list_places(rows[find_kinds(rows["method"]).isin(list(SCALES)) & units & counts])
    shares = pd.Series(counts[units]).groupby(truth.loc[units, "measure"].to_numpy()).mean()
    found.shares = {measure: round(float(share), 3) for measure, share in shares.items()}
    return found


def _place(results: pd.DataFrame, cells: Cells, counts: Mapping[str, np.ndarray]) -> dict[str, list[Place]]:
    """Return where the counts are that fail, for each way in which one can."""
    return {name: find_places(results, cells, each) for name, each in counts.items() if len(each)}


def _list_parts(cells: Cells, bounds: Bounds, relations: np.ndarray) -> np.ndarray:
    """List the hidden parts of some relations."""
    terms = np.isin(cells.relations.number, relations) & (cells.relations.weight < 0)
    parts = cells.relations.count[terms]
    return parts[bounds.known[parts] == 0]
