"""The definitions as a page: cohort rules and their options, indicators, data items, the analysis table, code lists.

All of it is taken from ``definitions/`` and the code that reads it, so that it
cannot be out of date: ``python -m naome.publish.definitions_page`` writes
``methodology/definitions.qmd`` again, and a test holds the page to it.
"""

from __future__ import annotations

import pandas as pd

from naome.cohort.columns import COLUMNS
from naome.definitions import Code, load_codelist, load_cohort_rules
from naome.measures.completeness import load_data_items
from naome.measures.expressions import Expression
from naome.measures.specification import KINDS, Indicator, load_specification
from naome.paths import project_root
from naome.publish.markdown import write_code, write_list, write_page_again, write_pipe_table

PAGE = "methodology/definitions.qmd"
FRONT = """---
title: Definitions
description: Cohort rules and their options, every indicator, the analysis table and the code lists
---"""
BANNER = """::: {.banner-neutral}
**No results.** This page holds definitions; nothing on it comes from data.
:::"""
INTRODUCTION = """This page is made from the files in `definitions/` (`python -m naome.publish.definitions_page`):
what is written here is what is computed. A condition is written in the words of the analysis table, whose columns stand
below. An indicator's version changes with any change of its definition, and every published result carries it."""
COHORTS = {"both": "both", "denovo": "de novo", "recurrent": "recurrent"}
KIND_TITLES = {
    "performance": "Performance indicators",
    "data_quality": "Data-quality indicators",
    "contextual": "Contextual indicators",
}
POLARITIES = {"higher": "higher is better", "lower": "lower is better", "neutral": "neither end is better"}
PROVIDERS = {"provider": "of diagnosis", "treating_provider": "of the last chemotherapy"}


def write_page() -> str:
    """Return the definitions as a page in Markdown."""
    parts = [FRONT, BANNER, INTRODUCTION, *_cohort_rules(), *_indicators(), *_groups(), *_data_items()]
    return "\n\n".join([*parts, *_analysis_table(), *_codelists()]) + "\n"


def _cohort_rules() -> list[str]:
    rules = load_cohort_rules()
    numbered = pd.DataFrame(
        [(rule.id, COHORTS[rule.cohort], rule.text, rule.source) for rule in rules.rules],
        columns=["rule", "cohort", "what it asks", "source"],
    )
    options = [
        (
            o.name,
            _value(o.default),
            ", ".join(_value(v) for v in o.values if v != o.default),
            o.rule,
            o.reason,
            o.source,
        )
        for o in rules.options
    ]
    columns = ["option", "default", "other values", "rule", "reason", "source"]
    return [
        "## Cohort rules",
        write_pipe_table(numbered),
        "### Options",
        "Choices that the audit's public documents leave open. Each has a row on the page *What each choice changes*.",
        write_pipe_table(pd.DataFrame(options, columns=columns)),
    ]


def _indicators() -> list[str]:
    parts = []
    for kind in KINDS:
        parts.append(f"## {KIND_TITLES[kind]}")
        for indicator in load_specification().indicators:
            if indicator.kind == kind:
                parts += [f"### {indicator.title}", _describe_indicator(indicator)]
    return parts


def _describe_indicator(indicator: Indicator) -> str:
    if indicator.not_derivable:
        return write_list(
            [
                ("Id", write_code(indicator.definition_id)),
                ("Not derivable", indicator.not_derivable),
                ("Needed", indicator.item_needed),
                ("Source", indicator.source),
            ]
        )
    followed = "Kaplan-Meier and risk-adjusted survival" if indicator.estimator == "kaplan_meier" else ""
    return write_list(
        [
            ("Id", write_code(indicator.definition_id)),
            ("Cohorts", ", ".join(COHORTS[cohort] for cohort in indicator.cohorts)),
            ("Denominator", _condition(indicator.denominator)),
            ("Numerator", followed or _condition(indicator.numerator)),
            ("Windows, days", ", ".join(f"{name} = {days}" for name, days in indicator.windows.items())),
            ("Exclusions", indicator.exclusions),
            ("Polarity", POLARITIES[indicator.polarity]),
            ("Organisation", PROVIDERS[indicator.provider]),
            ("Risk adjustment", "yes" if indicator.risk_adjusted else ""),
            ("Code lists", ", ".join(write_code(reference) for reference in indicator.codelists)),
            ("Codes", indicator.inferred_codes),
            ("Guidance", indicator.guidance),
            ("Source", indicator.source),
        ]
    )


def _groups() -> list[str]:
    groups = [
        (group.title, ", ".join(group.columns), write_code(group.where.text if group.where else ""))
        for group in load_specification().groups
    ]
    return ["## Groups", write_pipe_table(pd.DataFrame(groups, columns=["group", "divided by", "people with"]))]


def _data_items() -> list[str]:
    items = [(i.title, write_code(i.recorded.text), "yes" if i.table_2 else "") for i in load_data_items()]
    columns = ["item", "recorded when", "in the report's Table 2"]
    return ["## Data items", write_pipe_table(pd.DataFrame(items, columns=columns))]


def _analysis_table() -> list[str]:
    rows = [(write_code(c.name), c.kind, ", ".join(c.values), c.meaning) for c in COLUMNS]
    return [
        "## Analysis table",
        "One row per person per cohort. Origin is where the cohort's clock starts: the diagnosis (de novo) or the "
        "metastatic diagnosis (recurrent).",
        write_pipe_table(pd.DataFrame(rows, columns=["column", "kind", "values", "meaning"])),
    ]


def _codelists() -> list[str]:
    parts = [
        "## Code lists",
        "A code that is shorter than the recorded one matches every code that begins with it. A code is *inferred* "
        "when no public document names it for this use; results that rest on one say so.",
    ]
    for file in sorted((project_root() / "definitions" / "codelists").glob("*.csv")):
        codelist = load_codelist(file.stem)
        rows = [_describe_group(group, [c for c in codelist.codes if c.group == group]) for group in codelist.groups]
        parts += [f"### {file.stem}", write_pipe_table(pd.DataFrame(rows))]
    return parts


def _describe_group(group: str, codes: list[Code]) -> dict[str, str]:
    inferred = sum(code.status == "inferred" for code in codes)
    return {
        "group": group.replace("_", " "),
        "codes": ", ".join(code.code for code in codes),
        "inferred": f"{inferred} of {len(codes)}" if inferred else "none",
        "source": "; ".join(dict.fromkeys(code.source for code in codes)),
    }


def _condition(condition: Expression | None) -> str:
    return write_code(condition.text) if condition else "everyone in the cohort"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return " + ".join(map(str, value))
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def main() -> None:
    """Write the page again."""
    write_page_again(PAGE, write_page())


if __name__ == "__main__":
    main()
