"""The page of inequalities: gaps, trends, and treatment with death as a competing event."""

from __future__ import annotations

import pandas as pd

from naome.measures.inequalities import IMPORTANT_GAP, READINGS, REFERENCE_ETHNIC_GROUP, read_gap
from naome.measures.landmark import list_landmarked
from naome.measures.specification import Specification
from naome.measures.study import Study
from naome.measures.trend import SIGNIFICANT, count_trends
from naome.release import HIDDEN, Released, release_counts, shown_numbers
from naome.report.display import Sentence, Table, format_number
from naome.report.labels import name_comparison, title_of
from naome.report.proportions import PERCENT
from naome.report.prose import say_count

#: Why a gap is not shown -> how a number of such gaps is said
WITHOUT = {"suppressed": "suppressed", "too_few": "of too few people"}
POINTS = ("Crude, points", "Standardised, points", "Lower", "Upper")


GAP_FORMATS = {"People": "count", **dict.fromkeys(POINTS, "decimal1")}


TREND_FORMATS = {
    "First year": "percent1",
    "Last year": "percent1",
    "Odds ratio per year": "decimal2",
    "Lower": "decimal2",
    "Upper": "decimal2",
    "p": "pvalue",
}


WAYS = {
    "landmark": "treated, of people alive at 30 days (the audit's method)",
    "no_landmark": "treated, of everyone (early deaths count as not treated)",
    "incidence": "treated, cumulative incidence with death as a competing event",
    "died_untreated": "died before treatment, cumulative incidence",
}


def say_gaps(released: Released, group_by: str) -> Sentence:
    """State what the age-standardised gaps of a characteristic show, and how many are inconclusive.

    Parameters
    ----------
    released : Released
        Results of :func:`naome.measures.inequalities.measure_gaps`.
    group_by : {"deprivation", "ethnic_group"}
    """
    rows = released.where(group_by=group_by).frame
    rows = rows[rows["measure"].str.endswith("_gap_standardised")]
    readings = rows.apply(read_gap, axis=1) if len(rows) else pd.Series(dtype=object)
    n = {reading: int((readings == reading).sum()) for reading in READINGS}
    shown = int((rows["status"] == "ok").sum())
    what = {
        "deprivation": "between the most and the least deprived quintile",
        "ethnic_group": f"between other ethnic groups and the {REFERENCE_ETHNIC_GROUP} group",
    }[group_by]
    without = [f"{int((rows['status'] == status).sum())} {words}" for status, words in WITHOUT.items()]
    others = " and ".join(words for words in without if not words.startswith("0 "))
    if not shown:
        reason = f": {others}" if others else ""
        return Sentence(f"No age-standardised gap {what} is shown{reason}.", released)
    margin = format_number(100 * IMPORTANT_GAP, "int")
    return Sentence(
        f"Of {say_count(shown, 'age-standardised gap')} {what}, {n['higher'] + n['lower']} differ from zero "
        f"({n['higher']} higher, {n['lower']} lower; up to {0.05 * shown:.1f} would be expected to by chance alone). "
        f"For {n['within ten points']}, the whole interval is within {margin} percentage points of zero, which can "
        f"still matter where the percentage is low. The other {n['inconclusive']} are inconclusive: the interval "
        f"includes zero and a gap of {margin} points or more. An inconclusive result does not show that there "
        f"is no gap.{f' Not shown: {others}.' if others else ''}",
        released,
    )


def tabulate_gaps(released: Released, specification: Specification, group_by: str, kind: str) -> Table:
    """Lay out crude and age-standardised gaps in percentage points, with their reading.

    Parameters
    ----------
    released : Released
        Results of :func:`naome.measures.inequalities.measure_gaps`.
    specification : Specification
    group_by : {"deprivation", "ethnic_group"}
    kind : {"performance", "data_quality", "contextual"}

    Returns
    -------
    Table
        The interval and the reading are those of the standardised gap.
    """
    rows = released.where(group_by=group_by).frame
    key = ["cohort", "group"]
    pieces = []
    for indicator in specification.indicators:
        if indicator.kind != kind:
            continue
        crude = rows[rows["measure"] == f"{indicator.id}_gap"].set_index(key)["estimate"]
        for row in rows[rows["measure"] == f"{indicator.id}_gap_standardised"].to_dict("records"):
            pieces.append(
                {
                    "Indicator": title_of(specification, indicator.id, row["cohort"]),
                    "Comparison": name_comparison(row["group"]),
                    "People": row["denominator"],
                    "Crude, points": 100 * crude.get((row["cohort"], row["group"]), float("nan")),
                    "Standardised, points": 100 * row["estimate"],
                    "Lower": 100 * row["lower"],
                    "Upper": 100 * row["upper"],
                    "Reading": read_gap(row),
                    "status": row["status"],
                    "reason": row["reason"],
                }
            )
    return Table(pd.DataFrame(pieces).astype({"People": "Int64"}), released, GAP_FORMATS)


