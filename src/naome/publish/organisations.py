"""Tables and names of the page that compares organisations; whoever is hidden is not named."""

from __future__ import annotations

import pandas as pd

from naome.measures.adjusted import Adjusted
from naome.measures.specification import Specification
from naome.measures.variation import Variation
from naome.publish.tables import COHORT_NAMES
from naome.results import KEY
from naome.run import Run

OUTSIDE = ("alert", "alarm")
ALERT_FORMATS = {"People": "int", "Percent": "percent1"}
VARIATION_FORMATS = {
    **{name: "int" for name in ("Organisations", "Assessed", "Negative tail", "Central mass", "Positive tail")},
    **{name: "int" for name in ("Alerts", "Alarms", "Alerts, spread allowed", "Alarms, spread allowed")},
    "National": "percent1",
    "Alerts by chance": "decimal1",
    "Alarms by chance": "decimal2",
}
SPREAD_FORMATS = {
    "Variance": "decimal2",
    "Beyond chance": "percent0",
    "p": "pvalue",
    **{name: "decimal2" for name in ("Median odds ratio", "Lower", "Upper", "phi")},
}
ADJUSTED_FORMATS = {
    "People": "int",
    "Observed": "int",
    "Observed / expected": "decimal2",
    **{name: "percent1" for name in ("Adjusted", "Lower", "Upper")},
}


def name_organisations(run: Run) -> dict[str, str]:
    """Return code -> name of the organisations of a run; empty where the data hold no names."""
    file = run.canonical / "organisations.parquet"
    if not file.is_file():
        return {}
    table = pd.read_parquet(file)
    return dict(zip(table["provider"].astype(str), table["name"].astype(str), strict=True))


def title_of(specification: Specification, measure: str, cohort: str) -> str:
    """Return an indicator's title with its cohort."""
    return f"{specification[measure].title} ({COHORT_NAMES[cohort].lower()})"


def tabulate_alerts(
    variation: Variation, released: pd.DataFrame, specification: Specification, names: dict[str, str]
) -> pd.DataFrame:
    """Lay out the organisations beyond the limits in both tails (formats in ``ALERT_FORMATS``).

    Parameters
    ----------
    variation : Variation
    released : DataFrame
        Released indicators: numbers come from here, and only organisations whose result is shown are named.
    specification : Specification
    names : dict of str to str
        Code -> name.

    Returns
    -------
    DataFrame
        Alarms first. Organisations hidden by disclosure control stand together in one row per indicator.
    """
    outside = variation.units[variation.units["level"].isin(OUTSIDE)]
    shown = _released_providers(released)
    rows, hidden = [], {}
    ordered = outside.assign(size=outside["z"].abs()).sort_values(["level", "size"], ascending=[True, False])
    for row in ordered.to_dict("records"):
        title = title_of(specification, row["measure"], row["cohort"])
        found = shown.get((row["cohort"], row["measure"], row["unit"]))
        if found is None:
            hidden[title] = hidden.get(title, 0) + 1
            continue
        name = names.get(row["unit"], row["unit"])
        people, percent = found
        rows.append((title, name, row["level"], row["domain"], people, percent))
    rows += [(title, f"{n} not named", "hidden by disclosure control", "", None, None) for title, n in hidden.items()]
    columns = ["Indicator", "Organisation", "Level", "Domain", "People", "Percent"]
    if not rows:
        rows = [("none", "", "", "", None, None)]
    order = {title_of(specification, i.id, c): k for k, i in enumerate(specification.indicators) for c in i.cohorts}
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values("Indicator", key=lambda c: c.map(order), kind="stable").reset_index(drop=True)
    return table.astype({"Percent": "float64", "People": "Int64"})


def tabulate_domains(variation: Variation, specification: Specification) -> pd.DataFrame:
    """Lay out how many organisations lie in each domain, and how many would by chance (``VARIATION_FORMATS``).

    For a neutral indicator the negative tail is the low one and the positive tail the high one.
    """
    s = variation.summary
    return pd.DataFrame(
        {
            "Indicator": _titles(s, specification),
            "National": s["target"].to_numpy(),
            "Organisations": s["organisations"].to_numpy(),
            "Assessed": s["assessed"].to_numpy(),
            "Negative tail": s["low"].to_numpy(),
            "Central mass": s["central"].to_numpy(),
            "Positive tail": s["high"].to_numpy(),
            "Alerts": s["alerts"].to_numpy(),
            "Alerts by chance": s["chance_alerts"].to_numpy(),
            "Alarms": s["alarms"].to_numpy(),
            "Alarms by chance": s["chance_alarms"].to_numpy(),
            "Alerts, spread allowed": s["alerts_spread"].to_numpy(),
            "Alarms, spread allowed": s["alarms_spread"].to_numpy(),
            **_status(s),
        }
    )


