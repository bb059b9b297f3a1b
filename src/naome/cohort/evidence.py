"""What may be a sign of metastatic disease: whoever has none can enter no cohort, under no option."""

from __future__ import annotations

import json
from pathlib import Path

from naome.cohort.feature_definitions import read_features
from naome.core.definitions import CohortRules, Definitions, project_definitions
from naome.core.errors import ExtractError
from naome.core.params import Params
from naome.extract.candidates import CANDIDATES, Signs


def possible_evidence(definitions: Definitions) -> tuple[str, ...]:
    """Return the ICD-10 codes that are evidence of metastasis under at least one option."""
    evidence = read_features(definitions).evidence
    metastatic = definitions.codelist(evidence.codes)
    return metastatic.prefixes(*(group for group in metastatic.groups if group not in evidence.never))


def evidence_codes(rules: CohortRules) -> tuple[str, ...]:
    """Return the ICD-10 codes that are evidence of metastasis under the options chosen."""
    evidence = read_features(rules.definitions).evidence
    metastatic = rules.definitions.codelist(evidence.codes)
    never = (*evidence.never, *(group for group, option in evidence.optional.items() if not rules[option]))
    return metastatic.prefixes(*(group for group in metastatic.groups if group not in never))


def metastatic_drugs(definitions: Definitions) -> tuple[str, ...]:
    """Return the drugs given for metastatic disease only, so that they show a recurrence which nobody recorded."""
    return tuple(code.code for code in definitions.find_codes(read_features(definitions).metastatic_only.codes))


def signs_of(params: Params, definitions: Definitions | None = None) -> Signs | None:
    """Return the signs by which a run follows people; None when a cohort takes people without any.

    Parameters
    ----------
    params : Params
    definitions : Definitions, optional
        Of the run; the project's by default.
    """
    if "primary" in params.cohorts:
        return None
    definitions = definitions or project_definitions()
    return Signs(codes=possible_evidence(definitions), drugs=metastatic_drugs(definitions))


def check_candidates(folder: Path, params: Params, definitions: Definitions | None = None) -> None:
    """Check that the canonical tables hold the events of everybody whom the definitions could take now.

    Raises
    ------
    ExtractError
        If they were read by fewer signs: a code list or the cohorts of the run have changed since.
    """
    file = folder / CANDIDATES
    if not file.is_file():
        return  # everybody's events are there
    read = json.loads(file.read_text(encoding="utf-8"))
    wanted = signs_of(params, definitions)
    if wanted is None or not Signs(tuple(read["codes"]), tuple(read["drugs"])).covers(wanted):
        raise ExtractError(
            f"{file}: the canonical tables hold events of fewer people than the definitions ask for now: a code list "
            f"or the cohorts have changed since. Hint: read the extract again (`naome read --audit {params.audit}`)."
        )
