"""YAML files: plain data within bounds; every refusal says file, line and what is allowed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import Field

from naome.core.errors import ParamsError, YamlError
from naome.core.paths import project_root
from naome.core.yaml_files import FrozenModel, read_model, read_yaml

SHIPPED = sorted([*(project_root() / "params").glob("*.yaml"), *(project_root() / "definitions").glob("*.yaml")])


@pytest.mark.parametrize("file", SHIPPED, ids=lambda f: f.stem)
def test_shipped_files_hold_what_a_second_reader_finds(file):
    assert read_yaml(file) == yaml.safe_load(file.read_text(encoding="utf-8"))


def test_plain_data(tmp_path):
    text = "\ufefft: text\nq: '010'\ni: -3\nf: 1.5e-3\nb: true\nn:\nd: 2023-06-01\nl: [1, {k: []}, 08]\n"
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    day = dt.date(2023, 6, 1)
    assert read_yaml(file) == {
        "t": "text", "q": "010", "i": -3, "f": 0.0015, "b": True, "n": None, "d": day, "l": [1, {"k": []}, "08"],
    }  # fmt: skip


REFUSED = {
    "a key given twice": ("policy: hes2018\nb: 1\npolicy: none\n", ":3: key 'policy' is given twice, in lines 1 and 3"),
    "an inner key given twice": ("a:\n  b: 1\n  b: 2\n", ":3: key 'b' is given twice, in lines 2 and 3"),
    "octal": ("a: 1\nb: 010\n", ":2: key 'b': 010 begins with 0"),
    "octal in a list": ("n: [07]\n", ":1: key 'n.1': 07 begins with 0"),
    "base 60": ("a: 1:30\n", ":1: key 'a': '1:30' is not allowed; a number is written in decimal digits"),
    "hexadecimal": ("a: 0x1F\n", "decimal digits"),
    "a number with underscores": ("a: 1_000\n", "decimal digits"),
    "more digits than a number has": ("a: " + "9" * 5000, "decimal digits"),
    "not a number": ("a: .nan\n", "decimal digits"),
    "a date with a time": ("a: 2020-01-01T10:00:00\n", ":1: .* a date is written YYYY-MM-DD, without a time"),
    "not a day": (
        "a: 2023-02-30\n",
        ":1: key 'a': 2023-02-30 is not a day .*; allowed: .* Hint: how many",
    ),
    "month and day exchanged": ("a: 2015-13-01\n", "2015-13-01 is not .* exchanged .2015-01-13.[?]$"),
    "an alias": ("a: &x [1]\nb: *x\n", ":1: an anchor or alias"),
    "a tag": ("a: !!python/object/apply:os.system [ls]\n", ":1: the tag"),
    "a merge": ("a: {b: 1}\n<<: 3\n", ":2: '<<' is not allowed"),
    "a list as a key": ("? [1]\n: 2\n", ":1: a list, mapping or alias is given where a key"),
    "two documents": ("a: 1\n---\nb: 2\n", ":2: a second document begins"),
    "nested 100,000 deep": ("[" * 100_000, ":1: lists and mappings are nested more than 20 deep"),
    "nested 21 deep": ("a: " + "[" * 21 + "]" * 21, "more than 20 deep"),
    "empty": ("", ":1: the file is empty"),
    "only a comment": ("# nothing\n", "the file is empty"),
    "not YAML": (
        "a: 1\nb: [1\n",
        "x.yaml:3: not readable as YAML: .*, in what begins in line 2. Hint: is",
    ),
    "a bracket that is not closed": ("a: [1, 2\nb: 3\n", "Hint: is a bracket not closed"),
    "a colon in a text": (
        "a: b: c\n",
        ":1: not readable as YAML: .* Hint: put text with a colon",
    ),
    "a tab": ("a:\n\tb: 1\n", ":2: not readable as YAML: .* Hint: indent with spaces, not with a tab"),
    "a quotation mark that is not closed": ('a: "b\n', "Hint: is a quotation mark not closed"),
    "a sign that begins a text": ("a: @b\n", ":1: not readable as YAML: .* .* put text that begins with @"),
    "a colon that is missing": ("a: 1\nb\n", "Hint: write a colon and a blank behind a key"),
    "other indents": ("a:\n - b\n c: d\n", "Hint: indent the keys of a mapping, and the entries of a list, alike"),
    "a control character": ("a: \x01\n", "not readable as YAML"),
    "an escaped control character": ('a: "\\0"\n', ":1: key 'a': a text holds a control character"),
    "larger than a megabyte": ("a: " + "x" * 1_000_000, "larger than 1,000,000 bytes"),
    "latin 1": (b"a: 1\nb: caf\xe9\n", ":2: not UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_file_and_line(tmp_path, name):
    text, message = REFUSED[name]
    file = tmp_path / "x.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ParamsError, match=message) as caught:
        read_yaml(file, error=ParamsError)
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize("name", [name for name, (_, said) in REFUSED.items() if "Hint" in said])
def test_a_parser_without_c_is_understood_too(tmp_path, monkeypatch, name):
    monkeypatch.setattr("naome.core.yaml_files.LOADER", yaml.SafeLoader)
    test_refused_with_file_and_line(tmp_path, name)


def test_twenty_deep_is_allowed(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("[" * 20 + "]" * 20, encoding="utf-8")
    assert read_yaml(file)


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(YamlError, match="no such file"):
            read_yaml(path)


class Entry(FrozenModel):
    """An entry of a list."""

    id: str
    kind: Literal["long", "short"]
    of: bool | int = 0


class Whole(FrozenModel):
    """A whole file."""

    title: str
    days: Annotated[int, Field(ge=1)]
    entries: Annotated[tuple[Entry, ...], Field(strict=False)]
    named: dict[str, Entry] = Field(default={}, alias="by name")


def test_a_model_is_read_and_frozen(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("title: T\ndays: 3\nentries: [{id: a, kind: long}]\n", encoding="utf-8")
    found = read_model(file, Whole)
    assert found.entries == (Entry(id="a", kind="long"),)
    with pytest.raises(ValueError, match="frozen"):
        found.days = 4


PROBLEMS = """titel: T
days: 0
entries:
  - id: a
    kind: lang
    of: x
  - {id: 1, kind: short, knd: long}
by name:
  b: {id: b}
"""


def test_every_problem_is_said_at_once_with_its_line(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(PROBLEMS, encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        read_model(file, Whole, error=ParamsError, hint="A page says what it means")
    assert str(caught.value).splitlines() == [
        f"{file}: 8 problems",
        "  line 1: missing key 'title'. A page says what it means.",
        "  line 1: unknown key 'titel' (did you mean 'title'?); allowed: title, days, entries, by name.",
        "  line 2: key 'days': must be greater than or equal to 1; found 0.",
        "  line 5: key 'entries.a.kind': found 'lang' (did you mean 'long'?); allowed: long, short.",
        "  line 6: key 'entries.a.of': must be true or false or must be a whole number; found 'x'.",
        "  line 7: key 'entries.2.id': must be text (in quotation marks if it looks like a number, a date, yes or no);"
        " found 1.",
        "  line 7: unknown key 'entries.2.knd' (did you mean 'kind'?); allowed: id, kind, of.",
        "  line 9: missing key 'by name.b.kind'. A page says what it means.",
    ]


def test_a_list_where_a_mapping_is_expected(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("- 1\n", encoding="utf-8")
    with pytest.raises(YamlError, match=":1: a mapping of keys to values is expected, found a list of 1"):
        read_model(file, Whole)
