"""Replication: a run and its companion measured for whole nations, pooled, and set beside what was published."""

from __future__ import annotations

from naome.core.results import POOLED
from naome.measures.agreement import compare_published, load_published
from naome.measures.pooled import measure_nation, measure_pooled, pool_studies, reason_not_poolable
from naome.measures.specification import note_inferred_codes
from naome.release.suppress import release_pooled
from naome.release.types import join_released
from naome.report.pages.agreement import Replication
from naome.workflow.companions import open_companions
from naome.workflow.run import Run


def replicate(run: Run) -> Replication:
    """Measure a run and its companion nationally, pool their people, and compare with what was published.

    Only analysis tables and counts are read, so that the results are of one moment; everything compared has passed
    the disclosure door. The pooled results are kept in the run as ``england_wales``.
    """
    runs = open_companions(run)
    studies = {nation: each.study for nation, each in runs.items()}
    analyses = {nation: each.analysis for nation, each in runs.items()}
    primaries = {n: each.load("primary") for n, each in runs.items() if each.has("primary")}
    run_ids = {nation: each.current_id for nation, each in runs.items()}
    frames = [measure_nation(analyses[n], primaries.get(n), studies[n]) for n in runs]
    parts = [each.release(frame) for each, frame in zip(runs.values(), frames, strict=True)]
    reason, together = reason_not_poolable([study.params for study in studies.values()]), parts[0].where(level=())
    if not reason:
        pooled = note_inferred_codes(measure_pooled(analyses, primaries, studies), run.specification)
        studies[POOLED] = pool_studies(list(studies.values()))
        together = release_pooled(pooled, parts, [each.plan for each in runs.values()])
        run.save("england_wales", pooled, together)
    released = join_released([*parts, together])
    compared, later = (
        released.transform(lambda ours, published=published: compare_published(published, ours, studies))
        for published in (load_published(definitions=run.definitions), load_published("other", run.definitions))
    )
    return Replication(run_ids, together, reason, compared, later)
