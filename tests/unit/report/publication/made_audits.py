"""Audits for the pages of the report, made from a few results."""

from __future__ import annotations

import pandas as pd

from naome.core.definitions import project_definitions
from naome.core.params import load_params
from naome.core.results import NUMBERS, make_results
from naome.report.finished import FinishedRun
from naome.report.publication.audits import Audit
from naome.stats.intervals import wilson


def proportion(measure, numerator, denominator, cohort="denovo", **other):
    """A released proportion, with its Wilson interval."""
    limits = wilson(numerator, denominator).iloc[0]
    counts = {"numerator": numerator, "denominator": denominator}
    return {"measure": measure, "cohort": cohort, "method": "wilson", **counts, **limits[NUMBERS], **other}


def missing(measure, status, reason, cohort="denovo", **other):
    """A result without numbers."""
    return {"measure": measure, "cohort": cohort, "status": status, "reason": reason, **other}


def make_audit(nation, rows, folder, **held):
    """An audit of a nation that has released these rows, as its file of indicators and of people."""
    run_id = held.get("run_id", f"{nation}-0123456789")
    frame = pd.DataFrame([{"level": "nation", "unit": nation, "unit_name": nation.title(), **row} for row in rows])
    results = make_results(frame, audit=nation, nation=nation, run_id=run_id)
    people = results["measure"] == "people"
    results = results.assign(frame=people.map({True: "people", False: "indicators"}))
    manifest = {
        "audit": nation, "title": f"{nation.title()} audit", "nation": nation, "marking": "synthetic", "run_id": run_id,
        "period": ["2019-01-01", "2021-12-31"], "finished": "2024-05-06T07:08:09+00:00", "code_sha256": "f" * 64,
        "commit": "0123456789abcdef", "dirty": False, "files": {}, **held,
    }  # fmt: skip
    pages = {"people": f"runs/{nation}/notebooks/00-cohort.ipynb", "indicators": f"runs/{nation}/notebooks/03.ipynb"}
    return Audit(
        FinishedRun(folder, manifest), nation.title(), load_params(nation), project_definitions(), results, pages
    )
