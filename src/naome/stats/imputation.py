"""Multiple imputation by chained equations.

Each incomplete column is imputed in turn from the others by a draw from (an approximation to) its posterior predictive
distribution: normal linear regression for numbers, logistic regression for two levels, proportional odds for ordered
levels, multinomial logistic regression for others. A factor is imputed as a whole, so impossible combinations
of its indicators cannot arise. The outcome enters through the event indicator and the Nelson-Aalen cumulative hazard
(White & Royston 2009 Stat Med 28:1982); neither the outcome nor the provider is ever imputed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg, special

from naome.stats.inputs import check_survival
from naome.stats.level_models import fit_multinomial, fit_ordered, multinomial_probabilities, ordered_probabilities

__all__ = ["impute", "nelson_aalen", "plan_imputation"]

# Coefficients of standardised predictors get a normal prior with this standard deviation in the models of levels. It
# is far wider than any believable log odds ratio, but keeps every bootstrap fit finite when a level separates the data.
PRIOR_SD = 5.0
PENALTY = 0.5 / PRIOR_SD**2
# A bootstrap fit ends when a step adds less than this share of the log likelihood: coefficients are then right to a
# hundredth of their standard error and better, and what they are drawn for is the error itself
CLOSE = 1e-5
RECORDED_PER_PARAMETER = 10
RECORDING_PROVIDERS = 5
# What pandas calls numbers in a column without a type of its own
NUMBERS_AS_OBJECTS = ("integer", "floating", "mixed-integer-float", "decimal")
IMPUTATION_MODELS = ("normal", "logistic", "ordered", "multinomial")


def impute(
    frame: pd.DataFrame,
    *,
    m: int,
    iterations: int,
    seed: int,
    methods: Mapping[str, str] | None = None,
    exclude=(),
    cluster: str | None = None,
    outcome: tuple[str, str] | None = None,
    delta: Mapping | None = None,
) -> list[pd.DataFrame]:
    """Complete a frame m times by chained equations.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per person. Columns are numbers, booleans, text or categories; missing values are NaN, None or NA.
    m : int
        Number of completed frames, >= 1; see :func:`imputations_needed`.
    iterations : int
        Rounds of the chain before a completed frame is taken, >= 1; 10 is usual.
    seed : int
        Chain k depends on (seed, k) only: asking for more imputations leaves the first ones as they were.
    methods : dict, optional
        Column -> "normal", "logistic", "ordered" or "multinomial". Default by content: two distinct values logistic,
        other numbers normal, ordered categories ordered, other text or categories multinomial. Make an integer code
        (deprivation fifth) an ordered category unless fractions are acceptable.
    exclude : sequence of str
        Columns carried through untouched and not used (identifiers, dates).
    cluster : str, optional
        The provider's column. Each incomplete column's model gets a predictor: the provider's mean of that column over
        its other patients with a recorded value, shrunk towards the overall mean by the estimated ratio of variance
        within to between providers (log odds for levels without an order), so that differences between providers
        survive. The provider's means of the other columns, shrunk likewise, are predictors too: a mean of few recorded
        values is drawn far towards the overall mean, and the rest of the provider's case mix makes up for it. See
        :func:`plan_imputation` for when they are not used.
    outcome : (str, str), optional
        Names of the duration and event columns. The event and the Nelson-Aalen hazard at the duration are predictors;
        the duration itself is not.
    delta : dict, optional
        Sensitivity to values not missing at random. Column -> shift of the imputed values: in units of the column for
        normal, in log odds of the second level for logistic; for more levels a dict level -> shift in log odds.

    Returns
    -------
    list of pandas.DataFrame
        m copies with the incomplete columns filled in; same index, columns, order and, where possible, types.

    Raises
    ------
    ValueError
        If the outcome or the provider has missing values, a column cannot be used (dates, nothing observed, more levels
        than half of the recorded people), or a name is unknown.

    Warns
    -----
    UserWarning
        If a column with gaps has one recorded value: its gaps are filled with that value, in every data set.

    Notes
    -----
    van Buuren (2018) Flexible Imputation of Missing Data, ch. 4, and ch. 7 for providers' means as predictors; White,
    Royston & Wood (2011) Stat Med 30:377. Columns are visited in order of increasing missingness. Predictors are
    limited by the number of recorded people: :func:`plan_imputation`.

    Parameters of models of levels are drawn by the Bayesian bootstrap (Rubin 1981 Ann Stat 9:130) of a penalised fit:
    random weights for the people, then the fit. The normal approximation to the posterior fails where levels are
    nearly determined by a predictor (White, Daniel & Royston 2010 Comput Stat Data Anal 54:2267): draws from it are so
    wild that associations are lost. As every person keeps some weight, no level is lost, and levels with few people
    need no data augmentation.

    An ordered column has proportional odds given its predictors, but a coefficient for every level of the event and
    the cumulative hazard (:func:`naome.stats.level_models.fit_ordered`). By Bayes' theorem that is what a Cox model
    with a hazard ratio for every level implies; with one slope for the outcome too, the imputed values would impose a
    shape on the hazard ratios.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, None, 4.0, 5.5, 6.0], "y": [1.1, 2.3, 3.2, 3.9, 5.1, 6.2]})
    >>> [int(done["x"].isna().sum()) for done in impute(frame, m=2, iterations=5, seed=1)]
    [0, 0]
    """
    if m < 1 or iterations < 1 or int(m) != m or int(iterations) != iterations:
        raise ValueError(f"m is {m} and iterations is {iterations}; both must be whole numbers of at least 1")
    m, iterations = int(m), int(iterations)
    _check_names(frame, methods, exclude, cluster, outcome, delta)
    frame, constant = _fill_constants(
        frame, {*exclude, *([cluster] if cluster else []), *(outcome or ()), *(delta or {})}
    )
    for name, value in constant.items():
        warnings.warn(f"column {name!r}: the only recorded value, {value!r}, is filled in for its gaps", stacklevel=2)
    columns = _read_columns(frame, methods or {}, exclude, cluster, outcome, delta or {})
    fixed = _outcome_predictors(frame, outcome)
    codes = np.zeros(len(frame), dtype=int) if cluster is None else pd.factorize(frame[cluster])[0]
    plans = _plan(columns, codes, len(fixed))
    means = {plan.column.name: _cluster_predictors(plan, columns, codes) for plan in plans}
    completed = []
    for chain in range(m):
        values = _run_chain(columns, plans, fixed, means, iterations, np.random.default_rng([seed, chain]))
        filled = frame.copy()
        for column in (plan.column for plan in plans):
            filled[column.name] = column.restore(frame[column.name], values[column.name])
        completed.append(filled)
    return completed


def plan_imputation(
    frame: pd.DataFrame,
    *,
    methods: Mapping[str, str] | None = None,
    exclude=(),
    cluster: str | None = None,
    outcome: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """Say by which model each incomplete column is imputed, and which predictors are left aside.

    Parameters
    ----------
    frame, methods, exclude, cluster, outcome
        As :func:`impute`, which uses these models.

    Returns
    -------
    pandas.DataFrame
        One row per incomplete column, in the order of imputation: ``column, method, recorded`` (people),
        ``parameters`` of its model, ``used`` and ``left_aside`` (tuples of columns), ``cluster`` (whether the
        provider's mean is a predictor), ``means`` (other columns of which the provider's mean is one). A column with
        one recorded value has no model and no row.

    Raises
    ------
    ValueError
        As :func:`impute`.

    Notes
    -----
    A model has at least ``RECORDED_PER_PARAMETER`` recorded people for each of its parameters (thresholds, intercepts
    and coefficients), so far as the outcome and the provider, which always stay, allow. Other predictors are taken
    in the order of their largest correlation with the column, among people with both recorded; one that no longer
    fits is left aside and the next is tried. Last come the provider's means of the other columns. A provider's mean
    needs ``RECORDING_PROVIDERS`` providers with a recorded value: from one or two it is a function of the person's own
    value.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": np.arange(40.0), "y": [0.0, 1.0, 1.0, None] * 10})
    >>> plan_imputation(frame)[["method", "recorded", "parameters", "used"]].values.tolist()
    [['logistic', 30, 2, ('x',)]]
    """
    _check_names(frame, methods, exclude, cluster, outcome, None)
    frame, _ = _fill_constants(frame, {*exclude, *([cluster] if cluster else []), *(outcome or ())})
    columns = _read_columns(frame, methods or {}, exclude, cluster, outcome, {})
    codes = np.zeros(len(frame), dtype=int) if cluster is None else pd.factorize(frame[cluster])[0]
    fixed = 0 if outcome is None else 2
    rows = [
        {
            "column": plan.column.name,
            "method": plan.column.method,
            "recorded": int((~plan.column.missing).sum()),
            "parameters": plan.parameters,
            "used": plan.used,
            "left_aside": plan.left_aside,
            "cluster": plan.cluster,
            "means": plan.means,
        }
        for plan in _plan(columns, codes, fixed)
    ]
    names = ["column", "method", "recorded", "parameters", "used", "left_aside", "cluster", "means"]
    return pd.DataFrame(rows, columns=names)


def nelson_aalen(duration, event) -> np.ndarray:
    """Compute the Nelson-Aalen cumulative hazard at each person's own duration.

    Parameters
    ----------
    duration, event : array, shape (n,)
        As in :func:`naome.stats.kaplan_meier.kaplan_meier`.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Sum of deaths / at risk over death times up to and including T_i.

    Raises
    ------
    ValueError
        Naming the position and value of a missing or negative duration or an event that is not 0/1.

    Notes
    -----
    Nelson (1972), Aalen (1978). R's ``mice::nelsonaalen`` takes the Efron form at tied deaths, a little larger.

    Examples
    --------
    >>> nelson_aalen([1, 2, 3], [1, 0, 1]).round(4).tolist()
    [0.3333, 0.3333, 1.3333]
    """
    duration, event, _ = check_survival(duration, event)
    times, position = np.unique(duration, return_inverse=True)
    n_risk = len(duration) - np.r_[0, np.cumsum(np.bincount(position))[:-1]]
    deaths = np.bincount(position[event], minlength=len(times))
    return np.cumsum(deaths / n_risk)[position]


@dataclass(frozen=True, eq=False)
class _Column:
    name: str
    method: str
    levels: tuple  # () for normal
    values: np.ndarray  # numbers less `centre` in units of `unit`, or level codes as float; arbitrary where missing
    missing: np.ndarray
    shift: np.ndarray  # one number for normal (in units of `unit`) and logistic, one per level for more levels
    centre: float = 0.0
    unit: float = 1.0

    def predictors(self, values: np.ndarray) -> np.ndarray:
        if len(self.levels) > 2:
            return (values[:, None] == np.arange(1, len(self.levels))[None, :]).astype(float)
        return values[:, None]

    def target(self, values: np.ndarray) -> np.ndarray:
        """Return the column as one that others predict: a number, the position of a level, or one column a level."""
        return self.predictors(values) if self.method == "multinomial" else values[:, None]

    def restore(self, original: pd.Series, values: np.ndarray) -> pd.Series:
        filled = original.copy()
        if self.levels:
            labels = np.array(self.levels, dtype=object)[values[self.missing].astype(int)]
            if filled.dtype == object:
                filled = filled.where(~filled.isna(), None)
            replacement = pd.Series(labels, index=original.index[self.missing]).astype(filled.dtype)
        else:
            if not pd.api.types.is_float_dtype(filled.dtype):
                filled = filled.astype(float)
            numbers = self.centre + self.unit * values[self.missing]
            replacement = pd.Series(numbers, index=original.index[self.missing]).astype(filled.dtype)
        result = filled.reset_index(drop=True)
        result[np.flatnonzero(self.missing)] = replacement.to_numpy()
        result.index = original.index
        only_bool = self.levels and all(isinstance(level, (bool, np.bool_)) for level in self.levels)
        return result.astype(bool) if only_bool and result.dtype == object else result


@dataclass(frozen=True, eq=False)
class _Plan:
    column: _Column
    used: tuple  # columns that predict it, in the order of the frame
    left_aside: tuple
    cluster: bool
    means: tuple  # other columns of which the provider's mean predicts it
    parameters: int
    n_fixed: int  # columns of the outcome, the first predictors


def _plan(columns: list[_Column], codes: np.ndarray, n_fixed: int) -> list[_Plan]:
    """Choose the predictors of every incomplete column; see :func:`plan_imputation`."""
    incomplete = sorted((c for c in columns if c.missing.any()), key=lambda c: (c.missing.sum(), columns.index(c)))
    plans = []
    for column in incomplete:
        recorded = ~column.missing
        cluster = _count_recording(column, codes) >= RECORDING_PROVIDERS
        steps = max(len(column.levels) - 1, 1)
        each_costs = 1 if column.method == "ordered" else steps
        own = column.target(column.values).shape[1] if cluster else 0
        parameters = steps * (1 + n_fixed) + each_costs * own
        allowed = recorded.sum() / RECORDED_PER_PARAMETER
        others = [each for each in columns if each is not column]
        strength = [-_relate(column, each) for each in others]
        by_strength = [others[place] for place in np.argsort(strength, kind="stable")]
        recording = [each for each in by_strength if cluster and _count_recording(each, codes) >= RECORDING_PROVIDERS]
        used: set = set()
        means: set = set()
        for chosen, each in [*((used, each) for each in by_strength), *((means, each) for each in recording)]:
            cost = each_costs * each.predictors(each.values).shape[1]
            if parameters + cost <= allowed:
                chosen.add(each.name)
                parameters += cost
        names = [each.name for each in others]
        plans.append(
            _Plan(
                column,
                tuple(name for name in names if name in used),
                tuple(name for name in names if name not in used),
                cluster,
                tuple(name for name in names if name in means),
                parameters,
                n_fixed,
            )
        )
    return plans


def _count_recording(column: _Column, codes: np.ndarray) -> int:
    return len(np.unique(codes[~column.missing]))


def _relate(column: _Column, other: _Column) -> float:
    """Return the largest correlation, regardless of sign, of two columns among people with both recorded."""
    both = ~column.missing & ~other.missing
    if both.sum() < 3:
        return 0.0
    sides = []
    for values in (column.target(column.values)[both], other.predictors(other.values)[both]):
        spread = values.std(axis=0)
        varies = spread > 1e-12
        sides.append((values[:, varies] - values[:, varies].mean(axis=0)) / spread[varies])
    return float(np.abs(sides[0].T @ sides[1] / both.sum()).max(initial=0.0))


def _run_chain(columns, plans, fixed, means, iterations: int, rng) -> dict[str, np.ndarray]:
    values = {}
    for column in columns:
        current = column.values.copy()
        if column.missing.any():
            current[column.missing] = rng.choice(column.values[~column.missing], column.missing.sum())
        values[column.name] = current
    known = {column.name: column for column in columns}
    starts: dict[str, np.ndarray] = {}
    for _ in range(iterations):
        for plan in plans:
            column = plan.column
            others = [known[name].predictors(values[name]) for name in plan.used]
            stacked = np.column_stack([_nothing(column), *fixed, *others, *means[column.name]])
            x = _standardise(stacked, ~column.missing)
            y, start = column.values[~column.missing], starts.get(column.name)
            draw = {"normal": _draw_normal, "ordered": _draw_ordered}.get(column.method, _draw_multinomial)
            new, mode = draw(x[~column.missing], y, x[column.missing], plan, start, rng)
            values[column.name][column.missing] = new
            starts[column.name] = mode
    return values


def _nothing(column: _Column) -> np.ndarray:
    """Return no columns: what is stacked with others, so that a model without predictors is one too."""
    return np.zeros((len(column.values), 0))


def _draw_normal(x, y, x_missing, plan: _Plan, start, rng):
    x, x_missing = (np.column_stack([np.ones(len(each)), each]) for each in (x, x_missing))
    information = x.T @ x
    # as mice: a trace of ridge keeps collinear predictors harmless
    information = information + np.diag(np.maximum(1e-5 * np.diag(information), 1e-5))
    factor = linalg.cholesky(information, lower=True)
    coef = linalg.cho_solve((factor, True), x.T @ y)
    df = max(len(y) - x.shape[1], 1)
    sigma = math.sqrt(((y - x @ coef) ** 2).sum() / rng.chisquare(df))
    drawn = coef + sigma * linalg.solve_triangular(factor.T, rng.standard_normal(len(coef)))
    return x_missing @ drawn + sigma * rng.standard_normal(len(x_missing)) + plan.column.shift[0], coef


def _draw_multinomial(x, y, x_missing, plan: _Plan, start, rng):
    n_levels, weights = len(plan.column.levels), _draw_weights(len(y), rng)
    drawn = fit_multinomial(x, y, n_levels, weights=weights, penalty=PENALTY, start=start, gain=CLOSE)
    return _draw_positions(multinomial_probabilities(x_missing, drawn, n_levels), plan.column.shift, rng), drawn


def _draw_ordered(x, y, x_missing, plan: _Plan, start, rng):
    n_levels, weights = len(plan.column.levels), _draw_weights(len(y), rng)
    # the outcome stands first: what survival makes of the item is free, level by level, as in the case-mix model
    tilt, rest = x[:, : plan.n_fixed], x[:, plan.n_fixed :]
    drawn = fit_ordered(rest, tilt, y, n_levels, weights=weights, penalty=PENALTY, start=start, gain=CLOSE)
    tilt, rest = x_missing[:, : plan.n_fixed], x_missing[:, plan.n_fixed :]
    return _draw_positions(ordered_probabilities(rest, tilt, drawn, n_levels), plan.column.shift, rng), drawn


def _draw_weights(n: int, rng) -> np.ndarray:
    """Draw the weights of a Bayesian bootstrap, with mean 1."""
    weights = rng.standard_exponential(n)
    return weights / weights.mean()


def _draw_positions(probability: np.ndarray, shift: np.ndarray, rng) -> np.ndarray:
    # two levels have one shift, the log odds of the second
    shift = np.r_[0.0, shift] if len(shift) < probability.shape[1] else shift
    if shift.any():
        probability = probability * np.exp(shift - shift.max())
        probability = probability / probability.sum(axis=1, keepdims=True)
    # the last cumulative sum may be 1 - 1e-16; comparing all but the last cannot run past the end
    cumulative = probability.cumsum(axis=1)[:, :-1]
    return (rng.random(len(probability))[:, None] > cumulative).sum(axis=1).astype(float)


def _standardise(predictors: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Centre and scale on the rows used for fitting; what does not vary there is zero."""
    centre, spread = predictors[observed].mean(axis=0), predictors[observed].std(axis=0)
    # a predictor that is constant where the column is observed cannot be estimated; keep it at zero, so that shapes
    # stay the same from round to round and starting values fit; the prior (or ridge) keeps its coefficient at zero
    varies = spread > 1e-12
    scaled = np.where(varies, (predictors - centre) / np.where(varies, spread, 1.0), 0.0)
    scaled[:, ~varies] = 0.0
    return scaled


