"""Everything released together, with a dictionary that fits the file."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from naome.params import load_params
from naome.publish.downloads import collect_results, write_downloads
from naome.results import COLUMNS, make_results
from naome.run import Run, write_json


def write_run(folder, audit):
    run = Run(params=load_params(audit), folder=folder / audit, data_dir=folder)
    write_json({"synthetic": True, "inputs": {}}, run.folder / "read.json")
    named = {"audit": audit, "nation": audit, "cohort": "denovo", "run_id": run.run_id}
    rows = pd.DataFrame(
        {
            "measure": "mdt_discussion",
            "level": ["nation", "provider", "provider", "provider"],
            "unit": [audit, "A", "B", "C"],
            "denominator": [1000, 20, 300, 680],
            "numerator": [600, 3, 197, 400],
            "estimate": [0.6, 0.15, 197 / 300, 400 / 680],
            "method": "wilson",
        }
    )
    run.save("indicators", make_results(rows, **named))
    both = pd.DataFrame({"measure": ["m"], "level": ["england+wales"], "unit": ["england+wales"], "estimate": [1 / 3]})
    run.save(
        "england_wales",
        make_results(both, **{**named, "audit": "england+wales", "nation": "england+wales", "run_id": "e+w"}),
    )
    run.save("attrition", pd.DataFrame({"step": ["EL1"], "remaining": [3]}))
    return run


def test_small_numbers_stay_inside(tmp_path):
    run = write_run(tmp_path, "england")
    inside, outside = collect_results(run)
    assert len(inside) == len(outside) == 5
    assert pd.read_parquet(run.folder / "results.parquet").equals(inside)
    hidden = outside.set_index("unit")
    assert hidden.loc["A", "status"] == "suppressed" and pd.isna(hidden.loc["A", "numerator"])
    assert inside.set_index("unit").loc["A", "numerator"] == 3
    again = collect_results(run)  # its own output is not read as a result
    assert again[0].equals(inside)


def test_the_same_result_of_two_steps_is_an_error(tmp_path):
    run = write_run(tmp_path, "england")
    run.save("again", run.load("indicators"))
    with pytest.raises(ValueError, match="4 results were written by two steps, first: audit=england"):
        collect_results(run)


def test_the_download_holds_what_was_released_and_nothing_else(tmp_path):
    runs = [write_run(tmp_path, audit) for audit in ("england", "wales")]
    data, dictionary = write_downloads(runs, tmp_path / "downloads")
    table = pd.read_csv(data, keep_default_na=False, dtype=str)
    assert list(table.columns) == list(COLUMNS) and len(table) == 4 + 4 + 1
    assert table["result_id"].is_unique
    assert (table.loc[table["status"] == "suppressed", ["numerator", "denominator", "estimate"]] == "").all(axis=None)
    assert table.set_index("measure").loc["m", "estimate"] == "0.333333333"
    first = data.read_bytes(), dictionary.read_bytes()
    again = write_downloads(reversed(runs), tmp_path / "again")
    assert (again[0].read_text().splitlines(), again[1].read_bytes()) == (data.read_text().splitlines(), first[1])


def test_the_dictionary_fits_the_file(tmp_path):
    data, dictionary = write_downloads([write_run(tmp_path, "england")], tmp_path / "downloads")
    package = json.loads(dictionary.read_text(encoding="utf-8"))
    resource = package["resources"][0]
    table = pd.read_csv(data, keep_default_na=False, dtype=str)
    fields = resource["schema"]["fields"]
    assert [f["name"] for f in fields] == list(table.columns) and resource["rows"] == len(table)
    assert "synthetic" in package["description"]
    for field in fields:
        assert field["description"]
        values = table[field["name"]]
        values = values[values != ""]
        constraints = field.get("constraints", {})
        if field["type"] == "integer":
            assert values.str.fullmatch(r"\d+").all()
        if field["type"] == "number":
            assert np.isfinite(values.astype(float)).all()
        if constraints.get("required"):
            assert len(values) == len(table), field["name"]
        if "enum" in constraints:
            assert set(values) <= set(constraints["enum"])
