from __future__ import annotations

from collections.abc import Iterator

import pytest

from sitepreview import preview
from sitepreview.source import join_lines


@pytest.fixture(scope="package", autouse=True)
def lowered_once() -> Iterator[None]:
    """Let pandoc read a page once that several sites of these tests have word for word: it takes most of drawing."""
    lower, kept = preview.lower_page, {}

    def look_up(project, page):
        key = (repr(project.config), page.path, join_lines(page.lines))
        if key not in kept:
            kept[key] = lower(project, page)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preview, "lower_page", look_up)
        yield
