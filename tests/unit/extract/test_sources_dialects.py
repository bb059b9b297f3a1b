"""The same extract in other clothes reads as the same canonical tables."""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Callable

import duckdb
import pyarrow.parquet as pq
import pytest

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.workflow.extract_report import describe_extract


def read_tables(folder, out) -> tuple[dict, object]:
    extract = read_extract(READERS["ncrd"], folder, out, progress=lambda line: None)
    tables = {file.stem: pq.read_table(file) for file in sorted(out.glob("*.parquet"))}
    # what a file says of a column without an empty value differs with the spelling; its values do not
    return {name: dict(zip(table.column_names, table.columns, strict=True)) for name, table in tables.items()}, extract


def as_csv(change: Callable[[bytes], bytes], *tables: str) -> Callable:
    def dress(folder):
        for table in tables or ("av_patient", "organisations"):
            folder.as_csv(table, change)

    return dress


def as_gzip(folder) -> None:
    folder.as_csv("sact_cycle")
    plain = folder.file("sact_cycle", "csv")
    folder.file("sact_cycle", "csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()


def shuffle_columns(folder) -> None:
    for table in ("av_tumour", "hes_apc"):
        names = pq.read_schema(folder.file(table)).names
        folder.edit(table, f"SELECT {', '.join(reversed(names))} FROM t")


def add_columns(folder) -> None:
    folder.edit("av_tumour", "SELECT *, 1 AS FREE_TEXT, 'x' AS \"Another One\" FROM t")


def lower_names(folder) -> None:
    for table in ("av_tumour", "sact_cycle"):
        names = pq.read_schema(folder.file(table)).names
        folder.edit(table, "SELECT " + ", ".join(f'{name} AS "{name.lower()}"' for name in names) + " FROM t")
        folder.file(table).rename(folder.path / f"{table.title()}.PARQUET".replace("PARQUET", "parquet"))


def quote_newlines(folder) -> None:
    """A column that is not read holds line ends inside quotation marks."""
    folder.edit("sact_regimen", "SELECT * REPLACE ('two' || chr(10) || 'lines, \"quoted\"' AS MAPPED_REGIMEN) FROM t")
    folder.as_csv("sact_regimen")


def latin1(folder) -> None:
    folder.edit("sact_regimen", "SELECT * REPLACE ('Zolédronic 4 mg/m²' AS MAPPED_REGIMEN) FROM t")
    folder.as_csv("sact_regimen", lambda data: data.decode().encode("latin-1"))


def dates_as_timestamps(folder) -> None:
    folder.edit("av_tumour", "SELECT * REPLACE (DIAGNOSISDATEBEST::TIMESTAMP AS DIAGNOSISDATEBEST) FROM t")


def dates_as_text(folder) -> None:
    folder.edit(
        "hes_apc",
        "SELECT * REPLACE (strftime(EPISTART, '%Y%m%d') AS EPISTART, strftime(ADMIDATE, '%d/%m/%Y') AS ADMIDATE) "
        "FROM t",
    )


def numbers_as_text(folder) -> None:
    folder.edit("av_tumour", "SELECT * REPLACE (AGE::VARCHAR AS AGE) FROM t")


def identifiers_as_numbers(folder) -> None:
    folder.edit("av_patient", "SELECT * REPLACE (PATIENTID::BIGINT AS PATIENTID) FROM t")


def without_optional_table(folder) -> None:
    folder.edit("cosd_recurrence", "SELECT * FROM t WHERE CANCERRECURRENCECAREPLANINDICATOR IS NULL")


def as_text(sign: str, encoding: str, end: str = "\n") -> Callable:
    """Write tables as a data platform exports them: .txt, another delimiter, another encoding."""

    def change(data: bytes) -> bytes:
        return data.decode().replace('","', f'"{sign}"').replace(",", sign).replace("\n", end).encode(encoding)

    def dress(folder):
        folder.edit("sact_regimen", "SELECT * REPLACE ('Patient’s, mg/m²' AS MAPPED_REGIMEN) FROM t")
        for table in ("hes_apc", "sact_regimen"):
            folder.as_csv(table, change, suffix="TXT")

    return dress


def split(folder, table: str, name: Callable[[int], str], parts: int = 3) -> None:
    """Cut a Parquet table into parts of as many rows."""
    rows = pq.read_table(folder.file(table))
    folder.file(table).unlink()
    size = len(rows) // parts + 1
    for number in range(parts):
        path = folder.path / name(number)
        path.parent.mkdir(exist_ok=True)
        pq.write_table(rows.slice(number * size, size), path)


def a_file_a_year(folder) -> None:
    """Write admissions in two files, with columns in another order and another delimiter, and cycles by number."""
    file, names = folder.file("hes_apc"), pq.read_schema(folder.file("hes_apc")).names
    for year, where, order, sign in (("2015", "<", names, "|"), ("201617", ">=", names[::-1], ";")):
        rows = f"read_parquet('{file}', file_row_number = true) WHERE file_row_number {where} 1000"
        target = folder.path / f"hes_apc_{year}.txt"
        duckdb.execute(f"COPY (SELECT {', '.join(order)} FROM {rows}) TO '{target}' (HEADER, DELIMITER '{sign}')")
    file.unlink()
    split(folder, "sact_cycle", lambda n: f"SACT_CYCLE_part{n + 1}.parquet")


def as_spark(folder) -> None:
    """Write folders of parts, with what Spark leaves beside them."""
    for table, whole in (
        ("hes_apc", "hes_apc"),
        ("av_tumour", "av_tumour"),
        ("sact_drug_detail", "sim_sact_drug_detail"),
        ("ons_deaths", "new"),
    ):
        split(folder, table, lambda n, whole=whole: f"{whole}/part-{n:05}-3f-c000.snappy.parquet")
        for name in ("_SUCCESS", ".part-00000-3f-c000.snappy.parquet.crc", "._SUCCESS.crc"):
            (folder.path / whole / name).write_bytes(b"crc")
    (folder.path / "new").rename(folder.file("ons_deaths"))


def as_zip(folder) -> None:
    for table in ("av_patient", "sact_regimen"):
        folder.as_csv(table)
        with zipfile.ZipFile(folder.file(table, "zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(folder.file(table, "csv"), f"export/{table}.txt")
        folder.file(table, "csv").unlink()


def mix_line_ends(data: bytes) -> bytes:
    lines = data.split(b"\n")
    ends = [b"\r\n" if n % 3 else b"\n" for n in range(len(lines) - 1)]
    return b"".join(line + end for line, end in zip(lines, ends, strict=False))


def name_rows(data: bytes) -> bytes:
    """Put the numbers of rows before them, as R and pandas do."""
    header, *lines = data.splitlines(keepends=True)
    return b'"",' + header + b"".join(b'"%d",' % n + line for n, line in enumerate(lines))


DRESSES = {
    "vertical bars, Windows-1252": as_text("|", "cp1252"),
    "tabs, UTF-16": as_text("\t", "utf-16", "\r\n"),
    "semicolons, old Mac": as_text(";", "utf-8", "\r"),
    "a file a year": a_file_a_year,
    "folders of parts": as_spark,
    "zip": as_zip,
    "mixed line ends": as_csv(mix_line_ends),
    "names of rows": as_csv(name_rows, "av_patient", "sact_regimen"),
    "a delimiter at the end of every line": as_csv(lambda d: d.replace(b"\n", b",\n"), "av_patient", "sact_cycle"),
    "CSV": as_csv(lambda d: d),
    "CSV of everything wide": as_csv(lambda d: d, "hes_apc", "av_tumour", "ons_deaths"),
    "CSV without quotes": as_csv(lambda d: d.replace(b'"', b""), "sact_cycle"),
    "CR LF": as_csv(lambda d: d.replace(b"\n", b"\r\n")),
    "byte-order mark": as_csv(lambda d: b"\xef\xbb\xbf" + d),
    "latin-1": latin1,
    "gzip": as_gzip,
    "line ends in quotes": quote_newlines,
    "columns in another order": shuffle_columns,
    "extra columns": add_columns,
    "names in small letters": lower_names,
    "dates as timestamps": dates_as_timestamps,
    "dates as text": dates_as_text,
    "numbers as text": numbers_as_text,
    "identifiers as numbers": identifiers_as_numbers,
}


@pytest.fixture(scope="module")
def plain(extracts, tmp_path_factory):
    return read_tables(extracts["england"], tmp_path_factory.mktemp("plain") / "canonical")


@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES)
def test_another_dialect_reads_the_same(dress, copy, plain, tmp_path):
    folder = copy("england")
    dress(folder)
    tables, extract = read_tables(folder.path, tmp_path / "canonical")
    assert tables == plain[0]
    assert extract.quality == plain[1].quality


def test_extra_columns_are_listed_and_the_encoding_is_told(copy, tmp_path):
    folder = copy("england")
    add_columns(folder)
    latin1(folder)
    folder.as_csv("av_patient", lambda d: b"\xef\xbb\xbf" + d)
    extract = read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
    notes = {note.table: note for note in extract.files}
    # a name with a blank may be a person's: it is shown as a shape
    place = len(pq.read_schema(folder.file("av_tumour")))
    assert notes["av_tumour"].ignored[-2:] == ("FREE_TEXT", f"column {place} 'AAAAAAA AAA'")
    assert notes["sact_regimen"].encoding == "latin-1"
    assert notes["av_patient"].encoding == "utf-8 with byte-order mark"
    text = describe_extract(extract)
    assert "ANOTHER ONE" not in text
    for words in (f"FREE_TEXT, column {place} 'AAAAAAA AAA'", "latin-1", "with byte-order mark", "av_tumour.parquet"):
        assert words in re.sub(r"\n +", " ", text)


def test_a_table_that_may_be_absent(copy, plain, tmp_path):
    folder = copy("england")
    folder.file("cosd_recurrence").unlink()
    tables, _ = read_tables(folder.path, tmp_path / "canonical")
    assert tables["recurrences"] == {name: rows.slice(0, 0) for name, rows in plain[0]["recurrences"].items()}
    assert {name: table for name, table in tables.items() if name != "recurrences"} == {
        name: table for name, table in plain[0].items() if name != "recurrences"
    }


def test_blanks_around_identifiers_are_dropped_and_counted(copy, plain, tmp_path):
    folder = copy("england")
    folder.put("av_tumour", "PATIENTID", "' ' || PATIENTID || ' '", "n < 5")
    tables, extract = read_tables(folder.path, tmp_path / "canonical")
    assert tables == plain[0]
    assert [e["rows"] for e in extract.quality if (e["rule"], e["column"]) == ("white_space", "PATIENTID")] == [5]


def test_reading_twice_gives_the_same_bytes(extracts, tmp_path):
    for name in ("one", "two"):
        read_extract(READERS["ncrd"], extracts["england"], tmp_path / name, progress=lambda line: None)
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_checking_writes_nothing_and_finds_what_reading_finds(extracts, plain, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    extract = read_extract(READERS["ncrd"], extracts["england"], None, progress=lambda line: None)
    assert (extract.rows, extract.quality) == (plain[1].rows, plain[1].quality)
    assert list(tmp_path.iterdir()) == []


def test_reading_spills_rather_than_growing(extracts, plain, tmp_path, monkeypatch):
    monkeypatch.setattr("naome.extract.read.MEMORY_LIMIT", "300MB")
    tables, _ = read_tables(extracts["england-truth"], tmp_path / "canonical")
    duckdb.execute("SELECT 1")
    assert len(tables["diagnoses"]["code"]) > 100_000


def test_a_message_names_the_part_and_the_row_in_it(copy):
    folder = copy("england")
    folder.put("hes_apc", "DIAG_01", "'BREAST'", "n = 1500")
    folder.put("hes_apc", "STUDY_ID", "NULL", "n = 1000")
    folder.put("sact_cycle", "MERGED_CYCLE_ID", "(SELECT MERGED_CYCLE_ID FROM t WHERE n = 3)", "n = 400")
    a_file_a_year(folder)
    with pytest.raises(ExtractError) as error:
        read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
    said = str(error.value)
    # The first 1,000 records are in the first file, whose header is row 1
    assert "hes_apc_201617.txt: column DIAG_01, row 502: " in said
    assert "hes_apc_201617.txt: column STUDY_ID, row 2: empty identifier" in said
    cycles = pq.read_table(folder.path / "SACT_CYCLE_part1.parquet").num_rows
    part, row = 400 // cycles + 1, 400 % cycles + 1
    assert f"SACT_CYCLE_part{part}.parquet: column MERGED_CYCLE_ID, row {row}: 1 identifier is listed more than" in said


def test_a_rule_of_rows_names_the_part_and_the_row_in_it(copy):
    folder = copy("england")
    folder.put("sact_drug_detail", "MERGED_CYCLE_ID", "'0000000001'", "n = 300")
    folder.put("av_tumour", "AGE", "NULL", "n = 1100")
    as_spark(folder)
    drugs = pq.read_table(folder.path / "sim_sact_drug_detail" / "part-00000-3f-c000.snappy.parquet").num_rows
    stays = pq.read_table(folder.path / "av_tumour" / "part-00000-3f-c000.snappy.parquet").num_rows
    with pytest.raises(ExtractError) as error:
        read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
    said = str(error.value)
    name = f"part-{300 // drugs:05}-3f-c000.snappy.parquet"
    place = f"{name}: column MERGED_REGIMEN_ID of sact_regimen, row {300 % drugs + 1}"
    assert f"sim_sact_drug_detail/{place}: the drug belongs to no cycle" in said
    name = f"part-{1100 // stays:05}-3f-c000.snappy.parquet"
    assert f"av_tumour/{name}: column AGE, row {1100 % stays + 1:,}: not recorded" in said


def test_a_file_that_is_neither_table_nor_part_is_not_passed_over_and_another_table_is(copy):
    folder = copy("england")
    folder.file("av_tumour_old").write_bytes(folder.file("av_tumour").read_bytes())
    (folder.path / "hes_apc_maternity.csv").write_text("STUDY_ID,BIRWEIT\n1,3000\n")
    duckdb.execute(f"COPY (SELECT 1 AS STUDY_ID, 2 AS ACPDISP) TO '{folder.file('hes_apc_critical')}'")
    (folder.path / "hes_apc_documents").mkdir()
    (folder.path / "hes_apc_documents" / "layout.pdf").touch()
    with pytest.raises(ExtractError, match=r"1 problem; .*\n.*av_tumour_old\.parquet: is neither"):
        read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
    folder.file("av_tumour_old").unlink()
    read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)


@pytest.fixture(scope="module")
def clean(extracts, tmp_path_factory):
    return read_tables(extracts["clean-england"], tmp_path_factory.mktemp("clean") / "canonical")


@pytest.mark.parametrize(
    ("table", "column", "written"),
    [
        ("sact_regimen", "ENCORE_PATIENT_ID", "drugs"),
        ("sact_regimen", "MERGED_REGIMEN_ID", "drugs"),
        ("sact_drug_detail", "MERGED_CYCLE_ID", "drugs"),
        ("hes_apc", "STUDY_ID", "admissions"),
        ("av_patient", "PATIENTID", "people"),
    ],
)
def test_blanks_of_any_kind_around_identifiers_change_no_row(copy, clean, tmp_path, table, column, written):
    folder = copy("clean-england")
    (folder.path / "extract.json").unlink()
    blank = "[' ', chr(160), chr(12288)][1 + (n // 3) % 3]"
    folder.put(table, column, f"{blank} || {column} || {blank}", "n % 3 = 1")
    tables, extract = read_tables(folder.path, tmp_path / "canonical")
    assert tables[written] == clean[0][written]
    after, before = (
        sum(e["rows"] for e in each.quality if (e["rule"], e["column"]) == ("white_space", column))
        for each in (extract, clean[1])
    )
    assert after > before