def _outcome_predictors(frame: pd.DataFrame, outcome) -> list[np.ndarray]:
    if outcome is None:
        return []
    duration, event = outcome
    died = check_survival(frame[duration], frame[event])[1]
    return [died.astype(float)[:, None], nelson_aalen(frame[duration], frame[event])[:, None]]


def _cluster_predictors(plan: _Plan, columns: list[_Column], codes: np.ndarray) -> list[np.ndarray]:
    """Return the provider's means of the column and of others, as predictors of the column."""
    own, result = plan.column, []
    if plan.cluster:
        values = own.target(np.where(own.missing, 0.0, own.values))
        mean = _shrink_means(values, ~own.missing, codes, without_own=True)
        odds = own.method in ("logistic", "multinomial")
        result.append(special.logit(np.clip(mean, 1e-3, 1 - 1e-3)) if odds else mean)
    for other in (each for each in columns if each.name in plan.means):
        values = other.predictors(np.where(other.missing, 0.0, other.values))
        result.append(_shrink_means(values, ~other.missing, codes, without_own=False))
    return result


def _shrink_means(values: np.ndarray, recorded: np.ndarray, codes: np.ndarray, *, without_own: bool) -> np.ndarray:
    """Return the provider's shrunken mean of each column of values, of everyone or of the provider's other people."""
    result = np.empty_like(values)
    for k in range(values.shape[1]):
        y = np.where(recorded, values[:, k], 0.0)
        n, total = np.bincount(codes, recorded)[codes], np.bincount(codes, y)[codes]
        if without_own:
            n, total = n - recorded, total - y
        strength = _shrinkage_size(y[recorded], codes[recorded])
        result[:, k] = (total + strength * y[recorded].mean()) / (n + strength)
    return result


