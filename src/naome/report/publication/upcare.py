"""The UPCARE summary: what is asked of every national clinical audit, answered from parameters, definitions and runs.

UPCARE, Understanding Practice in the National Clinical Audit and Patient Outcomes Programme, is a form; the order and
numbers of the questions are those of its section about a workstream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from naome.measures.derivability import RECORD_BEFORE_CANCER_DEATH
from naome.measures.specification import PROVIDER, Indicator, read_data_items
from naome.report.display import format_number
from naome.report.marking import join_names
from naome.report.prose import lower_first, say_day
from naome.report.publication.audits import Audit, is_ok
from naome.report.publication.report_page import Cell, ReportPage
from naome.report.publication.source_lists import Sources
from naome.report.publication.trace import say_cohort_rules
from naome.report.publication.wording import locate_indicator

PATH = "report/upcare.qmd"
#: Indicators of these are outcomes; the others of care are processes
OUTCOMES = ("survival", "death_30d_chemotherapy")


def write_upcare(audits: list[Audit], sources: Sources) -> ReportPage:
    """Write the page."""
    page = ReportPage(PATH, "UPCARE summary", "What is asked of every national clinical audit, in its order", sources)
    page.add(
        "The questions are those of UPCARE, a form of the National Clinical Audit and Patient Outcomes Programme. "
        "Answers are made from the parameters, definitions and runs of this site; questions about contracts and staff "
        "are excluded."
    )
    rows: list[list[str | Cell]] = [
        [f"{number} {question}", answer] for number, question, answer in list_answers(audits)
    ]
    page.table("tbl-upcare", "UPCARE, workstream section.", ["Question", "Answer"], rows)
    page.add("Measures in full:", "\n".join(f"- {text}" for text in _list_measures(page, audits[0])))
    return page


def list_answers(audits: Sequence[Audit]) -> Iterator[tuple[str, str, str]]:
    """Yield number, question and answer; nations that answer alike are named together."""
    first = audits[0]
    yield "1.1", "Geographical coverage", join_names([audit.name for audit in audits])
    yield (
        "1.4",
        "Inclusion and exclusion criteria",
        _each(audits, lambda a: _plain(say_cohort_rules(a.rules, a.params.cohorts))),
    )
    yield "1.5", "Methods of data submission", "Extraction from existing national data; nothing is collected for it"
    yield "1.6", "Last day to which deaths are complete", _each(audits, lambda a: say_day(a.params.censor_date))
    yield "1.8", "Data quality", _each(audits, _say_quality)
    yield "1.9", "Outlier policy", _each(audits, _say_outliers)
    yield "2.1", "Outcome measures", _name_measures(first, lambda i: i.kind == "performance" and i.id in OUTCOMES)
    yield "2.2", "Process measures", _name_measures(first, lambda i: i.kind == "performance" and i.id not in OUTCOMES)
    yield "2.3 to 2.5", "Organisational measures, measures reported by patients", "None in the data"
    guidance = dict.fromkeys(each for i in first.specification.indicators for each in i.guidance.split("; ") if each)
    yield "2.6", "Sources of evidence", "; ".join(guidance)
    yield (
        "3.1",
        "Results visualisation",
        "Report, interactive pages, run charts, tables, workbook, summary for patients",
    )
    yield "3.2", "Levels of reporting", _each(audits, _say_levels)
    yield "3.3", "Time from the end of the audit period to these results", _each(audits, _say_delay)
    yield "4.1", "Period of the data", _each(audits, lambda a: " to ".join(say_day(day) for day in a.run.period))
    yield "4.12", "Population coverage", _each(audits, _say_coverage)
    yield (
        "4.15",
        "Tables of national data that were read",
        _each(audits, lambda a: ", ".join(a.run.manifest["rows_in"])),
    )


def _each(audits: Sequence[Audit], say: Callable[[Audit], str]) -> str:
    """Answer for each nation, or once where all answers are the same."""
    answers = {audit.name: say(audit) for audit in audits}
    if len(set(answers.values())) == 1:
        return next(iter(answers.values()))
    return ". ".join(f"{name}: {answer}" for name, answer in answers.items())


def _say_quality(audit: Audit) -> str:
    """Say how many items are shown, and the range of their completeness in the de novo cohort."""
    titles = {f"completeness.{item.id}": item.title for item in read_data_items(audit.definitions)}
    rows = audit.results[audit.results["measure"].isin(titles) & (audit.results["level"] == "nation")]
    rows = rows[(rows["cohort"] == "denovo") & (rows["group_by"] == "all")]
    shown = sorted((row for row in rows.to_dict("records") if is_ok(row)), key=lambda row: row["estimate"])
    if not shown:
        return "No completeness is shown"
    least, most = (
        f"{format_number(row['estimate'], 'percent0')} ({lower_first(titles[row['measure']])})"
        for row in (shown[0], shown[-1])
    )
    return f"{len(shown)} items, complete for {least} to {most} of people with de novo disease"


def _say_outliers(audit: Audit) -> str:
    outliers = audit.params.outliers
    spread = "not adjusted for overdispersion"
    if outliers.overdispersion != "none":
        spread = f"overdispersion: {outliers.overdispersion}"
    return f"Limits {outliers.limits}, organisations of at least {outliers.minimum_n} people, {spread}"


def _name_measures(audit: Audit, chosen: Callable[[Indicator], bool]) -> str:
    return "; ".join(indicator.title for indicator in audit.specification.indicators if chosen(indicator))


def _say_levels(audit: Audit) -> str:
    released = set(audit.results["level"])
    named = {level: lower_first(title) for level, title in audit.specification.levels.items()}
    named[PROVIDER] = audit.params.unit_name
    return ", ".join(name for level, name in named.items() if level in released)


def _say_coverage(audit: Audit) -> str:
    """Say who is counted, and how many deaths had an earlier record of metastatic disease."""
    everyone = "Everyone in the extracts who meets the criteria"
    rows = audit.results[
        (audit.results["measure"] == RECORD_BEFORE_CANCER_DEATH) & (audit.results["level"] == "nation")
    ]
    rows = rows[(rows["cohort"] == "primary") & (rows["group_by"] == "all") & (rows["status"] == "ok")]
    if rows.empty:
        return everyone
    share = format_number(rows["estimate"].iloc[0], "percent1")
    return (
        f"{everyone}; of people diagnosed when aged under 70 who died of breast cancer, {share} had an earlier record "
        "of metastatic disease"
    )


def _say_delay(audit: Audit) -> str:
    last, done = audit.run.period[1], audit.run.finished
    return f"{(done.year - last.year) * 12 + done.month - last.month} months"


def _list_measures(page: ReportPage, audit: Audit) -> Iterator[str]:
    for name in audit.wording:
        yield f"[{audit.specification[name].title}]({page.link(locate_indicator(name))})"


def _plain(text: str) -> str:
    return text.replace("**", "").replace("`", "")
