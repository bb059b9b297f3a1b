"""Admissions: what hospitals would write down of a course. England and Wales store the same admissions differently."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from naome_synthetic import codes
from naome_synthetic.course import CODED_BEFORE, NEVER, is_denovo_like
from naome_synthetic.sampling import expit
from naome_synthetic.therapy import CYTOTOXIC, ORAL, expand_cycles

DIAGNOSES, OPERATIONS = 10, 4
#: Share of the admissions for the cancer or its metastases in which the metastasis is what was treated. An assumption:
#: no such figure is published.
METASTASIS_FIRST = 0.4
_FIELDS = ("who", "day", "los", "classpat", "admimeth", "specialty")


def write_admissions(
    rng: np.random.Generator, p: SimpleNamespace, lines: SimpleNamespace, effect: dict, nation: str
) -> SimpleNamespace:
    """Make the admissions of one chunk of people.

    Parameters
    ----------
    rng : numpy.random.Generator
    p : types.SimpleNamespace
        A course of `build_course`.
    lines : types.SimpleNamespace
        Lines of treatment of `plan_lines`.
    effect : dict of str to ndarray
        Provider effects.
    nation : {"england", "wales"}

    Returns
    -------
    types.SimpleNamespace
        Arrays over admissions, sorted by person and day: who, day (admission), los (days), classpat, admimeth,
        specialty, died (ended in death), diag (n, DIAGNOSES) and oper (n, OPERATIONS) as vocabulary numbers, -1 empty.

    Notes
    -----
    No metastatic code is ever written before `first_code`, and within 12 months of it only sites in `site_coded`.
    The first code is what an admission was for: an acute problem, the cancer or the metastasis.
    """
    book: list[dict] = []
    _describe_codes(rng, p)
    _add_ordinary(rng, p, book)
    _add_diagnosis_and_surgery(rng, p, book)
    _add_chemotherapy(rng, p, lines, effect, book)
    _add_metastatic(rng, p, book)
    if nation == "england":
        _add_biopsies(rng, p, book)
    _add_terminal(rng, p, book)
    admissions = _bind(p, book)
    _put_metastasis_first(rng, admissions.diag)
    return admissions


def _describe_codes(rng, p) -> None:
    """Fix the codes a person carries from admission to admission."""
    # Numbers of BREAST and IN_SITU; the in situ list is shorter.
    p.cancer_code = np.where(
        p.in_situ, codes.number_icd10(codes.IN_SITU)[p.site4 % 4], codes.number_icd10(codes.BREAST)[p.site4]
    ).astype(np.int16)
    condition = np.column_stack(
        [codes.number_icd10(group)[rng.integers(0, len(group), p.n)] for group in codes.CHARLSON]
    )
    chosen = np.argsort(~p.comorbidity, axis=1, kind="stable")[:, :3]
    has = np.take_along_axis(p.comorbidity, chosen, axis=1)
    p.condition_code = np.where(has, np.take_along_axis(condition, chosen, axis=1), -1).astype(np.int16)
    site_numbers = codes.number_icd10(codes.SITE_CODES)
    other = codes.number_icd10(codes.OTHER_METASTATIC)
    p.other_code = other[rng.integers(0, other.size, p.n)]
    any_site = p.site_first.any(axis=1)
    p.metastatic_code = np.where(any_site, site_numbers[p.site_first.argmax(axis=1)], p.other_code).astype(np.int16)
    # A code before the registered diagnosis belongs to an earlier cancer, and is not repeated.
    p.metastatic_code[p.course == CODED_BEFORE] = -1
    p.background = codes.number_icd10(codes.BACKGROUND)[rng.integers(0, len(codes.BACKGROUND), p.n)]
    # Not every positive axilla is coded, and a few only as "lymph node, unspecified".
    node = np.where(rng.random(p.n) < 0.015, codes.number_icd10("C779")[0], codes.number_icd10("C773")[0])
    p.node_code = np.where(p.nodes & (rng.random(p.n) < 0.8), node, -1).astype(np.int16)


def _code_metastasis(p, who: np.ndarray, day: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.where(wanted & (day >= p.first_code[who]), p.metastatic_code[who], -1).astype(np.int16)


def _add(book: list, who, day, los, classpat, admimeth, specialty, diag, oper, died=False) -> None:
    size = who.size
    entry = {"who": who, "diag": diag, "oper": oper, "died": np.broadcast_to(np.asarray(died), size)}
    for name, value in zip(_FIELDS[1:], (day, los, classpat, admimeth, specialty), strict=True):
        entry[name] = np.broadcast_to(np.asarray(value), size)
    book.append(entry)


def _from(rng, numbers: np.ndarray, size: int) -> np.ndarray:
    return numbers[rng.integers(0, numbers.size, size)]


def _some(rng, value: np.ndarray, share: float) -> np.ndarray:
    return np.where(rng.random(value.size) < share, value, -1).astype(np.int16)


EMERGENCY, ELECTIVE = 21, 11


def _add_ordinary(rng, p, book) -> None:
    end = np.minimum(p.death, p.cut)
    first = p.diagnosed - 730
    rate = np.exp(-0.30 + 0.022 * (p.age - 60) + 0.40 * np.minimum(p.charlson, 4) + 0.10 * p.frailty)
    number = rng.poisson(np.minimum(rate, 6) * (end - first) / 365.25)
    number = np.minimum(number, 60)
    who = np.repeat(np.arange(p.n), number)
    day = first[who] + np.floor(rng.random(who.size) * (end - first)[who]).astype(int)
    size = who.size
    emergency = rng.random(size) < 0.45
    los = np.where(emergency, rng.geometric(0.22, size), np.where(rng.random(size) < 0.7, 0, rng.geometric(0.4, size)))
    frail = p.deficits[who] > 1
    frailty = np.where(frail, _from(rng, codes.number_icd10(codes.FRAILTY), size), -1)
    after = day >= p.diagnosed[who]
    own = np.where(after, p.cancer_code[who], -1)
    diag = [
        _from(rng, codes.number_icd10(codes.ACUTE), size),
        _some(rng, own, 0.35),
        _code_metastasis(p, who, day, rng.random(size) < 0.5),
        *(_some(rng, p.condition_code[who, k], 0.85) for k in range(3)),
        _some(rng, frailty, 0.7),
        _some(rng, p.background[who], 0.5),
    ]
    oper = [np.where(emergency | (rng.random(size) < 0.25), -1, _from(rng, codes.number_opcs4(codes.ORDINARY), size))]
    classpat = np.where(~emergency & (los == 0), 2, 1)
    _add(book, who, day, los, classpat, np.where(emergency, EMERGENCY, ELECTIVE), 300, diag, oper)


def _add_diagnosis_and_surgery(rng, p, book) -> None:
    who = np.flatnonzero(rng.random(p.n) < 0.07)
    day = p.diagnosed[who] - rng.integers(0, 10, who.size)
    own = [p.cancer_code[who], _some(rng, p.background[who], 0.4)]
    _add(book, who, day, 0, 2, ELECTIVE, 103, own, [np.full(who.size, codes.number_opcs4("B323")[0])])
    who = np.flatnonzero(p.surgery)
    neoadjuvant = p.adjuvant[who] & (rng.random(who.size) < 0.3)
    day = p.diagnosed[who] + np.where(neoadjuvant, rng.integers(190, 240, who.size), rng.integers(14, 60, who.size))
    p.surgery_day = np.full(p.n, NEVER)
    p.surgery_day[who] = day
    mastectomy = rng.random(who.size) < 0.32
    operation = np.where(
        mastectomy,
        _from(rng, codes.number_opcs4(codes.MASTECTOMY), who.size),
        _from(rng, codes.number_opcs4(codes.BREAST_CONSERVING), who.size),
    )
    axilla = np.where(p.in_situ[who], -1, _from(rng, codes.number_opcs4(codes.AXILLA), who.size))
    diag = [
        p.cancer_code[who],
        np.where(rng.random(who.size) < 0.85, p.node_code[who], -1),
        _code_metastasis(p, who, day, rng.random(who.size) < 0.8),
        *(p.condition_code[who, k] for k in range(3)),
        _some(rng, p.background[who], 0.6),
    ]
    side = np.where(p.left[who], codes.number_opcs4("Z943")[0], codes.number_opcs4("Z942")[0])
    los = np.where(mastectomy, rng.integers(1, 5, who.size), rng.integers(0, 2, who.size))
    _add(book, who, day, los, np.where(los == 0, 2, 1), ELECTIVE, 103, diag, [operation, axilla, side])
    again = rng.random(who.size) < 0.17
    who, day = who[again], day[again] + rng.integers(14, 45, again.sum())
    _add(book, who, day, 0, 2, ELECTIVE, 103, [p.cancer_code[who]], [np.full(who.size, codes.number_opcs4("B283")[0])])


def _add_chemotherapy(rng, p, lines, effect, book) -> None:
    in_hes = rng.random(p.n) < expit(0.4 + effect["hes_chemotherapy"][p.provider])
    p.in_sact = rng.random(p.n) < 0.95
    # Targeted drugs reach the data only through SACT: whoever is given one is in it.
    p.in_sact |= p.cdk46 | p.anti_her2
    # Some hospitals book chemotherapy as regular day attendance (class 3), which is not an admission; what is coded
    # there, the audit does not see. Only where SACT holds the treatment too.
    p.regular = p.in_sact & (rng.random(p.n) < 0.10)
    line, _, day = expand_cycles(lines)
    person, regimen = lines.who[line], lines.regimen[line]
    wanted = CYTOTOXIC[regimen] & (
        ~p.in_sact[person] | (in_hes[person] & ~ORAL[regimen] & (rng.random(line.size) < 0.85))
    )
    who, day = person[wanted], day[wanted]
    size = who.size
    later = lines.palliative[line][wanted]
    metastatic = _code_metastasis(p, who, day, rng.random(size) < 0.75)
    unseen = p.hidden[who] & p.regular[who] & later
    site = codes.number_icd10([*codes.SITE_CODES, "C799"])
    true_site = site[np.where(p.site_true.any(axis=1), p.site_true.argmax(axis=1), 4)]
    diag = [
        p.cancer_code[who],
        np.where(unseen, true_site[who], metastatic),
        np.where(later, -1, p.node_code[who]),
        np.full(size, codes.number_icd10("Z511")[0]),
        _some(rng, p.condition_code[who, 0], 0.5),
    ]
    oper = [_from(rng, codes.number_opcs4(codes.CHEMOTHERAPY_DELIVERY), size)]
    _add(book, who, day, 0, np.where(p.regular[who], 3, 2), 12, 800, diag, oper)


def _add_metastatic(rng, p, book) -> None:
    sites = codes.number_icd10(codes.SITE_CODES)
    who = np.flatnonzero(p.coded & (p.first_code <= np.minimum(p.death, p.cut)))
    day = p.first_code[who]

    def list_sites(flags: np.ndarray) -> list[np.ndarray]:
        return [np.where(flags[:, s], sites[s], -1) for s in range(4)]

    size = who.size
    none = ~p.site_first[who].any(axis=1)
    other = np.where(none | (rng.random(size) < 0.25), p.other_code[who], -1)
    emergency = rng.random(size) < 0.5
    problem = np.where(emergency, _from(rng, codes.number_icd10(codes.METASTATIC_COMPLICATIONS), size), -1)
    diag = [
        problem,
        p.cancer_code[who],
        *list_sites(p.site_first[who]),
        other,
        p.condition_code[who, 0],
        p.condition_code[who, 1],
    ]
    los = np.where(emergency, rng.geometric(0.14, size), np.where(rng.random(size) < 0.6, 0, 2))
    classpat, method = np.where(~emergency & (los == 0), 2, 1), np.where(emergency, EMERGENCY, ELECTIVE)
    _add(book, who, day, los, classpat, method, np.where(emergency, 300, 370), diag, [])
    # Sites not coded at once: within a year of the metastatic date.
    second = (p.site_coded[who] & ~p.site_first[who]).any(axis=1)
    who, day = who[second], day[second]
    origin = np.where(p.stage[who] == 4, p.diagnosed[who], day)
    last = np.minimum(np.minimum(p.death[who], p.cut), origin + 365)
    day = day + np.floor(rng.random(who.size) * np.clip(last - day, 0, 150)).astype(int)
    diag = [p.cancer_code[who], *list_sites(p.site_coded[who] & ~p.site_first[who])]
    _add(book, who, day, rng.geometric(0.2, who.size), 1, EMERGENCY, 370, diag, [])
    # True sites found later than a year on.
    late = p.site_true & ~p.site_coded & p.coded[:, None]
    origin = np.where(p.stage == 4, np.maximum(p.diagnosed, p.first_code), p.first_code)
    day = origin + rng.integers(367, 900, p.n)
    who = np.flatnonzero(late.any(axis=1) & (day < np.minimum(p.death, p.cut)))
    _add(
        book,
        who,
        day[who],
        rng.geometric(0.2, who.size),
        1,
        EMERGENCY,
        370,
        [p.cancer_code[who], *list_sites(late[who])],
        [],
    )


def _add_biopsies(rng, p, book) -> None:
    who = np.flatnonzero(p.biopsy)
    low = np.maximum(p.first_code[who] - 25, p.diagnosed[who] + 60)
    high = np.minimum(np.minimum(p.first_code[who] + 60, p.death[who]), p.cut)
    day = low + np.floor(rng.random(who.size) * (high - low + 1)).astype(int)
    diag = [p.cancer_code[who], _code_metastasis(p, who, day, np.full(who.size, True))]
    operation = _from(rng, codes.number_opcs4(codes.METASTATIC_BIOPSY), who.size)
    _add(book, who, day, 0, 2, ELECTIVE, 811, diag, [operation])
    # De novo disease is biopsied too; nothing is calibrated there.
    who = np.flatnonzero(is_denovo_like(p) & (rng.random(p.n) < 0.25))
    day = np.minimum(p.diagnosed[who] + rng.integers(0, 40, who.size), np.minimum(p.death[who], p.cut))
    diag = [p.cancer_code[who], _code_metastasis(p, who, day, np.full(who.size, True))]
    _add(book, who, day, 0, 2, ELECTIVE, 811, diag, [_from(rng, codes.number_opcs4(codes.METASTATIC_BIOPSY), who.size)])


def _add_terminal(rng, p, book) -> None:
    who = np.flatnonzero(p.dead & (rng.random(p.n) < 0.48))
    los = np.minimum(rng.geometric(0.12, who.size) - 1, 60)
    day = p.death[who] - los
    breast = p.cause_rec[who] == 1
    size = who.size
    problem = np.where(
        breast,
        _from(rng, codes.number_icd10(codes.METASTATIC_COMPLICATIONS), size),
        _from(rng, codes.number_icd10(codes.ACUTE), size),
    )
    diag = [
        problem,
        np.where(day >= p.diagnosed[who], p.cancer_code[who], -1),
        _code_metastasis(p, who, day, rng.random(size) < 0.9),
        np.where(rng.random(size) < 0.3, codes.number_icd10("Z515")[0], -1),
        *(p.condition_code[who, k] for k in range(3)),
        np.where(p.deficits[who] > 1, codes.number_icd10("R54X")[0], -1),
    ]
    p.died_in_hospital = np.zeros(p.n, dtype=bool)
    p.died_in_hospital[who] = True
    _add(book, who, day, los, 1, EMERGENCY, np.where(breast, 315, 300), diag, [], died=True)


def _bind(p: SimpleNamespace, book: list[dict]) -> SimpleNamespace:
    total = sum(entry["who"].size for entry in book)
    out = SimpleNamespace(
        diag=np.full((total, DIAGNOSES), -1, dtype=np.int16), oper=np.full((total, OPERATIONS), -1, dtype=np.int16)
    )
    for name in (*_FIELDS, "died"):
        setattr(out, name, np.concatenate([entry[name] for entry in book]).astype(np.int32))
    row = 0
    for entry in book:
        size = entry["who"].size
        for name, width in (("diag", DIAGNOSES), ("oper", OPERATIONS)):
            for k, column in enumerate(entry[name][:width]):
                getattr(out, name)[row : row + size, k] = column
        row += size
    keep = (out.day <= np.minimum(p.death, p.cut)[out.who]) & ~((out.day + out.los > p.death[out.who]) & (out.los < 0))
    order = np.flatnonzero(keep)
    order = order[np.lexsort((out.day[order], out.who[order]))]
    for name, value in vars(out).items():
        setattr(out, name, value[order])
    out.died = out.died.astype(bool)
    out.los = np.minimum(out.los, np.minimum(p.death, p.cut)[out.who] - out.day)
    out.diag, out.oper = pack_left(out.diag), pack_left(out.oper)
    return out


def _put_metastasis_first(rng, diag: np.ndarray) -> None:
    """Put the metastasis before the cancer where it is what was treated; the order of the other codes stays."""
    metastatic = np.isin(diag, codes.number_icd10([*codes.SITE_CODES, *codes.OTHER_METASTATIC]))
    for_cancer = np.isin(diag[:, 0], codes.number_icd10([*codes.BREAST, *codes.IN_SITU]))
    treated = for_cancer & metastatic.any(axis=1) & (rng.random(diag.shape[0]) < METASTASIS_FIRST)
    place = metastatic[treated].argmax(axis=1)[:, None]
    new = np.arange(DIAGNOSES)
    old = np.where(new == 0, place, np.where(new <= place, new - 1, new))
    diag[treated] = np.take_along_axis(diag[treated], old, axis=1)


def pack_left(table: np.ndarray) -> np.ndarray:
    """Close the gaps in each row, so that position 1 is always filled first."""
    out = np.full_like(table, -1)
    row, column = np.nonzero(table >= 0)
    start = np.searchsorted(row, np.arange(table.shape[0]))
    out[row, np.arange(row.size) - start[row]] = table[row, column]
    return out
