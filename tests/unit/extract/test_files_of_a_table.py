"""Which files of a folder are a table: one, or its parts; names with two meanings are refused, and say what to do."""

import os
import re
import shutil
import socket
import zipfile

import duckdb
import pandas as pd
import pytest

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.extract.folder import explain_missing, find_table, list_inputs, read_tag

OTHERS = ("hes_apc", "sact_cycle", "sact_cycle_extra", "av_tumour")


def lay_out(folder, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif name.endswith(".zip"):
            write_zip(path, path.stem + ".csv")
        else:
            path.write_text("A,B\n")


def write_zip(path, *members: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(member, "A,B\n")


def names_of(folder, table: str, **options) -> list[str] | None:
    found = find_table(folder, table, OTHERS, **options)
    return None if found is None else [source.name for source in found.sources]


@pytest.mark.parametrize(
    "name",
    [
        "hes_apc.parquet", "HES_APC.PARQUET", "sim_hes_apc.csv", "Sim_Hes_Apc.Txt", "hes_apc.tsv", "hes_apc.csv.gz",
        "hes_apc.txt.GZ", "hes_apc.tsv.gz", "hes_apc.parquet.gz", "hes_apc.zip", "hes_apc_2019.txt", "hes_apc2019.csv",
        "hes_apc.csv.zip", "HES_APC.DAT", "hes_apc.psv", "hes_apc.tab.gz", "hes-apc.csv", "HES APC.csv",
    ],
)  # fmt: skip
def test_a_file_of_any_readable_kind_is_the_table(tmp_path, name):
    lay_out(tmp_path, name)
    assert names_of(tmp_path, "hes_apc") == [name]


@pytest.mark.parametrize(
    "names",
    [
        ["hes_apc_2018.txt", "hes_apc_2019.txt", "hes_apc_2020.csv"],
        ["hes_apc_201819.csv", "hes_apc_201920.csv"],
        ["hes_apc-2019.csv", "HES_APC_2020.csv", "sim_hes_apc_2021.csv"],
        ["hes_apc_2018-19.csv", "hes_apc_2019_2020.csv"],
        ["hes_apc_2018.csv", "hes_apc_201920.csv"],
        ["hes_apc_fy1819.csv", "hes_apc_fy1920.csv"],
        ["hes_apc_part1.csv", "hes_apc_part2.csv.gz", "hes_apc_part3.txt"],
        ["hes_apc_0.csv", "hes_apc_1.csv"],
        ["hes_apc_1of2.csv", "hes_apc_2of2.csv"],
        ["hes_apc_2019_q1.csv", "hes_apc_2019_q2.csv"],
        ["hes_apc_2019_part1.csv", "hes_apc_2019_part2.csv", "hes_apc_2020_part1.csv"],
        ["hes_apc.part-00000.parquet", "hes_apc.part-00002.parquet"],
        ["hes_apc.part-00000-3fa2-c000.snappy.parquet", "hes_apc.part-00001-3fa2-c000.snappy.parquet"],
    ],
    ids=lambda names: names[0],
)
def test_files_by_year_or_number_are_parts_in_their_order(tmp_path, names):
    lay_out(tmp_path, *reversed(names))
    assert names_of(tmp_path, "hes_apc") == names


def test_ten_parts_stand_in_the_order_of_their_numbers(tmp_path):
    names = [f"hes_apc_part{n}.csv" for n in range(1, 12)]
    lay_out(tmp_path, *names)
    assert names_of(tmp_path, "hes_apc") == names


@pytest.mark.parametrize("folder", ["hes_apc", "hes_apc.parquet", "HES_APC.csv", "sim_hes_apc"])
def test_a_folder_named_as_the_table_holds_its_parts(tmp_path, folder):
    lay_out(
        tmp_path, f"{folder}/part-00000-3f-c000.parquet", f"{folder}/part-00001-3f-c000.parquet", f"{folder}/_SUCCESS",
        f"{folder}/.part-00000-3f-c000.parquet.crc", f"{folder}/_metadata", f"{folder}/_common_metadata",
        f"{folder}/.hidden.parquet", f"{folder}/part-00000.parquet.crc", f"{folder}/_committed_12",
    )  # fmt: skip
    expected = [f"{folder}/part-0000{n}-3f-c000.parquet" for n in (0, 1)]
    assert names_of(tmp_path, "hes_apc") == expected


@pytest.mark.parametrize(
    "inside", [["2019.csv", "2020.csv"], ["north.csv", "south.csv"], ["hes_apc_202001.csv", "hes_apc_202002.csv"]]
)
def test_in_a_folder_of_the_table_everything_is_a_part(tmp_path, inside):
    lay_out(tmp_path, *(f"hes_apc/{name}" for name in inside))
    assert names_of(tmp_path, "hes_apc") == [f"hes_apc/{name}" for name in inside]


def test_a_folder_a_year_holds_the_parts_of_the_year(tmp_path):
    lay_out(tmp_path, "hes_apc_2019/part-0.csv", "hes_apc_2019/part-1.csv", "hes_apc_2020/part-0.csv")
    assert len(names_of(tmp_path, "hes_apc")) == 3


@pytest.mark.parametrize(
    "inside",
    [
        ["2019/hes_apc.csv", "2020/hes_apc.csv"],
        ["YEAR=2019/part-0.csv", "YEAR=2019/part-1.csv", "YEAR=2020/part-0.csv"],
        ["FYEAR=201920/data.txt", "FYEAR=202021/data.txt"],
        ["2019Q1/a.csv", "2019Q2/a.csv"],
    ],
    ids=lambda names: names[0],
)
def test_parts_in_folders_by_time_are_read_in_their_order(tmp_path, inside):
    lay_out(tmp_path, *(f"hes_apc/{name}" for name in inside))
    assert names_of(tmp_path, "hes_apc") == [f"hes_apc/{name}" for name in inside]
    shutil.rmtree(tmp_path / "hes_apc")
    write_zip(tmp_path / "hes_apc.zip", *inside)
    assert [source.member for source in find_table(tmp_path, "hes_apc").sources] == inside


@pytest.mark.parametrize(
    "members",
    [["anything.txt"], ["hes_apc_2019.txt", "hes_apc_2020.txt"], ["in/hes_apc.csv"], ["hes_apc.csv.gz"]],
)
def test_a_zip_file_holds_one_text_or_parts(tmp_path, members):
    write_zip(tmp_path / "hes_apc.zip", *members, "__MACOSX/._x", ".DS_Store", "_SUCCESS")
    assert [source.member for source in find_table(tmp_path, "hes_apc").sources] == members


@pytest.mark.parametrize("other", ["sact_cycle_extra.csv", "sact_cycle_extra_2019.csv", "sim_sact_cycle_extra.csv"])
def test_a_table_does_not_take_the_files_of_one_whose_name_begins_the_same(tmp_path, other):
    lay_out(tmp_path, "sact_cycle.csv", other)
    assert names_of(tmp_path, "sact_cycle", holds=lambda source: True) == ["sact_cycle.csv"]
    (tmp_path / "sact_cycle.csv").unlink()
    assert names_of(tmp_path, "sact_cycle") is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["hes_apc.csv", "hes_apc.parquet"], "2 files for table hes_apc"),
        (["hes_apc.csv", "sim_hes_apc.csv"], "2 files"),
        (["hes_apc.csv", "hes_apc.csv.gz"], "2 files"),
        (["hes_apc.csv", "hes_apc/part-0.csv"], "2 files"),
        (["hes_apc.csv", "hes_apc_2019.csv"], "whole table hes_apc and parts"),
        (["hes_apc/part-0.csv", "hes_apc_2019.csv"], "whole table hes_apc and parts"),
        (["hes_apc_2019.csv", "hes_apc_2019.txt"], "same part"),
        (["hes_apc_2019.csv", "HES_APC-2019.csv"], "same part"),
        (["hes_apc_2019.csv", "hes_apc_201920.csv"], "same part"),
        (["hes_apc_2019.csv", "hes_apc_part1.csv"], "number and by year"),
        (["hes_apc_part1.csv", "hes_apc_part3.csv"], "part 2 is not there"),
        (["hes_apc_part2.csv"], "part 1 is not there"),
        (["hes_apc_1of3.csv", "hes_apc_2of3.csv"], "part 3 is not there"),
        (["hes_apc_20240131.csv", "hes_apc_20240229.csv"], "delivered anew"),
        (["hes_apc_202401.csv", "hes_apc_202402.csv"], "delivered anew"),
        (["hes_apc/hes_apc.csv", "hes_apc/hes_apc_2019.csv"], "hes_apc.csv beside other parts"),
        (["hes_apc/2019.csv", "hes_apc/2019 (1).csv"], r"2019 \(1\)\.csv beside other parts"),
        (["hes_apc/north.csv", "hes_apc/north copy.csv"], "north copy.csv beside"),
        (["hes_apc/part1.csv", "hes_apc/part1.txt"], "same part"),
        (["hes_apc/part-0.csv", "hes_apc/notes.docx"], "holds notes.docx, which is no part"),
        (["hes_apc/north/part-0.csv"], "holds north, which is no part"),
        (["hes_apc/2019/x/part-0.csv"], "holds x, which is no part"),
        (["hes_apc/2019/a.csv", "hes_apc/2019/a copy.csv", "hes_apc/2020/a.csv"], "a copy.csv beside"),
        (["hes_apc/2019/a.csv", "hes_apc/2021/a.csv"], "no file for 2020"),
        (["hes_apc/2019/a.csv", "hes_apc/YEAR=2019/a.csv"], "the same part"),
        (["hes_apc/_SUCCESS"], "folder without a part"),
        (["hes_apc/"], "folder without a part"),
        (["hes_apc/part-0.csv", "hes_apc/_temporary/x"], "has not finished"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_names_with_two_meanings_are_refused_with_what_to_do(tmp_path, names, said):
    lay_out(tmp_path, *names)
    with pytest.raises(ExtractError, match=said) as error:
        find_table(tmp_path, "hes_apc", OTHERS)
    assert "Hint: " in str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        "av_tumour_old.csv", "av_tumour (1).csv", "av_tumour copy.csv", "av_tumour - Copy.csv", "av_tumour_v2.csv",
        "av_tumour_final.parquet", "av_tumour.bak.csv", "av_tumour_2019_old.csv", "av_tumour_north.txt",
        "sim_av_tumour_new.csv", "av_tumour_old.zip", "av_tumour_old/part-0.csv",
    ],
)  # fmt: skip
@pytest.mark.parametrize("beside", ["av_tumour.csv", "av_tumour_2019.csv"])
def test_another_copy_beside_a_table_is_not_passed_over(tmp_path, name, beside):
    lay_out(tmp_path, beside, name)
    with pytest.raises(ExtractError, match=re.escape(name.split("/")[0])) as error:
        find_table(tmp_path, "av_tumour", OTHERS, lambda source: True)
    assert beside in str(error.value) and "move out of the folder" in str(error.value)


