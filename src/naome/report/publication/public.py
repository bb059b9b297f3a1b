"""The summary for patients, carers and the public: plain words, one message a picture, in each language that has it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Annotated

import matplotlib.pyplot as plt
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Circle, Rectangle, Wedge
from pydantic import Field

from naome.core.definitions import Definitions, project_definitions, read_once
from naome.core.errors import DefinitionError, suggest
from naome.core.yaml_files import FrozenModel, Text, read_model
from naome.measures.derivability import RECORD_BEFORE_CANCER_DEATH
from naome.measures.description import PEOPLE
from naome.report.figures import INK, PALETTE, use_style
from naome.report.publication.audits import Audit, Population, is_ok, period_of
from naome.report.publication.messages import say_notes
from naome.report.publication.report_page import ReportPage
from naome.report.publication.source_lists import Sources
from naome.report.publication.state_of_the_nation import say_pandemic

FILE = "patient_summary.yaml"
PATH = "report/for-patients.qmd"
STATE = "report/state-of-the-nation.qmd"
ENGLISH = "en"
#: Language -> how menus name the page
LANGUAGES = {ENGLISH: "For patients", "cy": "I gleifion (Cymraeg)"}
PEOPLE_IN_PICTURE = 10
#: Messages, in order: indicator and cohort
SHOWN = (
    ("mdt_discussion", "denovo"),
    ("cns_contact", "denovo"),
    ("chemotherapy", "denovo"),
    ("anti_her2_first_line", "denovo"),
    ("cdk46_first_line", "denovo"),
    ("biopsy", "recurrent"),
)
#: Proportions beyond which there is no number of people out of ten
NEARLY_ALL, NEARLY_NONE = 0.95, 0.075
#: How far from a whole number of people out of ten a proportion may be that is about so many
NEAR = 0.25
#: Above it, a number of tenths is nearly the next
HALF_WAY = 0.5
#: The label of what fills half a person in a picture
HALF = "half a person"
#: Texts that follow the numbers of a message
NOTED = ("note_cns_contact",)
#: Texts that nothing fills
PLAIN = (
    *("title", "limits", "who_heading", "and", "who_missing", "found_heading", "suits", "pandemic"),
    *("nearly_all", "nearly_none", *NOTED),
    *("survival_heading", "ask_heading", "ask", "words_heading", "words"),
    *(f"{kind}_{indicator}" for indicator, _ in SHOWN for kind in ("group", "plain", "picture")),
)
#: Other texts -> what they may be filled with
FILLED = {
    "description": "nations", "opening": "nations first last", "who": "nation people", "who_denovo": "count",
    "who_recurrent": "count", "in_ten": "number", "above_ten": "number", "below_ten": "number",
    "message": "nation share group plain percent",
    "other_nation": "nation percent", "unclear": "nation", "differs": "nation", "caption": "picture share nation",
    "picture_text": "share", "survival": "nation share percent", "survival_caption": "share nation", "more": "page",
}  # fmt: skip
VALUES = {key: set(FILLED.get(key, "").split()) for key in (*PLAIN, *FILLED)}


class Translation(FrozenModel):
    """A text in another language, and which English text it translates."""

    of: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
    text: Text


class _SummaryFile(FrozenModel):
    texts: dict[str, Text]
    translations: dict[str, dict[str, Translation]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """The texts of the page in one language.

    Attributes
    ----------
    language : str
    texts : mapping of str to str
    stale : tuple of str
        Keys that are not translated, or whose English text has changed since.
    """

    language: str
    texts: Mapping[str, str]
    stale: tuple[str, ...] = ()

    def say(self, key: str, **values: object) -> str:
        """Fill a text."""
        return self.texts[key].format(**values)


def digest_text(text: str) -> str:
    """Return what a translation says of the English text that it translates.

    Examples
    --------
    >>> digest_text("Chemotherapy")
    'dc82b99c'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@read_once
