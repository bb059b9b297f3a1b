"""Who is counted as missed and as living with the disease; what a switch changes. The docstring holds the records."""

import datetime as dt
import math

import pytest

from naome.measures.ascertainment import SOURCES, count_sources
from naome.measures.deaths_check import measure_records_before_death
from naome.measures.prevalence import count_living, measure_prevalence
from naome.measures.sensitivity import BASE, NOT_HELD, tabulate_death_switches, tabulate_switches, tabulate_windows
from naome.measures.study import make_study

SEEN = """
    tumours
    person   diagnosis_date  stage
    all      2016-01-10      2
    admit    2016-01-10      2
    report   2016-01-10      2
    drug     2016-01-10      2
    death    2016-01-10      -
    nobody   2016-01-10      2
    stage_4  2016-01-10      4
    early    2016-01-10      2
    primed   2016-01-10      2
    later    2016-01-10      2
    after    2016-01-10      2
    year     2016-01-10      2
    day      2016-01-10      2
    end      2016-01-10      2
    past     2016-01-10      2
    died     2016-01-10      2

    codes
    person   admission_date  code
    all      2019-06-01      C795
    admit    2019-06-01      C795
    year     2017-01-10      C795
    day      2020-01-31      C795
    end      2023-06-01      C795
    past     2023-06-02      C795
    died     2019-06-01      C795
    stage_4  2019-06-01      C795
    early    2016-06-01      C795
    primed   2019-06-01      C795
    after    2020-02-02      C795

    recurrences
    person   recurrence_date  kind
    all      2019-06-01       distant
    report   2019-06-01       distant
    nobody   2019-06-01       local

    drugs
    person   drug         given_date
    all      PALBOCICLIB  2019-07-01
    drug     FULVESTRANT  2021-12-31
    primed   ERIBULIN     2016-06-01
    later    ABEMACICLIB  2022-01-01
    nobody   CAPECITABINE  2019-07-01

    deaths
    person   death_date  underlying_cause
    all      2020-02-01  C509
    death    2020-02-01  C509
    nobody   2022-02-01  I219
    after    2020-02-01  I219
    died     2020-01-31  I219
"""


def counted(table):
    return {tuple(name for name in SOURCES if row[name]): row["people"] for row in table.to_dict("records")}


def test_sources_see_recurrence(case):
    """Sources count from the end of the gap to death; who is seen before it by any source is not recurrent.

    ``primed`` had a metastatic drug in the first year, ``later`` a CDK4/6 inhibitor when it was adjuvant as well,
    ``after`` a code after death. ``year`` was seen on the anniversary, ``end`` on the last day of follow-up, ``past``
    on the day after; of those alive on a day, ``day`` was seen on that day, and ``died`` died on it.
    """
    params = case.params()
    table = count_sources(make_study(params, run_id="r"), case.tables())
    assert counted(table) == {SOURCES: 1, ("admissions",): 5, ("reported",): 1, ("treatment",): 1, ("death",): 1}
    alive = count_sources(make_study(params, run_id="r"), case.tables(), alive_on=dt.date(2020, 1, 31))
    assert counted(alive) == {("admissions", "reported", "treatment"): 1, ("admissions",): 3, ("reported",): 1}


test_sources_see_recurrence.__doc__ += SEEN