def _shrinkage_size(y: np.ndarray, codes: np.ndarray) -> float:
    """Return variance within / between providers (analysis of variance): how many people the prior is worth."""
    n = np.bincount(codes)
    n = n[n > 0]
    means = np.bincount(codes, y)[np.unique(codes)] / n
    _, position = np.unique(codes, return_inverse=True)
    within = ((y - means[position]) ** 2).sum() / max(len(y) - len(n), 1)
    between_square = (n * (means - y.mean()) ** 2).sum() / max(len(n) - 1, 1)
    size = (n.sum() - (n**2).sum() / n.sum()) / max(len(n) - 1, 1)
    between = max((between_square - within) / size, 0.0) if size > 0 else 0.0
    return float(np.clip(within / between, 1.0, 1e6)) if between > 0 else 1e6


def _fill_constants(frame: pd.DataFrame, skip: set) -> tuple[pd.DataFrame, dict]:
    """Return the frame with the gaps of columns filled of which one value is recorded, and those values."""
    constant = {}
    for name in frame.columns.difference(list(skip), sort=False):
        seen = frame[name].dropna()
        if 0 < len(seen) < len(frame) and seen.nunique() == 1:
            constant[name] = seen.iloc[0]
    filled = {name: frame[name].where(frame[name].notna(), value) for name, value in constant.items()}
    return frame.assign(**filled), constant


