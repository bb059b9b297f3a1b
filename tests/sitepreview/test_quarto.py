"""Choosing Quarto, and treating its warnings as failures, with a script that plays Quarto."""

import stat
import textwrap

import pytest

from sitepreview import Refused, render_site
from sitepreview.site import choose_renderer

PAGE = """<html><head><title>t</title></head><body><main><h1>t</h1>
<div class="banner">Synthetic</div>{extra}</main></body></html>"""


def write_quarto(path, *, version="1.9.38", log="[1/1] index.qmd", code=0, extra="", body=""):
    """Write a script that says its version and "renders" one page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page = PAGE.format(extra=extra)
    path.write_text(
        textwrap.dedent("""\
        #!/bin/sh
        if [ "$1" = "--version" ]; then echo {version}; exit 0; fi
        test "$1" = render || exit 9
        mkdir -p _site/site_libs
        cat > _site/index.html <<'PAGE'
        {page}
        PAGE
        cat >&2 <<'LOG'
        {log}
        LOG
        {body}
        exit {code}
        """).format(version=version, page=page, log=log, code=code, body=body)
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def path_dir(tmp_path, monkeypatch):
    """A folder that stands first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_quarto_on_path_is_used_and_named(sample, path_dir):
    write_quarto(path_dir / "quarto")
    rows = []
    report = render_site(sample, progress=rows.append)
    assert (report.renderer, report.version, report.pages) == ("quarto", "1.9.38", 3)
    assert rows[0] == f"renderer: quarto (Quarto 1.9.38 at {path_dir / 'quarto'})"
    assert "quarto: [1/1] index.qmd" in rows
    assert (sample / "_site" / "index.html").is_file()


def test_quarto_in_the_projects_environment_is_used(sample, path_dir):
    program = write_quarto(sample / ".venv" / "bin" / "quarto")
    assert render_site(sample).why == f"Quarto 1.9.38 at {program}"


def test_quarto_beside_the_interpreter_is_used_wherever_the_project_lies(sample, path_dir, tmp_path, monkeypatch):
    program = write_quarto(tmp_path / "environment" / "bin" / "quarto")
    monkeypatch.setattr("sys.executable", str(program.parent / "python"))
    assert choose_renderer(sample, "auto") == (program, "1.9.38", f"Quarto 1.9.38 at {program}")


def test_old_quarto_gives_the_preview_and_the_reason(sample, path_dir):
    write_quarto(path_dir / "quarto", version="1.8.27")
    report = render_site(sample)
    assert report.renderer == "preview"
    assert report.why == f"Quarto 1.8.27 at {path_dir / 'quarto'} is older than 1.9"


def test_newer_quarto_in_the_environment_wins_over_an_old_one_on_path(sample, path_dir):
    write_quarto(path_dir / "quarto", version="1.4.0")
    write_quarto(sample / ".venv" / "bin" / "quarto", version="1.10.2")
    assert render_site(sample).version == "1.10.2"


def test_without_quarto_the_preview_says_why(sample, path_dir):
    assert choose_renderer(sample, "auto") == (None, "", "Quarto is not installed")


def test_asking_for_quarto_without_it_is_an_error(sample, path_dir):
    with pytest.raises(FileNotFoundError, match="Quarto is not installed; install Quarto"):
        render_site(sample, renderer="quarto")


def test_broken_quarto_gives_the_preview(sample, path_dir):
    program = path_dir / "quarto"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    assert choose_renderer(sample, "auto")[2] == f"{program} does not tell its version"


