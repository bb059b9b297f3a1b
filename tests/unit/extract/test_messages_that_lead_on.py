"""Messages that name the cause: another spelling in one of several columns, a renamed column, a note, a suffix."""

from __future__ import annotations

import gzip
import re
import zipfile

import pytest

from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome.extract.column_names import find_misspelt
from naome.extract.folder import explain_missing
from naome.extract.problems import Problems
from naome.extract.traced_columns import list_necessary
from naome.extract.vocabulary import Vocabulary, check_shares
from naome.workflow.extract_report import describe_extract


def refusal(folder, source="ncrd"):
    with pytest.raises(ExtractError) as error:
        read_extract(READERS[source], folder.path, None, progress=lambda line: None)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("'0' || EPI_NUM AS EPI_NUM", "if leading zeros did not count"),
        ("EPI_NUM || '.0' AS EPI_NUM", "if a decimal point and zeros behind it did not count"),
        ("PROV_UNIT_CD || '00' AS PROV_UNIT_CD", "if the site behind the code of an organisation did not count"),
        ("EPI_NUM || 'x9' AS EPI_NUM", "a column is written in another way in one of the tables"),
    ],
)
def test_another_spelling_of_one_of_several_columns_is_named(copy, change, said):
    folder = copy("clean-wales")
    (folder.path / "extract.json").unlink()
    folder.edit("pedw_diag", f"SELECT * REPLACE ({change}) FROM t")
    message = refusal(folder, "wcn")
    assert said in message and "another project" not in message


@pytest.mark.parametrize("name", ["REG_DATE_OF_DEATH (yyyymmdd)", "ons-REG_DATE_OF_DEATH"])
def test_a_column_with_other_signs_in_its_name_is_pointed_at_without_its_name(copy, name):
    folder = copy("clean-england")
    folder.edit("ons_deaths", f'SELECT * RENAME (REG_DATE_OF_DEATH AS "{name}") FROM t')
    message = refusal(folder)
    assert re.search(r"column \d+ of the header seems to be it", message) and name not in message


@pytest.mark.parametrize(
    ("table", "column", "name"),
    [
        ("av_patient", "GENDER", "GENDR"),
        ("av_patient", "GENDER", "GENEDR"),
        ("av_patient", "GENDER", "GENDER1"),
        ("av_tumour", "STAGE_BEST", "STAGE_BST"),
        ("av_tumour", "GRADE", "GRDAE"),
        ("av_tumour", "GRADE", "GRAED"),
    ],
)
def test_a_misspelt_column_is_named_beside_the_others_of_its_table(copy, table, column, name):
    folder = copy("clean-england")
    folder.edit(table, f"SELECT * RENAME ({column} AS {name}) FROM t")
    message = refusal(folder)
    assert f"column {column} is missing (did you mean {name!r}?)" in message


@pytest.mark.parametrize(
    "header",
    [
        "1000000003,GENDR,GRADY,C50,SMITH,1931",  # no header: the first record
        "PATIENTID,TUMOURID,AGE,GENDER,STAGE1000000003,GRADY,C50,SMITH,1931,STAGG",  # runs into the first record
        "PATIENTID,TUMOURID,AGE,GENDER,STAGE,GRADY,SMITH",  # two strange names for one that is missing
        "PATIENTID,TUMOURID,GENDER,GRADE,STAGE,PAG",  # too short to be sure
    ],
)
def test_a_value_in_the_place_of_a_name_is_never_taken_for_a_misspelt_column(header):
    needed = {"PATIENTID", "TUMOURID", "AGE", "GENDER", "GRADE", "STAGE"}
    assert find_misspelt(header.split(","), needed) == frozenset()


def test_a_short_name_inside_another_is_no_hint(copy):
    folder = copy("clean-england")
    folder.edit("av_tumour", "SELECT * RENAME (AGE AS LANGUAGE) FROM t")
    assert "seems to be it" not in refusal(folder)


def test_a_note_below_a_table_is_named(copy):
    folder = copy("clean-england")
    (folder.path / "extract.json").unlink()
    folder.edit("ons_deaths", "SELECT * FROM t")
    import duckdb

    file = folder.path / "ons_deaths.parquet"
    duckdb.execute(f"COPY (SELECT * FROM '{file}') TO '{file.with_suffix('.csv')}' (HEADER)")
    file.unlink()
    with file.with_suffix(".csv").open("a") as text:
        text.write("686 rows\n")
    assert "is this a note below the table, such as a number of rows" in refusal(folder)


def test_files_whose_suffix_is_no_mark_of_a_part_are_named(tmp_path):
    for name in ("hes_apc_a.csv", "hes_apc_b.csv"):
        (tmp_path / name).write_text("A,B\n")
    said = explain_missing(tmp_path, "hes_apc", with_listing=False)
    assert "hes_apc_a.csv, hes_apc_b.csv is neither a year nor a number of a part" in said
    assert "did you mean" not in said


def test_a_share_just_above_its_limit_is_said_as_such(tmp_path):
    problems = Problems(tmp_path)
    found = Vocabulary("t", "C", unknown={"(AAA)": 223}, rows=4370, limit=0.05)
    check_shares([found], {"t": "t.csv"}, problems)
    assert "5.1% of 4,370 rows" in problems.messages[0] and "at most 5%" in problems.messages[0]


