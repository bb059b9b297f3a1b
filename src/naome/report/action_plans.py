"""Local action plans: for each organisation a text document with its results and room for what is agreed locally."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from naome.core.atomic import write_bytes, write_together
from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import RunError, suggest
from naome.core.params import Params
from naome.core.results import Row
from naome.core.spreadsheets import escape_formula
from naome.measures.recommendations import (
    Goal,
    QualityImprovement,
    Recommendation,
    Recommendations,
    read_quality_improvement,
    read_recommendations,
)
from naome.measures.specification import PROVIDER, read_specification
from naome.release.positions import NOT_COMPARED, NOT_DERIVABLE, place_organisations
from naome.release.types import Released, release_checked
from naome.report.display import format_number
from naome.report.finished import FinishedRun
from naome.report.labels import COHORT_NAMES, METASTATIC
from naome.report.marking import MARKINGS
from naome.report.plain_zip import make_plain, write_plain_zip
from naome.report.plan_template import make_template
from naome.report.prose import lower_first, say_count, say_day
from naome.report.publication.audits import is_ok
from naome.report.publication.messages import OF_RECORDING, RARELY, RARELY_RECORDED
from naome.report.publication.wording import read_wording
from naome.report.suggestions import suggest_actions, suggest_methods
from naome.report.workbook import name_measure

NEEDED = "recommendations.yaml"
NONE, NO_ONE = "–", "no one counted"
NO_RESULT = "The run has no such result."
#: How a plan says that there is no number
WITHOUT_NUMBER = {"suppressed": "suppressed", "too_few": "too few people", "not_derivable": NOT_DERIVABLE}
EXPLAIN = (
    "Results are those that have passed disclosure control: counts below the nation may be rounded, and a result from "
    "which a small number could be worked out is suppressed. Position compares a result with the national value at the "
    "{limits} control limits, without adjustment for case mix: negative tail, less favourable; central mass, no "
    "difference beyond chance; positive tail, more favourable. A tail calls for review, and is no proof of poor or "
    "good care."
)


@dataclass(frozen=True, eq=False)
class PlanSource:
    """What the plans of a run are made from; every number in them is in its released rows.

    Attributes
    ----------
    run : FinishedRun
    params : Params
    definitions : Definitions
        The run's copy.
    recommendations : tuple of Recommendation
        Of the latest edition, for the nation of the run; none where its organisations get no plans.
    edition : str
    results : DataFrame
        Released results of the measures of the recommendations, and of the completeness on which these depend.
    """

    run: FinishedRun
    params: Params
    definitions: Definitions
    recommendations: tuple[Recommendation, ...]
    edition: str
    results: pd.DataFrame

    @property
    def organisations(self) -> pd.DataFrame:
        """The organisations of the run, by code."""
        return self.run.read_organisations()


#: The name of the file of a plan (:func:`name_plan`)
PLAN = re.compile(r"action-plan-[A-Za-z0-9_-]+\.docx")


def has_plans(run: FinishedRun) -> bool:
    """Return whether the organisations of a run get action plans: of both cohorts, of a nation that is addressed."""
    if not run.has_inputs or not set(run.params.cohorts) >= METASTATIC.keys():
        return False
    return bool(read_recommendations(project_definitions()).select(run.params.nation))


def open_source(run: FinishedRun) -> PlanSource | None:
    """Open a finished run for its action plans; None where its organisations get none.

    Plans are for audits of both cohorts, of a nation that the recommendations address.
    """
    if not has_plans(run):
        return None
    read: Recommendations = read_recommendations(project_definitions())
    chosen = read.select(run.params.nation)
    measures = {basis.measure for each in chosen for basis in each.measures}
    wording = read_wording(project_definitions())
    measures |= {wording[measure].recorded for measure in measures & wording.keys()} - {""}
    frames = [frame for _, frame in run.read_released() if "result_id" in frame.columns]
    results = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["measure", "group_by"])
    kept = results["measure"].isin(measures) & (results["group_by"] == "all")
    return PlanSource(run, run.params, run.definitions, chosen, read.editions[max(read.editions)], results[kept])


def collect_plans(source: PlanSource, organisation: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Collect what the plan of each organisation says.

    Parameters
    ----------
    source : PlanSource
    organisation : str
        Code of the only one that is wanted; all by default.

    Yields
    ------
    code, context : str, dict
        In the order of the codes.

    Raises
    ------
    RunError
        If the run has no such organisation.
    """
    table = source.organisations
    if organisation:
        known = table["code"].tolist()
        if organisation not in known:
            raise RunError(
                f"run {source.run.run_id} released no result of an organisation {organisation!r}"
                f"{suggest(organisation, known)}. Hint: organisations.csv of the downloads lists codes and names."
            )
        table = table[table["code"] == organisation]
    specification = read_specification(source.definitions)
    polarities = {each.id: each.polarity for each in specification.indicators}
    measures = source.results["measure"].unique()
    released: Released = release_checked(source.results)
    placed = place_organisations(released, source.params, {m: polarities.get(m, "higher") for m in measures})
    positions = {key[:3]: key[3:] for key in placed.itertuples(index=False, name=None)}
    rows = {(r["measure"], r["cohort"], r["level"], r["unit"]): r for r in source.results.to_dict("records")}
    for row in table.to_dict("records"):
        yield row["code"], _collect_plan(source, row, rows, positions)


