"""A site is a function of the runs it is given: any audit, any mixture of data; nothing else is written."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from made_pages import digests, make_run

from naome.core.errors import RunError
from naome.core.params import load_params
from naome.core.paths import project_root
from naome.report.finished import open_finished
from naome.workflow.cli import main
from naome.workflow.pages import load_pages
from naome.workflow.site import check_strips, compose_site, render_runs
from sitepreview import check_portable, check_site

BANNER = re.compile(r'class="(banner-\w+)"')


def read(site, page):
    return (site / page).read_text(encoding="utf-8")


def pages_of(site):
    return sorted(f.relative_to(site).as_posix() for f in site.rglob("*.html") if "site_libs" not in f.parts)


def run_id(folder):
    return json.loads((folder / "manifest.json").read_text())["run_id"]


def read_project():
    """Every tracked file of the project with its time of change, and everything at its top."""
    files = subprocess.run(["git", "ls-files"], cwd=project_root(), capture_output=True, text=True, check=True).stdout
    times = {name: (project_root() / name).stat().st_mtime_ns for name in files.split("\n") if name}
    return times, sorted(path.name for path in project_root().iterdir())


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The site of one real audit, drawn from another folder, in a folder with a space: run, site, lines of progress."""
    base = tmp_path_factory.mktemp("a real audit")
    run = make_run(base / "runs" / "mersey-2022", title="Mersey and Cheshire")
    before = read_project()
    rows = []
    report = render_runs([run], run / "site", "preview", rows.append)
    assert read_project() == before
    sheets = ["site-egress.csv", "site-egress.html"]
    assert sorted(path.name for path in run.iterdir()) == ["manifest.json", "notebooks", "release", "site", *sheets]
    assert report.out_dir == run / "site"
    return run, run / "site", rows


def test_a_real_audit_of_any_name_has_a_site_without_an_edit(real):
    run, site, rows = real
    assert check_site(site, check_strips) == []
    assert [page for page in pages_of(site) if page.startswith("runs")] == [
        "runs/mersey-2022/notebooks/00-cohort.html",
        "runs/mersey-2022/notebooks/04-kaplan-meier-survival.html",
    ]
    home = read(site, "index.html")
    assert "Mersey and Cheshire (England)" in home
    assert "Metastatic disease diagnosed from 1 January 2020 to 31 December 2022. Real data. Run" in home
    assert '<a href="runs/mersey-2022/notebooks/00-cohort.html">Cohorts</a>' in home
    assert '<a href="downloads/results.csv">' in home and run_id(run) in read(site, "downloads/results.csv")
    assert "Mersey and Cheshire" in re.search(r"<nav.*?</nav>", home, re.S)[0]
    assert [row for row in rows if row.startswith("excluded")] == [
        "excluded: methodology/simulation-study.qmd (no run of the site has notebook 11-simulation-study)"
    ]


def test_a_site_of_real_runs_never_says_invented_or_synthetic(real):
    _, site, _ = real
    for page in pages_of(site):
        html = read(site, page)
        assert set(BANNER.findall(html)) <= {"banner-real", "banner-neutral"}, page
        footer = re.search(r"<footer.*?</footer>", html, re.S)[0]
        assert "Real data: Mersey and Cheshire" in footer and "ynthetic" not in footer
        if page.startswith(("index", "runs")):
            assert not re.search("synthetic|invented", html, re.I), page
    for page in ("index", "methodology/cohorts", "methodology/survival", "runs/mersey-2022/notebooks/00-cohort"):
        assert BANNER.findall(read(site, f"{page}.html")) == ["banner-real"]


def test_every_page_names_its_run(real):
    run, site, _ = real
    for page in pages_of(site):
        assert run_id(run) in re.search(r'<div class="provenance">.*?</div>', read(site, page), re.S)[0], page


def test_pages_on_methods_show_the_audit_of_the_site_and_say_what_it_lacks(real):
    _, site, _ = real
    assert "Of Mersey and Cheshire" in read(site, "methodology/cohorts.html")
    survival = read(site, "methodology/survival.html")
    assert "Of Mersey and Cheshire" in survival
    assert "the run of Mersey and Cheshire has no result <code>fig-funnel</code> of notebook 05-risk-adj" in survival
    assert "A falling curve" in read(site, "index.html")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """One synthetic, one real and one open audit; the first two have one name and one title."""
    base = tmp_path_factory.mktemp("mixed")
    notebooks = ("00-cohort", "11-simulation-study")
    runs = [
        make_run(base / "runs" / "england", "england", "synthetic", title="England", notebooks=notebooks),
        make_run(base / "elsewhere" / "england", "england", "real", title="England", notebooks=notebooks),
        make_run(base / "runs" / "tumour-bank", "tumour-bank", "open", title="Tumour bank"),
    ]
    truth = base / "runs" / "truth" / "cohorts-against-truth.qmd"
    truth.parent.mkdir()
    front = f"---\ntitle: The truth\nruns: [{run_id(runs[0])}]\n---\n\n"
    truth.write_text(f"{front}::: {{.banner-synthetic}}\n**Synthetic data.** Known.\n:::\n")
    render_runs(runs, base / "site", "preview")
    return runs, base / "site"


