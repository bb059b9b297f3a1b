import pytest
from sample_project import make_sample

from sitepreview import render_site


@pytest.fixture
def sample(tmp_path):
    """A fresh sample project that a test may break."""
    return make_sample(tmp_path / "project")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The sample project, drawn once by the preview renderer: project and report."""
    project = make_sample(tmp_path_factory.mktemp("site") / "project")
    rows = []
    report = render_site(project, renderer="preview", progress=rows.append)
    return project, report, rows