def write_action_plan(context: Mapping[str, Any]) -> bytes:
    """Write an action plan as a docx file; the same context gives the same bytes.

    Parameters
    ----------
    context : mapping
        From :func:`collect_plans`. Its texts are written as they are, markup in them too.
    """
    import docxtpl

    document = docxtpl.DocxTemplate(io.BytesIO(make_template()))
    document.render(_make_safe(context), autoescape=True)
    buffer = io.BytesIO()
    document.save(buffer)
    return make_plain(buffer.getvalue())


def name_plan(code: str) -> str:
    """Return the name of the file of an organisation's plan.

    Examples
    --------
    >>> name_plan("7A3"), name_plan("../x")
    ('action-plan-7A3.docx', 'action-plan-___x.docx')
    """
    return f"action-plan-{re.sub(r'[^A-Za-z0-9-]', '_', code)}.docx"


def holds_plans(folder: Path) -> bool:
    """Return whether a folder holds action plans, or folders of them, and nothing else that can be seen."""
    there = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return all(holds_plans(path) if path.is_dir() else PLAN.fullmatch(path.name) for path in there)


def write_action_plans(
    runs: Sequence[FinishedRun], folder: Path, organisation: str = "", progress: Callable[[str], None] = print
) -> list[Path]:
    """Write the plans of some runs into a folder, one file for each organisation.

    Parameters
    ----------
    runs : sequence of FinishedRun
    folder : Path
        Where the files go, of several runs to a folder for each; a plan that is there is replaced.
    organisation : str
        Code of the only one that is wanted; all by default.
    progress : callable
        Takes a line for each run.

    Raises
    ------
    RunError
        For a run whose organisations get no plans, and an organisation of which no run released a result.
    """
    opened = [_open_or_refuse(run) for run in runs]
    holding = [each for each in opened if not organisation or organisation in set(each.organisations["code"])]
    written: list[Path] = []
    for source in holding or opened[:1]:  # the first says that there is no such organisation
        plans = list(collect_plans(source, organisation))
        place = folder / source.run.run_id if len(holding) > 1 else folder
        with write_together(place) as scratch:
            for code, context in tqdm(plans, desc=source.run.audit, unit="plan", leave=False, disable=None):
                write_bytes(write_action_plan(context), scratch / name_plan(code))
                written.append(place / name_plan(code))
        progress(f"{source.run.audit}: {say_count(len(plans), 'action plan')} in {place}")
    return written


def _open_or_refuse(run: FinishedRun) -> PlanSource:
    source = open_source(run)
    if source is None:
        raise RunError(
            f"run {run.run_id}: its organisations get no action plans. They are for audits of both cohorts of a nation "
            f"that {NEEDED} addresses, with released results."
        )
    return source


def zip_plans(runs: Sequence[FinishedRun]) -> bytes:
    """Return a zip file with the plans of all organisations of some runs, in a folder for each nation; empty for none.

    Of several runs of a nation, the first one that has plans is taken.
    """
    files: dict[str, bytes] = {}
    taken: set[str] = set()
    for run in runs:
        source = open_source(run)
        if source is None or source.params.nation in taken:
            continue
        taken.add(source.params.nation)
        for code, context in collect_plans(source):
            files[f"{source.params.nation}/{name_plan(code)}"] = write_action_plan(context)
    return write_plain_zip(files) if files else b""


def _collect_plan(
    source: PlanSource, organisation: Row, rows: Mapping[tuple, Row], positions: Mapping[tuple, tuple[str, str]]
) -> dict[str, Any]:
    run = source.run
    improvement = read_quality_improvement(project_definitions())
    levels = [level for level in read_specification(source.definitions).levels_within if level != PROVIDER]
    areas = [
        f"{organisation[f'{area}_name']} ({organisation[f'{area}_code']})"
        for area in levels
        if organisation[f"{area}_code"]
    ]
    marking = MARKINGS[run.marking]
    first, last = run.period
    return {
        "name": organisation["name"],
        "code": organisation["code"],
        "area": "; ".join(areas) or "not recorded",
        "marking": f"{marking.name}. {marking.results.format(names=run.nation)}",
        "period": f"Metastatic disease diagnosed from {say_day(first)} to {say_day(last)}",
        "edition": source.edition,
        "title": run.title,
        "run": run.run_id,
        "explanation": EXPLAIN.format(limits=f"{100 * (1 - 2 * source.params.outliers.alert_tail):.3g}%"),
        "recommendations": [
            _collect_recommendation(each, source, organisation["code"], rows, positions, improvement)
            for each in source.recommendations
        ],
    }


