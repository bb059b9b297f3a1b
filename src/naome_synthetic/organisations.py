"""Fictitious trusts, health boards, alliances and regions. No real organisation's name or code is used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from naome_synthetic.sampling import day_number

MEASURES = (
    "survival",
    "mdt",
    "cns",
    "chemotherapy",
    "cdk46",
    "anti_her2",
    "missing_er",
    "missing_pr",
    "death_30d",
    "hes_chemotherapy",
    "coding",
)
_CODE_CHARACTERS = "ABCDEFGHJKLMNPQRSTUVWXY0123456789"
_FIRST_HALVES = (
    *("Amber", "Bracken", "Cinder", "Dapple", "Elder", "Fallow", "Glimmer", "Hazel", "Iron", "Juniper", "Kestrel"),
    *("Larch", "Marrow", "Nettle", "Otter", "Pepper", "Quill", "Raven", "Saffron", "Thistle"),
)
_SECOND_HALVES = ("mere", "ford", "wick", "combe", "fell", "haven", "dale")
_REGIONS = ("Northmere", "Eastfallow", "Midholm", "Southquill", "Westerley", "Farcombe", "Capitalia")
_BOARDS = ("Glasfryn", "Penderwyn", "Aberllwyd", "Tircanol", "Dyffryn Arian", "Llan-y-Frân", "Morlais Isaf")


@dataclass(frozen=True)
class Organisations:
    """Providers of one nation: arrays over current and closed organisations, and effects over current ones.

    Attributes
    ----------
    code, name, region_code, region_name, alliance_code, alliance_name : lists of str
        One entry per organisation, closed ones last; alliances are None in Wales.
    successor : ndarray of int
        Index of the organisation a closed one merged into; -1 for a current one.
    close_day : ndarray of int
        Days since 1970-01-01 on which a closed one merged; -1 for a current one.
    current : int
        Number of current organisations (the first ones of each list).
    weight : ndarray of float, shape (current,)
        Share of the nation's diagnoses.
    effect : dict of str to ndarray of float, shape (current,)
        True effect per measure on the log-odds scale (survival: log hazard).
    planted : dict of str to ndarray of int, shape (current,)
        -1, 0, 1: whether this organisation is a planted low or high outlier of the measure.
    """

    kind: str
    code: list[str]
    name: list[str]
    region_code: list[str]
    region_name: list[str]
    alliance_code: list[str | None]
    alliance_name: list[str | None]
    successor: np.ndarray
    close_day: np.ndarray
    current: int
    weight: np.ndarray
    effect: dict[str, np.ndarray]
    planted: dict[str, np.ndarray]


def build_organisations(nation: str, provider: dict, seed: np.random.SeedSequence) -> Organisations:
    """Invent the providers of a nation, their sizes, their true effects and the planted outliers.

    Parameters
    ----------
    nation : {"england", "wales"}
    provider : dict
        The `provider` block of the calibration file.
    seed : numpy.random.SeedSequence
        Own stream of the organisations.

    Returns
    -------
    Organisations
        England: 124 current and 6 closed (merged) trusts, 21 alliances, 7 regions. Wales: 7 health boards.
    """
    rng = np.random.default_rng(seed)
    if nation == "wales":
        current, closed = 7, 0
        code = [f"ZW{i}" for i in range(1, 8)]
        name = [f"{place} Fictitious Health Board" for place in _BOARDS]
        region = [("ZWALES", "Wales")] * 7
        alliance = [(None, None)] * 7
        spread = 0.35
    else:
        current, closed = 124, 6
        codes = rng.permutation([f"Z{a}{b}" for a in _CODE_CHARACTERS for b in _CODE_CHARACTERS if a not in "WZ"])
        code = [str(c) for c in codes[: current + closed]]
        places = rng.permutation([a + b for a in _FIRST_HALVES for b in _SECOND_HALVES])
        name = [f"{p} Fictitious Hospitals Trust" for p in places[: current + closed]]
        alliances = np.concatenate([np.arange(21), rng.integers(0, 21, current - 21)])
        alliance = [(f"ZA{a:02d}", f"Fictitious Cancer Alliance {a + 1:02d}") for a in alliances]
        region = [(f"ZR{a % 7 + 1}", f"{_REGIONS[a % 7]} (fictitious region)") for a in alliances]
        spread = 0.55
    weight = np.exp(rng.normal(0, spread, current))
    effect, planted = _plant_effects(rng, provider, current)
    successor = np.concatenate([np.full(current, -1), np.arange(closed) * 11 % max(current, 1)])
    closes = [day_number(f"{2017 + i % 4}-{4 + 3 * (i % 3):02d}-01") for i in range(closed)]
    for i in range(closed):
        region.append(region[successor[current + i]])
        alliance.append(alliance[successor[current + i]])
    return Organisations(
        kind="health_board" if nation == "wales" else "trust",
        code=code,
        name=name,
        region_code=[r[0] for r in region],
        region_name=[r[1] for r in region],
        alliance_code=[a[0] for a in alliance],
        alliance_name=[a[1] for a in alliance],
        successor=successor.astype(int),
        close_day=np.concatenate([np.full(current, -1), np.array(closes, dtype=int)]).astype(int),
        current=current,
        weight=weight / weight.sum(),
        effect=effect,
        planted=planted,
    )


def _plant_effects(rng: np.random.Generator, provider: dict, current: int) -> tuple[dict, dict]:
    effect, planted = {}, {}
    each_way = provider["outliers"] if current >= 40 else 1
    for measure in MEASURES:
        effect[measure] = rng.normal(0, provider["sd"][measure], current)
        planted[measure] = np.zeros(current, dtype=np.int8)
        size = provider["outlier_effect"].get(measure)
        if size is not None:
            chosen = rng.permutation(current)[: 2 * each_way]
            planted[measure][chosen[:each_way]], planted[measure][chosen[each_way:]] = 1, -1
            effect[measure] += size * planted[measure]
    return effect, planted
