"""The disclosure door: edges of the rule, complementary suppression, what is shown, and attacks on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, ndtri
from scipy.stats import binom

from naome.core.params import load_params
from naome.core.paths import project_root
from naome.core.results import make_results
from naome.measures import methods
from naome.release import release as release_results
from naome.release.attack import Attack
from naome.release.guess import guess_counts
from naome.release.policy import METHODS, POLICIES
from naome.release.suppress import carry_adjusted, cover_rounded
from naome.stats.intervals import wilson
from naome.stats.risk_adjustment import fit_expected, risk_adjusted_survival

PARAMS = load_params("england")


def release(frame, params):
    return release_results(frame, params).frame


def results(*counts: tuple[int, int], level: str = "provider") -> pd.DataFrame:
    rows = [
        {"unit": f"Z{i}", "numerator": x, "denominator": n, "estimate": x / n, "lower": 0.0, "upper": 1.0}
        for i, (x, n) in enumerate(counts)
    ]
    frame = pd.DataFrame(rows).assign(measure="mdt_discussion", level=level, method="wilson")
    return make_results(frame, audit="england", nation="england", cohort="denovo", run_id="r")


@pytest.mark.parametrize(("count", "hidden"), [(0, False), (1, True), (7, True), (8, False)])
def test_edges_of_the_rule(count, hidden):
    out = release(results((count, 100), (50, 100), (40, 100)), PARAMS)
    assert (out.loc[0, "status"] == "suppressed") == hidden
    assert (
        out.loc[0, "estimate"] != out.loc[0, "estimate"]
        if hidden
        else out.loc[0, "estimate"] == round(count / 5) * 5 / 100
    )


def test_what_is_not_derivable_has_no_counts_also_where_national_figures_are_shown():
    beyond = {"status": "not_derivable", "reason": "follow-up does not reach the time point"}
    small = results((3, 100), (50, 100)).assign(**beyond)
    counts = ["denominator", "numerator", "estimate", "lower", "upper"]
    assert release(small, PARAMS)[counts].isna().all(axis=None)
    nation = results((3, 100), level="nation").assign(**beyond)
    for national in ("show", "suppress_small", "suppress"):
        own = PARAMS.model_copy(update={"disclosure": PARAMS.disclosure.model_copy(update={"national": national})})
        assert release(nation, own)[counts].isna().all(axis=None)
    mixed = pd.concat([results((40, 100)), small.iloc[1:]], ignore_index=True)
    assert release(mixed, PARAMS)["numerator"].isna().tolist() == [False, True]


def test_a_small_remainder_is_hidden_too():
    assert release(results((97, 100), (50, 100), (50, 100)), PARAMS).loc[0, "status"] == "suppressed"


def test_one_hidden_unit_takes_the_next_smallest_with_it_where_it_could_be_worked_out():
    """The national total is taken to be known. Of 82, what rounds to 20 and 60 leaves at most 6 for the third."""
    out = release(results((2, 100), (20, 100), (60, 100)), PARAMS)
    assert out["status"].tolist() == ["suppressed", "suppressed", "ok"]
    assert out.loc[0, "reason"] == out.loc[1, "reason"]
    exact = PARAMS.model_copy(update={"disclosure": PARAMS.disclosure.model_copy(update={"policy": "lt5"})})
    assert release(results((3, 100), (20, 100), (60, 100)), exact)["status"].tolist() == ["suppressed"] * 2 + ["ok"]


def test_where_rounding_leaves_every_small_number_possible_no_other_is_hidden():
    """Of 83, what rounds to 20 and 60 leaves 0 to 7."""
    out = release(results((3, 100), (20, 100), (60, 100)), PARAMS)
    assert out["status"].tolist() == ["suppressed", "ok", "ok"]


def test_two_hidden_units_need_no_third():
    out = release(results((3, 100), (4, 100), (60, 100)), PARAMS)
    assert out["status"].tolist() == ["suppressed", "suppressed", "ok"]


def test_proportions_are_computed_from_rounded_counts():
    out = release(results((33, 98), (50, 100), (40, 100)), PARAMS)
    assert (out.loc[0, "numerator"], out.loc[0, "denominator"]) == (35, 100)
    assert out.loc[0, "estimate"] == 0.35
    assert out.loc[0, "lower"] < 0.35 < out.loc[0, "upper"]


def test_a_proportion_of_rounded_counts_says_so_and_covers_every_pair_that_is_shown_alike():
    shown = release(results((8, 18), (50, 100), (40, 100)), PARAMS)
    assert set(shown["method"]) == {"wilson, counts rounded to 5"}
    row = shown.loc[0]
    assert (row["numerator"], row["denominator"]) == (10, 20)
    pairs = [(x, n) for x in range(8, 13) for n in range(18, 23) if n - x >= 8]
    alike = wilson(*zip(*pairs, strict=True))
    assert (row["lower"], row["upper"]) == (alike["lower"].min(), alike["upper"].max())


def test_a_shown_pair_leaves_five_values_of_people_and_of_events_and_of_the_others():
    """Every pair of counts to 60, grouped as the policy shows it; none or all with the event is one value each."""
    counts = [(x, n) for n in range(1, 61) for x in range(n + 1)]
    one_a_table = results(*counts).assign(measure=[f"m{n}" for n in range(len(counts))])
    shown = release(one_a_table, PARAMS)
    groups: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for exact, row in zip(counts, shown.to_dict("records"), strict=True):
        if row["status"] == "ok":
            groups.setdefault((row["numerator"], row["denominator"]), set()).add(exact)
    assert len(groups) > 50
    for (x, n), pairs in groups.items():
        if 0 < x < n and n < 60:  # pairs of more than 60 people are not among them
            assert len({n for _, n in pairs}) >= 5 and len({x for x, _ in pairs}) >= 5, (x, n)
            assert len({n - x for x, n in pairs}) >= 5, (x, n)
            assert len(pairs) >= 19, (x, n)


def test_too_few_people_for_an_estimate_are_too_few_to_be_counted():
    few = results((8, 9), (50, 100), (40, 100)).assign(status=["too_few", "ok", "ok"])
    out = release(few, PARAMS)
    assert out.loc[0, "status"] == "suppressed" and out.loc[0, ["estimate", "lower"]].isna().all()
    assert out.loc[[0], ["numerator", "denominator"]].isna().all(axis=None)
    national = release(few.assign(level="nation"), PARAMS)
    assert national["status"].tolist() == ["too_few", "ok", "ok"]
    assert national.loc[0, ["numerator", "denominator"]].isna().all() and national.loc[1, "denominator"] == 100


def test_counts_that_are_shown_as_they_are_keep_their_interval_and_its_name():
    national = release(results((8, 17), level="nation"), PARAMS).loc[0]
    assert (national["method"], national["numerator"]) == ("wilson", 8)
    lt10 = PARAMS.model_copy(update={"disclosure": PARAMS.disclosure.model_copy(update={"policy": "lt10"})})
    assert release(results((33, 98), (50, 100), (40, 100)), lt10)["method"].tolist() == ["wilson"] * 3


def test_intervals_of_rounded_counts_cover_at_least_as_often_as_they_say():
    """Exactly, summed over all counts: of 41 to 70 people, a share of .2 to .8, among those that are shown."""
    lowest = 1.0
    for n in range(41, 71):
        x = np.arange(n + 1)
        kept = (x == 0) | (x > 7)
        kept &= (x == n) | (n - x > 7)
        rounded = [(np.round(each / 5) * 5).astype(int) for each in (x[kept], np.full(kept.sum(), n))]
        limits = cover_rounded(*rounded, POLICIES["hes2018"])
        for p in np.arange(0.2, 0.801, 0.01):
            chance = binom.pmf(x[kept], n, p)
            inside = (limits["lower"].to_numpy() <= p) & (p <= limits["upper"].to_numpy())
            lowest = min(lowest, chance[inside].sum() / chance.sum())
    assert lowest >= 0.95


def test_hidden_rows_hold_no_numbers():
    out = release(results((3, 100), (4, 100)), PARAMS)
    assert out[["numerator", "denominator", "estimate", "lower", "upper"]].isna().all().all()


def test_national_figures_are_shown_as_the_policy_says():
    assert release(results((3, 100), level="nation"), PARAMS)["status"].tolist() == ["ok"]
    strict = PARAMS.model_copy(update={"disclosure": PARAMS.disclosure.model_copy(update={"national": "suppress"})})
    assert release(results((3, 100), level="nation"), strict)["status"].tolist() == ["suppressed"]


def round_to_5(count):
    return int(pd.Series([count / 5]).round().iloc[0]) * 5


def pairs(n_shown: int, x_shown: int) -> list[tuple[int, int]]:
    """Every (people, events) that the rule shows as this pair."""
    near = range(-2, 3)
    return [
        (n_shown + i, x_shown + j)
        for i in near
        for j in near
        if x_shown + j > 7 and n_shown + i - x_shown - j > 7 and (n_shown + i, x_shown + j) != (0, 0)
    ]


def log_log(n, x):
    """Estimate and 95% limits of survival without censoring, on the log(-log) scale."""
    survival = 1 - x / n
    half = ndtri(0.975) * np.sqrt(x / (n * (n - x))) / abs(np.log(survival))
    centre = np.log(-np.log(survival))
    return np.array([centre, centre + half, centre - half])


def guess_by_width(row, step: float) -> set[int]:
    """Try every pair: case mix shifts all three numbers by one unknown, so their distances give the pair away."""
    shown = row[["estimate", "lower", "upper"]].to_numpy(dtype=float)
    ends = np.sort(np.log(-np.log(np.clip([shown - step / 2, shown + step / 2], 1e-9, 1 - 1e-9))), axis=0)
    found = set()
    for n, x in pairs(int(row["denominator"]), int(row["numerator"])):
        low, high = ends - log_log(n, x)
        if low.max() <= high.min():
            found.add(x)
    return found


@pytest.fixture(scope="module")
def survival_of_organisations():
    """Forty organisations of 20 to 150 people, all followed for a year, no item missing."""
    rng = np.random.default_rng(12)
    sizes = rng.integers(20, 150, 40)
    unit = np.repeat([f"Z{k:02d}" for k in range(40)], sizes)
    age = rng.normal(size=len(unit)) + np.repeat(rng.normal(0, 0.3, 40), sizes)
    time = rng.exponential(1.2, len(unit)) / np.exp(0.5 * age)
    frame = pd.DataFrame({"t": np.minimum(time, 1.5), "d": (time <= 1.5).astype(int), "unit": unit, "age": age})
    model = fit_expected(frame, duration="t", event="d", covariates=["age"])
    table = risk_adjusted_survival(frame, model, provider="unit", at=1.0)
    rows = table.rename(columns={"provider": "unit_", "survival_adjusted": "estimate", "n": "denominator"})
    rows = rows.assign(unit=table["provider"], numerator=table["observed"])
    rows = rows[["unit", "denominator", "numerator", "estimate", "lower", "upper"]]
    named = {
        "measure": "survival_1y_adjusted",
        "level": "provider",
        "method": methods.ADJUSTED_SURVIVAL,
        "cohort": "denovo",
    }
    return make_results(rows, **named, audit="england", nation="england", run_id="r")


def test_an_exact_interval_would_give_the_deaths_away(survival_of_organisations):
    """The attack works: with exact limits, and with limits to a tenth of a point for most organisations."""
    exact = survival_of_organisations.copy()
    truth = exact["numerator"].astype(int).tolist()
    for column in ("denominator", "numerator"):
        exact[column] = [round_to_5(value) for value in exact[column]]
    rows = [row for _, row in exact.iterrows()]
    people = survival_of_organisations["denominator"].astype(int)
    hidden = [min(x, n - x) <= 7 for n, x in zip(people, truth, strict=True)]
    guesses = [guess_by_width(row, 1e-9) for row in rows]
    assert all(found == {x} for found, x, h in zip(guesses, truth, hidden, strict=True) if not h)
    coarse = exact.assign(**{c: exact[c].round(3) for c in ("estimate", "lower", "upper")})
    guesses = [guess_by_width(row, 1e-3) for _, row in coarse.iterrows()]
    assert np.mean([len(found) == 1 for found, h in zip(guesses, hidden, strict=True) if not h]) > 0.4


def test_released_intervals_leave_every_candidate(survival_of_organisations):
    """The attack on what is released finds the rounded counts' own pair, whatever the true one is."""
    released = release(survival_of_organisations, PARAMS)
    shown = released[released["status"] == "ok"]
    assert len(shown) > 30
    hits, sizes = 0, []
    for index, row in shown.iterrows():
        found = guess_by_width(row, 1e-3)
        rounded = int(row["numerator"])
        assert not found or min(abs(x - rounded) for x in found) <= 1
        hits += found == {int(survival_of_organisations.loc[index, "numerator"])}
        sizes.append(len({x for _, x in pairs(int(row["denominator"]), rounded)}))
    # somebody who names one of the candidates blindly is right as often
    assert hits <= sum(1 / size for size in sizes) + 2 * np.sqrt(sum(1 / size * (1 - 1 / size) for size in sizes))