def tabulate_spread(variation: Variation, specification: Specification) -> pd.DataFrame:
    """Lay out the variation between organisations that chance does not explain (formats in ``SPREAD_FORMATS``)."""
    s = variation.summary
    return pd.DataFrame(
        {
            "Indicator": _titles(s, specification),
            "Median odds ratio": s["median_odds_ratio"].to_numpy(),
            "Lower": s["mor_lower"].to_numpy(),
            "Upper": s["mor_upper"].to_numpy(),
            "Variance": s["variance"].to_numpy(),
            "Beyond chance": s["share_beyond_chance"].to_numpy(),
            "p": s["p_value"].to_numpy(),
            "phi": s["phi"].to_numpy(),
            **_status(s),
        }
    )


def tabulate_adjusted(adjusted: Adjusted, released: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Lay out the organisations of a risk-adjusted indicator, those furthest from expectation first.

    Parameters
    ----------
    adjusted : Adjusted
    released : DataFrame
        Its released results; organisations that are hidden are listed together and not named.
    names : dict of str to str

    Returns
    -------
    DataFrame
        Formats in ``ADJUSTED_FORMATS``.
    """
    columns = [
        "Organisation",
        "People",
        "Observed",
        "Observed / expected",
        "Adjusted",
        "Lower",
        "Upper",
        "Level",
        "Side",
    ]
    rows = released[released["measure"] == f"{adjusted.indicator}_adjusted"].set_index("unit")
    if adjusted.reason:
        return pd.DataFrame([{"Organisation": "all", "Reason": adjusted.reason}])
    ratios = released[released["measure"] == f"{adjusted.indicator}_ratio"].set_index("unit")["estimate"]
    table = adjusted.table.set_index("unit")
    shown = rows.index[rows["status"] == "ok"]
    order = table["z"].abs().reindex(shown).sort_values(ascending=False).index
    out = [
        (
            names.get(unit, unit),
            rows.loc[unit, "denominator"],
            rows.loc[unit, "numerator"],
            ratios.get(unit),
            *rows.loc[unit, ["estimate", "lower", "upper"]],
            table.loc[unit, "level"].replace("_", " "),
            table.loc[unit, "direction"],
        )
        for unit in order
    ]
    left = len(rows) - len(shown)
    if left:
        out.append((f"{left} too small or hidden, not named", *[None] * 6, "", ""))
    kinds = {"People": "Int64", "Observed": "Int64", **dict.fromkeys(columns[3:7], "float64")}
    return pd.DataFrame(out, columns=columns).astype(kinds)


def most_variable(variation: Variation) -> tuple[str, str, float] | None:
    """Return measure, cohort and national value of the indicator whose spread is least due to chance; None if none."""
    compared = variation.summary[variation.summary["reason"] == ""]
    if compared.empty:
        return None
    row = compared.loc[compared["share_beyond_chance"].astype(float).idxmax()]
    return row["measure"], row["cohort"], float(row["target"])


def drawable_units(released: pd.DataFrame, measure: str, cohort: str) -> pd.DataFrame:
    """Return the released organisations of a measure that may be drawn."""
    key = {"measure": measure, "cohort": cohort, "level": "provider", "status": "ok", "group_by": "all"}
    for column, value in key.items():
        released = released[released[column] == value]
    return released.reset_index(drop=True)


def _released_providers(released: pd.DataFrame) -> dict[tuple, tuple]:
    rows = released[(released["level"] == "provider") & (released["group_by"] == "all") & (released["status"] == "ok")]
    keys = rows[[c for c in KEY if c in ("cohort", "measure", "unit")]].itertuples(index=False)
    return {tuple(k): (d, e) for k, d, e in zip(keys, rows["denominator"], rows["estimate"], strict=True)}


def _titles(summary: pd.DataFrame, specification: Specification) -> list[str]:
    return [title_of(specification, m, c) for m, c in zip(summary["measure"], summary["cohort"], strict=True)]


def _status(summary: pd.DataFrame) -> dict[str, list]:
    reasons = summary["reason"].tolist()
    return {"status": ["not_derivable" if reason else "ok" for reason in reasons], "reason": reasons}
