"""Reading an extract into a run's folder: canonical tables, the data-quality log, and a record of all that went in."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from naome.cohort.evidence import signs_of
from naome.core.atomic import replace_folder, scratch_folder, sweep, write_bytes, write_frame, write_json
from naome.core.code_version import code_version
from naome.core.definitions import Definitions
from naome.core.errors import ExtractError, ParamsError, RunError
from naome.core.params import read_params
from naome.core.run_files import is_finished, read_record
from naome.core.run_folder import INPUTS, MANIFEST, PARAMS_COPY, READ_RECORD
from naome.core.seal import file_digest
from naome.core.yaml_files import locate_key
from naome.extract import READERS, Extract, read_extract
from naome.extract.life_table import read_life_table
from naome.measures.derivability import reasons_not_derivable, say_taken_away
from naome.workflow.plan import RunPlan, check_params
from naome.workflow.run import LAB, LIFE_TABLE, Run
from naome.workflow.small_nation import explain_small

#: What a run is made from, by its key of the record, and in words
MADE_FROM = {
    "inputs": "the extract",
    "params_sha256": "the parameters",
    "definitions_sha256": "the definitions",
    "life_table_sha256": "the life table",
}
#: Follow-up may end so many days after the last death that the extract holds
LAG_DAYS = 92
#: ... unless fewer deaths than this were to be expected in the gap, at the rate of the year before
EXPECTED_DEATHS = 10


def is_read(plan: RunPlan) -> bool:
    """Return whether the extract of a planned run was read already as it would be now, by the same code."""
    try:
        record = Run(plan.folder).read_record
    except RunError:
        return False
    now = {
        "marking": plan.marking,
        "inputs": dict(plan.inputs.digests),
        "params_sha256": file_digest(plan.file),
        "definitions_sha256": plan.definitions.digest,
        "life_table_sha256": file_digest(plan.life_table) if plan.life_table else "",
    }
    same = all(record.get(key) == value for key, value in now.items())
    return same and record.get("code", {}).get("sha256") == code_version().sha256


def read_run(
    plan: RunPlan, *, progress: Callable[[str], None] = print, notice: Callable[[str], None] = print
) -> tuple[Run, Extract]:
    """Read the extract of a planned run into its folder.

    ``inputs/`` appears whole, with the copies of parameters and definitions, in one rename; results of other inputs
    are removed before. Events are read of people with a sign of metastatic disease only. Nothing is written when the
    extract has a problem.

    Parameters
    ----------
    plan : Plan
        From :func:`naome.workflow.plan.plan_run`.
    progress : callable, optional
        Receives lines of text.
    notice : callable, optional
        Receives a sentence where a finished run is replaced.

    Raises
    ------
    ExtractError
        With all problems of the extract; also when its files change while they are read.
    ParamsError
        If follow-up ends long after the last death of the extract, or the parameters would show small groups of a
        small nation of real people.
    """
    started = dt.datetime.now(dt.UTC)
    reader = READERS[plan.params.source]
    sweep(plan.folder)
    last_death = ""

    def look(connection: DuckDBPyConnection) -> None:
        nonlocal last_death
        # What the first notebook would refuse is refused before the results of an earlier run are removed
        asked = plan.marking == "real" or is_finished(plan.folder)
        if why := _explain_small(plan, _count_people(plan, connection) if asked else {}):
            raise ParamsError(why)
        last_death = check_last_death(plan, *_find_deaths(connection))

    with scratch_folder(plan.folder, INPUTS) as scratch:
        params = scratch / PARAMS_COPY
        write_bytes(plan.file.read_bytes(), params, private=True)
        definitions = plan.definitions.copy_to(scratch / "definitions")
        _check_copies(plan, params, definitions)
        life_table = _copy_life_table(plan, scratch)
        extract = read_extract(
            reader,
            plan.inputs.folder,
            scratch / "canonical",
            diagnosed=(plan.params.diagnosed_from, plan.params.diagnosed_to),
            signs=signs_of(plan.params, definitions),
            definitions=definitions,
            minimum_linkage=plan.params.minimum_linkage,
            unknown_share=plan.params.unknown_share,
            look=look,
            progress=progress,
        )
        lacking = say_lacking(plan, extract)
        plan.inputs.check_unchanged()
        quality = pd.DataFrame(extract.quality, columns=["rule", "table", "column", "rows", "kind", "meaning"])
        write_frame(quality, scratch / "data_quality.parquet", private=True)
        code = code_version()
        record = {
            "audit": plan.params.audit,
            "title": plan.params.title,
            "nation": plan.params.nation,
            "reader": plan.params.source,
            "marking": plan.marking,
            "about": reader.about if plan.marking == "open" else "",
            "seal_broken": plan.seal_broken,
            "params_from": str(plan.file),
            "params_sha256": file_digest(params),
            "definitions_sha256": definitions.digest,
            "life_table_from": str(plan.life_table or ""),
            "life_table_sha256": life_table,
            "code": {"sha256": code.sha256, "commit": code.commit, "dirty": code.dirty},
            "data_dir": str(plan.inputs.folder),
            "inputs": dict(plan.inputs.digests),
            "raw_rows": extract.raw_rows,
            "canonical_rows": extract.rows,
            "linkage": [asdict(link) for link in extract.linkage],
            "canonical_sha256": {
                path.name: file_digest(path) for path in sorted((scratch / "canonical").iterdir()) if path.is_file()
            },
            "ignored_columns": {note.name: list(note.ignored) for note in extract.files if note.ignored},
            "absent": dict(extract.absent.things),
            "vocabularies": [asdict(found) for found in extract.vocabularies],
            "lacking": lacking,
            "warnings": extract.list_warnings(plan.params.censor_date),
            "last_death": last_death,
            "started": started.isoformat(timespec="seconds"),
            "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }
        write_json(record, scratch / "read.json", private=True)
        if replaced := _forget_outdated(Run(plan.folder), record):
            notice(f"{plan.folder.name}: {replaced}")
        replace_folder(scratch, plan.folder / INPUTS)
    return Run(plan.folder), extract


def _check_copies(plan: RunPlan, params: Path, definitions: Definitions) -> None:
    """Check what was copied as it was checked before: somebody may have saved a file in between."""
    if read_params(params) != plan.params:
        raise ParamsError(f"{plan.file}: has changed while the run was being prepared. Hint: give the command again.")
    check_params(plan.params, definitions, plan.file)


def _copy_life_table(plan: RunPlan, scratch: Path) -> str:
    """Copy the life table of a planned run and return its digest; an empty text where there is none."""
    if plan.life_table is None:
        return ""
    copy = scratch / LIFE_TABLE
    write_bytes(plan.life_table.read_bytes(), copy, private=True)
    read_life_table(copy)  # what was copied, as it was checked before
    return file_digest(copy)


@dataclass(frozen=True)
class Checked:
    """An extract that was checked for a run, and the run of which nothing was written.

    Attributes
    ----------
    extract : Extract
    sizes : dict of str to int
        Cohort of the run -> people.
    refusals : tuple of str
        Why the run would be refused later: what the parameters ask for and these data do not allow.
    """

    extract: Extract
    sizes: dict[str, int]
    refusals: tuple[str, ...]


def check_extract(plan: RunPlan, *, progress: Callable[[str], None] = print) -> Checked:
    """Check the whole extract of a planned run, everybody's events, without writing anything.

    Parameters
    ----------
    plan : Plan
        From :func:`naome.workflow.plan.plan_check`.
    progress : callable, optional
        Receives lines of text.

    Raises
    ------
    ExtractError
        With all problems of the extract.
    """
    sizes: dict[str, int] = {}
    refusals: list[str] = []

    def look(connection: DuckDBPyConnection) -> None:
        try:
            sizes.update(_count_people(plan, connection))
            check_last_death(plan, *_find_deaths(connection))
        except (ParamsError, ExtractError) as error:
            refusals.append(str(error))

    extract = read_extract(
        READERS[plan.params.source],
        plan.inputs.folder,
        None,
        diagnosed=(plan.params.diagnosed_from, plan.params.diagnosed_to),
        definitions=plan.definitions,
        minimum_linkage=plan.params.minimum_linkage,
        unknown_share=plan.params.unknown_share,
        look=look,
        progress=progress,
    )
    if why := _explain_small(plan, sizes):
        refusals.append(why)
    return Checked(extract, sizes, tuple(refusals))


def _count_people(plan: RunPlan, connection: DuckDBPyConnection) -> dict[str, int]:
    from naome.cohort.derive import count_cohorts
    from naome.cohort.tables import open_views

    return count_cohorts(plan.params, open_views(connection), plan.definitions.rules(plan.params.rules))


def _explain_small(plan: RunPlan, sizes: Mapping[str, int]) -> str:
    return explain_small(sizes, plan.params, partial(locate_key, plan.file)) if plan.marking == "real" else ""


def say_lacking(plan: RunPlan, extract: Extract) -> list[str]:
    """Hold the parameters of a planned run against what its data have, and say what this extract lacks.

    Returns
    -------
    list of str
        One sentence for each thing that the feed has and the extract has not, and which results go with it.

    Raises
    ------
    ParamsError
        If the parameters say of something that it is absent, and it is there.
    """
    rules = plan.definitions.rules(plan.params.rules)
    reasons_not_derivable(extract.absent, plan.params, rules, plan.file)
    return say_taken_away(extract.absent, plan.params, rules)


def _find_deaths(connection: DuckDBPyConnection) -> Iterator[pa.ChunkedArray]:
    """Find the days of deaths, and everybody's vital status, in canonical tables."""
    for table, column in (("deaths", "death_date"), ("people", "vital_status")):
        yield connection.sql(f"SELECT {column} FROM canon_{table}").to_arrow_table()[column]


