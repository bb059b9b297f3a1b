"""Key messages: sentences that are computed from released results, with every number linked to its source.

Each function takes results and returns text; an empty text where there is nothing to say. Words such as *higher* are
used only where a 95% interval of the difference excludes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from naome.report.display import format_number
from naome.report.labels import AGE_ORDER
from naome.report.marking import join_names
from naome.report.prose import lower_first, say_list
from naome.report.publication.audits import Audit, Population, Row, is_ok
from naome.report.publication.report_page import ReportPage
from naome.stats.intervals import square_and_add

#: Completeness below which a percentage says how often something is recorded
RARELY = 0.25
RARELY_RECORDED = "What is counted is recorded for {share} of people, which says little of the care that was given."
GROUPS = {
    ("sex", "female"): "women",
    ("sex", "male"): "men",
    ("age_group", "18-49"): "aged 18 to 49",
    ("age_group", "50-69"): "aged 50 to 69",
    ("age_group", "70-79"): "aged 70 to 79",
    ("age_group", "80+"): "aged 80 and over",
}
OF_RECORDING = "The position can show recording rather than care."
#: How a caution about a nation's percentage begins
CAUTIOUS = "The percentage for {nation} must not be compared with those of other nations."
WHY_MISSING = {
    "suppressed": "suppressed by disclosure control",
    "too_few": "not shown, because there are too few people",
}


def say_share(page: ReportPage, population: Population, row: Row | None, people: str, did: str) -> str:
    """Say a proportion with its interval and denominator, or why there is none.

    Parameters
    ----------
    page : ReportPage
        The page of the sentence.
    population : Population
    row : mapping or None
        The released result.
    people : str
        Who is counted, e.g. ``people with de novo metastatic breast cancer``.
    did : str
        What the numerator counts, e.g. ``had a recorded MDT discussion``.

    Returns
    -------
    str
        A sentence; empty where the run has no such result.
    """
    if row is None:
        return ""
    place = f"In {population.spoken}, "
    if row["status"] == "ok":
        share = page.percent(row, population)
        limits = say_from_to(row)
        counted = format_number(int(row["denominator"]), "count")
        return f"{place}{share} (95% interval {limits}) of {counted} {people} {did}."
    reason = lower_first(row["reason"].rstrip("."))
    if row["status"] == "not_derivable":
        return f"For {population.spoken} this could not be derived: {reason}."
    return f"{place}the percentage of {people} who {did} is {WHY_MISSING[row['status']]}."


def say_survival(page: ReportPage, population: Population, row: Row | None, people: str, years: str, since: str) -> str:
    """Say survival to a time point, an estimate and no proportion of those people; or why there is none.

    Parameters
    ----------
    page, population, row, people
        As in :func:`say_share`.
    years : str
        The time point in words, e.g. ``three years``.
    since : str
        From when it is counted, e.g. ``diagnosis``.
    """
    if not is_ok(row):
        return say_share(page, population, row, people, f"survived {years} from {since}")
    share, counted = page.percent(row, population), format_number(int(row["denominator"]), "count")
    return (
        f"In {population.spoken}, survival to {years} from {since} was {share} (Kaplan-Meier estimate, 95% interval "
        f"{say_from_to(row)}), among {counted} {people}."
    )


def say_from_to(row: Row, form: str = "percent1") -> str:
    """Say the limits of an interval.

    Examples
    --------
    >>> say_from_to({"lower": 0.1, "upper": 0.25})
    '10.0% to 25.0%'
    """
    return f"{format_number(row['lower'], form)} to {format_number(row['upper'], form)}"


def compare(first: Row | None, second: Row | None) -> str:
    """Compare two independent proportions by the 95% interval of their difference.

    Returns
    -------
    str
        ``higher``, ``lower`` or ``no clear difference`` of the first against the second; empty where one is missing.

    Notes
    -----
    Square-and-add of the released limits; for Wilson limits this is Newcombe's method 10.

    Examples
    --------
    >>> one = {"status": "ok", "estimate": 0.5, "lower": 0.45, "upper": 0.55}
    >>> compare(one, one), compare({**one, "estimate": 0.7, "lower": 0.65, "upper": 0.75}, one), compare(one, None)
    ('no clear difference', 'higher', '')
    """
    if not (is_ok(first) and is_ok(second)):
        return ""
    gap = square_and_add(first, second)  # type: ignore[arg-type]
    if gap["lower"] > 0:
        return "higher"
    return "lower" if gap["upper"] < 0 else "no clear difference"


def say_gradient(
    page: ReportPage,
    population: Population,
    measure: str,
    cohort: str,
    group_by: str = "age_group",
    people: str = "people",
) -> str:
    """Say whether a proportion differs between the youngest and the oldest age group; empty where one is not shown.

    Parameters
    ----------
    page : ReportPage
    population : Population
    measure, cohort : str
    group_by : str
        Characteristic whose groups are ages.
    people : str
        Who is grouped, e.g. ``women``.
    """
    ages = [(group, row) for group in AGE_ORDER if (row := population.find(measure, cohort, group_by, group))]
    if len(ages) < 2:
        return ""
    (young, first), (old, last) = ages[0], ages[-1]
    reading = compare(last, first)
    if not reading:
        return ""
    ends = [page.percent(row, population) for row in (first, last)]
    names = [GROUPS.get(("age_group", group), f"aged {group}") for group in (young, old)]
    where = f"In {population.spoken} the percentage "
    youngest, oldest = (f"{name} ({end})" for name, end in zip(names, ends, strict=True))
    if reading == "no clear difference":
        return f"{where}did not clearly differ between {people} {youngest} and those {oldest}."
    return f"{where}was {reading} in {people} {oldest} than in those {youngest}."


def say_gradient_of_women(page: ReportPage, population: Population, measure: str, cohort: str) -> str:
    """Say whether a proportion differs by age among women, as the tables beside it do; else among everyone."""
    women = say_gradient(page, population, measure, cohort, "age_group_women", "women")
    return women or say_gradient(page, population, measure, cohort)


def say_sexes(page: ReportPage, population: Population, measure: str, cohort: str) -> str:
    """Compare women and men; empty where one of them is not shown."""
    women, men = (population.find(measure, cohort, "sex", sex) for sex in ("female", "male"))
    reading = compare(men, women)
    if not reading or women is None or men is None:
        return ""
    shares = [page.percent(row, population) for row in (men, women)]
    words = {
        "no clear difference": "no clear difference",
        "higher": "a higher percentage",
        "lower": "a lower percentage",
    }
    return (
        f"Men and women in {population.spoken}: {words[reading]} for men ({shares[0]} of "
        f"{format_number(int(men['denominator']), 'count')}; women {shares[1]})."
    )


def say_range(page: ReportPage, population: Population, rows: Iterable[tuple[str, Row | None]]) -> str:
    """Describe the range over receptor subgroups: whether its ends overlap, and how many subgroups are shown.

    Empty where fewer than two are shown.
    """
    known = [(name, row) for name, row in rows if row is not None]
    shown = sorted(((row["estimate"], name, row) for name, row in known if is_ok(row)), key=lambda each: each[:2])
    if len(shown) < 2:
        return ""
    ends = [
        f"{page.cite(format_number(share, 'percent1'), row, population)} ({name})"
        for share, name, row in (shown[0], shown[-1])
    ]
    overlap = ", whose intervals overlap" if shown[0][2]["upper"] >= shown[-1][2]["lower"] else ""
    some = "" if len(shown) == len(known) else f" that are shown ({len(shown)} of {len(known)})"
    return (
        f"In {population.spoken} the percentage ranged over the receptor subgroups{some} from {ends[0]} to "
        f"{ends[1]}{overlap}."
    )


def say_notes(
    page: ReportPage, audits: Sequence[Audit], populations: Sequence[Population], indicator: str
) -> dict[str, str]:
    """Say of which nations a percentage must not be compared, and why: a column is absent, or rarely recorded.

    Returns
    -------
    dict of str to str
        Name of the nation -> sentences.
    """
    words, notes = audits[0].wording[indicator], {}
    both = [each.spoken for each in populations if each.together and is_ok(each.find(indicator, "denovo"))]
    for audit, population in zip(audits, populations, strict=False):
        said = [audit.params.absent[column] for column in words.without if column in audit.params.absent]
        row = population.find(words.recorded, "denovo") if words.recorded else None
        if is_ok(row) and row["estimate"] < RARELY:
            said.append(RARELY_RECORDED.format(share=page.percent(row, population)))
        if said:
            said += [f"The percentage of {name} includes these people." for name in both]
            notes[audit.name] = f"{CAUTIOUS.format(nation=population.spoken)} {' '.join(said)}"
    return notes


def say_low_items(page: ReportPage, population: Population, items: Sequence[tuple[str, Row]], target: float) -> str:
    """Name the data items that are recorded for less than a share of people.

    Parameters
    ----------
    page : ReportPage
    population : Population
    items : sequence of (str, row)
        Title and completeness of each item.
    target : float
        Between 0 and 1.
    """
    shown = [(title, row) for title, row in items if is_ok(row)]
    if not shown:
        return ""
    low = sorted((each for each in shown if each[1]["estimate"] < target), key=lambda each: each[1]["estimate"])
    goal, place = format_number(target, "percent0"), f"In {population.spoken}, "
    if not low:
        return f"{place}every item of the table is recorded for at least {goal} of people."
    named = [f"{page.name(title, lower_first(title))} ({page.percent(row, population)})" for title, row in low]
    some = f"{len(low)} of the {len(shown)} items of the table" if len(shown) > 1 else "the item of the table"
    are = "is" if len(low) == 1 else "are"
    return f"{place}{some} {are} recorded for less than {goal} of people: {say_list(named)}."


def say_not_derivable(rows: Iterable[tuple[Population, Row | None]], what: str = "this") -> str:
    """Say for which nations something cannot be derived, and why; empty where it can be for all.

    Parameters
    ----------
    rows : iterable of (Population, row)
    what : str
        What cannot be derived, inside a sentence.
    """
    reasons: dict[str, list[str]] = {}
    for population, row in rows:
        if row is not None and row["status"] == "not_derivable" and not population.together:
            reasons.setdefault(row["reason"], []).append(population.spoken)
    return " ".join(
        f"For {join_names(names)} {what} could not be derived: {lower_first(reason.rstrip('.'))}."
        for reason, names in reasons.items()
    )
