"""Lines of systemic treatment: who, which regimen, when, how many cycles. Cycles and drugs follow from them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from naome_synthetic.course import NEVER, date_reference, is_denovo_like, is_recurrent_like

# name, drugs, benchmark group, days between cycles, cytotoxic
REGIMENS = (
    ("EC", ("EPIRUBICIN", "CYCLOPHOSPHAMIDE"), "EC", 21, True),
    ("FEC", ("FLUOROURACIL", "EPIRUBICIN", "CYCLOPHOSPHAMIDE"), "FEC", 21, True),
    ("DOCETAXEL", ("DOCETAXEL",), "DOCETAXEL", 21, True),
    ("PACLITAXEL", ("PACLITAXEL",), "PACLITAXEL", 21, True),
    ("DOCETAXEL + CYCLOPHOSPHAMIDE", ("DOCETAXEL", "CYCLOPHOSPHAMIDE"), "DOCETAXEL + CYCLOPHOSPHAMIDE", 21, True),
    ("CAPECITABINE", ("CAPECITABINE",), "CAPECITABINE", 21, True),
    ("VINORELBINE ORAL", ("VINORELBINE",), "VINORELBINE", 21, True),
    ("ERIBULIN", ("ERIBULIN",), "ERIBULIN", 21, True),
    ("CARBOPLATIN + GEMCITABINE", ("CARBOPLATIN", "GEMCITABINE"), "CARBOPLATIN + GEMCITABINE", 21, True),
    (
        "DOCETAXEL + PERTUZUMAB + TRASTUZUMAB",
        ("DOCETAXEL", "PERTUZUMAB", "TRASTUZUMAB"),
        "DOCETAXEL + PERTUZUMAB + TRASTUZUMAB",
        21,
        True,
    ),
    ("PACLITAXEL + TRASTUZUMAB", ("PACLITAXEL", "TRASTUZUMAB"), "PACLITAXEL + TRASTUZUMAB", 21, True),
    ("ATEZOLIZUMAB + NAB-PACLITAXEL", ("ATEZOLIZUMAB", "NAB-PACLITAXEL"), "ATEZOLIZUMAB + NAB-PACLITAXEL", 28, True),
    ("PERTUZUMAB + TRASTUZUMAB", ("PERTUZUMAB + TRASTUZUMAB",), "PERTUZUMAB + TRASTUZUMAB", 21, False),
    ("TRASTUZUMAB", ("TRASTUZUMAB",), "TRASTUZUMAB", 21, False),
    ("TRASTUZUMAB EMTANSINE", ("TRASTUZUMAB EMTANSINE",), "TRASTUZUMAB EMTANSINE", 21, False),
    ("PALBOCICLIB + LETROZOLE", ("PALBOCICLIB", "LETROZOLE"), "PALBOCICLIB + AROMATASE INHIBITOR", 28, False),
    ("RIBOCICLIB + LETROZOLE", ("RIBOCICLIB", "LETROZOLE"), "RIBOCICLIB + AROMATASE INHIBITOR", 28, False),
    ("ABEMACICLIB + FULVESTRANT", ("ABEMACICLIB", "FULVESTRANT"), "ABEMACICLIB + FULVESTRANT", 28, False),
    ("FULVESTRANT", ("FULVESTRANT",), "HORMONES", 28, False),
    ("LETROZOLE", ("LETROZOLE",), "HORMONES", 84, False),
    ("ZOLEDRONIC ACID", ("ZOLEDRONIC ACID",), "PAMIDRONATE/ZOLEDRONIC ACID", 42, False),
    ("DENOSUMAB", ("DENOSUMAB",), "DENOSUMAB", 42, False),
    ("PEMBROLIZUMAB", ("PEMBROLIZUMAB",), "PEMBROLIZUMAB", 42, False),
    ("EVEROLIMUS + EXEMESTANE", ("EVEROLIMUS", "EXEMESTANE"), "EVEROLIMUS + EXEMESTANE", 28, False),
    ("TRIAL", ("TRIAL",), "TRIAL", 28, False),
    ("NOT CHEMO", ("NOT CHEMO",), "NOT CHEMO", 28, False),
)
NAMES = [r[0] for r in REGIMENS]
DRUGS = sorted({d for r in REGIMENS for d in r[1]})
GAP = np.array([r[3] for r in REGIMENS])
CYTOTOXIC = np.array([r[4] for r in REGIMENS])
ORAL = np.array([r[0] in ("CAPECITABINE", "VINORELBINE ORAL") for r in REGIMENS])
DRUGS_OF = np.full((len(REGIMENS), 3), -1, dtype=np.int16)
for _number, _regimen in enumerate(REGIMENS):
    DRUGS_OF[_number, : len(_regimen[1])] = [DRUGS.index(d) for d in _regimen[1]]


def plan_lines(rng: np.random.Generator, p: SimpleNamespace, targeted: bool) -> SimpleNamespace:
    """Turn the treatment decisions of a course into lines of treatment.

    Parameters
    ----------
    rng : numpy.random.Generator
    p : types.SimpleNamespace
        A course of `build_course`.
    targeted : bool
        Whether targeted, endocrine and bone-modifying drugs are wanted too (England), or chemotherapy only (Wales).

    Returns
    -------
    types.SimpleNamespace
        Arrays over lines, sorted by person and start: who (index of person), regimen (index of `REGIMENS`), start and
        last (days), cycles, palliative (bool).
    """
    lines: list[tuple] = []
    _add_adjuvant(rng, p, lines, targeted)
    _add_metastatic(rng, p, lines, targeted)
    if targeted:
        _add_targeted(rng, p, lines)
    who, regimen, start, last, palliative = (np.concatenate(x) for x in zip(*lines, strict=True))
    keep = (start <= np.minimum(p.death, p.cut)[who]) & (last >= start)
    order = np.lexsort((regimen[keep], start[keep], who[keep]))
    out = SimpleNamespace(who=who[keep][order], regimen=regimen[keep][order], start=start[keep][order])
    out.last, out.palliative = last[keep][order], palliative[keep][order]
    out.cycles = (out.last - out.start) // GAP[out.regimen] + 1
    return out


def expand_cycles(lines: SimpleNamespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give each line its cycles: index of the line, number from 1, first day. The last cycle starts on `last`."""
    line = np.repeat(np.arange(lines.who.size), lines.cycles)
    first = np.concatenate(([0], np.cumsum(lines.cycles)[:-1])) if lines.who.size else np.zeros(0, dtype=int)
    number = np.arange(line.size) - first[line]
    day = lines.start[line] + number * GAP[lines.regimen[line]]
    at_end = (number == lines.cycles[line] - 1) & (number > 0)
    return line, number + 1, np.where(at_end, lines.last[line], day)