def check_last_death(plan: RunPlan, deaths: pa.ChunkedArray, statuses: pa.ChunkedArray) -> str:
    """Check that follow-up does not end long after the last death in the extract; return the day of that death.

    Only people count who are taken for alive until then: those lost to follow-up end on a day of their own.

    Parameters
    ----------
    plan : Plan
    deaths : ChunkedArray of date, shape (deaths,)
        Days of the registered deaths.
    statuses : ChunkedArray of str, shape (people,)
        Vital status of everybody.

    Returns
    -------
    str
        ISO 8601; empty when nobody has died.

    Raises
    ------
    ParamsError
        If ``censor_date`` is more than :data:`LAG_DAYS` days later and, at the rate of the year before that death, at
        least :data:`EXPECTED_DEATHS` deaths were to be expected in between: people would count as alive for whom
        nobody has looked.
    """
    dates = deaths.drop_null()
    if not len(dates):
        return ""
    last = pc.max(dates).as_py()
    recent = pc.sum(pc.greater(dates, last - dt.timedelta(days=365))).as_py()
    taken_for_alive = pc.any(pc.invert(pc.is_in(statuses, pa.array(["dead", "lost"])))).as_py()
    gap = (plan.params.censor_date - last).days
    expected = recent * gap / 365 if taken_for_alive else 0
    if gap > LAG_DAYS and expected >= EXPECTED_DEATHS:
        raise ParamsError(
            f"{locate_key(plan.file, 'censor_date')} is {plan.params.censor_date}, but the last death in the "
            f"extract is of {last}, {gap} days before; at the rate of the year before, about {expected:.0f} deaths are "
            "missing. Allowed: a day to which deaths are complete. Hint: is a digit of the date wrong, or the extract "
            "of an earlier year?"
        )
    return str(last)