def release_trends(trends: pd.DataFrame, study: Study, years: set[tuple[str, str, str]]) -> Released:
    """Release trends: a year, or a test, based on few people is suppressed.

    Parameters
    ----------
    trends : DataFrame
    study : Study
    years : set of (str, str, str)
        Cohort, measure and year of suppressed results; a trend with such a year is not shown.
    """
    gone = {key[:2] for key in years}
    for year in ("first", "last"):
        counted = release_counts(trends, f"{year}_events", study, of=f"{year}_n", with_it=[year])
        trends = counted.frame
    numbers = ["odds_ratio", "lower", "upper", "z", "p_value"]
    released = release_counts(trends, "events", study, of="n", with_it=numbers)

    def take_out(frame: pd.DataFrame) -> pd.DataFrame:
        hidden = [key in gone for key in zip(frame["cohort"], frame["measure"], strict=True)]
        for column in ("first", "last", *numbers) if any(hidden) else ():
            frame[column] = frame[column].astype(object).mask(pd.Series(hidden, index=frame.index), HIDDEN)
        return frame

    return released.transform(take_out)


def say_trends(trends: Released) -> Sentence:
    """Say how many trends were tested, and how many would have a small p by chance alone."""
    tested, found, chance = count_trends(trends.frame.assign(p_value=shown_numbers(trends.frame["p_value"])))
    if not tested:
        return Sentence("No indicator could be tested for a trend over years.", trends)
    return Sentence(
        f"Of {say_count(tested, 'indicator')} tested for a trend over years, {found} have p below {SIGNIFICANT}; "
        f"{chance:.1f} would be expected to by chance alone.",
        trends,
    )


def tabulate_trends(trends: Released, specification: Specification, kind: str) -> Table:
    """Lay out trends over years."""
    kinds = {indicator.id: indicator.kind for indicator in specification.indicators}
    t = trends.frame[trends.frame["measure"].map(kinds) == kind]
    frame = pd.DataFrame(
        {
            "Indicator": [title_of(specification, m, c) for m, c in zip(t["measure"], t["cohort"], strict=True)],
            "First year": t["first"].to_numpy(),
            "Last year": t["last"].to_numpy(),
            "Odds ratio per year": t["odds_ratio"].to_numpy(),
            "Lower": t["lower"].to_numpy(),
            "Upper": t["upper"].to_numpy(),
            "p": t["p_value"].to_numpy(),
            "Caution": t["caution"].to_numpy(),
            "status": t["status"].to_numpy(),
            "reason": t["reason"].to_numpy(),
        }
    )
    return Table(frame, trends, TREND_FORMATS)


def tabulate_landmarks(released: Released, specification: Specification) -> Table:
    """Lay out the ways to count treatment when death is a competing event."""
    pieces = []
    for indicator in list_landmarked(specification):
        for way, words in WAYS.items():
            rows = released.where(measure=f"{indicator.id}_{way}").frame
            pieces.append(
                pd.DataFrame(
                    {
                        "Indicator": [title_of(specification, indicator.id, c) for c in rows["cohort"]],
                        "Method": words,
                        "Denominator": rows["denominator"].to_numpy(),
                        "Numerator": rows["numerator"].to_numpy(),
                        "Percent": rows["estimate"].to_numpy(),
                        "Lower": rows["lower"].to_numpy(),
                        "Upper": rows["upper"].to_numpy(),
                        "status": rows["status"].to_numpy(),
                        "reason": rows["reason"].to_numpy(),
                    }
                )
            )
    return Table(pd.concat(pieces, ignore_index=True), released, PERCENT)
