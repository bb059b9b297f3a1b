"""Capture-recapture: how many people no source saw.

How often sources see the same people says something about those whom none of them saw. It says it under assumptions
that records often break, so every function here says when not to believe it.
"""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from naome.stats.inputs import normal_quantile

__all__ = ["CaptureScenario", "PopulationEstimate", "chapman", "loglinear_population", "simulate_capture"]

UNBELIEVABLE_SE = 3.0


FEW_SHARED = 10


@dataclass(frozen=True)
class PopulationEstimate:
    """How many people there are in all.

    Attributes
    ----------
    observed : int
        People at least one source saw.
    population, lower, upper : float
        Estimate of all people, with its interval; never below ``observed``.
    method : str
    warning : str
        Why not to believe it, or an empty text.
    models : DataFrame
        The log-linear models: ``model, aic, weight, hidden, lower, upper``; empty for two sources.
    """

    observed: int
    population: float
    lower: float
    upper: float
    method: str
    warning: str
    models: pd.DataFrame


def chapman(n1: int, n2: int, m: int, conf_level: float = 0.95) -> PopulationEstimate:
    """Estimate a population from two sources (Chapman 1951, Lincoln-Petersen without its small-sample bias).

    Assumes that people do not enter or leave, that records are linked without
    error, that the sources see people independently of each other, and that at
    least one of them sees everyone with the same probability. **Do not believe
    it** when one source leads to the other (somebody admitted is more likely to be
    reported): the estimate is then too low, and how much cannot be seen from two
    sources.

    Parameters
    ----------
    n1, n2 : int
        People seen by the first and by the second source.
    m : int
        People seen by both; may be 0, when the estimate is finite but worthless.
    conf_level : float
        Of the interval, log-normal for the number nobody saw (Chao 1989), so that its lower limit is never
        below the number seen. Where one source saw nobody but people of the other the estimate is that of the other and
        the variance 0, which is no certainty: the upper limit is then exact, from the Clopper-Pearson limit of the
        share that the larger source sees, m out of m; infinite for m = 0.

    Returns
    -------
    PopulationEstimate

    Raises
    ------
    ValueError
        If counts are missing, negative or not whole, or `m` exceeds `n1` or `n2`.

    Examples
    --------
    >>> round(chapman(200, 150, 60).population)
    497
    """
    normal_quantile(conf_level)  # refuses a level that is not one
    if not _are_counts(np.array([n1, n2, m], dtype=float)).all() or m > min(n1, n2):
        raise ValueError(f"n1={n1}, n2={n2}, m={m}: counts must be whole numbers, 0 or more, and m at most n1 and n2")
    observed = n1 + n2 - m
    population = (n1 + 1) * (n2 + 1) / (m + 1) - 1
    variance = (n1 + 1) * (n2 + 1) * (n1 - m) * (n2 - m) / ((m + 1) ** 2 * (m + 2))
    lower, upper = _hidden_interval(population - observed, np.sqrt(variance), conf_level)
    method = "chapman, log-normal interval"
    if m == min(n1, n2):
        method = "chapman, exact upper limit"
        upper = max(n1, n2) * (((1 - conf_level) / 2) ** (-1 / m) - 1) if m else np.inf
    warning = f"fewer than {FEW_SHARED} people were identified by both sources" if m < FEW_SHARED else ""
    return PopulationEstimate(
        observed,
        population,
        observed + lower,
        observed + upper,
        method,
        warning,
        pd.DataFrame(),
    )