def test_adjusted_survival_is_that_of_the_rounded_counts_and_its_interval_covers_every_pair(survival_of_organisations):
    """Without censoring and gaps the limits are the extremes over all pairs of counts that are shown alike."""
    released = release(survival_of_organisations, PARAMS)
    for place, row in released[released["status"] == "ok"].iterrows():
        exact = survival_of_organisations.loc[place]
        own = np.log(-np.log(exact["estimate"])) - log_log(exact["denominator"], exact["numerator"])[0]
        plain = log_log(row["denominator"], row["numerator"])[0]
        assert row["estimate"] == pytest.approx(np.exp(-np.exp(own + plain)), abs=6e-4)
        alike = np.array([log_log(n, x) for n, x in pairs(int(row["denominator"]), int(row["numerator"]))])
        assert row["lower"] == pytest.approx(np.exp(-np.exp(own + alike[:, 1].max())), abs=2e-3)
        assert row["upper"] == pytest.approx(np.exp(-np.exp(own + alike[:, 2].min())), abs=2e-3)
        assert row["lower"] <= exact["lower"] + 5e-4 and row["upper"] >= exact["upper"] - 5e-4


def test_an_informed_reader_guesses_deaths_no_better_than_blindly(survival_of_organisations):
    """The reader knows how case mix differs between organisations, and weighs every pair of counts by it.

    Guesses right, over guesses that are right on average without the adjusted number: at most the policy's ratio. With
    exact adjusted survival the same reader is right more often.
    """
    exact, released = survival_of_organisations, release(survival_of_organisations, PARAMS)
    shown = released.index[released["status"] == "ok"]
    counts = ["denominator", "numerator"]
    own = {i: np.log(-np.log(exact.loc[i, "estimate"])) - log_log(*exact.loc[i, counts])[0] for i in shown}
    mean, spread = np.mean(list(own.values())), np.std(list(own.values()))
    right = {"released": 0.0, "exact": 0.0, "blind": 0.0}
    for i in shown:
        truth = int(exact.loc[i, "numerator"])
        alike = pairs(int(released.loc[i, "denominator"]), int(released.loc[i, "numerator"]))
        for name, value in (("released", released.loc[i, "estimate"]), ("exact", exact.loc[i, "estimate"])):
            weight: dict[int, float] = {}
            for n, x in alike:
                # what is released was made from the rounded pair, and this reader knows it
                seen = log_log(*((n, x) if name == "exact" else released.loc[i, ["denominator", "numerator"]]))[0]
                difference = (np.log(-np.log(value)) - seen - mean) / spread
                weight[x] = weight.get(x, 0.0) + np.exp(-(difference**2) / 2)
            best = max(weight.values())
            guesses = [x for x, each in weight.items() if each > best * (1 - 1e-9)]
            right[name] += (truth in guesses) / len(guesses)
        deaths = sorted({x for _, x in alike})
        right["blind"] += 1 / len(deaths)
    assert len(shown) > 30
    ratio = POLICIES["hes2018"].guess_ratio
    assert right["exact"] > ratio * right["blind"]
    assert right["released"] <= ratio * right["blind"]


