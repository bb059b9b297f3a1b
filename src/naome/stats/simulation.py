"""A simulation study of risk-adjusted survival of providers: which methods estimate it, and which raise false alarms.

130 providers of very different size and case mix, or 7; patients come in over time, so follow-up is staggered (1.4 to
4.4 years) while survival at 3 years is wanted, and likewise at 1 and 5 years; hazards fall with time (Weibull, shape
0.75; about 45% alive at 3 years). Nothing of the audit's own data is in it. The study calls the public functions of
this package, as an audit would.

An average over providers can be right where every class of them is wrong. So the variance of z and the rates of false
alerts and alarms are also given by fifth of expected survival and by size: the expected deaths or survivors of a
provider, whichever are fewer.

Methods (z is positive when more patients die than expected):

========================  ==============================================================================================
``unadjusted``            Kaplan-Meier against the national one, log(-log) scale, no case mix
``dropped``               logistic O/E after dropping patients censored before t: invalid, the early deaths stay
``poisson``               as A, but with the Poisson variance E: wrong for a common outcome
``A``                     logistic O/E among patients with potential follow-up to t, Poisson-binomial tail
``B``                     deaths against expected cumulative hazard, Poisson mid-P; estimate S_nat^(O/E)
``C``                     pseudo-observations minus expected survival, :mod:`naome.stats.provider_score`
``D``                     ratio of log survivals, calibrated; Greenwood on the log(-log) scale
``B, C, D imputed``       with incomplete case mix: averages over completed data (E and S(t | x) by Rubin's rules)
``B, C, D complete``      with incomplete case mix: patients with everything recorded only
========================  ==============================================================================================

Truth for a provider is the survival at t that the national mix of patients would have under that provider's hazard.
"""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from naome.stats.imputation import impute
from naome.stats.intervals import smr, wilson
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.risk_adjustment import fit_expected, risk_adjusted_proportion, risk_adjusted_survival

__all__ = [
    "SCENARIOS",
    "StudyScenario",
    "describe_first",
    "make_patients",
    "make_providers",
    "run_replicate",
    "simulate",
]

PROVIDERS, FEW_PROVIDERS = 130, 7
OUTLIERS = 6
# Follow-up is possible for at least and at most so many years, relative to the horizon
FOLLOW_UP, SHORTEST = (-1.6, 1.4), 0.4
SHAPE, RATE = 0.75, 0.30
BETA = np.array([0.45, 0.35, 0.70, -0.50])
COVARIATES = ["age", "er", "liver", "fit"]
INCOMPLETE = ("er", "liver")
IMPUTATIONS, ROUNDS = 5, 4
#: Shares of incomplete items that are missing, where rates are given by class of provider
MISSING_SHARES = (0.4, 0.6, 0.75)
TAILS = (0.025, 0.001)
# Items of case mix with small effects: few providers and many coefficients
MINOR_ITEMS, MINOR_EFFECT = 12, 0.1
ALL, BY_EXPECTED, BY_SIZE = "all", "expected survival", "size"
FIFTHS = ("lowest fifth", "second fifth", "third fifth", "fourth fifth", "highest fifth")
#: Lower ends of size classes, in expected deaths or survivors, whichever are fewer
SIZES = {"under 10": 0, "10 to 19": 10, "20 to 49": 20, "50 and over": 50}
#: The method whose z gives the level, which is looked at by class
JUDGED = ("C", "C imputed")


@dataclass(frozen=True)
class StudyScenario:
    """One situation of the study.

    Attributes
    ----------
    name : str
    before, after, change : float
        The outliers' hazard ratio up to `change` years and after it; (1, 1) is the null.
    missing : float
        Share of each incomplete item that is missing, more often in patients who died and in some providers.
    horizon : float
        Years at which survival is wanted.
    few : bool
        7 providers and 16 coefficients instead of 130 and 4.
    times : int
        How many times as many data sets: rare alarms are counted by class of provider.
    only_used : bool
        Whether the erroneous methods are left aside.
    """

    name: str
    before: float = 1.0
    after: float = 1.0
    change: float = 1.0
    missing: float = 0.0
    horizon: float = 3.0
    few: bool = False
    times: int = 1
    only_used: bool = False

    @property
    def covariates(self) -> list[str]:
        """Case-mix items of the model."""
        return [*COVARIATES, *(f"item{number}" for number in range(MINOR_ITEMS))] if self.few else COVARIATES

    @property
    def follow_up(self) -> tuple[float, float]:
        """Shortest and longest follow-up that is possible, in years."""
        return max(SHORTEST, self.horizon + FOLLOW_UP[0]), self.horizon + FOLLOW_UP[1]


