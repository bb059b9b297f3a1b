"""Reading a life table: the mortality of the general population that net survival needs."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pandas as pd

from naome.core.errors import ExtractError
from naome.core.yaml_files import read_text

COLUMNS = ["sex", "age", "year", "qx"]
SEXES = ("female", "male")
#: Years of age that a table must have; outside its ages it is read at the nearest
AGES = (18, 90)
OLDEST = 120
#: Mean probability of death within the year at some ages, of any national population of this century: first and last
#: age, least, most
PLAUSIBLE = ((30, 40, 0.00001, 0.02), (80, 90, 0.01, 0.5))


def read_life_table(file: Path) -> pd.DataFrame:
    """Read and check a life table.

    Parameters
    ----------
    file : Path
        CSV in UTF-8 with the columns ``sex, age, year, qx`` in any order: female or male; completed years of age, the
        last also as ``100+``; calendar year; probability of death within the year, 0 to less than 1. One row for every
        sex, age and year between its first and last. Other columns and blank lines are passed over, and so is a last
        age at which everybody dies: outside its ages a table is read at the nearest.

    Returns
    -------
    DataFrame
        ``sex, age, year, qx``.

    Raises
    ------
    ExtractError
        Naming file, line, column and what was found; also where the values at some ages are none of a national
        population, as those of another unit are.
    """
    if not file.is_file():
        raise ExtractError(f"{file}: no such life table. Hint: key life_table of the parameters names the file.")
    rows, lines = [], {}
    for line, (sex, age, year, qx) in _read_rows(file):
        if sex not in SEXES:
            raise ExtractError(f"{file}:{line}: sex is {sex!r}; allowed: {', '.join(SEXES)}.")
        whole = re.fullmatch(r"(\d{1,3})(\.0+|\+)?", age, re.ASCII)
        if whole is None or int(whole[1]) > OLDEST:
            raise ExtractError(f"{file}:{line}: age is {age!r}; allowed: whole years to {OLDEST}.")
        if not re.fullmatch(r"\d{4}", year, re.ASCII):
            raise ExtractError(f"{file}:{line}: year is {year!r}; allowed: whole years.")
        cell = (sex, int(whole[1]), int(year))
        if cell in lines:
            raise ExtractError(f"{file}:{line}: {sex}, age {cell[1]}, year {year} is already in line {lines[cell]}.")
        lines[cell] = line
        rows.append((*cell, _read_probability(qx, file, line)))
    table = _close(pd.DataFrame(rows, columns=COLUMNS), file, lines)
    _check_complete(table, file)
    _check_unit(table, file)
    return table


def _read_rows(file: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Go through the rows with their line numbers: the cells of ``COLUMNS``, in their order."""
    reader = csv.reader(read_text(file, ExtractError).splitlines(keepends=True), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        if not set(COLUMNS) <= set(header) or len(set(header)) < len(header):
            raise ExtractError(f"{file}:1: header is {','.join(header)}; it must be {','.join(COLUMNS)}.")
        places = [header.index(name) for name in COLUMNS]
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise ExtractError(f"{file}:{reader.line_num}: {len(row)} fields; there must be {len(header)}.")
            yield reader.line_num, tuple(row[place].strip() for place in places)
    except csv.Error as found:
        raise ExtractError(f"{file}:{reader.line_num}: not readable as CSV: {found}.") from None


def _close(table: pd.DataFrame, file: Path, lines: dict) -> pd.DataFrame:
    """Leave the last age out where everybody dies at it; elsewhere a probability of 1 is none."""
    certain = table[table["qx"] == 1]
    last = table["age"].max()
    if (certain["age"] < last).any():
        row = certain[certain["age"] < last].iloc[0]
        line = lines[row["sex"], row["age"], row["year"]]
        raise ExtractError(f"{file}:{line}: qx is 1 at age {row['age']}; allowed: less than 1 before the last age.")
    return table[table["age"] < last].reset_index(drop=True) if len(certain) else table


def _check_complete(table: pd.DataFrame, file: Path) -> None:
    missing = sorted(set(SEXES) - set(table["sex"]))
    if missing:
        raise ExtractError(f"{file}: there is no row of sex {', '.join(missing)}; both are needed.")
    if table["age"].min() > AGES[0] or table["age"].max() < AGES[1]:
        raise ExtractError(
            f"{file}: ages {table['age'].min()} to {table['age'].max()}; needed: every age from {AGES[0]} to {AGES[1]}."
        )
    ages, years = (range(table[name].min(), table[name].max() + 1) for name in ("age", "year"))
    there = set(table[["sex", "age", "year"]].itertuples(index=False, name=None))
    lacking = [cell for cell in product(SEXES, ages, years) if cell not in there]
    if lacking:
        sex, age, year = lacking[0]
        raise ExtractError(
            f"{file}: there is no row of {sex}, age {age}, year {year} ({len(lacking):,} are missing in all); needed: "
            f"each sex, ages {ages[0]} to {ages[-1]}, years {years[0]} to {years[-1]}."
        )


def _check_unit(table: pd.DataFrame, file: Path) -> None:
    """Refuse values that are those of another unit: daily rates, or probabilities to live."""
    for first, last, least, most in PLAUSIBLE:
        mean = table.loc[table["age"].between(first, last), "qx"].mean()
        if not least <= mean <= most:
            hint = (
                "are these daily rates, or is nothing filled?" if mean < least else "are these probabilities to live?"
            )
            raise ExtractError(
                f"{file}: the mean of qx at ages {first} to {last} is {mean:.3g}; allowed: {least:g} to {most:g}, "
                f"probabilities of death within the year. Hint: {hint}"
            )


def _read_probability(text: str, file: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # written this way round so that NaN is caught
        raise ExtractError(
            f"{file}:{line}: qx is {text!r}; allowed: a probability of death within the year, 0 to less than 1 (not a "
            "rate per 100,000)."
        )
    return value
