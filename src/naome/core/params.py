"""Audit parameters: one YAML file is one audit run, typed and frozen all the way down.

The file is the protocol of a run: whose data, which dates, which choices. It may lie anywhere; a run keeps a copy
and reads nothing else (:mod:`naome.workflow.run`). A misspelt, missing, mistyped or senseless key stops the run before
anything is read. What only the definitions or the data can tell is checked in :mod:`naome.protocol`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from naome.core.durations import YEAR_DAYS
from naome.core.errors import ParamsError, suggest
from naome.core.paths import project_root
from naome.core.yaml_files import FrozenModel, KeyPath, KeysError, locate_key, read_day, read_model

#: No cancer registry of the United Kingdom or the Netherlands goes further back
FIRST_DAY = dt.date(1950, 1, 1)


class FrozenMapping(dict):
    """A mapping that cannot be changed: a run computed with other parameters would still carry the run's name.

    Examples
    --------
    >>> FrozenMapping(gap_months=12)["gap_months"]
    12
    """

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("the parameters of a run are frozen. Hint: run.what_if(gap_months=6) shows what would change")

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = clear = setdefault = _refuse

    def __reduce__(self) -> tuple:
        return FrozenMapping, (dict(self),)


def _freeze(value: Any) -> Any:
    if isinstance(value, Mapping):
        return FrozenMapping({key: _freeze(each) for key, each in value.items()})
    return tuple(_freeze(each) for each in value) if isinstance(value, list | tuple) else value


def _check_date(value: object) -> object:
    """Take a date as YAML or ISO 8601 writes it; a number of seconds, or a time of day, is none."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return read_day(value)
    return value


def _check_past(value: dt.date) -> dt.date:
    if not FIRST_DAY <= value <= dt.date.today():
        raise ValueError(f"must be from {FIRST_DAY} to today, {dt.date.today()}")
    return value


def _check_words(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if not value.isprintable():
        raise ValueError("must be one line of printable characters")
    return value


def _check_once(values: tuple) -> tuple:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"names {', '.join(twice)} more than once")
    return values


