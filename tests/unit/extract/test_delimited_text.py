"""Delimited text: the delimiter by the header, the encoding and the line ends by bytes with one meaning."""

import gzip
import itertools
import zipfile
from pathlib import Path

import duckdb
import pytest

from naome.core.errors import ExtractError
from naome.extract import delimited
from naome.extract.files import holds_table, open_table
from naome.extract.folder import Source, find_table

EXPECTED = frozenset({"KEY", "NAME", "DAY"})
ROWS = [("1", "a", "x"), ("2", None, "y"), ("3", "c", None)]
TEXT = "KEY,NAME,DAY\n1,a,x\n2,,y\n3,c,\n"


@pytest.fixture
def read(tmp_path, connection):
    """Write `data` to files of table t and read them: rows without ``row_``, and the opened file."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (tmp_path / "in").mkdir()

    def run(data: bytes | str | dict[str, bytes], name: str = "t.csv"):
        files = data if isinstance(data, dict) else {name: data}
        for each, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            (tmp_path / "in" / each).write_bytes(content)
        file = open_table(connection, find_table(tmp_path / "in", "t"), scratch, EXPECTED)
        columns = ", ".join(column for column in ("KEY", "NAME", "DAY") if column in file.columns)
        rows = connection.execute(f"SELECT {columns} FROM {file.view} ORDER BY row_").fetchall()
        connection.execute(f"DROP VIEW {file.view}")
        assert not list(scratch.glob("*.txt")), "a copy of the text was left"
        return rows, file

    return run


@pytest.fixture
def refusal(read):
    def run(data: bytes | str | dict[str, bytes], name: str = "t.csv") -> str:
        with pytest.raises(ExtractError) as error:
            read(data, name)
        assert "damaged" not in str(error.value) or "zip" in str(error.value)
        return str(error.value)

    return run


# --- delimiters
@pytest.mark.parametrize("sign", [",", "|", ";", "\t"])
@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("suffix", ["csv", "txt", "tsv"])
def test_the_delimiter_is_told_by_the_header(read, sign, quoted, suffix):
    text = TEXT.replace(",", sign)
    if quoted:
        text = "\n".join(sign.join(f'"{cell}"' if cell else "" for cell in x.split(sign)) for x in text.splitlines())
    assert read(text, f"t.{suffix}")[0] == ROWS


def test_values_do_not_decide_the_delimiter(read):
    rows, _ = read("KEY|NAME|DAY\n1|a,b,c|x\n2|d,e,f|y\n")
    assert rows == [("1", "a,b,c", "x"), ("2", "d,e,f", "y")]


def test_a_quoted_name_may_hold_another_delimiter(read):
    assert read('KEY;"note, free";NAME;DAY\n1;q;a;x\n')[0] == [("1", "a", "x")]


@pytest.mark.parametrize("header", ["KEY,x|NAME|y,DAY", "KEY|x,NAME,DAY", "KEY;DAY,NAME", "KEY,NAME|DAY"])
def test_a_header_that_fits_two_delimiters_is_refused(refusal, header):
    said = refusal(header + "\n1,2,3\n")
    assert "both separate column names" in said and "Hint: " in said


def test_a_file_without_a_known_column_shows_nothing_of_its_first_line(refusal):
    said = refusal("9434765919~SMITH~1950\n9434765919~JONES~1951\n")
    assert "none of the columns of table t" in said and "vertical bars" in said
    assert "SMITH" not in said and "9434765919" not in said


# --- encodings
@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"), ("utf-8-sig", "utf-8 with byte-order mark"), ("utf-16", "utf-16"),
        ("cp1252", "windows-1252"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_encoding_with_one_meaning_is_read_and_told(read, encoding, told, end):
    text = f"KEY,NAME,DAY{end}1,St Mary\u2019s \u20ac5 \u2013 \u00e9,x{end}"
    rows, file = read(text.encode(encoding))
    assert rows == [("1", "St Mary\u2019s \u20ac5 \u2013 \u00e9", "x")]
    assert file.encoding == told


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_of_both_byte_orders_is_read(read, order):
    mark = b"\xff\xfe" if order == "le" else b"\xfe\xff"
    rows, file = read(mark + TEXT.encode(f"utf-16-{order}"))
    assert rows == ROWS and file.encoding == "utf-16"


def test_latin_1_stays_what_it_is(read):
    rows, file = read("KEY,NAME,DAY\n1,Zolédronic m²,x\n".encode("latin-1"))
    assert rows[0][1] == "Zolédronic m²" and file.encoding == "latin-1"


def test_a_name_in_the_header_beyond_ascii_is_read_in_the_encoding_of_the_file(read):
    _, file = read("KEY,NAME,DAY,größe’\n1,é,x,y\n".encode("cp1252"))
    assert "GRÖSSE’" in file.columns


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_a_byte_that_no_encoding_defines_is_named_with_its_line(refusal, byte):
    said = refusal(TEXT.encode().replace(b"c,", bytes([byte]) + b","))
    assert f"byte 0x{byte:02x} in line 4" in said and "Windows-1252" in said


def test_lines_are_counted_beyond_the_first_block(refusal, monkeypatch):
    monkeypatch.setattr(delimited, "READ_BLOCK", 7)
    assert "byte 0x81 in line 4" in refusal(TEXT.replace("\n", "\r\n").encode().replace(b"c,", b"\x81,"))


@pytest.mark.parametrize("single", ["é".encode("latin-1"), "’".encode("cp1252")])
@pytest.mark.parametrize("double", ["é", "’"])
def test_a_mixture_of_utf_8_and_single_bytes_is_refused(refusal, single, double):
    assert "mixes UTF-8" in refusal(b"KEY,NAME,DAY\n1," + double.encode() + b",x\n2," + single + b",y\n")
    assert "mixes UTF-8" in refusal(b"\xef\xbb\xbfKEY,NAME,DAY\n2," + single + b",y\n")


def test_utf_16_that_is_cut_off_or_without_a_mark_is_refused(refusal):
    assert "UTF-16" in refusal(TEXT.encode("utf-16")[:-1])
    assert "UTF-16 without a byte-order mark" in refusal(TEXT.encode("utf-16-le"))
    assert "UTF-32" in refusal(TEXT.encode("utf-32"))


@pytest.mark.parametrize("block", [3, 7, 64])
def test_where_a_block_ends_makes_no_difference(read, monkeypatch, block):
    monkeypatch.setattr(delimited, "READ_BLOCK", block)
    # The first block holds the header, as it does in earnest
    monkeypatch.setattr(delimited, "read_header", lambda *_: delimited.Header(",", ("KEY", "NAME", "DAY")))
    assert read("KEY,NAME,DAY\r\n1,\u20ac,x\n2,,y\r3,é,\r\n")[0] == [
        ("1", "\u20ac", "x"),
        ("2", None, "y"),
        ("3", "é", None),
    ]


# --- line ends
@pytest.mark.parametrize("ends", list(itertools.product(["\n", "\r\n", "\r"], repeat=4)))
def test_mixed_line_ends_are_read(read, ends):
    lines = TEXT.splitlines()
    assert read("".join(line + end for line, end in zip(lines, ends, strict=True)))[0] == ROWS


@pytest.mark.parametrize("before", ["\n", "\r\n\r\n", "\n\r\n", "\ufeff\n"])
def test_blank_lines_before_the_header_and_between_records_are_no_records(read, before):
    end = before[-2:] if before.endswith("\r\n") else "\n"
    assert read(before + TEXT.replace("\n", end + end))[0] == ROWS


@pytest.mark.parametrize("line", [",,\n", '"","",""\n', ",,\n,,\n,,"])
def test_lines_of_delimiters_only_are_no_records(read, line):
    assert read(TEXT + line)[0] == ROWS
    assert read("KEY,NAME,DAY\n1,a,x\n" + line.rstrip("\n") + "\n2,,y\n3,c,\n")[0] == ROWS


@pytest.mark.parametrize("inside", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("first", ["\n", "\r\n", "\r"])
def test_line_ends_in_quotation_marks_stay_as_they_are(read, inside, first):
    text = f'KEY,NAME,DAY{first}1,"two{inside}lines, ""quoted""",x\r\n2,b,y\n'
    assert read(text)[0] == [("1", f'two{inside}lines, "quoted"', "x"), ("2", "b", "y")]


