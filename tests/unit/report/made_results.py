"""A made-up finished run with results of organisations, for tests of what is written from released results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.core.atomic import write_frame, write_json
from naome.core.results import make_results
from naome.core.seal import file_digest
from naome.report.finished import open_finished
from naome.workflow.organisation_names import write_organisation_names

HOSTILE = '=HYPERLINK("x") & <b>{{ 7 * 7 }}</b> [a](https://b.c) $$n$$'
MEASURES = {
    "mdt_discussion": ("denovo", 0.6),
    "cdk46_first_line": ("denovo", 0.3),
    "completeness.er": ("denovo", 0.75),
}


def make_finished(run, names, *, marking="synthetic", finished="2024-05-06T07:08:09+00:00"):
    """Finish a run whose organisations are ``Z00, Z01, ...`` with these names.

    The first has an unfavourable result, the second a favourable one, the third a small one, which is suppressed; the
    others are like the nation.
    """
    codes = [f"Z{k:02}" for k in range(len(names))]
    places = {"alliance": "ZA1", "alliance_name": "An alliance", "region": None, "region_name": None}
    known = pd.DataFrame({"provider": codes, "name": names, **places})
    write_frame(known, run.inputs / "canonical" / "organisations.parquet")
    frames = [_make_measure(measure, cohort, share, codes) for measure, (cohort, share) in MEASURES.items()]
    nation = run.params.nation
    lacking = {"measure": "fitness_form_recorded", "cohort": "denovo", "level": "nation", "unit": nation,
               "status": "not_derivable", "reason": "The form is not in the extracts."}  # fmt: skip
    rows = pd.concat([*frames, pd.DataFrame([lacking])], ignore_index=True)
    rows["unit"] = rows["unit"].fillna(nation)
    run.save("indicators", make_results(rows, audit=run.params.audit, nation=nation, run_id=run.run_id))
    write_organisation_names(run)
    files = {f"release/{file.name}": file_digest(file) for file in (run.folder / "release").glob("*.parquet")}
    manifest = {
        "audit": run.params.audit, "title": run.params.title, "nation": nation, "marking": marking,
        "period": ["2019-01-01", "2021-12-31"], "run_id": run.run_id, "code_sha256": "f" * 64, "commit": "0" * 16,
        "params_sha256": run.read_record["params_sha256"],
        "definitions_sha256": run.read_record["definitions_sha256"],
        "pages": {}, "files": files, "attack": {"verdict": "pass", "policy": "hes2018"}, "finished": finished,
    }  # fmt: skip
    write_json(manifest, run.folder / "manifest.json")
    return open_finished(run.folder)


def _make_measure(measure, cohort, share, codes):
    people = np.full(len(codes), 600)
    shares = np.full(len(codes), share)
    shares[:2] = (share - 0.19, share + 0.19)[: len(codes)]
    people[2:3] = 5
    events = (people * shares).round().astype(int)
    everyone = [people.sum() + 2000, *people]
    counted = [events.sum() + round(2000 * share), *events]
    levels = ["nation", *["provider"] * len(codes)]
    frame = pd.DataFrame({"level": levels, "unit": [None, *codes], "denominator": everyone, "numerator": counted})
    frame["estimate"] = frame["numerator"] / frame["denominator"]
    frame["lower"], frame["upper"] = frame["estimate"] - 0.05, frame["estimate"] + 0.05
    return frame.assign(measure=measure, cohort=cohort, method="wilson")