def read_summaries(definitions: Definitions) -> tuple[Summary, ...]:
    """Read the texts of the summary: English, then each other language, with what is not up to date.

    Raises
    ------
    DefinitionError
        Naming file and key: for a text that is missing, is not known or has braces that nothing fills, for a language
        that has no name in menus, and for a translation of a text that is not in English.

    Examples
    --------
    >>> [summary.language for summary in read_summaries(project_definitions())]
    ['en', 'cy']
    """
    file = definitions.folder / FILE
    read = read_model(file, _SummaryFile, error=DefinitionError)
    for key in {*VALUES, *read.texts}:
        if key not in read.texts or key not in VALUES:
            what = "is missing" if key in VALUES else f"is not known{suggest(key, list(VALUES))}"
            raise DefinitionError(f"{file}: texts: {key!r} {what}.")
        _check_values(f"{file}: texts", key, read.texts[key])
    found = [Summary(ENGLISH, read.texts)]
    for language, texts in read.translations.items():
        if language not in LANGUAGES:
            raise DefinitionError(f"{file}: translations: language {language!r}; allowed: {', '.join(LANGUAGES)}.")
        for key in texts:
            if key not in read.texts:
                raise DefinitionError(f"{file}: {language}: there is no text {key!r}{suggest(key, list(read.texts))}.")
            _check_values(f"{file}: {language}", key, texts[key].text)
        stale = [k for k, text in read.texts.items() if k not in texts or texts[k].of != digest_text(text)]
        found.append(Summary(language, {key: each.text for key, each in texts.items()}, tuple(stale)))
    return tuple(found)


def _check_values(where: str, key: str, text: str) -> None:
    """Refuse a text with braces that nothing fills."""
    try:
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise DefinitionError(f"{where}: {key}: {error}; braces enclose a name.") from None
    if unknown := names - VALUES[key]:
        allowed = ", ".join(sorted(VALUES[key])) or "none"
        raise DefinitionError(f"{where}: {key}: nothing fills {{{min(unknown)}}}; allowed: {allowed}.")


def write_public(
    audits: list[Audit], populations: list[Population], sources: Sources
) -> Iterator[tuple[ReportPage, str]]:
    """Write the page in each language whose texts are up to date; with its text in menus."""
    for summary in read_summaries(project_definitions()):
        if not summary.stale:
            yield write_patient_summary(summary, audits, populations, sources), LANGUAGES[summary.language]


def write_patient_summary(
    summary: Summary, audits: list[Audit], populations: list[Population], sources: Sources
) -> ReportPage:
    """Write the page in one language."""
    say = summary.say
    nations = _join([audit.spoken for audit in audits], say("and"))
    first, last = period_of(audits)
    path = PATH if summary.language == ENGLISH else PATH.replace(".qmd", f"-{summary.language}.qmd")
    page = ReportPage(path, say("title"), say("description", nations=nations), sources)
    page.add(
        say("opening", nations=nations, first=first.year, last=last.year),
        say("limits"),
        f"## {say('who_heading')}",
        *_say_people(page, summary, populations),
        say("who_missing") if any(is_ok(p.find(RECORD_BEFORE_CANCER_DEATH, "primary")) for p in populations) else "",
    )
    page.add(f"## {say('found_heading')}", say("suits"), say("pandemic") if say_pandemic(audits) else "")
    for indicator, cohort in SHOWN:
        _add_message(page, summary, audits, populations, indicator, cohort)
    _add_survival(page, summary, populations)
    page.add(f"## {say('ask_heading')}", say("ask"), f"## {say('words_heading')}", say("words"))
    page.add(say("more", page=page.link(STATE)))
    return page


def say_in_ten(share: float, summary: Summary) -> str:
    """Say a proportion as people out of ten; one near no tenth is above the one below it, or nearly the next.

    Examples
    --------
    >>> english = read_summaries(project_definitions())[0]
    >>> [say_in_ten(share, english) for share in (0.61, 0.33, 0.47, 0.97, 0.02)]
    ['about 6 in 10', 'more than 3 in 10', 'nearly 5 in 10', 'nearly all', 'fewer than 1 in 10']
    """
    if share >= NEARLY_ALL:
        return summary.say("nearly_all")
    if share < NEARLY_NONE:
        return summary.say("nearly_none")
    number, more = _count_tenths(share)
    if more and PEOPLE_IN_PICTURE * share - number > HALF_WAY:
        return summary.say("below_ten", number=number + 1)
    return summary.say("above_ten" if more else "in_ten", number=number)


def _count_tenths(share: float) -> tuple[int, bool]:
    """Return the nearest number of tenths; where none is near, the one below, and that it is more."""
    tenths = PEOPLE_IN_PICTURE * share
    if share >= NEARLY_ALL or share < NEARLY_NONE:
        return (PEOPLE_IN_PICTURE if share >= NEARLY_ALL else 0), False
    return (round(tenths), False) if abs(tenths - round(tenths)) <= NEAR else (int(tenths), True)