IsoDate = Annotated[dt.date, BeforeValidator(_check_date), AfterValidator(_check_past)]
Words = Annotated[str, AfterValidator(_check_words)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Once = AfterValidator(_check_once)
#: What is wrong between keys, and which keys these are
Disagreement = tuple[str, tuple[KeyPath, ...]]
Reasons = Annotated[dict[str, Words], AfterValidator(_freeze)]


class Disclosure(FrozenModel):
    """How small numbers are protected before anything leaves the run."""

    policy: Literal["none", "lt5", "lt10", "hes2018"] = Field(
        description="Suppression rule for counts below the national level. hes2018: suppresses 1-7, rounds others to 5."
    )
    national: Literal["show", "suppress_small", "suppress"] = Field(
        description="National figures. show: as they are (the audit's practice for England). suppress_small: small "
        "groups are suppressed, with what they could be worked out from; others are shown as they are. suppress: like "
        "any other."
    )

    @property
    def shows_nation(self) -> bool:
        """Whether national counts are shown as they are."""
        return self.national == "show" or self.policy == "none"


# One-sided tail probabilities of alert and alarm; two and three standard deviations of a normal distribution
LIMIT_TAILS = {"95/99.8": (0.025, 0.001), "2sd/3sd": (0.022750131948179195, 0.0013498980316300933)}


class Survival(FrozenModel):
    """Survival estimation."""

    horizons_years: Annotated[tuple[Annotated[int, Field(ge=1, le=20)], ...], Once] = Field(
        strict=False,
        min_length=1,
        description="Years after the time origin at which survival is estimated; 1 year is 365.25 days.",
    )
    minimum_at_risk: int = Field(ge=1, description="Estimates with fewer people still at risk are not shown.")
    comparison_periods: Annotated[
        dict[int, Annotated[tuple[IsoDate, IsoDate], Field(strict=False)]], AfterValidator(_freeze)
    ] = Field(
        default_factory=FrozenMapping,
        description="Time point in years -> first and last day of the metastatic diagnoses on which organisations are "
        "compared at it. Without it: a period as long as the audit period, the latest whose people can all be followed "
        "to the time point.",
    )
    case_mix: Annotated[tuple[Words, ...], Once] = Field(
        strict=False,
        min_length=1,
        description="Covariates of the risk-adjustment model; rcs(x, k) is a restricted cubic spline.",
    )
    unit: str = Field(description="Column of the analysis table whose values are compared (the organisation).")
    imputations: int = Field(
        ge=10,
        le=200,
        description="Imputed data sets for missing case-mix items; more are made where the fraction of "
        "missing information requires them.",
    )
    imputations_at_most: int = Field(
        ge=10, le=200, description="Maximum number of imputed data sets; pages state when more were required."
    )


class Outliers(FrozenModel):
    """Outlier policy."""

    limits: Literal["95/99.8", "2sd/3sd"] = Field(
        description="Limits of alert and alarm: 95% and 99.8%, or two and three standard deviations."
    )
    minimum_n: int = Field(ge=1, description="Organisations with fewer people are listed but not assessed.")
    minimum_completeness: float = Field(
        ge=0,
        le=1,
        description="Organisations with a smaller share of the case-mix items that can be missing are not assessed.",
    )
    overdispersion: Literal["none", "additive", "paule_mandel"] = Field(
        description="Whether outlier status is adjusted for overdispersion between organisations (fixed in advance; "
        "both are always shown): additive takes the winsorised estimate of the spread, which is too small, "
        "paule_mandel a consistent one."
    )

    @property
    def spread_estimator(self) -> Literal["winsorised", "paule_mandel"]:
        """Estimator of the spread between organisations."""
        return "paule_mandel" if self.overdispersion == "paule_mandel" else "winsorised"

    @property
    def alert_tail(self) -> float:
        """One-sided tail probability of an alert."""
        return LIMIT_TAILS[self.limits][0]

    @property
    def alarm_tail(self) -> float:
        """One-sided tail probability of an alarm."""
        return LIMIT_TAILS[self.limits][1]


class Params(FrozenModel):
    """One audit run."""

    audit: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="Identifier of the run; must equal the file's name.")
    title: Words = Field(max_length=100, description="How pages name this audit.")
    nation: Name = Field(description="The nation whose people the source holds, as its reader says.")
    source: Name = Field(description="Reader of the extract: the name of a module in `src/naome/extract/readers/`.")
    data_dir: str = Field(
        default="",
        description="Folder of the extract, absolute or relative to the folder of this file (of the shipped files: to "
        "the project). Without it, `--data` names the folder.",
    )
    life_table: str = Field(
        default="",
        description="CSV file of the mortality of the general population (`sex,age,year,qx`), placed as `data_dir` is. "
        "Without it there is no net survival.",
    )
    diagnosed_from: IsoDate = Field(description="First day of primary diagnosis that is read.")
    diagnosed_to: IsoDate = Field(description="Last day of primary diagnosis that is read.")
    metastatic_from: IsoDate = Field(description="First day of the audit period (metastatic diagnosis).")
    metastatic_to: IsoDate = Field(description="Last day of the audit period.")
    censor_date: IsoDate = Field(description="Last day to which deaths are complete; follow-up ends here.")
    seed: int = Field(ge=0, lt=2**32, description="Seed of everything random in the analysis (imputation, bootstrap).")
    unit_name: Words = Field(description="What an organisation is called on pages, e.g. NHS trust.")
    cohorts: Annotated[tuple[Literal["denovo", "recurrent", "primary"], ...], Once] = Field(
        strict=False,
        min_length=1,
        description="Cohorts of the run; primary is everyone eligible, from initial diagnosis.",
    )
    rules: Annotated[dict[str, str | int | bool | list[str] | tuple[str, ...]], AfterValidator(_freeze)] = Field(
        default_factory=FrozenMapping, description="Cohort rule options that differ from definitions/cohort_rules.yaml."
    )
    rules_not_checked: Reasons = Field(
        default_factory=FrozenMapping,
        description="Cohort rule id -> why these data cannot show whether it holds. Shown with the number "
        "remaining after the rule.",
    )
    absent: Reasons = Field(
        default_factory=FrozenMapping,
        description="Canonical table, column (drugs.cycle_date) or cohort that these data have not -> the sentence "
        "that says so wherever something needs it. Nothing that is there may be named.",
    )
    not_derivable: Reasons = Field(
        default_factory=FrozenMapping,
        description="Judgements: indicator, measure, or canonical column that is there -> why no result is given all "
        "the same. What needs an absent thing is found without it.",
    )
    minimum_linkage: Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], AfterValidator(_freeze)] = Field(
        default_factory=FrozenMapping,
        description="Raw table (hes_apc) -> least share of its rows that must link to the people of the registry, "
        "where it is not the reader's 0.95: a table of a whole population links less.",
    )
    notebooks: Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9]{2}$")], ...], Once] = Field(
        default=(),
        strict=False,
        description='Numbers of the notebooks that this audit runs, quoted: ["00", "01"]. All where it is not given.',
    )
    unknown_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Largest share of a column's rows whose values may be in no list of the definitions; more stops "
        "the run with their names. Without it: 0.05 of coded items, 0.1 of drugs and of organisations.",
    )
    minimum_denominator: int = Field(ge=1, le=10_000, description="Percentages on fewer people are marked too few.")
    survival: Survival
    outliers: Outliers
    disclosure: Disclosure

    @model_validator(mode="after")
    def _keys_agree(self) -> Params:
        """Refuse keys that contradict each other, all at once, each with the lines of the keys it is about."""
        problems = [*self._find_disorder(), *self._find_survival(), *self._find_periods()]
        if problems:
            raise KeysError(*problems)
        return self

    def _find_disorder(self) -> Iterator[Disagreement]:
        """Find dates that are not in order."""
        for first, last, strictly in [
            ("diagnosed_from", "diagnosed_to", True),
            ("metastatic_from", "metastatic_to", True),
            ("metastatic_to", "censor_date", True),
            ("diagnosed_to", "censor_date", True),
            ("diagnosed_from", "metastatic_from", False),
            *([("metastatic_from", "diagnosed_to", True)] if "denovo" in self.cohorts else []),
        ]:
            before, after = getattr(self, first), getattr(self, last)
            if before > after or (strictly and before == after):
                relation = "be before" if strictly else "not be after"
                yield f"{first} ({before}) must {relation} {last} ({after})", ((first,), (last,))

    def _find_survival(self) -> Iterator[Disagreement]:
        """Find keys of survival that contradict each other or the dates."""
        horizons, unit, most = (("survival", key) for key in ("horizons_years", "unit", "imputations_at_most"))
        if self.survival.imputations > self.survival.imputations_at_most:
            yield (
                f"survival.imputations ({self.survival.imputations}) must not exceed imputations_at_most "
                f"({self.survival.imputations_at_most})",
                (("survival", "imputations"), most),
            )
        if list(self.survival.horizons_years) != sorted(self.survival.horizons_years):
            found = list(self.survival.horizons_years)
            yield f"survival.horizons_years must be in order, shortest first; found {found}", (horizons,)
        days = (self.censor_date - self.diagnosed_from).days
        longest = max(self.survival.horizons_years)
        if days > 0 and longest * YEAR_DAYS > days:
            yield (
                f"survival.horizons_years: {longest} years ({longest * YEAR_DAYS:,.6g} days, of {YEAR_DAYS:g} a year) "
                f"are longer than the {days:,} days from diagnosed_from ({self.diagnosed_from}) to censor_date "
                f"({self.censor_date}), so no one can be followed for so long; allowed: whole years up to "
                f"{int(days / YEAR_DAYS)}",
                (("diagnosed_from",), ("censor_date",), horizons),
            )
        if self.survival.unit in self.survival.case_mix:
            yield (
                f"survival.case_mix names {self.survival.unit!r}, whose values are compared (survival.unit): expected "
                "survival would then be that of the organisation itself; remove it from case_mix",
                (unit, ("survival", "case_mix", self.survival.case_mix.index(self.survival.unit))),
            )

    def _find_periods(self) -> Iterator[Disagreement]:
        """Find comparison periods that are not those of a time point, or whose people cannot be followed to it."""
        for years, (first, last) in self.survival.comparison_periods.items():
            latest = self._latest_origin(years)
            if years not in self.survival.horizons_years or not self.diagnosed_from <= first <= last <= latest:
                yield (
                    f"survival.comparison_periods: {years}: {first} to {last}; allowed: a time point of "
                    f"horizons_years, and two days in order from diagnosed_from ({self.diagnosed_from}) to {latest}, "
                    "the last day from which follow-up reaches the time point",
                    (("survival", "comparison_periods", years),),
                )

    def comparison_period(self, years: int) -> tuple[dt.date, dt.date]:
        """Return the first and last day of the metastatic diagnoses that are compared at a time point.

        The audit period where all of its people can be followed so long; else the latest period of the same length for
        which that is so, as far as the diagnoses that are read go back. The first day lies after the last one where
        they do not go back so far.
        """
        if years in self.survival.comparison_periods:
            return self.survival.comparison_periods[years]
        last = min(self.metastatic_to, self._latest_origin(years))
        return max(self.diagnosed_from, last - (self.metastatic_to - self.metastatic_from)), last

    @property
    def earlier_periods(self) -> dict[int, tuple[dt.date, dt.date]]:
        """Time points that the audit period does not serve -> the period that does (:meth:`comparison_period`)."""
        periods = {years: self.comparison_period(years) for years in self.survival.horizons_years}
        audit_period = (self.metastatic_from, self.metastatic_to)
        return {years: period for years, period in periods.items() if period != audit_period}

    def _latest_origin(self, years: int) -> dt.date:
        return self.censor_date - dt.timedelta(days=math.ceil(YEAR_DAYS * years))

    @property
    def effective(self) -> dict[str, Any]:
        """What decides the results, as plain values: everything but where the extract and the life table lie."""
        return self.model_dump(mode="json", exclude={"data_dir", "life_table"})


