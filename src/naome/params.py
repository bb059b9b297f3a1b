"""Audit parameters: one YAML file is one audit run, typed and frozen.

The file is the protocol of a run: whose data, which dates, which indicators
the nation's data can support. A misspelt, missing or mistyped key stops the run
before anything is computed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from naome.errors import ParamsError, suggest
from naome.paths import project_root, resolve
from naome.yaml_files import read_yaml


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


IsoDate = Annotated[dt.date, Field(strict=False)]


class Disclosure(_Frozen):
    """How small numbers are protected before anything leaves the run."""

    policy: Literal["none", "lt5", "lt10", "hes2018"] = Field(
        description="Suppression rule for counts below the national level. hes2018: 1-7 hidden, others rounded to 5."
    )
    national: Literal["show", "suppress"] = Field(
        description="Whether national figures are shown as they are (the audit's practice) or treated like any other."
    )


# One-sided tail probabilities of alert and alarm; two and three standard deviations of a normal distribution
TAILS = {"95/99.8": (0.025, 0.001), "2sd/3sd": (0.022750131948179195, 0.0013498980316300933)}


class Survival(_Frozen):
    """Survival estimation."""

    horizons_years: tuple[Annotated[int, Field(ge=1, le=20)], ...] = Field(
        strict=False, description="Years after the origin at which survival is estimated; 1 year is 365.25 days."
    )
    minimum_at_risk: int = Field(ge=1, description="Estimates with fewer people still at risk are not shown.")
    case_mix: tuple[str, ...] = Field(
        strict=False, description="Covariates of the risk-adjustment model; rcs(x, k) is a restricted cubic spline."
    )
    unit: str = Field(description="Column of the analysis table whose values are compared (the organisation).")
    imputations: int = Field(
        ge=10,
        le=200,
        description="Imputed data sets for missing case-mix items; more are made where the fraction of "
        "missing information asks for them.",
    )
    imputations_at_most: int = Field(
        ge=10, le=200, description="Imputed data sets are never more than this; pages say when more were asked for."
    )


class Outliers(_Frozen):
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
    overdispersion: Literal["none", "additive"] = Field(
        description="Whether alarms allow for between-organisation spread (fixed beforehand; both are always shown)."
    )

    @property
    def alert_tail(self) -> float:
        """One-sided tail probability of an alert."""
        return TAILS[self.limits][0]

    @property
    def alarm_tail(self) -> float:
        """One-sided tail probability of an alarm."""
        return TAILS[self.limits][1]


class Params(_Frozen):
    """One audit run."""

    audit: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="Identifier of the run; must equal the file's name.")
    title: str = Field(description="How pages name this audit.")
    nation: Literal["england", "wales", "netherlands"] = Field(description="The nation whose data this is.")
    marking: Literal["synthetic", "real", "open"] = Field(
        description="Banner of every page. Extracts that say they are synthetic are always marked synthetic."
    )
    source: Literal["ncrd", "rcrd", "wcn", "simulacrum", "rotterdam"] = Field(description="Reader of the extract.")
    data_dir: str = Field(description="Folder of the extract, absolute or relative to the project.")
    diagnosed_from: IsoDate = Field(description="First day of primary diagnosis that is read.")
    diagnosed_to: IsoDate = Field(description="Last day of primary diagnosis that is read.")
    metastatic_from: IsoDate = Field(description="First day of the audit period (metastatic diagnosis).")
    metastatic_to: IsoDate = Field(description="Last day of the audit period.")
    censor_date: IsoDate = Field(description="Last day to which deaths are complete; follow-up ends here.")
    seed: int = Field(ge=0, description="Seed of everything random in the analysis (imputation, bootstrap).")
    unit_name: str = Field(description="What an organisation is called on pages, e.g. NHS trust.")
    cohorts: tuple[Literal["denovo", "recurrent", "primary"], ...] = Field(
        strict=False, description="Cohorts of the run; primary is everyone eligible, from initial diagnosis."
    )
    rules: dict[str, str | int | bool | list[str]] = Field(
        default_factory=dict, description="Cohort rule options that differ from definitions/cohort_rules.yaml."
    )
    rules_not_checked: dict[str, str] = Field(
        default_factory=dict,
        description="Cohort rule id -> why these data cannot show whether it holds. Shown beside what the rule leaves.",
    )
    absent: dict[str, str] = Field(
        default_factory=dict,
        description="Canonical table, column (drugs.cycle_date) or cohort that these data have not -> the sentence "
        "that says so wherever something needs it. Nothing that is there may be named.",
    )
    not_derivable: dict[str, str] = Field(
        default_factory=dict,
        description="Judgements: indicator, measure, or canonical column that is there -> why no result is given all "
        "the same. What needs an absent thing is found without it.",
    )
    notebooks: tuple[Annotated[str, Field(pattern=r"^[0-9]{2}$")], ...] = Field(
        default=(),
        strict=False,
        description='Numbers of the notebooks that this audit runs, quoted: ["00", "01"]. All where it is not given.',
    )
    minimum_denominator: int = Field(ge=1, description="Percentages on fewer people are marked too few.")
    survival: Survival
    outliers: Outliers
    disclosure: Disclosure

    @model_validator(mode="after")
    def _imputations_in_order(self) -> Params:
        if self.survival.imputations > self.survival.imputations_at_most:
            raise ValueError(
                f"survival.imputations ({self.survival.imputations}) must not exceed imputations_at_most "
                f"({self.survival.imputations_at_most})"
            )
        return self

    @model_validator(mode="after")
    def _dates_in_order(self) -> Params:
        for first, last in [
            ("diagnosed_from", "diagnosed_to"),
            ("metastatic_from", "metastatic_to"),
            ("metastatic_to", "censor_date"),
        ]:
            if getattr(self, first) >= getattr(self, last):
                raise ValueError(f"{first} ({getattr(self, first)}) must be before {last} ({getattr(self, last)})")
        return self


def params_file(audit: str) -> Path:
    """Return the path of an audit's parameter file, ``params/<audit>.yaml``.

    Raises
    ------
    ParamsError
        If there is no such file; the message lists the audits there are.
    """
    file = project_root() / "params" / f"{audit}.yaml"
    if not file.is_file():
        known = sorted(f.stem for f in file.parent.glob("*.yaml"))
        raise ParamsError(
            f"no parameter file {file.name} for audit {audit!r}{suggest(audit, known)}. Audits: {', '.join(known)}."
        )
    return file


def load_params(source: str | Path) -> Params:
    """Load, check and freeze the parameters of one audit run.

    Parameters
    ----------
    source : str or Path
        An audit's name (``"england"``) or the path of a parameter file.

    Raises
    ------
    ParamsError
        Naming file, key, value and what was allowed; all problems at once.

    Examples
    --------
    >>> load_params("england").nation
    'england'
    """
    file = resolve(source) if str(source).endswith((".yaml", ".yml")) else params_file(str(source))
    if not file.is_file():
        raise ParamsError(f"{file}: no such parameter file. Hint: params/ holds one file per audit.")
    try:
        raw = read_yaml(file)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{file}: not readable as YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ParamsError(f"{file}: expected a mapping of keys to values, found {type(raw).__name__}.")
    try:
        params = Params.model_validate(raw)
    except ValidationError as error:
        raise ParamsError(_explain(file, error)) from None
    if params.audit != file.stem:
        raise ParamsError(
            f"{file}: key 'audit' is {params.audit!r} but the file is named {file.name}; make them equal."
        )
    return params


def params_digest(source: str | Path) -> str:
    """Return the sha256 of a parameter file's bytes, as recorded in the manifest."""
    file = resolve(source) if str(source).endswith((".yaml", ".yml")) else params_file(str(source))
    return hashlib.sha256(file.read_bytes()).hexdigest()


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


