"""The counts behind results, and how they are related: which rows count the same people, and which add up.

A count is a place (a cohort, a level, a unit) and conditions that people there fulfil, by name. Two rows with the same
place and conditions show the same count, whatever they are called. Three kinds of relation follow from the names alone:
a part and the rest are the whole; groups that divide people add up; organisations add up to alliances, regions and the
nation. ``definitions/relations.yaml`` declares the rest (one agent and two agents are any agent).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from naome.core.results import NATIONAL_LEVELS
from naome.measures.derivability import CANCER_SHARE_OF_DEATHS, RECORD_BEFORE_CANCER_DEATH, RECORD_BEFORE_DEATH
from naome.measures.description import PEOPLE, ROUTES, SHARE, SITE
from naome.measures.indicators import MISSING
from naome.measures.landmark import LANDMARK, list_landmarked
from naome.measures.specification import PROVIDER, DataItem, Expression, Specification
from naome.measures.specification import TableRelations as DeclaredRelations
from naome.release.bounds import Relations
from naome.release.policy import POLICIES

__all__ = ["Cells", "Scheme", "list_cells", "make_scheme"]

Conditions = frozenset[str]
EVERYONE: Conditions = frozenset()
#: Counts that some policy hides are no larger
MOST_HIDDEN = max(policy.hide_to for policy in POLICIES.values())
#: Ends of the names of measures that count the people of the indicator before it
DERIVED = ("_adjusted", "_ratio", "_trend", "_gap", "_gap_standardised")
#: Between the names of two groups whose proportions a row compares
LESS = " less "
#: Level -> unit -> number of its count
_Levels = dict[str, dict[str, int]]
NOT_MISSING = re.compile(r"not missing\((\w+)\)|(\w+)_recorded")
#: A condition that a characteristic has a value, and one that it has one of several
VALUE, SEVERAL = re.compile(r"(\w+) (?:==|in) (?!'not recorded')"), re.compile(r"(\w+) in [\[(](.+)[\])]")
GROUP, UNRECORDED = re.compile(r"(\w+) == '(.+)'"), re.compile(rf"(\w+) == '{MISSING}'")
#: Between the names of two characteristics, or the groups of each
BOTH = " / "
#: Level of organisations to which people belong for what was done to them, not for where they were diagnosed
TREATING = "treating provider"
DEAD, OF_BREAST_CANCER, RECORD = "died under 70", "died of breast cancer", "had a record of metastatic disease"
#: Measures of the people of a cohort
OF_COHORTS = (PEOPLE, "cohort_size", "age_mean")
DEATHS = {
    RECORD_BEFORE_CANCER_DEATH: ((DEAD, OF_BREAST_CANCER), (DEAD, OF_BREAST_CANCER, RECORD)),
    RECORD_BEFORE_DEATH: ((DEAD,), (DEAD, RECORD)),
    CANCER_SHARE_OF_DEATHS: ((DEAD, "cause of death known"), (DEAD, OF_BREAST_CANCER)),
}
#: Measures beside a headline: where a small number follows from both, theirs is hidden, whatever it costs
BESIDE_HEADLINE = (RECORD_BEFORE_DEATH,)


#: Measures of the people of each cohort who live, of which both cohorts together have rows of a cohort of their own
LIVING = ("limited_duration_prevalence", "limited_duration_prevalence_corrected")
FOUND, ALIVE, TOGETHER = "found by the date", "alive on the date", "primary"


@dataclass(frozen=True)
class Scheme:
    """What the names of measures, groups and units mean.

    Attributes
    ----------
    measures : mapping of str to (frozenset of str, frozenset of str)
        Measure -> conditions of its people, and of those of them whom its events count.
    treating : frozenset of str
        Measures whose organisations are those of the treatment.
    groups : mapping of str to (str, frozenset of str)
        Group -> the characteristic that divides people, and conditions of all its groups.
    parents : DataFrame
        The levels below the nation, from the smallest to the largest (``provider, alliance, region``), one row per
        organisation; a column may be missing.
    sums : tuple of tuple of str
        Measures whose events are those of the others after it together, at every place.
    nested : mapping of (str, str) to mapping
        Two characteristics -> for a value of the second, the values of the first that lie in it.
    same : mapping of str to str
        A condition -> another that the same people fulfil, by which it is named here.
    equal : tuple of (frozenset of str, str)
        Conditions -> one that the people fulfil who fulfil all of them, and nobody else.
    implied : mapping of str to frozenset of str
        A condition -> others that whoever fulfils it fulfils too.
    """

    measures: Mapping[str, tuple[Conditions, Conditions]]
    treating: frozenset[str]
    groups: Mapping[str, tuple[str, Conditions]]
    parents: pd.DataFrame
    sums: tuple[tuple[str, ...], ...] = ()
    nested: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
    equal: tuple[tuple[Conditions, str], ...] = ()
    implied: Mapping[str, Conditions] = field(default_factory=dict)

    def list_parted(self) -> frozenset[str]:
        """Return conditions of tables that divide only those people who fulfil them, such as women by age."""
        return frozenset(condition for by, where in self.groups.values() if by for condition in where)


@dataclass(frozen=True)
class Cells:
    """Counts of some results.

    Attributes
    ----------
    value : array of float, shape (n,)
    people, events, rest : array of int, shape (rows,)
        Which count each row of the results shows as people, as events and leaves as the rest; -1 where it has none.
    relations : Relations
        All of them hold for `value`.
    same : array of int, shape (n,)
        The first of the counts that are the same by a relation, such as the only region and its nation.
    nested : array of int, shape (k,)
        Differences of two counts of the nation that no row shows, such as the men of an age group.
    public : array of int, shape (k,)
        Counts that no row shows and that are taken to be known: national totals of tables of organisations, and the
        people of a route, which another table may hold.
    ceiling : array of float, shape (n,)
        The least of the wholes that a count is part of and that a nation's row shows or is taken to show.
    national : array of bool, shape (n,)
        Counts of the nation.
    beside : array of int, shape (m, 2)
        Counts of no one, such as the men of an age group, and those of the group beside it: where these are small, that
        there is no one in the first group must not be known, or all of the few would be known to be in the second.
    """

    value: np.ndarray
    people: np.ndarray
    events: np.ndarray
    rest: np.ndarray
    relations: Relations
    same: np.ndarray
    nested: np.ndarray
    public: np.ndarray
    ceiling: np.ndarray
    national: np.ndarray
    beside: np.ndarray

    def in_rows(self, rows: np.ndarray, *, differences: bool = False) -> np.ndarray:
        """Mark the counts that some rows show or leave.

        Parameters
        ----------
        rows : array of bool, shape (rows,)
        differences : bool
            Whether those that no row shows are marked too where all rows are meant, the nation's among them: the
            difference of two counts is a group of people.
        """
        inside = np.zeros(len(self.value), dtype=bool)
        for counts in (self.people, self.events, self.rest):
            inside[counts[rows & (counts >= 0)]] = True
        if differences and rows.all():
            inside[self.nested] = True
        return inside


def make_scheme(
    specification: Specification,
    items: Iterable[DataItem],
    parents: pd.DataFrame,
    declared: DeclaredRelations,
    nested: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]],
    time_points: Mapping[int, bool],
) -> Scheme:
    """Read off the definitions which conditions each measure counts.

    Parameters
    ----------
    specification : Specification
    items : iterable of DataItem
    parents : DataFrame
        See :class:`Scheme`, of the analysis table.
    declared : Relations
        What ``relations.yaml`` says.
    nested : mapping
        See :class:`Scheme`, from :func:`find_nesting`.
    time_points : mapping of int to bool
        Years of survival -> whether organisations are compared on the people of the audit period.
    """
    measures: dict[str, tuple[Conditions, Conditions]] = {
        name: (frozenset(people), frozenset(events)) for name, (people, events) in DEATHS.items()
    }
    for indicator in specification.indicators:
        people = split_conditions(indicator.denominator, indicator.windows)
        events = people | split_conditions(indicator.numerator, indicator.windows)
        for end in ("", *DERIVED):
            measures[indicator.id + end] = people, events
        measures[f"eligible.{indicator.id}"] = people, people
    for item in items:
        measures[f"completeness.{item.id}"] = EVERYONE, split_conditions(item.recorded, {})
    for years, alike in time_points.items():
        dead = frozenset([f"dead within {years} years"])
        measures[f"survival_{years}y"] = EVERYONE, dead
        if alike:
            measures[f"survival_{years}y_adjusted"] = EVERYONE, dead
    for name in OF_COHORTS:
        measures[name] = EVERYONE, EVERYONE
    for indicator in list_landmarked(specification):
        measures |= _name_landmarks(indicator.id, *measures[indicator.id])
    for name in LIVING:
        measures[name] = frozenset([FOUND]), frozenset([FOUND, ALIVE])
    treating = {
        indicator.id + end
        for indicator in specification.indicators
        if indicator.provider != "provider"
        for end in ("", *DERIVED)
    }
    groups = {group.id: (BOTH.join(group.columns), split_conditions(group.where, {})) for group in specification.groups}
    same = {pair[0]: pair[1] for pair in declared.same}
    same |= {name_group(each.column, each.group): f"{each.column} in {list(each.values)}" for each in declared.together}
    equal = tuple(
        (frozenset(f"{column}_recorded" for column in made_of), f"not missing({name})")
        for name, *made_of in declared.recorded
    )
    implied = {
        f"dead within {years} years": frozenset(f"dead within {later} years" for later in time_points if later > years)
        for years in time_points
    }
    implied |= {inner: _list_around(inner, declared.within) for inner, _ in declared.within}
    return Scheme(measures, frozenset(treating), groups, parents, declared.sums, nested, same, equal, implied)


def _name_landmarks(name: str, people: Conditions, events: Conditions) -> dict[str, tuple[Conditions, Conditions]]:
    """Return the conditions of an indicator among those alive at the landmark, and of its measures without one."""
    lived = frozenset([f"not {LANDMARK}"])
    everyone, treated = people - lived, events - lived
    return {
        f"{name}_landmark": (people, events),
        f"{name}_no_landmark": (everyone, treated),
        f"{name}_incidence": (everyone, treated),
        f"{name}_died_untreated": (everyone, everyone | {f"died before {name}"}),
    }


def _list_around(inner: str, within: Iterable[tuple[str, ...]]) -> Conditions:
    """Return the conditions that follow from one, by pairs of which the second follows from the first."""
    around, open_ends = set[str](), [inner]
    while open_ends:
        one = open_ends.pop()
        new = {outer for each, outer in within if each == one} - around
        around |= new
        open_ends += sorted(new)
    return frozenset(around)


def find_nesting(people: pd.DataFrame, fine: str, coarse: str) -> dict[str, tuple[str, ...]]:
    """Find, for each value of one characteristic, the values of another all of whose people have it.

    Examples
    --------
    >>> table = pd.DataFrame({"age_band": ["40-49", "under 40", "50-59"], "age_group": ["18-49", "18-49", "50-69"]})
    >>> find_nesting(table, "age_band", "age_group")
    {'18-49': ('40-49', 'under 40'), '50-69': ('50-59',)}
    """
    pairs = people[[fine, coarse]].astype("string").dropna(subset=fine).drop_duplicates()
    single = pairs[~pairs[fine].duplicated(keep=False)].dropna().sort_values([coarse, fine])
    return {str(value): tuple(map(str, rows[fine])) for value, rows in single.groupby(coarse)}


def split_conditions(expression: Expression | None, windows: Mapping[str, int]) -> Conditions:
    """Return the conditions that must all hold for an expression to hold, each as text with its windows in days."""
    if expression is None:
        return EVERYONE
    tree = expression.tree.body if isinstance(expression.tree, ast.Expression) else expression.tree
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    texts = []
    for part in parts:
        text = ast.unparse(part)
        for name, days in windows.items():
            text = re.sub(rf"\b{re.escape(name)}\b", str(days), text)
        texts.append(text)
    return frozenset(texts)


def name_group(by: str, group: str) -> str:
    """Return the condition that people are in a group, as an expression of the definitions would say it.

    Examples
    --------
    >>> name_group("sex", "female")
    "sex == 'female'"
    """
    return f"{by} == '{group}'"


def list_cells(results: pd.DataFrame, scheme: Scheme) -> Cells:
    """List the counts that results show or leave, and all relations between them.

    Parameters
    ----------
    results : DataFrame
        Results (:mod:`naome.core.results`) with their exact counts.
    scheme : Scheme

    Returns
    -------
    Cells
        A sum that the counts do not fulfil is at most its whole: some people have no organisation, or no group.
    """
    return _Listing(results.reset_index(drop=True), scheme).collect()


class _Listing:
    """Counts and relations while they are listed."""

    def __init__(self, results: pd.DataFrame, scheme: Scheme) -> None:
        self.results, self.scheme = results, scheme
        self.number: dict[tuple, int] = {}
        self.value: list[float] = []
        self.terms: list[tuple[tuple[int, ...], tuple[float, ...], float]] = []
        self.rests: dict[tuple[int, int], int] = {}
        self.whole: list[bool] = []
        self.public: list[int] = []
        self.nested: list[int] = []
        self.beside: list[tuple[int, int]] = []
        self.national: set[int] = set()
        self.names: dict[Conditions, Conditions] = {}
        self.at: dict[tuple[str, ...], dict[Conditions, Conditions]] = {}

    def collect(self) -> Cells:
        rows = self.results
        people, events = np.full(len(rows), -1), np.full(len(rows), -1)
        for row in rows[rows["denominator"].notna()].itertuples():
            place, parts = self._place(row), self._name_parts(row)
            own, hit = self._conditions(row)
            people[row.Index] = self._count(place, own | parts, row.denominator)
            if not pd.isna(row.numerator):
                events[row.Index] = self._count(place, hit | parts, row.numerator)
        rest = np.array([self._rest(n, x) if n >= 0 and x >= 0 else -1 for n, x in zip(people, events, strict=True)])
        self._unite()
        self._record()
        self._nest()
        self._nest_values()
        table = rows.assign(people=people, events=events, rest=rest)
        self._divide(table[people >= 0])
        self._compare(table[people >= 0])
        self._add_up(table[events >= 0])
        self._pool(table[table["measure"].isin(LIVING) & (people >= 0) & (events >= 0)])
        for column in ("people", "events", "rest"):
            self._climb(table[table[column] >= 0], column)
        relations = self._relations()
        same, public, nested = self._find_same(), np.array(self.public, int), np.array(self.nested, int)
        ceilings, beside = self._find_ceilings(), np.array(self.beside, int).reshape(-1, 2)
        value, whole = np.array(self.value), np.array(self.whole, bool)
        return Cells(value, people, events, rest, relations, same, nested, public, ceilings, whole, beside)

    def _place(self, row: Any) -> tuple[str, str, str]:
        treating = row.level == "provider" and row.measure in self.scheme.treating
        return row.cohort, TREATING if treating else row.level, row.unit

    def _conditions(self, row: Any) -> tuple[Conditions, Conditions]:
        """Return conditions of a measure's people and of its events, among those whom the groups concern."""
        if row.measure == SHARE and row.group_by == SITE:  # of everyone, and a site is a condition by its name
            return EVERYONE, frozenset([row.group])
        if row.measure == SHARE:
            recorded = frozenset([f"not missing({row.group_by})"])
            return recorded, recorded | {name_group(row.group_by, row.group)}
        own = frozenset([f"people of {row.measure}"]), frozenset([row.measure])
        people, events = self.scheme.measures.get(row.measure, own)
        where = EVERYONE if row.group_by == "all" else self.scheme.groups.get(row.group_by, ("", EVERYONE))[1]
        return people | where, people | events | where

    def _name_parts(self, row: Any) -> Conditions:
        """Return the conditions of a row's own group: one, or one for each characteristic that divides people."""
        if row.group_by == "all" or row.measure == SHARE:
            return EVERYONE
        by = self.scheme.groups.get(row.group_by, (row.group_by, EVERYONE))[0]
        if by == "quarter":
            year, _, quarter = row.group.partition(" ")
            return frozenset([name_group("year", year), name_group("quarter", quarter)])
        names, values = by.split(BOTH), row.group.split(BOTH)
        if not by or len(names) != len(values):
            return frozenset([name_group(by, row.group)]) if by else EVERYONE
        return frozenset(name_group(*each) for each in zip(names, values, strict=True))

    def _count(self, place: tuple, conditions: Conditions, value: float) -> int:
        named = self._name(conditions)
        key = (*place, named)
        # the same name with another value is another count: what one row leaves out is not known to the other
        while key in self.number and self.value[self.number[key]] != value:
            key = (*key, "otherwise counted")
        if key not in self.number:
            self.number[key] = self._append(value, place[1] in NATIONAL_LEVELS)
            # who has no value recorded cannot have one: there is no one, as every reader knows
            missing = {f"not missing({match[1]})" for each in named if (match := UNRECORDED.fullmatch(each))}
            if value == 0 and missing & named:
                self.public.append(self.number[key])
        return self.number[key]

    def _name(self, conditions: Conditions) -> Conditions:
        """Return the conditions by which the people who fulfil some are known here."""
        if conditions not in self.names:
            self.names[conditions] = self._find_name(conditions)
        return self.names[conditions]

    def _find_name(self, conditions: Conditions) -> Conditions:
        named = {self.scheme.same.get(each, each) for each in conditions}
        for parts, one in self.scheme.equal:
            named = (named - parts) | {one} if parts <= named else named
        named = named.union(*(self.scheme.implied.get(each, EVERYONE) for each in named))
        # whoever has a value has one recorded
        recorded = {f"not missing({match[1]})" for each in named if (match := VALUE.match(each))}
        return frozenset(named - recorded - {self.scheme.same.get(each, each) for each in recorded})

    def _find(self, place: Iterable, conditions: Conditions) -> int | None:
        """Return the number of a count that is listed; None where it is not."""
        return self.number.get((*place, self._name(conditions)))

    def _find_all(self, place: Iterable, several: Iterable[Conditions]) -> list[int]:
        """Return the numbers of those counts that are listed."""
        return [number for conditions in several if (number := self._find(place, conditions)) is not None]

    def _append(self, value: float, whole: bool) -> int:
        self.value.append(float(value))
        self.whole.append(whole)
        return len(self.value) - 1

    def _rest(self, whole: int, part: int) -> int:
        """Return the count of what is in the whole and not in the part; the three are related."""
        if (whole, part) not in self.rests:
            rest = self._append(self.value[whole] - self.value[part], self.whole[whole])
            self.rests[whole, part] = rest
            self.terms.append(((whole, part, rest), (1.0, -1.0, -1.0), 0.0))
        return self.rests[whole, part]

    def _unite(self) -> None:
        """Count the people with one of several values together, where a condition names the values together."""
        for key in list(self.number):
            *place, conditions = key[:4]
            for condition in conditions:
                if not (match := SEVERAL.fullmatch(condition)):
                    continue
                values = [name_group(match[1], str(value)) for value in ast.literal_eval(f"[{match[2]}]")]
                for others in {conditions - {condition}, EVERYONE}:
                    parts = self._find_all(place, [others | {value} for value in values])
                    if len(parts) == len(values):
                        total = sum(self.value[part] for part in parts)
                        self._sum(self._count((*place,), others | {condition}, total), np.array(parts))

    def _record(self) -> None:
        """Count those who have a value recorded, where everyone and those without are counted."""
        for key, missing in list(self.number.items()):
            *place, conditions = key[:4]
            for condition in conditions:
                match = UNRECORDED.fullmatch(condition)
                whole = self.number.get((*place, conditions - {condition}))
                if match and whole is not None and len(key) == 4:
                    known = conditions - {condition} | {f"not missing({match[1]})"}
                    recorded = self._count((*place,), known, self.value[whole] - self.value[missing])
                    self._sum(whole, np.array([recorded, missing]))

    def _nest(self) -> None:
        """Relate each count to the smallest ones at the same place that hold its people."""
        dropped: dict[tuple, int] = {}
        for key, part in list(self.number.items()):
            *place, conditions = key[:4]
            if len(key) > 4:
                continue
            for around in self._list_around(key) if place[1] in NATIONAL_LEVELS else self._list_one_fewer(key):
                whole = self.number[*place, around]
                if self.value[whole] < self.value[part]:
                    continue
                new = (whole, part) not in self.rests
                rest = self._rest(whole, part)
                if place[1] in NATIONAL_LEVELS:
                    self.nested += [rest] * new
                    if len(more := conditions - around) == 1:
                        dropped[key, *more] = rest
        self._pair_groups(dropped)
        self._nest_rests()

    def _list_one_fewer(self, key: tuple) -> list[Conditions]:
        """List the listed conditions that are one fewer."""
        *place, conditions = key
        return [conditions - {each} for each in conditions if (*place, conditions - {each}) in self.number]

    def _list_around(self, key: tuple) -> list[Conditions]:
        """List the listed conditions that all fulfil who fulfil some, but for those that hold others of them."""
        *place, conditions = key
        full = self._fill(conditions)
        found = [each for each in self._list_at(*place).items() if each[1] <= full and each[0] != conditions]
        return [each for each, wide in found if not any(wide < other for _, other in found)]

    def _fill(self, conditions: Conditions) -> Conditions:
        """Return conditions with those of which one of them is made."""
        return conditions.union(*(parts for parts, one in self.scheme.equal if one in conditions))

    def _list_at(self, *place: str) -> dict[Conditions, Conditions]:
        """List the conditions of the counts at a place, and these with those of which they are made."""
        if place not in self.at:
            here = [key[3] for key in self.number if len(key) == 4 and key[:3] == place]
            self.at[place] = {conditions: self._fill(conditions) for conditions in here}
        return self.at[place]

    def _nest_rests(self) -> None:
        """Relate whom conditions leave out of some people to those whom they leave out of more people, of a nation.

        The others of those left out are people whom no row shows, such as those without a site of metastases who were
        not treated.
        """
        names = {number: key for key, number in self.number.items() if len(key) == 4 and key[1] in NATIONAL_LEVELS}
        for (whole, part), rest in list(self.rests.items()):
            if whole not in names or part not in names:
                continue
            (*place, own), hit = names[whole], names[part][3]
            wider = {}
            for around in (each for each in self._list_at(*place) if each < own):
                pair = self.number[*place, around], self.number.get((*place, hit - (own - around)))
                if pair in self.rests:
                    wider[around] = self.rests[pair]
            for more in (wider[each] for each in wider if not any(each < other for other in wider)):
                if more == rest or self.value[more] < self.value[rest]:
                    continue
                if self.value[more] > self.value[rest]:
                    self._leave(more, [rest], protected=True)
                else:  # that there are no others follows from no definition
                    self.terms.append(((more, rest), (1.0, -1.0), np.inf))

    def _pair_groups(self, dropped: Mapping[tuple, int]) -> None:
        """Set a group of whose people a condition leaves out none beside one of whose people it leaves out some.

        Groups are paired in the order of their names, so that the pair does not tell which of the two it is.
        """
        families: dict[tuple, list[tuple[str, int]]] = {}
        parted = self.scheme.list_parted()
        for ((*place, conditions), condition), rest in dropped.items():
            if condition in parted:
                for each in conditions - {condition}:
                    if match := GROUP.fullmatch(each):
                        others = conditions - {condition, each}
                        families.setdefault((*place, condition, match[1], others), []).append((match[2], rest))
        for groups in families.values():
            rests = [rest for _, rest in sorted(groups)]
            ends = [*range(2, len(rests) - 1, 2), len(rests)]
            for start, end in zip([0, *ends], ends, strict=False):
                pair = rests[start:end]
                self.beside += [(n, k) for n in pair if self.value[n] == 0 for k in pair if self.value[k] > 0]

    def _nest_values(self) -> None:
        """Relate people with a value to those with the values of another characteristic that lie in it."""
        for (fine, coarse), values in self.scheme.nested.items():
            for value, inner in values.items():
                condition = name_group(coarse, value)
                for key, whole in list(self.number.items()):
                    *place, conditions = key[:4]
                    if len(key) > 4 or condition not in conditions:
                        continue
                    others = conditions - {condition}
                    parts = self._find_all(place, [others | {name_group(fine, each)} for each in inner])
                    if parts:
                        self._leave(whole, parts, protected=place[1] in NATIONAL_LEVELS)
        for key, part in list(self.number.items()):
            *place, conditions = key[:4]
            for condition in conditions:
                match = NOT_MISSING.fullmatch(condition)
                missing = match and (*place, (conditions - {condition}) | {name_group(match[1] or match[2], MISSING)})
                everyone = self.number.get((*place, conditions - {condition}))
                if everyone is not None and missing in self.number and len(key) == 4:
                    self._sum(everyone, np.array([part, self.number[missing]]))

    def _divide(self, table: pd.DataFrame) -> None:
        """Relate the groups that differ in one characteristic to those who have the others alike."""
        sums: dict[tuple, list[tuple[int, int, int]]] = {}
        for row in table[table["group_by"] != "all"].itertuples():
            own, hit = self._conditions(row)
            parts = EVERYONE if LESS in row.group else self._name_parts(row)
            for part in parts:
                others = parts - {part}
                by = part.partition(" == ")[0]
                key = (*self._place(row), row.measure, row.group_by, by, own | others, hit | others)
                sums.setdefault(key, []).append((row.people, row.events, row.rest))
        for (*place, _, group_by, by, own, hit), counts in sums.items():
            if group_by == ROUTES and by == "year":
                self._assume_route(place, own, [people for people, _, _ in counts])
            whole = self._find(place, own), self._find(place, hit)
            rest = self.rests.get(whole)  # type: ignore[arg-type]
            for total, numbers in zip((*whole, rest), zip(*counts, strict=True), strict=True):
                if total is not None and min(numbers) >= 0:
                    self._sum(total, np.unique(numbers))

    def _assume_route(self, place: Iterable, route: Conditions, years: list[int]) -> None:
        """Take the people of a route to be known, whom the derivation of the cohorts shows where neither they nor the
        others of the cohort are few.
        """
        everyone, people = self._find(place, EVERYONE), sum(self.value[year] for year in years)
        others = 0 if everyone is None else self.value[everyone] - people
        if self._find(place, route) is None and min(people, others) > MOST_HIDDEN:
            self._sum(self._assume_total(np.array(years)), np.array(years))

    def _compare(self, table: pd.DataFrame) -> None:
        """Relate the people of two groups that are compared to those of each."""
        for row in table[table["group"].str.contains(LESS, regex=False)].itertuples():
            by, place = self.scheme.groups.get(row.group_by, (row.group_by, EVERYONE))[0], self._place(row)
            for whole, conditions in zip((row.people, row.events), self._conditions(row), strict=True):
                groups = [conditions | {name_group(by, group)} for group in row.group.split(LESS)]
                parts = self._find_all(place, groups)
                if whole >= 0 and len(parts) == len(groups):
                    self._sum(whole, np.array(parts))

    def _climb(self, table: pd.DataFrame, column: str) -> None:
        """Relate organisations to alliances, these to regions, and each level to the nation.

        Raises
        ------
        ValueError
            If the parents are known and results are of a level that is not among them.
        """
        whole, inside = table[table["group_by"] == "all"], self._list_inside()
        levels = list(dict.fromkeys([PROVIDER, *self.scheme.parents.columns]))
        unknown = set(whole["level"]) - set(levels) - set(NATIONAL_LEVELS)
        if unknown and len(self.scheme.parents.columns):
            raise ValueError(f"it is not known to what results of level {', '.join(sorted(unknown))} add up")
        counted = self._list_levels(whole, column)
        totals = self._list_totals(counted.values())
        for (_, measure), level in counted.items():
            nation = self._find_nation(level)
            if nation is None and PROVIDER in level:
                nation = totals.get(frozenset(level[PROVIDER].values()))
            for child in levels:
                if child not in level:
                    continue
                parts = list(level[child].values())
                if nation is None:
                    nation = self._assume_total(np.unique(parts))
                self.national.add(nation)
                self._sum(nation, np.array(parts))
                for parent in levels[levels.index(child) + 1 :]:
                    if parent not in level or (measure in self.scheme.treating and child == PROVIDER):
                        continue
                    for name, members in inside.get((child, parent), {}).items():
                        parts = [level[child][unit] for unit in members if unit in level[child]]
                        if parts and name in level[parent]:
                            self._sum(level[parent][name], np.array(parts))

    @staticmethod
    def _list_levels(whole: pd.DataFrame, column: str) -> dict[tuple[str, str], _Levels]:
        """List, by cohort and measure, the counts of each level by unit."""
        counted: dict[tuple[str, str], _Levels] = {}
        listed = whole[["cohort", "measure", "level", "unit", column]]
        for cohort, measure, level, unit, count in listed.itertuples(index=False, name=None):
            counted.setdefault((cohort, measure), {}).setdefault(level, {})[unit] = count
        return counted

    @staticmethod
    def _find_nation(level: _Levels) -> int | None:
        return next((next(iter(level[name].values())) for name in NATIONAL_LEVELS if name in level), None)

    def _list_totals(self, levels: Iterable[_Levels]) -> dict[frozenset[int], int]:
        """List the counts of the nation by those of the organisations that make them up.

        Two measures of the same people in the same organisations have one total, which a row of either may show.
        """
        found = ((level[PROVIDER], self._find_nation(level)) for level in levels if PROVIDER in level)
        return {frozenset(units.values()): nation for units, nation in found if nation is not None}

    def _list_inside(self) -> dict[tuple[str, str], dict[str, list[str]]]:
        """List for two levels, the smaller first, which units of it are in one unit of the other and in no second."""
        parents, inside = self.scheme.parents, {}
        for child, parent in combinations(parents.columns, 2):
            pairs = parents[[child, parent]].dropna(subset=child).drop_duplicates()
            known = pairs[~pairs.duplicated(child, keep=False)].set_index(child)[parent]
            inside[child, parent] = {name: list(units.index) for name, units in known.groupby(known)}
        return inside

    def _assume_total(self, parts: np.ndarray) -> int:
        """Take the national total of organisations to be known where no row of these results shows it."""
        self.public.append(self._append(sum(self.value[part] for part in parts), True))
        return self.public[-1]

    def _add_up(self, table: pd.DataFrame) -> None:
        """Relate measures of which one counts the events of others together.

        Those who have not one part have another part, or none.
        """
        keys = ["cohort", "level", "unit", "group_by", "group"]
        for names in self.scheme.sums:
            rows = table[table["measure"].isin(names)]
            wide = rows.pivot(index=keys, columns="measure", values=["events", "rest"]).dropna()
            if not wide.empty and set(names) <= set(wide["events"].columns):
                both = (wide[column][list(names)].astype(int).to_numpy() for column in ("events", "rest"))
                for events, rests in zip(*both, strict=True):
                    self._sum(events[0], events[1:])
                    for place in range(1, len(names)):
                        self._sum(rests[place], np.append(np.delete(events, [0, place]), rests[0]))

    def _pool(self, table: pd.DataFrame) -> None:
        """Relate the living of both cohorts to those of each."""
        for _, rows in table.groupby(["measure", "level", "unit", "group_by", "group"], sort=False):
            both = rows["cohort"] == TOGETHER
            if both.sum() == 1 and (~both).any():
                for column in ("people", "events", "rest"):
                    self._sum(rows.loc[both, column].iloc[0], rows.loc[~both, column].to_numpy())

    def _sum(self, whole: int, parts: np.ndarray) -> None:
        total = sum(self.value[part] for part in parts)
        if total > self.value[whole] or (len(parts) == 1 and parts[0] == whole):
            return
        slack = 0.0 if total == self.value[whole] else np.inf
        self.terms.append(((int(whole), *map(int, parts)), (1.0, *(-1.0 for _ in parts)), slack))

    def _leave(self, whole: int, parts: list[int], *, protected: bool) -> None:
        """Relate a whole to parts of it, and to what they leave: people whom no row shows."""
        left = self.value[whole] - sum(self.value[part] for part in parts)
        if not protected or left <= 0:
            self._sum(whole, np.array(parts))
            return
        rest = self._append(left, self.whole[whole])
        self.nested.append(rest)
        self.terms.append(((whole, *parts, rest), (1.0, *(-1.0 for _ in parts), -1.0), 0.0))

    def _find_same(self) -> np.ndarray:
        same = np.arange(len(self.value))
        for counts, _, slack in self.terms:
            if len(counts) == 2 and slack == 0:
                first, second = sorted(same[list(counts)])
                same[same == second] = first
        return same

    def _find_ceilings(self) -> np.ndarray:
        ceiling = np.full(len(self.value), np.inf)
        for (whole, *parts), _, _ in self.terms:
            if whole in self.national:
                ceiling[parts] = np.minimum(ceiling[parts], self.value[whole])
        return ceiling

    def _relations(self) -> Relations:
        unique = list(dict.fromkeys(self.terms))
        lengths = [len(counts) for counts, _, _ in unique]
        return Relations(
            np.repeat(np.arange(len(unique)), lengths),
            np.array([c for counts, _, _ in unique for c in counts], dtype=int),
            np.array([w for _, weights, _ in unique for w in weights]),
            np.zeros(len(unique)),
            np.array([slack for _, _, slack in unique]),
        )
