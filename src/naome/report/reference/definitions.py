"""The definitions as a page: cohort rules and their options, indicators, data items, the analysis table, code lists.

All of it is taken from ``definitions/`` and the code that reads it, so that it cannot be out of date: ``naome docs``
writes ``methodology/definitions.qmd`` again, and a test holds the page to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from naome.cohort.columns import list_columns
from naome.cohort.feature_definitions import Feature, list_left_out, read_features
from naome.core.definitions import Code, CohortRules, Definitions, Option, project_definitions
from naome.measures.expressions import Expression
from naome.measures.specification import KINDS, Indicator, read_data_items, read_specification
from naome.report.labels import METASTATIC
from naome.report.markdown import write_anchor, write_code, write_list, write_pipe_table
from naome.report.reference.conditions import say_condition

PAGE = "methodology/definitions.qmd"
#: How events are counted, in words
COUNTED = {
    "first_day": "days to the first",
    "any": "whether there is one",
    "groups": "different groups",
    "agents": "different agents",
}
FRONT = """---
title: Definitions
description: Cohort rules and their options, every indicator, the analysis table and the code lists
---"""
BANNER = """::: {.banner-neutral}
**No results.** This page holds definitions; nothing on it comes from data.
:::"""
INTRODUCTION = """This page is made from the files in `definitions/` (`naome docs`), which the analysis reads. A
condition is written in words and, in brackets, with columns of the analysis table, as the analysis reads it. An
indicator's version changes with any change of its definition, and every published result carries it."""
RULE_COHORTS = {"both": "both", **METASTATIC}
KIND_TITLES = {
    "performance": "Performance indicators",
    "data_quality": "Data-quality indicators",
    "contextual": "Contextual indicators",
}
POLARITIES = {"higher": "higher is better", "lower": "lower is better", "neutral": "neutral"}
PROVIDERS = {"provider": "of diagnosis", "treating_provider": "of the last chemotherapy"}


def write_definitions(definitions: Definitions | None = None, chosen: Mapping[str, Any] | None = None) -> str:
    """Return definitions as a page in Markdown.

    Parameters
    ----------
    definitions : Definitions, optional
        The checkout's by default.
    chosen : mapping, optional
        Options of the cohort rules that a run chose; words are under these options.
    """
    of = definitions or project_definitions()
    rules = of.rules(chosen)
    parts = [FRONT, BANNER, INTRODUCTION, *_cohort_rules(rules), *_indicators(of, rules), *_groups(of)]
    parts += _data_items(of)
    return "\n\n".join([*parts, *_analysis_table(of), *_features(of), *_codelists(of)]) + "\n"


def list_defined_names(definitions: Definitions) -> dict[str, str]:
    """Return the names on the page, as pages of results write them, and the address of each definition.

    Examples
    --------
    >>> names = list_defined_names(project_definitions())
    >>> names["Tumour grade"], names["DN2"]
    ('/methodology/definitions.qmd#item-grade', '/methodology/definitions.qmd#rule-DN2')
    """
    rules = definitions.rules()
    named = [("indicator", indicator.id, indicator.title) for indicator in read_specification(definitions).indicators]
    named += [("rule", rule.id, rule.id) for rule in rules.rules]
    named += [("option", option.name, option.title) for option in rules.options]
    named += [("item", item.id, item.title) for item in read_data_items(definitions)]
    named += [("list", name, name) for name in definitions.codelists]
    return {title: f"/{PAGE}#{kind}-{name}" for kind, name, title in named}


def _name(kind: str, name: str, title: str) -> str:
    return write_anchor(title, f"{kind}-{name}")