def _explain(file: Path, error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        where = [str(part) for part in problem["loc"]]
        key = ".".join(where) or "(whole file)"
        if problem["type"] == "extra_forbidden":
            allowed = _allowed_keys(where[:-1])
            lines.append(
                f"unknown key {key!r} with value {problem['input']!r}{suggest(where[-1], allowed)}. "
                f"Allowed: {', '.join(allowed)}."
            )
        elif problem["type"] == "missing":
            lines.append(f"missing key {key!r}. params/README.md says what it means.")
        else:
            lines.append(f"key {key!r}: {problem['msg']}; found {problem['input']!r}." if where else problem["msg"])
    shown = "\n".join(f"  - {line}" for line in lines)
    return f"{file}: {len(lines)} problem{'s' if len(lines) > 1 else ''} in the parameters\n{shown}"


def _allowed_keys(where: list[str]) -> list[str]:
    model: type[BaseModel] = Params
    for part in where:
        model = model.model_fields[part].annotation  # type: ignore[assignment]
    return list(model.model_fields)


def write_reference() -> str:
    """Return the text of ``params/README.md``: every key with its type and meaning.

    A test holds the file to this text; ``python -m naome.params`` writes it.
    """
    lines = [
        "# Parameters",
        "",
        "One file is one audit run; its name is the audit's name. Unknown, missing and mistyped keys stop the run.",
        "This page is generated from the model (`python -m naome.params`).",
        "",
        "| key | type | needed | meaning |",
        "|---|---|---|---|",
    ]
    rows = [(f"`{key}`", kind.replace("|", "or"), needed, text) for key, kind, needed, text in describe_params()]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (project_root() / "params" / "README.md").write_text(write_reference(), encoding="utf-8")
