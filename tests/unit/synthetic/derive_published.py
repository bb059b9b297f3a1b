"""An independent re-derivation of the published figures from raw extracts, in SQL, and its comparison with the targets.

It shares no code with the generator or with the pipeline. Run it by hand for the table of published against derived
(the last two arguments are the folders of England and Wales):

    python tests/unit/synthetic/derive_published.py data/synthetic/england data/synthetic/wales
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

TARGETS = Path(__file__).resolve().parents[3] / "definitions" / "synthetic.yaml"
METASTATIC = "^C(77[0124578]?|78[0-9]?|79[0-9]?)$"
CUT_OFF = "DATE '2023-06-01'"


@dataclass(frozen=True)
class Comparison:
    """One published row beside its derived value."""

    id: str
    published: float
    derived: float
    n: int
    tolerance: float

    @property
    def agrees(self) -> bool:
        return abs(self.derived - self.published) <= self.tolerance + 1e-9


def compare_with_published(england: Path, wales: Path, scale: float | None = None) -> list[Comparison]:
    """Derive every published figure the extracts can give and set it beside the published one."""
    if scale is None:
        scale = json.loads((england / "extract.json").read_text())["scale"]
    con = duckdb.connect()
    con.execute("SET threads=2")
    _read_england(con, england)
    _read_wales(con, wales)
    _build_cohorts(con)
    derived = _measure(con)
    out = []
    for key, row in yaml.safe_load(TARGETS.read_text())["targets"].items():
        if key not in derived:
            continue
        value, n, sd = derived[key]
        published = row["value"] * scale if row["unit"] == "people" else row["value"]
        out.append(Comparison(key, published, value, n, _tolerance(key, row, published, n, sd, scale)))
    return out


def underived(england: Path, wales: Path) -> set[str]:
    """Name the published rows that this derivation does not give."""
    return set(yaml.safe_load(TARGETS.read_text())["targets"]) - {c.id for c in compare_with_published(england, wales)}


def _tolerance(key: str, row: dict, published: float, n: int, sd: float | None, scale: float) -> float:
    if row["unit"] == "people":
        # Below national size, counts of one or two people are rounded to whole people.
        return 3 * math.sqrt(published) + (0 if scale >= 1 else 1)
    if row["unit"] == "years":
        return 2.58 * sd / math.sqrt(n) + 0.05
    p = min(max(row["value"] / 100, 0), 1)
    whole = key in ("fig1_deaths_bc_share", "surv1_ew", "surv3_ew")
    return 258 * math.sqrt(p * (1 - p) / max(n, 1)) + (0.5 if whole else 0.05)


def _code(column: str) -> str:
    return f"upper(regexp_replace(coalesce({column}, ''), '[^A-Za-z0-9]', '', 'g'))"


def _text(column: str) -> str:
    return f"upper(trim({column}))"


def _number(column: str) -> str:
    return f"regexp_replace(trim({column}), '[.]0$', '')"


def _read_england(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    f = {p.stem: f"read_parquet('{p}')" for p in folder.glob("*.parquet")}
    con.execute(f"""
      CREATE TABLE e_people AS
      WITH t AS (
        SELECT trim(t.PATIENTID) pid, TUMOURID tid, DIAGNOSISDATEBEST dx, left({_code("SITE_ICD10_O2")}, 3) site3,
          {_text("STAGE_BEST")} stage, AGE age, {_text("ER_STATUS")} er, {_text("PR_STATUS")} pr,
            {_text("HER2_STATUS")} her2,
          {_number("PERFORMANCESTATUS")} ps, {_text("GRADE")} grade, {_text("CNS")} cns, FIRSTMDTMEETINGDATE mdt,
          {_number("t.GENDER")} sex, DIAG_TRUST provider, {_text("p.VITALSTATUS")} vs, p.VITALSTATUSDATE vsd
        FROM {f["av_tumour"]} t JOIN {f["av_patient"]} p USING (PATIENTID)
        WHERE left({_code("SITE_ICD10_O2")}, 3) IN ('C50', 'D05') AND AGE >= 18 AND {_number("BASISOFDIAGNOSIS")} <> '0'
          AND {_text("STATUSOFREGISTRATION")} = 'F' AND {_text("CTRY_CODE")} = 'E' AND {_number("DEDUP_FLAG")} = '1'
          AND DIAGNOSISDATEBEST BETWEEN DATE '2015-01-01' AND DATE '2021-12-31'
          AND {_text("p.VITALSTATUS")} NOT IN ('D4', 'D5'))
      SELECT 'E' nation, *, NULL chemo_flag FROM t
      QUALIFY row_number() OVER (PARTITION BY pid ORDER BY dx, site3,
        try_cast(left(stage, 1) AS INT) DESC NULLS LAST, tid) = 1""")
    con.execute(f"""
      CREATE TABLE e_deaths AS
      SELECT trim(DEC_CONF_NHS_NUMBER_CLEAN_DEID) pid, strptime(REG_DATE_OF_DEATH, '%Y%m%d')::DATE dod,
        {_code("split_part(S_UNDERLYING_COD_ICD10, ',', 1)")} underlying
      FROM {f["ons_deaths"]} QUALIFY row_number() OVER (PARTITION BY pid ORDER BY REG_DATE DESC, dod DESC) = 1""")
    columns = ", ".join(f"DIAG_{k:02d}" for k in range(1, 21))
    con.execute(f"""
      CREATE TABLE e_codes AS
      SELECT DISTINCT trim(STUDY_ID) pid, ADMIDATE AS day, left({_code("d")}, 4) code FROM (
        SELECT STUDY_ID, ADMIDATE, unnest([{columns}]) d FROM {f["hes_apc"]} WHERE {_number("CLASSPAT")} IN ('1', '2'))
      WHERE left(upper(d), 1) = 'C'""")
    operations = ", ".join(f"OPERTN_{k:02d}" for k in range(1, 25))
    op_dates = ", ".join(f"OPDATE_{k:02d}" for k in range(1, 25))
    con.execute(f"""
      CREATE TABLE e_ops AS
      SELECT trim(STUDY_ID) pid, CASE WHEN d IS NULL OR d < DATE '1900-01-01' THEN EPISTART ELSE d END AS day,
        {_code("o")} code
      FROM (SELECT STUDY_ID, EPISTART, unnest([{operations}]) o, unnest([{op_dates}]) d FROM {f["hes_apc"]})
      WHERE o IS NOT NULL AND o NOT IN ('-', '&')""")
    con.execute(f"""
      CREATE TABLE e_drugs AS
      SELECT trim(r.ENCORE_PATIENT_ID) pid, coalesce(d.ADMINISTRATION_DATE, c.START_DATE_OF_CYCLE) given,
        c.START_DATE_OF_CYCLE cycle, {_text("d.DRUG_GROUP")} drug
      FROM {f["sact_drug_detail"]} d JOIN {f["sact_cycle"]} c USING (MERGED_CYCLE_ID) JOIN {f["sact_regimen"]} r
        USING (MERGED_REGIMEN_ID)""")
    con.execute(f"""
      CREATE TABLE e_hes_chemo AS
      SELECT pid, day FROM e_ops WHERE regexp_matches(code, '^X7[0-4]')
      UNION SELECT trim(STUDY_ID), ADMIDATE FROM (SELECT STUDY_ID, ADMIDATE, unnest([{columns}]) d FROM {f["hes_apc"]})
        WHERE {_code("d")} LIKE 'Z511%'""")


def _read_wales(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    f = {p.stem: f"read_parquet('{p}')" for p in folder.glob("*.parquet")}
    con.execute(f"""
      CREATE TABLE w_people AS
      SELECT 'W' nation, trim(ALF_PE) pid, TUMOUR_ID tid, strptime(DATE_OF_DIAGNOSIS, '%Y%m%d')::DATE dx,
        left({_code("PRIMARY_DIAGNOSIS_ICD")}, 3) site3, {_text("STAGE_GROUPING")} stage, AGE_AT_DIAGNOSIS age,
        {_text("ER_STATUS")} er, {_text("PR_STATUS")} pr, {_text("HER2_STATUS")} her2,
          {_number("PERFORMANCE_STATUS")} ps,
        'G' || {_number("TUMOUR_GRADE")} grade,
        CASE {_text("KEY_WORKER_SEEN")} WHEN 'Y' THEN 'Y1' WHEN 'N' THEN 'NN' END cns,
        strptime(MDT_DISCUSSION_DATE, '%Y%m%d')::DATE mdt, CASE SEX_AT_BIRTH WHEN 'M' THEN '1' ELSE '2' END sex,
        HEALTH_BOARD_OF_DIAGNOSIS provider, 'A' vs, NULL::DATE vsd, {_text("CHEMOTHERAPY_FLAG")} = 'Y' chemo_flag
      FROM {f["wcn_registration"]}
      WHERE left({_code("PRIMARY_DIAGNOSIS_ICD")}, 3) IN ('C50', 'D05') AND AGE_AT_DIAGNOSIS >= 18
        AND {_number("BASIS_OF_DIAGNOSIS")} <> '0' AND {_text("REGISTRATION_STATUS")} = 'F'
          AND {_text("COUNTRY_CODE")} = 'W'
        AND strptime(DATE_OF_DIAGNOSIS, '%Y%m%d') BETWEEN DATE '2015-01-01' AND DATE '2021-12-31'
      QUALIFY row_number() OVER (PARTITION BY pid ORDER BY dx, site3,
        try_cast(left(stage, 1) AS INT) DESC NULLS LAST, tid) = 1""")
    con.execute(f"""
      CREATE TABLE w_deaths AS
      SELECT trim(ALF_PE) pid, DEATH_DT dod, {_code("split_part(DEATHCAUSE_DIAG_UNDERLYING_CD, ',', 1)")} underlying
      FROM {f["adde_deaths"]} WHERE {_number("ALF_STS_CD")} IN ('1', '4', '39')
      QUALIFY row_number() OVER (PARTITION BY pid ORDER BY DEATH_REG_DT DESC, DEATH_DT DESC) = 1""")
    con.execute(f"""
      CREATE TABLE w_codes AS
      SELECT DISTINCT trim(s.ALF_PE) pid, s.ADMIS_DT AS day, left({_code("d.DIAG_CD_1234")}, 4) code
      FROM {f["pedw_diag"]} d JOIN {f["pedw_spell"]} s USING (PROV_UNIT_CD, SPELL_NUM_PE)
      WHERE {_number("s.PAT_CLASS_CD")} IN ('1', '2') AND {_number("s.ALF_STS_CD")} IN ('1', '4', '39')""")


def _build_cohorts(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"""
      CREATE TABLE codes AS
      SELECT * FROM (SELECT 'E' nation, * FROM e_codes UNION ALL SELECT 'W', * FROM w_codes)
      WHERE regexp_matches(code, '{METASTATIC}')""")
    con.execute("CREATE TABLE deaths AS SELECT 'E' nation, * FROM e_deaths UNION ALL SELECT 'W', * FROM w_deaths")
    con.execute("""
      CREATE TABLE people AS
      WITH p AS (SELECT * FROM e_people UNION ALL SELECT * FROM w_people),
      c AS (SELECT nation, pid, min(day) first_ever FROM codes GROUP BY ALL),
      a AS (SELECT p.nation, p.pid, min(day) FILTER (day >= dx) first_after, bool_or(day >= dx
        AND day <= coalesce(dod, dx)) seen
            FROM p JOIN codes USING (nation, pid) LEFT JOIN deaths USING (nation, pid) GROUP BY ALL)
      SELECT p.* EXCLUDE (vs, vsd), first_ever, first_after, coalesce(seen, false) seen,
        least(coalesce(dod, CASE WHEN vs LIKE 'D%' THEN vsd END), DATE '2999-01-01') AS dod, underlying,
        CASE WHEN regexp_matches(coalesce(stage, ''), '^[0-4]') THEN left(stage, 1)::INT END AS s
      FROM p LEFT JOIN c USING (nation, pid) LEFT JOIN a USING (nation, pid) LEFT JOIN deaths USING (nation, pid)""")
    con.execute(f"UPDATE people SET dod = NULL WHERE dod > {CUT_OFF}")
    con.execute("""
      CREATE TABLE cohort AS
      SELECT *, CASE WHEN kind = 'rec' THEN first_ever ELSE dx END ref,
        CASE WHEN kind = 'rec' THEN first_ever WHEN s = 4 THEN dx ELSE first_after END met,
        CASE WHEN age < 50 THEN 0 WHEN age < 70 THEN 1 WHEN age < 80 THEN 2 ELSE 3 END band4,
        CASE WHEN her2 = 'P' AND er = 'N' THEN 'h2p_ern' WHEN her2 = 'P' AND er = 'P' THEN 'h2p_erp'
             WHEN her2 = 'N' AND er = 'N' THEN 'h2n_ern' WHEN her2 = 'N' AND er = 'P' THEN 'h2n_erp' END cell
      FROM (SELECT *, CASE
          WHEN year(dx) >= 2019 AND s = 4 THEN 'dn'
          WHEN year(dx) >= 2019 AND (s BETWEEN 1 AND 3 OR s IS NULL) AND first_after < dx + INTERVAL 12 MONTH THEN 'dn'
          WHEN (s < 4 OR s IS NULL) AND first_ever >= dx + INTERVAL 12 MONTH
            AND first_ever BETWEEN DATE '2019-01-01' AND DATE '2021-12-31' THEN 'rec' END AS kind FROM people)
      WHERE kind IS NOT NULL""")
    cytotoxic = """PACLITAXEL', 'NAB-PACLITAXEL', 'DOCETAXEL', 'CAPECITABINE', 'VINORELBINE', 'ERIBULIN',
      'CARBOPLATIN', 'CISPLATIN', 'GEMCITABINE', 'DOXORUBICIN', 'LIPOSOMAL DOXORUBICIN', 'EPIRUBICIN',
      'CYCLOPHOSPHAMIDE', 'FLUOROURACIL', 'METHOTREXATE', 'MITOMYCIN"""
    anti_her2 = (
        "TRASTUZUMAB', 'PERTUZUMAB', 'PERTUZUMAB + TRASTUZUMAB', 'TRASTUZUMAB EMTANSINE', 'TRASTUZUMAB DERUXTECAN"
    )
    con.execute(f"""
      CREATE TABLE chemo AS
      SELECT pid, given AS day FROM e_drugs WHERE drug IN ('{cytotoxic}')
      UNION SELECT pid, cycle FROM e_drugs WHERE drug IN ('{cytotoxic}') UNION SELECT pid, day FROM e_hes_chemo""")
    site = """EXISTS (SELECT 1 FROM codes c WHERE c.nation = k.nation AND c.pid = k.pid AND c.code = '{}'
          AND c.day BETWEEN k.met - 30 AND k.met + 365) {}"""
    sites = ", ".join(
        site.format(c, n) for c, n in (("C795", "bone"), ("C780", "lung"), ("C787", "liver"), ("C793", "brain"))
    )
    biopsy = "^(J13|J05|J14|E59|E491|E511|E63|T111|T141|W36|V47|T86|T87|T911|S13|S14|S15|A04|A08|T43|Y20)"
    con.execute(f"""
      CREATE TABLE k AS
      SELECT k.*, {sites},
        CASE WHEN nation = 'W' THEN chemo_flag ELSE EXISTS (SELECT 1 FROM chemo c WHERE c.pid = k.pid
          AND c.day BETWEEN ref - 31 AND ref + 365) END chemo,
        (SELECT max(day) FROM chemo c WHERE c.pid = k.pid AND c.day <= {CUT_OFF} AND (k.dod IS NULL
          OR c.day <= k.dod)) last_chemo,
        EXISTS (SELECT 1 FROM e_ops o WHERE o.pid = k.pid AND regexp_matches(o.code, '{biopsy}')
          AND o.day BETWEEN met - 30 AND met + 90) biopsy,
        EXISTS (SELECT 1 FROM e_drugs d WHERE d.pid = k.pid
          AND drug IN ('PALBOCICLIB', 'RIBOCICLIB', 'ABEMACICLIB') AND given BETWEEN dx AND dx + 365) cdk,
        EXISTS (SELECT 1 FROM e_drugs d WHERE d.pid = k.pid AND drug IN ('{anti_her2}') AND given BETWEEN dx
          AND dx + 365) antiher2,
        coalesce(dod - dx <= 30, false) early
      FROM cohort k""")


