"""On whose diagnoses organisations are compared at each time point. The docstring holds the records."""

import datetime as dt

from naome.cohort.derive import derive_earlier
from naome.measures.period import COLUMNS, derive_period_people
from naome.measures.study import make_study


def test_each_time_point_takes_the_latest_people_who_can_be_followed_to_it(case):
    """
    Deaths are complete to 1 June 2023. Three years before is 31 May 2020 and five years 31 May 2018; each period is as
    long as the audit period, three years.

    tumours
    person   diagnosis_date  stage
    in_19    2019-03-01      4
    last_3   2020-05-31      4
    after_3  2020-06-01      4
    last_5   2018-05-31      4
    after_5  2018-06-01      4
    too_old  2015-05-01      4
    recurs   2015-02-01      2

    codes
    person   admission_date  code
    recurs   2017-08-01      C795
    """
    found = derive_earlier(case.params(), case.folder, rules=case.rules())
    people = found.groupby("time_point")["provider"].agg(set).to_dict()
    assert people == {
        3: {"in_19", "last_3", "after_5", "last_5", "recurs"},
        5: {"last_5", "recurs"},
    }
    follow_up = (dt.datetime(2023, 6, 1) - found["origin_date"]).dt.days
    assert (follow_up >= 365.25 * found["time_point"]).all()
    assert found.loc[found["provider"] == "recurs", "cohort"].unique().tolist() == ["recurrent"]
    assert found["records_from"].dt.date.unique().tolist() == [dt.date(2017, 8, 1)]


def test_an_audit_period_that_is_old_enough_serves_every_time_point(case):
    """
    tumours
    person   diagnosis_date  stage
    anybody  2019-03-01      4
    """
    old = case.params().model_copy(
        update={
            "metastatic_from": dt.date(2016, 1, 1),
            "metastatic_to": dt.date(2017, 12, 31),
            "diagnosed_to": dt.date(2017, 12, 31),
        }
    )
    assert derive_earlier(old, case.folder, rules=case.rules()).empty


def test_everyone_with_primary_cancer_is_followed_from_any_year(case):
    """
    tumours
    person   diagnosis_date  stage
    anybody  2016-03-01      2
    """
    everyone = case.params().model_copy(update={"cohorts": ("primary",)})
    assert derive_earlier(everyone, case.folder, rules=case.rules()).empty


def test_a_period_of_one_day_is_a_period(case):
    """
    Diagnoses are read from the last day on which people can be followed for five years.

    tumours
    person    diagnosis_date  stage
    that_day  2018-05-31     4
    after     2018-06-01     4
    """
    params = case.params().model_copy(update={"diagnosed_from": dt.date(2018, 5, 31)})
    found = derive_earlier(params, case.folder, rules=case.rules())
    assert found.loc[found["time_point"] == 5, "provider"].tolist() == ["that_day"]


def test_period_analysis_takes_everyone_metastatic_at_diagnosis_from_the_whole_window(case):
    """
    From the first day of diagnosis to the last of the audit period; who comes back later, or is diagnosed later, is
    no one of them.

    tumours
    person  diagnosis_date  stage
    first   2015-01-01      4
    coded   2016-03-01      2
    last    2021-12-31      4
    recurs  2015-02-01      2
    never   2016-03-01      1

    codes
    person  admission_date  code
    coded   2016-05-01      C795
    recurs  2017-08-01      C795
    """
    study = make_study(case.params(), run_id="r")
    people = derive_period_people(study, case.tables()).sort_values("origin_date")
    assert list(people.columns) == list(COLUMNS)
    assert people["origin_date"].dt.strftime("%Y-%m-%d").tolist() == ["2015-01-01", "2016-03-01", "2021-12-31"]
    assert people["route"].tolist() == ["DN1", "DN2", "DN1"] and people["survival_days"].iloc[2] == 517
    recurrent = make_study(case.params().model_copy(update={"cohorts": ("recurrent",)}), run_id="r")
    assert derive_period_people(recurrent, case.tables()).empty
