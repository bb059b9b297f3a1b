"""Somebody with a folder of extracts and a parameter file gets a correct site of their audit, and nothing else changes.

The extracts are the generator's, as CSV and without its seal, so that for the program they are real. Project, home
and temporary folder are copies of their own that are compared before and after. Canaries are planted in the extracts:
nothing of a person is found in what the run leaves, but in the canonical tables, which are their owner's only.
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
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
from canaries import ORGANISATIONS, PERSON, find_formulae, find_personal, plant, read_rows, read_text, read_texts, spoil
from leaving import find_traces

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
        plant(nation, base / "extracts" / audit)
    for name in ("home", "tmp", "elsewhere", "my parameters"):
        (base / name).mkdir()
    return base


def naome(base: Path, *arguments: str, project: str = "project") -> subprocess.CompletedProcess:
    """Call the program as most systems do: with a umask by which everybody may read."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(base / project / "src"),
        "PYTHONPYCACHEPREFIX": str(base / "compiled"),
        "HOME": str(base / "home"),
        "TMPDIR": str(base / "tmp"),
        "NAOME_NO_QUARTO": "1",
    }
    command = [sys.executable, "-m", "naome.workflow.cli", *arguments]
    options = {"cwd": base / "elsewhere", "env": environment, "umask": 0o022}
    return subprocess.run(command, **options, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def chain(base) -> subprocess.CompletedProcess:
    """Make a parameter file for each nation, then one command for both."""
    command = []
    for audit, nation in AUDITS.items():
        done = naome(base, "new-audit", audit, "--like", nation, "--out", "../my parameters")
        assert done.returncode == 0, done.stderr
        file = base / "my parameters" / f"{audit}.yaml"
        text = re.sub(r"(?m)^notebooks:.*\n", "", file.read_text(encoding="utf-8"))
        text = text.replace("national: show", "national: suppress_small")  # few people
        file.write_text(f"{text}notebooks: {NOTEBOOKS}\n", encoding="utf-8")
        command += ["--params", f"../my parameters/{audit}.yaml", "--data", f"../extracts/{audit}"]
        command += ["--run-dir", f"../runs/{audit}"]
    before = {name: look_at(base / name) for name in ("project", "home", "tmp", "elsewhere", "extracts", "truth")}
    done = naome(base, "chain", *command, "--cores", "1")
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
        if page.stem in ("decisions", "changes"):  # records of the program, which name what pages once said
            continue
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


def find_open(paths: Iterable[Path]) -> list[Path]:
    """Return what others than the owner may open; IPython copies one of its own files with its permissions."""
    return [path for path in paths if path.stat().st_mode & 0o077 and path.parts[-2:] != ("startup", "README")]


def test_files_about_people_are_their_owners_only(base, chain):
    """All of a run is, but the site inside it, which nobody reaches through the run's folder."""
    for audit in AUDITS:
        folder = base / "runs" / audit
        inside = [path for path in folder.rglob("*") if folder / "site" not in (path, *path.parents)]
        assert len(inside) > 100
        assert find_open([folder, *inside]) == []
        assert not [path for path in folder.rglob(".*") if path.name.endswith((".tmp", ".old"))]


def test_nothing_of_a_person_is_in_what_a_run_leaves(base, chain):
    assert find_personal({Path("said"): chain.stdout + chain.stderr}) == []
    for audit in AUDITS:
        folder = base / "runs" / audit
        canonical = folder / "inputs" / "canonical"
        texts = read_texts(folder, without=[canonical])
        assert {"analysis.parquet", "read.json", "manifest.json"} <= {path.name for path in texts}
        assert find_personal(texts) == []
        held = find_personal(read_texts(canonical))  # otherwise nothing could have been found
        for table in ("people", "tumours", "deaths"):
            assert f"{canonical / table}.parquet: {PERSON}" in held
        assert "Y3561" in read_text(canonical / "deaths.parquet")


def test_a_hostile_name_is_a_text_wherever_it_is_shown(base, chain):
    site = base / "runs" / "mersey-2022" / "site"
    cells = [cell for row in read_rows(site / "downloads" / "results.csv") for cell in row.values()]
    assert find_formulae(cell for cell in cells if not re.fullmatch(r"-?[\d.]+(e-\d+)?", cell)) == []
    for name in (*range(len(ORGANISATIONS)), "ALLIANCE", "REGION"):
        shown = f"CANARYORG{name}" if isinstance(name, int) else f"CANARY{name}"
        assert any(shown in cell for cell in cells), shown
    on_pages = [page.read_text(encoding="utf-8") for page in pages(base)]
    alive = re.compile(r"""<(?:img|script)[^>]*CANARY|on\w+=["']?CANARY|(?:src|href)="[^"]*canary.invalid""")
    for page in on_pages:
        assert not alive.search(page)
        found = re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", page)
        texts = [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in found]
        assert [cell for cell in find_formulae(texts) if "CANARY" in cell] == []


def test_what_leaves_tells_nothing_of_the_machine(base, chain):
    leaves = [base / "runs" / audit / part for audit in AUDITS for part in ("notebooks", "release")]
    for folder in (*leaves, base / "runs" / "mersey-2022" / "site"):
        assert find_traces(folder, paths=(base,)) == []


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


@pytest.mark.parametrize("audit", AUDITS)
def test_a_refused_extract_is_refused_without_a_persons_value(base, chain, audit):
    folder, nation = base / "spoilt" / audit, AUDITS[audit]
    scale = {"england": 0.004, "wales": 0.02}[nation]
    write_extract(nation, folder, base / "truth" / f"{audit}-spoilt", scale=scale, fmt="csv")
    (folder / SEAL).unlink()
    plant(nation, folder)
    tables = spoil(nation, folder)
    extract, params = f"../spoilt/{audit}", ("--params", f"../my parameters/{audit}.yaml")
    command = (
        ("check-extract", extract) if nation == "wales" else ("read", "--data", extract, "--run-dir", "../refused")
    )
    done = naome(base, *command, *params)
    assert done.returncode == 2
    assert len([table for table in tables if table in done.stderr]) >= 4, done.stderr
    assert find_personal({Path("said"): done.stdout + done.stderr}) == []
    assert not (base / "refused").exists() and not list((base / "tmp").iterdir())


def test_a_notebook_that_fails_or_is_killed_says_nothing_of_a_person(base, chain):
    copy_project(base / "other")
    shutil.copytree(base / "runs" / "gogledd", base / "broken", ignore=shutil.ignore_patterns("site"))
    notebook = base / "other" / "notebooks" / "00-cohort.ipynb"
    book = json.loads(notebook.read_text(encoding="utf-8"))
    last = next(cell for cell in book["cells"] if cell["id"] == "open-run")
    own = "".join(last["source"])
    causes = "run.tables.deaths.execute()['causes']"
    for ending, said in (
        (f"[int(each) for each in {causes} if 'Y3561' in str(each)]", "failed with ValueError"),
        (f"print({causes}, flush=True)\nimport os\nos.kill(os.getpid(), 9)", "the kernel died"),
    ):
        last["source"] = f"{own}\n{ending}"
        notebook.write_text(json.dumps(book), encoding="utf-8")
        done = naome(base, "run", "00", "--run-dir", "../broken", project="other")
        assert done.returncode != 0 and said in done.stderr
        assert find_personal({Path("said"): done.stdout + done.stderr.replace(ending, "")}) == []
        kept = read_texts(base / "broken", without=[base / "broken" / "inputs" / "canonical"])
        private = [path for path in kept if path.parent.name == "failed"]
        assert len(private) == 1 and private[0].stat().st_mode & 0o777 == 0o600
        assert find_personal({path: text for path, text in kept.items() if path not in private}) == []
    assert find_open((base / "broken").rglob("*")) == []
