"""What bad input gets: a clear error, exit code 2, nothing written, and no identifier repeated.

Each corruption spoils one thing of a good extract. The error must match every
pattern of its row: the file, the column, the row, the value, what is allowed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from naome.core.errors import ExtractError
from naome.extract import READERS, delimited, read_extract
from naome.workflow.run import RECORD_KEYS


def digest_tree(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file under a folder, and the names of its folders."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "folder"
        for p in sorted(folder.rglob("*"))
    }


@dataclass(frozen=True)
class Corruption:
    name: str
    spoil: Callable
    expect: tuple[str, ...]
    nation: str = "england"


def case(name: str, spoil: Callable, *expect: str, nation: str = "england") -> Corruption:
    return Corruption(name, spoil, expect, nation)


def put(table: str, column: str, value: str, rows: str = "n = 3") -> Callable:
    return lambda folder: folder.put(table, column, value, rows)


def put_csv(table: str, column: str, text: str) -> Callable:
    return lambda folder: folder.put_csv(table, column, text)


def edit(table: str, select: str) -> Callable:
    return lambda folder: folder.edit(table, select)


def as_csv(table: str, change: Callable[[bytes], bytes]) -> Callable:
    return lambda folder: folder.as_csv(table, change)


def swap(one: str, other: str) -> Callable:
    def spoil(folder):
        one_file, other_file = folder.file(one), folder.file(other)
        one_file.rename(folder.path / "held")
        other_file.rename(one_file)
        (folder.path / "held").rename(other_file)

    return spoil


def replace_file(table: str, change: Callable[[bytes], bytes], suffix: str = "parquet") -> Callable:
    def spoil(folder):
        data = folder.file(table).read_bytes()
        folder.file(table).unlink()
        folder.file(table, suffix).write_bytes(change(data))

    return spoil


def remove(folder, table: str) -> None:
    folder.file(table).unlink()


def make_folder(folder) -> None:
    remove(folder, "av_patient")
    folder.file("av_patient").mkdir()


def make_dangling(folder) -> None:
    remove(folder, "av_patient")
    folder.file("av_patient").symlink_to(folder.path / "nowhere")


def make_twice(folder) -> None:
    data = folder.file("av_tumour").read_bytes()
    folder.as_csv("av_tumour")
    folder.file("av_tumour").write_bytes(data)


def make_gzip(folder, keep: float) -> None:
    folder.as_csv("sact_cycle")
    data = gzip.compress(folder.file("sact_cycle", "csv").read_bytes())
    folder.file("sact_cycle", "csv").unlink()
    folder.file("sact_cycle", "csv.gz").write_bytes(data[: int(len(data) * keep)])


def damage_page(data: bytes) -> bytes:
    middle = len(data) // 3
    return data[:middle] + bytes(255 - b for b in data[middle : middle + 4000]) + data[middle + 4000 :]


def line(number: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change one line of a CSV file, the header being line 1."""

    def spoil(data: bytes) -> bytes:
        lines = data.split(b"\n")
        lines[number - 1] = change(lines[number - 1])
        return b"\n".join(lines)

    return spoil


def first_column_twice(data: bytes) -> bytes:
    return b"\n".join(row.split(b",")[0].lower() + b"," + row if row else row for row in data.split(b"\n"))


def double_column(folder) -> None:
    table = pq.read_table(folder.file("av_patient"))
    remove(folder, "av_patient")
    pq.write_table(table.append_column("gender", table["GENDER"]), folder.file("av_patient"))


def put_note(text: str) -> Callable:
    def spoil(folder):
        (folder.path / "extract.json").unlink()
        (folder.path / "extract.json").write_text(text)

    return spoil


