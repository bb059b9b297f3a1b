"""What a run will release is decided before a page shows any of it."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.errors import ParamsError
from naome.core.params import load_params
from naome.measures.study import make_study
from naome.workflow import release_plan
from naome.workflow.release_plan import make_plan
from naome.workflow.small_nation import SMALLEST_NATION


def test_a_small_nation_of_real_people_may_not_show_its_small_groups():
    few = pd.DataFrame({"cohort": ["denovo"] * (SMALLEST_NATION - 1)})
    study = make_study(load_params("england"), run_id="r")
    said = "key 'disclosure.national' is 'show', and denovo has 999 people.*at least 1,000.*national: suppress_small"
    with pytest.raises(ParamsError, match=said):
        make_plan(few, None, study, (), real=True)


def test_the_refusal_names_the_file_that_was_given_and_the_line(make_run, as_runner, monkeypatch):
    run = as_runner(make_run("england", marking="real"))
    run.save("analysis", pd.DataFrame({"cohort": ["denovo"] * 50}))
    line = 1 + (run.inputs / "params.yaml").read_text(encoding="utf-8").splitlines().index("  national: show")
    with pytest.raises(ParamsError, match=f"england.yaml:{line}: key 'disclosure.national'"):
        run.decide_release()


def test_a_promise_that_cannot_be_kept_names_key_and_what_else_is_allowed(monkeypatch):
    def refuse(*_):
        raise ValueError("2 numbers could be worked out more closely than promised: m at level nation")

    for measure in ("count_people", "count_shares"):
        monkeypatch.setattr(release_plan, measure, lambda *_: pd.DataFrame())
    monkeypatch.setattr(release_plan, "read_scheme", lambda *_: None)
    monkeypatch.setattr(release_plan, "plan_release", refuse)
    few = pd.DataFrame({"cohort": ["denovo"] * 2000})
    said = "key 'disclosure.policy' is 'hes2018'.*2 numbers.*m at level nation.*lt5, lt10 are others.*'not_derivable'"
    with pytest.raises(ParamsError, match=said):
        make_plan(few, None, make_study(load_params("england"), run_id="r"), (), real=True)