@pytest.mark.parametrize("kind", ["survival", "proportion", "ratio"])
def test_the_attack_finds_numbers_made_from_exact_counts_and_passes_those_that_are_carried(kind):
    """400 organisations whose case mix differs little, as between most organisations."""
    rng = np.random.default_rng(8)
    n = rng.integers(40, 150, 400)
    expected = expit(rng.normal(logit(0.4), 0.05, 400))
    x = rng.binomial(n, expected)
    there, back = {
        "survival": (lambda p: np.log(-np.log(1 - p)), lambda y: np.exp(-np.exp(y))),
        "proportion": (logit, expit),
        "ratio": (np.log, np.exp),
    }[kind]
    usual = 0.0 if kind == "ratio" else there(0.4)
    exact = results(*zip(x.tolist(), n.tolist(), strict=True))
    exact["method"] = next(method for method, each in METHODS.items() if each == kind)
    exact["estimate"] = back(usual + there(x / n) - there(expected))
    exact["lower"], exact["upper"] = exact["estimate"] * 0.9, exact["estimate"] * 1.1
    shown = release(exact, PARAMS)
    passed = guess_counts(shown, exact, POLICIES["hes2018"])
    assert passed.made > 350 and passed.right <= passed.allowed
    ok = shown["status"] == "ok"
    careless = shown.assign(estimate=exact["estimate"].where(ok))
    assert guess_counts(careless, exact, POLICIES["hes2018"]).right > passed.allowed
    assert guess_counts(careless, exact, POLICIES["lt10"]).made == 0


