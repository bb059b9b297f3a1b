"""The table of linkage on the page of the cohorts: one meaning of its share, nothing small under a strict policy."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd
import pytest

from naome.core.params import Disclosure, load_params
from naome.extract.linkage import Linkage
from naome.measures.study import make_study
from naome.release import HIDDEN
from naome.report.display import Sentence
from naome.report.pages.cohort import release_linkage, release_quality, say_reading, tabulate_linkage

LINKS = [
    asdict(Linkage("pedw_spell", "ALF_PE", "wcn_registration", 990, 987, 10, 400, 398)),
    asdict(Linkage("pedw_diag", "SPELL", "pedw_spell", 3000, 3000, 0)),
]


def test_the_share_is_that_of_the_reader():
    shown = release_linkage(LINKS, make_study(load_params("england"), run_id="r")).frame
    assert shown["share"].tolist() == [Linkage(**each).share for each in LINKS] == [0.987, 1.0]
    assert shown["unlinked"].tolist() == [3, 0]
    assert shown["unlinked_people"].tolist()[0] == 2 and shown["people"].isna().tolist() == [False, True]


def test_rows_and_people_without_a_match_are_suppressed_under_a_strict_policy():
    strict = Disclosure(policy="lt10", national="suppress")
    params = load_params("wales").model_copy(update={"disclosure": strict})
    shown = release_linkage(LINKS, make_study(params, run_id="r")).frame
    assert shown.loc[0, ["unlinked", "unlinked_people", "share"]].tolist() == [HIDDEN] * 3


def test_a_source_of_one_table_says_so():
    assert isinstance(tabulate_linkage(release_linkage([], make_study(load_params("rotterdam"), run_id="r"))), Sentence)


def suppress_small():
    small = Disclosure(policy="hes2018", national="suppress_small")
    return make_study(load_params("wales").model_copy(update={"disclosure": small}), run_id="r")


def test_rows_without_an_identifier_are_not_those_of_a_rule_less_those_of_the_other_tables():
    """A rule of data cleaning counts all 1,361 of them, 1,358 in one table."""
    links = [
        Linkage("pedw_spell", "ALF_PE", "wcn_registration", 9000, 9000, 1358),
        Linkage("adde_deaths", "A", "wcn", 90, 90, 3),
    ]
    assert release_linkage([asdict(link) for link in links], suppress_small()).frame["without"].tolist() == [
        HIDDEN,
        HIDDEN,
    ]


@pytest.mark.parametrize(("people", "shown"), [(898, HIDDEN), (894, 894), (902, 902)])
def test_deaths_that_are_registered_twice_are_not_rows_less_people(people, shown):
    """The rule of data cleaning is suppressed: of 902 rows of 898 people four are second rows."""
    links = [asdict(Linkage("adde_deaths", "ALF_PE", "wcn_registration", 902, 902, 0, people, people))]
    assert release_linkage(links, suppress_small()).frame["people"].tolist() == [shown]
    england = make_study(load_params("england"), run_id="r")
    assert release_linkage(links, england).frame["people"].tolist() == [people]


def test_rows_without_a_match_do_not_give_people_with_two_rows():
    """Of 920 rows 902 link, of 898 people, and 18 of 9 others do not: 4 rows more of those who link, 13 of all."""
    links = [asdict(Linkage("adde_deaths", "ALF_PE", "wcn_registration", 920, 902, 0, 907, 898))]
    assert release_linkage(links, suppress_small()).frame["people"].tolist() == [HIDDEN]


@pytest.mark.parametrize(("rows", "said"), [(66, "has 20,766 rows"), (3, "has about 21,000 rows")])
def test_all_rows_of_an_extract_are_said_exactly_where_no_rule_left_out_few(rows, said):
    quality = pd.DataFrame({"rule": ["duplicate_registration"], "kind": "excluded", "rows": rows, "meaning": "m"})
    assert said in say_reading(release_quality(quality, suppress_small()), {"wcn_registration": 20766}).text
