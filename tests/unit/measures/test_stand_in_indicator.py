"""Which indicators the comparison of cohort rules shows, and which one where it can show none of these."""

from naome.measures.sensitivity import HEADLINES, _headlines
from naome.measures.study import make_study


def test_the_first_indicator_of_the_cohort_stands_in_for_headlines_that_cannot_be_derived(england):
    known = _headlines(make_study(england, run_id="r"), "recurrent")
    assert [each.id for each in known[0]] == ["chemotherapy", "death_30d_chemotherapy"] and known[1] is None
    none = make_study(england.model_copy(update={"not_derivable": dict.fromkeys(HEADLINES, "Not there.")}), run_id="r")
    for cohort, first in (("denovo", "mdt_discussion"), ("recurrent", "biopsy")):
        headlines, other = _headlines(none, cohort)
        assert headlines == [] and other.id == first
