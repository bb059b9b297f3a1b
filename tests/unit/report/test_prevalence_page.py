"""The page of ascertainment says what these data hold, not what another audit's do."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.measures.ascertainment import SOURCES
from naome.report.pages.prevalence import SOURCE_NAMES, say_sources


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (
            ("admissions", "reported", "treatment", "death"),
            "In these data recurrent disease is identified by hospital admissions, reported recurrences, drugs given "
            "only for metastatic disease and deaths from breast cancer.",
        ),
        (
            ("admissions", "death"),
            "In these data recurrent disease is identified by hospital admissions and deaths from breast cancer. There "
            "is nothing from reported recurrences or drugs given only for metastatic disease.",
        ),
        ((), "In these data no source identifies recurrent disease."),
    ],
)
def test_the_sources_of_the_data_are_named(seen, text):
    counts = pd.DataFrame([{name: name in seen for name in SOURCES} | {"people": 30}])
    assert say_sources(counts).text == text


def test_every_source_has_a_name():
    assert tuple(SOURCE_NAMES) == SOURCES