def _read_columns(frame, methods, exclude, cluster, outcome, delta) -> list[_Column]:
    skip = {*exclude, *([cluster] if cluster else []), *(outcome or ())}
    columns = []
    for name in frame.columns:
        if name in skip:
            continue
        columns.append(_read_column(frame[name], methods.get(name), delta.get(name)))
    return columns


def _read_column(series: pd.Series, method: str | None, shift) -> _Column:
    missing = series.isna().to_numpy()
    seen = series[~missing]
    is_number = pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype)
    is_number |= series.dtype == object and pd.api.types.infer_dtype(seen) in NUMBERS_AS_OBJECTS
    if pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype):
        raise ValueError(f"column {series.name!r} holds dates; exclude it, or turn it into a number or category first")
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = tuple(seen.cat.remove_unused_categories().cat.categories)
    else:
        levels = tuple(sorted(seen.unique(), key=lambda value: (str(type(value)), value)))
    if missing.any() and len(levels) < 2:
        raise ValueError(f"column {series.name!r} has {len(levels)} distinct recorded value(s); it cannot be imputed")
    ordered = isinstance(series.dtype, pd.CategoricalDtype) and series.cat.ordered
    if method is None:
        several = "ordered" if ordered else "multinomial"
        method = "logistic" if len(levels) == 2 else "normal" if is_number else several
    if method == "ordered" and not (ordered or is_number):
        raise ValueError(f"column {series.name!r} has levels without an order; make it an ordered category")
    if method == "logistic" and len(levels) > 2:
        raise ValueError(f"column {series.name!r} has {len(levels)} levels; allowed for 'logistic': 2")
    if method == "normal" and not is_number:
        raise ValueError(f"column {series.name!r} is not numeric; allowed methods: 'logistic', 'multinomial'")
    if method == "normal":
        if not np.isfinite(seen.to_numpy(dtype=float)).all():
            raise ValueError(f"column {series.name!r} holds an infinite value; make it missing or a number")
        values = series.astype(object).where(~series.isna(), 0.0).to_numpy(dtype=float)
        # the ridge of the regression would pull a number that is far from 0 (a year) towards 0, and squares of very
        # large or small ones are no numbers
        centre = float(values[~missing].mean()) if len(seen) else 0.0
        values = np.where(missing, 0.0, values - centre)
        unit = float(np.exp2(np.frexp(np.abs(values).max(initial=0.0))[1])) if values.any() else 1.0
        moved = _read_shift(series.name, shift, 1, ()) / unit
        return _Column(series.name, method, (), values / unit, missing, moved, centre, unit)
    if missing.any() and 2 * len(levels) > len(seen):
        raise ValueError(
            f"column {series.name!r} has {len(levels)} levels among {len(seen)} recorded people; merge levels, or "
            "exclude it if it names people"
        )
    codes = pd.Index(levels, dtype=object).get_indexer(pd.Index(series.astype(object)))
    size = 1 if method == "logistic" else len(levels)
    return _Column(
        series.name, method, levels, codes.astype(float), missing, _read_shift(series.name, shift, size, levels)
    )


