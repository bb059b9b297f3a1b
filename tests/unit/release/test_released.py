"""What may be shown, by type: who can make it, and what plain tables of counts hide under a strict policy."""

from __future__ import annotations

import ast

import numpy as np
import pandas as pd
import pytest

from naome.core.params import Disclosure, load_params
from naome.core.paths import project_root
from naome.core.results import make_results
from naome.measures.methods import STANDARDISED_GAP
from naome.measures.study import make_study
from naome.release import (
    HIDDEN,
    Released,
    declare_not_counts,
    release,
    release_at_risk,
    release_attrition,
    release_counts,
    release_curves,
    release_variants,
    shown_numbers,
)
from naome.release.suppress import (
    EMPTY,
    NOT_OF_PEOPLE,
    VALUE_SUPPRESSED,
    WHY_SUPPRESSED,
    ReleasePlan,
)
from naome.release.types import Hidden

H, FEW = HIDDEN, Hidden("fewer than 10 differ")


def study(policy="lt10", national="suppress"):
    params = load_params("wales").model_copy(update={"disclosure": Disclosure(policy=policy, national=national)})
    return make_study(params, run_id="r")


def table(rows: str) -> pd.DataFrame:
    """Read a little table; a dash is missing."""
    head, *lines = [line.split() for line in rows.strip().splitlines()]
    frame = pd.DataFrame(lines, columns=head).replace("-", pd.NA)
    for column in frame:
        values = frame[column].dropna()
        if values.str.fullmatch(r"\d+").all():
            frame[column] = frame[column].astype("Int64")
    return frame


def test_nobody_but_disclosure_makes_a_released_frame():
    with pytest.raises(TypeError, match=r"only naome\.release makes a Released.*run\.release"):
        Released(pd.DataFrame({"people": [3]}), object())
    with pytest.raises(TypeError):
        Released(pd.DataFrame({"people": [3]}))


def test_a_part_or_a_transformation_of_what_is_released_is_released():
    released = release_counts(table("sex people\nfemale 30\nmale 20"), "people", study())
    assert released.where(sex="male").frame["people"].tolist() == [20]
    assert released.where(sex=["male", "female"]).frame["people"].tolist() == [30, 20]
    changed = released.transform(lambda frame: frame.assign(people=0))
    assert changed.frame["people"].tolist() == [0, 0] and released.frame["people"].tolist() == [30, 20]


def test_what_holds_no_counts_says_why_in_a_sentence():
    with pytest.raises(ValueError, match="say in a sentence"):
        declare_not_counts(pd.DataFrame(), "coefficients")