def find_params(source: str | Path) -> Path:
    """Return the parameter file of an audit: a path as the caller means it, or the name of a shipped file.

    Parameters
    ----------
    source : str or Path
        A path that ends in ``.yaml`` or ``.yml``, relative to the current directory; or a name such as ``england``,
        which means ``params/england.yaml`` of the project.

    Raises
    ------
    ParamsError
        If there is no such file; the message lists the shipped audits.
    """
    known = list_shipped()
    if str(source).endswith((".yaml", ".yml")):
        file = Path(source).expanduser().absolute()
        if not file.is_file():
            raise ParamsError(
                f"{file}: no such parameter file{suggest(file.stem, known)}. Hint: give the path of a file, or the "
                f"name of a shipped audit ({', '.join(known)}); `naome new-audit` writes a file to start from."
            )
        return file
    if Path(source).name != str(source) and Path(source).expanduser().is_dir():
        raise ParamsError(f"{source}: a folder. Hint: give the path of the parameter file, which ends in .yaml.")
    file = project_root() / "params" / f"{source}.yaml"
    if not file.is_file():
        raise ParamsError(
            f"no parameter file {file.name} for audit {str(source)!r}{suggest(str(source), known)}. "
            f"Audits: {', '.join(known)}. Hint: a file of your own is given by its path, which ends in .yaml."
        )
    return file


