"""Somebody with a folder of extracts and a parameter file gets a correct site of their audit, and nothing else changes.

The extracts are the generator's, as CSV and without its seal, so that for the program they are real. Project, home
and temporary folder are copies of their own that are compared before and after.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from naome.core.paths import project_root
from naome.core.seal import SEAL
from naome_synthetic import write_extract

pytestmark = pytest.mark.chain
NOTEBOOKS = '["00", "01", "02", "03", "04", "09"]'
AUDITS = {"mersey-2022": "england", "gogledd": "wales"}


def copy_project(target: Path) -> Path:
    """Copy what the project's tree holds in version control; without git, and without anything made before."""
    root = project_root()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target / name)
    return target


def look_at(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    base = tmp_path_factory.mktemp("real")
    copy_project(base / "project")
    for audit, nation in AUDITS.items():
        write_extract(nation, base / "extracts" / audit, base / "truth" / audit, scale=0.06, fmt="csv")
        (base / "extracts" / audit / SEAL).unlink()
    for name in ("home", "tmp", "elsewhere", "my parameters"):
        (base / name).mkdir()
    return base


def naome(base: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(base / "project" / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(base / "home"),
        "TMPDIR": str(base / "tmp"),
        "NAOME_NO_QUARTO": "1",
    }
    command = [sys.executable, "-m", "naome.workflow.cli", *arguments]
    return subprocess.run(command, cwd=base / "elsewhere", env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def chain(base) -> subprocess.CompletedProcess:
    """Make a parameter file for each nation, then one command for both."""
    command = []
    for audit, nation in AUDITS.items():
        done = naome(base, "new-audit", audit, "--like", nation, "--out", "../my parameters")
        assert done.returncode == 0, done.stderr
        file = base / "my parameters" / f"{audit}.yaml"
        text = re.sub(r"(?m)^notebooks:.*\n", "", file.read_text(encoding="utf-8"))
        file.write_text(f"{text}notebooks: {NOTEBOOKS}\n", encoding="utf-8")
        command += ["--params", f"../my parameters/{audit}.yaml", "--data", f"../extracts/{audit}"]
        command += ["--run-dir", f"../runs/{audit}"]
    before = {name: look_at(base / name) for name in ("project", "home", "tmp", "elsewhere", "extracts", "truth")}
    done = naome(base, "chain", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    changed = {name: sorted(set(look_at(base / name).items()) ^ set(found.items())) for name, found in before.items()}
    assert changed == {name: [] for name in before}
    return done


def pages(base: Path) -> list[Path]:
    found = [path for path in (base / "runs" / "mersey-2022" / "site").rglob("*.html") if "site_libs" not in path.parts]
    assert len(found) > 12
    return found


def read_page(path: Path) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8"))).split())


def test_the_command_ends_with_the_site_and_says_what_the_data_are(base, chain):
    assert str(base / "runs" / "mersey-2022" / "site" / "index.html") in chain.stdout
    assert chain.stdout.count("marked as real data, because no generator's seal is beside them") == 2


def test_every_page_says_real_and_none_says_synthetic(base, chain):
    for page in pages(base):
        source = page.read_text(encoding="utf-8")
        assert "banner-synthetic" not in source, page
        text = read_page(page)
        assert "Synthetic data" not in text and "is invented" not in text and "are synthetic" not in text, page
        if "/runs/" in page.as_posix().removeprefix(base.as_posix() + "/runs"):
            assert "banner-real" in source and "Real data" in text, page


def test_both_nations_are_pooled_and_nobody_else(base, chain):
    [pooled] = (base / "runs" / "mersey-2022" / "release").glob("england_wales.parquet")
    table = pd.read_parquet(pooled)
    people = {audit: len(pd.read_parquet(base / "runs" / audit / "analysis.parquet")) for audit in AUDITS}
    sizes = table[table["measure"].str.startswith("cohort_size") | (table["measure"] == "chemotherapy")]
    sizes = sizes[(sizes["group_by"] == "all") & (sizes["measure"] == "chemotherapy")]
    assert sizes["denominator"].dropna().sum() <= sum(people.values())
    ids = {json.loads((base / "runs" / a / "manifest.json").read_text(encoding="utf-8"))["run_id"] for a in AUDITS}
    assert {each for pair in table["run_id"] for each in pair.split("+")} == ids


def test_manifests_say_where_the_numbers_come_from(base, chain):
    for audit in AUDITS:
        manifest = json.loads((base / "runs" / audit / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["marking"] == "real" and manifest["audit"] == audit
        assert manifest["commit"] == "not a git checkout" and manifest["dirty"] is None
        given = (base / "my parameters" / f"{audit}.yaml").read_bytes()
        assert manifest["params_sha256"] == hashlib.sha256(given).hexdigest()
        assert set(manifest["inputs_sha256"]) == {path.name for path in (base / "extracts" / audit).iterdir()}


def test_files_about_people_are_their_owners_only(base, chain):
    for audit in AUDITS:
        folder = base / "runs" / audit
        for path in (folder / "inputs", folder / "analysis.parquet", *(folder / "inputs" / "canonical").iterdir()):
            assert path.stat().st_mode & 0o077 == 0, path
        assert not [path for path in folder.rglob(".*") if path.name.endswith((".tmp", ".old"))]


def test_an_altered_release_is_named_and_not_drawn(base, chain):
    file = base / "runs" / "gogledd" / "release" / "indicators.parquet"
    before = file.read_bytes()
    table = pd.read_parquet(file)
    try:
        table.assign(estimate=table["estimate"] / 2).to_parquet(file)
        done = naome(base, "render", "--audits", "../runs/gogledd", "--out", "../other site")
        assert done.returncode == 2 and "indicators.parquet" in done.stderr
        assert not (base / "other site").exists()
    finally:
        file.write_bytes(before)
