"""The whole chain, once per nation on a small extract and once on real people, then the site they make."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from naome.disclosure.policy import POLICIES
from naome.notebooks import list_notebooks
from naome.params import load_params
from naome.paths import project_root
from naome.render import check_site, render_site
from naome.results import COLUMNS

pytestmark = pytest.mark.chain
NAOME = Path(sys.executable).parent / "naome"
SCALES = {"england": "0.05", "wales": "1"}
AUDITS = ("england", "wales", "rotterdam")


def naome(*arguments: str, cwd: Path, runs: Path | None = None) -> subprocess.CompletedProcess:
    environment = dict(os.environ)
    if runs:
        environment["NAOME_RUNS"] = str(runs)
    return subprocess.run([NAOME, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Path:
    """Run the chain for every audit, two at a time, from a folder that is not the project."""
    base = tmp_path_factory.mktemp("chain")
    (base / "elsewhere").mkdir()
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda audit: run_audit(audit, base), AUDITS))
    assert list((base / "elsewhere").iterdir()) == []
    return base / "runs"


def run_audit(audit: str, base: Path) -> None:
    elsewhere, data = base / "elsewhere", []
    if audit in SCALES:
        folder, truth = str(base / "data" / audit), str(base / "truth" / audit)
        arguments = ("simulate", audit, "--scale", SCALES[audit], "--out", folder, "--truth", truth)
        done = naome(*arguments, cwd=elsewhere)
        assert done.returncode == 0, done.stderr
        data = ["--data", folder]
    done = naome("chain", "--audit", audit, *data, cwd=elsewhere, runs=base / "runs")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("audit", AUDITS)
def test_every_notebook_ran_clean(runs, audit):
    for source in list_notebooks():
        executed = nbformat.read(runs / audit / "notebooks" / source.name, as_version=4)
        for cell in executed.cells:
            if cell.cell_type == "code":
                assert cell.execution_count is not None
                assert not [o for o in cell.outputs if o.output_type in ("error", "stream")], cell.source
    assert not (runs / audit / "failed").exists()


@pytest.mark.parametrize("audit", AUDITS)
def test_results_keep_the_schema_and_released_ones_the_policy(runs, audit):
    params = load_params(audit)
    policy = POLICIES[params.disclosure.policy]
    released = sorted((runs / audit / "release").glob("*.parquet"))
    assert released
    for file in released:
        table = pd.read_parquet(file)
        assert list(table.columns) == list(COLUMNS)
        assert table["result_id"].is_unique
        local = table[~table["level"].isin(["nation", "england+wales"])]
        for column in ("numerator", "denominator"):
            assert not local[column].between(policy.hide_from, policy.hide_to).any(), (file.name, column)
        assert (table.loc[table["status"] != "ok", "reason"] != "").all()


def test_wales_says_what_it_cannot_derive(runs):
    table = pd.read_parquet(runs / "wales" / "release" / "indicators.parquet")
    rows = table[table["status"] == "not_derivable"].set_index("measure")
    for measure in ("cdk46_first_line", "anti_her2_first_line", "death_30d_chemotherapy", "biopsy"):
        assert rows.loc[[measure], "reason"].str.len().min() > 20
        assert rows.loc[[measure], "estimate"].isna().all()


@pytest.mark.parametrize("audit", AUDITS)
def test_manifest(runs, audit):
    manifest = json.loads((runs / audit / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["seed"] == load_params(audit).seed
    assert set(manifest["inputs_sha256"]) and all(len(v) == 64 for v in manifest["inputs_sha256"].values())
    assert manifest["rows_out"]["analysis"] == len(pd.read_parquet(runs / audit / "analysis.parquet"))
    assert [step["notebook"] for step in manifest["steps"]] == [path.stem for path in list_notebooks()]
    assert manifest["marking"] == ("open" if audit == "rotterdam" else "synthetic")
    assert manifest["started"] <= manifest["finished"]


def test_analysis_table_has_no_identifiers(runs):
    for audit in AUDITS:
        table = pd.read_parquet(runs / audit / "analysis.parquet")
        assert not [c for c in table.columns if "id" in c.split("_")]


def test_an_unread_extract_says_what_to_do(tmp_path):
    done = naome("run", "04", "--audit", "wales", cwd=tmp_path, runs=tmp_path / "runs")
    assert done.returncode == 2
    assert "naome read --audit wales" in done.stderr


def test_a_killed_read_leaves_nothing_and_a_second_finishes(runs, tmp_path):
    """What a killed run leaves behind is a hidden temporary folder; the next run does not trip over it."""
    folder = tmp_path / "runs" / "rotterdam"
    (folder / ".canonical-left-over").mkdir(parents=True)
    done = naome("read", "--audit", "rotterdam", cwd=tmp_path, runs=tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert (folder / "canonical" / "people.parquet").is_file()


@pytest.fixture(scope="session")
def site(runs, tmp_path_factory) -> Path:
    project = tmp_path_factory.mktemp("site") / "project"
    project.mkdir()
    root = project_root()
    for name in ("_quarto.yml", "_variables.yml", "references.bib", "index.qmd"):
        shutil.copy(root / name, project)
    for name in ("methodology", "assets", "notebooks", "definitions"):
        shutil.copytree(root / name, project / name)
    shutil.copytree(runs, project / "runs")
    downloads = ("downloads", "--audits", ",".join(AUDITS), "--out", str(project / "downloads"))
    done = naome(*downloads, cwd=project, runs=project / "runs")
    assert done.returncode == 0, done.stderr
    report = render_site(project, renderer="preview")
    assert report.renderer == "preview"
    return project / "_site"


def test_site_has_no_broken_link_no_network_and_a_banner_everywhere(site):
    assert check_site(site) == []


def test_site_marks_synthetic_and_real_pages(site):
    for page in (site / "runs").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        kind = "banner-real" if "rotterdam" in str(page) else "banner-synthetic"
        assert kind in text, page
        assert "Run <code>" in text, f"{page} does not say which run made it"
