"""Canaries: values that tell about a person, planted in an extract and looked for in all that a run leaves.

Also names of organisations, which are meant to be shown, that try to become a formula, a tag, a link or a command.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from naome.core.params import load_params
from naome.core.spreadsheets import SIGNED_NUMBER, escape_formula
from naome.extract import READERS
from naome_synthetic.write import LATIN1_TABLES

#: Of one person: identifiers, which tables share, and the cause of death
PERSON, TUMOUR, CAUSE = "8675309001", "86753090017", "Y3561"
NAME = "Mrs Janet Canaryvale"
#: Columns that no reader reads
UNREAD = {
    "FREE_TEXT": "Rosalind Canaryname rang",
    "NHSNUMBER": "943 476 5919",
    "BIRTHDATE": "07/03/1931",
    "POSTCODE": "ZZ99 3VZ",
}
#: What must be found nowhere but in the canonical tables, in any way of writing it
PERSONAL = re.compile(
    r"8675309001|Canaryvale|Canaryname|Rosalind|Y35\.?61|9434765919|943.476.5919|ZZ99.?3VZ"
    r"|07/03/1931|1931-?03-?07|7 March 1931",
    re.I,
)
ORGANISATIONS = (
    '=HYPERLINK("http://canary.invalid","CANARYORG0")',
    '<img src=x onerror="CANARYORG1()"> <script>CANARYORG1()</script>',
    "![CANARYORG2](http://canary.invalid/a.png) [x](http://canary.invalid) **b** {{< include x >}}",
    "\\input{CANARYORG3} $x^2$ # head",
    "\uff1dCANARYORG4()",
)
ALLIANCE, REGION = '=cmd|"/C CANARYALLIANCE"!A0', " @SUM(CANARYREGION)"
TABLES = {
    "england": ("cosd_recurrence", "PATIENTID", "ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID", "av_tumour"),
    "wales": ("wcn_registration", "ALF_PE", "adde_deaths", "ALF_PE", "wcn_registration"),
}
CAUSES = {"england": "S_UNDERLYING_COD_ICD10", "wales": "DEATHCAUSE_DIAG_UNDERLYING_CD"}
TUMOURS = {"england": "TUMOURID", "wales": "TUMOUR_ID"}
NAMED = {"england": ("av_patient", "ETHNICITY"), "wales": ("wcn_registration", "ETHNIC_GROUP")}


def plant(nation: str, folder: Path) -> None:
    """Plant everything in an extract in CSV, so that it is still read."""
    people, by, deaths, of, tumours = TABLES[nation]
    dead = {row[of] for row in read_rows(folder / f"{deaths}.csv")}
    person = next(row[by] for row in read_rows(folder / f"{people}.csv") if row[by] in dead)
    key = "PATIENTID" if nation == "england" else "ALF_PE"
    own = [row for row in read_rows(folder / f"{tumours}.csv") if row[key] == person]
    renamed = {person: PERSON, own[0][TUMOURS[nation]]: TUMOUR}
    for file in folder.glob("*.csv"):
        data = file.read_bytes()
        for old, new in renamed.items():
            data = data.replace(f'"{old}"'.encode(), f'"{new}"'.encode())
        file.write_bytes(data)
    change(folder / f"{deaths}.csv", lambda row: row | ({CAUSES[nation]: CAUSE} if row[of] == PERSON else {}))
    nothing = dict.fromkeys(UNREAD, "")
    change(folder / f"{tumours}.csv", lambda row: row | (UNREAD if row[key] == PERSON else nothing))
    table, column = NAMED[nation]
    change(folder / f"{table}.csv", lambda row: row | ({column: NAME} if row[key] == PERSON else {}))
    names = iter(ORGANISATIONS)
    first = next(iter(read_rows(folder / "organisations.csv")))
    regions = {first["REGION_NAME"]: REGION} if nation == "england" else {}

    def name(row: dict[str, str]) -> dict[str, str]:
        return row | {
            "ORG_NAME": next(names, row["ORG_NAME"]),
            "ALLIANCE_NAME": {first["ALLIANCE_NAME"]: ALLIANCE}.get(row["ALLIANCE_NAME"] or None, row["ALLIANCE_NAME"]),
            "REGION_NAME": regions.get(row["REGION_NAME"], row["REGION_NAME"]),
        }

    change(folder / "organisations.csv", name)


def spoil(audit: str, folder: Path) -> list[str]:
    """Put a person's name and postcode into every column that is read, in a row of each table; return the tables."""
    raw = READERS[load_params(audit).source].raw
    bad = f"{NAME} {UNREAD['POSTCODE']}"
    files = [file for file in sorted(folder.glob("*.csv")) if file.stem in raw]
    for file in files:
        read, rows = set(raw[file.stem].wanted()), read_rows(file)
        rows[3] |= dict.fromkeys(read & set(rows[3]), bad)
        write_rows(file, rows)
    return [file.stem for file in files]


def read_rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding=_encode(file), newline="") as text:
        return list(csv.DictReader(text))


def change(file: Path, edit: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Write a file again with every row as `edit` gives it."""
    write_rows(file, [edit(row) for row in read_rows(file)])


def write_rows(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", encoding=_encode(file), newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _encode(file: Path) -> str:
    return "latin-1" if file.stem in LATIN1_TABLES else "utf-8"


def read_texts(folder: Path, without: Iterable[Path] = ()) -> dict[Path, str]:
    """Return all files of a folder as text, tables decoded; `without` names files and folders that are left out."""
    left_out = set(without)
    return {
        path: read_text(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not left_out.intersection([path, *path.parents])
    }


def read_text(path: Path) -> str:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    return _decode(path.name, path.read_bytes())


def _decode(name: str, data: bytes) -> str:
    """Return bytes as text; of a zip file, and of a workbook or text document, all that is in it."""
    if not name.endswith((".zip", ".xlsx", ".docx")):
        return data.decode("utf-8", errors="replace")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return "\n".join(_decode(inside, archive.read(inside)) for inside in archive.namelist())


def find_personal(texts: dict[Path, str]) -> list[str]:
    """Return where a canary of a person is, one line for each file."""
    return [f"{path}: {found[0]}" for path, text in texts.items() if (found := PERSONAL.search(text))]


def find_formulae(cells: Iterable[str]) -> list[str]:
    """Return the cells that a spreadsheet would run."""
    return [cell for cell in cells if escape_formula(cell) != cell and not SIGNED_NUMBER.fullmatch(cell.strip())]