def loglinear_population(
    counts: pd.DataFrame, sources: tuple[str, ...], conf_level: float = 0.95
) -> PopulationEstimate:
    """Estimate a population from three sources or more, allowing pairs of sources to depend on each other.

    Fits Poisson log-linear models to the counts of the combinations of sources:
    main effects of all sources and every subset of the interactions between pairs.
    The interaction of all sources at once cannot be estimated and is assumed to be
    none: this is the assumption that cannot be checked. The estimates of the number
    nobody saw (``exp`` of the intercept) are averaged on the log scale with AIC
    weights; the interval adds the spread between models to that within them
    (Burnham and Anderson 2002, section 4.3).

    **Do not believe it** when combinations are sparse (models that do not converge
    or whose standard error of the logarithm exceeds 3 are left out, and a warning
    says so), when some people cannot be seen by any source (they are missing from
    the estimate as well), or when some are harder to see for all sources (too low).
    Death sees only those who died: without it, or with it, compare.

    Parameters
    ----------
    counts : DataFrame
        Boolean column per source and ``people``. People whom none of `sources` saw are left out. Combinations
        that are absent count zero; other boolean columns are summed over.
    sources : tuple of str
        Three or more; sources that saw nobody must be left out by the caller.
    conf_level : float

    Returns
    -------
    PopulationEstimate

    Raises
    ------
    ValueError
        For fewer than three sources, a source that saw nobody, or people that are no count.

    Examples
    --------
    >>> import itertools
    >>> cells = [c for c in itertools.product([True, False], repeat=3) if any(c)]
    >>> counts = pd.DataFrame(cells, columns=["a", "b", "c"]).assign(people=50)
    >>> round(loglinear_population(counts, ("a", "b", "c")).observed)
    350
    """
    z = normal_quantile(conf_level)
    seen, people = _cells(counts, sources)
    observed = int(people.sum())
    fits, failed = [], 0
    pairs = list(itertools.combinations(range(len(sources)), 2))
    # With three sources all three pairs fill the table, with more sources there is room to spare
    for size in range(len(pairs) + 1):
        for chosen in itertools.combinations(pairs, size):
            fit = _fit(seen, people, sources, chosen)
            failed += fit is None
            fits += [] if fit is None else [fit]
    if not fits:
        nothing = (float("nan"),) * 3
        return PopulationEstimate(observed, *nothing, "log-linear", "no model can be estimated", pd.DataFrame())
    models = pd.DataFrame(fits, columns=["model", "aic", "log_hidden", "se"])
    weight = np.exp(-0.5 * (models["aic"] - models["aic"].min()))
    models["weight"] = weight / weight.sum()
    mean = float((models["weight"] * models["log_hidden"]).sum())
    spread = np.sqrt(models["se"] ** 2 + (models["log_hidden"] - mean) ** 2)
    se = float((models["weight"] * spread).sum())
    models["hidden"] = np.exp(models["log_hidden"])
    models["lower"] = np.exp(models["log_hidden"] - z * models["se"])
    models["upper"] = np.exp(models["log_hidden"] + z * models["se"])
    total = len(models) + failed
    warning = f"{failed} of {total} models could not be estimated: combinations are sparse" if failed else ""
    population, lower, upper = (observed + float(np.exp(mean + sign * z * se)) for sign in (0, -1, 1))
    return PopulationEstimate(
        observed,
        population,
        lower,
        upper,
        "log-linear, AIC-weighted over pairwise dependence",
        warning,
        models[["model", "aic", "weight", "hidden", "lower", "upper"]].sort_values("aic", ignore_index=True),
    )


def _hidden_interval(hidden: float, se: float, conf_level: float) -> tuple[float, float]:
    if hidden <= 0:
        return 0.0, 0.0
    factor = np.exp(ndtri(0.5 + conf_level / 2) * np.sqrt(np.log1p((se / hidden) ** 2)))
    return float(hidden / factor), float(hidden * factor)


def _are_counts(values: np.ndarray) -> np.ndarray:
    """Return which values are whole numbers, 0 or more."""
    return np.isfinite(values) & (values >= 0) & (values == np.floor(values))


