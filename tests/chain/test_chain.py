"""The whole chain, once per audit on a small extract and once on real people, then the site they make."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from examine import examine_all, list_pages, read_axe
from leaving import find_traces
from simulacrum_files import write_simulacrum

from naome.core.params import load_params
from naome.core.paths import project_root
from naome.core.results import RESULT_COLUMNS
from naome.release.outlier_levels import STATUS_COLUMNS
from naome.release.policy import POLICIES
from naome.report.display import format_number
from naome.workflow.pages import notebooks_of
from naome.workflow.site import check_strips
from sitepreview import check_site

pytestmark = pytest.mark.chain
NAOME = Path(sys.executable).parent / "naome"
SCALES = {"england": "0.02", "wales": "0.3", "england-rcrd": "0.03"}
# The longest first, since two run at a time
ORGANISATIONS, OUTLIER_STATUS = "organisations.parquet", "outlier_status.parquet"
AUDITS = ("england", "wales", "rotterdam", "simulacrum", "england-rcrd")
ON_SITE = tuple(audit for audit in AUDITS if audit != "simulacrum")


def naome(*arguments: str, cwd: Path, runs: Path | None = None) -> subprocess.CompletedProcess:
    return call([NAOME, *arguments], cwd, runs)


def synthetic(*arguments: str, cwd: Path, runs: Path | None = None) -> subprocess.CompletedProcess:
    return call([sys.executable, "-m", "naome_synthetic", *arguments], cwd, runs)


def call(command: list[str | Path], cwd: Path, runs: Path | None) -> subprocess.CompletedProcess:
    environment = dict(os.environ)
    if runs:
        environment["NAOME_RUNS"] = str(runs)
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Path:
    """Run the chain for every audit, two at a time, from a folder that is not the project."""
    base = tmp_path_factory.mktemp("chain")
    (base / "elsewhere").mkdir()
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda audit: run_audit(audit, base), AUDITS))
    truth = ("compare-truth", "--audits", "england,wales", "--truth", str(base / "truth"))
    done = synthetic(*truth, cwd=base / "elsewhere", runs=base / "runs")
    assert done.returncode == 0, done.stderr
    assert list((base / "elsewhere").iterdir()) == []
    return base / "runs"


def run_audit(audit: str, base: Path) -> None:
    elsewhere, data = base / "elsewhere", []
    if audit in SCALES:
        folder, truth = str(base / "data" / audit), str(base / "truth" / audit)
        arguments = ("simulate", audit, "--scale", SCALES[audit], "--out", folder, "--truth", truth)
        done = synthetic(*arguments, cwd=elsewhere)
        assert done.returncode == 0, done.stderr
        data = ["--data", folder]
    if audit == "simulacrum":
        write_simulacrum(base / "data" / audit)
        data = ["--data", str(base / "data" / audit)]
    done = naome("chain", "--audit", audit, *data, "--no-site", "--cores", "1", cwd=elsewhere, runs=base / "runs")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("audit", AUDITS)
def test_every_notebook_ran_clean(runs, audit):
    for source in notebooks_of(load_params(audit)):
        executed = nbformat.read(runs / audit / "notebooks" / source.name, as_version=4)
        for cell in executed.cells:
            if cell.cell_type == "code":
                assert cell.execution_count is not None
                assert not [o for o in cell.outputs if o.output_type in ("error", "stream")], cell.source
    assert not (runs / audit / "failed").exists()


@pytest.mark.parametrize("audit", AUDITS)
def test_only_the_notebooks_of_the_parameters_ran(runs, audit):
    made = sorted(path.name for path in (runs / audit / "notebooks").glob("*.ipynb"))
    assert made == [path.name for path in notebooks_of(load_params(audit))]


def read_outputs(notebook: Path) -> str:
    """What the code cells of an executed notebook show as text, without markup."""
    cells = nbformat.read(notebook, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [output["data"].get("text/markdown", "") for output in outputs]
    return html.unescape(re.sub(r"<[^>]+>", " ", "\n".join(shown)))


@pytest.mark.parametrize("audit", ("simulacrum", "england-rcrd"))
def test_no_page_shows_a_value_that_is_not_one(runs, audit):
    for notebook in sorted((runs / audit / "notebooks").glob("*.ipynb")):
        assert not re.findall(r"\b(nan|NaN|None|NaT|<NA>|inf)\b", read_outputs(notebook)), notebook.name


def test_simulacrum_derives_what_it_can_and_says_why_not_the_rest(runs):
    table = pd.read_parquet(runs / "simulacrum" / "results" / "indicators.parquet")
    national = table[(table["level"] == "nation") & (table["group_by"] == "all")].set_index(["measure", "cohort"])
    for measure in ("chemotherapy", "death_30d_chemotherapy", "radiotherapy", "molecular_status_recorded"):
        assert national.loc[(measure, "denovo"), "status"] == "ok", measure
    rest = national[national["status"] == "not_derivable"]
    assert len(rest) > 20 and (rest["reason"].str.len() > 20).all() and rest["estimate"].isna().all()
    survival = pd.read_parquet(runs / "simulacrum" / "results" / "survival.parquet").query("group_by == 'all'")
    assert survival.set_index("measure").loc["survival_1y", "status"] == "ok"
    for number in ("00", "02", "03"):
        [page] = (runs / "simulacrum" / "notebooks").glob(f"{number}-*.ipynb")
        assert "no hospital admissions in Simulacrum" in read_outputs(page), page.name
    validation = pd.read_parquet(runs / "simulacrum" / "results" / "validation.parquet")
    assert (validation.query("measure == 'record_before_death'")["status"] == "not_derivable").all()


def test_version_1_of_the_simulacrum_has_parameters_of_its_own(tmp_path):
    write_simulacrum(tmp_path / "v1", version=1, tumours=3000)
    arguments = ("--audit", "simulacrum-v1", "--data", str(tmp_path / "v1"))
    for command in (("read",), ("run", "00"), ("run", "03")):
        done = naome(*command, *arguments, cwd=tmp_path, runs=tmp_path / "runs")
        assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "runs" / "simulacrum-v1" / "results" / "indicators.parquet")
    national = table[(table["level"] == "nation") & (table["group_by"] == "all")].set_index(["measure", "cohort"])
    assert national.loc[("cns_contact", "denovo"), "status"] == "ok"
    assert national.loc[("radiotherapy", "denovo"), "reason"] == "Radiotherapy is not in version 1 of Simulacrum."
    years = pd.read_parquet(tmp_path / "runs" / "simulacrum-v1" / "analysis.parquet")["year"]
    assert set(years) == {2013, 2014, 2015, 2016}


def test_sample_rows_without_a_cohort_are_refused_with_the_rule(tmp_path):
    sample = project_root() / "tests" / "unit" / "extract" / "data" / "simulacrum_v2"
    done = naome("chain", "--audit", "simulacrum", "--data", str(sample), cwd=tmp_path, runs=tmp_path / "runs")
    assert done.returncode == 2
    assert "no one is in a cohort. At EL6" in done.stderr and "none of 5 tumours is left" in done.stderr
    assert "Traceback" not in done.stderr


def test_rapid_registration_records_less_stage_and_makes_quarterly_charts(runs):
    shares = {}
    for audit in ("england", "england-rcrd"):
        table = pd.read_parquet(runs / audit / "results" / "completeness.parquet")
        national = table[(table["level"] == "nation") & (table["group_by"] == "all")].set_index("measure")
        shares[audit] = national.loc["completeness.stage"]
    rapid = shares["england-rcrd"]
    # 33% to 43% were published for rapid registration; its interval on a small extract must meet that
    assert rapid["lower"] < 0.43 and rapid["upper"] > 0.33
    assert rapid["upper"] < shares["england"]["lower"]
    quarterly = pd.read_parquet(runs / "england-rcrd" / "results" / "quarterly.parquet")
    stage = quarterly[quarterly["measure"] == "completeness.stage"]
    assert stage["group"].tolist() == [f"{year} Q{quarter}" for year in range(2019, 2023) for quarter in range(1, 5)]
    text = read_outputs(runs / "england-rcrd" / "notebooks" / "07-data-quality-quarterly.ipynb")
    assert "Making Data Count" in text and "2022 Q2 to 2022 Q4 are incomplete" in text
    for reason in ("Drugs (SACT) are not linked", "Receptors are not in rapid", "Causes of death are not in rapid"):
        assert reason in text


@pytest.mark.parametrize("audit", AUDITS)
def test_results_keep_the_schema_and_released_ones_the_policy(runs, audit):
    params = load_params(audit)
    policy = POLICIES[params.disclosure.policy]
    folder = runs / audit / "release"
    names = pd.read_parquet(folder / ORGANISATIONS)
    assert bool(len(names)) == (audit in ("england", "wales", "england-rcrd")) and names["code"].is_unique
    released = sorted(set(folder.glob("*.parquet")) - {folder / ORGANISATIONS, folder / OUTLIER_STATUS})
    assert released
    for file in released:
        table = pd.read_parquet(file)
        assert list(table.columns) == list(RESULT_COLUMNS)
        assert table["result_id"].is_unique
        local = table[~table["level"].isin(["nation", "england+wales"])]
        for column in ("numerator", "denominator"):
            assert not local[column].between(policy.hide_from, policy.hide_to).any(), (file.name, column)
        assert (table.loc[table["status"] != "ok", "reason"] != "").all()


@pytest.mark.parametrize("audit", ("england", "wales", "rotterdam"))
def test_only_organisations_whose_survival_is_shown_have_an_outlier_status(runs, audit):
    statuses = pd.read_parquet(runs / audit / "release" / OUTLIER_STATUS)
    assert list(statuses.columns) == [*STATUS_COLUMNS, "run_id"]
    results = pd.read_parquet(runs / audit / "release" / "risk_adjusted.parquet")
    shown = results[(results["status"] == "ok") & (results["level"] == "provider")]
    key = ["cohort", "measure", "unit"]
    assert set(statuses[key].itertuples(index=False)) == set(shown[key].itertuples(index=False))


@pytest.mark.parametrize("audit", ("england", "wales", "england-rcrd"))
def test_what_is_not_shown_has_no_number_in_any_file(runs, audit):
    numbers = ["denominator", "numerator", "estimate", "lower", "upper"]
    for file in sorted((runs / audit / "release").glob("*.parquet")):
        frame = pd.read_parquet(file)
        if "status" in frame:
            assert frame.loc[frame["status"] != "ok", numbers].isna().all(axis=None), file.name


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
    assert [step["notebook"] for step in manifest["steps"]] == [path.stem for path in notebooks_of(load_params(audit))]
    assert manifest["marking"] == ("open" if audit in ("rotterdam", "simulacrum") else "synthetic")
    assert manifest["started"] <= manifest["finished"]


@pytest.mark.parametrize("audit", AUDITS)
def test_the_attack_on_the_release_fails_and_the_sheet_lists_all_that_would_leave(runs, audit):
    manifest = json.loads((runs / audit / "manifest.json").read_text(encoding="utf-8"))
    attack, policy = manifest["attack"], load_params(audit).disclosure.policy
    assert attack["verdict"] == ("not attacked" if policy == "none" else "pass") and attack["policy"] == policy
    if policy != "none":
        assert attack["relations"] > 500 and attack["hidden"] > 10
        assert attack["hidden_narrow"] == attack["shown_narrow"] == attack["truth_outside"] == 0
    sheet = pd.read_csv(runs / audit / "egress.csv")
    assert dict(zip(sheet["file"], sheet["sha256"], strict=True)) == {**manifest["pages"], **manifest["files"]}
    assert sheet["smallest_count"].dropna().ge(POLICIES[policy].smallest_shown).all() or policy == "none"
    pages = sheet["file"].str.endswith(".ipynb")
    assert sheet.loc[pages, "tables"].sum() > 10 and sheet.loc[pages, "figures"].sum() > 3
    assert "Identifiers of rules." in sheet.set_index("file").loc["notebooks/00-cohort.ipynb", "exceptions"]
    if policy == "none":
        results = ~pages & ~sheet["file"].str.endswith((ORGANISATIONS, OUTLIER_STATUS))
        assert sheet.loc[results, "exceptions"].str.startswith("All counts: policy none").all()
    if audit == "wales":  # the command says what the manifest holds
        said = naome("attack", "--run-dir", str(runs / audit), cwd=runs)
        assert said.returncode == 0 and json.loads(said.stdout) == attack


def test_a_release_that_says_too_much_is_refused_and_leaves_no_manifest(runs, tmp_path):
    """The people of an organisation whose result is suppressed are put back: nothing is drawn of such a run."""
    run = shutil.copytree(runs / "wales", tmp_path / "wales")
    released = pd.read_parquet(run / "release" / "completeness.parquet")
    exact = pd.read_parquet(run / "results" / "completeness.parquet").set_index("result_id")
    rows = (released["status"] == "suppressed") & (released["level"] == "provider")
    assert rows.any()
    for column in ("denominator", "numerator"):
        released.loc[rows, column] = (exact.loc[released.loc[rows, "result_id"], column].to_numpy() + 2) // 5 * 5
    released.to_parquet(run / "release" / "completeness.parquet", index=False)
    done = naome("manifest", "--run-dir", str(run), cwd=tmp_path)
    assert done.returncode == 2 and "Nothing may leave this run" in done.stderr
    assert not (run / "manifest.json").exists()
    assert naome("downloads", "--audits", str(run), "--out", str(tmp_path / "out"), cwd=tmp_path).returncode == 2


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
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (folder / f".inputs.{process.pid}-0.tmp").mkdir(parents=True)
    done = naome("read", "--audit", "rotterdam", cwd=tmp_path, runs=tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert (folder / "inputs" / "canonical" / "people.parquet").is_file()
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "inputs"]


@pytest.fixture(scope="session")
def site(runs, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    arguments = ("render", "--audits", ",".join(ON_SITE), "--out", str(out), "--renderer", "preview")
    done = naome(*arguments, cwd=out.parent, runs=runs)
    assert done.returncode == 0, done.stderr
    sheets = ["site-egress.csv", "site-egress.html"]
    assert sorted(path.name for path in out.parent.iterdir()) == ["site", *sheets]
    return out


def test_site_has_no_broken_link_no_network_and_a_banner_everywhere(site):
    assert check_site(site, check_strips) == []


def test_site_marks_synthetic_and_real_pages(site):
    for page in (site / "runs").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        kind = "banner-real" if "rotterdam" in str(page) else "banner-synthetic"
        kind = "banner-neutral" if page.stem == "11-simulation-study" else kind
        assert kind in text, page
        assert "Run <code>" in text, f"{page} does not say which run made it"


@pytest.mark.timeout(1200)
def test_every_page_of_the_site_is_accessible_and_asks_nobody(site, browsers):
    assert examine_all(browsers, site, list_pages(site), read_axe()) == []


NUMBER = re.compile(r'<a[^>]*class="result"[^>]*href="([^"]*)#(r-[0-9a-f]{10})[^"]*"[^>]*>([^<]*)</a>')


def test_every_number_of_the_report_is_that_of_its_result(site):
    """Sentences and tables: a number is the estimate or a count of the released row to which it leads."""
    released = pd.read_csv(site / "downloads" / "results.csv", dtype={"unit": str}).set_index("result_id")
    assert released.index.is_unique
    seen = 0
    for page in sorted((site / "report").rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        for _, result, shown in NUMBER.findall(text):
            row = released.loc[result]
            numbers = [row["estimate"], row["numerator"], row["denominator"]]
            forms = ("count", "percent0", "percent1", "decimal1", "decimal2")
            said = {format_number(number, form) for number in numbers if pd.notna(number) for form in forms}
            said.add(format_number(100 * row["estimate"], "decimal1") if pd.notna(row["estimate"]) else "")
            words = {"suppressed", "too few", "not derivable"} if row["status"] != "ok" else set()
            assert shown in said | words, f"{page.name}: {shown} is not of {result}: {said}"
            seen += shown not in words
    assert seen > 300


def test_a_result_is_explained_in_the_terminal(runs, site):
    page = (site / "report" / "state-of-the-nation.html").read_text(encoding="utf-8")
    result = NUMBER.findall(page)[0][1]
    done = naome("explain", result, cwd=site.parent, runs=runs)
    assert done.returncode == 0, done.stderr
    assert result in done.stdout and "\nRun: " in done.stdout
    done = naome("explain", "r-0000000000", cwd=site.parent, runs=runs)
    assert done.returncode != 0 and "no finished run has released r-0000000000" in done.stderr


def test_the_supplement_and_the_plans_are_downloads(site):
    files = {file.name for file in (site / "downloads").iterdir()}
    assert {"methodology-supplement.pdf", "methodology-supplement.docx", "action-plans.zip", "results.xlsx"} <= files


def test_what_leaves_tells_nothing_of_the_machine_the_user_or_the_hour(runs, site):
    """Every kind of page and figure: of five audits, and of the site."""
    for folder in (site, *(runs / audit / part for audit in AUDITS for part in ("notebooks", "release"))):
        assert find_traces(folder, paths=(runs.parent, project_root())) == []