def _add(lines: list, who: np.ndarray, regimen, start, last, palliative: bool) -> None:
    size = who.size
    lines.append(
        (
            who,
            np.broadcast_to(regimen, size).astype(np.int16),
            np.asarray(start).astype(np.int64),
            np.asarray(last).astype(np.int64),
            np.full(size, palliative),
        )
    )


def _pick(rng, options: str, size: int) -> np.ndarray:
    numbers = np.array([NAMES.index(o) for o in options.split(";")])
    return numbers[rng.integers(0, numbers.size, size)]


def _add_adjuvant(rng, p, lines, targeted) -> None:
    who = np.flatnonzero(p.adjuvant)
    start = p.diagnosed[who] + rng.integers(25, 75, who.size)
    her2 = p.her2[who]
    _add(
        lines,
        who,
        _pick(rng, "EC;FEC;EC;DOCETAXEL + CYCLOPHOSPHAMIDE", who.size),
        start,
        start + 21 * rng.integers(2, 4, who.size),
        False,
    )
    taxane = rng.random(who.size) < 0.62
    regimen = np.where(
        her2 & targeted, NAMES.index("PACLITAXEL + TRASTUZUMAB"), _pick(rng, "DOCETAXEL;PACLITAXEL", who.size)
    )
    start = start + 84
    _add(lines, who[taxane], regimen[taxane], start[taxane], (start + 21 * rng.integers(2, 4, who.size))[taxane], False)
    if targeted:
        chosen = her2 & (rng.random(who.size) < 0.85)
        start, who = (start + 84)[chosen], who[chosen]
        last = np.minimum(start + 21 * rng.integers(6, 15, who.size), np.minimum(p.death, p.cut)[who])
        _add(lines, who, NAMES.index("TRASTUZUMAB"), start, last, False)


