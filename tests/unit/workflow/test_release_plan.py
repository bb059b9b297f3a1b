"""What a run will release is decided before a page shows any of it."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.errors import ChainError
from naome.core.params import load_params
from naome.measures.study import make_study
from naome.workflow.release_plan import SMALLEST_NATION, make_plan


def test_a_small_nation_of_real_people_may_not_show_its_small_groups():
    few = pd.DataFrame({"cohort": ["denovo"] * (SMALLEST_NATION - 1)})
    study = make_study(load_params("england"), run_id="r")
    with pytest.raises(ChainError, match="fewer than 1,000 people.*national: suppress_small"):
        make_plan(few, None, study, (), real=True)
