"""The true course of each person: who they are, what the cancer did, what was given, how they died.

Records (admissions, registrations, certificates) are made from this elsewhere. Days are whole days since 1970-01-01;
`NEVER` stands for "did not happen".
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from naome_synthetic.organisations import Organisations
from naome_synthetic.sampling import (
    choose_category,
    day_number,
    draw_calibrated,
    draw_fixed,
    expit,
    invert_survival,
    spread_uniform,
)

NEVER = 10**6
OTHER, STAGE4, EARLY_CODED, EARLY_CODED_UNSTAGED, RECURRENT, OLD_STAGE4, OLD_EARLY_CODED, RECURRENT_ELSEWHEN = range(8)
STAGE0_CODED, CODED_BEFORE = 8, 9
COURSES = (
    "never coded as metastatic",
    "stage 4 at diagnosis 2019-2021",
    "stage 1-3, coded metastatic within 12 months, 2019-2021",
    "stage unknown, coded metastatic within 12 months, 2019-2021",
    "first coded metastatic 2019-2021, 12 months or more after diagnosis",
    "stage 4 at diagnosis 2015-2018 or 2022",
    "coded metastatic within 12 months of diagnosis 2015-2018 or 2022",
    "first coded metastatic before 2019 or after 2021, 12 months or more after diagnosis",
    "stage 0, coded metastatic within 12 months",
    "coded metastatic before the registered diagnosis",
)
SITES = ("bone", "lung", "liver", "brain")
SUBTYPES = ("ER+ HER2-", "ER+ HER2+", "ER- HER2+", "ER- HER2-")
ETHNICITIES = list("ABCDEFGHJKLMNPRSZX")
COMORBIDITIES = ("mi", "ccf", "pvd", "cvd", "dem", "cpd", "rhd", "liv", "dbm", "ren")
_BANDS = np.array([[24, 40], [40, 50], [50, 60], [60, 70], [70, 80], [80, 101]])


def plan_strata(calibration: dict, nation: str, scale: float, year_2022: bool = False) -> np.ndarray:
    """Count the people of each course, year of diagnosis and sex.

    Parameters
    ----------
    calibration : dict
        The calibration file.
    nation : {"england", "wales"}
    scale : float
        1 is national size; counts are apportioned so that any run of strata is right to one person.
    year_2022 : bool
        Plan the extra year of the rapid registration instead of 2015-2021.

    Returns
    -------
    ndarray of int, shape (strata, 4)
        Columns: course (index of `COURSES`), year, 1 if male, people.
    """
    c = calibration["nations"][nation]
    if year_2022:
        extra = calibration["rapid_registration"]["year_2022"]
        rows = _by_sex(OLD_STAGE4, {2022: extra["stage4"]}, round(extra["stage4"] * 0.01))
        rows += _by_sex(OLD_EARLY_CODED, {2022: extra["coded_within_12_months"]}, 10)
        rest = extra["diagnoses"] - extra["stage4"] - extra["coded_within_12_months"]
        return _scale_counts(rows + _by_sex(OTHER, {2022: rest}, round(rest * 0.007)), scale)
    years = c["denovo"]["by_year"]
    total = sum(years.values())
    stage4 = _share_out(years, c["denovo"]["stage4"])
    unknown = _share_out(years, c["denovo"]["unknown_stage"])
    staged = {y: years[y] - stage4[y] - unknown[y] for y in years}
    men = c["denovo"]["men"]
    men_stage4, men_unknown = (
        round(men * c["denovo"]["stage4"] / total),
        round(men * c["denovo"]["unknown_stage"] / total),
    )
    rows = _by_sex(STAGE4, stage4, men_stage4) + _by_sex(EARLY_CODED_UNSTAGED, unknown, men_unknown)
    rows += _by_sex(EARLY_CODED, staged, men - men_stage4 - men_unknown)
    recurrence_year = {2015: 1.35, 2016: 1.35, 2017: 1.30, 2018: 1.20, 2019: 0.90, 2020: 0.40}
    rows += _by_sex(RECURRENT, _share_out(recurrence_year, c["recurrent"]["total"]), c["recurrent"]["men"])
    old = c["denovo_like_2015_2018"]
    four = dict.fromkeys(range(2015, 2019), 1)
    rows += _by_sex(OLD_STAGE4, _share_out(four, 4 * old["stage4_per_year"]), round(0.04 * old["stage4_per_year"]))
    n_old = 4 * old["coded_within_12_months_per_year"]
    rows += _by_sex(OLD_EARLY_CODED, _share_out(four, n_old), round(0.01 * n_old))
    elsewhen = c["recurrent_outside_window"]
    n_before, n_after = elsewhen["before_2019"], elsewhen["after_2021"]
    before = _share_out({2015: 1.5, 2016: 1.0, 2017: 0.4}, n_before)
    after = _share_out({2015: 0.7, 2016: 0.8, 2017: 0.9, 2018: 1.0, 2019: 1.1, 2020: 1.1, 2021: 0.6}, n_after)
    both = {y: before.get(y, 0) + after[y] for y in after}
    rows += _by_sex(RECURRENT_ELSEWHEN, both, round(0.008 * (n_before + n_after)))
    rows += _by_sex(STAGE0_CODED, _share_out(years, round(total * 0.0015)), 0)
    rows += _by_sex(CODED_BEFORE, _share_out(years, round(total * 0.004)), 0)
    used = np.array(rows)
    for year, share in c["diagnosis_year"].items():
        left = round(c["people"] * share / sum(c["diagnosis_year"].values())) - used[used[:, 1] == year, 3].sum()
        rows += _by_sex(OTHER, {year: int(left)}, round(left * 0.007))
    return _scale_counts(rows, scale)


def take_chunk(strata: np.ndarray, chunk: int, chunks: int) -> np.ndarray:
    """Take every `chunks`-th person of the plan, starting at the `chunk`-th: the counts of one chunk."""
    end = np.cumsum(strata[:, 3])
    start = end - strata[:, 3]
    count = (end - chunk + chunks - 1) // chunks - (start - chunk + chunks - 1) // chunks
    return np.column_stack([strata[:, :3], count])


def build_course(
    calibration: dict, nation: str, organisations: Organisations, strata: np.ndarray, seed: np.random.SeedSequence
) -> SimpleNamespace:
    """Make the true courses of one chunk of people.

    Parameters
    ----------
    calibration : dict
        The calibration file.
    nation : {"england", "wales"}
    organisations : Organisations
    strata : ndarray of int, shape (strata, 4)
        The chunk's people, from `take_chunk`.
    seed : numpy.random.SeedSequence
        Own stream of the chunk.

    Returns
    -------
    types.SimpleNamespace
        Arrays of length n: identity, tumour, metastatic course, treatment, death, and what the registration records of
        them (`*_rec`). The order of people is random.
    """
    rng = np.random.default_rng(seed)
    cut = day_number(calibration["calendar"]["cut_off"])
    p = SimpleNamespace(course=np.repeat(strata[:, 0], strata[:, 3]))
    p.year, p.male = (np.repeat(strata[:, i], strata[:, 3]) for i in (1, 2))
    p.male = p.male.astype(bool)
    p.n = p.course.size
    p.cut = cut
    _describe_person(rng, p, calibration, nation, organisations)
    _date_metastasis(rng, p)
    _describe_tumour(rng, p, calibration, nation)
    _date_metastatic_death(rng, p, calibration, organisations)
    _site_metastases(rng, p, calibration, organisations)
    _decide_cause(rng, p, calibration)
    _date_other_deaths(rng, p, calibration)
    _record_registration(rng, p, calibration, nation, organisations)
    _choose_treatment(rng, p, calibration, nation, organisations)
    _date_chemotherapy(rng, p, calibration, organisations)
    return _shuffle(rng, p)


# --- the plan -------------------------------------------------------------------------------------------------------


def _share_out(weights: dict[int, float], total: int) -> dict[int, int]:
    w = np.array(list(weights.values()), dtype=float)
    ends = np.round(np.cumsum(w) / w.sum() * total).astype(int)
    return dict(zip(weights, np.diff(ends, prepend=0).tolist(), strict=True))


def _by_sex(course: int, by_year: dict[int, int], men: int) -> list[tuple[int, int, int, int]]:
    men_by_year = _share_out({y: max(n, 0) for y, n in by_year.items()}, men) if sum(by_year.values()) else {}
    rows = [(course, y, 0, n - men_by_year.get(y, 0)) for y, n in by_year.items()]
    return rows + [(course, y, 1, men_by_year.get(y, 0)) for y in by_year]


def _scale_counts(rows: list[tuple[int, int, int, int]], scale: float) -> np.ndarray:
    out = np.array(rows, dtype=np.int64)
    out[:, 3] = np.diff(np.round(np.cumsum(out[:, 3]) * scale).astype(np.int64), prepend=0)
    return out


# --- the person -----------------------------------------------------------------------------------------------------


def _describe_person(rng, p, calibration, nation, organisations) -> None:
    ages, c = calibration["ages"], calibration["nations"][nation]
    denovo = is_denovo_like(p)
    p.in_situ = np.zeros(p.n, dtype=bool)
    rest = p.course == OTHER
    p.in_situ[rest] = draw_fixed(rng, np.where(p.male[rest], 0.04, 0.135), p.year[rest])
    p.in_situ[p.course == STAGE0_CODED] = True
    recurrent = is_recurrent_like(p)
    p.in_situ[recurrent] = draw_fixed(rng, np.full(recurrent.sum(), 0.02))
    group = np.select([denovo & p.male, denovo, recurrent, p.in_situ], [0, 1, 2, 3], 4)
    shares = [ages["denovo_men"], c["denovo"]["age_band"], ages["recurrent"], ages["in_situ"], ages["invasive"]]
    u = spread_uniform(rng, group * 16 + p.course)
    band = np.zeros(p.n, dtype=int)
    for g, share in enumerate(shares):
        band[group == g] = choose_category(u[group == g], share)
    within = spread_uniform(rng, band)
    # Young cancers crowd towards 40, old ones thin out after 80; the bands between are nearly even.
    within = np.select([band == 0, band == 5], [within**0.45, within**2.3], within)
    p.age = np.floor(_BANDS[band, 0] + within * (_BANDS[band, 1] - _BANDS[band, 0])).astype(int)
    p.band4 = np.searchsorted([50, 70, 80], p.age, side="right")
    first = (np.array(p.year - 1970, dtype="datetime64[Y]").astype("datetime64[D]")).astype(int)
    length = np.where(p.year % 4 == 0, 366, 365)
    length = np.where((p.course == RECURRENT) & (p.year == 2020), 350, length)
    length = np.where((p.course == RECURRENT_ELSEWHEN) & (p.year == 2017), 330, length)
    p.diagnosed = first + np.floor(rng.random(p.n) * length).astype(int)
    p.provider = choose_category(spread_uniform(rng, p.course), organisations.weight)
    p.quintile = 1 + choose_category(rng.random(p.n), calibration["quintile"])
    p.quintile = np.where(denovo & (rng.random(p.n) < 0.06), 1, p.quintile)
    p.ethnicity = choose_category(rng.random(p.n), [calibration["ethnicity"][e] for e in ETHNICITIES])
    older = (p.age - 65) / 10
    model = calibration["comorbidity"]
    base, slope = (np.array([model[group][k] for group in COMORBIDITIES]) for k in (0, 1))
    poorer = 0.16 * (3 - p.quintile)
    p.comorbidity = rng.random((p.n, 10)) < expit(base + slope * older[:, None] + poorer[:, None])
    p.charlson = p.comorbidity.sum(axis=1)
    p.deficits = rng.poisson(np.exp(-0.9 + 0.45 * older + 0.35 * p.charlson + poorer))
    p.frailty = np.searchsorted([2, 4, 6], p.deficits, side="right")


def is_denovo_like(p: SimpleNamespace) -> np.ndarray:
    """Say who is metastatic at, or within 12 months of, diagnosis (in any year)."""
    return np.isin(p.course, (STAGE4, EARLY_CODED, EARLY_CODED_UNSTAGED, OLD_STAGE4, OLD_EARLY_CODED, CODED_BEFORE))


def is_denovo(p: SimpleNamespace) -> np.ndarray:
    """Say who belongs to the published de novo cohort."""
    return np.isin(p.course, (STAGE4, EARLY_CODED, EARLY_CODED_UNSTAGED))


def is_recurrent_like(p: SimpleNamespace) -> np.ndarray:
    """Say whose metastatic disease is first coded 12 months or more after diagnosis (in any year)."""
    return np.isin(p.course, (RECURRENT, RECURRENT_ELSEWHEN))


def date_reference(p: SimpleNamespace) -> np.ndarray:
    """Return the day metastatic treatment counts from: a recurrence (coded, or true if never coded) or diagnosis."""
    return np.where(is_recurrent_like(p), p.first_code, np.where(p.hidden, p.distant, p.diagnosed))


# --- the tumour -----------------------------------------------------------------------------------------------------


def _describe_tumour(rng, p, calibration, nation) -> None:
    c, shares = calibration["nations"][nation], calibration["subtype"]
    denovo, recurrent = is_denovo_like(p), is_recurrent_like(p)
    group = np.select([denovo, recurrent], [0, 1], 2)
    key = np.where(is_denovo(p), 0, group + 1)
    # Hormone receptor positive cancers come with age, and come back late; triple negative ones come back early.
    tilt = 0.012 * (p.age - 60) + np.where(recurrent, 0.30 * ((p.first_code - p.diagnosed) / 365.25 - 3), 0)
    names = ("denovo", "recurrent", "early")
    er = np.array(
        [c["er_positive"], c["er_positive"], shares["recurrent"]["er_positive"], shares["early"]["er_positive"]]
    )
    p.er = draw_calibrated(rng, tilt, er / 100, key)
    given = [[shares[g][f"her2_given_er_{sign}"] for g in names] for sign in ("neg", "pos")]
    her2 = np.array(given) / 100
    factor = c["her2_positive"] / 21.0
    her2[:, 0] *= factor
    p.her2 = draw_calibrated(rng, -0.012 * (p.age - 60), her2.ravel(), np.where(p.er, 3, 0) + group)
    p.subtype = np.select([p.er & ~p.her2, p.er & p.her2, p.her2], [0, 1, 2], 3)
    p.pr = rng.random(p.n) < np.where(p.er, 0.78, 0.07)
    # Stage 1-3 by course; 4 for stage 4 at diagnosis; 0 for in situ.
    stage = 1 + choose_category(spread_uniform(rng, p.course), [0.50, 0.40, 0.10])
    worse = 1 + choose_category(spread_uniform(rng, p.course), [0.20, 0.44, 0.36])
    stage = np.where(denovo | recurrent, worse, stage)
    p.stage = np.where(p.in_situ, 0, np.where(np.isin(p.course, (STAGE4, OLD_STAGE4)), 4, stage))
    weights = {0: (22, 55, 23), 1: (8, 47, 45), 2: (1, 28, 71), 3: (1, 14, 85)}
    p.grade = np.ones(p.n, dtype=int)
    for subtype, share in weights.items():
        who = p.subtype == subtype
        p.grade[who] = 1 + choose_category(rng.random(who.sum()), share)
    cohort = is_denovo(p)
    # Published grades of the de novo cohort, shuffled towards the subtype that makes high grade likely.
    badness = np.argsort(np.argsort(-rng.random(cohort.sum()) + 0.5 * (p.subtype[cohort] > 0)))
    p.grade[cohort] = 1 + choose_category((badness + 0.5) / max(cohort.sum(), 1), c["grade"])
    p.site4 = choose_category(rng.random(p.n), [3, 6, 12, 6, 38, 10, 2, 8, 15])
    p.lobular = rng.random(p.n) < 0.14
    p.left = rng.random(p.n) < 0.51
    p.nodes = (p.stage >= 2) & (rng.random(p.n) < np.select([p.stage == 2, p.stage >= 3], [0.45, 0.85], 0))
    p.screened = ~denovo & ~p.male & (p.age >= 50) & (p.age <= 71) & (rng.random(p.n) < np.where(p.in_situ, 0.65, 0.42))


# --- metastasis and death -------------------------------------------------------------------------------------------


def _date_metastasis(rng, p) -> None:
    """Set the day of the first coded metastatic admission (`first_code`), before deaths are known."""
    p.first_code = np.full(p.n, NEVER)
    late = is_recurrent_like(p)
    low = np.select(
        [p.course == RECURRENT, late], [np.maximum(p.diagnosed + 366, day_number("2019-01-01")), p.diagnosed + 366], 0
    )
    high = np.full(p.n, day_number("2021-12-31"))
    elsewhen = p.course == RECURRENT_ELSEWHEN
    early = elsewhen & draw_fixed(
        rng, np.select([p.year == 2015, p.year == 2016, p.year == 2017], [0.66, 0.53, 0.30], 0.0)
    )
    high[early] = day_number("2018-12-31")
    low[elsewhen & ~early] = np.maximum(p.diagnosed + 366, day_number("2022-01-01"))[elsewhen & ~early]
    high[elsewhen & ~early] = p.cut - 3
    u = spread_uniform(rng, p.course * 8 + np.clip(p.year - 2015, 0, 7))
    p.first_code[late] = (low + np.floor(u * (high - low + 1)))[late].astype(int)
    within = np.isin(p.course, (EARLY_CODED, EARLY_CODED_UNSTAGED, OLD_EARLY_CODED, STAGE0_CODED))
    gap = np.where(rng.random(p.n) < 0.5, rng.exponential(30, p.n), rng.random(p.n) * 364)
    p.first_code[within] = (p.diagnosed + np.clip(np.floor(gap), 0, 364))[within].astype(int)
    before = p.course == CODED_BEFORE
    p.first_code[before] = (p.diagnosed - rng.integers(5, 60, p.n))[before]


def _date_metastatic_death(rng, p, calibration, organisations) -> None:
    p.death = np.full(p.n, NEVER)
    effect, model = organisations.effect["survival"], calibration["survival_model"]
    for members, origin, name in (
        (is_denovo(p), p.diagnosed, "denovo"),
        (is_denovo_like(p) & ~is_denovo(p), p.diagnosed, "denovo"),
        (is_recurrent_like(p), p.first_code, "recurrent"),
        (p.course == STAGE0_CODED, p.first_code, "recurrent"),
    ):
        who = np.flatnonzero(members)
        risk = (
            model["age_per_year"] * (p.age[who] - 60)
            + model["charlson_per_condition"] * p.charlson[who]
            + model["frailty_per_band"] * p.frailty[who]
            + model["deprivation_per_quintile"] * (3 - p.quintile[who])
            + model["grade_per_step"] * (p.grade[who] - 2)
            + np.array(model["subtype"])[p.subtype[who]]
            + effect[p.provider[who]]
        )
        # Weibull shapes by subtype: hazards cross, triple negative disease kills early, ER positive disease later.
        shape = np.array(model["shape"])[p.subtype[who]]
        time = (rng.exponential(size=who.size) * np.exp(-risk)) ** (1 / shape)
        rank = np.argsort(np.argsort(time))
        u = (rank + rng.random()) / max(who.size, 1)
        # A monotone change of the time scale: hazard ratios stay, the cohort's survival becomes the calibrated one.
        days = np.floor(invert_survival(u, calibration["survival"][name])).astype(int)
        p.death[who] = origin[who] + days
    within = np.isin(p.course, (EARLY_CODED, EARLY_CODED_UNSTAGED, OLD_EARLY_CODED))
    p.first_code[within] = np.minimum(p.first_code[within], p.death[within])
    p.dead = p.death <= p.cut


def _site_metastases(rng, p, calibration, organisations) -> None:
    """Set the sites coded within 12 months (`site_coded`), those coded at once (`site_first`) and the true ones."""
    settings = calibration["metastatic_sites"]
    four = np.isin(p.course, (STAGE4, OLD_STAGE4))
    eta = organisations.effect["coding"][p.provider] + np.where(p.death - p.diagnosed < 20, 0.4, 0.0)
    coded = np.zeros(p.n, dtype=bool)
    coded[four] = draw_calibrated(rng, eta[four], settings["stage4_coded_within_12_months"] / 100)
    day = p.diagnosed + np.floor(rng.exponential(35, p.n)).astype(int) - 8
    p.first_code[coded] = np.clip(day, p.diagnosed - 20, np.minimum(p.diagnosed + 330, p.death))[coded]
    later = four & ~coded & (p.death - p.diagnosed > 430) & (rng.random(p.n) < 0.35)
    p.first_code[later] = (p.diagnosed + 370 + rng.integers(0, 60, p.n))[later]
    p.first_code[p.first_code > p.cut] = NEVER
    p.coded = p.first_code < NEVER
    er, her2 = p.er * 1.0, p.her2 * 1.0
    eta = np.column_stack([0.7 * er, 0.35 * (1 - er), 0.55 * her2, 0.9 * her2 + 0.7 * (1 - er)]) - 0.5
    p.site_coded = np.zeros((p.n, 4), dtype=bool)
    in_window = p.coded & ~later & (p.course != CODED_BEFORE)
    for members, name in (
        (is_denovo(p), "denovo"),
        (is_denovo_like(p) & ~is_denovo(p), "denovo"),
        (is_recurrent_like(p) | (p.course == STAGE0_CODED), "recurrent"),
    ):
        who = np.flatnonzero(members)
        for s, site in enumerate(SITES):
            eta_s = np.where(in_window[who], eta[who, s], -np.inf)
            p.site_coded[who, s] = draw_calibrated(
                rng, eta_s, settings[name][site] / 100, (p.course[who] == RECURRENT) + 0
            )
    p.site_first = p.site_coded & (rng.random((p.n, 4)) < 0.75)
    none = ~p.site_first.any(axis=1)
    p.site_first[none] = p.site_coded[none]
    p.site_true = p.site_coded | (
        (rng.random((p.n, 4)) < np.array([0.25, 0.12, 0.12, 0.05])) & (p.coded & (p.course != CODED_BEFORE))[:, None]
    )
    lag = rng.integers(0, 90, p.n)
    p.distant = np.where(four, p.diagnosed, np.where(p.coded, np.maximum(p.first_code - lag, p.diagnosed), NEVER))
    p.distant = np.where(is_recurrent_like(p), np.maximum(p.distant, p.diagnosed + 180), p.distant)


def _decide_cause(rng, p, calibration) -> None:
    """Set the true and the certified cause of the deaths so far: 0 none, 1 breast cancer, 2 other."""
    met = p.death < NEVER
    p.cause = np.where(met, np.where(rng.random(p.n) < 0.93 - 0.02 * p.charlson, 1, 2), 0)
    settings = calibration["cause_of_death"]
    share = settings["coded_underlying_breast"] / 100
    p.cause_rec = np.where(met, 2, 0)
    p.cause_rec[met & draw_fixed(rng, np.where(p.cause == 1, share + 0.02, share - 0.25))] = 1
    p.cause_rec[~met] = 0


def _date_other_deaths(rng, p, calibration) -> None:
    """Let people die who were never coded as metastatic, so that the certified shares come out as published."""
    settings = calibration["cause_of_death"]
    share = settings["breast_share_under_70"] / 100
    p.unstaged = np.zeros(p.n, dtype=bool)
    rest = p.course == OTHER
    late = is_recurrent_like(p) | (p.course == OLD_EARLY_CODED)
    p.unstaged[rest & ~p.in_situ] = draw_fixed(
        rng, np.full((rest & ~p.in_situ).sum(), 0.115), p.year[rest & ~p.in_situ]
    )
    p.unstaged[late & ~p.in_situ] = draw_fixed(rng, np.full((late & ~p.in_situ).sum(), 0.12))
    p.unstaged[p.course == EARLY_CODED_UNSTAGED] = True
    figure = (p.age < 70) & (p.stage < 4) & ~p.unstaged
    length = p.cut - p.diagnosed
    breast_risk = np.exp(0.9 * (p.stage - 2) + np.array([0, 0.1, 0.5, 0.8])[p.subtype]) * length * (length > 240)
    other_risk = np.exp(0.085 * (p.age - 60) + 0.35 * p.charlson + 0.2 * p.frailty) * length
    for year in np.unique(p.year):
        here, y = figure & (p.year == year), min(int(year), 2021)
        seen = here & p.dead & (p.first_code <= p.death) & (p.first_code >= p.diagnosed)
        captured = (seen & (p.cause_rec == 1)).sum()
        capture = settings["capture_by_diagnosis_year"][y] / 100
        uncoded_wanted = captured * (1 - capture) / capture
        pool = np.flatnonzero(here & rest)
        breast = _choose_deaths(rng, breast_risk[pool], uncoded_wanted)
        p.cause_rec[pool[breast]] = 1
        others_wanted = captured / capture * (1 / share - 1) - (here & p.dead & (p.cause_rec == 2)).sum()
        pool = pool[~breast]
        p.cause_rec[pool[_choose_deaths(rng, other_risk[pool], others_wanted)]] = 2
    elsewhere = np.flatnonzero(rest & ~figure)
    years = length[elsewhere] / 365.25
    breast = draw_fixed(rng, np.clip(1 - np.exp(-0.011 * years * np.exp(0.5 * (p.stage[elsewhere] - 2))), 0, 0.9))
    p.cause_rec[elsewhere[breast]] = 1
    natural = 1 - np.exp(-years * 0.0095 * np.exp(0.098 * (p.age[elsewhere] - 65) + 0.2 * p.charlson[elsewhere]))
    p.cause_rec[elsewhere[~breast & draw_fixed(rng, natural)]] = 2
    died = rest & (p.cause_rec > 0)
    u = spread_uniform(rng, died * 1)
    start = np.where(p.cause_rec == 1, np.minimum(220, length // 2), 10)
    # Those never coded die by the same rule: triple negative disease early, ER positive disease late.
    at = np.where(p.cause_rec == 1, u ** np.array([0.7, 0.85, 1.1, 1.6])[p.subtype], u)
    p.death[died] = (p.diagnosed + start + np.floor(at * (length - start)))[died].astype(int)
    p.dead = p.death <= p.cut
    # The certificate is right about breast cancer nine times in ten.
    p.cause[died] = np.where(rng.random(p.n) < 0.92, p.cause_rec, 3 - p.cause_rec)[died]
    _hide_metastases(rng, p, died)


def _hide_metastases(rng, p, died) -> None:
    """Give distant disease, never coded in an admission, to those it killed and to a few who live with it."""
    fatal = died & (p.cause == 1)
    alive = (
        (p.course == OTHER)
        & ~died
        & (p.stage >= 2)
        & (p.stage < 4)
        & (rng.random(p.n) < 0.012)
        & (p.cut - p.diagnosed > 500)
    )
    p.hidden = fatal | alive
    gap = np.minimum(rng.exponential(400, p.n), (np.minimum(p.death, p.cut) - p.diagnosed) * 0.8)
    p.distant[p.hidden] = np.maximum(np.minimum(p.death, p.cut) - gap, p.diagnosed + 30)[p.hidden].astype(int)
    chance = np.column_stack([0.35 + 0.25 * p.er, 0.25 + 0.1 * ~p.er, 0.22 + 0.1 * p.her2, 0.08 + 0.1 * ~p.er])
    p.site_true |= p.hidden[:, None] & (rng.random((p.n, 4)) < chance)


def _choose_deaths(rng, risk: np.ndarray, wanted: float) -> np.ndarray:
    if risk.size == 0 or wanted <= 0 or risk.sum() == 0:
        return np.zeros(risk.size, dtype=bool)
    probability = risk / risk.sum() * wanted
    for _ in range(6):  # probabilities above 0.9 hand their surplus to the others
        probability = np.minimum(probability, 0.9)
        probability *= wanted / probability.sum()
    return draw_fixed(rng, np.clip(probability, 0, 1))


# --- what the registration says -------------------------------------------------------------------------------------


def _record_registration(rng, p, calibration, nation, organisations) -> None:
    c = calibration["nations"][nation]
    complete, cohort = c["completeness_denovo"], is_denovo(p)
    key = cohort * 1
    days = p.death - p.diagnosed
    effect = organisations.effect
    soon = -0.8 * (days < 31) - 0.3 * (days < 120)
    eta = -0.015 * (p.age - 65) + effect["missing_er"][p.provider] + soon
    better = {"er": 0.84, "her2": 0.84, "pr": 0.62} if nation == "england" else {"er": 0.92, "her2": 0.86, "pr": 0.86}
    # Missing at random given age and provider: the share positive among the recorded stays the true one.
    er_share, her2_share = (np.repeat([better[r], complete[r] / 100], 2) for r in ("er", "her2"))
    p.er_rec = draw_calibrated(rng, eta, er_share, 2 * key + p.er)
    p.her2_rec = draw_calibrated(rng, eta * 0.5 + 2.8 * p.er_rec, her2_share, 2 * key + p.her2)
    eta_pr = 3.0 * p.er_rec + 0.9 * ~p.er + effect["missing_pr"][p.provider] + 0.3 * soon
    p.pr_rec = draw_calibrated(rng, eta_pr, np.array([better["pr"], complete["pr"] / 100]), key)
    p.grade_rec = draw_calibrated(rng, 0.5 * eta, np.array([0.92, complete["grade"] / 100]), key)
    p.ps_rec = draw_calibrated(rng, 0.5 * eta - soon, np.array([0.55, complete["performance_status"] / 100]), key)
    fitness = 0.03 * (p.age - 60) + 0.4 * p.charlson + 0.3 * p.frailty + 1.2 * (days < 90) + rng.gumbel(size=p.n)
    p.ps = np.zeros(p.n, dtype=int)
    for members, share in ((cohort & p.ps_rec, c["performance_status"]), (~(cohort & p.ps_rec), [75, 17, 5, 3])):
        who = np.flatnonzero(members)
        u = (np.argsort(np.argsort(fitness[who])) + 0.5) / max(who.size, 1)
        p.ps[who] = choose_category(u, share)
    p.ps = np.where((p.ps == 3) & (rng.random(p.n) < 0.25), 4, p.ps)
    key6 = np.where(cohort, np.where(p.male, 4, p.band4), 5)
    mdt = np.array([*c["mdt_women"], c["mdt_men"], 82.0 if nation == "england" else 20.0]) / 100
    p.mdt = draw_calibrated(rng, effect["mdt"][p.provider] + 0.4 * soon, mdt, key6)
    p.cns_rec = draw_calibrated(
        rng, effect["cns"][p.provider] + 0.3 * soon, np.array([0.75, c["cns_recorded"] / 100]), key
    )
    seen = draw_calibrated(rng, 0.4 * soon, np.array([0.97, c["cns_contact"] / 100, 0.5]), np.where(p.cns_rec, key, 2))
    p.cns = seen & p.cns_rec


# --- treatment ------------------------------------------------------------------------------------------------------


def _choose_treatment(rng, p, calibration, nation, organisations) -> None:
    c, effect = calibration["nations"][nation], organisations.effect
    denovo, recurrent = is_denovo(p), p.course == RECURRENT
    reference = date_reference(p)
    days = p.death - reference
    weak = 0.35 * p.frailty + 0.25 * p.charlson + 0.07 * (3 - p.quintile)
    p.receptor_cell = np.where(
        p.er_rec & p.her2_rec, np.select([p.her2 & ~p.er, p.her2 & p.er, ~p.her2 & ~p.er], [0, 1, 2], 3), 4
    )
    eta = -0.075 * (p.age - 62) - weak - 2.5 * (days < 75) + effect["chemotherapy"][p.provider]
    eta = eta + np.where(p.receptor_cell == 4, np.array([-0.6, 0.7, 0.7, 0.6])[p.subtype], 0)
    eta = np.where((days < 20) | (p.cut - reference < 10), -np.inf, eta)
    p.chemo = np.zeros(p.n, dtype=bool)
    for members, women, men in (
        (denovo, c["chemotherapy_women"], c["chemotherapy_men"]),
        (
            recurrent,
            calibration["treatment_recurrent"]["chemotherapy_women"],
            calibration["treatment_recurrent"]["chemotherapy_men"],
        ),
    ):
        who = np.flatnonzero(members)
        key = np.where(p.male[who], 5, p.receptor_cell[who])
        size = np.bincount(key, minlength=6)
        target = np.array([women["H2pERn"], women["H2pERp"], women["H2nERn"], women["H2nERp"], 0, men]) / 100
        left = women["all"] / 100 * size[:5].sum() - (target[:4] * size[:4]).sum()
        target[4] = np.clip(left / max(size[4], 1), 0.02, 0.95)
        p.chemo[who] = draw_calibrated(rng, eta[who], target, key)
    others = (is_denovo_like(p) & ~denovo) | (p.course == RECURRENT_ELSEWHEN)
    p.chemo[others] = draw_calibrated(rng, eta[others], 0.42)
    p.chemo[p.hidden] = draw_calibrated(rng, eta[p.hidden], 0.33)
    early = ~(is_denovo_like(p) | is_recurrent_like(p)) & ~p.in_situ
    adjuvant = -2.2 + 1.1 * (p.stage - 1) + np.array([0, 1.6, 2.2, 2.3])[p.subtype] - 0.075 * (p.age - 58) - weak
    late_chemo = -0.8 + 0.7 * (p.stage - 1) + np.array([0, 1.6, 2.2, 2.3])[p.subtype] - 0.075 * (p.age - 58) - weak
    adjuvant = np.where(is_recurrent_like(p), late_chemo, adjuvant)
    p.adjuvant = (early | is_recurrent_like(p)) & ~p.in_situ & (rng.random(p.n) < expit(adjuvant))
    p.adjuvant &= p.death - p.diagnosed > 330
    p.surgery = ~np.isin(p.course, (STAGE4, OLD_STAGE4)) & (rng.random(p.n) < np.where(p.age >= 80, 0.58, 0.92))
    p.surgery &= p.death - p.diagnosed > 250
    p.surgery |= np.isin(p.course, (STAGE4, OLD_STAGE4)) & (rng.random(p.n) < 0.12) & (p.death - p.diagnosed > 250)
    # Wales has no drug-level data: what is given there leaves no record, so it is not decided.
    nobody = np.zeros(p.n, dtype=bool)
    p.cdk46, p.anti_her2, p.checkpoint, p.bone_agent, p.endocrine, p.biopsy = (nobody.copy() for _ in range(6))
    if nation == "england":
        _choose_targeted(rng, p, calibration, effect, weak)


def _choose_targeted(rng, p, calibration, effect, weak) -> None:
    denovo, settings = is_denovo(p), calibration["treatment_denovo"]
    days = p.death - p.diagnosed
    weak = weak + 1.5 * (days < 90)
    key = np.where(p.male, 4, p.band4)
    wants_cdk = denovo & p.er & p.er_rec & ~(p.her2 & p.her2_rec) & (days > 30)
    target = np.array([*settings["cdk46_women"], settings["cdk46_men"]]) / 100
    p.cdk46[wants_cdk] = draw_calibrated(
        rng, (effect["cdk46"][p.provider] - weak - 0.5 * p.chemo)[wants_cdk], target, key[wants_cdk]
    )
    unknown = (
        (is_denovo_like(p) | p.hidden) & ~wants_cdk & p.er & ~(p.her2 & p.her2_rec) & (days > 30) & (p.year >= 2018)
    )
    p.cdk46 |= unknown & (rng.random(p.n) < 0.30)
    wants_her2 = denovo & p.her2 & p.her2_rec & (days > 30)
    target = np.array([*settings["anti_her2_women"], settings["anti_her2_men"]]) / 100
    eta_her2 = effect["anti_her2"][p.provider] - weak + 1.2 * p.chemo
    p.anti_her2[wants_her2] = draw_calibrated(rng, eta_her2[wants_her2], target, key[wants_her2])
    p.anti_her2 |= p.her2 & ~wants_her2 & (p.chemo | p.adjuvant) & (days > 60) & (rng.random(p.n) < 0.75)
    p.checkpoint = (p.subtype == 3) & p.chemo & (p.year >= 2019) & (rng.random(p.n) < 0.16)
    met = is_denovo_like(p) | is_recurrent_like(p) | p.hidden
    p.bone_agent = met & p.site_true[:, 0] & (rng.random(p.n) < 0.45)
    p.endocrine = p.er & (rng.random(p.n) < np.where(met, 0.35, 0.05)) & (days > 60)
    who = np.flatnonzero(p.course == RECURRENT)
    settings = calibration["treatment_recurrent"]
    p.biopsy[who] = draw_calibrated(rng, -0.2 * weak[who], np.array(settings["biopsy"]) / 100, p.band4[who])


def _date_chemotherapy(rng, p, calibration, organisations) -> None:
    """Set the first and last chemotherapy days of metastatic treatment and who dies within 30 days of the last."""
    reference = date_reference(p)
    end = np.minimum(p.death, p.cut)
    wait = rng.integers(10, 60, p.n)
    second_thought = rng.random(p.n) < 0.12
    wait = np.where(second_thought, rng.integers(60, 330, p.n), wait)
    wait = np.minimum(wait, np.maximum((end - reference) // 3, 2))
    p.chemo_start = np.where(p.chemo, reference + wait, NEVER)
    p.chemo_last = np.full(p.n, NEVER)
    p.died_30d = np.zeros(p.n, dtype=bool)
    forced = p.chemo & p.dead & (p.death - p.chemo_start <= 30)
    for members, share in (
        (is_denovo(p), calibration["treatment_denovo"]["death_30d_after_chemotherapy"]),
        (p.course == RECURRENT, calibration["treatment_recurrent"]["death_30d_after_chemotherapy"]),
        (~is_denovo(p) & (p.course != RECURRENT), 14.0),
    ):
        for sex in (False, True):
            who = np.flatnonzero(members & p.chemo & (p.male == sex))
            eta = organisations.effect["death_30d"][p.provider[who]] + 0.25 * p.frailty[who] + 0.15 * p.charlson[who]
            eta = eta + 1.2 * (p.death[who] - p.chemo_start[who] < 200) - 0.8 * p.er[who]
            eta = np.where(forced[who], 40.0, np.where(p.dead[who], eta, -np.inf))
            p.died_30d[who] = draw_calibrated(rng, eta, share / 100) if who.size else False
            p.died_30d[who] |= forced[who]
    gap = np.minimum(rng.integers(0, 31, p.n), np.maximum(p.death - p.chemo_start, 0))
    # The last day chemotherapy may be given to those who must not die within 30 days of it.
    limit = np.where(p.dead, p.death - 31, p.cut - 1)
    span = np.maximum(limit - p.chemo_start, 0)
    usual = np.minimum(span, 21 * rng.integers(2, 6, p.n))
    further = (rng.random(p.n) < 0.42) & (span > 200)
    usual = np.where(further, np.floor(160 + rng.random(p.n) * (span - 160)).astype(int), usual)
    p.chemo_last = np.where(p.chemo, np.where(p.died_30d, p.death - gap, p.chemo_start + usual), NEVER)


def _shuffle(rng, p: SimpleNamespace) -> SimpleNamespace:
    order = rng.permutation(p.n)
    for name, value in vars(p).items():
        if isinstance(value, np.ndarray):
            setattr(p, name, value[order])
    return p