def test_line_ends_that_cannot_be_told_get_a_sentence(refusal):
    said = refusal('KEY,NAME,DAY\n1,5" wide,x\r2,b,y\r\n3,c,z\n')
    assert "line ends differ" in said and "t.csv" in said


# --- columns without a name, fields too many
@pytest.mark.parametrize("header", ['"",KEY,NAME,DAY', ",KEY,NAME,DAY", " ,KEY,NAME,DAY"])
def test_the_names_of_rows_that_r_and_pandas_write_are_not_read(read, header):
    assert read(f"{header}\n1,1,a,x\n2,2,,y\n3,3,c,\n")[0] == ROWS


def test_a_delimiter_at_the_end_of_every_line_is_a_column_without_a_name(read):
    assert read(TEXT.replace("\n", ",\n"))[0] == ROWS
    assert read("".join(f",,{line},,\n" for line in TEXT.splitlines()))[0] == ROWS


def test_a_wanted_column_without_a_name_is_missing(read):
    _, file = read("KEY,,DAY\n1,a,x\n")
    assert set(file.columns) == {"KEY", "DAY"}


@pytest.mark.parametrize("extra", [",", ',""', ",,", ",z", ',"z"'])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_field_too_many_is_an_error_with_its_row_even_when_it_is_empty(refusal, extra, end):
    text = TEXT.replace("2,,y\n", f"2,,y{extra}\n").replace("\n", end)
    said = refusal(text)
    assert "row 3" in said