def _cohort_rules(rules: CohortRules) -> list[str]:
    numbered = pd.DataFrame(
        [(_name("rule", rule.id, rule.id), RULE_COHORTS[rule.cohort], rule.text, rule.source) for rule in rules.rules],
        columns=["rule", "cohort", "criterion", "source"],
    )
    options = [
        (
            _name("option", o.name, o.title),
            _choice(o, rules[o.name]),
            "; ".join(_choice(o, value) for value in o.values if value != rules[o.name]),
            o.rule,
            rules.fill(o.reason),
            o.source,
            write_code(o.name),
        )
        for o in rules.options
    ]
    columns = ["option", "in force", "other values", "rule", "reason", "source", "in parameters"]
    return [
        "## Cohort rules",
        write_pipe_table(numbered),
        "### Options",
        "Choices that the audit's public documents leave open. Each has a row on the page *Sensitivity analyses*. "
        "A parameter file names an option and a value as they are written in code here; rules and sentences on the "
        "pages of a run follow what it chose.",
        write_pipe_table(pd.DataFrame(options, columns=columns)),
    ]


def _indicators(definitions: Definitions, rules: CohortRules) -> list[str]:
    parts = []
    for kind in KINDS:
        parts.append(f"## {KIND_TITLES[kind]}")
        for indicator in read_specification(definitions).indicators:
            if indicator.kind == kind:
                heading = f"### {indicator.title} {{#indicator-{indicator.id}}}"
                parts += [heading, write_list(describe_indicator(indicator, rules, definitions))]
    return parts


def describe_indicator(indicator: Indicator, rules: CohortRules, definitions: Definitions) -> list[tuple[str, str]]:
    """Describe an indicator as named texts in Markdown, under the options of a run; a text may be empty."""
    if indicator.not_derivable:
        return [
            ("Id", write_code(indicator.definition_id)),
            ("Not derivable", indicator.not_derivable),
            ("Needed", indicator.item_needed),
            ("Source", indicator.source),
        ]
    followed = "Kaplan-Meier and risk-adjusted survival" if indicator.estimator == "kaplan_meier" else ""
    return [
        ("Id", write_code(indicator.definition_id)),
        ("Cohorts", ", ".join(RULE_COHORTS[cohort] for cohort in indicator.cohorts)),
        ("Denominator", _condition(indicator.denominator, definitions)),
        ("Numerator", followed or _condition(indicator.numerator, definitions)),
        ("Windows, days", ", ".join(f"{name} = {days}" for name, days in indicator.windows.items())),
        ("Exclusions", indicator.say_exclusions(rules)),
        ("Polarity", POLARITIES[indicator.polarity]),
        ("Organisation", PROVIDERS[indicator.provider]),
        ("Risk adjustment", "yes" if indicator.risk_adjusted else ""),
        ("Code lists", "; ".join(say_codelist(reference, definitions) for reference in indicator.codelists)),
        ("Codes", indicator.inferred_codes),
        ("Guidance", indicator.guidance),
        ("Source", indicator.source),
    ]


def say_codelist(reference: str, definitions: Definitions) -> str:
    """Name a code list with its version, the first eight digits of its digest, and link it.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> say_codelist("sact_drugs.cdk46", project_definitions()).split(" (")[0]
    '[`sact_drugs.cdk46`](/methodology/definitions.qmd#list-sact_drugs)'
    """
    name = reference.partition(".")[0]
    file = next(
        file for kind in ("codelists", "codings") if (file := definitions.folder / kind / f"{name}.csv").is_file()
    )
    version = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    left_out = list_left_out(reference, definitions)
    codes = len(definitions.find_codes(reference, left_out))
    without = f" without {', '.join(sorted(left_out)).replace('_', ' ')}" if left_out else ""
    linked = f"[`{reference}`](/{PAGE}#list-{name})" if file.parent.name == "codelists" else f"`{reference}`"
    return f"{linked} (version {version}, {codes} code{'' if codes == 1 else 's'}{without})"


