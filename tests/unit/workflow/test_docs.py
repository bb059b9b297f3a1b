"""What is made from code is written by one command, which also says what is out of date."""

from __future__ import annotations

import pytest

from naome.core.paths import project_root
from naome.workflow import docs
from naome.workflow.cli import main


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of which one file is up to date, one is old and one is missing."""
    current, old, missing = list(docs.DOCS)[:3]
    monkeypatch.setattr(docs, "DOCS", {name: docs.DOCS[name] for name in (current, old, missing)})
    for name in (current, old):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((project_root() / name).read_bytes())
    (tmp_path / old).write_text("old")
    monkeypatch.setattr(docs, "project_root", lambda: tmp_path)
    return tmp_path, current, old, missing


def test_the_check_says_what_is_out_of_date_and_writes_nothing(project, capsys):
    folder, _, old, missing = project
    assert main(["docs", "--check"]) == 2
    assert capsys.readouterr().err == f"naome: {old}, {missing}: out of date. Hint: naome docs.\n"
    assert (folder / old).read_text() == "old" and not (folder / missing).exists()


def test_what_is_out_of_date_is_written_and_the_rest_is_left(project, capsys):
    folder, current, old, missing = project
    before = (folder / current).stat().st_mtime_ns
    assert main(["docs"]) == 0
    assert capsys.readouterr().out == f"{current}: up to date\n{old}: written\n{missing}: written\n"
    assert (folder / current).stat().st_mtime_ns == before
    for name in docs.DOCS:
        assert (folder / name).read_bytes() == (project_root() / name).read_bytes()
    assert main(["docs", "--check"]) == 0