@pytest.mark.parametrize("rows", ["1,a,x,\n2,,y,\n3,c,,\n", "1,a,x\n2,,y\n3,c,,"])
def test_a_field_too_many_in_every_line_or_the_last_is_an_error(refusal, rows):
    assert "one field more than the 3 of the header" in refusal("KEY,NAME,DAY\n" + rows)


def test_delimiters_in_quotation_marks_are_no_fields(read):
    assert read('KEY,NAME,DAY\n1,"a,b,",\n2,c,""\n')[0] == [("1", "a,b,", None), ("2", "c", None)]


def test_a_record_with_too_few_fields_is_an_error_with_its_row(refusal):
    assert "row 3" in refusal(TEXT.replace("2,,y", "2,"))


def test_a_quotation_mark_in_a_name_is_no_error(read):
    rows, file = read('KEY,NAME,size 5" tumour,DAY\n1,a,q,x\n')
    assert rows == [("1", "a", "x")] and 'SIZE 5" TUMOUR' in file.columns


@pytest.mark.parametrize("name", ["row_", "file_row_number", "filename", "file_index", "ROW_"])
def test_a_column_that_is_named_as_one_of_the_database_is_not_read(read, name):
    rows, file = read(f"KEY,{name},NAME,DAY\n1,7,a,x\n")
    assert rows == [("1", "a", "x")] and name.upper() not in file.columns


@pytest.mark.parametrize("name", ['"two\nlines"', '"a\tb"', "a\x07b", "a\x7fb"])
def test_a_control_character_in_a_name_is_refused(refusal, name):
    said = refusal(f"KEY,NAME,DAY,{name}\n1,a,x,q\n")
    assert "control character" in said and "two" not in said


# --- packed text
def test_text_packed_by_gzip_or_zip_is_read_in_any_case_and_dialect(read, tmp_path):
    assert read(gzip.compress(TEXT.replace(",", "|").encode("utf-16")), "t.TXT.GZ")[0] == ROWS
    (tmp_path / "in" / "t.TXT.GZ").unlink()
    with zipfile.ZipFile(tmp_path / "in" / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/T_2019.txt", TEXT.replace("\n", "\r\n"))
        archive.writestr("folder/T_2020.txt", "DAY;KEY;NAME\nz;4;d\n")
    rows, file = read({})
    assert rows == [*ROWS, ("4", "d", "z")]
    assert file.locate(3) == "t.zip/folder/T_2020.txt: row 2"


def test_text_packed_twice_is_read(read, tmp_path):
    with zipfile.ZipFile(tmp_path / "in" / "t.zip", "w") as archive:
        archive.writestr("t.csv.gz", gzip.compress(TEXT.encode()))
    (tmp_path / "in" / "x").write_text("")
    assert read({}, "")[0] == ROWS


@pytest.mark.parametrize("line", ["sep=,\n", '"sep=,"\r\n', '"sep=,"\n', "SEP=,\n", "\nsep=,\n\n"])
def test_a_line_that_tells_excel_the_delimiter_is_not_the_header(read, line):
    assert read(line + TEXT)[0] == ROWS
    assert read((line + TEXT).encode("utf-8-sig"))[0] == ROWS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 sheet", "is a spreadsheet or a zip file; allowed: delimited text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old spreadsheet"),
        (gzip.compress(TEXT.encode()), "is packed by gzip; allowed: delimited text. Hint: let its name end in .gz"),
        (b"PAR1\x00\x00", "is Parquet"),
    ],
    ids=["a zip file", "an old spreadsheet", "packed by gzip", "Parquet"],
)
def test_a_file_of_another_kind_than_its_name_says_is_named(refusal, content, said):
    assert said in refusal(content)


