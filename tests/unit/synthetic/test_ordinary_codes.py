"""Ordinary procedures of the generator must not look like treatment or biopsy to the analysis."""

from __future__ import annotations

from naome.core.definitions import project_definitions
from naome_synthetic.codes import ORDINARY


def test_ordinary_procedures_are_in_no_code_list():
    for name in ("opcs4_chemotherapy", "opcs4_biopsy"):
        prefixes = project_definitions().codelist(name).prefixes()
        hits = [code for code in map(str, ORDINARY) if code.startswith(prefixes)]
        assert not hits, f"{hits} of the generator's ordinary procedures are in {name}.csv"