def test_each_page_of_a_mixture_carries_its_own_strip(mixed):
    runs, site = mixed
    synthetic, real = (run_id(run) for run in runs[:2])
    assert check_site(site) == []
    strips = {page: BANNER.findall(read(site, page)) for page in pages_of(site)}
    assert strips["index.html"] == ["banner-synthetic", "banner-real", "banner-real"]
    assert strips["runs/england/notebooks/00-cohort.html"] == ["banner-synthetic"]
    assert strips[f"runs/{real}/notebooks/00-cohort.html"] == ["banner-real"]
    assert strips["runs/tumour-bank/notebooks/00-cohort.html"] == ["banner-real"]
    assert strips["methodology/cohorts.html"] == ["banner-synthetic"]
    assert strips["methodology/definitions.html"] == strips["methodology/simulation-study.html"] == ["banner-neutral"]
    home = read(site, "index.html")
    assert f"The results for England ({synthetic}) describe invented people" in home
    assert f"The results for England ({real}) have passed disclosure control." in home
    foot = f"Synthetic data: England ({synthetic}). Real data: England ({real}). Open data: Tumour"
    assert foot in home


def test_a_page_without_data_of_an_audit_stands_once_among_the_methods(mixed):
    _, site = mixed
    assert [page for page in pages_of(site) if "11-simulation" in page] == [
        "runs/england/notebooks/11-simulation-study.html"
    ]
    menus = re.findall(r'<ul class="dropdown-menu.*?</ul>', read(site, "index.html"), re.S)
    assert ["simulation-study" in menu for menu in menus] == [False, False, False, True]


def test_the_truth_is_shown_of_synthetic_runs_of_the_site_alone(mixed, tmp_path):
    """Of those that are not in the site there is no page to draw."""
    runs, site = mixed
    page = read(site, "runs/truth/cohorts-against-truth.html")
    foot = re.search(r'<div class="provenance">.*?</div>', page, re.S)[0]
    assert run_id(runs[0]) in foot and run_id(runs[1]) not in foot
    for name, shown in (("all", runs), ("others", runs[1:])):
        (tmp_path / name).mkdir()
        compose_site([open_finished(run) for run in shown], tmp_path / name)
    assert [path.parts[-4] for path in sorted(tmp_path.rglob("truth/*.qmd"))] == ["all"]