def test_the_page_on_disclosure_says_what_the_policy_holds():
    policy, page = POLICIES["hes2018"], (project_root() / "methodology" / "disclosure.qmd").read_text()
    words = dict(enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]))
    span = f"{policy.hide_from} to {policy.hide_to}"
    for phrase in (
        f"truly {span} (people",
        f"every value from {span} remains possible",
        f"at least {words[policy.round_to]} values remain possible",
        f"rounded to the nearest {policy.round_to}.",
        f"(at most {policy.guess_ratio} times as often right)",
        f"differs by {span} people | that fewer than {policy.hide_to + 1} differ",
        f"steps of at least {words[policy.deaths_per_step]} deaths; no curve where fewer than "
        f"{words[policy.least_at_risk]} are at risk",
    ):
        assert phrase in " ".join(page.split()), phrase


def test_a_release_with_numbers_made_from_exact_counts_does_not_pass():
    assert Attack("hes2018", guesses=100, guesses_right=30, guesses_allowed=30).passed
    assert Attack("hes2018", guesses=100, guesses_right=31, guesses_allowed=30).failures == {"guesses_right": 31}


def test_proportion_and_ratio_together_leave_every_candidate():
    """Two numbers, one unknown expectation: exact ones would solve for the counts; carried ones agree with any pair."""
    rng = np.random.default_rng(5)
    solved_before, solved_after, shown = 0, 0, 0
    for _ in range(60):
        n = int(rng.integers(25, 120))
        x, expected = int(rng.binomial(n, 0.4)), float(rng.uniform(0.3, 0.5))
        if not 7 < x < n - 7:
            continue
        shown += 1
        odds = logit(0.4) - logit(expected)
        p = wilson(x, n).iloc[0]
        values = [expit(logit(p[c]) + odds) for c in ("estimate", "lower", "upper")]
        rows = pd.DataFrame(
            {
                "unit": "Z0",
                "denominator": n,
                "numerator": x,
                "measure": ["a_adjusted", "a_ratio"],
                "estimate": [values[0], p["estimate"] / expected],
                "lower": [values[1], p["lower"] / expected],
                "upper": [values[2], p["upper"] / expected],
                "method": [methods.ADJUSTED_PROPORTION, methods.ADJUSTED_RATIO],
                "unit_of_estimate": ["proportion", "ratio"],
            }
        )
        named = {"level": "provider", "cohort": "denovo", "audit": "england", "nation": "england", "run_id": "r"}
        rows = make_results(rows, **named)
        released = release(rows, PARAMS)
        assert set(released["status"]) == {"ok"}
        seen = released.assign(estimate=rows["estimate"])
        solved_before += solve_for_events(seen, 1e-6, 1e-6) == {x}
        solved_after += solve_for_events(released, 5e-4, 5e-3) == {x}
    assert shown > 40 and solved_before > 0.9 * shown
    assert solved_after <= 0.35 * shown


