"""A command writes to a folder that is new, empty or its own, and refuses any other before it begins."""

from __future__ import annotations

import pytest

from naome.core.errors import RunError
from naome.core.out_folder import check_out
from naome.core.paths import project_root


@pytest.fixture
def places(tmp_path):
    """An extract, a sealed one, a run and a folder of somebody."""
    for file in ("extract/av_patient.csv", "sealed/extract.json", "run/manifest.json", "mine/thesis.txt", "file"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    for folder in ("empty", "own", "run/results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "own" / "plan").touch()
    return tmp_path


def look_at(folder, places):
    runs = [places / "run", places / "soon"]
    check_out(
        folder, lambda found: (found / "plan").exists(), option="--site", extracts=[places / "extract"], runs=runs
    )


@pytest.mark.parametrize("name", ["new", "new/deep", "empty", "own", "run/site", "soon/site"])
def test_what_is_new_empty_or_its_own_is_taken(places, name):
    look_at(places / name, places)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mine", "holds other files"),
        ("file", "is a file"),
        ("file/plans", "file is a file"),
        ("extract", "is the folder of an extract, .*extract, or lies in it"),
        ("extract/plans", "is the folder of an extract, .*extract, or lies in it"),
        ("sealed/plans", "is the folder of an extract, .*sealed, or lies in it"),
        (".", "is, or holds, .*extract"),
        ("run", "is, or holds, .*run"),
        ("soon", "is, or holds, .*soon"),
        ("run/results", "belongs to the run in .*run"),
        ("soon/inputs/canonical", "belongs to the run in .*soon"),
    ],
)
def test_what_belongs_to_something_else_is_refused(places, name, reason):
    before = sorted(places.rglob("*"))
    with pytest.raises(RunError, match=f"{reason}; nothing was written. Hint: --site with a folder that is new"):
        look_at(places / name, places)
    assert sorted(places.rglob("*")) == before


@pytest.mark.parametrize("name", ["definitions", "definitions/plans", "src/naome", "notebooks", "params"])
def test_what_the_project_is_made_of_is_no_place_to_write_to(places, name):
    with pytest.raises(RunError, match="belongs to the project"):
        look_at(project_root() / name, places)
