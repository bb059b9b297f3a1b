"""The results of organisations, alliances and regions: a table for each of them, and the explorer's data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from naome.core.atomic import write_text
from naome.core.durations import YEAR_DAYS
from naome.measures.specification import PROVIDER, read_data_items
from naome.release.policy import POLICIES, Policy
from naome.release.positions import place_by_status, place_organisations
from naome.release.types import release_checked
from naome.report.display import escape_markup
from naome.report.finished import OUTLIER_STATUS
from naome.report.funnels import count_everyone
from naome.report.labels import METASTATIC
from naome.report.prose import lower_first, say_list, say_period
from naome.report.publication import messages
from naome.report.publication.audits import Audit, Population, Row, is_ok
from naome.report.publication.report_page import Cell, ReportPage, show_people, show_percent
from naome.report.publication.source_lists import Sources
from naome.report.publication.wording import locate_indicator
from naome.stats.funnel import binomial_limits

EXPLORER = "report/organisations.qmd"
FOLDER = "report/organisations"
DATA = "report/explorer/data.js"
LIBRARY = "report/explorer/vega.js"
PROGRAM = "assets/explorer.js"
CARE, RECORDED, ADJUSTED = "Indicators of care", "Data completeness", "Risk-adjusted survival"
#: Pages that explain completeness and risk-adjusted survival
STATE, RISK = "report/state-of-the-nation.qmd", "methodology/risk-adjustment.qmd"
#: Points at which funnel limits are computed
STEPS = 60
NOT_RANKED = (
    "Organisations are not ranked: a result outside the limits of a funnel plot calls for review, and is no proof of "
    "poor care."
)
READING = """## How to read the results

- **Counts.** {counts}
- **Years.** {years}
- **Position.** Where an organisation is among all, by the limits of the outlier policy and without adjustment for case
  mix: in the *negative tail* (less favourable than the nation, outside the limits), the *central mass* or the *positive
  tail*. Some results lie outside the limits by chance alone. Where neither side is better the tails are low and high.
- **Survival** is adjusted for case mix; its position is the outlier status, which names alerts and alarms. This is a
  test with the variation expected under national survival: it need not agree with the interval of the organisation,
  which is also wider where counts are rounded. Survival of the nation is that of everyone compared: people found to
  have metastatic disease in the audit period, or in the period that is given.
