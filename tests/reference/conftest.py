from pathlib import Path

import numpy as np
import pandas as pd
import pytest

HERE = Path(__file__).parent
ROTTERDAM = HERE.parents[1] / "data" / "open" / "rotterdam.csv"
COVARIATES = ["agec", "meno", "size2050", "size50", "grade3", "nodes_c", "lpgr", "ler", "hormon", "chemo"]


def read_expected(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / "expected" / name)


def derive_design(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        agec=(frame["age"] - 55) / 10,
        size2050=(frame["size"] == "20-50").astype(int),
        size50=(frame["size"] == ">50").astype(int),
        grade3=(frame["grade"] == 3).astype(int),
        nodes_c=frame["nodes"].clip(upper=15),
        lpgr=np.log1p(frame["pgr"]),
        ler=np.log1p(frame["er"]),
        provider=[f"P{pid % 12:02d}" for pid in frame["pid"]],  # invented: real outcomes, no real provider
    )


@pytest.fixture(scope="session")
def expected():
    return read_expected


@pytest.fixture(scope="session")
def rotterdam() -> pd.DataFrame:
    return derive_design(pd.read_csv(ROTTERDAM))


@pytest.fixture(scope="session")
def recurrent(rotterdam) -> pd.DataFrame:
    return rotterdam[(rotterdam["recur"] == 1) & (rotterdam["dtime"] > rotterdam["rtime"])].reset_index(drop=True)


@pytest.fixture(scope="session")
def amputed(rotterdam) -> pd.DataFrame:
    """Rotterdam with values removed at random given age and death, by the mask R drew (seed 99)."""
    frame = pd.DataFrame(
        {
            "pid": rotterdam["pid"],
            "dtime": rotterdam["dtime"],
            "death": rotterdam["death"],
            "agec": rotterdam["agec"],
            "size": pd.Categorical(rotterdam["size"], ["<=20", "20-50", ">50"]),
            "grade3": rotterdam["grade3"].astype(float),
            "erpos": (rotterdam["er"] >= 10).astype(float),
            "lpgr": rotterdam["lpgr"],
            "nodes_c": rotterdam["nodes_c"],
            "hormon": rotterdam["hormon"],
            "chemo": rotterdam["chemo"],
        }
    )
    mask = pd.read_csv(HERE / "data" / "rotterdam_missing.csv").set_index("pid")["missing"]
    mask = frame["pid"].map(mask).fillna(0).astype(int)
    for name, bit in {"erpos": 1, "grade3": 2, "size": 4, "lpgr": 8}.items():
        frame.loc[(mask & bit) > 0, name] = np.nan
    return frame


@pytest.fixture(scope="session")
def surgical() -> pd.DataFrame:
    return pd.read_csv(HERE / "data" / "surgical.csv")


@pytest.fixture(scope="session")
def covariates() -> list[str]:
    return COVARIATES