E, W, F, M = "nation = 'E'", "nation = 'W'", "sex = '2'", "sex = '1'"
DN, REC = "kind = 'dn'", "kind = 'rec'"
RECORDED = {
    "grade": "grade IN ('G1', 'G2', 'G3')",
    "stage": "s IS NOT NULL",
    "er": "er IN ('P', 'N')",
    "her2": "her2 IN ('P', 'N')",
    "pr": "pr IN ('P', 'N')",
    "ps": "ps IN ('0', '1', '2', '3', '4')",
}
AGE_BANDS = (("u40", 0, 39), ("4049", 40, 49), ("5059", 50, 59), ("6069", 60, 69), ("7079", 70, 79), ("80", 80, 200))


class _Figures(dict):
    """Derived figures: id -> (value, denominator, standard deviation of a mean)."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        super().__init__()
        self.con = con

    def count(self, key: str, *where: str) -> None:
        self[key] = (self.con.execute(f"SELECT count(*) FROM k WHERE {' AND '.join(where)}").fetchone()[0], 0, None)

    def share(self, key: str, condition: str, *where: str, table: str = "k") -> None:
        select = f"SELECT count(*), avg(({condition})::INT) * 100 FROM {table} WHERE {' AND '.join(where)}"
        n, value = self.con.execute(select).fetchone()
        if n:
            self[key] = (value, n, None)


def _measure(con: duckdb.DuckDBPyConnection) -> _Figures:
    out = _Figures(con)
    _measure_cohorts(out)
    for nation, here in (("e", E), ("w", W)):
        _measure_records(out, nation, f"{DN} AND {here}")
    _measure_care(out)
    _measure_treatment(out)
    _measure_deaths(out)
    return out


def _measure_cohorts(out: _Figures) -> None:
    for cohort, kind in (("denovo", DN), ("recurrent", REC)):
        for nation, here in (("ew", "true"), ("e", E), ("w", W)):
            out.count(f"n_{cohort}_{nation}", kind, here)
            out.count(f"n_{cohort}_{nation}_f", kind, here, F)
            out.count(f"n_{cohort}_{nation}_m", kind, here, M)
    for name, sex in (("f", F), ("m", M)):
        select = f"SELECT avg(age), count(*), stddev(age) FROM k WHERE {DN} AND {sex}"
        value, n, sd = out.con.execute(select).fetchone()
        if n > 1:
            out[f"age_mean_{name}"] = (value, n, sd)
    for name, kind in (("dn", DN), ("rec", REC)):
        for site in ("bone", "lung", "liver", "brain"):
            out.share(f"mets_{site}_{name}", site, kind)
    out.share("compl_age_ew", "age IS NOT NULL", DN)
    out.share("compl_sex_ew", "sex IN ('1', '2')", DN)


def _measure_records(out: _Figures, nation: str, here: str) -> None:
    for year in (2019, 2020, 2021):
        out.count(f"year_{year}_{nation}", here, f"year(dx) = {year}")
    for item, condition in RECORDED.items():
        out.share(f"compl_{item}_{nation}", f"coalesce({condition}, false)", here)
    for grade in (1, 2, 3):
        out.share(f"grade_g{grade}_{nation}", f"grade = 'G{grade}'", here, RECORDED["grade"])
    for status in range(4):
        condition = "ps IN ('3', '4')" if status == 3 else f"ps = '{status}'"
        out.share(f"ps_{status}_{nation}", condition, here, RECORDED["ps"])
    for receptor in ("er", "her2"):
        out.share(f"{receptor}_pos_{nation}", f"{receptor} = 'P'", here, RECORDED[receptor])
    for name, low, high in AGE_BANDS:
        out.share(f"age_{name}_{nation}", f"age BETWEEN {low} AND {high}", here)
    known = "cns IN ('Y1', 'Y2', 'Y3', 'Y4', 'Y5', 'NI', 'NN')"
    out.share(f"cns_recorded_{nation}", f"coalesce({known}, false)", here)
    out.share(f"cns_contact_{nation}", "cns LIKE 'Y%'", here, known)
    out.share(f"chemo_dn_{nation}", "chemo", here)
    out.share(f"chemo_dn_{nation}_f", "chemo", here, F)
    out.count(f"cdk_denom_{nation}", here, "er = 'P'", "her2 IS DISTINCT FROM 'P'", "NOT early")
    out.count(f"her2_denom_{nation}", here, "her2 = 'P'", "NOT early")


def _measure_care(out: _Figures) -> None:
    for name, where in (("e_f", F), ("e_f_1849", f"{F} AND band4 = 0"), ("e_f_80", f"{F} AND band4 = 3"), ("e_m", M)):
        out.share(f"mdt_{name}", "mdt IS NOT NULL", DN, E, where)
    out.share("mdt_w", "mdt IS NOT NULL", DN, W)
    for name, where in (("e", "true"), ("e_f_1849", f"{F} AND band4 = 0"), ("e_f_80", f"{F} AND band4 = 3")):
        out.share(f"biopsy_{name}", "biopsy", REC, E, where)


def _measure_treatment(out: _Figures) -> None:
    cdk = f"{DN} AND {E} AND er = 'P' AND her2 IS DISTINCT FROM 'P' AND NOT early"
    for name, where in (("e_f", F), ("e_m", M), ("e_f_80", f"{F} AND band4 = 3")):
        out.share(f"cdk_{name}", "cdk", cdk, where)
    her2 = f"{DN} AND {E} AND her2 = 'P' AND NOT early"
    for name, where in (("e_f", F), ("e_m", M), ("e_f_7079", f"{F} AND band4 = 2"), ("e_f_80", f"{F} AND band4 = 3")):
        out.share(f"her2_{name}", "antiher2", her2, where)
    for name, where in (("", "true"), ("_f", F), ("_m", M)):
        out.share(f"chemo_dn_ew{name}", "chemo", DN, where)
        out.share(f"chemo_rec_e{name}", "chemo", REC, E, where)
    for cell in ("h2p_ern", "h2p_erp", "h2n_ern", "h2n_erp"):
        out.share(f"chemo_dn_{cell}", "chemo", DN, F, f"cell = '{cell}'")
        out.share(f"chemo_rec_{cell}", "chemo", REC, E, F, f"cell = '{cell}'")


def _measure_deaths(out: _Figures) -> None:
    died = "coalesce(dod - last_chemo BETWEEN 0 AND 30, false)"
    out.share("mort30_dn_e_f", died, DN, E, F, "chemo")
    out.share("mort30_rec_e_f", died, REC, E, F, "chemo")
    for years in (1, 3):
        out[f"surv{years}_ew"] = _kaplan_meier(out.con, years * 365.25)
    figure = ("age < 70", "s < 4", f"dod <= {CUT_OFF}")
    breast = "left(underlying, 3) = 'C50'"
    out.share("fig1_deaths_bc_share", breast, *figure, table="people")
    out.share("fig1_mbc_before_bc_death_all", "seen", *figure, breast, table="people")
    for year in (2015, 2021):
        where = (*figure, breast, f"year(dx) = {year}")
        out.share(f"fig1_mbc_before_bc_death_{year}", "seen", *where, table="people")


def _kaplan_meier(con: duckdb.DuckDBPyConnection, day: float) -> tuple[float, int, float | None]:
    rows = con.execute(f"""
      SELECT t, sum(d), count(*) FROM (
        SELECT coalesce(dod, {CUT_OFF}) - dx t, (dod IS NOT NULL)::INT d FROM k WHERE kind = 'dn')
      GROUP BY t ORDER BY t""").fetchall()
    at_risk = n = sum(r[2] for r in rows)
    survival = 1.0
    for t, deaths, leaving in rows:
        if t > day:
            break
        survival *= 1 - deaths / at_risk
        at_risk -= leaving
    return survival * 100, n, None


if __name__ == "__main__":
    comparisons = compare_with_published(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{'row':<32}{'published':>10}{'derived':>10}{'n':>8}{'allowed':>9}")
    for c in comparisons:
        mark = "" if c.agrees else "  <-- outside"
        print(f"{c.id:<32}{c.published:>10.1f}{c.derived:>10.2f}{c.n:>8}{c.tolerance:>9.2f}{mark}")
    outside = [c for c in comparisons if not c.agrees]
    print(f"{len(comparisons)} rows, {len(outside)} outside tolerance")
    sys.exit(bool(outside))
