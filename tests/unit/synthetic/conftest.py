from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from naome_synthetic import write_extract


@pytest.fixture(autouse=True)
def _own_connection() -> None:
    """Give each test a default connection of its own: one left with an unread result takes no other query."""
    duckdb.set_default_connection(duckdb.connect())


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> SimpleNamespace:
    """Extracts of all three kinds at scale 0.02 with every default defect, and clean ones of England and Wales."""
    root = tmp_path_factory.mktemp("synthetic")
    out = SimpleNamespace(root=root, extract={}, truth={}, summary={})
    for name, nation, defects in (
        ("england", "england", True),
        ("wales", "wales", True),
        ("england-rcrd", "england-rcrd", True),
        ("clean-england", "england", False),
        ("clean-wales", "wales", False),
        ("clean-england-rcrd", "england-rcrd", False),
    ):
        out.extract[name], out.truth[name] = root / name, Path(f"{root}-truth") / name
        scale = 0.02 if "rcrd" in name or "clean" not in name else 0.05
        out.summary[name] = write_extract(nation, out.extract[name], out.truth[name], scale=scale, defects=defects)
    return out
