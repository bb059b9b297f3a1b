"""The page of completeness of data items, by organisation and year."""

from __future__ import annotations

import pandas as pd

from naome.core.params import Params
from naome.measures.casemix.outliers import MINIMUM_UNITS
from naome.measures.specification import Specification, read_data_items
from naome.measures.study import Study
from naome.measures.variation import DOMAINS
from naome.release import HIDDEN, Released, is_hidden, release_counts
from naome.release.counts import hide_numbers, policy_in_force
from naome.release.level_chances import expect_placed
from naome.release.positions import place_organisations
from naome.report.display import STATUS_WORDS, Sentence, Table
from naome.report.funnels import say_published
from naome.report.proportions import NOTHING, tabulate_proportions
from naome.report.prose import lower_first, say_count, say_interval, say_list, say_percent

#: The part of a distribution that is within the alert limits
CENTRAL = DOMAINS[1]


def say_completeness(released: Released, specification: Specification) -> Sentence:
    """Say which item of the report's Table 2 is recorded most often, and which least."""
    items = read_data_items(specification.definitions)
    titles = {f"completeness.{item.id}": lower_first(item.title) for item in items if item.table_2}
    rows = released.where(level="nation", group_by="all", measure=list(titles)).frame
    six, gone = rows[rows["status"] == "ok"], int((rows["status"] == "suppressed").sum())
    if len(six) < 2:
        return Sentence("These data have too few items of the report's Table 2 to compare.", released)
    worst, best = six.loc[six["estimate"].idxmin()], six.loc[six["estimate"].idxmax()]
    if worst["estimate"] == best["estimate"]:
        complete = say_percent(best["estimate"])
        return Sentence(f"The report's Table 2 items in these data are equally complete ({complete}).", released)
    there = f"that are shown (suppressed: {say_count(gone, 'item')})" if gone else "in these data"
    return Sentence(
        f"Of the {say_count(len(six), 'item')} of the report's Table 2 {there}, {titles[best['measure']]} is "
        f"the most complete ({say_percent(best['estimate'])}) and {titles[worst['measure']]} the least complete "
        f"({say_percent(worst['estimate'])}).",
        released,
    )


def release_bias(flags: pd.DataFrame, released: Released, study: Study, *, organisations: int) -> Released:
    """Release the tests of whether missingness is associated with the organisation or with survival.

    Parameters
    ----------
    flags : DataFrame
        From :func:`naome.measures.completeness.flag_biased_items`.
    released : Released
        Completeness of the nation. Unless national figures are shown as they are, people and those with a record are
        taken from it: an item that is suppressed there has no number here, and no test, which holds its counts.
    study : Study
    organisations : int
        A test of few organisations is suppressed: their counts can be found from it.

    Returns
    -------
    Released
        The columns of `flags`; ``flag`` names only what a test that is shown says, and is suppressed where it cannot
        say that nothing differs.
    """
    tests, counts = ["provider_p", "survival_p"], ["n", "recorded"]
    whole = policy_in_force(study) is None
    rows = released.where(level="nation", group_by="all", group="all").frame.set_index("measure")
    measures = flags["item"].map({item.title: f"completeness.{item.id}" for item in study.data_items})
    gone = measures.map(rows["status"]).ne("ok") & (not whole)
    if not whole:
        known = {"n": measures.map(rows["denominator"]), "recorded": measures.map(rows["numerator"])}
        flags = flags.assign(**{name: known[name].astype("Int64").fillna(0) for name in counts})
    few = study.params.disclosure.policy != "none" and organisations < MINIMUM_UNITS
    shown = release_counts(flags, [], study) if whole else release_counts(flags, "recorded", study, of="n")

    def take_out(frame: pd.DataFrame) -> pd.DataFrame:
        hidden = gone | frame["recorded"].map(is_hidden).astype(bool)
        hide_numbers(frame, ["provider_p"], hidden | few)
        hide_numbers(frame, ["survival_p"], hidden)
        hide_numbers(frame, counts, gone)
        frame["flag"] = [_name_shown(*each) for each in frame[["flag", *tests]].itertuples(index=False)]
        return frame

    return shown.transform(take_out)


def _name_shown(flag: str, provider_p: object, survival_p: object) -> object:
    """Name what differs by the tests that are shown; ``HIDDEN`` where one is not and the other finds nothing."""
    gone = {"organisation": is_hidden(provider_p), "survival": is_hidden(survival_p)}
    found = [what for what, hidden in gone.items() if what in flag and not hidden]
    return " and ".join(found) or (HIDDEN if any(gone.values()) else "none")


