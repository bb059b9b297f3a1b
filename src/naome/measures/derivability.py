"""What a run's data cannot support, and why: it follows from the columns that each result reads.

A reader says which canonical tables and columns are absent, a column of the
analysis table says what it needs, an indicator says which columns it reads. The
parameters only give the sentence for an absent thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from naome.cohort.columns import AnalysisColumn, Need
from naome.definitions import CohortRules
from naome.errors import ParamsError
from naome.measures.completeness import load_data_items
from naome.measures.specification import Indicator, Specification
from naome.measures.validation import MEASURES as DEATHS_CHECK
from naome.params import Params
from naome.sources.absent import EXTRACT, THINGS, Absent, check_thing

#: What each source of evidence of metastatic disease needs of a feed
EVIDENCE = {"admissions": "diagnoses", "reported": "recurrences"}
#: Columns that an estimate of survival reads
SURVIVAL = ("survival_days", "died")
COHORTS = ("denovo", "recurrent", "primary")


def reasons_not_derivable(
    absent: Absent,
    params: Params,
    specification: Specification,
    rules: CohortRules,
    columns: tuple[AnalysisColumn, ...],
) -> dict[str, str]:
    """Return why each result that a run's data cannot support is not derivable.

    Parameters
    ----------
    absent : Absent
        Canonical tables and columns that are not in the data (``Extract.absent``).
    params : Params
        ``absent`` gives the sentence for an absent thing, ``not_derivable`` the judgements: reasons for which a result
        (or anything that needs a canonical column) is not given although the data would allow it.
    specification : Specification
    rules : CohortRules
        Of the run.
    columns : tuple of AnalysisColumn

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
    _check_sentences(absent, params)
    return _find_reasons(absent, params, specification, rules, columns)


def say_taken_away(
    absent: Absent,
    params: Params,
    specification: Specification,
    rules: CohortRules,
    columns: tuple[AnalysisColumn, ...],
) -> list[str]:
    """Say what this extract lacks although the feed has it, and which results go with it: a sentence or two for each.

    Parameters
    ----------
    absent, params, specification, rules, columns
        As in :func:`reasons_not_derivable`.

    Returns
    -------
    list of str
        Empty where the extract has everything.
    """
    reasons = _find_reasons(absent, params, specification, rules, columns)
    said = []
    for name, known in absent.things.items():
        if known == EXTRACT:
            others = Absent({key: value for key, value in absent.things.items() if key != name})
            left = _find_reasons(others, params, specification, rules, columns)
            gone = ", ".join(key for key in reasons if key not in left)
            said.append(f"{absent.say(name)} {f'Not derivable without: {gone}.' if gone else 'No result needs it.'}")
    return said


def _find_reasons(absent, params, specification: Specification, rules, columns) -> dict[str, str]:
    finder = _Finder(absent, params, rules, {column.name: column for column in columns})
    reasons = {}
    for indicator in specification.indicators:
        if not indicator.not_derivable:
            found = {cohort: finder.reason_for(indicator, cohort) for cohort in indicator.cohorts}
            reasons |= _by_cohort(indicator.id, found)
    for item in load_data_items():
        reasons[f"completeness.{item.id}"] = finder.reason_of_columns(item.recorded.columns, params.cohorts[0])
    reasons |= dict(zip(DEATHS_CHECK, finder.reasons_of_deaths_check(), strict=True))
    judged = {key: reason for key, reason in params.not_derivable.items() if key not in THINGS}
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
        """Return the reason that is nearest to what is measured: the numerator's, the denominator's, the cohort's."""
        conditions = [condition for condition in (indicator.numerator, indicator.denominator) if condition]
        read = [condition.columns for condition in conditions]
        if indicator.estimator == "kaplan_meier":
            read.append(SURVIVAL)
        reasons = (*(self.reason_of_columns(names, cohort) for names in read), self.reason_of_cohort(cohort))
        return next(filter(None, reasons), "")

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

    def _evidence(self) -> Need:
        return Need(tuple(EVIDENCE[source] for source in self.rules["evidence"]))

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
        if thing not in self.absent:
            return self.params.not_derivable.get(thing, self.params.not_derivable.get(thing.partition(".")[0], ""))
        sentences = self.params.absent
        return sentences.get(thing) or sentences.get(thing.partition(".")[0]) or self.absent.say(thing)


COHORT_WORDS = {"denovo": "de-novo", "recurrent": "recurrent", "primary": "primary"}


def _by_cohort(name: str, found: Mapping[str, str]) -> dict[str, str]:
    """Return one reason for a result where all its cohorts have the same, and one for each cohort otherwise."""
    if len(set(found.values())) == 1:
        return {name: next(iter(found.values()))}
    return {f"{name}.{cohort}": reason for cohort, reason in found.items()}


def _check_sentences(absent: Absent, params: Params) -> None:
    where = f"{params.audit}.yaml: absent"
    for key in params.absent:
        if key in COHORTS:
            if key in params.cohorts:
                raise ParamsError(f"{where} names the cohort {key!r}, which this run has; remove the sentence.")
            continue
        check_thing(key, where)
        if key not in absent:
            raise ParamsError(
                f"{where} names {key!r}, which is in these data; remove the sentence. Hint: why a result is not given "
                "although the data would allow it stands under not_derivable."
            )
