"""England's raw tables from courses: registration, HES, SACT, RTDS, waiting times, COSD recurrence items, deaths."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from naome_synthetic import codes, hospital, therapy
from naome_synthetic.course import ETHNICITIES, NEVER, date_reference, is_denovo_like, is_recurrent_like
from naome_synthetic.organisations import Organisations
from naome_synthetic.registration_extras import Names, append_ineligible, append_other_tumours, stack_tables
from naome_synthetic.sampling import day_number, draw_fixed
from naome_synthetic.tables import (
    Column,
    Table,
    code,
    constant,
    date,
    datetext,
    identifier,
    integer,
    real,
    take_rows,
    words,
)

ICD10_WORDS = [c.rstrip("X") for c in codes.ICD10]
QUINTILES = ["", "1 - most deprived", "2", "3", "4", "5 - least deprived"]
_STAGE_WORDS = ["0", "0IS", "1", "1A", "1B", "2", "2A", "2B", "3", "3A", "3B", "3C", "4", "?", "U", "X", "6"]
_STAGE_CHOICES = {
    0: [0, 0, 1],
    1: [2, 3, 3, 4],
    2: [5, 6, 6, 7],
    3: [8, 9, 10, 11],
    4: [12, 12, 12],
    5: [13, 14, 15, 16, -1, -1],
}
FIRST_PERSON, FIRST_EXTRA = 1_000_000_000, 5_000_000_000
_NAMES = Names(
    tumour="TUMOURID",
    person="PATIENTID",
    day="DIAGNOSISDATEBEST",
    age="AGE",
    site="SITE_ICD10_O2",
    site3="SITE_ICD10_O2_3CHAR",
    behaviour="BEHAVIOUR_ICD10_O2",
    stage="STAGE_BEST",
    basis="BASISOFDIAGNOSIS",
    status="STATUSOFREGISTRATION",
    country="CTRY_CODE",
    empty=("DATE_FIRST_SURGERY", "FIRSTMDTMEETINGDATE"),
)


def write_tables(
    p: SimpleNamespace, organisations: Organisations, calibration: dict, first: int, seed: np.random.SeedSequence
) -> dict[str, Table]:
    """Make England's tables for one chunk of people.

    Parameters
    ----------
    p : types.SimpleNamespace
        A course of `build_course`.
    organisations : Organisations
    calibration : dict
        The calibration file.
    first : int
        Number of people in earlier chunks.
    seed : numpy.random.SeedSequence
        Own stream of the chunk's records.

    Returns
    -------
    dict of str to Table
        Keyed by file name without its ending.
    """
    streams = [np.random.default_rng(s) for s in seed.spawn(6)]
    p.person = FIRST_PERSON + first + np.arange(p.n)
    lines = therapy.plan_lines(streams[0], p, targeted=True)
    admissions = hospital.write_admissions(streams[1], p, lines, organisations.effect, "england")
    tables = {"hes_apc": write_hes(streams[2], p, admissions, organisations)}
    tables |= write_registration(streams[3], p, organisations)
    tables |= _write_sact(streams[4], p, lines, organisations)
    rng = streams[5]
    tables |= _write_radiotherapy(rng, p, organisations)
    tables["cwt"] = _write_waiting_times(rng, p, lines)
    tables["cosd_recurrence"] = _write_recurrence_items(rng, p, calibration)
    tables["ons_deaths"] = _write_deaths(rng, p)
    return tables


def write_organisations(organisations: Organisations) -> Table:
    """Make the organisations table of either nation; a closed one names the one it merged into."""
    o = organisations
    successor = [o.code[s] if s >= 0 else "" for s in o.successor]
    return {
        "ORG_CODE": words(np.array(o.code)),
        "ORG_NAME": words(np.array(o.name)),
        "ORG_TYPE": constant(o.kind, len(o.code)),
        "REGION_CODE": words(np.array(o.region_code)),
        "REGION_NAME": words(np.array(o.region_name)),
        "ALLIANCE_CODE": words(np.array([a or "" for a in o.alliance_code])),
        "ALLIANCE_NAME": words(np.array([a or "" for a in o.alliance_name])),
        "SUCCESSOR_CODE": words(np.array(successor)),
        "CLOSE_DATE": date(np.where(o.close_day < 0, NEVER, o.close_day)),
    }


# --- registration ---------------------------------------------------------------------------------------------------


def write_registration(rng: np.random.Generator, p: SimpleNamespace, organisations: Organisations) -> dict[str, Table]:
    """Make `av_patient` and `av_tumour`, with second tumours and people who are not eligible."""
    patient, tumour = _write_patients(rng, p), _write_tumours(rng, p, organisations)
    tumour = append_other_tumours(rng, p, tumour, _NAMES)
    tumour, people, kind = append_ineligible(rng, p, tumour, _NAMES, FIRST_EXTRA)
    extra = take_rows(patient, people)
    extra["PATIENTID"].values = FIRST_EXTRA + p.person[people]
    extra["LINKNUMBER"].values = extra["PATIENTID"].values % 899_999_963 + 100_000_000
    # Lost to follow-up or duplicated in the registry: these leave by their vital status.
    status = np.where(kind == 5, 3 + people % 2, extra["VITALSTATUS"].values)
    extra["VITALSTATUS"].values = status.astype(np.int32)
    return {"av_patient": stack_tables(patient, extra), "av_tumour": tumour}


def certify_causes(rng: np.random.Generator, p: SimpleNamespace) -> dict[str, np.ndarray]:
    """Choose the codes on each death certificate: underlying, 1a, 1b, 1c, 2, as vocabulary numbers (-1 none)."""
    breast = codes.number_icd10("C509 C509 C509 C504")[rng.integers(0, 4, p.n)]
    other = codes.number_icd10(codes.OTHER_DEATHS)[rng.integers(0, len(codes.OTHER_DEATHS), p.n)]
    complication = codes.number_icd10("J189 A419 N179")[rng.integers(0, 3, p.n)]
    is_breast = p.cause_rec == 1
    spread = codes.number_icd10("C799 C795 C787 C780")[rng.integers(0, 4, p.n)]
    underlying = np.where(is_breast, breast, other)
    first = np.where(
        rng.random(p.n) < 0.4, complication, np.where(is_breast & (rng.random(p.n) < 0.6), spread, underlying)
    )
    second = np.where(first == underlying, -1, underlying)
    also_breast = ~is_breast & (rng.random(p.n) < np.where(p.cause == 1, 0.65, 0.10))
    part2 = np.where(also_breast, breast, np.where(rng.random(p.n) < 0.3, p.condition_code[:, 0], -1))
    out = {"underlying": underlying, "1a": first, "1b": second, "1c": np.full(p.n, -1), "2": part2}
    return {name: np.where(p.dead, value, -1) for name, value in out.items()}


def _write_patients(rng, p) -> Table:
    p.certificate = certify_causes(rng, p)
    place = np.where(p.died_in_hospital, 0, 1 + np.searchsorted([0.2, 0.28, 0.75, 0.95], rng.random(p.n)))
    embarked = ~p.dead & (rng.random(p.n) < 0.002)
    table = {
        "PATIENTID": identifier(p.person),
        "LINKNUMBER": identifier(p.person % 899_999_963 + 100_000_000),
        "GENDER": code(np.where(p.male, 0, 1), ["1", "2", "9"]),
        "ETHNICITY": code(p.ethnicity, ETHNICITIES),
    }
    for column, part in (("1A", "1a"), ("1B", "1b"), ("1C", "1c"), ("2", "2"), ("UNDERLYING", "underlying")):
        table[f"DEATHCAUSECODE_{column}"] = code(p.certificate[part], ICD10_WORDS)
    table["DEATHLOCATIONCODE"] = code(np.where(p.dead, place, -1), list("123456"))
    table["VITALSTATUS"] = code(np.where(p.dead, 1, np.where(embarked, 2, 0)), ["A", "D", "X", "D4", "D5"])
    followed = np.where(embarked, p.cut - rng.integers(0, 400, p.n), p.cut)
    table["VITALSTATUSDATE"] = date(np.where(p.dead, p.death, np.maximum(followed, p.diagnosed)))
    return table


def write_stage(rng: np.random.Generator, stage: np.ndarray, unstaged: np.ndarray) -> Column:
    """Make a STAGE_BEST column: sub-stages, and several ways of saying unknown (`?`, `U`, `X`, `6`, nothing)."""
    group = np.where(unstaged, 5, stage)
    u = rng.random(stage.size)
    number = np.zeros(stage.size, dtype=np.int32)
    for g, options in _STAGE_CHOICES.items():
        who = group == g
        number[who] = np.array(options)[(u[who] * len(options)).astype(int)]
    return code(number, list(_STAGE_WORDS))


def write_receptor(rng: np.random.Generator, positive: np.ndarray, recorded: np.ndarray) -> Column:
    """Make a receptor column: P, N; and where not recorded mostly nothing, else U or X."""
    missing = np.array([-1, -1, -1, 2, 3])[rng.integers(0, 5, positive.size)]
    return code(np.where(recorded, np.where(positive, 0, 1), missing), ["P", "N", "U", "X", "B"])


def _write_tumours(rng, p, organisations) -> Table:
    n = p.n
    morphology = np.where(p.in_situ, 2, np.where(p.lobular, 1, 0))
    t = np.where(p.in_situ, 0, np.clip(p.stage + (rng.random(n) < 0.3), 1, 4))
    seen = np.array([0, 0, 0, 2, 3, 4])[rng.integers(0, 6, n)]
    missing = np.array([7, -1, -1])[rng.integers(0, 3, n)]
    cns = np.where(p.cns_rec, np.where(p.cns, seen, 5 + rng.integers(0, 2, n)), missing)
    alliance = words(np.array(organisations.alliance_code))
    return {
        "TUMOURID": identifier(p.person * 10 + 1),
        "PATIENTID": identifier(p.person),
        "GENDER": code(np.where(p.male, 0, 1), ["1", "2", "9"]),
        "DIAGNOSISDATEBEST": date(p.diagnosed),
        "SITE_ICD10_O2": code(p.cancer_code, ICD10_WORDS),
        "SITE_ICD10_O2_3CHAR": code(p.in_situ * 1, ["C50", "D05"]),
        "MORPH_ICD10_O2": code(morphology, ["8500", "8520", "8500"]),
        "BEHAVIOUR_ICD10_O2": code(np.where(p.in_situ, 1, 0), ["3", "2"]),
        "T_BEST": code(np.where(p.unstaged & (rng.random(n) < 0.7), -1, t), ["is", "1", "2", "3", "4"]),
        "N_BEST": code(np.where(p.unstaged & (rng.random(n) < 0.7), -1, p.nodes * 1), ["0", "1"]),
        "M_BEST": code(np.where(p.unstaged | (rng.random(n) < 0.28), -1, (p.stage == 4) * 1), ["0", "1"]),
        "STAGE_BEST": write_stage(rng, p.stage, p.unstaged),
        "STAGE_BEST_SYSTEM": code(np.where(p.year < 2018, 0, 1), ["UICC 7", "UICC 8"]),
        "GRADE": code(
            np.where(p.grade_rec, p.grade - 1, np.array([3, -1])[rng.integers(0, 2, n)]), ["G1", "G2", "G3", "GX"]
        ),
        "AGE": integer(p.age),
        "ER_STATUS": write_receptor(rng, p.er, p.er_rec),
        "PR_STATUS": write_receptor(rng, p.pr, p.pr_rec),
        "HER2_STATUS": write_receptor(rng, p.her2, p.her2_rec),
        "PERFORMANCESTATUS": code(np.where(p.ps_rec, p.ps, np.array([5, -1])[rng.integers(0, 2, n)]), list("012349")),
        "CNS": code(cns, ["Y1", "Y2", "Y3", "Y4", "Y5", "NI", "NN", "99"]),
        "QUINTILE_2019": code(p.quintile, list(QUINTILES)),
        "LATERALITY": code(np.where(rng.random(n) < 0.01, 2, np.where(p.left, 0, 1)), ["L", "R", "9"]),
        "SCREENINGSTATUSFULL_CODE": code(np.where(p.screened, 0, np.where(rng.random(n) < 0.3, -1, 1)), ["1", "4"]),
        "DATE_FIRST_SURGERY": date(p.surgery_day),
        "CANCERCAREPLANINTENT": code(
            np.where(rng.random(n) < 0.36, -1, np.where(is_denovo_like(p), 1, 0)), ["C", "Z", "X", "9"]
        ),
        "CHRL_TOT_27_03": integer(p.charlson),
        "BASISOFDIAGNOSIS": code(
            np.where(rng.random(n) < 0.04, 1, np.where(rng.random(n) < 0.02, 2, 0)), ["7", "2", "6", "0"]
        ),
        "STATUSOFREGISTRATION": code(np.zeros(n), ["F", "P"]),
        "CTRY_CODE": code(np.zeros(n), ["E", "W", "S"]),
        "DEDUP_FLAG": code(np.zeros(n), ["1", "0"]),
        "DIAG_TRUST": code(p.provider, list(organisations.code)),
        "CANALLIANCE_CODE": code(alliance.values[p.provider], alliance.words),
        "FIRSTMDTMEETINGDATE": date(np.where(p.mdt, np.minimum(p.diagnosed + rng.integers(0, 40, n), p.death), NEVER)),
    }


# --- hospital episodes ----------------------------------------------------------------------------------------------


def write_hes(
    rng: np.random.Generator, p: SimpleNamespace, admissions: SimpleNamespace, organisations: Organisations
) -> Table:
    """Make `hes_apc`: one row per episode; 6% of stays have a second episode that repeats the codes."""
    a = admissions
    again = np.flatnonzero((a.los >= 2) & (rng.random(a.who.size) < 0.12))
    row = np.concatenate([np.arange(a.who.size), again])
    order = np.argsort(row, kind="stable")
    row = row[order]
    second = np.concatenate([np.zeros(a.who.size, bool), np.ones(again.size, bool)])[order]
    followed = np.zeros(a.who.size, bool)
    followed[again] = True
    followed = followed[row] & ~second
    who, day, los = a.who[row], a.day[row], a.los[row]
    start = np.where(second, day + los // 2, day)
    end = np.where(followed, day + los // 2, day + los)
    n = row.size
    away = rng.random(n) < 0.06
    provider = np.where(away, rng.integers(0, organisations.current, n), p.provider[who])
    died = a.died[row] & ~followed
    age = p.age[who] + (day - p.diagnosed[who]) // 365
    table: Table = {
        "STUDY_ID": identifier(p.person[who]),
        "EPIKEY": identifier(p.person[0] * 100 + np.arange(n)),
        "EPISTART": date(start),
        "EPIEND": date(end),
        "ADMIDATE": date(day),
        "DISDATE": date(np.where(followed, NEVER, day + los)),
        "EPIORDER": integer(1 + second),
        "EPITYPE": constant("1", n),
        "CLASSPAT": code(a.classpat[row] - 1, ["1", "2", "3", "4", "5"]),
        "ADMIMETH": code(np.searchsorted([11, 12, 13, 21], a.admimeth[row]), ["11", "12", "13", "21"]),
        "ADMISORC": code(np.where(rng.random(n) < 0.02, 1, 0), ["19", "54"]),
        "DISDEST": code(np.where(followed, -1, np.where(died, 1, 0)), ["19", "79", "54"]),
        "DISMETH": code(np.where(followed, 2, np.where(died, 1, 0)), ["1", "4", "8"]),
        "SPELDUR": integer(los),
        "PROCODE3": code(provider, list(organisations.code)),
    }
    for name in ("MAINSPEF", "TRETSPEF"):
        table[name] = code(
            np.searchsorted([103, 300, 315, 370, 800, 811], a.specialty[row]),
            ["103", "300", "315", "370", "800", "811"],
        )
    table["STARTAGE"] = integer(age)
    table["SEX"] = code(np.where(p.male[who], 0, 1), ["1", "2"])
    for k in range(20):
        has = k < hospital.DIAGNOSES
        table[f"DIAG_{k + 1:02d}"] = code(a.diag[row, k], list(ICD10_WORDS)) if has else constant(None, n)
    for k in range(24):
        table[f"OPERTN_{k + 1:02d}"] = (
            code(a.oper[row, k], list(codes.OPCS4)) if k < hospital.OPERATIONS else constant(None, n)
        )
    for k in range(24):
        done = a.oper[row, k] >= 0 if k < hospital.OPERATIONS else np.zeros(n, bool)
        table[f"OPDATE_{k + 1:02d}"] = date(np.where(done, start, NEVER))
    return table


# --- systemic treatment ---------------------------------------------------------------------------------------------


def _write_sact(rng, p, lines, organisations) -> dict[str, Table]:
    keep = p.in_sact[lines.who]
    chosen = SimpleNamespace(**{name: value[keep] for name, value in vars(lines).items()})
    n = chosen.who.size
    base = p.person[0] * 10
    regimen_id = base + np.arange(n)
    trust = p.provider[chosen.who]
    wait = rng.integers(2, 21, n)
    old_style = rng.random(n) < 0.15
    intent = np.where(chosen.palliative, 1 + (rng.random(n) < 0.4), 0)
    intent = np.where(rng.random(n) < 0.04, 3, intent) + np.where(old_style, 4, 0)
    organisation = [c + "01" for c in organisations.code]
    regimen: Table = {
        "ENCORE_PATIENT_ID": identifier(p.person[chosen.who]),
        "MERGED_REGIMEN_ID": identifier(regimen_id),
        "HEIGHT_AT_START_OF_REGIMEN": real(np.round(rng.normal(1.62, 0.07, n), 2)),
        "WEIGHT_AT_START_OF_REGIMEN": real(np.round(np.exp(rng.normal(4.27, 0.2, n)), 1)),
        "INTENT_OF_TREATMENT": code(intent, ["01", "02", "03", "98", "A", "P", "D", "C"]),
        "DATE_DECISION_TO_TREAT": date(np.maximum(chosen.start - wait, p.diagnosed[chosen.who] - 30)),
        "START_DATE_OF_REGIMEN": date(chosen.start),
        "MAPPED_REGIMEN": code(chosen.regimen, list(therapy.NAMES)),
        "CLINICAL_TRIAL": code(np.where(rng.random(n) < 0.3, -1, (rng.random(n) < 0.05) * 1), ["02", "01"]),
        "CHEMO_RADIATION": code(np.where(rng.random(n) < 0.4, -1, 0), ["N", "Y"]),
        "BENCHMARK_GROUP": code(chosen.regimen, [r[2] for r in therapy.REGIMENS]),
        "ORGANISATION_CODE_OF_PROVIDER": code(trust, organisation),
    }
    line, number, day = therapy.expand_cycles(chosen)
    cycle_id = base * 10 + np.arange(line.size)
    cytotoxic = therapy.CYTOTOXIC[chosen.regimen[line]]
    cycle: Table = {
        "MERGED_REGIMEN_ID": identifier(regimen_id[line]),
        "MERGED_CYCLE_ID": identifier(cycle_id),
        "CYCLE_NUMBER": integer(number),
        "START_DATE_OF_CYCLE": date(day),
        "OPCS_PROCUREMENT_CODE": code(
            np.where(cytotoxic, rng.integers(0, 3, line.size), 3), ["X701", "X702", "X711", "X719"]
        ),
        "PERF_STATUS_START_OF_CYCLE": code(
            np.where(rng.random(line.size) < 0.3, -1, p.ps[chosen.who[line]]), list("01234")
        ),
    }
    drugs = therapy.DRUGS_OF[chosen.regimen[line]]
    of_cycle, position = np.nonzero(drugs >= 0)
    drug = drugs[of_cycle, position]
    oral = np.isin(
        drug,
        [
            therapy.DRUGS.index(d)
            for d in (
                "CAPECITABINE",
                "PALBOCICLIB",
                "RIBOCICLIB",
                "ABEMACICLIB",
                "LETROZOLE",
                "EVEROLIMUS",
                "EXEMESTANE",
            )
        ],
    )
    detail: Table = {
        "MERGED_DRUG_DETAIL_ID": identifier(base * 100 + np.arange(of_cycle.size)),
        "MERGED_CYCLE_ID": identifier(cycle_id[of_cycle]),
        "ACTUAL_DOSE_PER_ADMINISTRATION": real(np.round(60 + 20.0 * drug + rng.integers(0, 40, of_cycle.size), 0)),
        "OPCS_DELIVERY_CODE": code(np.where(oral, 1, 0), ["X722", "X731"]),
        "ADMINISTRATION_ROUTE": code(np.where(oral, 1, 0), ["1", "2"]),
        "ADMINISTRATION_DATE": date(day[of_cycle]),
        "DRUG_GROUP": code(drug, list(therapy.DRUGS)),
        "ORG_CODE_OF_DRUG_PROVIDER": code(trust[line[of_cycle]], organisation),
    }
    rows = np.flatnonzero(rng.random(n) < 0.8)
    died = p.death[chosen.who] - chosen.last < 40
    reason = np.where(died, 2, np.where(chosen.palliative, np.array([0, 0, 1, 3, 4])[rng.integers(0, 5, n)], -1))
    outcome: Table = {
        "MERGED_REGIMEN_ID": identifier(regimen_id),
        "DATE_OF_FINAL_TREATMENT": date(chosen.last),
        "REGIMEN_MOD_DOSE_REDUCTION": code((rng.random(n) < 0.25) * 1, ["N", "Y"]),
        "REGIMEN_MOD_TIME_DELAY": code((rng.random(n) < 0.35) * 1, ["N", "Y"]),
        "REGIMEN_MOD_STOPPED_EARLY": code((rng.random(n) < 0.2) * 1, ["N", "Y"]),
        "REGIMEN_OUTCOME_SUMMARY": code(reason, ["1", "2", "3", "4", "5"]),
    }
    return {
        "sact_regimen": regimen,
        "sact_cycle": cycle,
        "sact_drug_detail": detail,
        "sact_outcome": take_rows(outcome, rows),
    }


# --- radiotherapy, waiting times, recurrence items, deaths -----------------------------------------------------------


def _write_radiotherapy(rng, p, organisations) -> dict[str, Table]:
    end = np.minimum(p.death, p.cut)
    metastatic = is_denovo_like(p) | is_recurrent_like(p) | p.hidden
    origin = np.where(p.coded, p.first_code, date_reference(p))
    blocks = []
    adjuvant = np.flatnonzero(p.surgery & (p.stage < 4) & (rng.random(p.n) < 0.62))
    blocks.append((adjuvant, p.surgery_day[adjuvant] + rng.integers(40, 90, adjuvant.size), 0))
    bone = np.flatnonzero(metastatic & p.site_true[:, 0] & (rng.random(p.n) < 0.36))
    blocks.append((bone, origin[bone] + rng.integers(5, 300, bone.size), 1))
    brain = np.flatnonzero(metastatic & p.site_true[:, 3] & (rng.random(p.n) < 0.55))
    blocks.append((brain, origin[brain] + rng.integers(5, 120, brain.size), 2))
    who = np.concatenate([b[0] for b in blocks])
    day = np.concatenate([b[1] for b in blocks])
    kind = np.concatenate([np.full(b[0].size, b[2]) for b in blocks])
    keep = np.flatnonzero(day <= end[who])
    keep = keep[np.lexsort((day[keep], who[keep]))]
    who, day, kind = who[keep], day[keep], kind[keep]
    n = who.size
    number = p.person[0] * 10 + np.arange(n)
    single = rng.random(n) < 0.55
    plan = np.where(kind == 0, np.where(rng.random(n) < 0.6, 0, 1), np.where(single & (kind == 1), 2, 3))
    dose, fractions = np.array([40.0, 26.0, 8.0, 20.0])[plan], np.array([15, 5, 1, 5])[plan]
    shared = {
        "PATIENTID": identifier(p.person[who]),
        "RADIOTHERAPYEPISODEID": identifier(number),
        "ATTENDID": identifier(number * 10 + 1),
        "APPTDATE": date(day),
    }
    decision = day - rng.integers(3, 28, n)
    episode = shared | {
        "ORGCODEPROVIDER": code(p.provider[who], [c + "00" for c in organisations.code]),
        "DECISIONTOTREATDATE": date(decision),
        "EARLIESTCLINAPPROPDATE": date(decision + rng.integers(0, 7, n)),
        "RADIOTHERAPYPRIORITY": code(np.where(kind == 0, 0, 1 + (rng.random(n) < 0.2)), ["R", "U", "E"]),
        "RADIOTHERAPYINTENT": code(np.where(kind == 0, 0, np.where(rng.random(n) < 0.5, -1, 0)), ["1", "2", "3"]),
    }
    site = np.where(kind == 1, rng.integers(0, 4, n), np.where(kind == 2, 4, -1))
    prescription = shared | {
        "PRESCRIPTIONID": identifier(number * 10 + 2),
        "RTTREATMENTMODALITY": code(np.zeros(n), ["5", "6"]),
        "RTPRESCRIBEDDOSE": real(dose),
        "RTPRESCRIBEDFRACTIONS": integer(fractions),
        "RTACTUALDOSE": real(dose),
        "RTACTUALFRACTIONS": integer(fractions),
        "RTTREATMENTREGION": code(np.where(kind == 0, np.where(p.nodes[who], 1, 0), 2), ["P", "PR", "M"]),
        "RTTREATMENTANATOMICALSITE": code(site, ["Z663", "Z665", "Z756", "Z743", "Z019"]),
    }
    names = ["PATIENTID", "PRESCRIPTIONID", "RADIOTHERAPYEPISODEID", "ATTENDID", "APPTDATE"]
    names += [name for name in prescription if name not in names]
    return {"rtds_episode": episode, "rtds_prescription": {name: prescription[name] for name in names}}


def _write_waiting_times(rng, p, lines) -> Table:
    first_drug = np.full(p.n, NEVER)
    np.minimum.at(first_drug, lines.who, lines.start)
    start = np.minimum(p.surgery_day, first_drug)
    who = np.flatnonzero((start < NEVER) & (start >= p.diagnosed) & (rng.random(p.n) < 0.93))
    n = who.size
    surgery = p.surgery_day[who] <= first_drug[who]
    referral = p.diagnosed[who] - rng.integers(10, 35, n)
    modality = np.where(surgery, np.where(start[who] < day_number("2020-10-01"), 0, 1), 2)
    return {
        "PSEUDO_PATIENTID": identifier(p.person[who]),
        "SITE_ICD10": code(p.cancer_code[who], list(ICD10_WORDS)),
        "MODALITY": code(modality, ["01", "23", "02", "03"]),
        "CRTP_DATE": date(referral),
        "DATE_FIRST_SEEN": date(referral + rng.integers(5, 15, n)),
        "MDT_DATE": date(np.where(rng.random(n) < 0.6, p.diagnosed[who] + rng.integers(0, 20, n), NEVER)),
        "TREAT_PERIOD_START": date(start[who] - rng.integers(3, 20, n)),
        "TREAT_START": date(start[who]),
    }


def _write_recurrence_items(rng, p, calibration) -> Table:
    """Recurrences trusts reported to COSD: few, and more often those that HES holds too (partial dependence)."""
    settings = calibration["cosd_recurrence"]
    of_breast = p.dead & (p.cause_rec == 1)
    coded = is_recurrent_like(p) & p.coded
    share = settings["breast_cancer_deaths"] / 100
    lifted = np.where(coded, 1.25 * share, share)
    scale = share * of_breast.sum() / max(lifted[of_breast].sum(), 1e-9)
    wanted = settings["primaries"] / 100 * p.n - share * of_breast.sum()
    alive_weight = np.where(of_breast, 0.0, np.where(coded, 6.0, 1.0))
    alive = np.clip(alive_weight * max(wanted, 0) / max(alive_weight.sum(), 1), 0, 0.8)
    chosen = draw_fixed(rng, np.where(of_breast, np.clip(lifted * scale, 0, 1), alive), of_breast * 1)
    end = np.minimum(p.death, p.cut)
    day = np.where(
        p.distant < NEVER,
        p.distant + rng.integers(0, 60, p.n),
        p.diagnosed + np.floor(rng.random(p.n) * (end - p.diagnosed)),
    )
    day = np.minimum(day, end).astype(int)
    who = np.flatnonzero(chosen & (day >= p.diagnosed))
    distant = p.distant[who] < NEVER
    site = np.where(p.site_true[who].any(axis=1), p.site_true[who].argmax(axis=1), 4 + rng.integers(0, 3, who.size))
    site = np.where(p.site_true[who].sum(axis=1) > 1, 7, site)
    return {
        "PATIENTID": identifier(p.person[who]),
        "CANCERRECURRENCECAREPLANINDICATOR": code(
            np.where(distant, 0, np.where(rng.random(who.size) < 0.8, 1, 2)), ["YD", "YL", "NN"]
        ),
        "DATEOFRECURRENCE": date(day[who]),
        "METASTATICSITE": code(
            np.where(distant, site, -1), ["10", "04", "03", "02", "08", "09", "99", "06", "07", "11"]
        ),
    }


def _write_deaths(rng, p) -> Table:
    who = np.flatnonzero(p.dead)
    n = who.size
    certificate = {name: value[who] for name, value in p.certificate.items()}
    table: Table = {
        "DEC_CONF_NHS_NUMBER_CLEAN_DEID": identifier(p.person[who]),
        "REG_DATE": datetext(p.death[who] + 3 + rng.integers(0, 12, n)),
        "REG_DATE_OF_DEATH": datetext(p.death[who]),
        "S_UNDERLYING_COD_ICD10": code(certificate["underlying"], list(ICD10_WORDS)),
    }
    listed = hospital.pack_left(np.column_stack([certificate[part] for part in ("1a", "1b", "2")]))
    for k in range(15):
        table[f"S_COD_CODE_{k + 1}"] = code(listed[:, k], list(ICD10_WORDS)) if k < 3 else constant(None, n)
    table["DEC_SEX"] = code(np.where(p.male[who], 0, 1), ["1", "2"])
    table["DEC_AGEC"] = integer(p.age[who] + (p.death - p.diagnosed)[who] // 365)
    table["POD_CODE"] = code(np.where(p.died_in_hospital[who], 0, rng.integers(0, 3, n)), ["H", "E", "O"])
    return table
