"""All released results as one workbook, after the conventions of the Government Analysis Function for spreadsheets."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pandas as pd

from naome.core.definitions import Definitions, project_definitions
from naome.core.results import COUNTS, NUMBERS, POOLED, name_nation
from naome.core.spreadsheets import escape_formulae
from naome.measures.recommendations import COMPLETENESS
from naome.measures.specification import Indicator, Specification, read_data_items, read_specification
from naome.release.policy import POLICIES
from naome.report.finished import FinishedRun
from naome.report.labels import COHORT_NAMES
from naome.report.marking import MARKINGS, join_names, name_by_marking
from naome.report.plain_zip import make_plain
from naome.report.publication.wording import read_wording

#: Sheet -> its title, and the released files whose results it holds
SHEETS = {
    "People": ("People counted, and prevalence", ("people", "prevalence")),
    "Completeness": ("Completeness of data items, also by quarter", ("completeness", "quarterly")),
    "Indicators": ("Indicators of care", ("indicators",)),
    "Adjusted": ("Indicators of care adjusted for case mix", ("adjusted",)),
    "Variation": ("Variation between organisations", ("variation",)),
    "Survival": ("Survival", ("survival", "landmarks")),
    "Adjusted survival": ("Survival adjusted for case mix", ("risk_adjusted",)),
    "Validation": ("Deaths with and without a record of metastatic disease", ("validation",)),
    "Inequalities": ("Differences between groups of people, and trends", ("inequalities", "trends")),
    "Nations together": ("Results of nations together", ("england_wales",)),
}
OTHER = ("Other", "Other results")
METRICS = "Metrics"
#: Heading -> column of the results, in the order of the sheets
HEADINGS = {
    "Nation": "nation", "Cohort": "cohort", "Measure code": "measure", "Measure": "title", "Level": "level",
    "Code": "unit", "Name": "unit_name", "Grouped by": "group_by", "Group": "group", "Denominator": "denominator",
    "Numerator": "numerator", "Estimate": "estimate", "Lower limit": "lower", "Upper limit": "upper",
    "Unit of estimate": "unit_of_estimate", "Method": "method", "Status": "status", "Note on result": "reason",
    "Result identifier": "result_id", "Definition": "definition_id", "Run": "run_id",
}  # fmt: skip
#: Heights of rows of the cover, in points
HEADING, LINE = 24, 16
ESTIMATES = ["Estimate", "Lower limit", "Upper limit"]
NOT_APPLICABLE = "[z]"
#: Status -> symbol in the place of its numbers, as the Analysis Function has it
SYMBOLS = {"suppressed": "[c]", "too_few": "[u]", "not_derivable": "[x]"}
LEGEND = [
    "[c] = suppressed $$suppressed$$",
    "[u] = too few people $$few$$",
    "[x] = not derivable $$derivable$$",
    "[z] = not applicable $$applicable$$",
]


def write_workbook(results: pd.DataFrame, runs: Sequence[FinishedRun], definitions: Definitions) -> bytes:
    """Return the workbook: cover, contents, notes, a sheet of results for each family of measures, and the metrics.

    Parameters
    ----------
    results : DataFrame
        Released results, with the released file of each in ``frame``; every row is in one sheet.
    runs : sequence of FinishedRun
        Whose results they are.
    definitions : Definitions
        Of the measures.

    Returns
    -------
    bytes
        An xlsx file. The same results give the same bytes, and no text in it is a formula or a link.
    """
    gptables = _load_writer()
    specification = read_specification(definitions)
    titles = {measure: name_measure(measure, specification) for measure in results["measure"].unique()}
    shown = results.assign(title=results["measure"].map(titles))
    sheets = {label: _make_sheet(label, title, rows) for label, title, rows in _divide(shown, specification)}
    metrics = _clean(list_metrics(specification))
    sheets[METRICS] = gptables.GPTable(metrics, "metrics", "How each measure is defined", instructions=_count(metrics))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a symbol that no sheet uses is explained all the same
        cover = _make_cover(runs)
        book = gptables.produce_workbook(
            buffer,
            sheets,
            cover=cover,
            notes_table=_list_notes(runs),
            workbook_options={"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
        )
        texts = [cover.title, "", *cover.intro, "", *cover.about]  # not every program fits rows to wrapped text
        for row, text in enumerate(texts):
            book.worksheets()[0].set_row(row, HEADING if row == 0 or not text else LINE * -(-len(text) // cover.width))
        book.close()
    return make_plain(buffer.getvalue())


def _load_writer() -> ModuleType:
    """Return gptables, which takes long to import and leaves the file of its theme open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        import gptables
    return gptables


