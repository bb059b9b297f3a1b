"""Sentences of the page of data completeness."""

from __future__ import annotations

import pandas as pd

from naome.disclosure import Released, declare_not_counts
from naome.measures.specification import Specification, read_data_items
from naome.publish.display import Sentence
from naome.publish.prose import lower_first, say_count, say_list, say_percent


def say_completeness(released: Released, specification: Specification) -> Sentence:
    """Say which item of the report's Table 2 is recorded most often, and which least."""
    items = read_data_items(specification.definitions)
    titles = {f"completeness.{item.id}": lower_first(item.title) for item in items if item.table_2}
    six = released.where(level="nation", group_by="all", status="ok", measure=list(titles)).frame
    if len(six) < 2:
        return Sentence("These data hold too few items of the report's Table 2 to compare.", released)
    worst, best = six.loc[six["estimate"].idxmin()], six.loc[six["estimate"].idxmax()]
    return Sentence(
        f"Of {say_count(len(six), 'item')} of the report's Table 2 that these data can hold, "
        f"{titles[best['measure']]} is recorded most often ({say_percent(best['estimate'])}) and "
        f"{titles[worst['measure']]} least often ({say_percent(worst['estimate'])}).",
        released,
    )


def say_bias(flags: pd.DataFrame) -> Sentence:
    """Say which items could bias a result that drops the missing (:func:`measures.completeness.flag_biased_items`)."""
    flagged = flags.loc[flags["flag"] != "none", "item"]
    which = f": {say_list([lower_first(item) for item in flagged])}" if len(flagged) else ""
    compared = flags["provider_p"].notna().any()
    untested = " Organisations were not compared: the data name none, or too few are large enough."
    return Sentence(
        f"{say_count(len(flagged), 'item').capitalize()} of {len(flags)} could bias a result that drops the missing"
        f"{which}.{'' if compared else untested}",
        declare_not_counts(flags[["item", "flag"]], "Numbers and names of data items."),
    )
