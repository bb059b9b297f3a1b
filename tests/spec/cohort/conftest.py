"""A case is its docstring: little tables of records, and who must come out of them.

A docstring may hold tables named after the canonical tables, ``codes`` (an
admission with one diagnosis code; a row of ``procedures`` is an admission too), and
any number of ``expected`` tables. Columns are separated by two spaces or more, ``-``
is *not recorded*, columns that are not named take the defaults below. People are
known in the analysis table, which has no identifiers, by their organisation of
diagnosis: it is named after the person.
``expected if count_c779=true`` derives the cohorts again with that option.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from naome.cohort.derive import Cohorts, derive_cohorts
from naome.cohort.tables import CanonicalTables, open_tables
from naome.core.definitions import CohortRules, project_definitions
from naome.core.params import Params, load_params
from naome.extract.schema import CANONICAL

ARROW = {
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
}
PYTHON = {
    "VARCHAR": str,
    "DATE": dt.date.fromisoformat,
    "INTEGER": int,
    "BIGINT": int,
    "BOOLEAN": yaml.safe_load,
}
DEFAULTS = {
    "people": {"sex": "female", "vital_status": "alive"},
    "tumours": {"site": "C509", "age": 60, "basis": "histology_primary", "eligible_registration": True},
    "admissions": {"patient_class": "ordinary"},
    "diagnoses": {"position": 1},
    "procedures": {"position": 1},
    "recurrences": {"kind": "distant"},
}
#: Tables whose rows are an admission with one code -> the table of the code.
ADMITTED = {"codes": "diagnoses", "procedures": "procedures"}
DATES = {
    "diagnosed_from": dt.date(2015, 1, 1),
    "diagnosed_to": dt.date(2021, 12, 31),
    "metastatic_from": dt.date(2019, 1, 1),
    "metastatic_to": dt.date(2021, 12, 31),
    "censor_date": dt.date(2023, 6, 1),
}


class Case:
    """The records of a docstring, written as canonical Parquet, and what is expected of them."""

    def __init__(self, text: str, folder: Path) -> None:
        self.folder = folder
        self.expected: list[tuple[dict[str, object], pd.DataFrame]] = []
        records: dict[str, list[dict[str, object]]] = {name: [] for name in CANONICAL}
        for title, rows in read_blocks(text):
            if title.startswith("expected"):
                options = dict(_option(part) for part in title.removeprefix("expected").removeprefix(" if ").split())
                self.expected.append((options, rows))
            else:
                _add(records, title, rows)
        _complete(records)
        write_canonical(records, folder)

    def derive(self, cohorts: tuple[str, ...] = ("denovo", "recurrent"), connection=None, **options: object) -> Cohorts:
        """Derive the cohorts with some options changed."""
        params = self.params().model_copy(update={"cohorts": cohorts})
        rules = self.rules().replace(**options)
        return derive_cohorts(params, self.folder, rules=rules, connection=connection)

    def tables(self) -> CanonicalTables:
        """Open the tables."""
        return open_tables(self.folder, self.params())

    @staticmethod
    def params() -> Params:
        """Return England's parameters with the dates of the first report and no option changed."""
        return load_params("england").model_copy(update={**DATES, "rules": {}, "cohorts": ("denovo", "recurrent")})

    @staticmethod
    def rules() -> CohortRules:
        """Return the rules with every default."""
        return project_definitions().rules()

    def analysis(self, **options: object) -> pd.DataFrame:
        """Return the analysis table by person."""
        return self.derive(**options).analysis.set_index("provider")

    def check(self) -> None:
        """Compare every ``expected`` table of the docstring with what is derived."""
        assert self.expected, "the docstring has no expected table"
        for options, expected in self.expected:
            analysis = self.derive(**options).analysis.rename(columns={"provider": "person"})
            got = analysis[list(expected.columns)].sort_values(list(expected.columns)).reset_index(drop=True)
            for column in got.columns[got.dtypes.astype(str).str.startswith("datetime")]:
                got[column] = got[column].dt.strftime("%Y-%m-%d")
            got = got.astype(object).where(got.notna(), None).map(lambda v: v if v is None else str(v))
            wanted = expected.sort_values(list(expected.columns)).reset_index(drop=True)
            assert got.to_dict("records") == wanted.to_dict("records"), f"options {options}"


