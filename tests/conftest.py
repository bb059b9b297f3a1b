"""Shared by all tests: the project folder, whatever the current directory is."""

from __future__ import annotations

import pytest

from naome.paths import project_root


@pytest.fixture(scope="session")
def root():
    return project_root()
