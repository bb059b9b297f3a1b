"""What the chain publishes for the Rotterdam women equals R, through reader, rules, notebooks and results."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from naome.stats.diagnostics import cox_zph
from naome.stats.risk_adjustment import fit_expected
from naome.workflow.cli import main
from naome.workflow.warm import keep_warm

YEARS = (1, 3, 5)
R_NAMES = ["surv", "lower", "upper"]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    """Read the data and run the notebooks of cohort and survival, as the chain does."""
    base = tmp_path_factory.mktemp("runs")
    run = base / "rotterdam"
    with keep_warm(base / "parent"):
        for command in (["read"], ["run", "00"], ["run", "04"]):
            assert main([*command, "--audit", "rotterdam", "--run-dir", str(run)]) == 0
    return run


@pytest.fixture(scope="module")
def women(run_folder) -> pd.DataFrame:
    """The primary cohort of the analysis table with the covariates of R's model."""
    table = pd.read_parquet(run_folder / "analysis.parquet")
    table = table[table["cohort"] == "primary"]
    columns = {
        "agec": (table["age"] - 55) / 10,
        "meno": table["postmenopausal"],
        "size2050": table["size_group"] == "20-50",
        "size50": table["size_group"] == ">50",
        "grade3": table["grade"] == 3,
        "nodes_c": table["nodes_positive"].clip(upper=15),
        "lpgr": table["pr_log"],
        "ler": table["er_log"],
        "hormon": table["endocrine_flag"],
        "chemo": table["chemotherapy_flag"],
        "duration": table["survival_days"],
        "event": table["died"],
    }
    return pd.DataFrame({name: values.astype(float) for name, values in columns.items()})


def published(run_folder: Path, cohort: str, group_by: str = "all") -> pd.DataFrame:
    table = pd.read_parquet(run_folder / "release" / "survival.parquet")
    return table[(table["cohort"] == cohort) & (table["group_by"] == group_by)].set_index("measure")


def test_published_survival_of_the_primary_cohort(run_folder, expected):
    reference = expected("km_at_times.csv").query("dataset == 'rotterdam_death'")
    ours = published(run_folder, "primary").loc[[f"survival_{y}y" for y in YEARS], ["estimate", "lower", "upper"]]
    np.testing.assert_allclose(ours.astype(float), reference[R_NAMES], rtol=0, atol=1e-6)


def test_published_survival_after_recurrence(run_folder, expected):
    """The recurrent cohort's clock starts at the recurrence: R's reset clock, the last three rows of its file."""
    reference = expected("km_rotterdam_recurrent_left_truncation.csv").tail(3)
    ours = published(run_folder, "recurrent").loc[[f"survival_{y}y" for y in YEARS], ["estimate", "lower", "upper"]]
    np.testing.assert_allclose(ours.astype(float), reference[R_NAMES], rtol=0, atol=1e-6)


def test_cox_model_of_the_analysis_table(women, covariates, expected):
    reference = expected("cox_coefficients.csv").query("model == 'rotterdam_death' and ties == 'efron'")
    ours = fit_expected(women, duration="duration", event="event", covariates=covariates).coefficients
    assert ours["term"].tolist() == reference["term"].tolist()
    np.testing.assert_allclose(ours["coef"], reference["coef"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours["std_error"], reference["se"], rtol=0, atol=1e-6)


def test_proportional_hazards_of_the_analysis_table(women, covariates, expected):
    reference = expected("cox_zph.csv")
    reference = reference.query("model == 'rotterdam' and transform == 'km'").set_index("term")
    ours = cox_zph(women, duration="duration", event="event", covariates=covariates).set_index("term")
    np.testing.assert_allclose(ours["chi_squared"], reference.loc[ours.index, "chisq"], rtol=0, atol=1e-6)
