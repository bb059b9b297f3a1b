"""Organisation tables of completed data sets pooled by Rubin's rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtr, ndtri

from naome.core.params import Params
from naome.measures.casemix.impute import impute_case_mix
from naome.measures.casemix.prepare import CaseMix
from naome.stats.rubin import imputations_needed, pool, pool_scores


@dataclass(frozen=True)
class Scale:
    """A near-normal scale: there, and back."""

    there: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


CLOGLOG = Scale(lambda s: np.log(-np.log(s)), lambda x: np.exp(-np.exp(x)))


LOGIT = Scale(logit, expit)


def pool_tables(tables: list[pd.DataFrame], estimate: str, scale: Scale) -> pd.DataFrame:
    """Pool organisation tables of completed data sets.

    The estimate by Rubin's rules on a near-normal scale; z by :func:`naome.stats.rubin.pool_scores`, so that
    uncertainty about the case mix makes alarms rarer, never more common, with its ``simulation_error`` (0 where
    nothing is imputed). An estimate of 0 or 1, which has no
    place on the scale, is averaged as it is. Own share and skewness are the largest of any data set, without
    their sign. Observed events are the same in every data set; the ratio is taken to the
    mean of the expected ones, and its limits are widened by the variance of the log of expected events. What cannot be
    estimated in one data set is not estimated.
    """
    first = tables[0].copy()
    if len(tables) == 1:
        return first.assign(fmi=0.0, simulation_error=0.0)
    names = (estimate, "lower", "upper", "z")
    stack = {name: np.array([t[name].to_numpy(dtype=float) for t in tables]) for name in names}
    with np.errstate(invalid="ignore", divide="ignore"):
        points = scale.there(stack[estimate])
        widths = np.abs(scale.there(stack["upper"]) - scale.there(stack["lower"])) / (2 * ndtri(0.975))
    sound = np.isfinite(points).all(axis=0) & (np.isfinite(widths) & (widths > 0)).all(axis=0)
    for name in (estimate, "lower", "upper"):
        first[name] = stack[name].mean(axis=0)
    first["fmi"] = np.nan
    if sound.any():
        rubin = pool(points[:, sound], widths[:, sound] ** 2)
        ends = np.sort([scale.back(rubin["lower"].to_numpy()), scale.back(rubin["upper"].to_numpy())], axis=0)
        first.loc[sound, estimate] = scale.back(rubin["estimate"].to_numpy())
        first.loc[sound, "lower"], first.loc[sound, "upper"] = ends
        first.loc[sound, "fmi"] = rubin["fmi"].to_numpy()
    first[["z", "simulation_error"]] = pool_scores(stack["z"]).to_numpy()
    first["tail_probability"] = ndtr(-np.abs(first["z"]))
    for name in ("expected", "survival_expected", "early_warning_z", "proportion_expected", "std_error"):
        if name in first:
            first[name] = np.mean([t[name].to_numpy(dtype=float) for t in tables], axis=0)
    for name in ("own_share", "early_own_share", "skewness"):  # there is no z if one data set has none
        if name in first:
            first[name] = np.max([t[name].abs().to_numpy(dtype=float) for t in tables], axis=0)
    if "status" in first:
        unknown = np.any([(t["status"] == "not_estimable").to_numpy() for t in tables], axis=0)
        first.loc[unknown & (first["status"] == "ok").to_numpy(), "status"] = "not_estimable"
    return _pool_ratios(first, tables) if "ratio" in first else first


def _pool_ratios(pooled: pd.DataFrame, tables: list[pd.DataFrame]) -> pd.DataFrame:
    m, z = len(tables), ndtri(0.975)
    expected = np.log([t["expected"].to_numpy(dtype=float) for t in tables])
    extra = z**2 * (1 + 1 / m) * expected.var(axis=0, ddof=1)
    ratio = pooled["observed"].to_numpy(dtype=float) / pooled["expected"].to_numpy()
    pooled["ratio"] = ratio
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.log(ratio)
        low, high = (np.log([t[name].to_numpy(dtype=float) for t in tables]) for name in ("ratio_lower", "ratio_upper"))
        below = np.exp(centre - np.sqrt((centre - low.mean(axis=0)) ** 2 + extra))
        above = np.exp(centre + np.sqrt((high.mean(axis=0) - centre) ** 2 + extra))
        # nobody had the event: the lower limit is zero, and only the upper one has a width
        none = ratio == 0
        pooled["ratio_lower"] = np.where(none, 0.0, below)
        pooled["ratio_upper"] = np.where(none, np.exp(high.mean(axis=0) + np.sqrt(extra)), above)
    few = np.any([t["ratio_lower"].isna().to_numpy() for t in tables], axis=0)
    pooled.loc[few, ["ratio_lower", "ratio_upper"]] = np.nan
    pooled.loc[np.any([t["ratio"].isna().to_numpy() for t in tables], axis=0), "ratio"] = np.nan
    return pooled


def adjust_pooled(
    case_mix: CaseMix, params: Params, adjust: Callable[[pd.DataFrame], pd.DataFrame], estimate: str, scale: Scale
) -> tuple[CaseMix, pd.DataFrame]:
    """Adjust every completed data set and pool, imputing more where missing information asks for it."""
    tables = [adjust(frame) for frame in case_mix.completed]
    pooled = pool_tables(tables, estimate, scale)
    m = len(tables)
    if m > 1:
        # what the first data sets ask for: the same whether the others are still to be made or were made before
        asking = pool_tables(tables[: params.survival.imputations], estimate, scale)["fmi"]
        needed = imputations_needed(np.append(asking.dropna(), 0.0))
        more = min(needed, params.survival.imputations_at_most) - m
        case_mix = replace(case_mix, needed=needed)
        if more > 0:
            # another seed: the first data sets stay as they are and need not be made again
            extra = impute_case_mix(case_mix, more, params.seed + 1)
            case_mix = replace(case_mix, completed=[*case_mix.completed, *extra])
            pooled = pool_tables([*tables, *map(adjust, extra)], estimate, scale)
    return case_mix, pooled.rename(columns={"provider": "unit"})
