"""Deaths from breast cancer, by the rule chosen for the cause of death."""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, Table

from naome.cohort.feature_definitions import read_features
from naome.cohort.tables import code_in
from naome.core.definitions import CohortRules


def is_breast_cancer(deaths: Table, rules: CohortRules) -> BooleanValue:
    """Return whether each death was from breast cancer; false where no cause is recorded.

    Parameters
    ----------
    deaths : Table
        With ``underlying_cause`` and ``causes`` (codes separated by blanks).
    rules : CohortRules
        ``breast_cancer_death`` says whether the underlying cause counts or any mention.
    """
    definitions = rules.definitions
    codes = tuple(code.code for code in definitions.find_codes(read_features(definitions).breast_cancer_death.codes))
    if rules["breast_cancer_death"] == "underlying":
        found = code_in(deaths.underlying_cause, codes)
    else:
        found = ibis.or_(*(deaths.causes.contains(code) for code in codes))
    return found.fill_null(False)
