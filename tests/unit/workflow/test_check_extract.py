"""Checking an extract says beforehand what a run of it would be refused for, and tells rows in the words of a run."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from naome.cohort.derive import derive_cohorts
from naome.core.lock import LOCK
from naome.core.params import load_params
from naome.core.paths import project_root
from naome.core.run_folder import MANIFEST
from naome.core.seal import SEAL, file_digest
from naome.workflow.cli import main
from naome.workflow.ingest import check_extract, read_run
from naome.workflow.plan import plan_check, plan_run
from naome_synthetic import write_extract


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Make a small extract without the generator's seal, and a parameter file."""
    base = tmp_path_factory.mktemp("checked")
    write_extract("wales", base / "extract", base / "truth", scale=0.05, fmt="csv")
    (base / "extract" / SEAL).unlink()
    assert main(["new-audit", "gogledd", "--like", "wales", "--out", str(base)]) == 0
    return base


def set_key(base, key, value):
    """Write another value of a key of the parameters; return the file and the line."""
    file = base / "gogledd.yaml"
    text = re.sub(rf"(?m)^(\s*{key}: ).*$", rf"\g<1>{value}", file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")
    line = next(n for n, each in enumerate(text.splitlines(), start=1) if each.strip().startswith(f"{key}:"))
    return file, line


def file_digests(folder):
    """Return the digest of every file of a folder, but the one that says who works in it."""
    return {path: file_digest(path) for path in folder.rglob("*") if path.is_file() and path.name != LOCK}


def test_a_check_counts_the_cohorts_as_the_run_does(base, tmp_path):
    file, _ = set_key(base, "national", "suppress_small")
    checked = check_extract(plan_check(file, str(base / "extract")), progress=lambda line: None)
    run, _ = read_run(plan_run(file, str(base / "extract"), str(tmp_path / "run")), progress=lambda line: None)
    found = derive_cohorts(run.params, run.canonical).analysis["cohort"].value_counts()
    assert checked.sizes == found.reindex(run.params.cohorts).to_dict()
    assert checked.refusals == ()


def test_small_cohorts_are_said_before_with_file_key_line_and_what_is_allowed(base, capsys):
    file, line = set_key(base, "national", "show")
    assert main(["check-extract", str(base / "extract"), "--params", str(file)]) == 2
    said = capsys.readouterr()
    assert f"{file}:{line}: key 'disclosure.national' is 'show', and denovo has " in said.err
    assert "'suppress_small' or 'suppress'. Hint: write national: suppress_small" in said.err
    assert "## Cohorts of the run" in said.out and "readable as wcn" in said.out


def test_real_results_that_nothing_protects_are_said_to_be_so(base, capsys):
    file, line = set_key(base, "policy", "none")
    try:
        assert main(["check-extract", str(base / "extract"), "--params", str(file)]) == 0
        assert f"{file}:{line}: key 'disclosure.policy' is 'none': no result is protected" in capsys.readouterr().out
    finally:
        set_key(base, "policy", "hes2018")


def test_reading_asks_the_same_before_a_finished_run_is_replaced(base, tmp_path, capsys):
    file, _ = set_key(base, "national", "suppress_small")
    command = ["read", "--params", str(file), "--data", str(base / "extract"), "--run", str(tmp_path / "run")]
    assert main(command) == 0
    (tmp_path / "run" / MANIFEST).write_text("{}", encoding="utf-8")
    before = file_digests(tmp_path / "run")
    file, line = set_key(base, "national", "show")
    assert main(command) == 2
    assert f"{file}:{line}: key 'disclosure.national' is 'show', and denovo has " in capsys.readouterr().err
    assert file_digests(tmp_path / "run") == before


def test_follow_up_long_after_the_last_death_is_said_before_too(base, capsys):
    """The whole page is printed first: the extract can be read."""
    file, line = set_key(base, "censor_date", "2026-01-01")
    try:
        assert main(["check-extract", str(base / "extract"), "--params", str(file)]) == 2
    finally:
        set_key(base, "censor_date", load_params("wales").censor_date)
    said = capsys.readouterr()
    assert f"{file}:{line}: key 'censor_date' is 2026-01-01, but the last death" in said.err and "## Files" in said.out


def test_an_extract_of_which_no_one_is_in_a_cohort_is_said_before(capsys):
    sample = project_root() / "tests" / "unit" / "extract" / "data" / "simulacrum_v2"
    assert main(["check-extract", str(sample), "--params", "simulacrum"]) == 2
    said = capsys.readouterr()
    assert "no one is in a cohort. At EL6" in said.err and "No one is in a cohort." in said.out


def test_check_and_run_tell_rows_in_the_same_words(base, tmp_path, capsys):
    file, _ = set_key(base, "national", "suppress_small")
    assert main(["check-extract", str(base / "extract"), "--params", str(file)]) == 0
    checked = capsys.readouterr().out
    run = str(tmp_path / "run")
    assert main(["read", "--params", str(file), "--data", str(base / "extract"), "--run", run]) == 0
    read = capsys.readouterr().out
    words = r"[\d,]+ rows of \d+ tables, [\d,]+ rows? excluded by \d+ rules?, [\d,]+ rows? repaired by \d+ rules?"
    assert re.search(words, checked) and re.search(words, read)
    unread = r"; ([\d,]+) rows not read \(events of people without a record suggestive of metastatic disease; these"
    [rows] = re.findall(unread, read)
    log = pd.read_parquet(tmp_path / "run" / "inputs" / "data_quality.parquet")
    assert log.loc[log["rule"] == "no_sign_of_metastasis", "rows"].sum() == int(rows.replace(",", ""))
    assert "not read (" not in checked and "A run counts fewer" in checked