def test_another_table_whose_name_begins_the_same_is_told_by_its_columns(tmp_path):
    lay_out(tmp_path, "hes_apc.csv", "hes_apc_maternity.csv")
    assert names_of(tmp_path, "hes_apc", holds=lambda source: False) == ["hes_apc.csv"]


def test_a_copy_alone_is_not_taken_for_the_table(tmp_path):
    lay_out(tmp_path, "av_tumour_old.csv")
    assert names_of(tmp_path, "av_tumour", holds=lambda source: True) is None
    assert "av_tumour_old.csv" in explain_missing(tmp_path, "av_tumour", with_listing=True)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (["a.txt", "b.txt"], "a.txt, b.txt"),
        (["hes_apc_2019.txt", "notes.pdf"], "notes.pdf"),
        (["x.parquet"], "x.parquet"),
        (["north/hes_apc.csv", "south/hes_apc.csv"], "beside other parts"),
        (["2019/hes_apc.csv", "2021/hes_apc.csv"], "no file for 2020"),
        (["../hes_apc.csv"], "outside itself"),
        ([], "holds nothing"),
    ],
)
def test_a_zip_file_with_other_members_is_refused_with_what_to_do(tmp_path, members, said):
    write_zip(tmp_path / "hes_apc.zip", *members)
    with pytest.raises(ExtractError, match=said) as error:
        find_table(tmp_path, "hes_apc")
    assert "Hint: " in str(error.value)


