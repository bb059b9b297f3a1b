"""Exploring a run: formulas of the libraries work, a choice is set beside the run's own, and nothing is written."""

from __future__ import annotations

import ast
import re

import pandas as pd
import pytest
import statsmodels.formula.api as smf
from lifelines import CoxPHFitter

from naome.cohort.derive import derive_cohorts
from naome.core.errors import DefinitionError, ParamsError
from naome.core.paths import project_root
from naome.workflow.ingest import read_run
from naome.workflow.plan import plan_run
from naome.workflow.run import WRITES, Run, open_run
from naome_synthetic import write_extract


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    base = tmp_path_factory.mktemp("explore")
    write_extract("wales", base / "extract", base / "truth", scale=0.6)
    run, _ = read_run(plan_run("wales", str(base / "extract"), str(base / "wales")), progress=lambda line: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WRITES, str(run.folder))
        run.save("analysis", derive_cohorts(run.params, run.canonical, rules=run.study.rules).analysis)
    return open_run(run_dir=str(run.folder))


def test_the_examples_of_the_readme_run(run, tmp_path, monkeypatch):
    """As they are written, of a run of the audit that they name."""
    [block] = re.findall(r"(?s)```python\n(.*?)```", (project_root() / "README.md").read_text(encoding="utf-8"))
    [audit] = set(re.findall(r'open_run\("([^"]+)"\)', block))
    (tmp_path / audit).symlink_to(run.folder)
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path))
    names: dict = {}
    shown = []
    for statement in ast.parse(block).body:
        code = ast.unparse(statement)
        if isinstance(statement, ast.Expr):
            shown.append(eval(code, names))
        else:
            exec(code, names)
    assert len(shown) == 3 and all(len(frame) for frame in shown)


def look_at(run):
    return {path: path.stat().st_mtime_ns for path in run.folder.parent.rglob("*") if path.is_file()}


def test_a_choice_stands_beside_the_runs_own_and_writes_nothing(run):
    before = look_at(run)
    found = run.what_if(gap_months=6)
    assert look_at(run) == before
    assert found.sizes["run"].tolist() == run.analysis["cohort"].value_counts().reindex(found.sizes.index).tolist()
    assert found.sizes.loc["recurrent", "change"] > 0 and found.sizes.loc["denovo", "change"] < 0
    row = found.headline.loc[("chemotherapy", "denovo")]
    assert row["denominator_what_if"] == found.sizes.loc["denovo", "what_if"]
    assert row["change"] == pytest.approx(row["estimate_what_if"] - row["estimate_run"])
    assert "survival_1y" in found.headline.index.get_level_values("measure")
    assert run.study.rules["gap_months"] == 12 and dict(run.params.rules) == {}


def test_results_under_another_choice_do_not_carry_the_runs_id(run):
    study = run.what_if(gap_months=6).study
    assert study.run_id == f"{run.run_id}?gap_months=6"
    assert study.rules["gap_months"] == 6


def test_a_parameter_can_be_another(run):
    found = run.what_if(metastatic_from="2020-01-01")
    assert (found.sizes["change"] < 0).all()


def test_the_same_choice_changes_nothing(run):
    found = run.what_if(gap_months=12)
    assert (found.sizes["change"] == 0).all() and (found.headline["change"].dropna() == 0).all()
    for side in ("run", "what_if"):
        absent = found.headline[f"estimate_{side}"].isna()
        assert ((found.headline[f"reason_{side}"] != "") >= absent).all() and not absent.all()


@pytest.mark.parametrize(
    ("choice", "error", "said"),
    [
        ({"gap_month": 6}, ParamsError, "did you mean 'gap_months'"),
        ({"gap_months": 7}, DefinitionError, "12, 6"),
        ({"audit": "mine"}, ParamsError, "no option or parameter 'audit'"),
        ({"censor_date": "2999-01-01"}, ParamsError, "censor_date"),
        ({"censor_date": "2024-01-01"}, ParamsError, "deaths are complete to 2023-06-01 only"),
    ],
)
def test_a_choice_that_is_none_is_refused(run, choice, error, said):
    with pytest.raises(error, match=said):
        run.what_if(**choice)


def test_formulas_of_lifelines_and_statsmodels_work_on_people(run):
    people = run.people("denovo")
    cox = CoxPHFitter().fit(people, "survival_days", "died", formula="age + charlson")
    assert cox.params_["age"] > 0
    logit = smf.logit("died ~ age + C(charlson)", people).fit(disp=0)
    assert logit.params["age"] > 0
    binomial = smf.glm("chemotherapy_flag ~ age + sex", people.dropna(subset=["chemotherapy_flag"])).fit()
    assert binomial.params["age"] < 0
    assert smf.glm("bone ~ age", people).fit().nobs == people["bone"].notna().sum()


def test_people_have_plain_types_and_ordered_categories(run):
    people = run.people("recurrent")
    assert set(people["cohort"]) == {"recurrent"}
    assert people["died"].isin([0, 1]).all() and people["age"].dtype == "int64"
    assert people["frailty"].dtype.ordered and people["frailty"].cat.categories[0] == "fit"
    assert not people["sex"].dtype.ordered
    assert {str(kind) for kind in people.dtypes} <= {"int64", "float64", "category", "datetime64[ms]"}
    with pytest.raises(ParamsError, match="no cohort 'recurent'.*did you mean 'recurrent'"):
        run.people("recurent")


def test_the_dictionary_says_what_every_column_is(run):
    assert list(run.dictionary.index) == list(run.analysis.columns)
    assert (run.dictionary["meaning"].str.len() > 5).all()
    assert isinstance(run.dictionary, pd.DataFrame) and "fit, mild" in run.dictionary.loc["frailty", "values"]


def test_reprs_are_short(run):
    assert max(len(repr(run)), len(repr(run.what_if(gap_months=6)))) < 300
