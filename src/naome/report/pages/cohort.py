"""The page of the cohorts: their derivation and characteristics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from naome.cohort.feature_definitions import read_features
from naome.core.params import Params
from naome.extract.candidates import NOT_CANDIDATES
from naome.extract.linkage import Linkage
from naome.extract.rows_by_rule import name_kind
from naome.extract.vocabulary import Vocabulary
from naome.measures.description import ROUTES
from naome.measures.indicators import MISSING
from naome.measures.study import Study
from naome.release import HIDDEN, Released, declare_not_counts, is_hidden, release_counts, release_variants
from naome.release.counts import hide_columns, is_small, policy_in_force
from naome.report.display import Sentence, Table
from naome.report.flow import explain_rules
from naome.report.labels import AGE_ORDER, CHARACTERISTIC_NAMES, COHORT_NAMES, SITE_NAMES, name_value
from naome.report.prose import say_count, say_day, say_list, say_number, say_percent


def say_sizes(people: Released, study: Study) -> Sentence:
    """Say how many people are in the cohorts, in which period, and when follow-up ends.

    Parameters
    ----------
    people : Released
        From :func:`naome.measures.description.count_people`.
    study : Study
    """
    params, sizes = study.params, _take_people(people, ["all"]).set_index("cohort")["people"]
    parts = [
        f"{say_number(n, 'people') if is_hidden(n) else f'{n:,}'} in the {COHORT_NAMES[cohort].lower()} cohort"
        for cohort, n in ((cohort, sizes.get(cohort, 0)) for cohort in params.cohorts)
    ]
    period = f"{say_day(params.metastatic_from)} to {say_day(params.metastatic_to)}"
    end = f"Follow-up ends by {say_day(params.censor_date)}."
    return Sentence(f"{params.title}, {period}: {say_list(parts)}. {end}", people)


def _take_people(people: Released, characteristics: Iterable[str]) -> pd.DataFrame:
    """Return ``cohort, group_by, group, people`` of some characteristics, suppressed numbers as ``HIDDEN``."""
    rows = people.where(group_by=list(characteristics)).frame
    counts = rows["denominator"].astype(object).mask(rows["denominator"].isna(), HIDDEN)
    return rows[["cohort", "group_by", "group"]].assign(people=counts).reset_index(drop=True)


def say_routes(study: Study) -> Sentence:
    """Say which rules make the cohorts of a run, and why there is no recurrent cohort where there is none.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> from naome.measures.study import make_study
    >>> say_routes(make_study(load_params("simulacrum"), run_id="r")).text.split(".")[0]
    'Rules DN1 and DN2 make the de novo cohort'
    """
    params, parts = study.params, []
    if "denovo" in params.cohorts:
        parts.append("Rules DN1 and DN2 make the de novo cohort.")
    if "recurrent" in params.cohorts:
        parts.append(
            study.rules.fill("Rules RC1 and RC2 make the recurrent cohort. {early_code_bars_recurrence.later}").strip()
        )
    elif reason := study.reason("survival", "recurrent"):
        parts.append(f"There is no recurrent cohort. {reason}")
    if "primary" in params.cohorts:
        parts.append("The primary cohort is all eligible people, from the initial diagnosis.")
    text = " ".join(parts)
    return Sentence(text, declare_not_counts(text, "Identifiers of rules."))


def release_quality(quality: pd.DataFrame, study: Study) -> Released:
    """Add up the uses of every data-cleaning rule, and release them: a row can be a person."""
    by_rule = quality.groupby(["rule", "kind"], as_index=False).agg(rows=("rows", "sum"), meaning=("meaning", "first"))
    return release_counts(by_rule, "rows", study)


def tabulate_quality(by_rule: Released) -> Table:
    """Lay out the uses of every data-cleaning rule."""
    kinds = [name_kind(row) for row in by_rule.frame[["rule", "kind"]].to_dict("records")]
    frame = by_rule.frame.assign(rule=by_rule.frame["rule"].str.replace("_", " "), kind=kinds)
    frame = frame[["rule", "kind", "meaning", "rows"]].rename(columns=str.capitalize)
    return Table(frame, by_rule, {"Rows": "count"})


def tabulate_vocabularies(found: list[dict], study: Study) -> Table:
    """Lay out what was found of the columns that are read by a list, and name the values that no list has.

    Parameters
    ----------
    found : list of dict
        The fields of :class:`naome.extract.vocabulary.Vocabulary`, as ``read.json`` holds them.
    study : Study
        Rows are said under its rules of disclosure.
    """
    vocabularies = [Vocabulary(**each) for each in found]
    frame = pd.DataFrame(
        {
            "Table": [each.table for each in vocabularies],
            "Column": [each.column for each in vocabularies],
            "In a group": [each.grouped for each in vocabularies],
            "Known, not counted": [each.not_counted for each in vocabularies],
            "In no list": [len(each.unknown) + each.others for each in vocabularies],
            "rows": [each.unknown_rows for each in vocabularies],
            "names": [_name_unknown(each, study) for each in vocabularies],
        }
    )
    rows = release_counts(frame, "rows", study)
    shown = rows.frame.rename(columns={"rows": "Rows in no list", "names": "Which"})
    formats = dict.fromkeys(("Table", "Column", "Which"), "text")
    formats |= dict.fromkeys(("In a group", "Known, not counted", "In no list"), "int")
    return Table(shown, rows, {**formats, "Rows in no list": "count"})


def _name_unknown(found: Vocabulary, study: Study) -> str:
    """Name the values in no list, with rows only where national numbers are shown as they are."""
    if study.params.disclosure.national == "show":
        return found.say_unknown()
    more = f", and {found.others:,} more" if found.others else ""
    return ", ".join(found.unknown) + more


def say_reading(by_rule: Released, raw_rows: dict[str, int]) -> Sentence:
    """State how many rows of the extract were read, which were not, and how many data-cleaning rules were used.

    Parameters
    ----------
    by_rule : Released
        From :func:`release_quality`.
    raw_rows : dict of str to int
        Rows of each raw file.
    """
    unread = by_rule.where(rule=NOT_CANDIDATES[0]).frame["rows"].tolist()
    used = by_rule.frame.loc[by_rule.frame["rule"] != NOT_CANDIDATES[0], "rule"].nunique()
    rows = sum(raw_rows.values())
    few = by_rule.frame["rows"].map(is_hidden).any()  # all rows less those that are read would be those left out
    parts = [f"The extract has about {round(rows, -3):,} rows." if few else f"The extract has {rows:,} rows."]
    if unread and not is_hidden(unread[0]):
        parts.append(
            f"{unread[0]:,} of them ({say_percent(unread[0] / rows)}) are events of people without any record "
            "suggestive of metastatic disease and were not read."
        )
    parts.append(f"Data cleaning of the other rows used {say_count(used, 'rule')}, and every use is counted.")
    lines = declare_not_counts(" ".join(parts), "Rows of the raw files, and the number of rules used.")
    return Sentence(" ".join([*parts, "No other value was changed."]), (by_rule, lines))


def release_linkage(linkage: list[dict[str, Any]], study: Study) -> Released:
    """Release how the tables of the extract link: a row, or a person, that does not link can be recognised.

    Parameters
    ----------
    linkage : list of dict
        Fields of :class:`naome.extract.linkage.Linkage`.

    Returns
    -------
    Released
        People are suppressed where there are few rows more, unless national figures are shown as they are.
    """
    links = [Linkage(**each) for each in linkage]
    frame = pd.DataFrame(
        {
            "table": [link.table for link in links],
            "to": [link.to for link in links],
            "rows": [link.rows for link in links],
            "unlinked": [link.rows - link.linked for link in links],
            "without": [link.without for link in links],
            "share": [link.share for link in links],
            "people": pd.array([link.people for link in links], dtype="Int64"),
            "unlinked_people": pd.array([link.unlinked_people for link in links], dtype="Int64"),
        }
    )
    counts = ["rows", "unlinked", "without", "people", "unlinked_people"]
    # of all tables together, rules of data cleaning say how many rows have no identifier, or no match
    released = release_counts(frame, counts, study, totals=[[]], with_it=["share"])
    policy = policy_in_force(study)
    if policy is None:
        return released
    more = frame["rows"] - frame["people"]  # rows beyond the first of each person: of a death registered twice
    linked = more - frame["unlinked"] + frame["unlinked_people"]
    few = is_small(more, policy) | is_small(linked, policy)
    return hide_columns(released, ["people"], few)


def tabulate_linkage(linkage: Released) -> Table | Sentence:
    """Lay out, per table of the extract, the rows and people that link and those that do not."""
    if linkage.frame.empty:
        return Sentence("All records of this source are in one table of people.")
    names = {
        "table": "Table",
        "to": "Links to",
        "rows": "Rows",
        "unlinked": "Rows without a match",
        "without": "Rows without an identifier",
        "share": "Linked",
        "people": "People",
        "unlinked_people": "People without a match",
    }
    frame = linkage.frame[list(names)].rename(columns=names)
    formats = {name: "count" for column, name in names.items() if column not in ("table", "to", "share")}
    return Table(frame, linkage, formats | {"Linked": "percent1"})


def say_warnings(warnings: list[str]) -> Sentence:
    """List what was read but looks incomplete or improbable: tables that end early, many rows that a rule excludes.

    Parameters
    ----------
    warnings : list of str
        Of ``read.json`` (:meth:`naome.extract.Extract.list_warnings`).
    """
    if not warnings:
        return Sentence("No table ends early, and records link alike in all organisations and years.")
    text = "Parts of the extract look incomplete or improbable:\n\n" + "\n".join(f"- {line}" for line in warnings)
    return Sentence(text, declare_not_counts(text, "Dates, shares of rows, and codes of organisations."))


def say_sites(analysis: pd.DataFrame, study: Study) -> Sentence:
    """Say what metastatic sites in the table of characteristics mean, or why there are none."""
    reason = study.reason("site_recorded", study.params.cohorts[0])
    if reason:
        text = f"Metastatic sites are not shown. {reason}"
        return Sentence(text, declare_not_counts(text, "Why metastatic sites cannot be derived."))
    if not analysis[list(SITE_NAMES)].fillna(False).to_numpy().any():
        return Sentence("No one has a metastatic site coded.")
    window = read_features(study.definitions)[next(iter(SITE_NAMES))]
    text = (
        f"Metastatic sites are those coded in admissions from {abs(window.from_days or 0)} days before to "
        f"{window.to_days} days after the metastatic diagnosis, so people who live longer have more time for one. A "
        "person can have more than one. People without an admission have none coded, so these percentages are lower "
        "bounds."
    )
    return Sentence(text, declare_not_counts(text, "Days of a window."))


def tabulate_attrition(attrition: Released, params: Params) -> Table:
    """Lay out the attrition table (:func:`naome.release.release_attrition`).

    A rule that the data cannot show is listed with the reason: an eligibility rule then excludes no one, and a rule of
    entry to a cohort has no number.
    """
    rows = explain_rules(attrition.frame, params)
    rows = rows[rows["cohort"].isin(["both", *params.cohorts])]
    unknown = (rows["cohort"] != "both") & rows["step"].isin(params.rules_not_checked)
    frame = pd.DataFrame(
        {
            "Rule": rows["step"],
            "Criterion": rows["text"],
            "Counted": rows["unit"],
            "Remaining": rows["remaining"].mask(unknown),
            "Excluded": rows["left_out"].mask(unknown),
            "status": unknown.map({True: "not_derivable", False: "ok"}),
        }
    ).reset_index(drop=True)
    return Table(frame, attrition, {"Remaining": "count", "Excluded": "count"})


def tabulate_routes(people: Released) -> Table:
    """Lay out the people of every cohort by rule of entry and year of the time origin."""
    counts = _take_people(people, [ROUTES])
    counts[["route", "year"]] = counts["group"].str.split(" / ", expand=True)
    frame = counts.pivot(index=["cohort", "route"], columns="year", values="people")
    frame = frame.mask(frame.isna(), 0)
    frame.columns = [str(year) for year in frame.columns]
    frame = frame.reset_index().replace({"cohort": COHORT_NAMES})
    formats = dict.fromkeys(frame.columns[2:], "count")
    return Table(frame.rename(columns={"cohort": "Cohort", "route": "Rule"}), people, formats)


def tabulate_characteristics(people: Released, study: Study) -> Table:
    """Lay out the characteristics of every cohort: people and percent of everyone, missing shown and not dropped.

    Parameters
    ----------
    people : Released
        From :func:`naome.measures.description.count_people`.
    study : Study

    Returns
    -------
    Table
        ``Characteristic, Value`` and two columns per cohort.
    """
    titles = {**CHARACTERISTIC_NAMES, **dict.fromkeys(SITE_NAMES, "Metastatic site")}
    rows, whole = _take_people(people, titles), _take_people(people, ["all"]).set_index("cohort")["people"]
    order, rank = list(titles), {name: n for n, name in enumerate(AGE_ORDER)}
    values = rows[["group_by", "group"]].drop_duplicates()
    keys = sorted(
        values.itertuples(index=False, name=None),
        key=lambda key: (order.index(key[0]), key[1] == MISSING, rank.get(key[1], 99), key[1]),
    )
    names = [SITE_NAMES.get(value, name_value(value)) for _, value in keys]
    frame = pd.DataFrame({"Characteristic": [titles[by] for by, _ in keys], "Value": names})
    formats = {}
    for cohort in study.params.cohorts:
        counts = rows[rows["cohort"] == cohort].set_index(["group_by", "group"])["people"]
        mine, name = [counts.get(key, 0) for key in keys], COHORT_NAMES[cohort]
        frame[name] = pd.Series(mine, dtype=object).convert_dtypes()
        frame[f"{name}, %"] = [_share(n, whole.get(cohort, 0)) for n in mine]
        formats |= {name: "count", f"{name}, %": "percent1"}
    return Table(frame, people, formats)


def _share(count: object, whole: object) -> object:
    return HIDDEN if is_hidden(count) or is_hidden(whole) else int(count) / max(int(whole), 1)


def tabulate_what_if(sizes: pd.DataFrame, study: Study) -> Table:
    """Lay out people by cohort under the run's own choices and under others (``run.what_if(...).sizes``)."""
    sizes = sizes.rename_axis("cohort").reset_index().drop(columns="change")
    own = sizes.assign(what_if=sizes["run"])
    released = release_variants(sizes, ["run", "what_if"], own, study)
    frame = released.frame
    frame = frame.assign(cohort=frame["cohort"].map(COHORT_NAMES))[["cohort", "run", "what_if"]]
    names = {"cohort": "Cohort", "run": "This run", "what_if": "With the other choice"}
    return Table(frame.rename(columns=names), released, {"This run": "count", "With the other choice": "count"})
