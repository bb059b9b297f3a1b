"""The commands of these tests are forked from a parent that has imported once, as the steps of the workflow are."""

from __future__ import annotations

import pytest

from naome.workflow.warm import keep_warm


@pytest.fixture(scope="session", autouse=True)
def parent(tmp_path_factory):
    with keep_warm(tmp_path_factory.mktemp("warm") / "parent"):
        yield