def test_living_with_metastatic_disease(case):
    """Found on or before the date and alive after it, whatever the audit period; the lost are counted apart.

    people
    person  vital_status  vital_date
    lost    lost          2021-12-31
    later   lost          2022-01-01
    traced  alive         2021-06-01

    tumours
    person    diagnosis_date  stage
    denovo    2016-01-10      4
    died      2016-01-10      4
    on_day    2016-01-10      4
    recur     2016-01-10      2
    tomorrow  2016-01-10      2
    lost      2016-01-10      4
    later     2016-01-10      4
    traced    2016-01-10      4
    unseen    2016-01-10      2
    today     2016-01-10      2
    new       2021-06-10      2
    new_next  2021-06-10      2

    codes
    person    admission_date  code
    today     2021-12-31      C795
    new       2021-12-31      C795
    new_next  2022-01-01      C795
    recur     2017-06-01      C795
    tomorrow  2022-01-01      C795

    deaths
    person    death_date
    died      2020-02-01
    on_day    2021-12-31
    """
    params = case.params()
    on = dt.date(2021, 12, 31)
    living = count_living(make_study(params, run_id="r"), case.tables(), on=on)
    assert living.set_index("cohort").to_dict("index") == {
        "denovo": {"alive": 4, "dead": 2, "lost": 1},
        "recurrent": {"alive": 2, "dead": 0, "lost": 0},
    }
    alone = make_study(params.model_copy(update={"cohorts": ("denovo",)}), run_id="r")
    assert count_living(alone, case.tables(), on=on)[["cohort", "alive"]].to_numpy().tolist() == [["denovo", 4]]
    later = count_living(make_study(params, run_id="r"), case.tables()).set_index("cohort")
    assert later.loc["recurrent", "alive"] == 3
    with pytest.raises(ValueError, match="not after 2023-06-01"):
        count_living(make_study(params, run_id="r"), case.tables(), on=dt.date(2023, 6, 2))
    results = measure_prevalence(living, make_study(params, run_id="r"), on=on, factor=(3.0, 2.0, 5.0))
    corrected = results[results["measure"] == "limited_duration_prevalence_corrected"].set_index("cohort")
    assert corrected.loc["recurrent", ["estimate", "lower", "upper"]].tolist() == [6, 4, 10]
    assert corrected.loc["primary", ["estimate", "lower", "upper"]].tolist() == [10, 8, 14]
    assert set(results["definition_id"]) == {"limited_duration_prevalence@2015-01-01..2021-12-31"}
    bare = measure_prevalence(living, make_study(params, run_id="r"), on=on)
    assert set(bare.loc[bare["measure"].str.endswith("corrected"), "status"]) == {"not_derivable"}
    unseen = living.assign(lost=living["alive"] + 1)
    results = measure_prevalence(unseen, make_study(params, run_id="r"), on=on, factor=(3.0, 2.0, 5.0))
    assert len(results) == 5 and set(results["status"]) == {"not_derivable"}
    as_many = measure_prevalence(living.assign(lost=living["alive"]), make_study(params, run_id="r"), on=on)
    assert set(as_many.loc[as_many["measure"] == "limited_duration_prevalence", "status"]) == {"ok"}
    assert results["reason"].str.startswith("Most people who are not known to have died were not followed").all()


def test_switches_are_compared_with_the_base_case(case):
    """One row per switch and cohort: its size, whom it shares with the base case, and the base case first.

    tumours
    person  diagnosis_date  stage
    four    2020-01-10      4
    early   2020-01-10      2
    nodes   2020-01-10      2
    late    2016-01-10      2

    codes
    person  admission_date  code
    early   2020-02-01      C795
    nodes   2020-02-01      C779
    late    2020-02-01      C795
    """
    table = tabulate_switches(make_study(case.params(), run_id="r"), case.tables())
    assert table.loc[table["option"] == BASE, "people"].tolist() == [2, 1]
    rows = table.set_index(["option", "value", "cohort"])
    wider = rows.loc[("count_c779", "true", "denovo")]
    assert (wider["people"], wider["shared"]) == (3, 2)
    assert wider["jaccard"] == pytest.approx(2 / 3)
    narrower = rows.loc[("diagnosis_position", "secondary", "denovo")]
    assert (narrower["people"], narrower["shared"]) == (1, 1)
    assert rows.loc[("gap_months", "0", "recurrent"), "people"] == 2
    only_figure = table[table["option"] == "breast_cancer_death"]
    assert only_figure["reason"].str.contains("validation against deaths").all()
    rules = {option.name for option in case.rules().options}
    assert set(table["option"]) == {BASE, *rules}
    assert set(table["title"]) == {BASE, *(option.title for option in case.rules().options)}
    assert table.loc[table["option"] == "gap_months", "choice"].drop_duplicates().tolist() == ["6 months", "none"]
    # Nobody was asked to report: that is not a cohort without people
    not_held = table[table["option"] == "evidence"]
    assert set(not_held["value"]) == {"reported", "admissions+reported"}
    assert not_held["people"].isna().all() and (not_held["reason"] == NOT_HELD["reported"]).all()


