"""Names that stand in files reach SQL in one way only, and the database reaches no file but those of the extract."""

import ast
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import naome.extract
from naome.core.errors import ExtractError
from naome.extract import READERS, read, read_extract
from naome.extract.column_names import show_column
from naome.extract.folder import list_inputs
from naome.extract.sql import quote_name, quote_path, quote_text

ROOM = Path(naome.extract.__file__).parent


def find_quoted_names(code: str) -> list[int]:
    """Return the lines in which a quotation mark stands before a name that is put into a text."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            for before, after in zip(node.values, node.values[1:], strict=False):
                quoted = isinstance(before, ast.Constant) and str(before.value).endswith('"')
                if quoted and isinstance(after, ast.FormattedValue):
                    found.append(after.lineno)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and ('"{' in node.value or '"%s' in node.value)
        ):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("file", sorted(ROOM.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOM)))
def test_no_name_is_quoted_by_hand(file):
    assert find_quoted_names(file.read_text(encoding="utf-8")) == []


def test_the_search_finds_a_name_that_is_quoted_by_hand():
    assert find_quoted_names("f'SELECT \"{name}\"'") == [1]
    assert find_quoted_names("'SELECT \"{}\"'.format(name)") == [1]
    assert find_quoted_names("f'SELECT {name}'") == []


@pytest.mark.parametrize("name", ['a"b', '"', '""', "a'b", "a; DROP TABLE x; --", "a\\b", "ä b", "{}", "%s", "$1", "?"])
def test_any_name_and_text_is_only_a_name_and_a_text(name):
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT {quote_text(name)} AS {quote_name(name)}")
        assert connection.execute(f"SELECT {quote_name(name)} FROM t").fetchall() == [(name,)]
        assert [row[0] for row in connection.execute("DESCRIBE t").fetchall()] == [name]


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00b", "a\x1bb", "a\x7f", "a\x85b"])
def test_an_empty_name_or_one_with_a_control_character_never_reaches_sql(name):
    with pytest.raises(ValueError, match="control character"):
        quote_name(name)


@pytest.mark.parametrize("name", ["[a].parquet", "a*.parquet", "a?.parquet", "it's [b]*.parquet"])
def test_a_path_is_no_pattern(tmp_path, name):
    for other in (name, "a.parquet", "ab.parquet"):
        pq.write_table(pa.table({"N": [other]}), tmp_path / other)
    rows = duckdb.execute(f"SELECT N FROM read_parquet({quote_path(tmp_path / name)})").fetchall()
    assert rows == [(name,)]


def attack(secret: Path, target: Path, before: str) -> str:
    """Return a column name that, if it got into SQL as it stands, would read one file and write another."""
    return (
        f"note{before}, 0 AS {before}row_{before} FROM read_parquet(lower('x')); COPY (SELECT content FROM "
        f"read_text(lower('{secret}'))) TO '{target}'; --"
    )


@pytest.mark.parametrize("before", ['"', '""', "'", "`", ""])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_column_name_runs_no_sql(copy, tmp_path, monkeypatch, before, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("a secret")
    name = attack(tmp_path / "secret", Path("PWNED.CSV"), before)
    folder = copy("wales")
    last = len(pq.read_schema(folder.file("organisations"))) + 1
    for table in ("organisations", "pedw_oper"):
        held = pq.read_table(folder.file(table))
        folder.file(table).unlink()
        pq.write_table(held.append_column(name, pa.array(["1"] * len(held))), folder.file(table))
        if kind == "csv":
            folder.as_csv(table)
    extract = read_extract(READERS["wcn"], folder.path, None, progress=lambda line: None)
    assert {note.table: note.ignored[-1:] for note in extract.files}["organisations"] == (
        show_column(name.upper().strip(), last),
    )
    assert not list(tmp_path.glob("PWNED*"))


@pytest.fixture
def confined(tmp_path):
    """A connection as reading opens it, for the folder ``extract`` with one file, and a file outside."""
    (tmp_path / "extract").mkdir()
    (tmp_path / "scratch").mkdir()
    (tmp_path / "outside.csv").write_text("A\n1\n")
    (tmp_path / "extract" / "av_patient.csv").write_text("A\n1\n")
    (tmp_path / "extract" / "other.csv").write_text("A\n1\n")
    with read._connect(tmp_path / "scratch", list_inputs(tmp_path / "extract", ["av_patient"])) as connection:
        yield connection


def test_the_database_reads_the_files_of_the_extract_and_writes_to_scratch(confined, tmp_path):
    inside = tmp_path / "extract" / "av_patient.csv"
    assert confined.execute(f"SELECT A FROM read_csv('{inside}')").fetchall() == [(1,)]
    confined.execute(f"COPY (SELECT 1 AS A) TO '{tmp_path / 'scratch' / 'x.parquet'}'")
    confined.execute("CREATE TABLE big AS SELECT hash(i) AS h FROM range(100000) t(i)")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{0}/outside.csv')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_text('{0}/extract/../outside.csv')",
        "SELECT * FROM read_csv('{0}/extract/other.csv')",
        "SELECT * FROM glob('{0}/*')",
        "SELECT * FROM '{0}/outside.csv'",
        "COPY (SELECT 1) TO '{0}/written.csv'",
        "COPY (SELECT 1) TO '{0}/extract/written.csv'",
        "ATTACH '{0}/other.db'",
        "EXPORT DATABASE '{0}/exported'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '1TB'",
        "INSTALL httpfs",
        "LOAD '{0}/outside.csv'",
    ],
)
def test_no_other_file_is_in_reach_and_no_setting_can_be_changed(confined, tmp_path, query):
    with pytest.raises(duckdb.Error):
        confined.execute(query.format(tmp_path)).fetchall()
    assert {path.name for path in tmp_path.iterdir()} == {"extract", "scratch", "outside.csv"}
    assert {path.name for path in (tmp_path / "extract").iterdir()} == {"av_patient.csv", "other.csv"}


@pytest.mark.parametrize("link", ["folder", "file", "part"])
def test_a_linked_extract_is_read_where_it_really_is(extracts, tmp_path, link):
    folder = tmp_path / "linked"
    if link == "folder":
        folder.symlink_to(extracts["wales"])
    else:
        folder.mkdir()
        for file in extracts["wales"].iterdir():
            name = f"{file.stem}/part-0.parquet" if link == "part" and file.suffix == ".parquet" else file.name
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).symlink_to(file)
    extract = read_extract(READERS["wcn"], folder, tmp_path / "out", progress=lambda line: None)
    assert extract.rows["people"] > 0


def test_a_link_to_nowhere_is_an_error(extracts, tmp_path):
    (tmp_path / "organisations.parquet").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ExtractError, match=r"organisations\.parquet: not readable: No such file"):
        read_extract(READERS["wcn"], tmp_path, None, progress=lambda line: None)