def test_quarto_draws_the_same_project_where_it_is(tmp_path, monkeypatch):
    quarto = tmp_path / "bin" / "quarto"
    quarto.parent.mkdir()
    quarto.write_text(
        '#!/bin/sh\nif [ "$1" = --version ]; then echo 1.9.38; exit 0; fi\n'
        "mkdir -p _site/site_libs; cp _quarto.yml index.qmd _site/\n"
        "echo '<main><div class=\"banner-real\">x</div></main>' > _site/index.html\n"
    )
    quarto.chmod(0o755)
    monkeypatch.setenv("PATH", f"{quarto.parent}:/usr/bin:/bin")
    run = make_run(tmp_path / "mersey", notebooks=("00-cohort",))
    report = render_runs([run], tmp_path / "site")
    assert (report.renderer, report.out_dir) == ("quarto", tmp_path / "site")
    render_runs([run], tmp_path / "site")  # an earlier site is replaced
    sheets = ["site-egress.csv", "site-egress.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "mersey", "site", *sheets]
    config = yaml.safe_load((tmp_path / "site" / "_quarto.yml").read_text())
    assert config["project"]["render"][0] == "index.qmd"
    assert config["project"]["render"][-1] == "runs/mersey-2022/notebooks/00-cohort.ipynb"
    assert [each["id"] for each in config["website"]["sidebar"]] == ["methods"]  # one page needs no list of pages
    assert config["format"] == yaml.safe_load((project_root() / "_quarto.yml").read_text())["format"]


def test_the_egress_sheet_lists_every_file_of_the_site_and_what_was_not_protected(real):
    run, site, _ = real
    sheet = pd.read_csv(run / "site-egress.csv").set_index("file")
    files = {file.relative_to(site).as_posix(): file for file in site.rglob("*") if file.is_file()}
    assert sheet["sha256"].to_dict() == {
        name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()
    }
    page = sheet.loc["runs/mersey-2022/notebooks/04-kaplan-meier-survival.html"]
    assert page[["runs", "attack", "tables", "figures"]].tolist() == [run_id(run), "pass", 1, 1]
    assert page["exceptions"] == "Numbers of a test."
    assert sheet.loc["downloads/results.csv", "runs"] == run_id(run)
    style = sheet[sheet.index.str.endswith(".css")]
    assert len(style) and style["runs"].isna().all() and style["exceptions"].str.startswith("No results").all()
    assert (run / "site-egress.csv").stat().st_mode & 0o077 == 0


# ---- the pages in the project


def copy_checkout(folder):
    """Copy what plain Quarto reads of a checkout, with the committed notebooks as the runs of `make site`."""
    root = project_root()
    for name in ("methodology", "assets"):
        shutil.copytree(root / name, folder / name)
    for name in ("_quarto.yml", "index.qmd", "references.bib", "CITATION.cff"):
        shutil.copy(root / name, folder / name)
    for audit in load_pages().site:
        shutil.copytree(root / "notebooks", folder / "runs" / audit / "notebooks")
    (folder / "runs" / "truth").mkdir()
    (folder / "runs" / "truth" / "cohorts-against-truth.qmd").write_text("---\ntitle: The truth\n---\n")
    return folder


def test_plain_quarto_finds_everything_in_a_checkout_that_has_the_runs(tmp_path):
    assert check_portable(copy_checkout(tmp_path / "checkout")) == []
    config = yaml.safe_load((project_root() / "_quarto.yml").read_text(encoding="utf-8"))
    folders = [f"runs/{audit}/notebooks/*" for audit in load_pages().site]
    assert [entry for entry in config["project"]["render"] if entry.startswith("runs") and "truth" not in entry] == [
        f"{folder}.ipynb" for folder in folders
    ]
    assert [bar["contents"] for bar in config["website"]["sidebar"][:-1]] == folders
    titles = [load_params(audit).title for audit in load_pages().site]
    assert [bar["title"] for bar in config["website"]["sidebar"]] == [*titles, "Methods"]
    assert [entry["text"] for entry in config["website"]["navbar"]["left"]] == ["Home", *titles, "Methods"]


def test_every_result_that_a_page_on_methods_shows_is_in_the_notebooks(tmp_path):
    run = make_run(tmp_path / "england", "england", "synthetic", title="England", notebooks=())
    shutil.copytree(project_root() / "notebooks", run / "notebooks")
    edit_manifest(run, pages=digests(run, "notebooks/*.ipynb"))
    (tmp_path / "project").mkdir()
    compose_site([open_finished(run)], tmp_path / "project")
    pages = [tmp_path / "project" / "index.qmd", *(tmp_path / "project" / "methodology").glob("*.qmd")]
    assert len(pages) == 15
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "Not shown here" not in text and "#site-" not in text, page


def test_a_project_that_may_only_be_read(tmp_path, monkeypatch):
    """Not under git, and without permission to write: what is copied from it can be written and removed again."""
    project = copy_checkout(tmp_path / "pro ject")
    for name in ("definitions", "params"):
        shutil.copytree(project_root() / name, project / name)
    for path in [project, *project.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    monkeypatch.setenv("NAOME_PROJECT", str(project))
    composed = tmp_path / "composed"
    composed.mkdir()
    compose_site([open_finished(make_run(tmp_path / "mersey"))], composed)
    assert (composed / "assets" / "naome.css").is_file() and (composed / "references.bib").is_file()
    assert [path for path in composed.rglob("*") if not path.stat().st_mode & 0o200] == []
    for path in [project, *project.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)


# ---- what cannot be drawn is refused by name


def edit_manifest(folder, **changes):
    file = folder / "manifest.json"
    manifest = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({key: value for key, value in manifest.items() if value is not None}))


def edit_page(folder, old, new):
    file = folder / "notebooks" / "00-cohort.ipynb"
    file.write_text(file.read_text().replace(old, new))


def leave_unfinished(folder):
    (folder / "manifest.json").unlink()
    (folder / "inputs").mkdir()
    (folder / "inputs" / "read.json").touch()


def strip_of_another(folder):
    edit_page(folder, "banner-real", "banner-synthetic")
    edit_manifest(folder, pages=digests(folder, "notebooks/*.ipynb"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (leave_unfinished, "manifest.json: not there, so the run is not finished"),
        (lambda run: (run / "manifest.json").unlink(), "mersey: is no folder of a run.* runs near it: .*other; "),
        (lambda run: (run / "manifest.json").write_text("{"), "manifest.json: not readable as JSON"),
        (lambda run: edit_manifest(run, run_id=None), "manifest.json: key 'run_id' is missing"),
        (lambda run: edit_manifest(run, code_sha256=None), "manifest.json: key 'code_sha256' is missing"),
        (
            lambda run: edit_manifest(run, pages=None),
            "key 'pages' is missing, or not a dict: damaged.* or of an earlier version. Hint: `naome manifest",
        ),
        (lambda run: edit_manifest(run, files=[]), "key 'files' is missing, or not a dict"),
        (lambda run: (run / "manifest.json").write_text("[]"), "key 'audit' is missing"),
        (lambda run: edit_manifest(run, marking="reel"), "'marking' is 'reel' .did you mean 'real'"),
        (lambda run: edit_manifest(run, pages={}), "lists no notebook|00-cohort.ipynb is not of run"),
        (lambda run: (run / "notebooks" / "00-cohort.ipynb").unlink(), "00-cohort.ipynb: not there, although run"),
        (lambda run: edit_page(run, "1,234", "1,235"), "00-cohort.ipynb was changed after run mersey-2022-"),
        (strip_of_another, "00-cohort.ipynb has the banner of synthetic data, but run .* is marked real"),
        (
            lambda run: (run / "notebooks" / "03-treatment-indicators.ipynb").write_text("{}"),
            "03-treatment-indicators.ipynb is not of run mersey-2022-.*: manifest.json does not list it",
        ),
        (
            lambda run: (run / "release" / "old.parquet").write_bytes(b"x"),
            "release/old.parquet is not of run mersey-2022-",
        ),
    ],
)
def test_a_run_that_cannot_be_drawn(tmp_path, spoil, message):
    run, other = make_run(tmp_path / "mersey"), make_run(tmp_path / "other", "other")
    (tmp_path / "site" / "site_libs").mkdir(parents=True)
    spoil(run)
    with pytest.raises(RunError, match=message):
        render_runs([other, run], tmp_path / "site", "preview")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mersey", "other", "site"]
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["site_libs"]


def test_a_page_that_is_not_declared(tmp_path):
    run = make_run(tmp_path / "mersey", notebooks=("00-cohort", "77-own"))
    with pytest.raises(RunError, match="declares no notebook '77-own'"):
        render_runs([run], tmp_path / "site", "preview")


def test_runs_that_are_not_there_are_all_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path / "runs"))
    make_run(tmp_path / "runs" / "mersey")
    assert main(["render", "--audits", "mersy,tyne", "--out", str(tmp_path / "site")]) == 2
    shown = capsys.readouterr().err
    assert "there is no run 'mersy' (did you mean 'mersey'?)" in shown and "there is no run 'tyne'; " in shown
    assert not (tmp_path / "site").exists()


