"""What may be a sign of metastatic disease: whoever has none can enter no cohort, under no option."""

from __future__ import annotations

import json
from pathlib import Path

from naome.definitions import find_codes, load_codelist
from naome.errors import ExtractError
from naome.params import Params
from naome.sources.follow import FOLLOWED, Signs

#: Groups of the list of metastatic codes that are evidence under no option
NEVER_EVIDENCE = ("lymph_node_regional",)
#: Drugs that are given for metastatic disease only, so that they show a recurrence nobody recorded
METASTATIC_ONLY = "sact_drugs.metastatic_only"


def possible_evidence() -> tuple[str, ...]:
    """Return the ICD-10 codes that are evidence of metastasis under at least one option."""
    metastatic = load_codelist("icd10_metastatic")
    return metastatic.prefixes(*(group for group in metastatic.groups if group not in NEVER_EVIDENCE))


def signs_of(params: Params) -> Signs | None:
    """Return the signs by which a run follows people; None when a cohort takes people without any."""
    if "primary" in params.cohorts:
        return None
    return Signs(codes=possible_evidence(), drugs=tuple(code.code for code in find_codes(METASTATIC_ONLY)))


def check_followed(folder: Path, params: Params) -> None:
    """Check that the canonical tables hold the events of everybody whom the definitions could take now.

    Raises
    ------
    ExtractError
        If they were read by fewer signs: a code list or the cohorts of the run have changed since.
    """
    file = folder / FOLLOWED
    if not file.is_file():
        return  # everybody's events are there
    read = json.loads(file.read_text(encoding="utf-8"))
    wanted = signs_of(params)
    if wanted is None or not Signs(tuple(read["codes"]), tuple(read["drugs"])).covers(wanted):
        raise ExtractError(
            f"{file}: the canonical tables hold events of fewer people than the definitions ask for now: a code list "
            f"or the cohorts have changed since. Hint: read the extract again (`naome read --audit {params.audit}`)."
        )