- ***Not shown*:** suppressed, or too few people. ***Not compared*:** possibly fewer people than the smallest that is
  compared, or not assessed."""

CHARTS = """::: {{#explorer .explorer}}
<p><label for="explorer-unit">{kinds}</label> <select id="explorer-unit"></select></p>
<p><label for="explorer-peer">Compared with</label> <select id="explorer-peer"></select></p>
<p id="explorer-link"></p>
<div id="explorer-results"></div>
<p><label for="explorer-measure">Funnel plot of</label> <select id="explorer-measure"></select></p>
<div id="explorer-funnel"></div>
<p class="explorer-missing">The charts need JavaScript. The tables below hold the same results.</p>
:::"""


@dataclass(frozen=True)
class Measure:
    """A measure that organisations are shown.

    Attributes
    ----------
    key : str
        ``measure|cohort``.
    title : str
    section : str
        ``CARE``, ``RECORDED`` or ``ADJUSTED``.
    better : {"higher", "lower", "neutral"}
    page : str
        Page of the site that explains it.
    """

    key: str
    title: str
    section: str
    better: str
    page: str

    @property
    def names(self) -> tuple[str, str]:
        """Measure and cohort."""
        measure, _, cohort = self.key.partition("|")
        return measure, cohort


def list_measures(audit: Audit) -> list[Measure]:
    """Return what the organisations of an audit are shown, in order, of what the run has released."""
    inside = audit.results["level"].isin(audit.specification.levels_within)
    released = audit.results[inside & (audit.results["group_by"] == "all")]
    known = set(zip(released["measure"], released["cohort"], strict=True))
    found = []
    for indicator, words in audit.wording.items():
        polarity = audit.specification[indicator].polarity
        found += [
            Measure(f"{indicator}|{cohort}", f"{words.short}, {name}", CARE, polarity, locate_indicator(indicator))
            for cohort, name in METASTATIC.items()
        ]
    found += [
        Measure(f"completeness.{item.id}|denovo", f"{item.title} recorded", RECORDED, "higher", STATE)
        for item in read_data_items(audit.definitions)
        if item.table_2
    ]
    found += [
        Measure(f"survival_{years}y_adjusted|{cohort}", _name_survival(audit, years, name), ADJUSTED, "higher", RISK)
        for cohort, name in METASTATIC.items()
        for years in audit.params.survival.horizons_years
    ]
    return [measure for measure in found if measure.names in known]


def _name_survival(audit: Audit, years: int, cohort: str) -> str:
    """Name survival at a time point, with the period of the people who are compared where it is an earlier one."""
    period = audit.params.earlier_periods.get(years)
    return f"{years}-year survival, {cohort}" + (f", found {say_period(*period)}" if period else "")


def write_organisation_pages(
    audits: list[Audit], populations: list[Population], sources: Sources, downloads: Mapping[str, str]
) -> Iterator[tuple[ReportPage, str]]:
    """Write the page with the explorer, then the tables of each nation and level; with the texts of menus."""
    explorer = ReportPage(EXPLORER, "Organisations", "Results of each organisation beside those of its nation", sources)
    pages = [
        (_write_level(audit, population, level, sources), level)
        for audit, population in zip(audits, populations, strict=False)
        for level in audit.specification.levels_within
        if len(_units(audit, level))
    ]
    files = ", ".join(f"[{text}]({explorer.link(file)})" for file, text in downloads.items())
    wider = dict.fromkeys(
        _name_level(audit, level)[0]
        for audit in audits
        for level in audit.specification.levels_within
        if level != PROVIDER and len(_units(audit, level))
    )
    *most, last = ["Organisation", *wider]
    kinds = f"{', '.join(most)} or {last}" if most else last
    explorer.add(NOT_RANKED, CHARTS.format(kinds=kinds), _write_reading(audits), "## All results in tables")
    explorer.add("\n".join(f"- [{page.title}]({explorer.link(page.path)}): {page.description}" for page, _ in pages))
    explorer.add(f"Downloads: {files}." if files else "")
    explorer.add("\n".join(f'<script src="{explorer.link(script)}"></script>' for script in (LIBRARY, DATA, PROGRAM)))
    yield explorer, "Organisations"
    for page, _ in pages:
        yield page, page.title


def _write_reading(audits: Sequence[Audit]) -> str:
    return READING.format(counts=say_disclosure(audits), years=say_why_no_years(audits))


def say_disclosure(audits: Sequence[Audit]) -> str:
    """Say which counts are rounded and which results are suppressed, by the policy of each audit."""
    said: dict[str, list[str]] = {}
    for audit in audits:
        said.setdefault(_say_policy(POLICIES[audit.params.disclosure.policy]), []).append(audit.name)
    if len(said) == 1:
        return next(iter(said))
    return " ".join(f"{say_list(names)}: {lower_first(text)}" for text, names in said.items())


def _say_policy(policy: Policy) -> str:
    if policy.hide_to < policy.hide_from:
        return "Counts are exact and nothing is suppressed."
    counts = f"Counts below the nation are rounded to {policy.round_to}" if policy.round_to > 1 else "Counts are exact"
    small = f"a count of {policy.hide_from} to {policy.hide_to}"
    return f"{counts}, and a result from which {small} could be worked out is suppressed."


def say_why_no_years(audits: Sequence[Audit]) -> str:
    """Say why organisations have no results by year: of how many that are shown a year would have a small count."""
    said = [each for each in map(_count_small_years, audits) if each]
    whole = "Results of organisations are of the whole period; those by year and quarter are of the nation only."
    if not said:
        return whole
    return f"{whole} Spread evenly over its years, {say_list(said)} would have a count that is suppressed."


def _count_small_years(audit: Audit) -> str:
    """Say of how many shown results of organisations a year would have a suppressed count; empty where none would."""
    policy, (first, last) = POLICIES[audit.params.disclosure.policy], audit.run.period
    years = round(((last - first).days + 1) / YEAR_DAYS)
    measures = [" ".join(measure.names) for measure in list_measures(audit) if measure.section != ADJUSTED]
    rows = audit.results[audit.results["level"].eq(PROVIDER) & audit.results["group_by"].eq("all")]
    rows = rows[rows["status"].eq("ok") & (rows["measure"] + " " + rows["cohort"]).isin(measures)]
    counts = rows["numerator"], rows["denominator"] - rows["numerator"]
    small = [(count / max(years, 1)).between(policy.hide_from, policy.hide_to) for count in counts]
    number = int((small[0] | small[1]).sum())
    return f"{number:,} of the {len(rows):,} results shown for {audit.name}" if years > 1 and number else ""


def write_explorer(audits: list[Audit], populations: list[Population], folder: Path) -> None:
    """Write the explorer's data and the library that draws it, as local scripts: nothing is fetched from elsewhere."""
    import vl_convert

    nations = [_collect(audit, population) for audit, population in zip(audits, populations, strict=False)]
    text = json.dumps(nations, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    write_text(f"window.naomeExplorer = {text};\n", folder / DATA)
    write_text(vl_convert.javascript_bundle(), folder / LIBRARY)


def locate_level(audit: Audit, level: str) -> str:
    """Return the path of the tables of a nation and level."""
    ending = "" if level == PROVIDER else f"-{_name_level(audit, level)[1].lower().replace(' ', '-')}"
    return f"{FOLDER}/{audit.name.lower().replace(' ', '-')}{ending}.qmd"


def _name_level(audit: Audit, level: str) -> tuple[str, str]:
    """Return how pages name a unit of a level, and its units as a title."""
    title = audit.specification.levels[level]
    return lower_first(title), f"{title}s"


def _write_level(audit: Audit, population: Population, level: str, sources: Sources) -> ReportPage:
    one, many = _name_level(audit, level)
    units = _units(audit, level)
    noun = audit.params.unit_name if level == "provider" else one
    page = ReportPage(locate_level(audit, level), f"{many} of {audit.spoken}", f"A table for each {noun}", sources)
    measures = list_measures(audit)
    notes = [messages.say_notes(page, [audit], [population], name) for name in audit.wording]
    reading = [NOT_RANKED, _write_reading([audit])] if level == "provider" else [say_disclosure([audit])]
    page.add(*reading, *_list_notes(audit, notes))
    rows, areas = _index(audit, level), _list_areas(audit) if level == "provider" else {}
    positions = place_units(audit) if level == "provider" else {}
    for unit, name in units:
        title = f"{name} ({unit})" if name != unit else unit
        page.add(f"## {escape_markup(title)} {{#{_anchor(unit)}}}")
        page.add(_say_areas(page, audit, areas.get(unit, {}), unit))
        _add_unit(page, unit, population, measures, rows, level, positions)
    return page


def _list_notes(audit: Audit, notes: Sequence[Mapping[str, str]]) -> list[str]:
    """List which indicators of a nation must not be compared with others, and why."""
    return [
        " ".join(filter(None, [f"{words.short}. {said[audit.name]}", messages.OF_RECORDING if words.recorded else ""]))
        for words, said in zip(audit.wording.values(), notes, strict=True)
        if said
    ]


def place_units(audit: Audit) -> dict[tuple[str, str, str], str]:
    """Return the position of each organisation, by code, measure and cohort."""
    polarities = {indicator.id: indicator.polarity for indicator in audit.specification.indicators}
    polarities |= {m.names[0]: m.better for m in list_measures(audit) if m.section == RECORDED}
    released = release_checked(audit.results.drop(columns="frame"))
    statuses = audit.run.read_table(OUTLIER_STATUS)
    placed = place_organisations(released, audit.params, polarities)
    if statuses is not None and len(statuses):
        placed = pd.concat([placed, place_by_status(released, statuses)], ignore_index=True)
    return {(row.unit, row.measure, row.cohort): row.position for row in placed.itertuples()}


def _list_areas(audit: Audit) -> dict[str, Row]:
    """Return the row of each organisation in the run's list of organisations."""
    return {row["code"]: row for row in audit.run.read_organisations().to_dict("records")}


def _say_areas(page: ReportPage, audit: Audit, row: Row, unit: str) -> str:
    """Say to which alliance and region an organisation belongs, and where its results are drawn."""
    said = []
    for level in [level for level in audit.specification.levels_within if level != PROVIDER]:
        code, name = row.get(f"{level}_code", ""), row.get(f"{level}_name", "")
        if code and len(_units(audit, level)):
            place = page.link(f"{locate_level(audit, level)}#{_anchor(code)}")
            said.append(f"{audit.specification.levels[level]}: [{escape_markup(name or code)}]({place}).")
    charts = page.link(EXPLORER).replace(".qmd", ".html")
    return " ".join([*said, f'<a href="{charts}?unit={quote(unit)}">Charts</a>.'])


def _add_unit(
    page: ReportPage,
    unit: str,
    population: Population,
    measures: Sequence[Measure],
    rows: dict[tuple[str, str, str], Row],
    level: str,
    positions: Mapping[tuple[str, str, str], str],
) -> None:
    """Add the table of a unit; its numbers are in the table of all results, under the identifiers of their cells."""
    lines: list[list[str | Cell]] = []
    section = ""
    for measure in measures:
        row = rows.get((unit, *measure.names))
        if row is None:
            continue
        if measure.section != section:
            section = measure.section
            lines.append([section])
        national = show_percent(population, population.find(*measure.names))
        own, people = show_percent(population, row, interval=True), show_people(population, row)
        missing = row["status"] not in ("ok", "too_few")
        lines.append(
            [
                Cell(measure.title, href=measure.page),
                replace(own, row=None, note="", result=row["result_id"]),
                Cell("–", css="missing") if missing else replace(people, row=None, note=""),
                replace(national, row=None, note=""),
                *([positions.get((unit, *measure.names), "")] if positions else []),
            ]
        )
    caption = f"Results of {escape_markup(unit)}, with 95% intervals."
    heads = ["", "Own", "People", population.name, *(["Position"] if positions else [])]
    page.table(f"tbl-{level}-{_anchor(unit)}", caption, heads, lines)


def _anchor(unit: str) -> str:
    """Return the identifier of a unit on its page; a unit without a code has a name, which may hold anything."""
    return f"unit-{re.sub('[^A-Za-z0-9]+', '-', unit)}"


def _units(audit: Audit, level: str) -> list[tuple[str, str]]:
    """Return code and name of the units of a level that have a released row, by name."""
    rows = audit.results[audit.results["level"] == level]
    units = rows[["unit", "unit_name"]].drop_duplicates("unit")
    return sorted(units.itertuples(index=False, name=None), key=lambda each: (each[1].casefold(), each[0]))


def _index(audit: Audit, level: str) -> dict[tuple[str, str, str], Row]:
    rows = audit.results[(audit.results["level"] == level) & (audit.results["group_by"] == "all")]
    return {(row["unit"], row["measure"], row["cohort"]): row for row in rows.to_dict("records")}


def _collect(audit: Audit, population: Population) -> dict:
    """Collect what the explorer shows of a nation."""
    measures, areas = list_measures(audit), _list_areas(audit)
    units = []
    for level in audit.specification.levels_within:
        one, rows = _name_level(audit, level)[0], _index(audit, level)
        for unit, name in _units(audit, level):
            values = {m.key: _value(row) for m in measures if (row := rows.get((unit, *m.names))) is not None}
            area = areas.get(unit, {}).get("alliance_code", "") if level == "provider" else ""
            units.append({"code": unit, "name": name, "level": level, "kind": one, "alliance": area, "values": values})
    tails = (audit.params.outliers.alert_tail, audit.params.outliers.alarm_tail)
    return {
        "nation": audit.name,
        "run": audit.run.run_id,
        "measures": [
            {
                "key": m.key,
                "title": m.title,
                "section": m.section,
                "better": m.better,
                "nation": _national(population, m),
            }
            for m in measures
        ],
        "limits": {m.key: _limits(audit, population, m, tails) for m in measures if m.section != ADJUSTED},
        "tails": [f"{100 * (1 - 2 * tail):.3g}%" for tail in tails],
        "units": units,
    }


def _value(row: Row) -> list:
    if row["status"] != "ok":
        return [row["status"].replace("_", " ")]
    return [round(float(row[name]), 4) for name in ("estimate", "lower", "upper")] + [int(row["denominator"])]


def _national(population: Population, measure: Measure) -> float | None:
    row = population.find(*measure.names)
    return round(float(row["estimate"]), 6) if is_ok(row) else None


def _limits(audit: Audit, population: Population, measure: Measure, tails: tuple[float, float]) -> list[list[float]]:
    """Return funnel limits: n, then lower and upper of each pair; empty where there is no national value."""
    target = _national(population, measure)
    rows = audit.results[(audit.results["measure"] == measure.names[0]) & (audit.results["cohort"] == measure.names[1])]
    shown = rows[(rows["level"] == "provider") & (rows["group_by"] == "all") & (rows["status"] == "ok")]
    if not target or target >= 1 or shown.empty:
        return []
    sizes = np.unique(np.linspace(5, float(shown["denominator"].max()) * 1.05, STEPS).astype(int))
    limits = [binomial_limits(target, sizes, tail, everyone=count_everyone(shown, sizes)) for tail in tails]
    columns = pd.concat([each[["lower", "upper"]] for each in limits], axis=1).to_numpy()
    return [[int(n), *(round(float(value), 4) for value in line)] for n, line in zip(sizes, columns, strict=True)]