def solve_for_events(rows: pd.DataFrame, near: float, near_ratio: float) -> set[int]:
    """For every pair take the expectation from the ratio, and see whether the adjusted proportion fits."""
    proportion, ratio = rows["estimate"]
    found = set()
    for n, x in pairs(int(rows["denominator"].iloc[0]), int(rows["numerator"].iloc[0])):
        ends = [x / n / (ratio + sign * near_ratio) for sign in (1, -1)]
        if max(ends) < 1:
            low, high = sorted(expit(logit(0.4) + logit(x / n) - logit(e)) for e in ends)
            if low - near <= proportion <= high + near:
                found.add(x)
    return found


def test_every_adjusted_method_has_a_rule_and_one_without_is_hidden():
    known = {methods.ADJUSTED_SURVIVAL, methods.ADJUSTED_PROPORTION, methods.ADJUSTED_RATIO, "wilson"}
    assert known == set(METHODS)
    odd = results((50, 100), (40, 100)).assign(method="something new")
    out = release(odd, PARAMS)
    assert set(out["status"]) == {"suppressed"} and out["estimate"].isna().all()
    assert "no rule" in out["reason"].iloc[0]
    exact = PARAMS.model_copy(update={"disclosure": PARAMS.disclosure.model_copy(update={"policy": "none"})})
    assert release(odd, exact)["status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize("kind", ["survival", "proportion", "ratio"])
def test_carrying_to_the_same_counts_changes_nothing(kind):
    values = pd.DataFrame(
        {
            "numerator": [30, 0],
            "denominator": [100, 40],
            "estimate": [0.4, 0.0],
            "lower": [0.3, 0.0],
            "upper": [0.5, 0.1],
        }
    )
    carried = carry_adjusted(values, values[["numerator", "denominator"]], kind, POLICIES["lt10"])
    np.testing.assert_allclose(carried, values[["estimate", "lower", "upper"]])


def test_limits_stay_around_the_estimate_when_counts_are_rounded():
    values = pd.DataFrame({"numerator": range(8, 33), "denominator": 40, "estimate": 0.31, "lower": 0.3, "upper": 0.32})
    rounded = pd.DataFrame({"numerator": [round_to_5(x) for x in range(8, 33)], "denominator": 40})
    for kind in ("survival", "proportion", "ratio"):
        carried = carry_adjusted(values, rounded, kind, POLICIES["hes2018"])
        assert ((carried["lower"] <= carried["estimate"]) & (carried["estimate"] <= carried["upper"])).all()


def test_who_is_eligible_is_shown_only_where_national_figures_are():
    """Of the people with a receptor, those whom the condition of an indicator excludes would be what is left."""
    rows = results((232, 232), level="nation").assign(measure="eligible.cdk46_first_line")
    small = PARAMS.model_copy(
        update={"disclosure": PARAMS.disclosure.model_copy(update={"national": "suppress_small"})}
    )
    assert release(rows, PARAMS)["status"].tolist() == ["ok"]
    assert release(rows, small)["status"].tolist() == ["suppressed"]
