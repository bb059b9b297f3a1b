"""One run as its measures see it: parameters, definitions in force, run id, and what its data cannot support."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from naome.core.definitions import CohortRules, Definitions, project_definitions
from naome.core.params import Params
from naome.core.results import make_results
from naome.extract.absent import Absent
from naome.measures.derivability import presume_absent, reasons_not_derivable, reasons_of_columns
from naome.measures.specification import DataItem, Indicator, Specification, read_data_items, read_specification

COUNTED = "people in the denominator"


@dataclass(frozen=True)
class Study:
    """What every measure needs to know besides the people it counts.

    Attributes
    ----------
    params : Params
    specification : Specification
        The indicator definitions.
    rules : CohortRules
        Cohort rules with the options of the run.
    run_id : str
        Identifier of the run; every result carries it.
    not_derivable : mapping of str to str
        Indicator, indicator and cohort (``survival.recurrent``), data item (``completeness.grade``) or measure -> why
        these data cannot support it.
    absent_columns : mapping of str to str
        Column of the analysis table and cohort (``bone.denovo``) -> why these data have nothing for it.
    """

    params: Params
    specification: Specification
    rules: CohortRules
    run_id: str
    not_derivable: Mapping[str, str]
    absent_columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def data_items(self) -> tuple[DataItem, ...]:
        """The data items whose completeness is measured."""
        return read_data_items(self.definitions)

    @property
    def definitions(self) -> Definitions:
        """The definitions in force, code lists among them."""
        return self.specification.definitions

    def reason(self, of: Indicator | str, cohort: str = "") -> str:
        """Return why something cannot be derived, or an empty text.

        Parameters
        ----------
        of : Indicator or str
            An indicator, or a key of ``not_derivable``.
        cohort : str
            Of an indicator; a reason for one cohort goes before a reason for all.
        """
        if not isinstance(of, str):
            if of.not_derivable:
                return f"{of.not_derivable} Needed: {of.item_needed}."
            of = of.id
        return self.not_derivable.get(f"{of}.{cohort}", self.not_derivable.get(of, ""))

    def lacks(self, columns: Iterable[str], cohort: str) -> str:
        """Return why the data have nothing for one of some columns of the analysis table; empty when all are there."""
        reasons = (self.absent_columns.get(f"{column}.{cohort}", "") for column in columns)
        return next(filter(None, reasons), "")

    def too_few(self, n: int, of: str = COUNTED) -> str:
        """Return the reason why `n` people are too few for a percentage, or an empty text when they are enough."""
        minimum = self.params.minimum_denominator
        return say_too_few(minimum, of) if n < minimum else ""

    def results(self, frame: pd.DataFrame, **constants: object) -> pd.DataFrame:
        """Bring a frame into the result schema (:func:`naome.core.results.make_results`) as results of this run.

        Audit, nation and run id are filled; a row of the nation that names no unit is of this nation.
        """
        frame = frame.assign(**constants)
        level = frame["level"].fillna("nation") if "level" in frame else pd.Series("nation", index=frame.index)
        unit = frame["unit"] if "unit" in frame else pd.Series(None, index=frame.index, dtype=object)
        frame["unit"] = unit.mask(unit.isna() & (level == "nation"), self.params.nation)
        return make_results(frame, audit=self.params.audit, nation=self.params.nation, run_id=self.run_id)

    def not_derivable_rows(
        self, measures: str | Sequence[str], reason: str, *, group_by: str | Sequence[str] = "all", **columns: object
    ) -> pd.DataFrame:
        """Make the rows that say why measures of the nation cannot be derived, one per measure and characteristic.

        Parameters
        ----------
        measures : str or sequence of str
        reason : str
            A sentence; it gets its capital and full stop here.
        group_by : str or sequence of str
        **columns
            Columns of the result schema that are the same in every row.
        """
        names = [measures] if isinstance(measures, str) else list(measures)
        groups = [group_by] if isinstance(group_by, str) else list(group_by)
        keys = [(name, group) for name in names for group in groups]
        table = pd.DataFrame(keys, columns=["measure", "group_by"])
        said = f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
        fixed = {"level": "nation", "unit": self.params.nation, "group": "all", "status": "not_derivable"}
        return table.assign(**fixed, reason=said, **columns)


def make_study(
    params: Params, *, run_id: str, definitions: Definitions | None = None, absent: Absent | None = None
) -> Study:
    """Put together the study of a run.

    Parameters
    ----------
    params : Params
    run_id : str
    definitions : Definitions, optional
        The project's by default.
    absent : Absent, optional
        What the run's data have not, as reading found it; by default what the feed never has and what the parameters
        say is absent.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> make_study(load_params("wales"), run_id="r").too_few(3)
    'fewer than 10 people in the denominator'
    """
    definitions = definitions or project_definitions()
    rules = definitions.rules(params.rules)
    absent = presume_absent(params) if absent is None else absent
    reasons = reasons_not_derivable(absent, params, rules)
    columns = reasons_of_columns(absent, params, rules)
    return Study(params, read_specification(definitions), rules, run_id, reasons, columns)


def say_too_few(minimum: int, of: str = COUNTED) -> str:
    """Say that there are fewer than a number needs.

    Examples
    --------
    >>> say_too_few(10), say_too_few(20, "organisations")
    ('fewer than 10 people in the denominator', 'fewer than 20 organisations')
    """
    return f"fewer than {minimum:,} {of}"