def name_measure(measure: str, specification: Specification) -> str:
    """Name a measure of the results in words.

    Examples
    --------
    >>> from naome.measures.specification import load_specification
    >>> [name_measure(each, load_specification()) for each in ("completeness.er", "biopsy_gap", "cohort_size")]
    ['Oestrogen receptor (ER) status recorded', 'Biopsy of a metastatic lesion, gap', 'Cohort size']
    """
    if measure.startswith(COMPLETENESS):
        titles = {item.id: item.title for item in read_data_items(specification.definitions)}
        return f"{titles.get(measure.removeprefix(COMPLETENESS), measure)} recorded"
    own = max(specification.indicators, key=lambda each: len(each.id) if _begins(measure, each.id) else -1)
    if not _begins(measure, own.id):
        return measure.replace("_", " ").replace(".", ", ").capitalize()
    rest = re.sub(r"(\d+)y\b", r"\1-year", re.sub(r"[_.]", " ", measure.removeprefix(own.id)).strip())
    return f"{own.title}, {rest}" if rest else own.title


def _begins(measure: str, indicator: str) -> bool:
    return measure == indicator or measure.startswith((f"{indicator}_", f"{indicator}."))


def list_metrics(specification: Specification) -> pd.DataFrame:
    """List how each measure is defined: in words, as conditions over the analysis table, and with its code lists.

    Parameters
    ----------
    specification : Specification

    Returns
    -------
    DataFrame
        One row per indicator and data item; an empty text where there is nothing to say.
    """
    rows = [_describe_indicator(indicator, specification) for indicator in specification.indicators]
    for item in read_data_items(specification.definitions):
        rows.append(
            {
                "Measure code": f"{COMPLETENESS}{item.id}",
                "Measure": f"{item.title} recorded",
                "Kind": "data quality",
                "Better": "higher",
                "Denominator": "People of the cohort",
                "Numerator": "The item is recorded",
                "Numerator, condition": item.recorded.text,
            }
        )
    return pd.DataFrame(rows).fillna("")


def _describe_indicator(indicator: Indicator, specification: Specification) -> dict[str, str]:
    words = read_wording(project_definitions()).get(indicator.id)
    cohorts = [COHORT_NAMES[cohort].lower() for cohort in indicator.cohorts]
    conditions = [each.text if each else "all" for each in (indicator.denominator, indicator.numerator)]
    among = words.name_people(" or ".join(cohorts)) if words else "people of the cohort"
    among = among.rstrip(",")
    if indicator.exclusions:
        among += f". {indicator.say_exclusions(specification.definitions.rules())}"
    return {
        "Measure code": indicator.id,
        "Measure": indicator.title,
        "Kind": indicator.kind.replace("_", " "),
        "Goal": str(indicator.goal or ""),
        "Cohorts": ", ".join(cohorts),
        "Better": indicator.polarity,
        "Denominator": among[:1].upper() + among[1:],
        "Numerator": (words.did[:1].upper() + words.did[1:]) if words else indicator.title,
        "Denominator, condition": conditions[0],
        "Numerator, condition": conditions[1],
        "Days": ", ".join(f"{name} {days}" for name, days in indicator.windows.items()),
        "Code lists": ", ".join(indicator.codelists),
        "Guidance": indicator.guidance,
        "Source": indicator.source,
        "Definition": indicator.definition_id,
        "Not derivable": indicator.not_derivable,
    }


def _divide(results: pd.DataFrame, specification: Specification) -> list[tuple[str, str, pd.DataFrame]]:
    """Divide results into sheets: label, title, rows; a sheet without rows is none."""
    order = ["nation", "audit", "cohort", "measure", "level", "unit", "group_by", "group"]
    places = {level: place for place, level in enumerate((POOLED, *specification.levels))}
    results = results.sort_values(order, key=lambda c: c.map(places) if c.name == "level" else c, ignore_index=True)
    known = {frame: label for label, (_, frames) in SHEETS.items() for frame in frames}
    labels = results["frame"].map(known).fillna(OTHER[0])
    titles = {label: title for label, (title, _) in SHEETS.items()} | dict([OTHER])
    return [(label, titles[label], results[labels == label]) for label in titles if (labels == label).any()]


