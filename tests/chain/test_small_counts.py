"""A run under a strict policy shows no count of people from 1 to 9, in no table, sentence or text of a figure."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_counts import (
    find_count_cells,
    find_shares_of_few,
    find_small_counts,
    find_small_counts_on_page,
    read_outputs,
)

from naome.core.paths import project_root
from naome_synthetic import write_extract

pytestmark = pytest.mark.chain
NAOME = Path(sys.executable).parent / "naome"


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory) -> list[Path]:
    """Run the chain on a small Welsh extract, with a copy of the parameters whose policy is strict."""
    base = tmp_path_factory.mktemp("strict")
    text = (project_root() / "params" / "wales.yaml").read_text(encoding="utf-8")
    policy = "disclosure:\n  policy: lt10\n  national: suppress\n"
    strict = re.sub(r"^disclosure:\n(?:  .*\n)+", policy, text, flags=re.M)
    assert strict != text
    (base / "wales.yaml").write_text(strict, encoding="utf-8")
    data, run = str(base / "data"), base / "runs" / "wales"
    write_extract("wales", data, base / "truth", scale=0.1)
    arguments = ("chain", "--params", str(base / "wales.yaml"), "--data", data, "--run-dir", str(run))
    done = subprocess.run([NAOME, *arguments], cwd=base, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted((run / "notebooks").glob("*.ipynb"))


def test_no_count_from_one_to_nine_is_shown(notebooks):
    assert len(notebooks) > 10
    assert [found for notebook in notebooks for found in find_small_counts(notebook)] == []


def test_no_percentage_gives_a_hidden_count(notebooks):
    assert [found for notebook in notebooks for found in find_shares_of_few(notebook)] == []


def test_no_count_from_one_to_nine_is_on_the_site(notebooks):
    pages = sorted((notebooks[0].parents[1] / "site").rglob("*.html"))
    drawn = [page for page in pages if "runs" in page.parts[-4:]]
    assert len(drawn) >= len(notebooks)
    assert [found for page in drawn for found in find_small_counts_on_page(page)] == []
    counts = [cell for page in drawn for cell in find_count_cells(page)]
    assert len(counts) > 200 and "0" in counts


def test_counts_are_there_and_hidden_ones_are_said_to_be(notebooks):
    """Otherwise the other tests could not fail: there are many counts, and the small ones stand as words."""
    pages = [(notebook, shown) for notebook in notebooks for _, _, shown in read_outputs(notebook)]
    counts = [cell for _, shown in pages for cell in re.findall(r'class="(?:num )?count"[^>]*>([\d,]+)<', shown)]
    assert len(counts) > 150 and {"0", "47"} <= set(counts)
    with_hidden = {notebook.stem[:2] for notebook, shown in pages if re.search(r">suppressed(?:<|&#58;)", shown)}
    assert {"00", "01", "02", "03", "04", "07", "12", "13"} <= with_hidden