@pytest.fixture(autouse=True)
def _quiet_ibis():
    """Ibis 12 calls DuckDB 2 by a deprecated name; nothing of ours to mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="fetch_arrow_table", category=DeprecationWarning)
        yield


@pytest.fixture(scope="session")
def make_case() -> type[Case]:
    """Make a case of a text and of an empty folder for its records."""
    return Case


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """The test's own docstring as records."""
    return Case(request.function.__doc__, tmp_path)


def read_blocks(text: str) -> list[tuple[str, pd.DataFrame]]:
    """Read the tables of a docstring: a line with the table's name, then the heading, then the rows."""
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in block.strip().splitlines()]
        name = lines[0].split()[0] if lines and lines[0] else ""
        if name not in ("codes", "expected", *CANONICAL) or len(lines) < 2:
            continue
        heading, *rows = [re.split(r"\s{2,}", line) for line in lines[1:]]
        assert all(len(row) == len(heading) for row in rows), f"{lines[0]}: ragged rows {rows}"
        values = [[None if value == "-" else value for value in row] for row in rows]
        blocks.append((lines[0], pd.DataFrame(values, columns=heading, dtype=object)))
    return blocks


def write_canonical(records: dict[str, list[dict[str, object]]], folder: Path) -> None:
    """Write canonical Parquet files, empty ones included."""
    for name, table in CANONICAL.items():
        schema = pa.schema([(column.name, ARROW[column.type]) for column in table.columns])
        rows = [
            {column.name: _typed(row.get(column.name), column.type) for column in table.columns}
            for row in records[name]
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet")


def _option(text: str) -> tuple[str, object]:
    name, value = text.split("=")
    return name, yaml.safe_load(value)


def _typed(value: object, kind: str) -> object:
    if value is None or not isinstance(value, str):
        return value
    return PYTHON[kind](value)


def _add(records: dict[str, list[dict[str, object]]], title: str, rows: pd.DataFrame) -> None:
    for row in rows.rename(columns={"person": "person_id"}).to_dict("records"):
        if title in ADMITTED:
            _admit(records, ADMITTED[title], row)
        else:
            known = {column.name for column in CANONICAL[title].columns}
            assert set(row) <= known, f"{title}: {set(row) - known} are not columns"
            records[title].append({**DEFAULTS.get(title, {}), **row})


def _admit(records: dict[str, list[dict[str, object]]], table: str, row: dict[str, object]) -> None:
    """Add an admission with one code; columns that the code's table does not have are the admission's."""
    episode = {"episode": len(records["admissions"])}
    of_code = {column.name for column in CANONICAL[table].columns} & set(row)
    admission = {name: value for name, value in row.items() if name not in of_code}
    admission.setdefault("admission_date", row.get("procedure_date"))
    admission.setdefault("episode_date", admission["admission_date"])
    records["admissions"].append({**DEFAULTS["admissions"], **episode, **admission})
    records[table].append({**DEFAULTS[table], **episode, **{name: row[name] for name in of_code}})


def _complete(records: dict[str, list[dict[str, object]]]) -> None:
    for number, tumour in enumerate(records["tumours"]):
        tumour.setdefault("provider", tumour["person_id"])
        tumour.setdefault("tumour_id", f"t{number}")
    known = {person["person_id"] for person in records["people"]}
    for person in dict.fromkeys(tumour["person_id"] for tumour in records["tumours"]):
        if person not in known:
            records["people"].append({**DEFAULTS["people"], "person_id": person})
    for row in records["drugs"]:
        row.setdefault("given_date", row.get("cycle_date"))
