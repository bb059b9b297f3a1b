"""Pohar Perme's estimator against R's relsurv, on colorectal cancer in Slovenia."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from naome.stats.pohar_perme import make_life_table, net_survival

DATA = Path(__file__).parent / "data"
BANDS = ["15-44", "45-54", "55-64", "65-74", "75+"]


@pytest.fixture(scope="module")
def life_table():
    return make_life_table(pd.read_csv(DATA / "slopop.csv"))


@pytest.fixture(scope="module")
def colrec() -> pd.DataFrame:
    people = pd.read_csv(DATA / "colrec.csv")
    return people.assign(band=pd.cut(people["age_days"] / 365.25, [0, 45, 55, 65, 75, 200], right=False, labels=BANDS))


@pytest.mark.parametrize("group", ["all", *BANDS])
def test_net_survival(colrec, life_table, expected, group):
    reference = expected("net_survival_colrec.csv").query("group == @group").reset_index(drop=True)
    people = colrec if group == "all" else colrec[colrec["band"] == group]
    ours = net_survival(
        people["duration"],
        people["event"],
        sex=people["sex"],
        age_days=people["age_days"],
        start_date=people["origin"],
        life_table=life_table,
        at=reference["time"].tolist(),
    )
    assert len(reference) == 4
    assert ours["n_risk"].tolist() == reference["n_risk"].tolist()
    for name in ("survival", "std_error", "lower", "upper"):
        # relsurv takes the mean of both ends of a day for its integral, the project its middle
        np.testing.assert_allclose(ours[name], reference[name], rtol=0, atol=2e-8)
