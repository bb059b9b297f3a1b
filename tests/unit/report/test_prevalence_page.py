"""The page of ascertainment says what these data hold, not what another audit's do."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.params import Disclosure, load_params
from naome.measures.ascertainment import SOURCES, measure_missed
from naome.measures.prevalence import measure_living
from naome.measures.study import Study, make_study
from naome.release import HIDDEN, Released, release
from naome.release.combinations import WHY_BESIDE, WHY_SOLVED, release_estimates
from naome.report.pages.prevalence import SOURCE_NAMES, say_identified, say_missed, say_sources, tabulate_sources


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (
            ("admissions", "reported", "treatment", "death"),
            "In these data recurrent disease is identified by hospital admissions, reported recurrences, drugs given "
            "only for metastatic disease and deaths from breast cancer.",
        ),
        (
            ("admissions", "death"),
            "In these data recurrent disease is identified by hospital admissions and deaths from breast cancer. There "
            "is nothing from reported recurrences or drugs given only for metastatic disease.",
        ),
        ((), "In these data no source identifies recurrent disease."),
    ],
)
def test_the_sources_of_the_data_are_named(seen, text):
    counts = pd.DataFrame([{name: name in seen for name in SOURCES} | {"people": 30}])
    assert say_sources(counts).text == text


def test_every_source_has_a_name():
    assert tuple(SOURCE_NAMES) == SOURCES


def make_study_of(national: str) -> Study:
    disclosure = Disclosure(policy="hes2018", national=national)
    return make_study(load_params("england").model_copy(update={"disclosure": disclosure}), run_id="r")


def list_counts(people: dict[str, int]) -> pd.DataFrame:
    """People by the letters of the sources that identified them: admissions, reported, treatment, death."""
    rows = [{name: name[0] in seen for name in SOURCES} | {"people": n} for seen, n in people.items()]
    return pd.DataFrame(rows)


LARGE = {"artd": 40, "art": 50, "ard": 60, "ar": 70, "atd": 80, "at": 90, "ad": 100, "a": 110, "rtd": 45, "rt": 55}
LARGE |= {"rd": 65, "r": 75, "td": 85, "t": 95, "d": 105}


def estimate(monkeypatch, counts, alive, national="suppress_small", *, found=700, living=300) -> tuple[Released, Study]:
    study = make_study_of(national)
    table = pd.DataFrame({"cohort": ["denovo", "recurrent"], "alive": [500, living], "lost": 0})
    table["dead"] = [500, found - living]
    monkeypatch.setattr("naome.measures.prevalence.count_living", lambda *_, **__: table)
    results = pd.concat([measure_missed(counts, study), measure_living(study, None, alive)], ignore_index=True)
    return release_estimates(release(results, study.params), counts, alive, study), study


def why(released: Released, start: str) -> set[tuple[str, str]]:
    rows = released.frame[released.frame["measure"].str.startswith(start)]
    assert len(rows) and rows.loc[rows["status"] != "ok", ["estimate", "lower", "denominator"]].isna().all(axis=None)
    return set(rows.loc[rows["status"] != "ok", ["status", "reason"]].itertuples(index=False, name=None))


def living_half(people: dict[str, int]) -> pd.DataFrame:
    return list_counts({seen: n // 2 for seen, n in people.items() if "d" not in seen})


def test_estimates_of_suppressed_combinations_of_sources_are_suppressed(monkeypatch):
    """Three people were reported and treated only: the estimates and limits say how many."""
    counts = list_counts(LARGE | {"rt": 3})
    released, study = estimate(monkeypatch, counts, living_half(LARGE | {"rt": 16}))
    suppressed = {("suppressed", WHY_SOLVED)}
    assert why(released, "recurrent_population_") == why(released, "recurrent_found_") == suppressed
    assert why(released, "limited_duration_prevalence_corrected") == suppressed
    assert why(released, "recurrent_seen") == set()
    assert HIDDEN in tabulate_sources(counts, study, released).frame["People"].tolist()
    assert say_identified(counts, study, released).text == ""
    assert say_missed(released, counts).text.endswith(f"recurrent disease is not shown: {WHY_SOLVED}.")
    released, _ = estimate(monkeypatch, counts, living_half(LARGE), "show")
    assert why(released, "recurrent_") == set()


def test_estimates_below_those_identified_by_all_sources_are_said_to_be_too_low(monkeypatch):
    """Deaths identify many more than the sources of the estimates do; then hardly any."""
    counts = list_counts(LARGE | {"d": 5000})
    released, study = estimate(monkeypatch, counts, living_half(LARGE))
    text = say_identified(counts, study, released).text
    assert f"identified {counts['people'].sum():,} people." in text
    numbers = released.frame.set_index("measure")["estimate"]
    assert f"the estimate from two sources (Chapman) ({numbers['recurrent_population_chapman']:,.0f})" in text
    assert f"the estimate from the log-linear models ({numbers['recurrent_population_loglinear']:,.0f})" in text
    counts = list_counts(LARGE | {"d": 5, "td": 5, "rd": 5, "rtd": 5, "ad": 5, "atd": 5, "ard": 5, "artd": 5})
    released, study = estimate(monkeypatch, counts, living_half(LARGE), "show")
    assert say_identified(counts, study, released).text.endswith("people.")


def test_estimates_of_large_combinations_are_shown_and_corrected_prevalence_where_as_many_live(monkeypatch):
    counts = list_counts(LARGE)
    released, _ = estimate(monkeypatch, counts, living_half(LARGE))
    assert why(released, "recurrent_") == why(released, "limited_duration_prevalence") == set()
    for alive in (LARGE | {"at": 8}, LARGE | {"at": 172}):  # 4 live; 4 died
        released, _ = estimate(monkeypatch, counts, living_half(alive))
        assert why(released, "recurrent_") == set()
        assert why(released, "limited_duration_prevalence_corrected") == {("suppressed", WHY_SOLVED)}


@pytest.mark.parametrize(("found", "living"), [(700, 314), (604, 250), (584, 300)])
def test_sources_that_leave_few_people_beside_those_living_are_suppressed(monkeypatch, found, living):
    """600 were admitted, 280 of whom died of breast cancer: 6 of another cause, or 4 are of the cohort only."""
    counts = list_counts(LARGE)
    released, study = estimate(monkeypatch, counts, living_half(LARGE), found=found, living=living)
    assert why(released, "recurrent_seen") == {("suppressed", WHY_BESIDE)}
    assert why(released, "recurrent_population_") == {("suppressed", WHY_SOLVED)}
    assert released.where(measure="limited_duration_prevalence").frame["estimate"].tolist()[1] == living
    assert set(tabulate_sources(counts, study, released).frame["People"]) == {HIDDEN}
    released, study = estimate(monkeypatch, counts, living_half(LARGE), "show", found=found, living=living)
    assert tabulate_sources(counts, study, released).frame["People"].tolist() == list(LARGE.values())
