"""Where a name is defined: names of indicators, rules, options, data items and code lists are links in every table."""

from __future__ import annotations

import re
from functools import cache

from naome.core.definitions import project_definitions
from naome.report.labels import COHORT_NAMES

#: What follows the title of an indicator where its cohort is said
OF_COHORT = re.compile(rf" \(({'|'.join(map(str.lower, COHORT_NAMES.values()))})\)$")


def find_definition(name: str) -> str:
    """Return the address of the definition of a name, from the root of the site; an empty text where it is no name.

    Examples
    --------
    >>> find_definition("Biopsy of a metastatic lesion (recurrent)"), find_definition("1 year")
    ('/methodology/definitions.qmd#indicator-biopsy', '')
    """
    return _list_addresses().get(OF_COHORT.sub("", name), "")


@cache
def _list_addresses() -> dict[str, str]:
    from naome.report.reference import data_dictionary, definitions  # much to import for a page without tables

    return {**data_dictionary.list_cleaning_rules(), **definitions.list_defined_names(project_definitions())}