@pytest.mark.parametrize(
    "line",
    [
        "\x1b[33mWARN: Unable to resolve link target: gone.qmd\x1b[39m",
        "[WARNING] Citeproc: citation nobody2020 not found",
        "WARNING (/usr/share/quarto/main.lua) Unable to resolve crossref @fig-none",
        "ERROR: something",
    ],
)
def test_warnings_in_the_log_are_failures_and_the_old_site_stays(sample, path_dir, line):
    (sample / "_site" / "site_libs").mkdir(parents=True)
    (sample / "_site" / "index.html").write_text("old")
    write_quarto(path_dir / "quarto", log=f"[1/1] index.qmd\n{line}\nOutput created: _site/index.html")
    with pytest.raises(Refused) as refusal:
        render_site(sample)
    problems = refusal.value.problems
    assert len(problems) == 1 and problems[0].what.lstrip("[")[:4] in ("WARN", "ERRO")
    assert (sample / "_site" / "index.html").read_text() == "old"
    assert not (sample / "._site.previous").exists()


def test_failure_without_a_word_is_a_failure(sample, path_dir):
    write_quarto(path_dir / "quarto", code=1, log="something odd")
    with pytest.raises(Refused, match="ended with code 1"):
        render_site(sample)
    assert not (sample / "_site").exists()


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        ('<script src="https://cdnjs.cloudflare.com/require.js"></script>', "would fetch https://cdnjs.cloudflare.com"),
        ('<a href="gone.html">x</a>', "broken link gone.html"),
        ('<img src="https://x.org/a.png" alt="a">', "would fetch https://x.org/a.png"),
    ],
)
def test_what_quarto_built_is_checked_too(sample, path_dir, extra, what):
    write_quarto(path_dir / "quarto", extra=extra)
    with pytest.raises(Refused, match=what):
        render_site(sample)
    assert not (sample / "_site").exists()


def test_a_font_that_a_theme_of_quarto_imports_is_refused(sample, path_dir):
    css = '@charset "UTF-8";@import"https://fonts.org/css2?family=X:ital,wght@0,300;0,400&display=swap";'
    write_quarto(path_dir / "quarto", body=f"printf '%s' '{css}' > _site/site_libs/bootstrap.min.css")
    with pytest.raises(Refused, match="would fetch https://fonts.org/css2"):
        render_site(sample)


def test_a_refusal_names_the_page_that_was_drawn(sample, path_dir):
    log = "\n".join(
        ["[1/2] index.qmd", "[2/2] methodology/survival.qmd", "WARN: Unable to resolve link target: gone.qmd", "done"]
    )
    write_quarto(path_dir / "quarto", log=log)
    with pytest.raises(Refused) as refusal:
        render_site(sample)
    (problem,) = refusal.value.problems
    assert str(problem).startswith("methodology/survival.qmd: WARN: Unable to resolve link target: gone.qmd")


def test_a_failure_keeps_the_lines_that_explain_it(sample, path_dir):
    log = "[1/1] index.qmd\nERROR: Validation of YAML failed.\n(line 3) toc: perhaps\nexpected true or false"
    write_quarto(path_dir / "quarto", log=log, code=1)
    with pytest.raises(Refused, match="failed. / .line 3. toc: perhaps / expected true or false"):
        render_site(sample)


def test_quarto_into_another_folder(sample, path_dir, tmp_path):
    (sample / "_site" / "site_libs").mkdir(parents=True)
    (sample / "_site" / "index.html").write_text("old")
    write_quarto(path_dir / "quarto")
    render_site(sample, out_dir=tmp_path / "out")
    assert "banner" in (tmp_path / "out" / "index.html").read_text()
    assert (sample / "_site" / "index.html").read_text() == "old"


def test_portable_subset_is_checked_before_quarto_runs(sample, path_dir):
    write_quarto(path_dir / "quarto")
    (sample / "index.qmd").write_text((sample / "index.qmd").read_text() + "\n@fig-none\n")
    with pytest.raises(Refused, match="@fig-none"):
        render_site(sample)
    assert not (sample / "_site").exists()


def test_site_of_a_killed_run_comes_back(sample, path_dir):
    (sample / "._site.previous" / "site_libs").mkdir(parents=True)
    (sample / "._site.previous" / "index.html").write_text("old")
    write_quarto(path_dir / "quarto", code=1)
    with pytest.raises(Refused):
        render_site(sample)
    assert (sample / "_site" / "index.html").read_text() == "old"