def _add_metastatic(rng, p, lines, targeted) -> None:
    who = np.flatnonzero(p.chemo)
    start, last = p.chemo_start[who], p.chemo_last[who]
    two = last - start > 147
    regimen = _pick(rng, "PACLITAXEL;DOCETAXEL;CAPECITABINE;EC;CAPECITABINE;PACLITAXEL", who.size)
    regimen = np.where(
        p.subtype[who] == 3, _pick(rng, "CARBOPLATIN + GEMCITABINE;PACLITAXEL;EC;CAPECITABINE", who.size), regimen
    )
    if targeted:
        regimen = np.where(p.checkpoint[who] & ~p.anti_her2[who], NAMES.index("ATEZOLIZUMAB + NAB-PACLITAXEL"), regimen)
        regimen = np.where(p.anti_her2[who], NAMES.index("DOCETAXEL + PERTUZUMAB + TRASTUZUMAB"), regimen)
    first_last = np.where(two, start + GAP[regimen] * rng.integers(2, 5, who.size), last)
    _add(lines, who, regimen, start, first_last, True)
    cycles = np.clip((last - first_last - 21) // 21 - 1, 0, rng.integers(1, 7, who.size))
    second = _pick(rng, "CAPECITABINE;ERIBULIN;VINORELBINE ORAL;CARBOPLATIN + GEMCITABINE;PACLITAXEL", who.size)
    _add(lines, who[two], second[two], (last - 21 * cycles)[two], last[two], True)


def _add_targeted(rng, p, lines) -> None:
    end = np.minimum(p.death, p.cut)
    reference = date_reference(p)

    def start_after(who: np.ndarray, low: int, high: int) -> np.ndarray:
        return np.minimum(reference[who] + rng.integers(low, high, who.size), end[who])

    who = np.flatnonzero(p.anti_her2)
    metastatic = (is_denovo_like(p) | is_recurrent_like(p) | p.hidden)[who]
    who = who[metastatic]
    start = np.where(p.chemo[who], np.minimum(p.chemo_start[who] + 42, p.chemo_last[who]), start_after(who, 14, 80))
    last = np.minimum(start + 21 * rng.integers(4, 18, who.size), end[who])
    _add(lines, who, _pick(rng, "PERTUZUMAB + TRASTUZUMAB;TRASTUZUMAB", who.size), start, last, True)
    who = np.flatnonzero(p.cdk46)
    start = start_after(who, 14, 90)
    start = np.where(p.chemo[who], start_after(who, 30, 300), start)
    last = np.minimum(start + 28 * rng.integers(3, 20, who.size), end[who])
    options = "PALBOCICLIB + LETROZOLE;RIBOCICLIB + LETROZOLE;PALBOCICLIB + LETROZOLE;ABEMACICLIB + FULVESTRANT"
    _add(lines, who, _pick(rng, options, who.size), start, last, True)
    who = np.flatnonzero(p.endocrine)
    start = start_after(who, 20, 200)
    _add(
        lines,
        who,
        _pick(rng, "FULVESTRANT;LETROZOLE;LETROZOLE", who.size),
        start,
        np.minimum(start + 84 * 3, end[who]),
        True,
    )
    who = np.flatnonzero(p.bone_agent)
    start = start_after(who, 20, 120)
    last = np.minimum(start + 42 * rng.integers(1, 9, who.size), end[who])
    _add(lines, who, _pick(rng, "ZOLEDRONIC ACID;DENOSUMAB;DENOSUMAB", who.size), start, last, True)
    who = np.flatnonzero(is_denovo_like(p) & (rng.random(p.n) < 0.02) & (p.death < NEVER))
    start = start_after(who, 40, 300)
    _add(
        lines,
        who,
        _pick(rng, "TRIAL;NOT CHEMO;EVEROLIMUS + EXEMESTANE", who.size),
        start,
        np.minimum(start + 56, end[who]),
        True,
    )
