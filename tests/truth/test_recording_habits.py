"""Recording habits must not reward poor recorders, where the truth about organisations is known.

Organisations have no effect at all on survival and differ in what they record; items are
missing more often for those who died. Any correlation over organisations of the
share recorded with the z of deaths is made by the method.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.core.params import load_params
from naome.core.paths import project_root
from naome.measures.casemix.adjust import adjust_frame, assess_organisations, fit_national
from naome.measures.casemix.alternatives import correlate, flag_missing
from naome.measures.casemix.impute import impute_case_mix
from naome.measures.casemix.outliers import judge_organisations
from naome.measures.casemix.pool import CLOGLOG, pool_tables
from naome.measures.casemix.prepare import CaseMix
from naome.measures.study import make_study
from naome.stats.simulation import StudyScenario, make_patients, make_providers

COVARIATES = ("age", "er", "liver", "fit")
REPLICATES = 12
DAYS = 365.25
HORIZON = StudyScenario("habits").horizon


def patients(number: int, *, habit: float) -> pd.DataFrame:
    """Draw patients of organisations without effect; poor recorders lose the items of a share `habit` of the dead."""
    providers = make_providers(7)
    frame, _ = make_patients(providers, StudyScenario("habits", missing=0.35), np.random.default_rng([7, number]))
    whole, _ = make_patients(providers, StudyScenario("habits"), np.random.default_rng([7, number]))
    pd.testing.assert_series_equal(frame["time"], whole["time"])
    rng = np.random.default_rng([8, number])
    poor = (providers["recording"].to_numpy() > 0)[frame["provider"]]
    dead = frame["dead"].to_numpy()
    lost = rng.random(len(frame)) < np.where(dead & poor, habit, 0.0)
    for item in ("er", "liver"):
        frame.loc[lost, item] = np.nan
    table = frame.rename(columns={"provider": "unit", "time": "duration", "dead": "event"}).drop(columns="potential")
    table["duration"], table["event"] = table["duration"] * DAYS, table["event"].astype(int)
    table["unit"] = table["unit"].astype(str)
    return table


def correlations(habit: float) -> pd.DataFrame:
    """Correlate share recorded with z of deaths under every treatment, in every replicate."""
    params, rows = load_params("england"), []
    for number in range(REPLICATES):
        table = patients(number, habit=habit)
        share = table[["er", "liver"]].notna().mean(axis=1).groupby(table["unit"]).mean()
        case_mix = CaseMix(table, [table], COVARIATES, (), pd.DataFrame())
        flagged, terms = flag_missing(table, COVARIATES)
        treatments = {
            "imputed": (impute_case_mix(case_mix, 5, number), COVARIATES),
            "category": ([flagged], terms),
            "complete": ([table.dropna()], COVARIATES),
        }
        row = {}
        for name, (frames, covariates) in treatments.items():
            fitted = [(frame, fit_national(frame, covariates)) for frame in frames]
            tables = [adjust_frame(frame, model, [HORIZON * DAYS], params) for frame, model in fitted]
            z = pool_tables(tables, "survival_adjusted", CLOGLOG).set_index("provider")["z"].dropna()
            row[name] = correlate(share.loc[z.index], z)[0]
        rows.append(row)
    return pd.DataFrame(rows)


def test_imputation_is_blind_to_recording_when_gaps_depend_on_what_is_known():
    """Missing at random given survival and age, by organisation: nothing for imputation, a reward for the others."""
    found = correlations(habit=0.0)
    error = found["imputed"].std() / np.sqrt(REPLICATES)
    assert abs(found["imputed"].mean()) < 3 * error
    assert found["category"].mean() > 0.1 and found["complete"].mean() > 0.1


def test_a_missing_category_rewards_those_who_leave_the_dead_unrecorded():
    """Poor recorders lose items of those who died: a category takes the gap for a risk factor and forgives the deaths.

    Complete cases go further: the dead are not even counted. Imputation stays the nearest to nothing.
    """
    found = correlations(habit=0.5).mean()
    assert found["category"] > 0.1 and found["complete"] > 0.3
    assert abs(found["imputed"]) < found["category"] / 2 < found["complete"] / 2


@pytest.fixture(scope="module")
def england():
    """The national synthetic run and its truth, where they have been made (make site)."""
    root = project_root()
    analysis, truth = root / "runs/england/analysis.parquet", root / "data/truth/england/providers.parquet"
    if not (analysis.is_file() and truth.is_file()):
        pytest.skip("the national synthetic run has not been made here")
    return pd.read_parquet(analysis), pd.read_parquet(truth).set_index("ORG_CODE")


def test_the_national_run_finds_planted_outliers_and_no_recording_habits(england):
    """Planted survival effects show in z, in the right direction; the planted habit of not recording does not."""
    analysis, truth = england
    params = load_params("england")
    assessment = assess_organisations(analysis, make_study(params, run_id="r"), "denovo")
    table = assessment.first.set_index("unit").join(truth, how="inner")
    effect, low, _ = correlate(table["EFFECT_SURVIVAL"], table["z"])
    assert low > 0 and effect > 0.3
    known = table[table["PLANTED_SURVIVAL"] != "none"]
    assert (np.sign(known["z"]) == np.sign(known["EFFECT_SURVIVAL"])).mean() >= 0.75
    _, low, high = correlate(table["EFFECT_MISSING_ER"], table["z"])
    assert low < 0 < high
    judged = judge_organisations(assessment.first, params, higher_is="worse")
    assert judged["level"].tolist() == assessment.first["level"].tolist()
