"""Wales's raw tables from courses: network registration, PEDW spells, episodes, diagnoses, operations, deaths."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from naome_synthetic import codes, hospital, therapy
from naome_synthetic.course import ETHNICITIES, NEVER
from naome_synthetic.organisations import Organisations
from naome_synthetic.records_england import ICD10_WORDS, certify_causes, write_receptor, write_stage
from naome_synthetic.registration_extras import Names, append_ineligible, append_other_tumours
from naome_synthetic.tables import Table, code, constant, date, datetext, identifier, integer

FIRST_PERSON, FIRST_EXTRA = 2_000_000_000, 6_000_000_000
_NAMES = Names(
    tumour="TUMOUR_ID",
    person="ALF_PE",
    day="DATE_OF_DIAGNOSIS",
    age="AGE_AT_DIAGNOSIS",
    site="PRIMARY_DIAGNOSIS_ICD",
    behaviour="BEHAVIOUR",
    stage="STAGE_GROUPING",
    basis="BASIS_OF_DIAGNOSIS",
    status="REGISTRATION_STATUS",
    country="COUNTRY_CODE",
    empty=("SURGERY_DATE", "MDT_DISCUSSION_DATE"),
)


def write_tables(
    p: SimpleNamespace, organisations: Organisations, first: int, seed: np.random.SeedSequence
) -> dict[str, Table]:
    """Make Wales's tables for one chunk of people.

    Parameters
    ----------
    p : types.SimpleNamespace
        A course of `build_course`.
    organisations : Organisations
    first : int
        Number of people in earlier chunks.
    seed : numpy.random.SeedSequence
        Own stream of the chunk's records.

    Returns
    -------
    dict of str to Table
        Keyed by file name without its ending.
    """
    streams = [np.random.default_rng(s) for s in seed.spawn(4)]
    p.person = FIRST_PERSON + first + np.arange(p.n)
    lines = therapy.plan_lines(streams[0], p, targeted=False)
    admissions = hospital.write_admissions(streams[1], p, lines, organisations.effect, "wales")
    tables = {"wcn_registration": _write_registration(streams[2], p, organisations)}
    tables |= _write_pedw(streams[3], p, admissions, organisations)
    tables["adde_deaths"] = _write_deaths(streams[2], p)
    return tables


def _write_registration(rng, p, organisations) -> Table:
    n = p.n
    t = np.where(p.in_situ, 0, np.clip(p.stage + (rng.random(n) < 0.3), 1, 4))
    missing = np.array([2, -1])[rng.integers(0, 2, n)]
    table = {
        "ALF_PE": identifier(p.person),
        "TUMOUR_ID": identifier(p.person * 10 + 1),
        "DATE_OF_DIAGNOSIS": datetext(p.diagnosed),
        "PRIMARY_DIAGNOSIS_ICD": code(p.cancer_code, list(ICD10_WORDS)),
        "BEHAVIOUR": code(p.in_situ * 1, ["3", "2"]),
        "SEX_AT_BIRTH": code(p.male * 1, ["F", "M", "I", "Z"]),
        "AGE_AT_DIAGNOSIS": integer(p.age),
        "ETHNIC_GROUP": code(p.ethnicity, list(ETHNICITIES)),
        "T_CATEGORY": code(np.where(p.unstaged & (rng.random(n) < 0.7), -1, t), ["is", "1", "2", "3", "4"]),
        "N_CATEGORY": code(np.where(p.unstaged & (rng.random(n) < 0.7), -1, p.nodes * 1), ["0", "1"]),
        "M_CATEGORY": code(np.where(p.unstaged | (rng.random(n) < 0.3), -1, (p.stage == 4) * 1), ["0", "1"]),
        "STAGE_GROUPING": write_stage(rng, p.stage, p.unstaged),
        "TUMOUR_GRADE": code(
            np.where(p.grade_rec, p.grade - 1, np.array([3, -1])[rng.integers(0, 2, n)]), list("1239")
        ),
        "ER_STATUS": write_receptor(rng, p.er, p.er_rec),
        "PR_STATUS": write_receptor(rng, p.pr, p.pr_rec),
        "HER2_STATUS": write_receptor(rng, p.her2, p.her2_rec),
        "PERFORMANCE_STATUS": code(np.where(p.ps_rec, p.ps, np.array([5, -1])[rng.integers(0, 2, n)]), list("012349")),
        "BASIS_OF_DIAGNOSIS": code(np.where(rng.random(n) < 0.04, 1, 0), ["7", "2", "0"]),
        "REGISTRATION_STATUS": code(np.zeros(n), ["F", "P"]),
        "COUNTRY_CODE": code(np.zeros(n), ["W", "E"]),
        "HEALTH_BOARD_OF_DIAGNOSIS": code(p.provider, list(organisations.code)),
        "MDT_DISCUSSION_DATE": datetext(
            np.where(p.mdt, np.minimum(p.diagnosed + rng.integers(0, 40, n), p.death), NEVER)
        ),
        "KEY_WORKER_SEEN": code(np.where(p.cns_rec, np.where(p.cns, 0, 1), missing), ["Y", "N", "9"]),
        "WIMD_2019_QUINTILE": code(p.quintile - 1, list("12345")),
        "CHEMOTHERAPY_FLAG": code((p.chemo | p.adjuvant) * 1, ["N", "Y"]),
        "RADIOTHERAPY_FLAG": code((rng.random(n) < np.where(p.surgery, 0.6, 0.2)) * 1, ["N", "Y"]),
        "SURGERY_DATE": datetext(p.surgery_day),
    }
    table = append_other_tumours(rng, p, table, _NAMES)
    table, people, kind = append_ineligible(rng, p, table, _NAMES, FIRST_EXTRA)
    # Vital status is not in the Welsh registration: those who would leave by it are provisional here.
    status, added = table["REGISTRATION_STATUS"], np.arange(-people.size, 0)
    status.values[added[kind == 5]] = status.words.index("P")
    return table


def _write_pedw(rng, p, admissions, organisations) -> dict[str, Table]:
    a, n = admissions, admissions.who.size
    linked = code(rng.choice(3, n, p=[0.9, 0.06, 0.04]), ["1", "4", "39"])
    away = rng.random(n) < 0.05
    unit = np.where(away, rng.integers(0, organisations.current, n), p.provider[a.who])
    units = list(organisations.code)
    spell_number = p.person[0] * 100 + np.arange(n)
    spell: Table = {
        "PROV_UNIT_CD": code(unit, units),
        "SPELL_NUM_PE": identifier(spell_number),
        "ALF_PE": identifier(p.person[a.who]),
        "ALF_STS_CD": linked,
        "ADMIS_DT": date(a.day),
        "DISCH_DT": date(a.day + a.los),
        "ADMIS_MTHD_CD": code(np.searchsorted([11, 12, 21], a.admimeth), ["11", "12", "21"]),
        "DISCH_MTHD_CD": code(np.where(a.died, 1, 0), ["1", "4"]),
        "PAT_CLASS_CD": code(a.classpat - 1, list("12345")),
        "GNDR_CD": code(np.where(p.male[a.who], 0, 1), ["1", "2"]),
    }
    again = np.flatnonzero((a.los >= 2) & (rng.random(n) < 0.12))
    row = np.concatenate([np.arange(n), again])
    order = np.argsort(row, kind="stable")
    second = np.concatenate([np.zeros(n, bool), np.ones(again.size, bool)])[order]
    row = row[order]
    followed = np.isin(row, again) & ~second
    middle = a.day[row] + a.los[row] // 2
    keys = {
        "PROV_UNIT_CD": code(unit[row], units),
        "SPELL_NUM_PE": identifier(spell_number[row]),
        "EPI_NUM": integer(1 + second),
    }
    start = np.where(second, middle, a.day[row])
    episode = keys | {
        "EPI_STR_DT": date(start),
        "EPI_END_DT": date(np.where(followed, middle, a.day[row] + a.los[row])),
        "DIAG_CD_1234": code(a.diag[row, 0], list(ICD10_WORDS)),
    }
    tables = {"pedw_spell": spell, "pedw_episode": episode}
    of, position = np.nonzero(a.diag[row] >= 0)
    diagnosis = a.diag[row][of, position]
    three, number = np.unique([w[:3] for w in ICD10_WORDS], return_inverse=True)
    tables["pedw_diag"] = _take_keys(keys, of) | {
        "DIAG_NUM": integer(position + 1),
        "DIAG_CD_123": code(number[diagnosis], [str(w) for w in three]),
        "DIAG_CD_1234": code(diagnosis, list(ICD10_WORDS)),
    }
    of, position = np.nonzero(a.oper[row] >= 0)
    tables["pedw_oper"] = _take_keys(keys, of) | {
        "OPER_NUM": integer(position + 1),
        "OPER_CD": code(a.oper[row][of, position], list(codes.OPCS4)),
        "OPER_DT": date(start[of]),
    }
    return tables


def _take_keys(keys: Table, rows: np.ndarray) -> Table:
    return {name: column.take(rows) for name, column in keys.items()}


def _write_deaths(rng, p) -> Table:
    certificate = certify_causes(rng, p)
    who = np.flatnonzero(p.dead)
    certificate = {name: value[who] for name, value in certificate.items()}
    table: Table = {
        "ALF_PE": identifier(p.person[who]),
        "ALF_STS_CD": code(rng.choice(3, who.size, p=[0.92, 0.05, 0.03]), ["1", "4", "39"]),
        "DEATH_DT": date(p.death[who]),
        "DEATH_REG_DT": date(p.death[who] + 3 + rng.integers(0, 12, who.size)),
        "DEATHCAUSE_DIAG_UNDERLYING_CD": code(certificate["underlying"], list(ICD10_WORDS)),
    }
    listed = hospital.pack_left(np.column_stack([certificate[part] for part in ("1a", "1b", "2")]))
    for k in range(8):
        column = code(listed[:, k], list(ICD10_WORDS)) if k < 3 else constant(None, who.size)
        table[f"DEATHCAUSE_DIAG_{k + 1}_CD"] = column
    return table