def test_a_run_named_twice_and_no_run(tmp_path):
    run = make_run(tmp_path / "mersey")
    with pytest.raises(RunError, match="are the same run, mersey-2022-"):
        render_runs([run, tmp_path / "." / "mersey"], tmp_path / "site")
    with pytest.raises(RunError, match="at least one run"):
        render_runs([], tmp_path / "site")


def test_the_command_takes_names_and_folders(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "mersey", notebooks=("00-cohort",))
    make_run(tmp_path / "tyne", "tyne", notebooks=("00-cohort",))
    assert main(["render", "--audits", "mersey,tyne", "--out", "site of two", "--renderer", "preview"]) == 0
    assert "pages in" in capsys.readouterr().out
    site = Path("site of two")
    assert BANNER.findall(read(site, "index.html")) == ["banner-real"]
    assert "The results for Mersey-2022 and Tyne have passed" in read(site, "index.html")
    assert main(["downloads", "--audits", "mersey,tyne"]) == 0
    assert Path("downloads/results.csv").read_text() == read(site, "downloads/results.csv")


def test_a_folder_that_holds_something_else_is_not_overwritten(tmp_path):
    run = make_run(tmp_path / "mersey")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="precious: holds other files; nothing was written"):
        render_runs([run], tmp_path / "precious", "preview")
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "mine"


def test_a_file_with_the_name_of_the_egress_sheet_is_not_overwritten(tmp_path):
    run = make_run(tmp_path / "mersey")
    for name in ("site-egress.html", "site-egress.csv"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(RunError, match=f"{name}: is not the egress sheet of a site"):
            render_runs([run], tmp_path / "site", "preview")
        assert (tmp_path / name).read_text() == "mine" and not (tmp_path / "site").exists()
        (tmp_path / name).unlink()
