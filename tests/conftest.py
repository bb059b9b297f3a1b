"""Shared by all tests: the project folder, whatever the current directory is."""

from __future__ import annotations

import contextlib
import gc

import pytest
from browser import Browser, find_chromium

from naome.core.atomic import write_bytes, write_json
from naome.core.definitions import project_definitions
from naome.core.params import find_params, load_params
from naome.core.paths import project_root
from naome.core.seal import file_digest
from naome.measures.derivability import presume_absent
from naome.workflow.run import WRITES, Run
from naome.workflow.warm import MANY

gc.set_threshold(MANY)


@pytest.fixture(scope="session")
def root():
    return project_root()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One tab of a headless Chromium; skipped where there is none."""
    with open_browser(tmp_path_factory) as tab:
        yield tab


@pytest.fixture(scope="session")
def browsers(browser, tmp_path_factory):
    """Two tabs, each of a Chromium of its own, for many pages at once."""
    with open_browser(tmp_path_factory) as other:
        yield [browser, other]


@contextlib.contextmanager
def open_browser(tmp_path_factory):
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on PATH")
    tab = Browser(program, tmp_path_factory.mktemp("profile"))
    yield tab
    tab.close()


@pytest.fixture
def make_run(tmp_path):
    """Make the folder of a run that has been read, as far as its record and its copies can tell."""

    def make(audit="england", *, folder=None, marking="synthetic", **record):
        file = find_params(audit)
        params = load_params(audit)
        run = Run(folder or tmp_path / params.audit)
        write_bytes(file.read_bytes(), run.inputs / "params.yaml")
        definitions = project_definitions().copy_to(run.inputs / "definitions")
        known = {
            "audit": params.audit,
            "title": params.title,
            "nation": params.nation,
            "marking": marking,
            "about": "",
            "params_from": str(file),
            "params_sha256": file_digest(file),
            "definitions_sha256": definitions.digest,
            "data_dir": str(tmp_path / "data"),
            "inputs": {},
            "raw_rows": {},
            "canonical_rows": {},
            "canonical_sha256": {},
            "absent": dict(presume_absent(params).things),
            "started": "",
            "finished": "",
        }
        write_json(known | record, run.inputs / "read.json")
        return run

    return make


@pytest.fixture
def as_runner(monkeypatch):
    """Let this process write to a run, as the runner does."""

    def write(run):
        monkeypatch.setenv(WRITES, str(run.folder))
        return run

    return write