SCENARIOS = (
    StudyScenario("no outliers"),
    StudyScenario("proportional outliers", before=1.5, after=1.5),
    StudyScenario("early outliers", before=2.0, after=0.8, change=0.5),
    StudyScenario("late outliers", before=1.0, after=1.6),
    StudyScenario("no outliers, 40% missing", missing=0.4),
    StudyScenario("proportional outliers, 40% missing", before=1.5, after=1.5, missing=0.4),
    *(
        StudyScenario(f"{name}, {horizon:g} y{missing}", hazard, hazard, 1.0, share, horizon, False, times, True)
        for horizon in (1.0, 3.0, 5.0)
        for name, hazard in (("no outliers", 1.0), ("proportional outliers", 1.5))
        for missing, share in (("", 0.0), *((f", {share:.0%} missing", share) for share in MISSING_SHARES))
        for times in (1 if hazard > 1 else 6 if share else 5,)
    ),
    *(
        StudyScenario(f"{FEW_PROVIDERS} organisations, {t:g} y", horizon=t, few=True, times=20, only_used=True)
        for t in (1, 3, 5)
    ),
)


def simulate(
    *,
    replicates: int,
    seed: int,
    scenarios: Sequence[StudyScenario] = SCENARIOS,
    workers: int = 1,
    progress: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Run the study.

    Parameters
    ----------
    replicates : int
        Data sets per scenario; 200 give a Monte Carlo error of about 0.001 on a 2.5% rate.
    seed : int
        Replicate r of a scenario depends on (seed, scenario, r) only: not on the number of replicates, the other
        scenarios or the number of workers.
    scenarios : sequence of Scenario
        Which situations.
    workers : int
        Processes.
    progress : callable, optional
        Takes a line when a scenario is done.

    Returns
    -------
    pandas.DataFrame
        Tidy: ``scenario, method, by, group, measure, value, lower, upper, nominal, n``; ``by`` is "all", or what
        providers are classed by ("expected survival", "size"), and ``group`` the class. The limits are 95% Monte Carlo
        limits (Wilson for rates over provider-replicates; normal over replicates otherwise). Measures, over providers
        that are no outliers: ``bias`` and ``coverage`` (of 95% limits) of adjusted survival, ``mean_z``, ``variance_z``
        (mean square), ``alert_high``, ``alert_low`` (nominal 0.025), ``alarm_high``, ``alarm_low`` (nominal 0.001),
        ``assessed`` (share with a z); over outliers: ``outlier_bias``, ``outlier_coverage``, ``power_alert``,
        ``power_alarm``; and ``national_bias`` of the method's national survival. ``nominal`` is NaN where there is
        none, ``n`` the number of provider-replicates (replicates for national_bias).

    Raises
    ------
    ValueError
        If replicates or workers is below 1.

    Examples
    --------
    >>> table = simulate(replicates=1, seed=1, scenarios=SCENARIOS[:1])
    >>> sorted(table["method"].unique())
    ['A', 'B', 'C', 'D', 'dropped', 'poisson', 'unadjusted']
    """
    if replicates < 1 or workers < 1:
        raise ValueError(f"replicates is {replicates} and workers is {workers}; both must be at least 1")
    jobs = [(scenario, seed, number) for scenario in scenarios for number in range(replicates * scenario.times)]
    results, left = [], Counter(scenario.name for scenario, *_ in jobs)
    for (scenario, *_), table in zip(jobs, _run_jobs(jobs, workers), strict=True):
        results.append(table)
        left[scenario.name] -= 1
        if not left[scenario.name]:
            done = sum(not number for number in left.values())
            progress(f"{done}/{len(left)} {scenario.name}")
    rows = pd.concat(results, ignore_index=True)
    pieces = []
    for (scenario, method), part in rows.groupby(["scenario", "method"], sort=False):
        pieces.append(_summarise(part).assign(scenario=scenario, method=method, by=ALL, group=""))
        if method in JUDGED:
            pieces.append(_summarise_classes(part).assign(scenario=scenario, method=method))
    columns = ["scenario", "method", "by", "group", "measure", "value", "lower", "upper", "nominal", "n"]
    return pd.concat(pieces, ignore_index=True)[columns]


def _run_jobs(jobs: list[tuple[StudyScenario, int, int]], workers: int) -> Iterator[pd.DataFrame]:
    """Yield what each replicate gives, in their order."""
    if workers == 1:
        yield from itertools.starmap(run_replicate, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(run_replicate, *zip(*jobs, strict=True), chunksize=4)


def run_replicate(scenario: StudyScenario, seed: int, number: int) -> pd.DataFrame:
    """Make one data set and apply every method.

    Parameters
    ----------
    scenario : Scenario
    seed, number : int
        Seed of the study and number of the replicate.

    Returns
    -------
    pandas.DataFrame
        One row per method and provider: ``scenario, replicate, method, provider, outlier, truth, expected, fewer,
        estimate, lower, upper, z, national, national_truth``.

    Examples
    --------
    >>> len(run_replicate(SCENARIOS[0], 1, 0))
    910
    """
    providers = make_providers(seed, few=scenario.few)
    rng = np.random.default_rng([seed, zlib.crc32(scenario.name.encode()), number])
    patients, truth = make_patients(providers, scenario, rng)
    apply = _apply_incomplete if scenario.missing else _apply_complete
    tables = apply(patients, scenario, rng)
    rows = []
    for method, table in tables.items():
        rows.append(table.merge(truth, on="provider").assign(method=method))
    return pd.concat(rows, ignore_index=True).assign(scenario=scenario.name, replicate=number)


def describe_first(scenario: StudyScenario, seed: int) -> dict[str, float]:
    """Return the mean z of each method in the first data set: another one is of other code, or of another library.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        Seed of the study.

    Returns
    -------
    dict of str to float
        Method -> mean z over the providers that have one, to six decimals.

    Examples
    --------
    >>> sorted(describe_first(SCENARIOS[6], 1))
    ['B', 'C', 'D']
    """
    rows = run_replicate(scenario, seed, 0)
    return {str(name): round(float(z), 6) for name, z in rows.groupby("method", sort=False)["z"].mean().items()}


def make_providers(seed: int, *, few: bool = False) -> pd.DataFrame:
    """Draw the providers: sizes and case mix, the same in every replicate of a study.

    Parameters
    ----------
    seed : int
    few : bool
        7 instead of 130.

    Returns
    -------
    pandas.DataFrame
        ``provider, size`` (12 to several hundred patients, median about 70), ``mix`` (mean of standardised age),
        ``recording`` (log odds of an item being missing, relative to the average).

    Examples
    --------
    >>> len(make_providers(1))
    130
    """
    rng, number = np.random.default_rng([seed, 0]), FEW_PROVIDERS if few else PROVIDERS
    size = np.maximum(12, np.round(np.exp(rng.normal(np.log(70), 0.6, number)))).astype(int)
    return pd.DataFrame(
        {
            "provider": np.arange(number),
            "size": size,
            "mix": rng.normal(0, 0.35, number),
            "recording": rng.normal(0, 0.6, number),
        }
    )


def make_patients(providers: pd.DataFrame, scenario: StudyScenario, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the patients of one data set, and the truth about its providers.

    Parameters
    ----------
    providers : pandas.DataFrame
        From :func:`make_providers`.
    scenario : Scenario
    rng : numpy.random.Generator

    Returns
    -------
    tuple of pandas.DataFrame
        Patients: ``provider, age, er, liver, fit, time, dead, potential`` (follow-up had they lived), with missing
        values when the scenario has them, and minor items when providers are few. Truth: ``provider, outlier, truth,
        national_truth``, ``expected`` (mean survival of its own patients, were it no outlier) and ``fewer`` (expected
        deaths or survivors, whichever are fewer).

    Examples
    --------
    >>> patients, truth = make_patients(make_providers(1), SCENARIOS[0], np.random.default_rng(1))
    >>> bool((patients["time"] <= patients["potential"]).all())
    True
    """
    unit = np.repeat(providers["provider"].to_numpy(), providers["size"])
    mix = providers["mix"].to_numpy()[unit]
    n = len(unit)
    x = np.column_stack(
        [
            rng.normal(mix, 1),
            rng.random(n) < 0.3,
            rng.random(n) < special.expit(-1.5 + mix),
            rng.random(n) < 0.2,
        ]
    ).astype(float)
    outlier = np.zeros(len(providers), dtype=bool)
    # half of the outliers small, half large: a stratified choice keeps power comparable between replicates
    ranked = np.argsort(providers["size"].to_numpy(), kind="stable")
    for half in np.array_split(ranked, 2):
        outlier[rng.choice(half, OUTLIERS // 2, replace=False)] = True
    if scenario.before == scenario.after == 1:
        outlier[:] = False
    minor = (rng.random((n, MINOR_ITEMS if scenario.few else 0)) < 0.3).astype(float)
    risk = np.exp(x @ BETA + MINOR_EFFECT * minor.sum(axis=1))
    death = _death_times(rng.exponential(size=n) / risk, outlier[unit], scenario)
    potential = rng.uniform(*scenario.follow_up, n)
    patients = pd.DataFrame(np.column_stack([x, minor]), columns=scenario.covariates).assign(
        provider=unit, time=np.minimum(death, potential), dead=death <= potential, potential=potential
    )
    usual, changed = np.exp(-_hazards(scenario)[0] * risk), np.exp(-_hazards(scenario)[1] * risk)
    size = np.bincount(unit)
    expected = np.bincount(unit, usual) / size
    truth = pd.DataFrame(
        {
            "provider": providers["provider"],
            "outlier": outlier,
            "expected": expected,
            "fewer": size * np.minimum(expected, 1 - expected),
            "truth": np.where(outlier, changed.mean(), usual.mean()),
            "national_truth": np.where(outlier[unit], changed, usual).mean(),
        }
    )
    if scenario.missing:
        odds = special.logit(scenario.missing) + providers["recording"].to_numpy()[unit]
        odds = odds + 0.5 * (patients["dead"].to_numpy() - 0.5) + 0.3 * x[:, 0]
        for name in INCOMPLETE:
            patients.loc[rng.random(n) < special.expit(odds), name] = np.nan
    return patients, truth


def _hazards(scenario: StudyScenario) -> tuple[float, float]:
    """Return the baseline cumulative hazard at the horizon, usual and of an outlier."""
    until, whole = RATE * scenario.change**SHAPE, RATE * scenario.horizon**SHAPE
    return whole, scenario.before * until + scenario.after * (whole - until)


def _death_times(target: np.ndarray, outlier: np.ndarray, scenario: StudyScenario) -> np.ndarray:
    """Invert the cumulative hazard: the time at which it reaches `target`."""
    until = RATE * scenario.change**SHAPE
    early = target <= scenario.before * until
    usual = np.where(early, target / scenario.before, until + (target - scenario.before * until) / scenario.after)
    return (np.where(outlier, usual, target) / RATE) ** (1 / SHAPE)


def _apply_complete(patients: pd.DataFrame, scenario: StudyScenario, rng) -> dict[str, pd.DataFrame]:
    used = _survival_methods([_adjusted(patients, scenario)])
    if scenario.only_used:
        return used
    horizon = scenario.horizon
    within = patients["time"] <= horizon
    outcome = patients.assign(died=(patients["dead"] & within).astype(int))
    eligible = outcome[outcome["potential"] >= horizon]  # by date, whatever happened
    followed = outcome[(outcome["time"] >= horizon) | outcome["dead"]]  # by outcome: the mistake
    binomial = _logistic(eligible)
    poisson = binomial.assign(z=(binomial["observed"] - binomial["expected"]) / np.sqrt(binomial["expected"]))
    return {
        "unadjusted": _unadjusted(patients, horizon),
        "dropped": _logistic(followed),
        "poisson": poisson,
        "A": binomial,
        **used,
    }


def _apply_incomplete(patients: pd.DataFrame, scenario: StudyScenario, rng) -> dict[str, pd.DataFrame]:
    completed = impute(
        patients.drop(columns="potential"),
        m=IMPUTATIONS,
        iterations=ROUNDS,
        seed=int(rng.integers(2**31)),
        cluster="provider",
        outcome=("time", "dead"),
    )
    imputed = _survival_methods([_adjusted(frame, scenario) for frame in completed])
    used = {f"{name} imputed": table for name, table in imputed.items()}
    if scenario.only_used:
        return used
    complete = _survival_methods([_adjusted(patients.dropna(), scenario)])
    named = {f"{name} complete": table for name, table in complete.items()}
    return {"unadjusted": _unadjusted(patients, scenario.horizon), **named, **used}


def _adjusted(patients: pd.DataFrame, scenario: StudyScenario) -> tuple[pd.DataFrame, float]:
    model = fit_expected(patients, duration="time", event="dead", covariates=scenario.covariates)
    table = risk_adjusted_survival(patients, model, provider="provider", at=scenario.horizon)
    return table, _national(patients, scenario.horizon)


def _survival_methods(results: list[tuple[pd.DataFrame, float]]) -> dict[str, pd.DataFrame]:
    """Return B, C and D; over several completed data sets, pooled by Rubin's rules on the scale of each method."""
    tables = [table for table, _ in results]
    national = results[0][1]
    first = tables[0][["provider"]].assign(national=national)
    error = np.mean([table["std_error"] for table in tables], axis=0)
    log_ratio = _stack(tables, lambda t: np.log(t["expected"]))
    expected = np.exp(log_ratio.mean(axis=0))
    limits = smr(tables[0]["observed"], expected)
    hazard = first.assign(
        estimate=national ** limits["ratio"],
        lower=national ** limits["upper"],
        upper=national ** limits["lower"],
        z=_pool_z(_stack(tables, lambda t: t["early_warning_z"])),
    )
    z = _pool_z(_stack(tables, lambda t: t["z"]))
    plain = _stack(tables, lambda t: t["z"])
    width = error * np.sqrt(_total_variance(plain))
    centre = national - plain.mean(axis=0) * error
    pseudo = first.assign(estimate=centre, lower=centre - 1.959964 * width, upper=centre + 1.959964 * width, z=z)
    value = _stack(tables, lambda t: _log_log(t["survival_adjusted"]))
    own = _stack(tables, lambda t: (_log_log(t["lower"]) - _log_log(t["upper"])) / (2 * 1.959964))
    error = np.sqrt((own**2).mean(axis=0) + _total_variance(value) - 1)
    middle = value.mean(axis=0)
    ratio = first.assign(
        estimate=np.exp(-np.exp(middle)),
        lower=np.exp(-np.exp(middle + 1.959964 * error)),
        upper=np.exp(-np.exp(middle - 1.959964 * error)),
        z=(middle - _log_log(national)) / error,
    )
    return {"B": hazard, "C": pseudo, "D": ratio}


def _stack(tables: list[pd.DataFrame], column) -> np.ndarray:
    return np.vstack([np.asarray(column(table), dtype=float) for table in tables])


def _total_variance(values: np.ndarray) -> np.ndarray:
    """Return 1 + (1 + 1/m) times the variance between completed data sets."""
    if len(values) == 1:
        return np.ones(values.shape[1])
    return 1 + (1 + 1 / len(values)) * values.var(axis=0, ddof=1)


def _pool_z(z: np.ndarray) -> np.ndarray:
    return z.mean(axis=0) / np.sqrt(_total_variance(z))


def _logistic(outcome: pd.DataFrame) -> pd.DataFrame:
    table = risk_adjusted_proportion(outcome, event="died", provider="provider", covariates=COVARIATES, minimum_n=1)
    return table.assign(
        estimate=1 - table["proportion_adjusted"],
        lower=1 - table["upper"],
        upper=1 - table["lower"],
        national=1 - outcome["died"].mean(),
    )


def _unadjusted(patients: pd.DataFrame, horizon: float) -> pd.DataFrame:
    national = _national(patients, horizon)
    units = kaplan_meier(patients["time"], patients["dead"], group=patients["provider"], at=horizon)
    inside = (units["survival"] > 0) & (units["survival"] < 1)
    curve = units["survival"].where(inside)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = units["std_error"] / np.abs(curve * np.log(curve))
        z = (_log_log(curve) - _log_log(national)) / error
    return pd.DataFrame(
        {
            "provider": units["group"],
            "estimate": units["survival"],
            "lower": units["lower"],
            "upper": units["upper"],
            "z": z,
            "national": national,
        }
    )


def _national(patients: pd.DataFrame, horizon: float) -> float:
    return float(kaplan_meier(patients["time"], patients["dead"], at=horizon)["survival"].iloc[0])


def _log_log(survival):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(-np.log(survival))


def _summarise(rows: pd.DataFrame) -> pd.DataFrame:
    usual, outliers = rows[~rows["outlier"]], rows[rows["outlier"]]
    measures = [*_describe_error(usual, ""), *_describe_z(usual)]
    if len(outliers):
        measures += _describe_error(outliers, "outlier_")
        for name, tail in zip(("power_alert", "power_alarm"), TAILS, strict=True):
            measures.append(_rate(name, outliers["z"].dropna() > special.ndtri(1 - tail)))
    once = rows.groupby("replicate")[["national", "national_truth"]].first()
    measures.append(_mean("national_bias", once["national"] - once["national_truth"], once.index, 0.0))
    return pd.DataFrame(measures, columns=["measure", "value", "lower", "upper", "nominal", "n"])


def _summarise_classes(rows: pd.DataFrame) -> pd.DataFrame:
    """Describe z by class of provider: fifths of expected survival where there are many, and sizes."""
    usual = rows[~rows["outlier"]]
    typical = usual.groupby("provider")[["expected", "fewer"]].mean()
    classes = {BY_SIZE: pd.cut(typical["fewer"], [*SIZES.values(), np.inf], right=False, labels=list(SIZES))}
    if len(typical) >= 5 * len(FIFTHS):
        classes[BY_EXPECTED] = pd.qcut(typical["expected"], len(FIFTHS), labels=list(FIFTHS))
    pieces = []
    for by, labels in classes.items():
        for group, part in usual.groupby(usual["provider"].map(labels), observed=True):
            described = [row for row in _describe_z(part) if row[0] not in ("mean_z", "assessed")]
            table = pd.DataFrame(described, columns=["measure", "value", "lower", "upper", "nominal", "n"])
            pieces.append(table.assign(by=by, group=str(group)))
    return pd.concat(pieces, ignore_index=True)


def _describe_error(rows: pd.DataFrame, prefix: str) -> list[tuple]:
    known = rows[rows["estimate"].notna() & rows["lower"].notna() & rows["upper"].notna()]
    covered = (known["lower"] <= known["truth"]) & (known["truth"] <= known["upper"])
    bias = _mean(f"{prefix}bias", known["estimate"] - known["truth"], known["replicate"], 0.0)
    return [bias, _rate(f"{prefix}coverage", covered, 0.95)]


def _describe_z(rows: pd.DataFrame) -> list[tuple]:
    known = rows[rows["z"].notna()]
    z = known["z"]
    measures = [_mean("mean_z", z, known["replicate"], 0.0), _mean("variance_z", z**2, known["replicate"], 1.0)]
    for name, tail in zip(("alert", "alarm"), TAILS, strict=True):
        limit = special.ndtri(1 - tail)
        measures += [_rate(f"{name}_high", z > limit, tail), _rate(f"{name}_low", z < -limit, tail)]
    return [*measures, _rate("assessed", rows["z"].notna())]


def _rate(name: str, happened: pd.Series, nominal: float = np.nan) -> tuple:
    row = wilson(int(happened.sum()), len(happened)).iloc[0]
    return (name, row["estimate"], row["lower"], row["upper"], nominal, len(happened))


def _mean(name: str, values: pd.Series, replicate, nominal: float) -> tuple:
    # providers of one data set share its national estimate: the replicate is the unit of Monte Carlo error
    means = values.groupby(np.asarray(replicate)).mean()
    half = 1.959964 * means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else np.nan
    return (name, means.mean(), means.mean() - half, means.mean() + half, nominal, len(values))