def _cells(counts: pd.DataFrame, sources: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return every combination of sources that saw somebody, shape (k, sources), and how many people it has."""
    if len(sources) < 3:
        raise ValueError(
            f"log-linear models need three sources or more; there are {len(sources)}: {', '.join(sources)}"
        )
    # The last combination, which is not one of these: people that only a source left out of `sources` saw
    seen = np.array(list(itertools.product([True, False], repeat=len(sources))))[:-1]
    place = ~counts[list(sources)].to_numpy(dtype=bool) @ (2 ** np.arange(len(sources))[::-1])
    numbers = counts["people"].to_numpy(dtype=float, na_value=np.nan)
    wrong = ~_are_counts(numbers)
    if wrong.any():
        raise ValueError(f"people[{int(np.argmax(wrong))}] is {numbers[wrong][0]:g}; allowed: whole numbers, 0 or more")
    people = np.bincount(place, numbers, len(seen) + 1)[:-1]
    silent = [name for name, by in zip(sources, seen.T, strict=True) if people[by].sum() == 0]
    if silent:
        raise ValueError(f"no one was identified by {', '.join(silent)}; exclude the source")
    return seen, people


def _fit(seen: np.ndarray, people: np.ndarray, sources: tuple[str, ...], pairs: tuple[tuple[int, int], ...]):
    """Fit one model; None when it cannot be estimated."""
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

    both = [seen[:, a] & seen[:, b] for a, b in pairs]
    # An interaction nobody shows has no finite estimate
    if any(people[shown].sum() == 0 for shown in both):
        return None
    design = np.column_stack([np.ones(len(seen)), seen, *both])
    with warnings.catch_warnings():
        for category in (RuntimeWarning, ConvergenceWarning, PerfectSeparationWarning):  # its result is checked below
            warnings.simplefilter("ignore", category)
        fit = sm.GLM(people, design, family=sm.families.Poisson()).fit()
    log_hidden, se = float(fit.params[0]), float(fit.bse[0])
    if not (fit.converged and np.isfinite(log_hidden) and np.isfinite(se) and se < UNBELIEVABLE_SE):
        return None
    name = " + ".join(f"{sources[a]}*{sources[b]}" for a, b in pairs) or "independent"
    # The Poisson error of the unseen number itself comes on top of that of its expectation
    return name, float(fit.aic), log_hidden, float(np.hypot(se, np.exp(-log_hidden / 2)))


@dataclass(frozen=True)
class CaptureScenario:
    """A truth to simulate: classes of people and how often each source sees them.

    Attributes
    ----------
    name : str
    shares : tuple of float
        Share of people in each class; sums to 1.
    probabilities : tuple of tuple of float
        Per class, the probability of being seen by each source.
    odds_ratio : float
        Odds ratio of being seen by the second source when the first saw the person; 1 is independence.
    """

    name: str
    shares: tuple[float, ...]
    probabilities: tuple[tuple[float, ...], ...]
    odds_ratio: float = 1.0


CAPTURE_SCENARIOS = (
    CaptureScenario("independent sources", (1.0,), ((0.55, 0.35, 0.3),)),
    CaptureScenario(
        "positive dependence of the second source on the first (odds ratio 4)", (1.0,), ((0.55, 0.35, 0.3),), 4.0
    ),
    CaptureScenario(
        "negative dependence of the second source on the first (odds ratio 1/4)", (1.0,), ((0.55, 0.35, 0.3),), 0.25
    ),
    CaptureScenario(
        "a third of people with a low probability of identification by any source",
        (0.67, 0.33),
        ((0.7, 0.45, 0.4), (0.1, 0.05, 0.05)),
    ),
    CaptureScenario(
        "a fifth of people who cannot be identified by any source", (0.8, 0.2), ((0.55, 0.35, 0.3), (0.0, 0.0, 0.0))
    ),
)


def simulate_capture(
    scenarios: tuple[CaptureScenario, ...] = CAPTURE_SCENARIOS,
    *,
    people: int = 5000,
    repetitions: int = 200,
    seed: int = 1,
) -> pd.DataFrame:
    """Simulate the estimators on a known truth: how biased they are, and how often the interval holds it.

    Parameters
    ----------
    scenarios : tuple of Scenario
    people : int
        True population.
    repetitions : int
        Simulated data sets per scenario.

    Returns
    -------
    DataFrame
        ``scenario, method, truth, mean_estimate, bias, coverage, estimated``; ``bias`` is relative to the truth,
        ``coverage`` the share of 95% intervals that hold it, ``estimated`` the share of data sets with an estimate.

    Examples
    --------
    >>> found = simulate_capture(CAPTURE_SCENARIOS[:1], repetitions=20).set_index("method")
    >>> bool(abs(found.loc["log-linear", "bias"]) < 0.05)
    True
    """
    rng = np.random.default_rng(seed)
    rows = []
    for scenario in scenarios:
        sources = tuple("abcdefgh"[: len(scenario.probabilities[0])])
        cells, chances = _cell_probabilities(scenario)
        tables = rng.multinomial(people, chances, size=repetitions)
        results: dict[str, list[PopulationEstimate]] = {"chapman": [], "log-linear": []}
        for table in tables:
            counts = pd.DataFrame(cells, columns=list(sources)).assign(people=table)
            counts = counts[counts[list(sources)].any(axis=1)]
            first, second = counts[sources[0]], counts[sources[1]]
            n = [int(counts.loc[mask, "people"].sum()) for mask in (first, second, first & second)]
            results["chapman"].append(chapman(*n))
            results["log-linear"].append(loglinear_population(counts, sources))
        for method, estimates in results.items():
            values = np.array([(e.population, e.lower, e.upper) for e in estimates])
            good = np.isfinite(values[:, 0])
            mean = float(values[good, 0].mean()) if good.any() else float("nan")
            held = (values[good, 1] <= people) & (people <= values[good, 2])
            rows.append(
                (scenario.name, method, people, mean, mean / people - 1, float(held.mean()), float(good.mean()))
            )
    return pd.DataFrame(rows, columns=["scenario", "method", "truth", "mean_estimate", "bias", "coverage", "estimated"])


def _cell_probabilities(scenario: CaptureScenario) -> tuple[list[tuple[bool, ...]], np.ndarray]:
    cells = list(itertools.product([True, False], repeat=len(scenario.probabilities[0])))
    chances = np.zeros(len(cells))
    for share, chance in zip(scenario.shares, scenario.probabilities, strict=True):
        odds = scenario.odds_ratio * chance[1] / (1 - chance[1])
        raised = odds / (1 + odds)
        for number, cell in enumerate(cells):
            given = [raised if source == 1 and cell[0] else p for source, p in enumerate(chance)]
            chances[number] += share * np.prod([p if seen else 1 - p for p, seen in zip(given, cell, strict=True)])
    return cells, chances
