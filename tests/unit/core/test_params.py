"""Parameter files: typed, frozen, and refused when anything is off."""

from __future__ import annotations

import datetime as dt

import pytest
import yaml
from pydantic import ValidationError

from naome.core.definitions import project_definitions
from naome.core.errors import ParamsError
from naome.core.params import load_params, write_reference
from naome.core.paths import project_root
from naome.measures.derivability import check_reasons


@pytest.fixture
def altered(tmp_path):
    """Write England's parameters with one change."""

    def alter(change):
        raw = yaml.safe_load((project_root() / "params" / "england.yaml").read_text(encoding="utf-8"))
        change(raw)
        file = tmp_path / "england.yaml"
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        return file

    return alter


@pytest.mark.parametrize("file", sorted((project_root() / "params").glob("*.yaml")), ids=lambda f: f.stem)
def test_shipped_files_load(file):
    params = load_params(file.stem)
    check_reasons(params, project_definitions(), file)
    assert params.audit == file.stem


def test_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        load_params("england").seed = 1


def test_a_misspelt_key_is_refused_with_a_suggestion(altered):
    def misspell(raw):
        raw["cesnor_date"] = raw.pop("censor_date")

    with pytest.raises(ParamsError) as caught:
        load_params(altered(misspell))
    message = str(caught.value)
    assert "cesnor_date" in message and "did you mean 'censor_date'" in message
    assert "missing key 'censor_date'" in message and "england.yaml: 2 problems" in message


def test_a_folder_is_no_parameter_file(tmp_path):
    with pytest.raises(ParamsError, match="a folder. Hint: give the path of the parameter file, which ends in .yaml"):
        load_params(tmp_path)


CHANGES = {
    "nested unknown key": (lambda raw: raw["survival"].update(horizon=1), "survival.horizon"),
    "text for a number": (lambda raw: raw.update(seed="many"), "'seed'"),
    "number for text": (lambda raw: raw.update(title=3), "'title'"),
    "not a date": (lambda raw: raw.update(censor_date="June"), "'censor_date'"),
    "dates in the wrong order": (lambda raw: raw.update(censor_date=dt.date(2019, 1, 1)), "must be before"),
    "unknown choice": (lambda raw: raw["disclosure"].update(policy="hes"), "disclosure.policy"),
    "unknown limits": (lambda raw: raw["outliers"].update(limits="1sd/2sd"), "outliers.limits"),
    "more imputations than allowed": (lambda raw: raw["survival"].update(imputations=30), "must not exceed"),
    "people who cannot be followed so long": (
        lambda raw: raw["survival"].update(comparison_periods={5: [dt.date(2016, 1, 1), dt.date(2019, 1, 1)]}),
        "2018-05-31",
    ),
    "a period of another time point": (
        lambda raw: raw["survival"].update(comparison_periods={2: [dt.date(2016, 1, 1), dt.date(2017, 1, 1)]}),
        "survival.comparison_periods: 2",
    ),
    "an organisation as case mix": (
        lambda raw: raw["survival"].update(case_mix=[*raw["survival"]["case_mix"], raw["survival"]["unit"]]),
        "remove it from case_mix",
    ),
    "a number of a notebook": (
        lambda raw: raw.update(notebooks=99),
        "must be a list; found 99. Hint: Numbers of the note",
    ),
    "a name in capitals": (lambda raw: raw.update(audit="England"), "must be small letters, digits and hyphens"),
    "a day of no calendar": (
        lambda raw: raw.update(censor_date="2015-13-01"),
        "key 'censor_date': 2015-13-01 is not a day of the calendar; allowed: a date, YYYY-MM-DD. Hint: are month",
    ),
    "wrong audit name": (lambda raw: raw.update(audit="wales"), "make them equal"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_refused(altered, name):
    change, expected = CHANGES[name]
    with pytest.raises(ParamsError, match="england.yaml") as caught:
        load_params(altered(change))
    assert expected in str(caught.value)


def test_entries_that_are_wrong_are_no_list_that_is_too_short(altered):
    with pytest.raises(ParamsError) as caught:
        load_params(altered(lambda raw: raw["survival"].update(horizons_years=["1", "3"])))
    assert str(caught.value).startswith(f"{altered(lambda raw: None)}: 2 problems")
    assert "or more entries" not in str(caught.value)


def test_not_yaml(tmp_path):
    file = tmp_path / "england.yaml"
    file.write_text("audit: [", encoding="utf-8")
    with pytest.raises(ParamsError, match="not readable as YAML"):
        load_params(file)


def test_unknown_audit_lists_the_known_ones():
    with pytest.raises(ParamsError, match="did you mean 'england'.*wales"):
        load_params("englnd")


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ({"not_derivable": {"cdk46_first_lin": "because"}}, "did you mean 'cdk46_first_line'"),
        ({"absent": {"drug": "because"}}, r"absent' names 'drug' \(did you mean 'drugs'"),
        ({"absent": {"tumours.her2": "because"}}, "absent' names 'tumours.her2', which is in these data; remove"),
    ],
)
def test_a_reason_must_name_what_there_is_and_an_absent_thing_what_there_is_not(reasons, said):
    params = load_params("wales").model_copy(update=reasons)
    with pytest.raises(ParamsError, match=said):
        check_reasons(params, project_definitions(), project_root() / "params" / "wales.yaml")


def test_reference_page_is_generated():
    page = project_root() / "params" / "README.md"
    assert page.read_text(encoding="utf-8") == write_reference(), "run `make docs`"


def test_comparison_periods_follow_from_the_dates_or_are_given(altered):
    params = load_params("england")
    assert params.comparison_period(1) == (params.metastatic_from, params.metastatic_to)
    assert params.comparison_period(3) == (dt.date(2017, 6, 1), dt.date(2020, 5, 31))
    first, last = params.comparison_period(5)
    assert last == dt.date(2018, 5, 31) and last - first == params.metastatic_to - params.metastatic_from
    given = {5: [dt.date(2016, 1, 1), dt.date(2017, 12, 31)]}
    other = load_params(altered(lambda raw: raw["survival"].update(comparison_periods=given)))
    assert other.comparison_period(5) == (dt.date(2016, 1, 1), dt.date(2017, 12, 31))
    assert other.comparison_period(3) == params.comparison_period(3)


def test_a_comparison_period_may_be_one_day(altered):
    day = [dt.date(2018, 5, 31), dt.date(2018, 5, 31)]
    given = load_params(altered(lambda raw: raw["survival"].update(comparison_periods={5: day})))
    assert given.earlier_periods[5] == tuple(day)


def test_a_comparison_period_does_not_begin_before_the_diagnoses_that_are_read():
    late = load_params("england").model_copy(update={"diagnosed_from": dt.date(2017, 1, 1)})
    assert late.comparison_period(5) == (dt.date(2017, 1, 1), dt.date(2018, 5, 31))
    later = late.model_copy(update={"diagnosed_from": dt.date(2019, 1, 1)})
    first, last = later.comparison_period(5)
    assert first > last