def _forget_outdated(run: Run, record: dict) -> str:
    """Remove what steps wrote from other inputs, parameters or definitions, so that it never stands beside new ones.

    Returns
    -------
    str
        A sentence about the finished run that was removed; an empty text where there was none.
    """
    if not ((run.folder / READ_RECORD).is_file() or is_finished(run.folder)):
        return ""
    changed = ["not known, as its record is damaged or missing"]
    with suppress(RunError):  # what the record does not tell any more is of other inputs
        changed = [words for key, words in MADE_FROM.items() if run.read_record.get(key) != record[key]]
        if not changed:
            return ""
    replaced = _say_replaced(run.folder / MANIFEST, changed)
    for name in (MANIFEST, "analysis.parquet", "results.parquet"):
        (run.folder / name).unlink(missing_ok=True)
    for name in ("release", "results", "notebooks", "steps", "failed", "site"):
        shutil.rmtree(run.folder / name, ignore_errors=True)
    for folder in (run.folder.parent / LAB).glob(f"{record['audit']}-*"):
        shutil.rmtree(folder, ignore_errors=True)
    return replaced


def _say_replaced(manifest: Path, changed: list[str]) -> str:
    """Say which finished run is replaced, and what has changed since; an empty text where none was finished."""
    if not manifest.is_file():
        return ""
    name = ""
    with suppress(RunError, OSError):  # a damaged manifest says no name
        name = f" {read_record(manifest, {'run_id': str})['run_id']}"
    return f"the finished run{name} in this folder is replaced: changed since: {', '.join(changed)}"