def list_shipped() -> list[str]:
    """List the audits whose parameter files are shipped.

    Examples
    --------
    >>> "england" in list_shipped()
    True
    """
    return sorted(file.stem for file in (project_root() / "params").glob("*.yaml"))


def load_params(source: str | Path) -> Params:
    """Load, check and freeze the parameters of one audit run.

    Parameters
    ----------
    source : str or Path
        As in :func:`find_params`.

    Raises
    ------
    ParamsError
        Naming file, key, value and what was allowed; all problems at once.

    Examples
    --------
    >>> load_params("england").nation
    'england'
    """
    file = find_params(source)
    params = read_params(file)
    if params.audit != file.stem:
        raise ParamsError(
            f"{locate_key(file, 'audit')} is {params.audit!r} but the file is named {file.name}; make them equal."
        )
    return params


def read_params(file: Path) -> Params:
    """Read and check a parameter file whatever it is called (:func:`load_params`)."""
    return read_model(file, Params, error=ParamsError, hint="params/README.md says what it means")


def find_data(params: Params, file: Path) -> Path | None:
    """Return the folder that ``data_dir`` names, or None: relative to the parameter file, or to the project if shipped.

    Parameters
    ----------
    params : Params
    file : Path
        The parameter file.
    """
    return _find(params.data_dir, file)


def find_life_table(params: Params, file: Path) -> Path | None:
    """Return the file that ``life_table`` names, or None; relative as in :func:`find_data`."""
    return _find(params.life_table, file)


def _find(place: str, file: Path) -> Path | None:
    if not place:
        return None
    root = project_root()
    base = root if file.parent == root / "params" else file.parent
    return base / Path(place).expanduser()


def describe_params(model: type[BaseModel] = Params, prefix: str = "") -> list[tuple[str, str, str, str]]:
    """Return ``(key, type, required, meaning)`` for every key, in file order.

    ``params/README.md`` is generated from this and a test holds it there.
    """
    rows = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            rows += describe_params(kind, f"{prefix}{name}.")
            continue
        rows.append((prefix + name, _type_name(kind), "yes" if field.is_required() else "no", field.description or ""))
    return rows


def _type_name(kind: object) -> str:
    if kind is dt.date:
        return "date, YYYY-MM-DD"
    if getattr(kind, "__origin__", None) is Literal:
        return "one of " + ", ".join(map(str, kind.__args__))
    if getattr(kind, "__origin__", None) is tuple:
        return f"list of {_type_name(kind.__args__[0])}"
    if getattr(kind, "__origin__", None) is Annotated or hasattr(kind, "__metadata__"):
        return _type_name(kind.__origin__)
    if getattr(kind, "__origin__", None) is dict:
        return "mapping"
    return {"str": "text", "int": "whole number", "float": "number"}.get(getattr(kind, "__name__", ""), str(kind))


def write_reference() -> str:
    """Return the text of ``params/README.md``: every key with its type and meaning.

    ``naome docs`` writes it, and a test holds the file to this text.
    """
    lines = [
        "# Parameters",
        "",
        "One file is one audit run; its name is the audit's name. Unknown, missing and mistyped keys stop the run.",
        "This page is generated from the model (`naome docs`).",
        "",
        "| key | type | needed | meaning |",
        "|---|---|---|---|",
    ]
    rows = [(f"`{key}`", kind.replace("|", "or"), needed, text) for key, kind, needed, text in describe_params()]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"