def _make_sheet(label: str, title: str, rows: pd.DataFrame) -> object:
    gptables = _load_writer()
    table = _clean(_write_symbols(rows))
    name = label.lower().replace(" ", "_")
    return gptables.GPTable(
        table,
        name,
        title,
        instructions=_count(table),
        legend=LEGEND,
        additional_formatting=[
            {"column": {"columns": ["Denominator", "Numerator"], "format": {"align": "right"}}},
            {"column": {"columns": ESTIMATES, "format": {"align": "right", "num_format": "0.0##"}}},
        ],
    )


def _write_symbols(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a sheet, with a symbol wherever there is no value."""
    symbols = rows["status"].map(SYMBOLS).fillna(NOT_APPLICABLE)
    out = {}
    for heading, column in HEADINGS.items():
        values = rows[column].astype(object)
        if column in COUNTS + NUMBERS:
            values = values.where(rows[column].notna(), symbols)
        else:
            values = values.where(values.notna() & (values != ""), NOT_APPLICABLE)
        out[heading] = values
    named = out["Cohort"].map(COHORT_NAMES).fillna(out["Cohort"])
    return pd.DataFrame({**out, "Cohort": named, "Nation": out["Nation"].map(name_nation)}).reset_index(drop=True)


def _clean(table: pd.DataFrame) -> pd.DataFrame:
    """Make plain text of what a spreadsheet would run, and of what the writer takes for a link or a note."""
    escaped = escape_formulae(table.astype(object).where(table != "", NOT_APPLICABLE))
    marks = {"](": "] (", "$$": "$ $"}
    for mark, plain in marks.items():
        escaped = escaped.map(lambda v, mark=mark, plain=plain: v.replace(mark, plain) if isinstance(v, str) else v)
    return escaped


def _count(table: pd.DataFrame) -> str:
    return f"This worksheet contains one table of {len(table):,} rows. Symbols are explained on the sheet Notes."


def _make_cover(runs: Sequence[FinishedRun]) -> Any:
    gptables = _load_writer()
    named = name_by_marking((run.marking, run.title) for run in runs)
    marked = [
        f"{MARKINGS[kind].name}. {MARKINGS[kind].results.format(names=' and '.join(names))}"
        for kind, names in named.items()
    ]
    about = [
        "Each sheet of results has one row per measure, cohort, organisation and group, from the nation to the "
        "organisation, with codes and names. The file results.csv has the same rows.",
        f"The sheet {METRICS} says how each measure is defined.",
        *(f"Run {run.run_id} of audit {run.audit}." for run in runs),
    ]
    return gptables.Cover("Results that have passed disclosure control", intro=marked, about=about)


def _say_policies(runs: Sequence[FinishedRun]) -> str:
    """Say how results below the nation are suppressed; where policies differ, of which audit each is."""
    audits: dict[str, list[str]] = {}
    for run in runs:
        audits.setdefault(str(run.manifest["attack"].get("policy", "")), []).append(run.title)
    known = {name: titles for name, titles in audits.items() if name in POLICIES}
    said = "; ".join(
        f"{join_names(titles)}: {POLICIES[name].source}" if len(audits) > 1 else POLICIES[name].source
        for name, titles in known.items()
    )
    return f" Policy below the nation: {said}." if said else ""


def _list_notes(runs: Sequence[FinishedRun]) -> pd.DataFrame:
    notes = {
        "suppressed": "A small number, or one from which a small number could be worked out; which of them is not said."
        + _say_policies(runs),
        "few": "Fewer people than an estimate is made for.",
        "derivable": "The data do not support the result; the column Note on result says why.",
        "applicable": "The result has no such value, or there is nothing to note.",
    }
    return pd.DataFrame({"note": list(notes), "Note text": list(notes.values())})


def open_definitions(runs: Sequence[FinishedRun]) -> Definitions | None:
    """Return the definitions of the first run that has its copy of them."""
    return next((run.definitions for run in runs if run.has_inputs), None)
