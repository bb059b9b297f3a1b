"""Parquet: parts, columns without a type, and columns that are not read."""

import datetime as dt
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.extract.files import open_table
from naome.extract.folder import find_table

EXPECTED = frozenset({"KEY", "NAME"})


@pytest.fixture
def read(tmp_path, connection):
    """Write tables to Parquet files of table t and open them."""

    def run(files: dict[str, pa.Table]):
        for name, table in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            pq.write_table(table, tmp_path / name)
        return open_table(connection, find_table(tmp_path, "t"), tmp_path, EXPECTED)

    return run


def rows_of(connection, file, columns="KEY, NAME, row_"):
    return connection.execute(f"SELECT {columns} FROM {file.view} ORDER BY row_").fetchall()


def test_parts_are_one_table_whose_rows_are_told_by_part(read, connection):
    file = read(
        {
            "t.parquet/part-00000.parquet": pa.table({"KEY": [1, 2], "NAME": ["a", None]}),
            "t.parquet/part-00001.parquet": pa.table(
                {"NAME": pa.array([], pa.string()), "KEY": pa.array([], pa.int64())}
            ),
            "t.parquet/part-00002.parquet": pa.table({"name": ["c"], "key": [3]}),
        }
    )
    assert rows_of(connection, file) == [(1, "a", 0), (2, None, 1), (3, "c", 2)]
    assert file.rows == 3
    assert file.locate(2, "column KEY") == "t.parquet/part-00002.parquet: column KEY, row 1"


def test_a_column_without_a_type_reads_as_empty(read, connection):
    file = read({"t.parquet": pa.table({"KEY": [1], "NAME": pa.nulls(1)})})
    assert file.columns["NAME"] == "VARCHAR" and "NAME" in file.empty
    assert rows_of(connection, file) == [(1, None, 0)]


def test_a_column_without_a_type_in_one_part_takes_that_of_the_others(read, connection):
    day = dt.date(2020, 1, 1)
    file = read(
        {
            "t_1.parquet": pa.table({"KEY": [1], "NAME": pa.nulls(1)}),
            "t_2.parquet": pa.table({"KEY": [2], "NAME": [day]}),
        }
    )
    assert file.columns["NAME"] == "DATE" and "NAME" not in file.empty
    assert rows_of(connection, file) == [(1, None, 0), (2, day, 1)]


def test_a_part_without_rows_says_nothing_of_its_types(read, connection):
    nothing = pa.table({"KEY": pa.array([], pa.int64()), "NAME": pa.nulls(0)})
    file = read({"t_1.parquet": nothing, "t_2.parquet": pa.table({"KEY": [2], "NAME": pa.nulls(1, pa.binary())})})
    assert file.columns["NAME"] == "VARCHAR" and "NAME" in file.empty
    assert rows_of(connection, file) == [(2, None, 0)]


def test_a_table_of_parts_without_rows_has_none(read, connection):
    nothing = pa.table({"KEY": pa.array([], pa.int64()), "NAME": pa.nulls(0)})
    file = read({"t_1.parquet": nothing, "t_2.parquet": nothing})
    assert rows_of(connection, file) == [] and file.rows == 0


def test_a_type_that_is_not_read_is_not_hidden_by_the_other_parts(read):
    text = pa.table({"KEY": [2], "NAME": ["b"]})
    file = read({"t_1.parquet": pa.table({"KEY": [1], "NAME": [b"a"]}), "t_2.parquet": text})
    assert file.columns["NAME"] == "BLOB"


@pytest.mark.parametrize("name", ["file_row_number", "FILENAME", "file_index", "row_", ""])
def test_a_column_that_the_database_names_itself_is_not_read(read, connection, name):
    file = read({"t.parquet": pa.table({"KEY": [1, 2], name: [7, 8], "NAME": ["a", "b"]})})
    assert rows_of(connection, file) == [(1, "a", 0), (2, "b", 1)]
    assert set(file.columns) == {"KEY", "NAME"}


@pytest.mark.parametrize("spelling", [" KEY", "key ", "Key", "\tkey"])
def test_parts_may_spell_the_names_of_columns_in_another_way(read, connection, spelling):
    if "\t" in spelling:
        with pytest.raises(ExtractError, match="control character"):
            read({"t.parquet": pa.table({spelling: [1], "NAME": ["a"]})})
        return
    file = read(
        {
            "t_1.parquet": pa.table({spelling: [1], "NAME": ["a"]}),
            "t_2.parquet": pa.table({"KEY": [2], "name ": ["b"]}),
        }
    )
    assert rows_of(connection, file) == [(1, "a", 0), (2, "b", 1)]


def test_many_parts_stand_in_the_order_of_their_numbers(read, connection):
    file = read({f"t_part{n}.parquet": pa.table({"KEY": [n, n], "NAME": ["a", "b"]}) for n in range(1, 14)})
    rows = rows_of(connection, file)
    assert [row[0] for row in rows] == [n for n in range(1, 14) for _ in "ab"]
    assert [file.locate(row) for _, name, row in rows if name == "b"] == [
        f"t_part{n}.parquet: row 2" for n in range(1, 14)
    ]


def test_parquet_packed_by_gzip_is_read(tmp_path, connection):
    pq.write_table(pa.table({"KEY": [1], "NAME": ["a"]}), tmp_path / "plain")
    (tmp_path / "t.parquet.gz").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    file = open_table(connection, find_table(tmp_path, "t"), tmp_path, EXPECTED)
    assert rows_of(connection, file) == [(1, "a", 0)]


def test_parts_of_two_kinds_are_refused(read, tmp_path):
    (tmp_path / "t_1.csv").write_text("KEY,NAME\n1,a\n")
    with pytest.raises(ExtractError, match=r"t_2\.parquet.*t_1\.csv.*Hint: "):
        read({"t_2.parquet": pa.table({"KEY": [1], "NAME": ["a"]})})


def test_a_control_character_in_a_name_is_refused(read):
    with pytest.raises(ExtractError, match="control character"):
        read({"t.parquet": pa.table({"KEY": [1], "NAME": ["a"], "x\ny": [1]})})


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("encode(GRADE)", "BLOB"),
        ("[GRADE]", r"VARCHAR\[\]"),
        ("{'a': GRADE}", "STRUCT"),
        ("TIME '12:00'", "TIME"),
    ],
)
def test_types_that_are_not_read_matter_only_where_the_column_is_wanted(copy, expression, kind):
    folder = copy("wales")
    folder.edit("wcn_registration", f"SELECT *, {expression.replace('GRADE', 'SEX_AT_BIRTH')} AS UNREAD FROM t")
    read_extract(READERS["wcn"], folder.path, None, progress=lambda line: None)
    replaced = expression.replace("GRADE", "SEX_AT_BIRTH")
    folder.edit("wcn_registration", f"SELECT * REPLACE ({replaced} AS SEX_AT_BIRTH) FROM t")
    with pytest.raises(ExtractError, match=rf"column SEX_AT_BIRTH: is of type {kind}.*Hint: "):
        read_extract(READERS["wcn"], folder.path, None, progress=lambda line: None)


def test_an_empty_column_of_a_whole_extract_written_without_a_type_is_read(copy):
    folder = copy("wales")
    table = pq.read_table(folder.file("pedw_oper"))
    place = table.schema.get_field_index("OPER_DT")
    folder.file("pedw_oper").unlink()
    pq.write_table(table.set_column(place, "OPER_DT", pa.nulls(len(table))), folder.file("pedw_oper"))
    extract = read_extract(READERS["wcn"], folder.path, None, progress=lambda line: None)
    assert extract.raw_rows["pedw_oper"] == len(table)