def test_a_source_that_the_data_have_is_switched_to(case):
    """A recurrence that was only reported is found where reports count, and the one only coded is not.

    What the indicators make of them stands beside: the indicator of another cohort is missing.

    tumours
    person  diagnosis_date  stage  er        her2
    coded   2016-01-10      2      positive  negative
    told    2016-01-10      2      positive  negative

    codes
    person  admission_date  code
    coded   2020-02-01      C795

    recurrences
    person  recurrence_date  kind
    told    2020-02-01       distant
    """
    one = {"minimum_denominator": 1, "survival": case.params().survival.model_copy(update={"minimum_at_risk": 1})}
    study = make_study(case.params().model_copy(update=one), run_id="r")
    rows = tabulate_switches(study, case.tables()).set_index(["option", "value", "cohort"])
    counts = rows[["people", "shared"]].apply(tuple, axis=1)
    recurrent = rows.loc[(BASE, "", "recurrent")]
    assert (recurrent["chemotherapy"], recurrent["survival_1y"]) == (0, 1) and math.isnan(recurrent["cdk46_first_line"])
    assert counts[BASE, "", "recurrent"] == (1, 1)
    assert counts["evidence", "reported", "recurrent"] == (1, 0)
    assert counts["evidence", "admissions+reported", "recurrent"] == (2, 1)


def test_the_check_against_deaths_moves_with_codes_and_causes(case):
    """Of the deaths under 70 that count as breast cancer, how many have a record before, under every choice.

    people
    person   vital_status  vital_date
    seen     dead          2020-08-30
    nodes    dead          2020-08-30
    after    dead          2020-08-30
    mention  dead          2020-08-30
    unknown  dead          2020-08-30
    four     dead          2020-08-30
    old      dead          2020-08-30
    alive    alive         -

    tumours
    person   diagnosis_date  stage  age
    seen     2016-01-10      2      60
    nodes    2016-01-10      2      60
    after    2016-01-10      2      60
    mention  2016-01-10      2      60
    unknown  2016-01-10      -      60
    four     2016-01-10      4      60
    old      2016-01-10      2      70
    alive    2016-01-10      2      60

    deaths
    person   death_date  underlying_cause  causes
    seen     2020-08-30  C509              C509
    nodes    2020-08-30  C509              C509
    after    2020-08-30  C509              C509
    mention  2020-08-30  I219              I219 C509
    unknown  2020-08-30  C509              C509
    four     2020-08-30  C509              C509
    old      2020-08-30  C509              C509

    codes
    person   admission_date  code
    seen     2020-02-01      C795
    nodes    2020-02-01      C779
    after    2020-09-01      C795
    mention  2020-02-01      C795
    unknown  2020-02-01      C795
    four     2020-02-01      C795
    old      2020-02-01      C795
    alive    2020-02-01      C795
    """
    params = case.params().model_copy(update={"minimum_denominator": 1})
    table = tabulate_death_switches(make_study(params, run_id="r"), case.tables()).set_index(["option", "value"])
    counts = table[["numerator", "denominator"]].apply(tuple, axis=1)
    assert counts[BASE, ""] == (1, 3)
    assert counts["count_c779", "true"] == (2, 3)
    assert counts["breast_cancer_death", "any_mention"] == (2, 4)
    assert counts["unknown_stage_in_figure_1", "true"] == (2, 4)
    assert counts["diagnosis_position", "secondary"] == (0, 3)
    assert table.loc["evidence", "reason"].eq(NOT_HELD["reported"]).all()
    assert table.loc["evidence", ["numerator", "denominator", "estimate"]].isna().all(axis=None)
    results = measure_records_before_death(case.derive().primary, make_study(params, run_id="r"))
    national = results.query(
        "measure == 'record_before_breast_cancer_death' and level == 'nation' and group_by == 'all'"
    )
    assert tuple(national[["numerator", "denominator"]].iloc[0]) == counts[BASE, ""]
    assert national["lower"].iloc[0] == pytest.approx(table.loc[(BASE, ""), "lower"])
    none = params.model_copy(update={"not_derivable": {"record_before_breast_cancer_death": "No causes."}})
    assert tabulate_death_switches(make_study(none, run_id="r"), case.tables())["reason"].tolist() == ["No causes."]


def test_windows_move_the_numerator(case):
    """A shorter window counts fewer, a longer one more; it ends where everyone of the audit period can be followed.

    tumours
    person  diagnosis_date  stage
    soon    2020-01-10      4
    year    2020-01-10      4
    late    2020-01-10      4

    drugs
    person  drug        given_date
    soon    PACLITAXEL  2020-02-10
    year    PACLITAXEL  2020-12-10
    late    PACLITAXEL  2021-03-10
    """
    params = case.params().model_copy(update={"minimum_denominator": 1})
    table = tabulate_windows(case.derive().analysis, make_study(params, run_id="r"))
    rows = table[(table["indicator"] == "chemotherapy") & (table["cohort"] == "denovo")]
    assert rows[["days", "numerator"]].values.tolist() == [[365, 2], [182, 1], [517, 3]]