def draw_people(share: float) -> Drawing:
    """Draw ten people, as many filled as the proportion is in tenths, and half of the next one where it is more."""
    use_style()
    drawing, axes = plt.subplots(figsize=(4.2, 0.7))
    number, more = _count_tenths(share)
    for n in range(PEOPLE_IN_PICTURE):
        colour = PALETTE[0] if n < number else "white"
        axes.add_patch(Circle((n, 0.78), 0.16, facecolor=colour, edgecolor=INK, linewidth=1))
        axes.add_patch(Rectangle((n - 0.2, 0), 0.4, 0.56, facecolor=colour, edgecolor=INK, linewidth=1))
    if more:
        half = {"facecolor": PALETTE[0], "edgecolor": INK, "linewidth": 1, "label": HALF}
        axes.add_patch(Wedge((number, 0.78), 0.16, 90, 270, **half))
        axes.add_patch(Rectangle((number - 0.2, 0), 0.2, 0.56, **half))
    axes.set_xlim(-0.6, PEOPLE_IN_PICTURE - 0.4)
    axes.set_ylim(-0.05, 1)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return drawing


def _join(texts: list[str], word: str) -> str:
    return f" {word} ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def _say_people(page: ReportPage, summary: Summary, populations: list[Population]) -> Iterator[str]:
    for population in populations:
        said = [
            summary.say(f"who_{cohort}", count=page.count(row, population))
            for cohort in ("denovo", "recurrent")
            if is_ok(row := population.find(PEOPLE, cohort))
        ]
        if said and not population.together:
            yield summary.say("who", nation=population.spoken, people=_join(said, summary.say("and")))


def _add_message(
    page: ReportPage,
    summary: Summary,
    audits: list[Audit],
    populations: list[Population],
    indicator: str,
    cohort: str,
) -> None:
    """Add a message with its picture, of the nations whose records show it and can be compared; say which are not."""
    found = [(p, p.find(indicator, cohort)) for p in populations if not p.together]
    noted = say_notes(page, audits, populations, indicator)
    rare = bool(audits[0].wording[indicator].recorded)
    without = {p.name for p, row in found if is_ok(row) and p.name in noted and (rare or len(found) > 1)}
    shown = [(p, row) for p, row in found if is_ok(row) and p.name not in without]
    missing = [
        summary.say("unclear" if rare or not is_ok(row) else "differs", nation=p.spoken)
        for p, row in found
        if p.name in without or (row is not None and row["status"] == "not_derivable")
    ]
    picture = summary.say(f"picture_{indicator}")
    if not shown:
        page.add(*([f"### {picture}", " ".join(missing)] if missing else []))
        return
    (population, row), *others = shown
    share = say_in_ten(row["estimate"], summary)
    said = {"nation": population.spoken, "share": share, "percent": page.percent(row, population, 0)}
    said |= {kind: summary.say(f"{kind}_{indicator}") for kind in ("group", "plain")}
    page.add(f"### {picture}", summary.say("message", **said))
    page.figure(
        f"fig-{indicator}".replace("_", "-"),
        summary.say("caption", picture=picture, share=share, nation=population.spoken),
        summary.say("picture_text", share=share),
        draw_people(row["estimate"]),
    )
    page.add(
        " ".join(summary.say("other_nation", nation=p.spoken, percent=page.percent(r, p, 0)) for p, r in others),
        " ".join(missing),
        summary.texts.get(f"note_{indicator}", ""),
    )


def _add_survival(page: ReportPage, summary: Summary, populations: list[Population]) -> None:
    for population in reversed(populations):
        row = population.find("survival_3y", "denovo")
        if is_ok(row):
            share = say_in_ten(row["estimate"], summary)
            percent = page.percent(row, population, 0)
            nation = population.name.replace("+", summary.say("and"))
            page.add(
                f"### {summary.say('survival_heading')}",
                summary.say("survival", nation=nation, share=share, percent=percent),
            )
            page.figure(
                "fig-survival",
                summary.say("survival_caption", share=share, nation=nation),
                summary.say("picture_text", share=share),
                draw_people(row["estimate"]),
            )
            return
