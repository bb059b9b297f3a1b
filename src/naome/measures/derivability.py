"""What a run's data cannot support, and why: it follows from the columns that each result reads.

A reader says which canonical tables and columns are absent, a column of the
analysis table says what it needs, an indicator says which columns it reads. The
parameters only give the sentence for an absent thing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from naome.cohort.columns import COLUMN_VALUES, AnalysisColumn, Need, list_columns
from naome.core.definitions import CohortRules, Definitions
from naome.core.errors import ParamsError, suggest
from naome.core.params import Params
from naome.core.yaml_files import find_line
from naome.extract import READERS
from naome.extract.absent import EXTRACT, FEED, THINGS, Absent, check_thing, find_absent, list_optional
from naome.measures.specification import Indicator, read_data_items, read_specification

#: What each source of evidence of metastatic disease needs of a feed
EVIDENCE = {"admissions": "diagnoses", "reported": "recurrences.recurrence_date"}
EVIDENCE_TITLES = {"admissions": "Admissions", "reported": "Reported recurrences"}
#: Columns that an estimate of survival reads
SURVIVAL = ("survival_days", "died")
#: Measures of the check against deaths
RECORD_BEFORE_CANCER_DEATH = "record_before_breast_cancer_death"
RECORD_BEFORE_DEATH = "record_before_death"
CANCER_SHARE_OF_DEATHS = "breast_cancer_share_of_deaths"
DEATHS_CHECK = (RECORD_BEFORE_CANCER_DEATH, RECORD_BEFORE_DEATH, CANCER_SHARE_OF_DEATHS)


def reasons_not_derivable(
    absent: Absent, params: Params, rules: CohortRules, file: Path | None = None
) -> dict[str, str]:
    """Return why each result that a run's data cannot support is not derivable.

    Parameters
    ----------
    absent : Absent
        Canonical tables and columns that are not in the data (``Extract.absent``).
    params : Params
        ``absent`` gives the sentence for an absent thing, ``not_derivable`` the judgements: reasons for which a result
        (or anything that needs a canonical column) is not given although the data would allow it.
    rules : CohortRules
        Of the run; with them the definitions in force.
    file : Path, optional
        The parameter file, which errors name; by default that of the audit's name.

    Returns
    -------
    dict of str to str
        ``<indicator>``, ``<indicator>.<cohort>`` where its cohorts differ, ``completeness.<item>``, and the measures
        of the check against deaths -> the reason.

    Raises
    ------
    ParamsError
        If the parameters give a sentence for something that is not absent, or a judgement on something unknown.
    """
    _check_sentences(absent, params, file or Path(f"{params.audit}.yaml"))
    return _find_reasons(absent, params, rules)


def reasons_of_columns(absent: Absent, params: Params, rules: CohortRules) -> dict[str, str]:
    """Return why the data have nothing for a column of the analysis table.

    Parameters
    ----------
    absent, params, rules
        As in :func:`reasons_not_derivable`.

    Returns
    -------
    dict of str to str
        ``<column>.<cohort>`` -> the reason, for the columns that something is absent for.
    """
    columns = {column.name: column for column in list_columns(rules.definitions)}
    finder = _Finder(absent, params, rules, columns)
    reasons = {
        f"{name}.{cohort}": finder.reason_of_columns([name], cohort)
        for name in columns
        for cohort in COLUMN_VALUES["cohort"]
    }
    return {key: reason for key, reason in reasons.items() if reason}


def judgements_of(params: Params) -> dict[str, str]:
    """Return what the records cannot bear: as the reader knows it, and as the parameters add to it."""
    return {**READERS[params.source].judgements, **params.not_derivable}


def presume_absent(params: Params) -> Absent:
    """Return what is absent where no extract has been read: what the feed never has, and what the parameters say."""
    reader = READERS[params.source]
    never = find_absent(reader.versions[-1][1] if reader.versions else reader).things
    return Absent({**never, **{name: EXTRACT for name in params.absent if name in THINGS and name not in never}})


def check_reasons(params: Params, definitions: Definitions, file: Path) -> None:
    """Check that the parameters give reasons for things that exist, and for nothing that the feed always has.

    Raises
    ------
    ParamsError
        Naming file and key.
    """
    reader = READERS[params.source]
    versions = [version for _, version in reader.versions] or [reader]
    possible = [find_absent(version, list_optional(version)) for version in versions]
    for key in params.absent:
        if key not in COLUMN_VALUES["cohort"]:
            where = f"{file}{find_line(file, 'absent', key)}: key 'absent'"
            check_thing(key, where)
            if not any(key in absent for absent in possible):
                _refuse_sentence(key, where)
    results = [i.id for i in read_specification(definitions).indicators]
    results += [f"{i.id}.{cohort}" for i in read_specification(definitions).indicators for cohort in i.cohorts]
    results += [*(f"completeness.{item.id}" for item in read_data_items(definitions)), *DEATHS_CHECK]
    for key in params.not_derivable:
        if key not in results and key not in THINGS:
            raise ParamsError(
                f"{file}{find_line(file, 'not_derivable', key)}: key 'not_derivable' names {key!r}"
                f"{suggest(key, [*results, *THINGS])}; allowed: an indicator, one of its cohorts, a "
                "data item, a measure of the check against deaths, a canonical table or column."
            )


def say_taken_away(absent: Absent, params: Params, rules: CohortRules) -> list[str]:
    """Say what this extract lacks although the feed has it, and which results go with it: a sentence or two for each.

    Parameters
    ----------
    absent, params, rules
        As in :func:`reasons_not_derivable`.

    Returns
    -------
    list of str
        Empty where the extract has everything.
    """
    missing = [name for name, known in absent.things.items() if known == EXTRACT]
    return [" ".join([absent.say(name), *_say_effects(name, absent, params, rules)]) for name in missing]


def _say_effects(name: str, absent: Absent, params: Params, rules: CohortRules) -> list[str]:
    """Say what is not there, or is made of less, without one thing that is absent, whatever else is."""
    feed = {key: known for key, known in absent.things.items() if known == FEED}
    without, left = (_find_reasons(Absent(each), params, rules) for each in ({**feed, name: EXTRACT}, feed))
    results = [key for key in without if key not in left]
    columns = {column.name: column for column in list_columns(rules.definitions)}
    finder = _Finder(absent, params, rules, columns)
    fewer = [COHORT_WORDS[cohort] for cohort in params.cohorts if finder.enters_otherwise(name, cohort)]
    empty = [column for column in columns if any(need.any_of == (name,) for need in columns[column].needs)]
    said = [f"Not derivable without: {', '.join(results)}."] if results else []
    if fewer:
        said.append(f"People enter the {' and '.join(fewer)} cohort by other records only.")
    if empty and not results:
        said.append(f"Without a value in the analysis: {', '.join(empty)}.")
    return said or ["No result depends on it alone."]


def _find_reasons(absent: Absent, params: Params, rules: CohortRules) -> dict[str, str]:
    definitions = rules.definitions
    finder = _Finder(absent, params, rules, {column.name: column for column in list_columns(definitions)})
    reasons: dict[str, str] = {}
    for indicator in read_specification(definitions).indicators:
        if not indicator.not_derivable:
            found = {cohort: finder.reason_for(indicator, cohort) for cohort in indicator.cohorts}
            reasons |= _by_cohort(indicator.id, found)
    for item in read_data_items(definitions):
        reasons[f"completeness.{item.id}"] = finder.reason_of_columns(item.recorded.columns, params.cohorts[0])
    reasons |= dict(zip(DEATHS_CHECK, finder.reasons_of_deaths_check(), strict=True))
    judged = {key: reason for key, reason in judgements_of(params).items() if key not in THINGS}
    # A judgement on an indicator speaks of all its cohorts
    found = {key: reason for key, reason in reasons.items() if reason and key.partition(".")[0] not in judged}
    return found | judged


@dataclass(frozen=True)
class _Finder:
    absent: Absent
    params: Params
    rules: CohortRules
    columns: Mapping[str, AnalysisColumn]

    def reason_for(self, indicator: Indicator, cohort: str) -> str:
        """Return the reason that is nearest to what is measured.

        The numerator's, the denominator's, the cohort's, and that of a window which follow-up does not reach.
        """
        reasons = [self.reason_of_columns(names, cohort) for names in self._list_read(indicator, cohort)]
        return next(filter(None, [*reasons, self.reason_of_cohort(cohort), self._reason_of_follow_up(indicator)]), "")

    def _reason_of_follow_up(self, indicator: Indicator) -> str:
        """Return why an event within a window cannot be counted: some people cannot be followed to its end.

        They would count as people without the event, the more the later they were diagnosed. To leave them out is to
        end the audit period earlier, for all results.
        """
        used = indicator.numerator.names if indicator.numerator else frozenset()
        days = max((days for name, days in indicator.windows.items() if name in used), default=0)
        latest = self.params.censor_date - dt.timedelta(days=days)
        if latest >= self.params.metastatic_to:
            return ""
        return (
            f"People diagnosed after {latest:%Y-%m-%d} cannot be followed for the {days} days of this indicator; it "
            "needs an audit period that ends by then (metastatic_to)."
        )

    def _list_read(self, indicator: Indicator, cohort: str) -> list[Iterable[str]]:
        """Return the columns that an indicator reads; of its numerator those it needs, where it says so."""
        conditions = [condition for condition in (indicator.numerator, indicator.denominator) if condition]
        read: list[Iterable[str]] = [condition.columns for condition in conditions]
        if cohort in indicator.needs:
            read[0] = indicator.needs[cohort]
        return [*read, SURVIVAL] if indicator.estimator == "kaplan_meier" else read

    def reason_of_columns(self, names: Iterable[str], cohort: str) -> str:
        """Return why columns are not there for a cohort: a sentence for each absent thing, once."""
        said = [self._say(need) for name in names for need in self._needs_of(name) if self._concerns(need, cohort)]
        return " ".join(dict.fromkeys(filter(None, said)))

    def reason_of_cohort(self, cohort: str) -> str:
        """Return why there is no such cohort."""
        if cohort in self.params.cohorts:
            return self._say(self._enters(cohort))
        why = self.params.absent.get(cohort) or self._say(self._enters(cohort))
        return why or f"This run has no {COHORT_WORDS[cohort]} cohort."

    def reasons_of_deaths_check(self) -> tuple[str, str, str]:
        """Return the reasons of ``DEATHS_CHECK``, in its order."""
        cause = self.reason_of_columns(["died_of_breast_cancer"], "primary")
        record = self._say(self._evidence())
        return " ".join(dict.fromkeys(filter(None, [record, cause]))), record, cause

    def _enters(self, cohort: str) -> Need:
        """Return by what people enter a cohort: stage 4, or evidence later, or nothing but being eligible."""
        ways = {"denovo": ("tumours.stage", *self._evidence().any_of), "recurrent": self._evidence().any_of}
        return Need(ways.get(cohort, ("tumours",)))

    def enters_otherwise(self, thing: str, cohort: str) -> bool:
        """Return whether people would enter a cohort by a thing that is absent, and now do so by others only."""
        ways = [EVIDENCE.get(way.removeprefix("evidence."), way) for way in self._enters(cohort).any_of]
        named = {thing for way in ways for thing in (way, way.partition(".")[0])}
        return thing in named - {"tumours"} and not self.reason_of_cohort(cohort)

    def _evidence(self) -> Need:
        return Need(tuple(f"evidence.{source}" for source in self.rules["evidence"]))

    def _needs_of(self, name: str) -> list[Need]:
        found = []
        for need in self.columns[name].needs:
            derived = need.any_of[0] if len(need.any_of) == 1 and need.any_of[0] in self.columns else ""
            found += self._needs_of(derived) if derived else [need]
        return found

    @staticmethod
    def _concerns(need: Need, cohort: str) -> bool:
        return not need.cohorts or cohort in need.cohorts

    def _say(self, need: Need) -> str:
        """Say why a need is not met; empty where one of its things is there and nothing is said against it."""
        reasons = [self._say_thing(thing) for thing in need.any_of]
        return reasons[0] if all(reasons) else ""

    def _say_thing(self, thing: str) -> str:
        table, _, source = thing.partition(".")
        if table == "evidence":
            counts = source in self.rules["evidence"]
            not_counted = f"{EVIDENCE_TITLES[source]} are not evidence of metastatic disease in this run."
            return self._say_thing(EVIDENCE[source]) or ("" if counts else not_counted)
        if thing not in self.absent:
            judged = judgements_of(self.params)
            return judged.get(thing, judged.get(table, ""))
        sentences = self.params.absent
        return sentences.get(thing) or sentences.get(table) or self.absent.say(thing)


COHORT_WORDS = {"denovo": "de novo", "recurrent": "recurrent", "primary": "primary"}


def _by_cohort(name: str, found: Mapping[str, str]) -> dict[str, str]:
    """Return one reason for a result where all its cohorts have the same, and one for each cohort otherwise."""
    if len(set(found.values())) == 1:
        return {name: next(iter(found.values()))}
    return {f"{name}.{cohort}": reason for cohort, reason in found.items()}


def _check_sentences(absent: Absent, params: Params, file: Path) -> None:
    for key in params.absent:
        where = f"{file}{find_line(file, 'absent', key)}: key 'absent'"
        if key in COLUMN_VALUES["cohort"]:
            if key in params.cohorts:
                raise ParamsError(f"{where} names the cohort {key!r}, which this run has; remove the sentence.")
            continue
        check_thing(key, where)
        if key not in absent:
            _refuse_sentence(key, where)


def _refuse_sentence(key: str, where: str) -> NoReturn:
    raise ParamsError(
        f"{where} names {key!r}, which is in these data; remove the sentence. Hint: why a result is not given although "
        "the data would allow it is given under not_derivable."
    )
