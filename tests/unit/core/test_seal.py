"""Only the generator's whole seal makes data synthetic."""

from __future__ import annotations

import json
import os

import pytest

from naome.core.errors import ExtractError
from naome.core.seal import SEAL, check_seal, digest_inputs
from naome_synthetic import write_extract


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    base = tmp_path_factory.mktemp("sealed")
    write_extract("wales", base / "extract", base / "truth", scale=0.01, fmt="csv")
    return base / "extract"


@pytest.fixture
def extract(made, tmp_path):
    folder = tmp_path / "extract"
    folder.mkdir()
    for file in made.iterdir():
        os.link(file, folder / file.name)
    return folder


def test_an_extract_as_the_generator_wrote_it_is_synthetic(extract):
    assert check_seal(digest_inputs(extract)) == (True, "")


def test_no_seal_no_claim(extract):
    (extract / SEAL).unlink()
    assert check_seal(digest_inputs(extract)) == (False, "")


def change(extract):
    file = extract / "pedw_spell.csv" if (extract / "pedw_spell.csv").exists() else sorted(extract.glob("*.csv"))[0]
    text = file.read_bytes()
    file.unlink()
    file.write_bytes(text + b"\n")
    return file.name


def add(extract):
    (extract / "MORE.CSV").write_text("a\n1\n")
    return "MORE.CSV"


def take_away(extract):
    file = sorted(extract.glob("*.csv"))[-1]
    file.unlink()
    return file.name


@pytest.mark.parametrize("spoil", [change, add, take_away])
def test_a_changed_added_or_missing_file_breaks_the_seal_and_is_named(extract, spoil):
    name = spoil(extract)
    whole, why = check_seal(digest_inputs(extract))
    assert not whole and name in why


def test_a_claim_without_digests_proves_nothing(extract):
    (extract / SEAL).unlink()
    (extract / SEAL).write_text(json.dumps({"synthetic": True, "kind": "wcn"}))
    whole, why = check_seal(digest_inputs(extract))
    assert not whole and "no digests" in why


def test_files_of_any_case_are_digested_and_the_seal_too(extract):
    (extract / "PEOPLE.PARQUET").write_bytes(b"x")
    (extract / "Deaths.Csv.Gz").write_bytes(b"x")
    assert {"PEOPLE.PARQUET", "Deaths.Csv.Gz", SEAL} <= set(digest_inputs(extract).digests)


def test_a_file_changed_while_reading_is_refused(extract):
    inputs = digest_inputs(extract)
    inputs.check_unchanged()
    name = change(extract)
    with pytest.raises(ExtractError, match=f"{name} changed while the extract was read"):
        inputs.check_unchanged()


def test_a_named_pipe_is_refused_and_not_waited_for(extract):
    os.mkfifo(extract / "other.csv")
    with pytest.raises(ExtractError, match="pipe"):
        digest_inputs(extract)
