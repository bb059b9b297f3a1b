"""Protection of plain tables of counts: what a run shows besides its results.

Counts are of the whole nation. They stay as they are where the parameters show national figures; otherwise small
ones are hidden, others rounded as the policy says, and a count is hidden too where a hidden one could be worked out
from it and a total or a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from naome.measures.study import Study
from naome.release.bounds import LARGEST_COUNT, Relations, solve_bounds, tighten
from naome.release.policy import POLICIES, Policy, round_counts
from naome.release.types import HIDDEN, Hidden, Released, release_checked


def release_counts(
    frame: pd.DataFrame,
    columns: str | Sequence[str],
    study: Study,
    *,
    of: str = "",
    totals: Sequence[Sequence[str]] = (),
    with_it: Sequence[str] = (),
) -> Released:
    """Release a table of counts of people.

    Parameters
    ----------
    frame : DataFrame
        One row per count.
    columns : str or sequence of str
        Columns that hold counts.
    study : Study
        Its parameters say which policy, and whether national figures are shown as they are.
    of : str
        Column with the number of people that the counts are part of; the rest is protected as the count is.
    totals : sequence of sequence of str
        Keys of the sums a reader may know; no keys is the sum of the column. Where a hidden part of a sum could be
        worked out, alone or more closely than to any number that is hidden, the next smallest is hidden with it.
    with_it : sequence of str
        Numbers made from the counts, such as their share: hidden where a count of the row is, and everywhere when
        counts are rounded.

    Returns
    -------
    Released
        The same rows and columns; counts as nullable integers, or, where any is hidden, as objects with ``HIDDEN``.

    Examples
    --------
    >>> from naome.core.params import Disclosure, load_params
    >>> from naome.measures.study import make_study
    >>> strict = Disclosure(policy="lt10", national="suppress")
    >>> study = make_study(load_params("wales").model_copy(update={"disclosure": strict}), run_id="r")
    >>> frame = pd.DataFrame({"sex": ["female", "male"], "people": [480, 3]})
    >>> release_counts(frame, "people", study, totals=[[]]).frame["people"].tolist()
    [suppressed, suppressed]
    """
    columns = [columns] if isinstance(columns, str) else list(columns)
    out = frame.astype(dict.fromkeys([*columns, *([of] if of else [])], "Int64")).reset_index(drop=True)
    policy = policy_in_force(study)
    if policy is None:
        return release_checked(out)
    hidden = pd.DataFrame({column: is_small(out[column], policy) for column in columns})
    if of:
        whole = is_small(out[of], policy)
        for column in columns:
            hidden[column] |= whole | is_small(out[of] - out[column], policy)
    sums = [rows for keys in totals for rows in _parts(out, list(keys))]
    for column in columns:
        wholes = out[of].mask(whole) if of else pd.Series(pd.NA, index=out.index, dtype="Int64")
        hidden[column] = _hide_complements(out[column], hidden[column], wholes, sums, policy)
    hide_numbers(out, with_it, hidden.any(axis=1) | (policy.round_to > 1))
    if of:
        out[of] = hide(out[of], whole, policy)
    for column in columns:
        out[column] = hide(out[column], hidden[column], policy)
    return release_checked(out)


def release_attrition(attrition: pd.DataFrame, study: Study) -> Released:
    """Release what every rule leaves and leaves out.

    Parameters
    ----------
    attrition : DataFrame
        From :func:`naome.cohort.attrition.count_attrition`.
    study : Study

    Returns
    -------
    Released
        A number is hidden when it, or its difference to the next that is shown, is small: no subtraction along the
        table gives a small number. The two ways into the de novo cohort are hidden together, since their sum is known.
        Where counts are rounded, what a rule leaves out is what rounded counts differ by: rounded by itself it would
        narrow both.
    """
    out = attrition.astype({"remaining": "Int64", "left_out": "Int64"}).reset_index(drop=True)
    policy = policy_in_force(study)
    if policy is None:
        return release_checked(out)
    remaining, cohort = out["remaining"], out["cohort"]
    hidden = is_small(remaining, policy)
    for chain in ("both", "recurrent"):
        _hide_differences(remaining, hidden, list(out.index[cohort == chain][::-1]), policy)
    ways, common = out.index[cohort == "denovo"], out.index[cohort == "both"]
    starts = {row: common[-1] for rows in (ways, out.index[cohort == "recurrent"][:1]) for row in rows}
    for row, start in starts.items():
        hidden[row] |= bool(is_small((remaining[[start]] - remaining[row]), policy).iloc[0])
    hidden[ways] = hidden[ways].any()
    before = {row: starts.get(row, row - 1) for row in out.index}
    lost = [hidden[row] or before[row] < 0 or hidden[before[row]] for row in out.index]
    if policy.round_to > 1:
        rounded = round_counts(remaining, policy)
        gone = [rounded[before[row]] - rounded[row] if before[row] >= 0 else pd.NA for row in out.index]
        out["left_out"] = pd.Series(gone, dtype="Int64").where(out["left_out"].notna())
    out["left_out"] = hide(out["left_out"], pd.Series(lost) & out["left_out"].notna(), policy)
    out["remaining"] = hide(remaining, hidden, policy)
    return release_checked(out)


def release_at_risk(
    at_risk: pd.DataFrame,
    study: Study,
    *,
    left: Mapping[str, Mapping[str, int | None]] = MappingProxyType({}),
    withheld: Iterable[str] | None = None,
) -> Released:
    """Release numbers at risk, one row per group and one column per time in their order.

    Parameters
    ----------
    at_risk : DataFrame
        From :func:`naome.measures.survival.numbers_at_risk`.
    study : Study
    left : mapping of str to mapping of str to int or None
        What results say of each group: people, and people less deaths until a time, by the name of its column; None
        where the result is suppressed. While everyone is followed it is the number at risk.
    withheld : iterable of str, optional
        Groups that are not shown, where the groups are all of a cohort whose numbers are shown too; None where they are
        not.

    Returns
    -------
    Released
        A number is hidden when it, or its difference to the last that is shown, or to what results say, is small, and
        at a time whose result is suppressed; of the groups of a cohort two at least, or none. The others are rounded as
        the policy says, unless national figures are shown as they are.
    """
    times = [column for column in at_risk if column != "group"]
    out = at_risk.astype(dict.fromkeys(times, "Int64")).reset_index(drop=True)
    in_force = policy_in_force(study)
    if in_force is None:
        return release_checked(out)
    policy = POLICIES[study.params.disclosure.policy]
    hidden = out[times].apply(is_small, policy=policy)
    for row in out.index:
        said = left.get(str(out.at[row, "group"]), {}) if in_force.round_to == 1 else {}
        exact = [count for count in said.values() if count is not None]
        counts, gone = out.loc[row, times].astype("Int64"), hidden.loc[row].copy()
        for time in times:
            suppressed = time in said and said[time] is None
            gone[time] |= suppressed or any(_is_near(int(counts[time]), count, policy) for count in exact)
        _hide_differences(counts, gone, times, policy)
        hidden.loc[row] = gone
    if withheld is not None:
        _hide_in_pairs(out, hidden, out["group"].isin(list(withheld)), policy)
    for time in times:
        out[time] = hide(out[time], hidden[time], policy).astype(object)
    return release_checked(out)


def _is_near(count: int, known: int, policy: Policy) -> bool:
    """Return whether a count differs from an exactly known one by a small number, or may by what is shown of it."""
    rounded = int(round_counts(pd.Series([count]), policy).iloc[0])
    few = abs(count - known) <= policy.hide_to or abs(rounded - known) <= policy.hide_to + (policy.round_to - 1) // 2
    return count != known and few


def _hide_in_pairs(at_risk: pd.DataFrame, hidden: pd.DataFrame, withheld: pd.Series, policy: Policy) -> None:
    """Hide the next smallest number of a time until those not shown are two at least, and not few in all."""
    for time in hidden:
        counts = at_risk[time].astype(int)
        while True:
            gone = hidden[time] | withheld
            together, rest = counts[gone & (counts > 0)], counts[~gone & (counts > 0)]
            alone = len(together) == 1 or policy.hide_from <= together.sum() <= policy.hide_to
            if together.empty or rest.empty or not alone:
                break
            hidden.loc[_take_smallest(rest), time] = True


def release_curves(
    curves: pd.DataFrame,
    study: Study,
    *,
    withheld: Iterable[str] = (),
    left: Mapping[str, Mapping[str, int | None]] = MappingProxyType({}),
) -> Released:
    """Release survival curves to be drawn, in steps of several deaths, as far as several people are at risk.

    Parameters
    ----------
    curves : DataFrame
        From :func:`naome.measures.survival.survival_curves`.
    study : Study
    withheld : iterable of str
        Groups of which a result is suppressed: their curves, which tell how many they are, are not drawn.
    left : mapping of str to mapping of str to int or None
        As for :func:`release_at_risk`: a curve has no step at which few more, or fewer, have died than results say.

    Returns
    -------
    Released
        ``group, years, survival, lower, upper``: the beginning of each curve, and the times at which at least as many
        people as the policy says have died since the time before; none where fewer are at risk than it says, and no
        curve where national counts are rounded, or, where small groups of the nation are hidden, of few people. All
        policies but "none": a curve gives days of death.
    """
    drawn = ["group", "years", "survival", "lower", "upper"]
    policy, national = POLICIES[study.params.disclosure.policy], policy_in_force(study)
    if policy.name == "none":
        return release_checked(curves[drawn])
    if national is not None and national.round_to > 1:
        return release_checked(curves.iloc[:0][drawn])
    fewest, gone = 0 if national is None else policy.smallest_curve, set(withheld)
    kept = [
        place
        for group, curve in curves.groupby("group", sort=False)
        if group not in gone and curve["n_risk"].max() >= fewest
        for place in _coarsen(curve, policy, left.get(str(group), {}) if national is not None else {})
    ]
    return release_checked(curves.loc[kept, drawn])


def is_near_known(dead: int, left: Mapping[str, int | None], policy: Policy) -> bool:
    """Return whether deaths of a group are few more, or fewer, than follow from people whom results say are left.

    Parameters
    ----------
    dead : int
    left : mapping of str to int or None
        Of the group, as for :func:`release_at_risk`.
    policy : Policy

    Examples
    --------
    >>> [is_near_known(20, {"0 y": 200, "1 y": left, "3 y": None}, POLICIES["hes2018"]) for left in (178, 180, 170)]
    [True, False, False]
    """
    known = [count for count in left.values() if count is not None]
    everyone = left.get("0 y")
    return everyone is not None and any(policy.hide_from <= abs(dead - everyone + n) <= policy.hide_to for n in known)


def _coarsen(curve: pd.DataFrame, policy: Policy, left: Mapping[str, int | None]) -> list:
    """Return the rows of a curve between which enough people died, and none few deaths from a known number of them."""
    kept: list = []
    since, dead = policy.deaths_per_step, 0
    for place, deaths, at_risk in zip(curve.index, curve["n_event"], curve["n_risk"], strict=True):
        if at_risk < policy.least_at_risk:
            break
        since, dead = since + deaths, dead + deaths
        if since >= policy.deaths_per_step and not (kept and is_near_known(dead, left, policy)):
            kept.append(place)
            since = 0
    return kept


def release_variants(
    frame: pd.DataFrame,
    columns: Sequence[str],
    base: pd.DataFrame,
    study: Study,
    *,
    parts: Sequence[tuple[str, str]] = (),
    overlaps: Sequence[tuple[str, str]] = (),
    of_one: Sequence[str] = (),
    above: Mapping[str, Sequence[str]] = MappingProxyType({}),
    with_it: Sequence[str] = (),
) -> Released:
    """Release counts under other definitions, which stand beside the same counts under the run's own.

    Parameters
    ----------
    frame : DataFrame
        A row per variant.
    columns : sequence of str
        Columns that hold counts.
    base : DataFrame
        The counts of the run's own definition, in the same rows.
    study : Study
    parts : sequence of (str, str)
        A count that is part of another: the rest is protected as a count is.
    overlaps : sequence of (str, str)
        People in both versions, and people of one: those in one only are protected as a difference is.
    of_one : sequence of str
        Columns by which rows are variants of one choice: a count is compared with those of the rows above, too.
    above : mapping of str to sequence of str
        The same for single counts: a count, and the columns by which its rows are variants of one choice.
    with_it : sequence of str
        Numbers made from the counts.

    Returns
    -------
    Released
        A row is hidden whole when a count of it differs from the run's own by a small number, also where national
        figures are shown as they are: the few people would be a group of their own. In place of that count it says
        that few differ. A row is hidden too when a count of it is small, unless national figures are shown as they are.
    """
    out = frame.astype(dict.fromkeys(columns, "Int64")).reset_index(drop=True)
    if study.params.disclosure.policy == "none":
        return release_checked(out)
    own = base.astype(dict.fromkeys(columns, "Int64")).reset_index(drop=True)
    policy, shown = POLICIES[study.params.disclosure.policy], policy_in_force(study) is None
    small = pd.Series(False, index=out.index)
    near = {column: is_small((out[column] - own[column]).abs(), policy) for column in columns}
    for column in columns:
        small |= is_small(out[column], policy) & ~shown
    for part, whole in parts:
        small |= (is_small(out[whole] - out[part], policy) | is_small(own[whole] - out[part], policy)) & ~shown
    for common, whole in overlaps:
        near[common] |= is_small(out[whole] - out[common], policy) | is_small(own[whole] - out[common], policy)
    hidden = small | pd.DataFrame(near).any(axis=1)
    for rows in _parts(out, list(of_one)) if of_one else ():
        _find_near_above(out, columns, rows, hidden, near, policy)
    for column, keys in above.items():
        for rows in _parts(out, list(keys)):
            _find_near_above(out, [column], rows, hidden, near, policy)
    if shown or study.params.disclosure.national == "suppress_small":
        policy = replace(policy, round_to=1)
    few = Hidden(f"fewer than {policy.hide_to + 1} differ")
    for column in columns:
        values = hide(out[column], hidden & out[column].notna(), policy)
        out[column] = values.mask(near[column] & ~small, few) if (near[column] & ~small).any() else values
    hide_numbers(out, with_it, hidden | (policy.round_to > 1))
    return release_checked(out)


def _find_near_above(
    counts: pd.DataFrame,
    columns: Sequence[str],
    rows: np.ndarray,
    hidden: pd.Series,
    near: Mapping[str, pd.Series],
    policy: Policy,
) -> None:
    """Mark where a count differs by a small number from one shown above it, in some rows."""
    for place, row in enumerate(rows):
        above = [each for each in rows[:place] if not hidden[each]]
        for column in columns:
            near[column][row] |= is_small((counts.loc[above, column] - counts.at[row, column]).abs(), policy).any()
            hidden[row] |= near[column][row]


def policy_in_force(study: Study) -> Policy | None:
    """Return the policy that protects national counts; None where they are shown as they are."""
    disclosure = study.params.disclosure
    policy = POLICIES[disclosure.policy]
    if disclosure.shows_nation:
        return None
    return policy if disclosure.national == "suppress" else replace(policy, round_to=1)


def is_small(counts: pd.Series, policy: Policy) -> pd.Series:
    """Return which counts a policy hides; a missing one is not hidden."""
    return counts.between(policy.hide_from, policy.hide_to).fillna(False).astype(bool)


def hide(counts: pd.Series, hidden: pd.Series, policy: Policy) -> pd.Series:
    """Return counts as the policy rounds them, hidden ones as ``HIDDEN``."""
    rounded = round_counts(counts, policy)
    return rounded.astype(object).mask(hidden, HIDDEN) if hidden.any() else rounded


def hide_numbers(frame: pd.DataFrame, columns: Iterable[str], hidden: pd.Series) -> None:
    """Put ``HIDDEN`` into columns of some rows of a frame, where they have a number."""
    for column in columns:
        frame[column] = frame[column].astype(object).mask(hidden & frame[column].notna(), HIDDEN)


def hide_columns(released: Released, columns: Sequence[str], rows: pd.Series | None = None) -> Released:
    """Return what is released with ``HIDDEN`` in the place of every number of some columns, in some rows or in all."""

    def take_out(frame: pd.DataFrame) -> pd.DataFrame:
        hide_numbers(frame, columns, pd.Series(True, index=frame.index) if rows is None else rows)
        return frame

    return released.transform(take_out)


def _hide_complements(
    counts: pd.Series, hidden: pd.Series, wholes: pd.Series, sums: Sequence[np.ndarray], policy: Policy
) -> pd.Series:
    """Hide the next smallest count of a sum until no hidden one can be worked out from the sums.

    Parameters
    ----------
    counts, hidden : Series
    wholes : Series of int
        What each count is part of; missing where that is not shown.
    sums : sequence of array of int
        Rows whose sum a reader may know.
    policy : Policy
    """
    hidden = hidden.copy()
    while True:
        _hide_second(counts, hidden, sums)
        beside = _list_beside(counts, hidden, wholes, sums, policy)
        if beside.empty:
            return hidden
        hidden[_take_smallest(beside)] = True


def _hide_second(counts: pd.Series, hidden: pd.Series, sums: Sequence[np.ndarray]) -> None:
    """Hide the next smallest count wherever one part of a sum is hidden alone, until there is no such sum."""
    changed = True
    while changed:
        changed = False
        for rows in sums:
            shown = counts[rows][~hidden[rows]].dropna().astype(int)
            if hidden[rows].sum() == 1 and len(shown):
                hidden[_take_smallest(shown)] = changed = True


def _take_smallest(counts: pd.Series) -> int:
    """Return where the smallest count above zero is, or else the first."""
    return int((counts[counts > 0] if (counts > 0).any() else counts).idxmin())


def _list_beside(
    counts: pd.Series, hidden: pd.Series, wholes: pd.Series, sums: Sequence[np.ndarray], policy: Policy
) -> pd.Series:
    """List the counts shown in a sum of which a hidden part is known too closely; none where there is no such sum."""
    shown = {place: counts[rows][~hidden[rows]].dropna().astype(int) for place, rows in enumerate(sums)}
    known = [place for place, rows in enumerate(sums) if hidden[rows].any() and (shown[place] > 0).any()]
    for row in _find_narrow(counts, hidden, wholes, sums, policy) if known else ():
        own = [place for place in known if row in sums[place]]
        return shown[(own or known)[0]]
    return pd.Series(dtype=int)


def _find_narrow(
    counts: pd.Series, hidden: pd.Series, wholes: pd.Series, sums: Sequence[np.ndarray], policy: Policy
) -> list[int]:
    """List the hidden rows whose count, or rest, cannot have every number that is hidden, by what the sums say."""
    values = counts.fillna(0).astype(float)
    rounded = round_counts(values, policy).astype(float)
    spread = np.where(values == 0, 0, (policy.round_to - 1) // 2)
    limits = wholes.astype("Float64").fillna(LARGEST_COUNT).to_numpy(dtype=float)
    lower = np.where(hidden, 0.0, np.maximum(rounded - spread, 0))
    upper = np.where(hidden, limits, rounded + spread)
    totals = np.array([values[rows].sum() for rows in sums])
    number, of_sum = np.repeat(np.arange(len(sums)), [len(rows) for rows in sums]), np.concatenate(sums)
    relations = Relations(number, of_sum, np.ones(len(of_sum)), totals, totals)
    lower, upper = tighten(lower, upper, relations)
    narrow = []
    for row in np.flatnonzero(hidden & counts.notna() & np.isin(counts.index, of_sum)):
        most = min(policy.hide_to, totals[[row in rows for rows in sums]].min())
        rest = limits[row] - values[row]
        promised = []
        if policy.hide_from <= values[row] <= policy.hide_to:
            promised.append((policy.hide_from, min(most, limits[row])))
        if policy.hide_from <= rest <= policy.hide_to:
            promised.append((max(limits[row] - policy.hide_to, 0), limits[row] - policy.hide_from))
        least, greatest = solve_bounds(int(row), lower, upper, relations) if promised else (0.0, 0.0)
        if any(least > low or greatest < high for low, high in promised):
            narrow.append(int(row))
    return narrow


def _parts(frame: pd.DataFrame, keys: list[str]) -> list[np.ndarray]:
    if not keys:
        return [frame.index.to_numpy()]
    return [frame.index[places].to_numpy() for places in frame.groupby(keys, dropna=False).indices.values()]


def _hide_differences(counts: pd.Series, hidden: pd.Series, order: list, policy: Policy) -> None:
    """Hide a count that differs from the one last shown by a small number; the first of the order goes before.

    Also where only the rounded ones do: 100 and 95 differ by 8 or 9 if not by a small number.
    """
    last = None
    for place in order:
        if not hidden[place] and last is not None:
            few = policy.hide_from <= abs(int(counts[place]) - last) <= policy.hide_to
            here, there = round_counts(pd.Series([counts[place], last]), policy)
            hidden[place] = few or 0 < abs(here - there) < policy.smallest_shown
        if not hidden[place]:
            last = int(counts[place])
