"""An error about a key names the file and the lines of it, also where two keys contradict each other."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, model_validator

from naome.core.errors import YamlError
from naome.core.yaml_files import KeysError, find_line, locate_key, read_model

TEXT = "# what it is\naudit: m\nsurvival:\n  case_mix:\n    - age\n    - sex\n  unit: provider\n"


class Pair(BaseModel):
    """Two keys that must be in order."""

    low: int
    high: int

    @model_validator(mode="after")
    def _ordered(self) -> Pair:
        if self.low > self.high:
            raise KeysError(("low must be below high", (("low",), ("high",))), ("high is small", (("high",),)))
        return self


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("audit",), ":2"),
        (("survival", "unit"), ":7"),
        (("survival", "case_mix", 1), ":6"),
        (("survival", "horizons"), ":3"),
        (("rules",), ""),
    ],
)
def test_the_line_of_a_key_or_of_the_mapping_that_lacks_it(file, keys, line):
    assert find_line(file, *keys) == line


def test_a_copy_is_looked_into_and_the_file_that_was_given_is_named(file, tmp_path):
    given = tmp_path / "given.yaml"
    assert locate_key(file, "survival", "unit", named=given) == f"{given}:7: key 'survival.unit'"
    assert locate_key(tmp_path / "none.yaml", "audit") == f"{tmp_path / 'none.yaml'}: key 'audit'"


def test_keys_that_contradict_each_other_are_named_with_all_their_lines(tmp_path):
    file = tmp_path / "pair.yaml"
    file.write_text("high: 1\n\nlow: 2\n", encoding="utf-8")
    with pytest.raises(YamlError) as caught:
        read_model(file, Pair)
    assert str(caught.value).splitlines() == [
        f"{file}: 2 problems",
        "  line 1: high is small.",
        "  lines 3 and 1: low must be below high.",
    ]
