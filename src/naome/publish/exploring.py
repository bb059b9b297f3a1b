"""What a choice made differently would change, as a table of a page."""

from __future__ import annotations

from naome.disclosure import release_variants
from naome.explore import WhatIf
from naome.measures.study import Study
from naome.publish.display import Table
from naome.publish.tables import COHORT_NAMES


def tabulate_what_if(found: WhatIf, study: Study) -> Table:
    """Lay out people by cohort under the run's own choices and under others (:func:`naome.explore.ask_what_if`)."""
    sizes = found.sizes.rename_axis("cohort").reset_index().drop(columns="change")
    own = sizes.assign(what_if=sizes["run"])
    released = release_variants(sizes, ["run", "what_if"], own, study)
    frame = released.frame
    frame = frame.assign(cohort=frame["cohort"].map(COHORT_NAMES))[["cohort", "run", "what_if"]]
    names = {"cohort": "Cohort", "run": "This run", "what_if": "With the other choice"}
    return Table(frame.rename(columns=names), released, {"This run": "count", "With the other choice": "count"})
