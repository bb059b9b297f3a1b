"""The State of the Nation page: sections, tables and figures of the audit's annual report, from released results."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from naome.core.results import say_nation
from naome.measures.derivability import CANCER_SHARE_OF_DEATHS, RECORD_BEFORE_CANCER_DEATH
from naome.measures.description import PEOPLE, SHARE, SITE
from naome.measures.specification import read_data_items
from naome.report.display import format_number
from naome.report.labels import METASTATIC, ORIGINS, SITE_NAMES, SUBTYPES
from naome.report.marking import join_names
from naome.report.prose import say_day, say_list, say_years, upper_first
from naome.report.publication import messages
from naome.report.publication.audits import Audit, Population, is_ok, period_of
from naome.report.publication.characteristics import SITES, add_characteristics
from naome.report.publication.drawings import NOT_DRAWN, PLOTTED_AGES, draw_age_by_subtype
from naome.report.publication.group_tables import Line, compare_groups
from naome.report.publication.report_page import ReportPage
from naome.report.publication.source_lists import Sources
from naome.report.publication.wording import locate_indicator

PATH = "report/state-of-the-nation.qmd"
UPCARE = "report/upcare.qmd"
RECOMMENDATIONS = "report/recommendations.qmd"
#: Diagnoses and treatment in these days were affected
PANDEMIC = (dt.date(2020, 3, 1), dt.date(2021, 12, 31))
PANDEMIC_NOTE = "Care in part of this period was affected by the COVID-19 pandemic, and results may not be typical."
#: Completeness below which a data item is named in the key message
TARGET = 0.75
CAUTION = (
    "The recurrent cohort is incomplete: it holds only people who have {evidence} after a primary diagnosis within the "
    "years that were read. Its size must not be used as the number of people with recurrent disease, nor to plan "
    "services."
)
#: Evidence of metastatic disease -> whom a cohort from it alone does not include
MISSED = {
    "admissions": "Not included are people diagnosed before the years that were read, people whose recurrence was "
    "treated without an admission, and people whose admissions have no metastatic code.",
}
#: Evidence of metastatic disease -> the records that an audit with it uses, where all such audits have them
RECORDS = {
    "admissions": "national cancer registrations, hospital admissions, treatment records and death registrations",
}
INDICATORS = {
    "mdt_discussion": ["denovo"],
    "biopsy": ["recurrent"],
    "cns_contact": ["denovo"],
    "cdk46_first_line": ["denovo"],
    "anti_her2_first_line": ["denovo"],
    "chemotherapy": ["denovo", "recurrent"],
    "bone_modifying_agent": ["denovo", "recurrent"],
    "radiotherapy": ["denovo", "recurrent"],
}
SAFETY = "death_30d_chemotherapy"
SURVIVAL = "survival"
NO_SUBGROUP = " People with a receptor that is not recorded are in no subgroup."


def write_state_of_the_nation(audits: list[Audit], populations: list[Population], sources: Sources) -> ReportPage:
    """Write the page."""
    names = join_names([audit.spoken for audit in audits])
    first, last = period_of(audits)
    page = ReportPage(
        PATH,
        "State of the Nation",
        f"Metastatic breast cancer in {names}, {first.year} to {last.year}: who was diagnosed, how they were treated, "
        "how they fared",
        sources,
    )
    note = say_pandemic(audits)
    _add_introduction(page, audits, populations, note)
    _add_people(page, audits, populations, note)
    _add_care(page, audits, populations, note)
    _add_outcomes(page, audits, populations, note)
    _add_commentary(page, populations)
    return page


def say_pandemic(audits: list[Audit]) -> str:
    """Say that the pandemic affected care in part of the period; empty for a period that it did not affect."""
    first, last = period_of(audits)
    return PANDEMIC_NOTE if first <= PANDEMIC[1] and last >= PANDEMIC[0] else ""


def say_caution(audits: list[Audit]) -> str:
    """Say that the recurrent cohort is incomplete, and of whom it is made under the rules of the audits."""
    evidence = dict.fromkeys(audit.rules.fill("{evidence.one}") for audit in audits)
    return CAUTION.format(evidence=" or ".join(evidence))


def _say_records(page: ReportPage, audits: list[Audit]) -> str:
    """Say which records the audits use."""
    found = {RECORDS.get(kind) for audit in audits for kind in audit.rules["evidence"]}
    (used,) = found if len(found) == 1 else (None,)
    used = used or f"records that exist already, which the [UPCARE summary]({page.link(UPCARE)}) lists"
    return f"No data are collected for the audit. It uses {used}."


def _add_introduction(page: ReportPage, audits: list[Audit], populations: list[Population], note: str) -> None:
    first, last = period_of(audits)
    names = join_names([audit.spoken for audit in audits])
    page.add(
        f"People diagnosed with metastatic breast cancer in {names} from {say_day(first)} to {say_day(last)}. Every "
        "result is a link to its definition, its method and the run that computed it. Intervals are 95% confidence "
        "intervals.",
        note,
        "## Introduction",
        "Metastatic breast cancer has spread beyond the breast and the regional lymph nodes. *De novo* disease is "
        "found at the initial diagnosis of breast cancer, or within the months after it that the rules below state. "
        "*Recurrent* disease is found later. The audit measures care against guidelines [@naome2024], for women and "
        "men aged 18 and over.",
        "### Data and cohorts",
        f"{_say_records(page, audits)} {_say_sizes(page, populations)}",
    )
    rules = audits[0].rules
    rows = [[rule.id, rule.text] for rule in rules.rules if rule.cohort in ("denovo", "recurrent")]
    page.table(
        "tbl-cohorts",
        f"Definition of the cohorts. All rules are on the page [Cohorts]({page.link('methodology/cohorts.qmd')}).",
        ["Rule", "Criterion"],
        rows,
    )
    evidence = {kind for audit in audits for kind in audit.rules["evidence"]}
    missed = MISSED.get(*evidence, "") if len(evidence) == 1 else ""
    page.add(f"**Caution.** {say_caution(audits)} {missed}".strip(), "### Ascertainment of recurrent disease")
    page.add(_say_ascertainment(page, populations), *(_say_deaths(page, p) for p in populations if not p.together))
    validated = [(audit.name, page.link(audit.pages["validation"])) for audit in audits if "validation" in audit.pages]
    if validated:
        page.add(
            f"{{{{< embed {validated[0][1]}#fig-outcomes >}}}}",
            f"The figure is of {say_nation(validated[0][0])}. A lower percentage among people diagnosed in later years "
            "may reflect shorter follow-up rather than poorer coding. All figures and tables: "
            f"{join_names([f'[{name}]({place})' for name, place in validated])}.",
        )


def _say_sizes(page: ReportPage, populations: list[Population]) -> str:
    parts = []
    for population in populations:
        sizes = [(name, population.find(PEOPLE, cohort)) for cohort, name in METASTATIC.items()]
        said = [f"{page.count(row, population)} people with {name} disease" for name, row in sizes if is_ok(row)]
        if said and not population.together:
            parts.append(f"{upper_first(population.spoken)} has {say_list(said)}.")
    return " ".join(parts)


def say_ascertained(page: ReportPage, population: Population) -> str:
    """Say the share of deaths from breast cancer before which there is a record of metastatic disease."""
    return messages.say_share(
        page,
        population,
        population.find(RECORD_BEFORE_CANCER_DEATH, "primary"),
        "deaths from breast cancer of people diagnosed when aged under 70",
        "had an earlier record of metastatic disease",
    )


def _say_ascertainment(page: ReportPage, populations: list[Population]) -> str:
    return " ".join(filter(None, (say_ascertained(page, population) for population in populations)))


def _say_deaths(page: ReportPage, population: Population) -> str:
    """Say the share of deaths that are from breast cancer, and how the earlier record differs by year of diagnosis."""
    said, share = [], population.find(CANCER_SHARE_OF_DEATHS, "primary")
    if is_ok(share):
        deaths = f"{page.percent(share, population)} of {page.count(share, population)} deaths of these people"
        said.append(f"In {population.spoken}, {deaths} were from breast cancer.")
    years = sorted(population.groups(RECORD_BEFORE_CANCER_DEATH, "primary", "diagnosis_year"))
    rows = [
        population.find(RECORD_BEFORE_CANCER_DEATH, "primary", "diagnosis_year", year)
        for year in years[:1] + years[1:][-1:]
    ]
    if len(rows) > 1 and all(is_ok(row) for row in rows):
        ends = [f"{page.percent(row, population)} of those diagnosed in {row['group']}" for row in rows if is_ok(row)]
        said.append(f"Of people who died of it, {ends[0]} and {ends[1]} had an earlier record of metastatic disease.")
    return " ".join(said)


def _add_people(page: ReportPage, audits: list[Audit], populations: list[Population], note: str) -> None:
    items = [item for item in read_data_items(audits[0].definitions) if item.table_2]
    caution = say_caution(audits)
    nations = [population for population in populations if not population.together]
    page.add("## People with metastatic breast cancer", "### Data completeness")
    low = [
        messages.say_low_items(
            page,
            p,
            [(item.title, row) for item in items if (row := p.find(f"completeness.{item.id}", "denovo"))],
            TARGET,
        )
        for p in nations
    ]
    page.add(_key([*low, "Every organisation should have a lead for the quality of the data that it submits."]))
    lines = [(item.title, f"completeness.{item.id}", "denovo", "all", "all") for item in items]
    compare_groups(
        page,
        "tbl-completeness",
        _caption("Records with a value, by data item: people with de novo disease.", note),
        nations,
        lines,
    )
    if any(p.find(line[1], "denovo") for p in nations for line in lines):
        page.add("Values are counted as they were received: none is inferred from the treatment that was given.")
    page.add("### Characteristics", _key([_say_ages(page, populations), _say_sites(page, nations), caution]))
    if any(p.find(PEOPLE, "denovo") for p in nations):
        add_characteristics(
            page,
            "tbl-denovo",
            _caption("Characteristics of people with de novo metastatic breast cancer.", note),
            populations,
            "denovo",
        )
    if any(p.find(PEOPLE, "recurrent") for p in nations):
        add_characteristics(
            page,
            "tbl-recurrent",
            _caption("Characteristics of people with recurrent metastatic breast cancer. " + caution, note),
            populations,
            "recurrent",
        )


def _say_ages(page: ReportPage, populations: list[Population]) -> str:
    """Say the mean age of women and men; of everyone where the two are not shown."""
    together = populations[-1]
    said = []
    for sex, people in (("female", "women"), ("male", "men")):
        row = together.find("age_mean", "denovo", "sex", sex)
        if is_ok(row):
            mean = page.cite(format_number(row["estimate"], "decimal1"), row, together)
            said.append(f"{mean} years for {people} ({messages.say_from_to(row, 'decimal1')})")
    everyone = together.find("age_mean", "denovo")
    if not said and is_ok(everyone):
        mean = page.cite(format_number(everyone["estimate"], "decimal1"), everyone, together)
        said.append(f"{mean} years ({messages.say_from_to(everyone, 'decimal1')}); that of women and men is not shown")
    return f"The mean age at a de novo diagnosis ({together.spoken}) was {say_list(said)}." if said else ""


def _say_sites(page: ReportPage, nations: Sequence[Population]) -> str:
    parts = []
    for population in nations:
        rows = [(SITE_NAMES[site].lower(), population.find(SHARE, "denovo", SITE, site)) for site in SITES]
        said = [
            f"{name} {page.percent(row, population)} ({messages.say_from_to(row)})" for name, row in rows if is_ok(row)
        ]
        if said:
            parts.append(f"Sites of metastases in {population.spoken}: {', '.join(said)}.")
    return " ".join([*parts, "A person can have several."] if parts else [])


def _add_care(page: ReportPage, audits: list[Audit], populations: list[Population], note: str) -> None:
    page.add("## Patterns of care")
    for indicator, cohorts in INDICATORS.items():
        _add_indicator(page, audits, populations, indicator, cohorts, note)


def _add_outcomes(page: ReportPage, audits: list[Audit], populations: list[Population], note: str) -> None:
    page.add("## Outcomes")
    _add_indicator(page, audits, populations, SAFETY, ["denovo", "recurrent"], note)
    page.add("### Survival", _key(_say_survival(page, populations)))
    lines: list[Line | str] = []
    for cohort, name in METASTATIC.items():
        lines.append(f"{name.capitalize()} disease")
        lines += [(say_years(years), f"survival_{years}y", cohort, "all", "all") for years in (1, 3, 5)]
        if cohort == "denovo":
            lines += [(f"{title}, 3 years", "survival_3y", cohort, "subtype", each) for each, title in SUBTYPES.items()]
    compare_groups(
        page,
        "tbl-survival",
        _caption(
            f"Survival, Kaplan-Meier: de novo disease from {ORIGINS['denovo']}, recurrent disease from "
            f"{ORIGINS['recurrent']}.",
            note,
        ),
        populations,
        lines,
    )
    words = audits[0].wording.get(SURVIVAL)
    page.add(words.caution if words else say_caution(audits))


def _say_survival(page: ReportPage, populations: list[Population]) -> list[str]:
    parts = []
    for population in populations:
        rows = [(years, population.find(f"survival_{years}y", "denovo")) for years in (1, 3)]
        said = [
            f"{page.percent(row, population)} after {say_years(years)} ({messages.say_from_to(row)})"
            for years, row in rows
            if is_ok(row)
        ]
        if said:
            parts.append(f"{upper_first(population.spoken)}: survival with de novo disease was {say_list(said)}.")
    for population in populations:
        if not population.together:
            found = [
                (title, population.find("survival_3y", "denovo", "subtype", each)) for each, title in SUBTYPES.items()
            ]
            ranged = messages.say_range(page, population, found)
            parts.append(ranged.replace("the percentage", f"survival to {say_years(3)} with de novo disease", 1))
    return parts


def _add_indicator(
    page: ReportPage, audits: list[Audit], populations: list[Population], indicator: str, cohorts: list[str], note: str
) -> None:
    words = audits[0].wording[indicator]
    title = audits[0].specification[indicator].title
    notes = messages.say_notes(page, audits, populations, indicator)
    page.add(f"### {title}")
    for cohort in cohorts:
        name = METASTATIC[cohort]
        people = words.name_people(name)
        who = people.rstrip(",")  # a comma goes before the verb
        said = [
            messages.say_share(page, p, row, people, words.did)
            for p in populations
            if not p.together and (row := p.find(indicator, cohort)) is not None and row["status"] != "not_derivable"
        ]
        said += [notes[p.name] for p in populations if p.name in notes and is_ok(p.find(indicator, cohort))]
        said += [messages.say_gradient_of_women(page, p, indicator, cohort) for p in populations if not p.together]
        said += [messages.say_sexes(page, p, indicator, cohort) for p in populations if not p.together]
        what = f"the percentage of people with {name} disease" if len(cohorts) > 1 else "this"
        said.append(messages.say_not_derivable([(p, p.find(indicator, cohort)) for p in populations], what))
        page.add(_key(said))
        if not any(is_ok(p.find(indicator, cohort)) for p in populations):
            continue
        lines: list[Line | str] = [
            ("Everyone", indicator, cohort, "all", "all"),
            ("Women", indicator, cohort, "sex", "female"),
            ("Men", indicator, cohort, "sex", "male"),
            "Women, by age",
            *((f"{age} years", indicator, cohort, "age_group_women", age) for age in PLOTTED_AGES),
        ]
        by_subtype = indicator in ("chemotherapy", SAFETY)
        if by_subtype:
            lines += [
                "Women, by receptor subgroup",
                *((text, indicator, cohort, "subtype_women", subtype) for subtype, text in SUBTYPES.items()),
            ]
        label = f"{indicator}-{cohort}".replace("_", "-")
        compare_groups(
            page,
            f"tbl-{label}",
            _caption(f"{words.short}, {name} disease: {who}.{NO_SUBGROUP if by_subtype else ''}", note),
            populations,
            lines,
        )
        drawn = draw_age_by_subtype(populations[0], indicator, cohort) if indicator == "chemotherapy" else None
        if drawn:
            drawing, alt = drawn
            caption = (
                f"Chemotherapy in women with {name} disease, {populations[0].name}, by age and receptor subgroup, "
            )
            page.figure(f"fig-{label}", _caption(f"{caption}with 95% intervals ({NOT_DRAWN}).", note), alt, drawing)
    page.add(f"{words.caution} [More on this indicator]({page.link(locate_indicator(indicator))}).")


def _add_commentary(page: ReportPage, populations: list[Population]) -> None:
    nations = [population for population in populations if not population.together]
    parts = []
    for population in nations:
        denovo, recurrent = (population.find(PEOPLE, cohort) for cohort in ("denovo", "recurrent"))
        if is_ok(denovo) and is_ok(recurrent) and recurrent["denominator"] < denovo["denominator"]:
            parts.append(
                f"In {population.spoken} the recurrent cohort ({page.count(recurrent, population)}) is smaller than "
                f"the de novo cohort ({page.count(denovo, population)}), although recurrent disease is expected to be "
                "more common [@naome2024]. People whose breast cancer was diagnosed before "
                f"{population.audit.params.diagnosed_from.year} are not read, and recurrences are under-recorded; "
                "recording their date and type is the first need of the audit."
            )
        contact, recorded = population.find("cns_contact", "denovo"), population.find("cns_recorded", "denovo")
        if is_ok(contact) and is_ok(recorded):
            parts.append(
                f"In {population.spoken}, {page.percent(contact, population)} of people with recorded information had "
                f"contact with a clinical nurse specialist, but it is recorded for "
                f"{page.percent(recorded, population)}. The percentage of everyone may be lower."
            )
    parts.append(
        f"The [recommendations]({page.link(RECOMMENDATIONS)}) and the goals of the audit are on a page of their own, "
        "with the findings behind them."
    )
    page.add("## Commentary", *parts, "## References", "::: {#refs}\n:::")


def _key(sentences: Sequence[str]) -> str:
    """Write a box of key messages; nothing where there is nothing to say."""
    said = [sentence for sentence in sentences if sentence]
    if not said:
        return ""
    return "::: {.key-messages}\n**Key messages**\n\n" + "\n".join(f"- {sentence}" for sentence in said) + "\n:::"


def _caption(text: str, note: str) -> str:
    return f"{text} {note}".strip()