def test_two_gzip_files_one_after_another_are_one(read):
    head, tail = TEXT[:20].encode(), TEXT[20:].encode()
    assert read(gzip.compress(head) + gzip.compress(tail), "t.csv.gz")[0] == ROWS


def test_a_zip_file_that_is_damaged_inside_gets_a_sentence(refusal, tmp_path):
    with zipfile.ZipFile(tmp_path / "in" / "t.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("t.csv", TEXT)
    data = (tmp_path / "in" / "t.zip").read_bytes()
    assert "zip file is damaged" in refusal(data.replace(b"1,a,x", b"1,b,x"), "t.zip")


def test_a_cause_that_is_not_known_is_not_called_damage(refusal, monkeypatch):
    monkeypatch.setattr(delimited, "_write_parquet", lambda *_: duckdb.execute("SELECT error('a new kind of error')"))
    said = refusal(TEXT)
    assert "not understood" in said and "UTF-8" in said and "one header line" in said


# --- parts
def test_parts_may_differ_in_delimiter_encoding_order_of_columns_and_packing(read):
    rows, file = read(
        {
            "t_2018.txt": "KEY|NAME|DAY\n1|é|x\n".encode("cp1252"),
            "t_2019.csv.gz": gzip.compress("day,key,name\nx,2,€\n".encode()),
            "t_2020.csv": "DAY;KEY;NAME\nx;3;’\nx;4;d\n".encode("cp1252"),
        }
    )
    assert rows == [("1", "é", "x"), ("2", "€", "x"), ("3", "’", "x"), ("4", "d", "x")]
    assert file.encoding == "latin-1, utf-8, windows-1252"
    assert file.rows == 4
    assert [file.locate(row) for row in range(4)] == [
        "t_2018.txt: row 2", "t_2019.csv.gz: row 2", "t_2020.csv: row 2", "t_2020.csv: row 3",
    ]  # fmt: skip
    assert file.locate(3, "column DAY") == "t_2020.csv: column DAY, row 3"


def test_parts_of_which_one_lacks_a_column_that_is_read_are_refused_naming_both(refusal):
    said = refusal({"t_1.csv": "KEY,NAME\n1,a\n", "t_2.csv": "KEY,NAME,DAY\n1,a,x\n"})
    assert "t_1.csv and t_2.csv" in said and "t_2.csv alone has DAY" in said


@pytest.mark.parametrize("first", [True, False])
def test_parts_may_differ_in_columns_that_are_not_read(read, first):
    more = "KEY,OTHER,NAME,DAY\n1,q,a,x\n"
    parts = (
        [more, "KEY,NAME,DAY\n2,,y\n3,c,\n"]
        if first
        else ["KEY,NAME,DAY\n1,a,x\n", "KEY,NAME,MORE,DAY\n2,,q,y\n3,c,,\n"]
    )
    assert read({f"t_{n}.csv": text.encode() for n, text in enumerate(parts)})[0] == ROWS


def test_a_part_with_a_header_only_is_a_part(read):
    rows, file = read({"t_1.csv": "KEY,NAME,DAY\n", "t_2.csv": TEXT, "t_3.csv": "KEY,NAME,DAY"})
    assert rows == ROWS
    assert file.locate(0) == "t_2.csv: row 2"


def test_an_empty_part_is_refused_by_name(refusal):
    assert "t_2.csv: the file is empty" in refusal({"t_1.csv": TEXT, "t_2.csv": b""})


def test_a_folder_whose_name_looks_like_a_pattern_is_read(tmp_path, connection):
    folder = tmp_path / "extract [2020] *?"
    folder.mkdir()
    (folder / "t.csv").write_text(TEXT)
    file = open_table(connection, find_table(folder, "t"), tmp_path, EXPECTED)
    assert file.rows == 3
    assert isinstance(file.path, Path)


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(("names", "values"), [("|", ","), (",", ";"), (";", "\t")])
def test_values_with_another_delimiter_than_the_header_are_refused_with_both(refusal, names, values, quoted):
    header, *rows = (x.split(",") for x in ["KEY,NAME,DAY", "1,a,x", "2,b,y"])
    shown = [values.join(f'"{cell}"' if quoted else cell for cell in row) for row in rows]
    said = refusal("\n".join([names.join(header), *shown]) + "\n")
    assert f"{delimited.DELIMITERS[names]} separate the names" in said
    assert f"{delimited.DELIMITERS[values]} the values" in said


def test_many_parts_of_text_stand_in_the_order_of_their_numbers(read):
    rows, file = read({f"t_{n}.csv": f"KEY,NAME,DAY\n{n},a,x\n" for n in range(13)})
    assert [row[0] for row in rows] == [str(n) for n in range(13)]
    assert [file.locate(n) for n in range(13)] == [f"t_{n}.csv: row 2" for n in range(13)]


def test_a_copy_in_another_encoding_is_not_passed_over(tmp_path):
    wanted = frozenset({"KEY", "NAME", "DAY"})
    bars = gzip.compress(b"KEY|NAME|DAY")
    for name, data in (("plain.csv", TEXT.encode()), ("wide.txt", TEXT.encode("utf-16")), ("bars.csv.gz", bars)):
        (tmp_path / name).write_bytes(data)
        assert holds_table(Source(tmp_path / name, name), wanted, EXPECTED)
    (tmp_path / "other.csv").write_text("KEY,WEIGHT\n")
    assert not holds_table(Source(tmp_path / "other.csv", "other.csv"), wanted, EXPECTED)


# --- what is said of the form of a file
LINES = "\n".join(f"{n},a,x" for n in range(2, 6))


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        ("KEY,NAME,DAY\n1,a\n", 2, "2 values where the header has 3 names"),
        (f"KEY,NAME,DAY\n{LINES}\n9 rows\n", 6, "1 value where the header has 3 names"),
        (f'KEY,NAME,DAY\n1,"two\nlines",x\n{LINES}\n6,a,x,y,z\n', 7, "more values than the 3 names of the header"),
        (f"KEY,NAME,DAY\n{LINES}\n6,a,x,\n", 6, "one field more than the 3 of the header"),
        (f'KEY,NAME,DAY\n1,"two\nlines",x\n{LINES}\n6,a,x,\n', 7, "one field more than the 3 of the header"),
        (f'KEY,NAME,DAY\n{LINES}\n6,"a,x\n7,b,y\n', 6, "a quotation mark is not closed"),
        (f'KEY,NAME,DAY\n{LINES}\n6,"a"b,x\n7,b,y\n', 6, "a quotation mark is not closed, or is inside"),
    ],
)
def test_a_wrong_record_is_said_with_its_row_and_what_is_allowed(refusal, text, row, said):
    """The header is row 1, and a line end in quotation marks makes no row."""
    message = refusal(text)
    assert f": row {row}: {said}" in message and "; allowed: " in message and " Hint: " in message