def test_an_encrypted_and_a_damaged_zip_file_get_a_sentence(tmp_path):
    file = tmp_path / "hes_apc.zip"
    write_zip(file, "hes_apc.csv")
    whole = file.read_bytes()
    marked = whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    assert marked != whole
    file.write_bytes(marked)
    with pytest.raises(ExtractError, match=r"hes_apc\.zip: the zip file is encrypted; .*Hint: unpack it"):
        find_table(tmp_path, "hes_apc")
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExtractError, match=r"hes_apc\.zip: not readable: the zip file is damaged or cut off"):
        find_table(tmp_path, "hes_apc")


@pytest.mark.parametrize("name", ["hes_apc.csv", "hes_apc_2019.txt", "hes_apc.parquet/part-0.parquet"])
def test_a_pipe_or_socket_is_refused_and_not_waited_for(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(ExtractError, match="pipe or a device"):
        find_table(tmp_path, "hes_apc")
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with pytest.raises(ExtractError, match="pipe or a device"):
            find_table(tmp_path, "hes_apc")


def test_the_inputs_are_the_files_that_are_read_and_no_others(tmp_path):
    lay_out(tmp_path, "HES_APC_2019.TXT", "hes_apc_2020.txt", "sact_cycle/part-0.csv", "readme.txt", "av_tumour.zip")
    found = [path.relative_to(tmp_path).as_posix() for path in list_inputs(tmp_path, OTHERS)]
    assert sorted(found) == ["HES_APC_2019.TXT", "av_tumour.zip", "hes_apc_2020.txt", "sact_cycle/part-0.csv"]


def test_a_kind_of_file_that_is_not_read_is_named(tmp_path):
    lay_out(tmp_path, "hes_apc.xlsx")
    assert "hes_apc.xlsx is of a kind that is not read" in explain_missing(tmp_path, "hes_apc", with_listing=False)
    assert "did you mean" not in explain_missing(tmp_path, "hes_apc", with_listing=True)


@pytest.mark.parametrize("rest", ["_old", " (1)", "_v2", "x", "_20191399", "_2019_old", "_part-1 copy", "_2019_backup"])
def test_what_is_no_mark_of_a_part(rest):
    assert read_tag(rest) is None


@pytest.fixture(scope="module")
def whole(extracts, tmp_path_factory):
    """Canonical tables of an extract in a folder of a plain name."""
    out = tmp_path_factory.mktemp("whole") / "out"
    read_extract(READERS["ncrd"], extracts["england"], out, progress=lambda line: None)
    return {file.name: pd.read_parquet(file) for file in out.glob("*.parquet")}


@pytest.mark.parametrize("name", ["extract [2020]", "what? *", "a*b"])
def test_a_folder_may_have_brackets_and_asterisks_in_its_name(extracts, whole, tmp_path, name):
    folder = tmp_path / name / "files"
    shutil.copytree(extracts["england"], folder)
    shutil.copytree(extracts["wales"], tmp_path / "extract 2" / "files")
    # the other tables are in Parquet
    for table, suffix, packed in (("av_patient", "csv", "NONE"), ("hes_apc", "csv.gz", "GZIP")):
        duckdb.execute(
            f"COPY (FROM '{extracts['england']}/{table}.parquet') TO '{tmp_path}/new' (FORMAT csv, "
            f"HEADER, COMPRESSION {packed})"
        )
        (folder / f"{table}.parquet").unlink()
        (tmp_path / "new").rename(folder / f"{table}.{suffix}")
    read_extract(READERS["ncrd"], folder, folder.parent / "out", progress=lambda line: None)
    assert len(whole) > 8
    for file, table in whole.items():
        assert table.equals(pd.read_parquet(folder.parent / "out" / file))


def split_by_year(folder, years, tag="{year}") -> None:
    for year in years:
        rows = f"n % {len(years)} = {list(years).index(year)}"
        duckdb.execute(
            f"COPY (SELECT * EXCLUDE (n) FROM (SELECT *, row_number() OVER () AS n FROM '{folder.file('hes_apc')}') "
            f"WHERE {rows}) TO '{folder.path}/hes_apc_{tag.format(year=year)}.csv' (FORMAT csv, HEADER)"
        )
    folder.file("hes_apc").unlink()


@pytest.mark.parametrize(
    ("years", "tag", "gone"),
    [
        ((2018, 2020), "{year}", "2019"),
        ((2018, 2019, 2022), "fy{year}", "2020, 2021"),
        (("2019_q1", "2019_q2", "2020_q1"), "{year}", "2019 Q3, 2019 Q4"),
    ],
)
def test_a_year_that_is_missing_between_others_is_refused(copy, years, tag, gone):
    folder = copy("england")
    split_by_year(folder, years, tag)
    with pytest.raises(ExtractError, match=f"hes_apc: no file for {gone}, only"):
        read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)


@pytest.mark.parametrize(
    "years", [(2018, 2019, 2020), ("2019_q4", "2020_q1"), ("201819", "201920"), ("fy1819", "fy1920", "fy2021")]
)
def test_years_that_follow_each_other_are_read(copy, extracts, years):
    folder = copy("england")
    split_by_year(folder, years)
    extract = read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
    assert (
        extract.raw_rows["hes_apc"]
        == duckdb.execute(f"SELECT count(*) FROM '{extracts['england']}/hes_apc.parquet'").fetchone()[0]
    )


@pytest.mark.parametrize("empty", [True, False])
def test_the_same_file_for_two_years_is_refused_unless_it_is_empty(copy, empty):
    folder = copy("england")
    split_by_year(folder, (2018, 2019, 2020))
    file, other = (folder.path / f"hes_apc_{year}.csv" for year in (2019, 2020))
    if empty:
        for part in (file, other):
            part.write_text(part.read_text().splitlines()[0] + "\n")
        (folder.path / "extract.json").unlink()
        assert read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None).raw_rows["hes_apc"]
        return
    other.write_bytes(file.read_bytes())
    with pytest.raises(ExtractError, match="hes_apc_2019.csv and hes_apc_2020.csv: are the same file"):
        read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
