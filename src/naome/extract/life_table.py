"""Reading a life table: the mortality of the general population that net survival needs."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd

from naome.core.definitions import read_rows
from naome.core.errors import ExtractError

COLUMNS = ["sex", "age", "year", "qx"]
SEXES = ("female", "male")
#: Years of age that a table must have; outside its ages it is read at the nearest
AGES = (18, 90)


def read_life_table(file: Path) -> pd.DataFrame:
    """Read and check a life table.

    Parameters
    ----------
    file : Path
        CSV in UTF-8 with the header ``sex,age,year,qx``: female or male; completed years of age; calendar year;
        probability of death within the year, 0 to less than 1. One row for every sex, age and year between its first
        and last.

    Returns
    -------
    DataFrame
        ``sex, age, year, qx``.

    Raises
    ------
    ExtractError
        Naming file, line, column and what was found.
    """
    if not file.is_file():
        raise ExtractError(f"{file}: no such life table. Hint: key life_table of the parameters names the file.")
    rows, lines = [], {}
    for line, row in read_rows(file, COLUMNS, error=ExtractError):
        sex, age, year, qx = (row[name].strip() for name in COLUMNS)
        if sex not in SEXES:
            raise ExtractError(f"{file}:{line}: sex is {sex!r}; allowed: {', '.join(SEXES)}.")
        for name, text in (("age", age), ("year", year)):
            if not (text.isascii() and text.isdigit()):
                raise ExtractError(f"{file}:{line}: {name} is {text!r}; allowed: whole years.")
        cell = (sex, int(age), int(year))
        if cell in lines:
            raise ExtractError(f"{file}:{line}: {sex}, age {age}, year {year} is already in line {lines[cell]}.")
        lines[cell] = line
        rows.append((*cell, _read_probability(qx, file, line)))
    table = pd.DataFrame(rows, columns=COLUMNS)
    missing = sorted(set(SEXES) - set(table["sex"]))
    if missing:
        raise ExtractError(f"{file}: there is no row of sex {', '.join(missing)}; both are needed.")
    if table["age"].min() > AGES[0] or table["age"].max() < AGES[1]:
        raise ExtractError(
            f"{file}: ages {table['age'].min()} to {table['age'].max()}; needed: every age from {AGES[0]} to {AGES[1]}."
        )
    ages, years = (range(table[name].min(), table[name].max() + 1) for name in ("age", "year"))
    lacking = [cell for cell in product(SEXES, ages, years) if cell not in lines]
    if lacking:
        sex, age, year = lacking[0]
        raise ExtractError(
            f"{file}: there is no row of {sex}, age {age}, year {year} ({len(lacking):,} are missing in all); needed: "
            f"each sex, ages {ages[0]} to {ages[-1]}, years {years[0]} to {years[-1]}."
        )
    return table


def _read_probability(text: str, file: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:  # written this way round so that NaN is caught
        raise ExtractError(
            f"{file}:{line}: qx is {text!r}; allowed: a probability of death within the year, 0 to less than 1 (not a "
            "rate per 100,000)."
        )
    return value