def say_bias(biased: Released) -> Sentence:
    """State which items are recorded more or less often by survival or by organisation.

    Parameters
    ----------
    biased : Released
        From :func:`release_bias`.
    """
    flags = biased.frame
    flag = flags["flag"].astype(str)
    by = {what: flags.loc[flag.str.contains(what), "item"] for what in ("survival", "organisation")}
    named = f" ({say_list([lower_first(item) for item in by['survival']])})" if len(by["survival"]) else ""
    differ = "differs" if len(by["survival"]) == 1 else "differ"
    suppressed, tested = flags["provider_p"].map(is_hidden).astype(bool), flags["provider_p"].notna()
    organisations = "organisations were not compared: the data name none, or too few are large enough."
    if tested.any():
        organisations = f"recording of {say_count(len(by['organisation']), 'item')} differs between organisations."
    if tested.any() and suppressed[tested].all():
        organisations = "whether recording differs between organisations is suppressed."
    hidden = int(flags["survival_p"].map(is_hidden).sum())
    biased_by = ", so that an analysis of complete cases could be biased" if len(by["survival"]) else ""
    others = f" (suppressed: {say_count(hidden, 'item')})" if hidden else ""
    number = f"{say_count(len(by['survival']), 'item').capitalize()} of {len(flags) - hidden}"
    return Sentence(
        f"{number}{named} {differ} in survival between people with and without a record{biased_by}{others}; "
        f"{organisations}",
        biased,
    )


def say_variation(released: Released, measure: str, params: Params) -> Sentence:
    """Say how many organisations are outside the limits of the funnel plot, and how many would be by chance alone.

    Parameters
    ----------
    released : Released
        Completeness of the nation and of organisations.
    measure : str
        The item that is plotted.
    params : Params
        For the limits.
    """
    placed = place_organisations(released, params, {measure: "higher"})["position"]
    compared = placed[placed.isin(DOMAINS)]
    if compared.empty:
        return Sentence("These data do not show whether completeness varies by organisation.", released)
    outside = int((compared != CENTRAL).sum())
    nation = released.where(measure=measure, level="nation", group_by="all").frame.iloc[0]
    sizes = released.frame.loc[compared.index, "denominator"].to_numpy(dtype=int)
    chance, _ = expect_placed(float(nation["estimate"]), sizes, params, int(nation["denominator"]))
    return Sentence(
        f"Outside the alert limits: {outside} of {len(compared)} organisations compared; {chance:.1f} would be "
        f"by chance alone{say_published(params)}. Where completeness varies by organisation, a complete-case analysis "
        "can be biased by recording practice.",
        released,
    )


def tabulate_completeness(released: Released, specification: Specification, *, table_2: bool) -> Table:
    """Lay out national completeness, the report's six items or the others."""
    items = read_data_items(specification.definitions)
    titles = {f"completeness.{item.id}": item.title for item in items if item.table_2 == table_2}
    rows = released.where(level="nation", group_by="all", measure=list(titles)).frame
    return tabulate_proportions(rows, rows["measure"].map(titles), "Data item", released)


def tabulate_completeness_years(released: Released, specification: Specification) -> Table:
    """Lay out national completeness of the report's six items by year of the time origin.

    Returns
    -------
    Table
        Texts, one row per year and one column per item that the data have: percent with its 95% interval, or why there
        is none. A single sentence where no item can be shown.
    """
    items = read_data_items(specification.definitions)
    titles = {f"completeness.{item.id}": item.title for item in items if item.table_2}
    rows = released.where(level="nation", group_by="year", measure=list(titles)).frame
    if rows.empty:
        return Table(NOTHING.rename(columns={"Indicator": "Year"}), released)
    texts = [
        say_interval(row) if row["status"] == "ok" else STATUS_WORDS[row["status"]][0]
        for row in rows.to_dict("records")
    ]
    table = rows.assign(text=texts).pivot(index="group", columns="measure", values="text")
    table = table[[measure for measure in titles if measure in table.columns]].rename(columns=titles)
    return Table(table.reset_index(names="Year").rename_axis(columns=None), released)


def tabulate_bias(biased: Released) -> Table:
    """Lay out whether missingness is associated with the organisation or with survival.

    Parameters
    ----------
    biased : Released
        From :func:`release_bias`; a test that no item has is excluded.
    """
    tests = ["provider_p", "survival_p"]
    frame = biased.frame.drop(columns=[test for test in tests if biased.frame[test].isna().all()])
    headings = {"item": "Data item", "n": "People", "recorded": "Recorded", "flag": "Associated with"}
    headings |= {"provider_p": "p, organisations", "survival_p": "p, survival"}
    formats = {"n": "count", "recorded": "count", **{test: "pvalue" for test in tests if test in frame}}
    return Table(frame, biased, formats, headings)
