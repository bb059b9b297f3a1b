"""What a run will be made of, checked before anything is read: parameters against definitions, data, and the folder.

Whatever can be refused without opening a table is refused here, so that nobody waits for the reading first.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from naome.cohort.columns import AnalysisColumn, list_columns
from naome.core.atomic import is_unfinished
from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import DefinitionError, ExtractError, ParamsError, RunError, say_some, suggest
from naome.core.lock import LOCK
from naome.core.params import Params, find_data, find_life_table, find_params, load_params
from naome.core.paths import runs_root
from naome.core.run_files import is_finished
from naome.core.run_folder import INPUTS, PARAMS_COPY, READ_RECORD
from naome.core.seal import SEAL, Inputs, check_seal, digest_inputs, list_files, read_note
from naome.core.yaml_files import find_line, locate_key
from naome.extract import READERS
from naome.extract.folder import check_extract_folder, list_inputs
from naome.extract.life_table import read_life_table
from naome.measures.derivability import check_reasons
from naome.stats.design import KNOT_QUANTILES
from naome.workflow.pages import notebooks_of
from naome.workflow.run import CACHE, MARK, Run, find_run

#: What people are divided by or measured on is not what they brought with them
NO_CASE_MIX = ("cohort", "route", "nation")
OUTCOMES = ("died", "survival_", "last_chemotherapy")
TERM = re.compile(r"(?:rcs\(\s*(?P<splined>\w+)\s*,\s*(?P<knots>\d+)\s*\)|(?P<plain>\w+))")


@dataclass(frozen=True)
class RunPlan:
    """A run that is about to begin.

    Attributes
    ----------
    params : Params
    file : Path
        The parameter file as given.
    definitions : Definitions
        Those of the project; the run will copy them.
    inputs : Inputs
        The extract's files and their digests.
    marking : {"synthetic", "open", "real"}
        What the data are: synthetic by the generator's seal, open by the reader, otherwise real.
    seal_broken : str
        Why a seal that is there does not count; empty otherwise.
    folder : Path
        The run's folder.
    life_table : Path or None
        The file of the general population's mortality, once checked.
    """

    params: Params
    file: Path
    definitions: Definitions
    inputs: Inputs
    marking: str
    seal_broken: str
    folder: Path
    life_table: Path | None = None

    def describe_marking(self) -> str:
        """Say what the data count as, and why; and where real results are not protected."""
        why = self.seal_broken or "no generator's seal is beside them"
        said = {
            "synthetic": "synthetic data, by the generator's seal",
            "open": "open data",
            "real": f"marked as real data, because {why}",
        }[self.marking]
        if self.marking == "real" and self.params.disclosure.policy == "none":
            name = locate_key(self.file, "disclosure", "policy")
            said += f"; {name} is 'none': no result is protected, and nothing of such a run may leave where it is made"
        return said


def plan_run(source: str | Path, data: str = "", run_dir: str = "", *, replace: bool = False) -> RunPlan:
    """Check everything that a run will be made of, and choose its folder.

    Parameters
    ----------
    source : str or Path
        Parameter file or name of a shipped audit (:func:`naome.core.params.find_params`).
    data : str
        Folder of the extract, relative to the current directory; by default what the parameters say.
    run_dir : str
        Folder of the run, relative to the current directory. By default ``<audit>`` under the folder of all runs; for
        real data that are not those the parameters name, ``<audit>.<name of the data's folder>``, so that an audit of
        real people never takes the place of the synthetic one.
    replace : bool
        Whether a run of another parameter file or other data may be replaced.

    Raises
    ------
    ParamsError, DefinitionError
        If parameters and definitions make no sense, alone or together.
    ExtractError
        If the data cannot be looked at, or contradict the parameters.
    RunError
        If the folder holds another run.
    """
    plan = plan_check(source, data)
    if run_dir:
        folder = Path(run_dir).expanduser().absolute()
    else:
        own = find_data(plan.params, plan.file)
        borrowed = plan.marking == "real" and own is not None and own.resolve() != plan.inputs.folder.resolve()
        folder = runs_root() / (
            f"{plan.params.audit}.{_slug(plan.inputs.folder.name)}" if borrowed else plan.params.audit
        )
    plan = dataclasses.replace(plan, folder=folder)
    _check_folder(plan, replace=replace)
    return plan


def plan_check(source: str | Path, data: str = "") -> RunPlan:
    """Check everything that a run will be made of but its folder (:func:`plan_run`)."""
    file = find_params(source)
    params = load_params(source)
    definitions = project_definitions()
    check_params(params, definitions, file)
    folder = Path(data).expanduser().absolute() if data else find_data(params, file)
    if folder is None:
        raise ParamsError(f"{file}: key 'data_dir' is not given. Hint: name the folder of the extract with --data.")
    reader = READERS[params.source]
    check_extract_folder(folder, reader.tables)
    check_cut_off(params, folder, file)
    inputs = digest_inputs(folder, lambda folder: list_inputs(folder, reader.tables))
    sealed, broken = check_seal(inputs)
    is_open = reader.holds_open_data(name for name in inputs.digests if name != SEAL)
    marking = "synthetic" if sealed else "open" if is_open else "real"
    life_table = check_life_table(params, file)
    return RunPlan(params, file, definitions, inputs, marking, broken, runs_root() / params.audit, life_table)


def check_life_table(params: Params, file: Path) -> Path | None:
    """Check the life table that parameters name, and that it reaches into the audit period; return its file, or None.

    Raises
    ------
    ExtractError
        If the file is not there or is no life table.
    ParamsError
        If it ends before the audit period or begins after follow-up.
    """
    place = find_life_table(params, file)
    if place is None:
        return None
    years = read_life_table(place)["year"]
    first, last = params.metastatic_from.year, params.censor_date.year
    if years.max() < first or years.min() > last:
        raise ParamsError(
            f"{locate_key(file, 'life_table')}: its file has the years {years.min()} to {years.max()}; needed: years "
            f"from {first} to {last}, or some of them (the others are read at the nearest year)."
        )
    return place


def check_params(params: Params, definitions: Definitions, file: Path) -> None:
    """Check parameters against the definitions: options, columns, terms, pages and reasons must exist.

    Raises
    ------
    ParamsError, DefinitionError
        Naming file, key, what was found and what is allowed.
    """
    if params.source not in READERS:
        raise ParamsError(
            f"{locate_key(file, 'source')}: there is no reader {params.source!r}"
            f"{suggest(params.source, list(READERS))}; allowed: {', '.join(READERS)}."
        )
    if params.nation != READERS[params.source].nation:
        raise ParamsError(
            f"{locate_key(file, 'nation')} is {params.nation!r}, but the source {params.source!r} holds the people of "
            f"{READERS[params.source].nation!r}; make them agree."
        )
    tables = list(READERS[params.source].tables)
    for table in params.minimum_linkage:
        if table not in tables:
            raise ParamsError(
                f"{locate_key(file, 'minimum_linkage', table)}: there is no table {table!r}"
                f"{suggest(table, tables)}; tables: {', '.join(tables)}."
            )
    _check_rules(params, definitions, file)
    columns = {column.name: column for column in list_columns(definitions) if column.kind != "date"}
    _check_case_mix(params, columns, file)
    check_reasons(params, definitions, file)
    notebooks_of(params, file)


def _check_rules(params: Params, definitions: Definitions, file: Path) -> None:
    """Check that the options of rules that are chosen exist and have such values, and so do rules not checked."""
    rules = definitions.rules({})
    known = [rule.id for rule in rules.rules]
    options = [option.name for option in rules.options]
    for name, value in params.rules.items():
        where = locate_key(file, "rules", name)
        if name in known:
            raise ParamsError(
                f"{where}: {name!r} is a rule, not an option of one; options: {', '.join(options)}. "
                "Hint: definitions/cohort_rules.yaml says which options each rule has."
            )
        if name not in options:
            raise ParamsError(
                f"{where}: there is no option {name!r}{suggest(name, options)}; options: {', '.join(options)}. "
                "Hint: definitions/cohort_rules.yaml says what each of them means."
            )
        try:
            rules.option(name).choice(value)
        except DefinitionError as error:
            raise ParamsError(f"{where}: {error}.") from None
    definitions.rules(dict(params.rules))
    for key in params.rules_not_checked:
        if key not in known:
            raise ParamsError(
                f"{locate_key(file, 'rules_not_checked', key)}: there is no rule {key!r}{suggest(key, known)}; "
                f"rules: {', '.join(known)}."
            )


def _check_case_mix(params: Params, columns: Mapping[str, AnalysisColumn], file: Path) -> None:
    """Check that organisations and case mix are columns that can be that, each covariate once."""
    unit, used = params.survival.unit, []
    if unit not in columns or not (columns[unit].kind == "category" or unit.endswith("year")):
        allowed = [name for name, column in columns.items() if column.kind == "category" or name.endswith("year")]
        raise ParamsError(
            f"{locate_key(file, 'survival', 'unit')}: {unit!r} is no column of the analysis table that divides "
            f"people into units{suggest(unit, allowed)}; allowed: {', '.join(allowed)}."
        )
    for number, term in enumerate(params.survival.case_mix):
        match = TERM.fullmatch(term)
        name = (match["splined"] or match["plain"]) if match else term
        line = find_line(file, "survival", "case_mix", number)
        where = f"{file}{line}: key 'survival.case_mix': {term!r}"
        if bare := re.fullmatch(r"rcs\(\s*(\w+)\s*\)", term):
            raise ParamsError(f"{where} is a spline without its knots; write it as rcs({bare[1]}, 4).")
        if match is None or name not in columns:
            raise ParamsError(
                f"{where} is no column of the analysis table{suggest(name, list(columns))}. "
                "Hint: the data dictionary lists the columns; rcs(column, knots) is a spline."
            )
        if name in (unit, *NO_CASE_MIX) or name.startswith(OUTCOMES):
            raise ParamsError(f"{where} cannot be case mix: it is the unit, the cohort, or what happened to people.")
        if name in used:
            raise ParamsError(f"{where}: the column {name!r} is in the case mix more than once.")
        if match["knots"] and columns[name].kind not in ("integer", "number"):
            raise ParamsError(f"{where} is a spline of a {columns[name].kind} column; allowed: of numbers.")
        if match["knots"] and int(match["knots"]) not in KNOT_QUANTILES:
            raise ParamsError(f"{where} has {match['knots']} knots; allowed: {', '.join(map(str, KNOT_QUANTILES))}.")
        used.append(name)


def check_cut_off(params: Params, folder: Path, file: Path) -> None:
    """Check that follow-up does not end after the day to which the extract says it is complete.

    Raises
    ------
    ParamsError
        With both dates.
    """
    said = read_note(folder).get("cut_off") if list_files(folder) else None
    try:
        cut_off = dt.date.fromisoformat(str(said)) if said else None
    except ValueError:
        raise ExtractError(f"{folder}/extract.json: cut_off is no date; allowed: YYYY-MM-DD.") from None
    if cut_off and params.censor_date > cut_off:
        raise ParamsError(
            f"{locate_key(file, 'censor_date')} is {params.censor_date}, but the extract says that it is "
            f"complete to {cut_off} only; later deaths are not recorded, so these people would count as alive."
        )


def open_step(source: str = "", data: str = "", run_dir: str = "") -> Run:
    """Open the run of a step, after checking that parameters, data and definitions are still those it was read with.

    Parameters
    ----------
    source, data, run_dir : str
        As for :func:`plan_run`; `source` may be left out when `run_dir` is given. What is given must be the run's.

    Raises
    ------
    RunError
        If the run was read with other parameters, data or definitions, or has not been read.
    """
    if run_dir or not source:
        run = find_run(run_dir=run_dir)
    elif not str(source).endswith((".yaml", ".yml")) and not data and (runs_root() / source / "inputs").is_dir():
        run = find_run(source)  # the name of a run
        source = "" if run.params.audit != source else source
    else:
        run = Run(_find_folder(source, data))
    record = run.read_record
    again = "Hint: read the extract again (`naome read`)."
    if source:
        given, own = load_params(source).effective, run.params.effective
        changed = ", ".join(key for key, value in given.items() if own.get(key) != value)
        if changed:
            raise RunError(f"{run.folder}: was read with other parameters: {changed} of {source} differ. {again}")
    if data and not _is_read_from(run, Path(data)):
        check_extract_folder(Path(data).expanduser(), READERS[run.params.source].tables)
        raise RunError(f"{run.folder}: was read from {record['data_dir']}, not from {data}. {again}")
    changed = run.definitions.compare(project_definitions())
    if changed:
        raise RunError(f"{run.folder}: was read with other definitions: {say_some(changed)} changed since. {again}")
    return run


def _find_folder(source: str, data: str) -> Path:
    """Return the folder that :func:`plan_run` chooses for these data, without looking at them again if it was read."""
    params = load_params(source)
    plain = runs_root() / params.audit
    if data:
        other = runs_root() / f"{params.audit}.{_slug(Path(data).expanduser().absolute().name)}"
        for folder in (other, plain):
            if (folder / READ_RECORD).is_file() and _is_read_from(Run(folder), Path(data)):
                return folder
    return plain


def _is_read_from(run: Run, data: Path) -> bool:
    """Return whether a run was read from the extract in a folder."""
    return Path(run.read_record["data_dir"]).resolve() == data.expanduser().resolve()


def _check_folder(plan: RunPlan, *, replace: bool) -> None:
    """Check that the folder is a run's own: new, empty, or of an earlier run of the same audit, parameters and data."""
    folder, data = plan.folder.resolve(), plan.inputs.folder.resolve()
    if folder == data or folder in data.parents or data in folder.parents:
        raise RunError(
            f"{plan.folder}: the run's folder and the extract's, {plan.inputs.folder}, must not contain each other. "
            "Hint: choose another --run."
        )
    if not (plan.folder / READ_RECORD).is_file():
        there = sorted(folder.iterdir()) if folder.is_dir() else []
        others = [path.name for path in there if path.name not in (LOCK, CACHE, MARK) and not is_unfinished(path)]
        finished = is_finished(folder)
        if finished and replace:
            return
        if others:
            lost = f"; {READ_RECORD}, the record of what a run was made from, is not there" if INPUTS in others else ""
            raise RunError(
                f"{plan.folder}: holds {say_some(others)} and no run{lost}. Hint: choose a new or empty folder"
                f"{', or --replace' if finished else ''}."
            )
        return
    run = Run(plan.folder)
    try:
        earlier = run.read_record
    except RunError:
        if not replace:
            raise
        if (run.inputs / PARAMS_COPY).is_file() or is_finished(folder):
            return
        raise RunError(
            f"{plan.folder}: holds {READ_RECORD}, which is no record of a run, and no {INPUTS}/{PARAMS_COPY}. Hint: "
            "choose a new or empty folder."
        ) from None
    if earlier["audit"] != plan.params.audit:
        raise RunError(f"{plan.folder}: holds a run of audit {earlier['audit']!r}. Hint: choose another --run.")
    if replace:
        return
    hint = "Hint: --run with another name or folder keeps both; --replace replaces the earlier one."
    if not _is_read_from(run, plan.inputs.folder):
        raise RunError(f"{plan.folder}: holds a run of the data in {earlier['data_dir']}. {hint}")
    if Path(earlier["params_from"]).resolve() != plan.file.resolve():
        raise RunError(f"{plan.folder}: holds a run of the parameters in {earlier['params_from']}. {hint}")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "data"