def _read_shift(name, shift, size: int, levels: tuple) -> np.ndarray:
    result = np.zeros(size)
    if shift is None:
        return result
    if isinstance(shift, Mapping):
        unknown = [level for level in shift if level not in levels]
        if unknown or size == 1:
            raise ValueError(
                f"delta for {name!r} names {unknown or list(shift)}; allowed for several levels: {list(levels)}; "
                "two-level and numeric columns take one number"
            )
        for level, value in shift.items():
            result[levels.index(level)] = value
        return result
    if size > 1:
        raise ValueError(
            f"delta for {name!r} is {shift!r}; a column with several levels takes a dict level -> log odds"
        )
    result[0] = shift
    return result


def _check_names(frame, methods, exclude, cluster, outcome, delta) -> None:
    if not frame.columns.is_unique:
        raise ValueError(f"column {frame.columns[frame.columns.duplicated()][0]!r} is in the frame more than once")
    if isinstance(exclude, str):
        raise ValueError(f"exclude is the text {exclude!r}; give a list of column names")
    names = [*(methods or {}), *exclude, *([cluster] if cluster else []), *(outcome or ()), *(delta or {})]
    unknown = [name for name in names if name not in frame.columns]
    if unknown:
        raise ValueError(f"column {unknown[0]!r} is not in the frame; it has {list(frame.columns)}")
    for name, method in (methods or {}).items():
        if method not in IMPUTATION_MODELS:
            raise ValueError(f"methods[{name!r}] is {method!r}; allowed: {list(IMPUTATION_MODELS)}")
    for name in [*(outcome or ()), *([cluster] if cluster else [])]:
        if frame[name].isna().any():
            what = "provider" if name == cluster else "outcome"
            raise ValueError(
                f"{name!r} is missing in {int(frame[name].isna().sum())} rows; the {what} is never imputed"
            )