def _collect_recommendation(
    recommendation: Recommendation,
    source: PlanSource,
    code: str,
    rows: Mapping[tuple, Row],
    positions: Mapping[tuple, tuple[str, str]],
    improvement: QualityImprovement,
) -> dict[str, Any]:
    lines, found, notes = [], [], [recommendation.lacking]
    reasons: dict[str, list[str]] = {}
    for basis in recommendation.measures:
        own = rows.get((basis.measure, basis.cohort, "provider", code))
        nation = rows.get((basis.measure, basis.cohort, "nation", source.params.nation))
        position, why = positions.get((basis.measure, basis.cohort, code), (NOT_COMPARED, ""))
        if own is None and (nation is None or nation["status"] == "not_derivable"):
            position, why = NOT_DERIVABLE, nation["reason"] if nation is not None else NO_RESULT
        found.append(position)
        title = f"{_name(basis.measure, source)}, {COHORT_NAMES[basis.cohort].lower()}"
        shown = _show(own, nation, recommendation.goal, position)
        lines.append({"measure": title, "position": position.capitalize(), **shown})
        notes.append(_say_recording(basis.measure, basis.cohort, title, source, rows))
        if why:
            reasons.setdefault(lower_first(why.rstrip(".")), []).append(title)
    notes += [f"{'; '.join(titles)}: {reason}." for reason, titles in reasons.items()]
    goals = [f"{number}, {lower_first(improvement.goals[number].title)}" for number in recommendation.goals]
    if len(goals) == len(improvement.goals):
        goals = ["all goals of the audit"]
    guidance = "; ".join(f"{each.name} ({each.source})" for each in recommendation.guidance)
    target = recommendation.goal
    if target:
        notes.append(f"The goal of {format_number(target.share, 'percent0')} is given in {target.source}.")
    return {
        "number": recommendation.number,
        "title": recommendation.title,
        "text": recommendation.text,
        "about": f"For: {recommendation.audience[source.params.nation]}. "
        f"Improvement goal: {'; '.join(goals)}. Guidance: {guidance}.",
        "lines": lines,
        "notes": [note for note in notes if note],
        "methods": _list_methods(found, improvement),
        "actions": [{"text": text} for text in (*suggest_actions(recommendation, found), "")],
    }


def _say_recording(measure: str, cohort: str, title: str, source: PlanSource, rows: Mapping[tuple, Row]) -> str:
    """Say that a result shows recording more than care, where the nation rarely records what is counted."""
    words = read_wording(project_definitions()).get(measure)
    row = rows.get((words.recorded, cohort, "nation", source.params.nation)) if words else None
    if not is_ok(row) or row["estimate"] >= RARELY:
        return ""
    said = RARELY_RECORDED.format(share=format_number(row["estimate"], "percent1"))
    return f"{title}: {lower_first(said.rstrip('.'))} in the nation. {OF_RECORDING}"


def _list_methods(positions: Sequence[str], improvement: QualityImprovement) -> list[str]:
    """Write the methods for each position; positions with the same methods are named together."""
    named: dict[tuple[str, ...], list[str]] = {}
    for position in dict.fromkeys(positions):
        named.setdefault(suggest_methods(position, improvement), []).append(position)
    return [
        f"{', '.join(names).capitalize()}: {'; '.join(lower_first(method) for method in methods)}."
        for methods, names in named.items()
    ]


def _name(measure: str, source: PlanSource) -> str:
    words = read_wording(project_definitions()).get(measure)
    return words.short if words else name_measure(measure, read_specification(source.definitions))


def _show(own: Row | None, nation: Row | None, goal: Goal | None, position: str) -> dict[str, str]:
    """Write an organisation's result and that of the nation, or why there is none."""
    result, people = NOT_DERIVABLE if position == NOT_DERIVABLE else NO_ONE, NONE
    if own is not None and own["status"] != "ok":
        result = WITHOUT_NUMBER[own["status"]]
    elif own is not None:
        estimate, lower, upper = (format_number(own[name], "percent1") for name in ("estimate", "lower", "upper"))
        result, people = f"{estimate} ({lower} to {upper})", format_number(int(own["denominator"]), "count")
    national = WITHOUT_NUMBER["not_derivable"] if nation is None else WITHOUT_NUMBER.get(nation["status"], "")
    if not national and nation is not None:
        national = format_number(nation["estimate"], "percent1")
    return {"own": result, "people": people, "nation": national, "goal": say_goal(own, goal)}


def say_goal(own: Row | None, goal: Goal | None) -> str:
    """Say whether a result reaches a goal, by its interval.

    Examples
    --------
    >>> goal = Goal(share=0.9, source="a document")
    >>> say_goal({"status": "ok", "lower": 0.85, "upper": 0.95}, goal), say_goal(None, goal), say_goal(None, None)
    ('90% (not clear)', '90%', '–')
    """
    if goal is None:
        return NONE
    text = format_number(goal.share, "percent0")
    if own is None or own["status"] != "ok":
        return text
    if own["lower"] >= goal.share:
        return f"{text} (reached)"
    return f"{text} (not reached)" if own["upper"] < goal.share else f"{text} (not clear)"


def _make_safe(value: Any) -> Any:
    """Return a context whose texts a document may hold, and a spreadsheet runs nothing of when they are pasted."""
    if isinstance(value, Mapping):
        return {key: _make_safe(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_make_safe(each) for each in value]
    if isinstance(value, str):
        return escape_formula(re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]", " ", value))
    return value