@pytest.mark.parametrize("left", [4, 1000])
def test_a_parquet_file_that_was_cut_off_is_to_be_copied_again(copy, left):
    folder = copy("clean-england")
    data = folder.file("ons_deaths").read_bytes()
    folder.file("ons_deaths").unlink()
    folder.file("ons_deaths").write_bytes(data[:left])
    message = refusal(folder)
    assert (
        "not a Parquet file, or cut off; allowed: a whole file. Hint: copy the file again, and compare its" in message
    )


@pytest.mark.parametrize("suffix", ["csv.gz", "zip"])
def test_a_packed_file_that_was_cut_off_is_to_be_copied_again(copy, suffix):
    folder = copy("clean-england")
    folder.as_csv("ons_deaths")
    text = folder.file("ons_deaths", "csv")
    packed = folder.path / f"ons_deaths.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(text, text.name)
    else:
        packed.write_bytes(gzip.compress(text.read_bytes()))
    text.unlink()
    packed.write_bytes(packed.read_bytes()[:-300])
    assert "damaged or cut off; allowed: a whole file. Hint: copy the file again, and compare its" in refusal(folder)


def test_the_page_says_that_nothing_is_missing_and_what_the_source_never_has(copy):
    extract = read_extract(READERS["ncrd"], copy("clean-england").path, None, progress=lambda line: None)
    absent = describe_extract(extract).partition("## Absent")[2]
    assert "Nothing is missing that this source could supply." in absent
    assert "This source never has: " in absent and "level of the oestrogen receptor (tumours)" in " ".join(
        absent.split()
    )
    lacking = describe_extract(extract, ["This extract has no HER2."]).partition("## Absent")[2]
    assert "- This extract has no HER2." in lacking and "Nothing is missing" not in lacking


def test_the_name_of_another_item_is_not_said_to_be_the_missing_column(copy):
    folder = copy("clean-england")
    folder.edit("av_tumour", "SELECT * EXCLUDE (STAGE_BEST), '1' AS STAGE_BEST_SYSTEM FROM t")
    message = refusal(folder)
    assert "column STAGE_BEST is missing" in message and "rename it" not in message
    assert "add an empty column of this name" in message


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("clean-england", "av_tumour", "STATUSOFREGISTRATION"),
        ("clean-england", "av_tumour", "AGE"),
        ("clean-england", "ons_deaths", "REG_DATE_OF_DEATH"),
        ("clean-wales", "pedw_spell", "ALF_STS_CD"),
        ("clean-wales", "organisations", "ORG_NAME"),
    ],
)
def test_a_column_that_every_record_needs_may_not_be_empty(copy, name, table, column):
    folder = copy(name)
    folder.edit(table, f"SELECT * EXCLUDE ({column}) FROM t")
    message = refusal(folder, load_params(name.removeprefix("clean-")).source)
    assert f"column {column} is missing" in message and "empty column" not in message
    assert "nearly every record needs a value of it: ask for an extract that has the column" in message


def test_another_published_item_is_not_suggested(copy):
    folder = copy("clean-england")
    folder.edit("av_tumour", "SELECT * EXCLUDE (M_BEST) FROM t")
    message = refusal(folder)
    assert "T_BEST" in message and "column M_BEST is missing; the file has" in message


def test_an_empty_column_by_which_records_link_is_named_with_its_table(copy):
    folder = copy("clean-wales")
    folder.put("pedw_spell", "ALF_STS_CD", "NULL", "true")
    assert (
        "pedw_episode.parquet: columns ALF_STS_CD of pedw_spell and ALF_PE of pedw_spell, row 1: the rule "
        in refusal(folder, "wcn")
    )


@pytest.mark.parametrize("name", ["ncrd", "rcrd", "wcn"])
def test_necessary_columns_are_known_from_what_readers_do(name):
    """None of them is one of several that will do, and none is an item that may be missing."""
    needed = {column for _, column in list_necessary(READERS[name])}
    assert not needed & {"ADMIDATE", "EPISTART", "STAGE_BEST", "M_CATEGORY", "GENDER", "ETHNICITY", "OPER_DT", "CNS"}
    assert {"ncrd": "APPTDATE", "rcrd": "VITALSTATUSDATE", "wcn": "DIAG_NUM"}[name] in needed


def test_no_empty_columns_are_asked_for_where_most_are_missing(copy):
    folder = copy("clean-england")
    folder.edit("sact_cycle", "SELECT MERGED_REGIMEN_ID, 'x' AS REASON FROM t")
    message = refusal(folder)
    assert "column START_DATE_OF_CYCLE is missing" in message and "empty column" not in message


def test_a_line_that_a_program_drew_below_the_header_is_named(copy):
    folder = copy("clean-england")
    folder.as_csv("ons_deaths", draw_line)
    assert "ons_deaths.csv: row 2: a line of hyphens; allowed: records below the header. Hint: delete" in refusal(
        folder
    )


def draw_line(data: bytes) -> bytes:
    header, _, rest = data.partition(b"\n")
    return header + b"\n" + b",".join(b"-" * 10 for _ in header.split(b",")) + b"\n" + rest