def _groups(definitions: Definitions) -> list[str]:
    groups = [
        (
            group.title,
            ", ".join(map(write_code, group.columns)),
            _condition(group.where, definitions) if group.where else "",
            group.used_for,
        )
        for group in read_specification(definitions).groups
    ]
    return ["## Groups", write_pipe_table(pd.DataFrame(groups, columns=["group", "columns", "condition", "used for"]))]


def _data_items(definitions: Definitions) -> list[str]:
    items = [
        (_name("item", i.id, i.title), _condition(i.recorded, definitions), "yes" if i.table_2 else "")
        for i in read_data_items(definitions)
    ]
    columns = ["item", "recorded when", "in the report's Table 2"]
    return ["## Data items", write_pipe_table(pd.DataFrame(items, columns=columns))]


def _analysis_table(definitions: Definitions) -> list[str]:
    rows = [(write_code(c.name), c.kind, ", ".join(c.values), c.meaning) for c in list_columns(definitions)]
    return [
        "## Analysis table",
        "One row per person per cohort. The time origin is the date of diagnosis (de novo) or the date of the first "
        "record of metastatic disease (recurrent).",
        write_pipe_table(pd.DataFrame(rows, columns=["column", "kind", "values", "meaning"])),
    ]


def _features(definitions: Definitions) -> list[str]:
    rows = [
        {
            "column": write_code(feature.name),
            "counts": COUNTED[feature.count],
            "of": "; ".join(f"{table}: {write_code(reference)}" for table, reference in feature.events.items())
            + (f"; flag {write_code(feature.flag)}" if feature.flag else ""),
            "excluded": ", ".join(feature.leave_out).replace("_", " "),
            "days": _window(feature),
            "status": feature.status,
            "source": feature.source,
        }
        for feature in read_features(definitions).features
    ]
    return [
        "## Columns from coded events",
        "Which events each such column counts (`definitions/features.yaml`). A window is *inferred* when this project "
        "chose it or the use of the codes. Evidence is the metastatic codes that the cohort rules count. A registry's "
        "flag that the event took place has no date; it counts as day 0 in the de novo cohort.",
        write_pipe_table(pd.DataFrame(rows)),
    ]


def _window(feature: Feature) -> str:
    """State the window of a feature in days from its time origin."""
    start = {"origin": "the time origin", "metastatic": "the metastatic diagnosis"}[feature.clock]
    first = "any" if feature.from_days is None else str(feature.from_days)
    last = (
        "the end of follow-up" if feature.to_censoring else "any" if feature.to_days is None else str(feature.to_days)
    )
    return f"{first} to {last}, from {start}"


def _codelists(definitions: Definitions) -> list[str]:
    parts = [
        "## Code lists",
        "A code that is shorter than the recorded one matches every code that begins with it. A code is *inferred* "
        "when no public document names it for this use; results that use one carry a note. "
        "Inferred codes are unverified.",
    ]
    for name in definitions.codelists:
        codelist = definitions.codelist(name)
        rows = [_describe_group(group, [c for c in codelist.codes if c.group == group]) for group in codelist.groups]
        parts += [f"### {name} {{#list-{name}}}", write_pipe_table(pd.DataFrame(rows))]
    return parts


def _describe_group(group: str, codes: list[Code]) -> dict[str, str]:
    inferred = sum(code.status == "inferred" for code in codes)
    return {
        "group": group.replace("_", " "),
        "codes": ", ".join(code.code for code in codes),
        "inferred": f"{inferred} of {len(codes)}" if inferred else "none",
        "source": "; ".join(dict.fromkeys(code.source for code in codes)),
    }


def _condition(condition: Expression | None, definitions: Definitions) -> str:
    """Write a condition in words and, in code, as the analysis reads it."""
    said = say_condition(condition, definitions)
    return f"{said} ({write_code(condition.text)})" if condition else said


def _choice(option: Option, value: object) -> str:
    """Write a value for a reader and, in code, for a parameter file."""
    written = f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)
    return f"{option.choice(value).title} ({write_code(written.lower())})"
