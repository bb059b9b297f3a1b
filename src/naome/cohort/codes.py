"""Rows and columns by their codes: prefixes, groups of a code list, deaths from breast cancer."""

from __future__ import annotations

import ibis
import pandas as pd
from ibis.expr.types import BooleanValue, StringValue, Table

from naome.cohort.feature_definitions import read_features
from naome.cohort.materialise import hold_rows
from naome.core.definitions import CodeList, CohortRules


def code_in(column: StringValue, prefixes: tuple[str, ...]) -> BooleanValue:
    """Return whether a code starts with one of the prefixes (grouped by length, so that engines can use sets).

    A prefix that a shorter one covers is left out: ``C50`` says all that ``C501`` says.
    """
    by_length: dict[int, list[str]] = {}
    for prefix in sorted(set(prefixes), key=len):
        if not any(prefix[:length] in codes for length, codes in by_length.items() if length < len(prefix)):
            by_length.setdefault(len(prefix), []).append(prefix)
    conditions = [column.substr(0, length).isin(sorted(codes)) for length, codes in sorted(by_length.items())]
    return ibis.or_(*conditions)


def code_between(column: StringValue, prefixes: tuple[str, ...]) -> BooleanValue:
    """Return whether a code lies from the first to the last of the prefixes.

    It says less than :func:`code_in` and goes before it: an engine that scans a file of
    codes passes over the others without looking at their first characters.
    """
    after_last = max(prefixes)
    after_last = after_last[:-1] + chr(ord(after_last[-1]) + 1)
    return (column >= min(prefixes)) & (column < after_last)


def code_groups(table: Table, codelist: CodeList, leave_out: tuple[str, ...]) -> Table:
    """Return the rows whose ``code`` is in a code list, once for every group it belongs to, with the ``group``.

    Parameters
    ----------
    table : Table
        With a column ``code``.
    codelist : CodeList
    leave_out : tuple of str
        Groups that are not wanted.
    """
    wanted = pd.DataFrame(
        [(code.code, code.group) for code in codelist.codes if code.group not in leave_out], columns=["prefix", "group"]
    )
    parts = []
    for length, codes in wanted.groupby(wanted["prefix"].str.len()):
        listed = hold_rows(codes, beside=table)
        parts.append(table.mutate(prefix=table.code.substr(0, int(length))).inner_join(listed, "prefix"))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


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