PATIENT_OF_ROW_3 = "(SELECT PATIENTID FROM t WHERE n = 3)"
CASES = [
    # --- files
    case(
        "missing file", lambda f: remove(f, "av_tumour"), "no file for table av_tumour", r"allowed: av_tumour\.parquet"
    ),
    case(
        "misnamed file",
        lambda f: f.file("av_tumour").rename(f.path / "av_tumours.parquet"),
        "no file for table av_tumour",
        "did you mean 'av_tumours'",
    ),
    case("two files for a table", make_twice, "2 files for table av_tumour", r"av_tumour\.csv, av_tumour\.parquet"),
    case("folder where a file is expected", make_folder, r"av_patient\.parquet: is a folder"),
    case("link to nowhere", make_dangling, r"av_patient\.parquet: not readable: No such file"),
    case("empty Parquet file", replace_file("av_patient", lambda d: b""), r"av_patient\.parquet: the file is empty"),
    case("empty CSV file", replace_file("av_patient", lambda d: b"", "csv"), r"av_patient\.csv: the file is empty"),
    case(
        "truncated Parquet", replace_file("av_tumour", lambda d: d[: len(d) // 2]), r"av_tumour\.parquet: not readable"
    ),
    case("damaged Parquet", replace_file("av_tumour", damage_page), r"av_tumour\.parquet: not readable to its end"),
    case("text named Parquet", replace_file("av_tumour", lambda d: b"a,b\n1,2\n"), "not a Parquet file"),
    case("Parquet named CSV", replace_file("av_tumour", lambda d: d, "csv"), r"av_tumour\.csv: is Parquet; allowed"),
    case("text named gzip", replace_file("av_tumour", lambda d: b"a\n", "csv.gz"), r"av_tumour\.csv\.gz: .*gzip"),
    case("truncated gzip", lambda f: make_gzip(f, 0.6), r"sact_cycle\.csv\.gz: .*damaged or cut off"),
    case(
        "truncated CSV",
        as_csv("av_patient", lambda d: d[: d.rindex(b",", 0, len(d) * 2 // 3)]),
        r"av_patient\.csv: .*line",
    ),
    case(
        "CSV cut off at the end of a line",
        as_csv("av_patient", lambda d: d[: d.rindex(b"\n", 0, len(d) * 2 // 3) + 1]),
        r"av_patient\.csv: [\d,]+ rows; allowed: the [\d,]+ that extract\.json says",
    ),
    case(
        "header only",
        as_csv("av_patient", lambda d: d[: d.index(b"\n") + 1]),
        r"av_patient\.csv: no rows under the header",
    ),
    case(
        "two files swapped",
        swap("sact_cycle", "sact_regimen"),
        r"sact_cycle\.parquet: column",
        "looks like .* sact_regimen",
    ),
    case("people and tumours swapped", swap("av_patient", "av_tumour"), "column DIAGNOSISDATEBEST is missing"),
    case("note not JSON", put_note("{"), r"extract\.json: not readable as JSON"),
    case(
        "rows as text", put_note('{"rows": {"av_tumour": "5"}}'), "rows of av_tumour is of type str; allowed: a whole"
    ),
    case("another feed", put_note('{"kind": "rcrd"}'), r"kind is 'rcrd'; allowed: 'ncrd'", nation="wales-as-england"),
    # --- columns
    case(
        "missing column",
        edit("av_tumour", "SELECT * EXCLUDE (ER_STATUS) FROM t"),
        r"av_tumour\.parquet: column ER_STATUS is missing",
    ),
    case(
        "renamed column",
        edit("av_tumour", "SELECT * RENAME (ER_STATUS AS ER_STATSU) FROM t"),
        "ER_STATUS is missing .did you mean 'ER_STATSU'",
    ),
    case(
        "column twice in CSV",
        as_csv("av_patient", first_column_twice),
        r"av_patient\.csv: column PATIENTID is listed more than once",
    ),
    case("column twice in Parquet", double_column, r"av_patient\.parquet: column GENDER is listed more than once"),
    case(
        "no header",
        as_csv("av_patient", lambda d: d[d.index(b"\n") + 1 :]),
        r"av_patient\.csv: none of the columns of table av_patient",
        "header line missing",
    ),
    case(
        "delimiter of another kind",
        as_csv("av_patient", lambda d: d.replace(b",", b"~")),
        "none of the columns of table av_patient",
        "separated by commas, vertical bars, semicolons, tabs",
    ),
    case(
        "two delimiters in the header",
        as_csv("av_patient", lambda d: d.replace(b",", b";", 3)),
        r"av_patient\.csv: commas and semicolons both separate column names",
    ),
    case(
        "column of lists",
        edit("av_tumour", "SELECT * REPLACE ([AGE] AS AGE) FROM t"),
        r"column AGE: is of type INTEGER\[\]",
    ),
    case(
        "column of bytes",
        edit("av_tumour", "SELECT * REPLACE (encode(GRADE) AS GRADE) FROM t"),
        "column GRADE: is of type BLOB",
    ),
    case(
        "identifiers as decimals",
        edit("av_patient", "SELECT * REPLACE (n::DOUBLE AS PATIENTID) FROM t"),
        "PATIENTID: identifiers are stored as DOUBLE",
    ),
    # --- dates
    case(
        "impossible date",
        put_csv("av_tumour", "DIAGNOSISDATEBEST", "31/02/2020"),
        r"av_tumour\.csv: column DIAGNOSISDATEBEST, row 5: '99/99/9999' \(1 row\); allowed: a date",
    ),
    case(
        "American date",
        put_csv("av_tumour", "DIAGNOSISDATEBEST", "12/31/2020"),
        "row 5: '99/99/9999'",
        "month/day/year",
    ),
    case("two-digit year", put_csv("av_tumour", "DIAGNOSISDATEBEST", "01/02/20"), "row 5: '99/99/99'"),
    case(
        "year 0202",
        put("av_tumour", "DIAGNOSISDATEBEST", "DATE '0202-05-01'"),
        "row 4: '9999-99-99'",
        "from 1930 to today",
    ),
    case(
        "future date",
        put("av_tumour", "DIAGNOSISDATEBEST", "DATE '2921-05-01'"),
        "row 4: '9999-99-99'",
        "from 1930 to today",
    ),
    case("date as a serial number", put_csv("av_tumour", "DIAGNOSISDATEBEST", "43831"), "row 5: '99999'"),
    case(
        "missing diagnosis date",
        put("av_tumour", "DIAGNOSISDATEBEST", "NULL"),
        r"av_tumour\.parquet: column DIAGNOSISDATEBEST, row 4: not recorded",
    ),
    case(
        "impossible date of death",
        put("ons_deaths", "REG_DATE_OF_DEATH", "'20201340'"),
        r"ons_deaths\.parquet: column REG_DATE_OF_DEATH, row 4: '99999999'",
    ),
    case(
        "death before diagnosis",
        put("ons_deaths", "REG_DATE_OF_DEATH", "'20141231'", "true"),
        r"av_tumour\.parquet: column DIAGNOSISDATEBEST, row \d+: the rule death_before_diagnosis would exclude [\d,]+ "
        r"of [\d,]+ rows",
        "allowed: at most 1%",
    ),
    # --- numbers
    case(
        "age 200",
        put("av_tumour", "AGE", "200"),
        r"av_tumour\.parquet: column AGE, row 4: '999' \(1 row\); allowed: a whole number from 0 to 120",
    ),
    case("negative age", put("av_tumour", "AGE", "-1"), "column AGE, row 4: '-9'"),
    case("text in a number", put_csv("av_tumour", "AGE", "sixty"), "column AGE, row 5: 'aaaaa'"),
    case("decimal comma", put_csv("av_tumour", "AGE", "65,5"), "column AGE, row 5: '99,9'"),
    case(
        "decimal age",
        edit("av_tumour", "SELECT * REPLACE (AGE + 0.5::DOUBLE AS AGE) FROM t"),
        r"column AGE, row \d+: '99\.9' \([\d,]+ rows\)",
    ),
    case("age as NaN", put_csv("av_tumour", "AGE", "NaN"), r"column AGE, row 5: not recorded"),
    case("failed formula", put_csv("av_tumour", "AGE", "#REF!"), "column AGE, row 5: '#AAA!'", "a formula"),
    # --- codes
    case(
        "unknown sex",
        put("av_patient", "GENDER", "'Q'"),
        r"av_patient\.parquet: column GENDER, row 4: 'A'",
        "allowed: one of 1, 2",
    ),
    case("unknown vital status", put("av_patient", "VITALSTATUS", "'GONE'"), "VITALSTATUS, row 4: 'AAAA'"),
    case("unknown stage", put("av_tumour", "STAGE_BEST", "'IX'"), "STAGE_BEST, row 4: 'AA'"),
    case("unknown grade", put("av_tumour", "GRADE", "'G9'"), "GRADE, row 4: 'A9'"),
    case(
        "receptor as a word of no list",
        put("av_tumour", "ER_STATUS", "'perhaps'"),
        "ER_STATUS, row 4: 'aaaaaaa'",
        "allowed: one of P",
    ),
    case("unknown performance status", put("av_tumour", "PERFORMANCESTATUS", "'7'"), "PERFORMANCESTATUS, row 4: '9'"),
    case(
        "quintile counted the other way",
        put("av_tumour", "QUINTILE_2019", "'1 - least deprived'"),
        "QUINTILE_2019, row 4: '9 - aaaaa aaaaaaaa'",
    ),
    case("unknown basis", put("av_tumour", "BASISOFDIAGNOSIS", "'Q'"), "BASISOFDIAGNOSIS, row 4: 'A'"),
    case("unknown patient class", put("hes_apc", "CLASSPAT", "'7'"), r"hes_apc\.parquet: column CLASSPAT, row 4: '9'"),
    case(
        "code mangled by a spreadsheet",
        put("hes_apc", "DIAG_03", "'C79.50000'"),
        r"column DIAG_03, row 4: 'A99\.99999'",
    ),
    case("code in powers of ten", put("hes_apc", "DIAG_02", "'1E+05'"), r"column DIAG_02, row 4: '9A\+99'"),
    case("word for a diagnosis", put("hes_apc", "DIAG_01", "'BREAST'"), "column DIAG_01, row 4: 'AAAAAA'"),
    case("short operation code", put("hes_apc", "OPERTN_02", "'B2'"), "column OPERTN_02, row 4: 'A9'", "OPCS-4"),
    case(
        "cause of death in words",
        put("ons_deaths", "S_COD_CODE_2", "'HEART FAILURE'"),
        "S_COD_CODE_2, row 4: 'AAAAA AAAAAAA'",
    ),
    case(
        "identifiers in a code column",
        edit("av_tumour", "SELECT * REPLACE (PATIENTID AS GRADE) FROM t"),
        r"column GRADE, row \d+: '9999999999' \([\d,]+ rows\)",
    ),
    case(
        "columns shifted by one",
        edit(
            "av_patient",
            "SELECT * REPLACE (PATIENTID AS GENDER, GENDER AS ETHNICITY, LINKNUMBER AS VITALSTATUS) FROM t",
        ),
        r"column GENDER, row \d+: '9999999999'",
    ),
    # --- keys and links
    case(
        "empty identifier",
        put("av_tumour", "PATIENTID", "NULL"),
        r"av_tumour\.parquet: column PATIENTID, row 4: empty identifier",
    ),
    case("identifier as NaN", put("av_tumour", "PATIENTID", "'NaN'"), "PATIENTID, row 4: empty identifier"),
    case(
        "identifier in powers of ten",
        put("hes_apc", "STUDY_ID", "'1E+09'"),
        "STUDY_ID, row 4: an identifier written as a decimal or in powers of ten",
    ),
    case(
        "identifier as a decimal",
        put("hes_apc", "STUDY_ID", "STUDY_ID || '.0'"),
        "STUDY_ID, row 4: an identifier written as a decimal",
    ),
    case(
        "person twice",
        put("av_patient", "PATIENTID", PATIENT_OF_ROW_3, "n = 7"),
        r"av_patient\.parquet: column PATIENTID, row 8: 1 identifier is listed more than once",
    ),
    case(
        "a tumour of two people",
        put("av_tumour", "TUMOURID", "(SELECT TUMOURID FROM t WHERE n = 3)", "n = 7"),
        r"av_tumour\.parquet: column PATIENTID, row 8: another value than in a row of the same TUMOURID",
    ),
    case(
        "an episode of two people",
        put("hes_apc", "EPIKEY", "(SELECT EPIKEY FROM t WHERE n = 3)", "n > 2000"),
        r"column STUDY_ID, row [\d,]+: another value than in a row of the same EPIKEY",
    ),
    case(
        "cycle twice",
        put("sact_cycle", "MERGED_CYCLE_ID", "(SELECT MERGED_CYCLE_ID FROM t WHERE n = 3)", "n = 7"),
        "column MERGED_CYCLE_ID, row 8: 1 identifier is listed more than once",
    ),
    case(
        "tumour without a person",
        put("av_patient", "PATIENTID", "'9000000001'", "n = 0"),
        r"av_tumour\.parquet: column PATIENTID, row [\d,]+: an identifier that is in no row of av_patient \(\d rows?\)",
        "is it a line of totals, or a person of another extract",
    ),
    case(
        "drug without a cycle",
        put("sact_drug_detail", "MERGED_CYCLE_ID", "'0000000001'"),
        r"sact_drug_detail\.parquet: column MERGED_REGIMEN_ID of sact_regimen, row 4: the drug belongs to no cycle",
    ),
    case(
        "cycle without a regimen",
        put("sact_cycle", "MERGED_REGIMEN_ID", "'0000000001'", "n < 20"),
        "its cycle to no regimen",
    ),
    case(
        "organisation twice",
        edit("organisations", "SELECT * FROM t UNION ALL SELECT * FROM t WHERE n = 2"),
        "column ORG_CODE",
    ),
    case(
        "successor that is not there",
        put("organisations", "SUCCESSOR_CODE", "'ZZZ'"),
        "SUCCESSOR_CODE: the successor of",
        "allowed: the code of a row without a successor",
    ),
    # --- another extract
    case("another nation", put("av_tumour", "CTRY_CODE", "'W'", "true"), "CTRY_CODE: no row has 'E'", "another nation"),
    case(
        "another year",
        edit(
            "av_tumour", "SELECT * REPLACE ((DIAGNOSISDATEBEST - INTERVAL 20 YEAR)::DATE AS DIAGNOSISDATEBEST) FROM t"
        ),
        "no diagnosis within the run",
        r"the extract has 199\d-",
        "2015-01-01 to 2021-12-31",
    ),
    # --- CSV
    case(
        "NUL byte",
        as_csv("av_patient", line(9, lambda row: row[:5] + b"\x00" + row[5:])),
        r"av_patient\.csv: holds a NUL byte",
    ),
    case(
        "UTF-16 without a mark",
        as_csv("av_patient", lambda d: d.decode().encode("utf-16-le")),
        "holds a NUL byte",
        "UTF-16 without a byte-order mark",
    ),
    case(
        "mixed encodings",
        as_csv(
            "organisations",
            lambda d: d + '"é","é","","","","","",""\n'.encode() + '"é","","","","","","",""\n'.encode("latin-1"),
        ),
        r"organisations\.csv: mixes UTF-8 and latin-1",
    ),
    case(
        "endless line",
        as_csv("av_patient", line(9, lambda row: row + b"x" * 300_000)),
        r"av_patient\.csv: a line is longer than 200,000 bytes",
    ),
    case(
        "quotation mark not closed",
        as_csv("av_patient", line(9, lambda row: row.replace(b'","', b',"', 1))),
        r"av_patient\.csv: not readable: .*quot",
    ),
    case(
        "short record",
        as_csv("av_patient", line(9, lambda row: row.rsplit(b",", 2)[0])),
        r"av_patient\.csv: not readable: row 9: 10 values where the header has 12 names; allowed: one for each",
    ),
    case(
        "long record",
        as_csv("av_patient", line(9, lambda row: row + b',"x","y"')),
        r"row 9: more values than the 12 names",
    ),
    case(
        "an empty field too many",
        as_csv("av_patient", line(9, lambda row: row + b",")),
        r"av_patient\.csv: row 9: one field more than the 12 of the header",
    ),
    # --- Wales
    case(
        "Welsh extract for England",
        lambda f: None,
        "kind is 'wcn'; allowed: 'ncrd'",
        "no file for table av_patient",
        nation="wales-as-england",
    ),
    case(
        "unknown Welsh sex code",
        put("wcn_registration", "SEX_AT_BIRTH", "'7'"),
        r"wcn_registration\.parquet: column SEX_AT_BIRTH, row 4: '9'",
        nation="wales",
    ),
    case(
        "Welsh date in words",
        put("wcn_registration", "DATE_OF_DIAGNOSIS", "'May 2020'"),
        "DATE_OF_DIAGNOSIS, row 4: 'Aaa 9999'",
        nation="wales",
    ),
    case(
        "spell twice",
        put(
            "pedw_spell",
            "SPELL_NUM_PE",
            "(SELECT SPELL_NUM_PE FROM t WHERE n = 3)",
            "PROV_UNIT_CD = (SELECT PROV_UNIT_CD FROM t WHERE n = 3) AND n < 500",
        ),
        "PROV_UNIT_CD \\+ SPELL_NUM_PE",
        nation="wales",
    ),
    case(
        "episode without a spell",
        put("pedw_episode", "SPELL_NUM_PE", "'0000000001'"),
        r"pedw_episode\.parquet: row 4: the episode belongs to no spell",
        nation="wales",
    ),
    case(
        "Welsh extract of another nation",
        put("wcn_registration", "COUNTRY_CODE", "'E'", "true"),
        "COUNTRY_CODE: no row has 'W'",
        nation="wales",
    ),
    case(
        "diagnoses and operations swapped",
        swap("pedw_diag", "pedw_oper"),
        "column DIAG_CD_1234 is missing",
        nation="wales",
    ),
]


def test_there_are_enough_corruptions_and_each_has_its_name():
    assert len(CASES) >= 60
    assert len({c.name for c in CASES}) == len(CASES)


@pytest.fixture(scope="module")
def identifiers(extracts) -> dict[str, set[str]]:
    """All identifiers of the extracts."""
    found = {}
    for nation in ("england", "wales"):
        found[nation] = set()
        for file in extracts[nation].glob("*.parquet"):
            names = [row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()]
            for name in names:
                if re.search("ID$|ALF_PE|EPIKEY|LINKNUMBER|SPELL_NUM|DEID", name):
                    found[nation] |= {
                        str(r[0]) for r in duckdb.execute(f"SELECT DISTINCT \"{name}\" FROM '{file}'").fetchall()
                    }
        found[nation].discard("None")
        assert len(found[nation]) > 1000
    return found


@pytest.mark.parametrize("corruption", CASES, ids=lambda c: c.name)
def test_a_corruption_gets_its_error(corruption, copy, run_naome, identifiers, tmp_path, capsys, monkeypatch):
    if corruption.name == "endless line":
        monkeypatch.setattr(delimited, "MAX_LINE_BYTES", 200_000)  # two million in earnest; the point is the same
    made, _, audit = corruption.nation.partition("-as-")
    folder = copy(made)
    corruption.spoil(folder)
    run_dir = tmp_path / "run"
    earlier = dict.fromkeys(RECORD_KEYS, "") | {"audit": audit or made, "inputs": {}, "canonical_sha256": {}}
    (run_dir / "inputs" / "canonical").mkdir(parents=True)
    (run_dir / "inputs" / "canonical" / "people.parquet").write_bytes(b"an earlier run")
    (run_dir / "inputs" / "read.json").write_text(json.dumps(earlier))
    (run_dir / ".lock").touch()
    before = digest_tree(run_dir)

    command = ("read", "--audit", audit or made, "--data", folder.path, "--run-dir", run_dir, "--replace")
    assert run_naome(*command) == 2

    written = capsys.readouterr()
    (run_dir / ".lock").write_text("")  # says who held the folder last
    assert digest_tree(run_dir) == before
    assert "Traceback" not in written.err
    for pattern in corruption.expect:
        assert re.search(pattern, written.err), written.err
    said = set(re.findall(r"\w{6,}", written.out + written.err))
    assert not said & identifiers[made], "an identifier was repeated"


def test_all_problems_are_told_at_once_and_counted(copy, run_naome, tmp_path, capsys):
    folder = copy("england")
    folder.edit("av_tumour", "SELECT * REPLACE (AGE + 500 AS AGE, 'bad' AS GRADE, 'x' || (n % 40) AS ER_STATUS) FROM t")
    folder.put("av_patient", "GENDER", "'Q'")
    folder.file("cosd_recurrence").unlink()
    folder.file("rtds_prescription").unlink()
    assert run_naome("read", "--audit", "england", "--data", folder.path, "--run-dir", tmp_path / "run") == 2
    error = capsys.readouterr().err
    problems = 1 + 1 + 1 + 1 + 1  # ages, grades, receptors x9 and x99, a sex, a missing file (COSD may be absent)
    assert f"{problems} problems; nothing was written" in error
    shown = error.count("\n  - ")
    assert shown <= 20
    for word in ("AGE", "GRADE", "ER_STATUS", "GENDER", "rtds_prescription"):
        assert word in error
    assert not (tmp_path / "run").exists()


def test_more_than_twenty_problems_show_twenty(copy, run_naome, tmp_path, capsys):
    folder = copy("england")
    columns = [f"{name}_{n:02d}" for name in ("DIAG", "OPERTN", "OPDATE") for n in range(1, 11)]
    folder.edit("hes_apc", f"SELECT * EXCLUDE ({', '.join(columns)}) FROM t")
    assert run_naome("check-extract", folder.path, "--params", "england") == 2
    error = capsys.readouterr().err
    assert "30 problems" in error
    assert error.count("\n  - ") == 20
    assert "... and 10 more" in error


def test_one_spelling_of_all_dates_is_one_problem(copy, run_naome, tmp_path, capsys):
    folder = copy("england")
    dates = ["EPISTART", "ADMIDATE", *(f"OPDATE_{n:02d}" for n in range(1, 25))]
    words = ", ".join(f"strftime({date}, '%d-%b-%y') AS {date}" for date in dates)
    folder.edit("hes_apc", f"SELECT * REPLACE ({words}) FROM t")
    assert run_naome("check-extract", folder.path, "--params", "england") == 2
    error = capsys.readouterr().err
    assert "1 problem;" in error
    assert re.search(r"columns EPISTART, row 1; ADMIDATE, row 1; OPDATE_01, .*: '99-Aaa-99' \([\d,]+ rows\)", error)
    assert "two digits" in error


def test_a_missing_folder_is_an_error(run_naome, tmp_path, capsys):
    assert run_naome("read", "--audit", "england", "--data", tmp_path / "none", "--run-dir", tmp_path / "run") == 2
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_file_without_permission_is_an_error(extracts):
    """Root may read everything, so root steps down for the moment of reading."""
    base = Path("/tmp") / f"naome-permission-{os.getpid()}"  # pytest's own folders are closed to other users
    shutil.copytree(extracts["wales"], base / "extract")
    root = os.geteuid() == 0
    try:
        base.chmod(0o755)
        (base / "extract").chmod(0o755)
        (base / "extract" / "pedw_diag.parquet").chmod(0o000)
        if root:
            os.seteuid(65534)
        try:
            with pytest.raises(ExtractError, match=r"pedw_diag\.parquet: no permission to read the file"):
                read_extract(READERS["wcn"], base / "extract", None, progress=lambda line: None)
        finally:
            if root:
                os.seteuid(0)
    finally:
        shutil.rmtree(base)