def test_every_declaration_in_the_program_says_why():
    """Run with -s to read them."""
    told = []
    files = sorted((project_root() / "src" / "naome").rglob("*.py"))
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    constants = {
        node.targets[0].id: node.value.value
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "declare_not_counts":
                why = node.args[1]
                text = why.value if isinstance(why, ast.Constant) else constants[why.id]
                told.append(f"{file.name}:{node.lineno}: {text}")
    print("\n".join(told))
    assert len(told) > 20 and all(line.endswith(".") and len(line.split(": ", 1)[1].split()) > 2 for line in told)
    assert not [line for line in told if "people" in line.lower() and "invented" not in line]


@pytest.mark.parametrize(("policy", "national"), [("lt10", "show"), ("hes2018", "show"), ("none", "suppress")])
def test_where_national_counts_are_shown_nothing_changes(policy, national):
    frame = table("sex people of\nfemale 30 33\nmale 3 33").assign(share=[0.9, 0.1])
    shown = release_counts(frame, "people", study(policy, national), of="of", totals=[[]], with_it=["share"]).frame
    pd.testing.assert_frame_equal(shown, frame)


@pytest.mark.parametrize(("count", "hidden"), [(0, False), (1, True), (9, True), (10, False)])
def test_edges_of_the_rule(count, hidden):
    assert (release_counts(table(f"people\n{count}"), "people", study()).frame["people"][0] is HIDDEN) == hidden


def test_counts_are_rounded_where_the_policy_rounds_and_what_goes_with_them_is_hidden():
    frame = table("people\n7\n8\n102").assign(share=0.5)
    shown = release_counts(frame, "people", study("hes2018"), with_it=["share"]).frame
    assert shown["people"].tolist() == [H, 10, 100] and shown["share"].tolist() == [H, H, H]


def test_a_hidden_count_cannot_be_had_from_its_total():
    """
    Row and column totals are known: every line with a hidden count has two.
    """
    frame = table("""
        cohort  route year people
        denovo  DN1   2020 5
        denovo  DN1   2021 40
        denovo  DN1   2022 30
        denovo  DN2   2020 20
        denovo  DN2   2021 50
        denovo  DN2   2022 60
    """)
    shown = release_counts(frame, "people", study(), totals=[["cohort", "route"], ["cohort", "year"]]).frame
    assert shown["people"].tolist() == [H, 40, H, H, 50, H]


def test_a_small_rest_and_the_share_of_a_hidden_count_are_hidden():
    frame = table("people of\n95 100\n60 100\n3 5").assign(share=[0.95, 0.6, 0.6])
    shown = release_counts(frame, "people", study(), of="of", with_it=["share"]).frame
    assert shown["people"].tolist() == [H, 60, H] and shown["of"].tolist() == [100, 100, H]
    assert shown["share"].tolist() == [H, 0.6, H]
    assert shown_numbers(shown["share"]).tolist()[1] == 0.6 and shown_numbers(shown["share"]).isna().sum() == 2


def test_attrition_gives_no_small_number_by_subtraction():
    """EL1 leaves out 3 and EL2 none: showing both ends would tell the 3. DN2 is small, so DN1 goes with it."""
    frame = table("""
        step       cohort    unit    remaining left_out
        registered both      tumours 1003      -
        EL1        both      tumours 1000      3
        EL2        both      tumours 1000      0
        EL7        both      people  900       100
        DN1        denovo    people  50        850
        DN2        denovo    people  4         896
        RC1        recurrent people  60        840
        RC2        recurrent people  55        5
    """)
    shown = release_attrition(frame, study()).frame
    assert shown["remaining"].tolist() == [H, 1000, 1000, 900, H, H, H, 55]
    left_out = shown["left_out"].tolist()
    assert left_out[1:] == [H, 0, 100, H, H, H, H] and left_out[0] is pd.NA
    pd.testing.assert_frame_equal(release_attrition(frame, study(national="show")).frame, frame)


def test_numbers_at_risk_give_no_small_number_by_subtraction():
    frame = pd.DataFrame({"group": ["a"], "0 y": [47], "1 y": [40], "2 y": [33], "3 y": [20], "4 y": [9], "5 y": [0]})
    shown = release_at_risk(frame, study()).frame
    assert shown.iloc[0].tolist() == ["a", 47, H, 33, 20, H, 0]


def test_curves_have_steps_of_more_deaths_than_are_hidden_and_end_at_ten_at_risk():
    frame = pd.DataFrame(
        {
            "group": "a",
            "years": range(9),
            "survival": 0.5,
            "lower": 0.4,
            "upper": 0.6,
            "n_event": [0, 2, 2, 1, 7, 1, 3, 1, 9],
            "n_risk": [140, 38, 36, 34, 33, 26, 25, 10, 9],
        }
    )
    for national in ("show", "suppress_small"):
        assert release_curves(frame, study(national=national)).frame["years"].tolist() == [0, 4]
    assert release_curves(frame, study("none")).frame["years"].tolist() == list(range(9))
    assert release_curves(frame, study("hes2018")).frame.empty


@pytest.mark.parametrize(
    ("national", "left", "years"),
    [
        ("suppress_small", {}, [0, 1, 2, 3]),
        (
            "suppress_small",
            {"a": {"0 y": 200, "1 y": 200 - 22}},
            [0, 1, 3],
        ),  # 20 by then
        ("suppress_small", {"a": {"0 y": 200, "1 y": 180}}, [0, 1, 2, 3]),
        ("suppress_small", {"a": {"0 y": 200, "1 y": None}}, [0, 1, 2, 3]),
        ("suppress_small", {"b": {"0 y": 200, "1 y": 178}}, [0, 1, 2, 3]),
        ("show", {"a": {"0 y": 200, "1 y": 178}}, [0, 1, 2, 3]),
    ],
)
def test_a_curve_has_no_step_few_deaths_from_what_results_say(national, left, years):
    frame = pd.DataFrame({"group": "a", "years": range(4), "survival": 0.5, "lower": 0.4, "upper": 0.6})
    frame = frame.assign(n_event=[0, 10, 10, 20], n_risk=[200, 200, 190, 180])
    assert release_curves(frame, study(national=national), left=left).frame["years"].tolist() == years


def test_numbers_at_risk_of_a_nation_that_hides_small_groups_are_rounded():
    frame = pd.DataFrame({"group": ["a"], "0 y": [47], "1 y": [33], "2 y": [3]})
    assert release_at_risk(frame, study("hes2018", "suppress_small")).frame.iloc[0].tolist() == ["a", 45, 35, H]
    assert release_at_risk(frame, study("hes2018", "show")).frame.iloc[0].tolist() == ["a", 47, 33, 3]


@pytest.mark.parametrize(
    ("policy", "shown"), [("hes2018", [80, H, 50, 25, H, H, 0]), ("lt10", [81, H, 51, 25, H, H, 0])]
)
def test_numbers_at_risk_are_not_few_people_from_what_results_say(policy, shown):
    """Of 81 people 30 died within a year and 49 within three: 58 at half a year are seven more than 51.

    At three years 11 are at risk and 32 - 11 are no longer followed; another result at that time is suppressed.
    """
    times = ["0 y", "0.5 y", "1 y", "2 y", "3 y", "4 y", "5 y"]
    frame = pd.DataFrame([["a", 81, 58, 51, 25, 11, 3, 0]], columns=["group", *times])
    left = {"a": {"0 y": 81, "1 y": 51, "3 y": None}}
    assert release_at_risk(frame, study(policy, "suppress_small"), left=left).frame.iloc[0].tolist() == ["a", *shown]
    assert release_at_risk(frame, study(policy, "show"), left=left).frame.iloc[0].tolist() == frame.iloc[0].tolist()
    # people who are not followed to the time point, four, are few too; without any other number at risk is shown
    left["a"]["3 y"] = 15
    assert release_at_risk(frame, study(policy, "suppress_small"), left=left).frame["3 y"].tolist() == [H]
    left["a"]["3 y"] = 32
    assert release_at_risk(frame, study(policy, "suppress_small"), left=left).frame["3 y"].tolist() != [H]


def test_no_group_alone_is_the_number_at_risk_of_its_cohort_less_those_of_the_others():
    frame = pd.DataFrame({"group": list("abc"), "1 y": [40, 30, 20], "2 y": [30, 20, 4], "3 y": [20, 3, 2]})
    frame["4 y"] = [9, 2, 0]
    small = study("hes2018", "suppress_small")
    shown = release_at_risk(frame, small, withheld=[]).frame
    assert shown[["1 y", "2 y", "3 y", "4 y"]].to_numpy().T.tolist() == [
        [40, 30, 20],
        [30, H, H],
        [H, H, H],  # five in all were those at risk of the two smaller groups
        [H, H, 0],
    ]
    assert release_at_risk(frame, small, withheld=["c"]).frame["1 y"].tolist() == [40, H, 20]  # c is not drawn
    assert release_at_risk(frame, small).frame["2 y"].tolist() == [30, 20, H]


def test_a_variant_that_few_people_tell_from_the_base_is_hidden_where_the_nation_is_shown_too():
    frame, base = table("people shared\n105 100\n130 100\n3 3"), table("people shared\n100 100\n100 100\n50 50")
    shown = release_variants(
        frame, ("people", "shared"), base, study(national="show"), overlaps=[("shared", "people")]
    ).frame
    assert shown["people"].tolist() == [FEW, 130, 3]


def test_a_variant_that_few_people_tell_from_the_base_is_hidden_whole():
    frame = table("people shared\n100 100\n105 100\n130 100\n100 95").assign(share=0.5)
    base = table("people shared\n100 100\n100 100\n100 100\n100 100")
    shown = release_variants(
        frame, ("people", "shared"), base, study(), parts=[("shared", "people")], with_it=["share"]
    ).frame
    assert shown["people"].tolist() == [100, H, 130, H] and shown["share"].tolist() == [0.5, H, 0.5, H]
    shown = release_variants(frame, ("people", "shared"), base, study(), with_it=["share"]).frame
    assert shown["people"].tolist() == [100, FEW, 130, H] and shown["shared"].tolist() == [100, H, 100, FEW]


def test_numbers_that_can_be_solved_for_their_counts_are_suppressed():
    """Nine digits of a gap standardised for age, or of the variation of seven organisations, leave one solution."""
    rows = pd.DataFrame({"measure": ["gap", "few", "many"], "method": [STANDARDISED_GAP, *NOT_OF_PEOPLE * 2]})
    rows = rows.assign(denominator=[400, 7, 124], numerator=[150, 5, 90], estimate=0.123456789)
    rows = rows.assign(group=["1 less 5", "all", "all"], group_by=["deprivation", "all", "all"], unit="wales")
    results = make_results(rows, audit="wales", nation="wales", cohort="denovo", run_id="r")
    for national, gap in (("show", "ok"), ("suppress_small", "suppressed")):
        shown = release(results, study("hes2018", national=national).params).frame.set_index("measure")
        assert shown["status"].to_dict() == {"gap": gap, "few": "suppressed", "many": "ok"}
        assert shown.loc["few", ["estimate", "denominator"]].isna().all()
        # methods of this nation have a rule: what is suppressed is what could be worked out
        assert set(shown.loc[shown["status"] == "suppressed", "reason"]) == {WHY_SUPPRESSED}
    assert (release(results, study("none", national="show").params).frame["status"] == "ok").all()


def test_no_reason_says_what_a_suppressed_national_value_is():
    """That all 81 died would be known of those whose number is suppressed for another's sake."""
    whole = pd.DataFrame({"measure": ["survival_1y", "survival_3y"], "denominator": 81, "numerator": [50, 81]})
    named = {"audit": "wales", "nation": "wales", "cohort": "recurrent", "level": "nation", "run_id": "r"}
    whole = make_results(whole.assign(group_by="all", group="all", unit="wales", method="wilson"), **named)
    reasons = [f"national survival at {years} is 0%" for years in ("1 year", "3 years")]
    measures = ["survival_1y_adjusted", "survival_3y_adjusted", "survival_3y_trend", "survival_3y.median_odds_ratio"]
    said = [*reasons, "There are fewer than two years to compare.", "Everyone, or no one, has the outcome."]
    rows = make_results(pd.DataFrame({"measure": measures, "reason": said, "status": "not_derivable"}), **named)
    plan = ReleasePlan(EMPTY, whole, np.array([False, True]))
    shown = release(rows, study("hes2018", national="suppress_small").params, plan).frame["reason"].tolist()
    assert shown == [reasons[0], VALUE_SUPPRESSED, said[2], VALUE_SUPPRESSED]


@pytest.mark.parametrize(
    ("policy", "hidden", "status"),
    [("lt5", 0, "ok"), ("lt5", 2, "suppressed"), ("lt5", 25, "ok"), ("hes2018", 2, "ok")],
)
def test_variation_is_suppressed_where_all_but_few_organisations_are_shown_as_they_are(policy, hidden, status):
    """With nine digits of it and 22 of 24 counts, the other two can be found by trying all of 1 to 4."""
    units = pd.DataFrame(
        {"measure": "m", "level": "provider", "unit": [f"Z{k}" for k in range(30)], "method": "wilson"}
    )
    units = make_results(
        units.assign(denominator=50, numerator=20, estimate=0.4), audit="a", nation="e", cohort="c", run_id="r"
    )
    plan = ReleasePlan(EMPTY, units, (units.index < hidden))
    spread = pd.DataFrame(
        {"measure": ["m.median_odds_ratio"], "method": NOT_OF_PEOPLE, "denominator": 30, "estimate": 1.23}
    )
    spread = make_results(spread, audit="a", nation="e", cohort="c", run_id="r")
    assert release(spread, study(policy, national="show").params, plan).frame["status"].tolist() == [status]


def test_a_curve_of_few_people_is_not_drawn_where_small_groups_are_suppressed():
    curve = pd.DataFrame({"years": [0.0, 0.5, 1.0], "survival": [1.0, 0.8, 0.6], "n_event": [0, 10, 10]})
    curve = curve.assign(lower=0.5, upper=1.0)
    both = pd.concat([curve.assign(group="a", n_risk=[100, 90, 80]), curve.assign(group="b", n_risk=[99, 89, 79])])
    for national, groups in (("show", {"a", "b"}), ("suppress_small", {"a"}), ("suppress", set())):
        shown = release_curves(both.reset_index(drop=True), study("hes2018", national=national)).frame
        assert set(shown["group"]) == groups


def test_a_variant_with_few_people_of_its_own_does_not_say_that_few_differ():
    frame, base = table("people\n7\n9\n130"), table("people\n3\n3\n3")
    assert release_variants(frame, ["people"], base, study()).frame["people"].tolist() == [H, H, 130]
    shown = release_variants(frame, ["people"], base, study(policy="hes2018", national="show")).frame
    assert [repr(value) for value in shown["people"][:2]] == ["fewer than 8 differ"] * 2


def test_a_group_of_the_nation_hidden_alone_takes_another_with_it():
    """Everyone is 100 and the others are shown: the 3 would be the rest."""
    rows = pd.DataFrame({"group": ["all", "a", "b", "c"], "group_by": ["all", "g", "g", "g"]})
    rows = rows.assign(numerator=[45, 20, 3, 22], denominator=[100, 50, 10, 40], estimate=0.4, measure="m")
    rows = rows.assign(method="wilson", unit="wales", status="ok")
    results = make_results(rows, audit="wales", nation="wales", cohort="denovo", run_id="r")
    for national in ("suppress", "suppress_small"):
        shown = release(results, study("lt5", national=national).params).frame
        assert shown["status"].tolist() == ["ok", "ok", "suppressed", "suppressed"]
    small = release(results, study("hes2018", national="suppress_small").params).frame
    assert small["status"].tolist() == ["ok", "ok", "suppressed", "suppressed"]
    assert small.loc[1, "numerator"] == 20 and small.loc[1, "method"] == "wilson"
    assert release(results, study(national="show").params).frame["status"].tolist() == ["ok"] * 4


@pytest.mark.parametrize(
    ("people", "hidden"),
    [
        ([1, 2, 40, 30], {0, 1, 3}),  # 3 together: 1 and 2
        ([7, 7, 40, 30], {0, 1}),  # 14 together: each from 0 to 14
        ([6, 40, 30], {0, 2}),
        ([1, 2, 0, 0], {0, 1}),  # everyone: what the total says
        ([4, 40, 0, 0], {0, 1}),
    ],
)
def test_small_counts_of_a_sum_are_not_known_more_closely_than_what_is_hidden(people, hidden):
    frame = pd.DataFrame({"people": people})
    shown = release_counts(frame, "people", study("hes2018", "suppress_small"), totals=[[]]).frame["people"]
    assert {row for row, count in shown.items() if count == H} == hidden


def test_small_rests_of_a_sum_are_not_known_more_closely_than_what_is_hidden():
    """Of 47 of each tenth 46 and 45 are alive, and of all together how many is known: 3 died in the two."""
    frame = pd.DataFrame({"alive": [46, 45, 30, 20], "of": 47})
    shown = release_counts(frame, "alive", study("hes2018", "suppress_small"), of="of", totals=[[]]).frame["alive"]
    assert shown.tolist() == [H, H, 30, H]


def test_rounded_numbers_at_risk_that_differ_by_five_are_not_both_shown():
    """100 and 95 are 8 or 9 apart if they are not few apart: of 25 pairs three would remain."""
    frame = pd.DataFrame({"group": ["a"], "0 y": [101], "1 y": [93], "2 y": [80]})
    assert release_at_risk(frame, study("hes2018", "suppress_small")).frame.iloc[0].tolist() == ["a", 100, H, 80]


def test_what_a_rule_leaves_out_is_what_rounded_numbers_differ_by():
    """44 rounded is 45: with 100 and 60 only 101 or 102 people, and 58 or 59 of them, could be."""
    frame = table("step cohort unit remaining left_out\nEL6 both people 102 -\nEL7 both people 58 44")
    shown = release_attrition(frame, study("hes2018", "suppress")).frame
    assert shown["remaining"].tolist() == [100, 60] and shown["left_out"].tolist()[1] == 40


def test_variants_of_one_choice_that_few_people_tell_apart_are_not_both_shown():
    """Without a gap 150, with one of three months 153, of six 180: 3 people between the first two."""
    frame = pd.DataFrame({"option": ["gap"] * 3 + ["other"], "people": [150, 153, 180, 154]})
    base = pd.DataFrame({"people": [200] * 4})
    for national in ("show", "suppress_small"):
        small = study("hes2018", national)
        shown = release_variants(frame, ["people"], base, small, of_one=["option"]).frame["people"].tolist()
        assert shown == [150, Hidden("fewer than 8 differ"), 180, 154]
