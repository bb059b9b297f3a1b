"""Everything released together, with a dictionary that fits the file."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from naome.core.atomic import write_frame, write_json
from naome.core.errors import RunError
from naome.core.results import RESULT_COLUMNS, make_results
from naome.core.seal import file_digest
from naome.report.downloads import collect_released, holds_downloads, write_downloads
from naome.report.finished import open_finished
from naome.workflow.organisation_names import write_organisation_names
from naome.workflow.run import Run


@pytest.fixture
def write_run(make_run, as_runner):
    """Write a run that has released results, and its manifest."""
    return lambda audit, marking="synthetic": _write_run(as_runner(make_run(audit, marking=marking)), audit, marking)


def _write_run(run, audit, marking):
    named = {"audit": audit, "nation": audit, "cohort": "denovo", "run_id": run.run_id}
    rows = pd.DataFrame(
        {
            "measure": "mdt_discussion",
            "level": ["nation", "provider", "provider", "provider"],
            "unit": [audit, "A", "B", "=C"],
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
    return finish(run.folder, {"audit": audit, "run_id": run.run_id, "marking": marking})


def finish(folder, manifest):
    """Write the manifest of a run with the digests of what it released."""
    write_organisation_names(Run(folder))
    files = {f"release/{file.name}": file_digest(file) for file in (folder / "release").glob("*.parquet")}
    rest = {"title": "T", "nation": "england", "period": ["2019-01-01", "2021-12-31"], "pages": {}, "files": files}
    rest |= {"finished": "2024-05-06T07:08:09+00:00"}
    rest |= {key: Run(folder).read_record[key] for key in ("params_sha256", "definitions_sha256")}
    rest |= {"code_sha256": "f" * 64, "commit": "0123456789abcdef", "attack": {"verdict": "pass"}}
    write_json({**manifest, **rest}, folder / "manifest.json")
    return open_finished(folder)


def test_small_numbers_stay_inside(tmp_path, write_run):
    run = write_run("england")
    before = sorted(tmp_path.rglob("*"))
    outside = collect_released(run)
    assert len(outside) == 5
    hidden = outside.set_index("unit")
    assert hidden.loc["A", "status"] == "suppressed" and pd.isna(hidden.loc["A", "numerator"])
    assert sorted(tmp_path.rglob("*")) == before  # nothing is written into a run


def test_the_same_result_of_two_steps_is_an_error(tmp_path, write_run):
    run = write_run("england")
    released = run.folder / "release"
    (released / "again.parquet").write_bytes((released / "indicators.parquet").read_bytes())
    with pytest.raises(RunError, match="4 results were released by two steps, first: audit=england"):
        collect_released(finish(run.folder, dict(run.manifest)))


def test_a_release_that_is_not_of_the_run_is_named(tmp_path, write_run):
    run = write_run("england")
    released = run.folder / "release"
    before = (released / "indicators.parquet").read_bytes()
    (released / "indicators.parquet").write_bytes((released / "england_wales.parquet").read_bytes())
    with pytest.raises(RunError, match="release/indicators.parquet was changed after run england-"):
        write_downloads([run], tmp_path / "downloads")
    (released / "indicators.parquet").write_bytes(before)
    (released / "sensitivity.parquet").write_bytes(before)
    with pytest.raises(RunError, match="release/sensitivity.parquet is not of run england-"):
        write_downloads([run], tmp_path / "downloads")
    (released / "sensitivity.parquet").unlink()
    (released / "indicators.parquet").unlink()
    with pytest.raises(RunError, match="release/indicators.parquet: not there, although run england-"):
        write_downloads([run], tmp_path / "downloads")
    assert not (tmp_path / "downloads").exists()


def test_the_download_holds_what_was_released_and_nothing_else(tmp_path, write_run):
    runs = [write_run(audit) for audit in ("england", "wales")]
    data, dictionary = write_downloads(runs, tmp_path / "downloads")
    table = pd.read_csv(data, keep_default_na=False, dtype=str)
    assert list(table.columns) == list(RESULT_COLUMNS) and len(table) == 4 + 4 + 1
    assert table["result_id"].is_unique and "'=C" in set(table["unit"])
    assert (table.loc[table["status"] == "suppressed", ["numerator", "denominator", "estimate"]] == "").all(axis=None)
    assert table.set_index("measure").loc["m", "estimate"] == "0.333333333"
    first = data.read_bytes(), dictionary.read_bytes()
    again = write_downloads(reversed(runs), tmp_path / "again")
    assert (again[0].read_text().splitlines(), again[1].read_bytes()) == (data.read_text().splitlines(), first[1])


def test_a_reader_sees_the_names_of_organisations(tmp_path, make_run, as_runner):
    made = as_runner(make_run("england"))
    names = pd.DataFrame({"provider": ["A", "B", "=C"], "name": ["=1+1", None, "Marrow Trust"], "alliance": None})
    write_frame(names, made.inputs / "canonical" / "organisations.parquet")
    run = _write_run(made, "england", "synthetic")
    released = collect_released(run).set_index(["level", "unit"])["unit_name"]
    # a name as the source has it; the code where it has none
    assert released["provider"].to_dict() == {"A": "=1+1", "B": "B", "=C": "Marrow Trust"}
    assert released["nation", "england"] == "England"
    assert released["england+wales", "england+wales"] == "England + Wales"
    data, _ = write_downloads([run], tmp_path / "downloads")
    table = pd.read_csv(data, keep_default_na=False, dtype=str).set_index("unit")
    assert table.loc["A", "unit_name"] == "'=1+1" and table.loc["'=C", "unit_name"] == "Marrow Trust"


def test_regions_and_alliances_have_their_code_and_their_name(tmp_path, make_run, as_runner):
    made = as_runner(make_run("england"))
    places = pd.DataFrame(
        {"provider": ["A", "B"], "name": ["Alpha", "Beta"], "alliance": "E56000012", "alliance_name": "=North",
         "region": ["Y62", "Midlands"], "region_name": ["North West", "Midlands"]}
    )  # fmt: skip
    write_frame(places, made.inputs / "canonical" / "organisations.parquet")
    rows = pd.DataFrame(
        {"measure": "m", "level": ["region", "region", "alliance", "provider"],
         "unit": ["Y62", "Midlands", "E56000012", "Y62"],
         "denominator": 1000, "numerator": [500, 400, 600, 300], "estimate": 0.5, "method": "wilson"}
    )  # fmt: skip
    made.save("indicators", make_results(rows, audit="england", nation="england", cohort="denovo", run_id=made.run_id))
    finished = finish(made.folder, {"audit": "england", "run_id": made.run_id, "marking": "synthetic"})
    released = collect_released(finished).set_index(["level", "unit"])["unit_name"]
    assert released["region"].to_dict() == {"Y62": "North West", "Midlands": "Midlands"}
    assert released["alliance", "E56000012"] == "=North"
    assert released["provider", "Y62"] == "Y62", "an organisation of the same code is another unit"
    data, _ = write_downloads([finished], tmp_path / "downloads")
    assert set(pd.read_csv(data)["unit_name"]) == {"North West", "Midlands", "'=North", "Y62"}


def test_the_dictionary_fits_the_file(tmp_path, write_run):
    data, dictionary = write_downloads([write_run("england")], tmp_path / "downloads")
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


def test_a_folder_of_downloads_is_known_by_all_that_is_in_it(tmp_path):
    (tmp_path / "organisations.csv").write_text("ORG_CODE,ORG_NAME\n", encoding="utf-8")
    assert not holds_downloads(tmp_path)  # an extract's
    (tmp_path / "datapackage.json").write_text("{}", encoding="utf-8")
    (tmp_path / ".DS_Store").touch()
    assert holds_downloads(tmp_path)
    (tmp_path / "av_patient.csv").touch()
    assert not holds_downloads(tmp_path)


def test_downloads_that_are_interrupted_leave_nothing_and_replace_nothing(tmp_path, write_run, monkeypatch):
    run, folder = write_run("england"), tmp_path / "downloads"
    folder.mkdir()
    for name in ("action-plans.zip", "results.csv", "mine.txt"):
        (folder / name).write_text("earlier", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("naome.report.downloads.write_frame", stop)
        write_downloads([run], folder)
    assert sorted(tmp_path.rglob("*")) == before and (folder / "results.csv").read_text() == "earlier"
    write_downloads([run], folder)
    assert (folder / "mine.txt").read_text() == "earlier" != (folder / "results.csv").read_text()
    assert not (folder / "action-plans.zip").exists(), "what this run has not is of earlier downloads"