@pytest.mark.parametrize(
    "text",
    [
        b"",
        "KEY,NAME,DAY\n1,a,x\n".encode("utf-16")[:-1],
        b"KEY,NAME,DAY\n1,a\x00,x\n",
        b"KEY,NAME,DAY\n1," + b"a" * (delimited.MAX_LINE_BYTES + 1) + b",x\n",
        b'KEY,NAME,DAY\n1,"a\r\nb",x\n2,b\r,y\r\n3,"c"c,z\n',
        b"PAR1",
    ],
)
def test_every_wrong_form_is_said_with_what_is_allowed_and_a_hint(refusal, text):
    message = refusal(text)
    assert "; allowed: " in message and " Hint: " in message and not message.endswith("?.")


@pytest.mark.parametrize(
    "above",
    [
        "Breast cancer registrations\n",
        "Registrations,,\n\n",
        "\ufeffCreated on 1 May 2023\nby a program\n\n\n",
        "1;2;3\n",
    ],
)
def test_a_header_below_a_title_is_found_and_named(refusal, above):
    message = refusal(above + TEXT)
    line = above.count("\n") + 1
    assert (
        f"the names of the columns are in line {line}, below other lines; allowed: the header in the first" in message
    )
    assert "delete the lines above it: are they a title" in message


def test_one_known_name_among_the_records_is_no_header(refusal):
    assert "none of the columns of table t" in refusal("A,B,C\n1,NAME,x\n")
