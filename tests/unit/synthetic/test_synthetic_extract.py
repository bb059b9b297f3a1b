"""What is in an extract: names, types, sizes, consistency, and what happens when writing goes wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import naome_synthetic.extract as extract_module
from naome_synthetic import write_extract
from naome_synthetic.hospital import METASTASIS_FIRST

ROOT = Path(__file__).resolve().parents[3]
NUMBERED = {"DIAG": 20, "OPERTN": 24, "OPDATE": 24}
SCHEMA = {
    "england": {
        "av_patient": "PATIENTID LINKNUMBER GENDER ETHNICITY DEATHCAUSECODE_1A DEATHCAUSECODE_1B DEATHCAUSECODE_1C "
        "DEATHCAUSECODE_2 DEATHCAUSECODE_UNDERLYING DEATHLOCATIONCODE VITALSTATUS VITALSTATUSDATE",
        "av_tumour": "TUMOURID PATIENTID GENDER DIAGNOSISDATEBEST SITE_ICD10_O2 SITE_ICD10_O2_3CHAR MORPH_ICD10_O2 "
        "BEHAVIOUR_ICD10_O2 T_BEST N_BEST M_BEST STAGE_BEST STAGE_BEST_SYSTEM GRADE AGE ER_STATUS PR_STATUS "
        "HER2_STATUS PERFORMANCESTATUS CNS QUINTILE_2019 LATERALITY SCREENINGSTATUSFULL_CODE "
        "DATE_FIRST_SURGERY CANCERCAREPLANINTENT CHRL_TOT_27_03 BASISOFDIAGNOSIS STATUSOFREGISTRATION "
        "CTRY_CODE DEDUP_FLAG DIAG_TRUST CANALLIANCE_CODE FIRSTMDTMEETINGDATE",
        "hes_apc": "STUDY_ID EPIKEY EPISTART EPIEND ADMIDATE DISDATE EPIORDER EPITYPE CLASSPAT ADMIMETH ADMISORC "
        "DISDEST DISMETH SPELDUR PROCODE3 MAINSPEF TRETSPEF STARTAGE SEX DIAG* OPERTN* OPDATE*",
        "sact_regimen": "ENCORE_PATIENT_ID MERGED_REGIMEN_ID HEIGHT_AT_START_OF_REGIMEN WEIGHT_AT_START_OF_REGIMEN "
        "INTENT_OF_TREATMENT DATE_DECISION_TO_TREAT START_DATE_OF_REGIMEN MAPPED_REGIMEN CLINICAL_TRIAL "
        "CHEMO_RADIATION BENCHMARK_GROUP ORGANISATION_CODE_OF_PROVIDER",
        "sact_cycle": "MERGED_REGIMEN_ID MERGED_CYCLE_ID CYCLE_NUMBER START_DATE_OF_CYCLE OPCS_PROCUREMENT_CODE "
        "PERF_STATUS_START_OF_CYCLE",
        "sact_drug_detail": "MERGED_DRUG_DETAIL_ID MERGED_CYCLE_ID ACTUAL_DOSE_PER_ADMINISTRATION OPCS_DELIVERY_CODE "
        "ADMINISTRATION_ROUTE ADMINISTRATION_DATE DRUG_GROUP ORG_CODE_OF_DRUG_PROVIDER",
        "sact_outcome": "MERGED_REGIMEN_ID DATE_OF_FINAL_TREATMENT REGIMEN_MOD_DOSE_REDUCTION REGIMEN_MOD_TIME_DELAY "
        "REGIMEN_MOD_STOPPED_EARLY REGIMEN_OUTCOME_SUMMARY",
        "rtds_episode": "PATIENTID RADIOTHERAPYEPISODEID ATTENDID APPTDATE ORGCODEPROVIDER DECISIONTOTREATDATE "
        "EARLIESTCLINAPPROPDATE RADIOTHERAPYPRIORITY RADIOTHERAPYINTENT",
        "rtds_prescription": "PATIENTID PRESCRIPTIONID RADIOTHERAPYEPISODEID ATTENDID APPTDATE RTTREATMENTMODALITY "
        "RTPRESCRIBEDDOSE RTPRESCRIBEDFRACTIONS RTACTUALDOSE RTACTUALFRACTIONS RTTREATMENTREGION "
        "RTTREATMENTANATOMICALSITE",
        "cwt": "PSEUDO_PATIENTID SITE_ICD10 MODALITY CRTP_DATE DATE_FIRST_SEEN MDT_DATE TREAT_PERIOD_START TREAT_START",
        "cosd_recurrence": "PATIENTID CANCERRECURRENCECAREPLANINDICATOR DATEOFRECURRENCE METASTATICSITE",
        "ons_deaths": "DEC_CONF_NHS_NUMBER_CLEAN_DEID REG_DATE REG_DATE_OF_DEATH S_UNDERLYING_COD_ICD10 "
        + " ".join(f"S_COD_CODE_{k}" for k in range(1, 16))
        + " DEC_SEX DEC_AGEC POD_CODE",
        "organisations": "ORG_CODE ORG_NAME ORG_TYPE REGION_CODE REGION_NAME ALLIANCE_CODE ALLIANCE_NAME "
        "SUCCESSOR_CODE CLOSE_DATE",
    },
    "wales": {
        "wcn_registration": "ALF_PE TUMOUR_ID DATE_OF_DIAGNOSIS PRIMARY_DIAGNOSIS_ICD BEHAVIOUR SEX_AT_BIRTH "
        "AGE_AT_DIAGNOSIS ETHNIC_GROUP T_CATEGORY N_CATEGORY M_CATEGORY STAGE_GROUPING TUMOUR_GRADE ER_STATUS "
        "PR_STATUS HER2_STATUS PERFORMANCE_STATUS BASIS_OF_DIAGNOSIS REGISTRATION_STATUS COUNTRY_CODE "
        "HEALTH_BOARD_OF_DIAGNOSIS MDT_DISCUSSION_DATE KEY_WORKER_SEEN WIMD_2019_QUINTILE CHEMOTHERAPY_FLAG "
        "RADIOTHERAPY_FLAG SURGERY_DATE",
        "pedw_spell": "PROV_UNIT_CD SPELL_NUM_PE ALF_PE ALF_STS_CD ADMIS_DT DISCH_DT ADMIS_MTHD_CD DISCH_MTHD_CD "
        "PAT_CLASS_CD GNDR_CD",
        "pedw_episode": "PROV_UNIT_CD SPELL_NUM_PE EPI_NUM EPI_STR_DT EPI_END_DT DIAG_CD_1234",
        "pedw_diag": "PROV_UNIT_CD SPELL_NUM_PE EPI_NUM DIAG_NUM DIAG_CD_123 DIAG_CD_1234",
        "pedw_oper": "PROV_UNIT_CD SPELL_NUM_PE EPI_NUM OPER_NUM OPER_CD OPER_DT",
        "adde_deaths": "ALF_PE ALF_STS_CD DEATH_DT DEATH_REG_DT DEATHCAUSE_DIAG_UNDERLYING_CD "
        + " ".join(f"DEATHCAUSE_DIAG_{k}_CD" for k in range(1, 9)),
        "organisations": "ORG_CODE ORG_NAME ORG_TYPE REGION_CODE REGION_NAME ALLIANCE_CODE ALLIANCE_NAME "
        "SUCCESSOR_CODE CLOSE_DATE",
    },
    "england-rcrd": {
        "rcrd_tumour": "PATIENTID TUMOURID DIAGNOSISDATE SITE_ICD10 GENDER AGE ETHNICITY STAGE QUINTILE_2019 "
        "DIAG_TRUST CANALLIANCE_CODE PERFORMANCESTATUS CNS VITALSTATUS VITALSTATUSDATE",
    },
}
SCHEMA["england-rcrd"] |= {name: SCHEMA["england"][name] for name in ("hes_apc", "organisations")}
TEXT_DATES = {"REG_DATE", "REG_DATE_OF_DEATH", "DATE_OF_DIAGNOSIS", "MDT_DISCUSSION_DATE", "SURGERY_DATE"}
WHOLE = {"AGE", "CHRL_TOT_27_03", "EPIORDER", "SPELDUR", "STARTAGE", "CYCLE_NUMBER", "RTPRESCRIBEDFRACTIONS"}
WHOLE |= {"RTACTUALFRACTIONS", "DEC_AGEC", "AGE_AT_DIAGNOSIS", "EPI_NUM", "DIAG_NUM", "OPER_NUM"}
DECIMAL = {"HEIGHT_AT_START_OF_REGIMEN", "WEIGHT_AT_START_OF_REGIMEN", "ACTUAL_DOSE_PER_ADMINISTRATION"}
DECIMAL |= {"RTPRESCRIBEDDOSE", "RTACTUALDOSE"}


def list_columns(text: str) -> list[str]:
    out = []
    for name in text.split():
        out += [f"{name[:-1]}_{k:02d}" for k in range(1, NUMBERED[name[:-1]] + 1)] if name.endswith("*") else [name]
    return out


def expect_type(column: str) -> pa.DataType:
    if column in WHOLE:
        return pa.int32()
    if column in DECIMAL:
        return pa.float64()
    is_date = (
        "DATE" in column
        or column.endswith("_DT")
        or column in ("EPISTART", "EPIEND", "TREAT_PERIOD_START", "TREAT_START")
    )
    return pa.date32() if is_date and column not in TEXT_DATES else pa.string()


def hash_files(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.mark.parametrize("nation", SCHEMA)
def test_tables_and_columns_are_those_of_the_contract(made, nation):
    folder = made.extract[nation]
    assert {p.name for p in folder.iterdir()} == {f"{t}.parquet" for t in SCHEMA[nation]} | {"extract.json"}
    for table, columns in SCHEMA[nation].items():
        schema = pq.read_schema(folder / f"{table}.parquet")
        assert schema.names == list_columns(columns), table
        assert {n: schema.field(n).type for n in schema.names} == {n: expect_type(n) for n in schema.names}, table


@pytest.mark.parametrize(("nation", "kind"), [("england", "ncrd"), ("wales", "wcn"), ("england-rcrd", "rcrd")])
def test_the_header_describes_the_files(made, nation, kind):
    header = json.loads((made.extract[nation] / "extract.json").read_text())
    assert set(header) == {"nation", "synthetic", "kind", "scale", "seed", "version", "rows", "cut_off", "files"}
    assert (header["synthetic"], header["kind"], header["scale"], header["cut_off"]) == (True, kind, 0.02, "2023-06-01")
    rows = {p.stem: pq.read_metadata(p).num_rows for p in made.extract[nation].glob("*.parquet")}
    assert header["rows"] == rows


def test_the_truth_stays_out_of_the_extract(made):
    for nation in SCHEMA:
        assert {p.name for p in made.truth[nation].iterdir()} == {
            "people.parquet",
            "providers.parquet",
            "defects.parquet",
            "summary.json",
        }
        for path in made.extract[nation].glob("*.parquet"):
            assert not [n for n in pq.read_schema(path).names if "TRUE" in n or n == "COURSE"], path


def test_same_seed_same_bytes_and_another_seed_other_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(extract_module, "CHUNK", 700)  # several chunks
    for run, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_extract("england", tmp_path / run, tmp_path / f"{run}-truth", scale=0.005, seed=seed)
    assert hash_files(tmp_path / "a") == hash_files(tmp_path / "b")
    assert hash_files(tmp_path / "a-truth") == hash_files(tmp_path / "b-truth")
    a, c = hash_files(tmp_path / "a"), hash_files(tmp_path / "c")
    assert not {name for name in a if a[name] == c[name]}


def count_courses(truth: Path) -> dict[str, int]:
    rows = duckdb.execute(f"SELECT COURSE, count(*) FROM '{truth}/people.parquet' GROUP BY 1").fetchall()
    return dict(rows)


def test_size_grows_with_scale_and_not_with_chunks(tmp_path, monkeypatch):
    for scale in (0.1, 0.4):
        write_extract("wales", tmp_path / str(scale), tmp_path / f"{scale}-truth", scale=scale)
    monkeypatch.setattr(extract_module, "CHUNK", 900)
    write_extract("wales", tmp_path / "chunks", tmp_path / "chunks-truth", scale=0.4)
    small, large, chunks = (count_courses(tmp_path / f"{name}-truth") for name in ("0.1", "0.4", "chunks"))
    assert sum(small.values()) == 2000
    assert sum(large.values()) == 8000
    assert large == chunks
    for course, n in large.items():
        assert abs(small.get(course, 0) - n / 4) <= 1, course


def test_the_rapid_registration_holds_the_same_people(made):
    england, rapid = (
        made.extract[n] / f
        for n, f in (("clean-england-rcrd", "rcrd_tumour.parquet"), ("england-rcrd", "rcrd_tumour.parquet"))
    )
    full = made.extract["england"] / "av_tumour.parquet"
    both = duckdb.execute(f"""
        SELECT count(*), count(*) FILTER (t.DIAGNOSISDATEBEST = r.DIAGNOSISDATE AND t.AGE = r.AGE
          AND t.TUMOURID = r.TUMOURID)
        FROM '{england}' r JOIN (FROM '{full}'
          WHERE DEDUP_FLAG = '1' QUALIFY row_number() OVER (PARTITION BY TUMOURID) = 1) t
        USING (PATIENTID, TUMOURID)""").fetchall()[0]
    expected = duckdb.execute(
        f"SELECT count(*) FROM '{made.truth['england']}/people.parquet' WHERE DIAGNOSED >= DATE '2019-01-01'"
    ).fetchall()[0][0]
    assert both == (expected, expected)
    years = duckdb.execute(f"SELECT DISTINCT year(DIAGNOSISDATE) FROM '{rapid}' ORDER BY 1").fetchall()
    assert [y for (y,) in years] == [2019, 2020, 2021, 2022]


def zero(sql: str) -> None:
    assert duckdb.execute(sql).fetchall()[0][0] == 0, sql


def test_a_clean_england_is_coherent(made):
    f = {p.stem: f"'{p}'" for p in made.extract["clean-england"].glob("*.parquet")}
    people = f"'{made.truth['clean-england']}/people.parquet'"
    death = f"""LEFT JOIN (SELECT DEC_CONF_NHS_NUMBER_CLEAN_DEID pid, strptime(REG_DATE_OF_DEATH, '%Y%m%d')::DATE dod
        FROM {f["ons_deaths"]}) d"""
    for table, person, day in (
        ("hes_apc", "STUDY_ID", "EPIEND"),
        ("rtds_episode", "PATIENTID", "APPTDATE"),
        ("cwt", "PSEUDO_PATIENTID", "TREAT_START"),
        ("cosd_recurrence", "PATIENTID", "DATEOFRECURRENCE"),
        ("av_tumour", "PATIENTID", "DIAGNOSISDATEBEST"),
        ("av_tumour", "PATIENTID", "FIRSTMDTMEETINGDATE"),
        ("sact_regimen", "ENCORE_PATIENT_ID", "START_DATE_OF_REGIMEN"),
    ):
        zero(f"SELECT count(*) FROM {f[table]} {death} ON d.pid = {person} WHERE {day} > coalesce(dod, '2023-06-01')")
        zero(f"SELECT count(*) FROM {f[table]} WHERE {person} NOT IN (SELECT PATIENTID FROM {f['av_patient']})")
    zero(
        f"SELECT count(*) FROM {f['sact_cycle']} JOIN {f['sact_regimen']} USING (MERGED_REGIMEN_ID) {death} "
        "ON d.pid = ENCORE_PATIENT_ID "
        "WHERE START_DATE_OF_CYCLE > dod OR START_DATE_OF_CYCLE < START_DATE_OF_REGIMEN"
    )
    zero(f"SELECT count(*) FROM {f['sact_drug_detail']} ANTI JOIN {f['sact_cycle']} USING (MERGED_CYCLE_ID)")
    zero(
        f"SELECT count(*) FROM {f['hes_apc']} WHERE EPISTART > EPIEND OR ADMIDATE > EPISTART OR DISDATE < EPIEND "
        "OR OPDATE_01 < ADMIDATE"
    )
    for table, key in (
        ("av_patient", "PATIENTID"),
        ("av_tumour", "TUMOURID"),
        ("hes_apc", "EPIKEY"),
        ("sact_regimen", "MERGED_REGIMEN_ID"),
        ("sact_cycle", "MERGED_CYCLE_ID"),
        ("sact_drug_detail", "MERGED_DRUG_DETAIL_ID"),
        ("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID"),
    ):
        zero(f"SELECT count(*) - count(DISTINCT {key}) FROM {f[table]}")
    columns = ", ".join(f"DIAG_{k:02d}" for k in range(1, 21))
    coded = f"""(SELECT STUDY_ID pid, min(ADMIDATE) first FROM (SELECT STUDY_ID, ADMIDATE, unnest([{columns}]) d
      FROM {f["hes_apc"]}
        WHERE CLASSPAT IN ('1', '2')) WHERE regexp_matches(d, '^C(77[012458]|78|79)') GROUP BY 1)"""
    zero(
        f"SELECT count(*) FROM {people} FULL JOIN {coded} c ON pid = PERSON_ID "
        "WHERE first IS DISTINCT FROM FIRST_METASTATIC_CODE"
    )
    zero(
        f"SELECT count(*) FROM {f['av_tumour']} JOIN {f['organisations']} ON DIAG_TRUST = ORG_CODE "
        "WHERE SUCCESSOR_CODE IS NOT NULL"
    )


def test_a_clean_wales_is_coherent(made):
    f = {p.stem: f"'{p}'" for p in made.extract["clean-wales"].glob("*.parquet")}
    zero(
        f"SELECT count(*) FROM {f['pedw_spell']} LEFT JOIN {f['adde_deaths']} USING (ALF_PE) "
        "WHERE DISCH_DT > coalesce(DEATH_DT, DATE '2023-06-01') OR DISCH_DT < ADMIS_DT"
    )
    for table in ("pedw_diag", "pedw_oper"):
        zero(
            f"SELECT count(*) FROM {f[table]} ANTI JOIN {f['pedw_episode']} USING (PROV_UNIT_CD, SPELL_NUM_PE, EPI_NUM)"
        )
    zero(f"SELECT count(*) FROM {f['pedw_episode']} ANTI JOIN {f['pedw_spell']} USING (PROV_UNIT_CD, SPELL_NUM_PE)")
    zero(
        f"SELECT count(*) FROM {f['pedw_episode']} e JOIN {f['pedw_diag']} d "
        "USING (PROV_UNIT_CD, SPELL_NUM_PE, EPI_NUM) WHERE DIAG_NUM = 1 AND e.DIAG_CD_1234 <> d.DIAG_CD_1234"
    )


def test_admissions_begin_with_what_was_treated(made):
    """Of admissions for the cancer or its metastases, 40% begin with the metastasis; acute problems stay first."""
    hes = f"'{made.extract['clean-england']}/hes_apc.parquet'"
    later = ", ".join(f"DIAG_{k:02d}" for k in range(2, 21))
    metastatic, cancer = "'^C(77[0128]|78|79)'", "'^(C50|D05)'"
    named = f"list_bool_or([regexp_matches(d, {metastatic}) FOR d IN [{later}] IF d IS NOT NULL])"
    sql = f"""SELECT count_if(regexp_matches(DIAG_01, {metastatic})),
        count_if({named} AND regexp_matches(DIAG_01, {cancer})),
        count_if({named} AND NOT regexp_matches(DIAG_01, '^[CD]')) FROM {hes}"""
    metastasis_first, cancer_first, problem_first = duckdb.execute(sql).fetchall()[0]
    assert metastasis_first / (metastasis_first + cancer_first) == pytest.approx(METASTASIS_FIRST, abs=0.03)
    assert problem_first > 1000
    # The cancer stood first and follows
    moved = f"FROM {hes} WHERE regexp_matches(DIAG_01, {metastatic})"
    zero(f"SELECT count(*) {moved} AND NOT regexp_matches(DIAG_02, {cancer})")


def test_triple_negative_disease_kills_early_and_then_lets_go(made):
    """Non-proportional hazards: the rate ratio against ER+ HER2- falls from the first half-year to after two years."""
    people = made.truth["clean-england"] / "people.parquet"

    def rate(subtype: str, low: int, high: int) -> float:
        sql = f"""SELECT sum((t > {low} AND t <= {high})::INT) / sum(greatest(least(t, {high}) - {low}, 0))
            FROM (SELECT DEATH - DIAGNOSED t FROM '{people}' WHERE COURSE LIKE 'stage 4%'
              AND SUBTYPE_TRUE = '{subtype}')"""
        return duckdb.execute(sql).fetchall()[0][0]

    early = rate("ER- HER2-", 0, 180) / rate("ER+ HER2-", 0, 180)
    late = rate("ER- HER2-", 730, 1825) / rate("ER+ HER2-", 730, 1825)
    assert early > 2
    assert late < 0.7 * early


def test_planted_providers_stand_out(made):
    t, x = made.truth["clean-england"], made.extract["clean-england"]
    shares = dict(
        duckdb.execute(f"""
        SELECT PLANTED_MDT, avg((FIRSTMDTMEETINGDATE IS NOT NULL)::INT) FROM '{t}/people.parquet' p
        JOIN '{x}/av_tumour.parquet' a ON a.PATIENTID = PERSON_ID AND right(a.TUMOURID, 1) = '1'
        JOIN '{t}/providers.parquet' ON ORG_CODE = PROVIDER GROUP BY 1""").fetchall()
    )
    assert shares["low"] + 0.15 < shares["none"] < shares["high"] - 0.05
    planted = duckdb.execute(
        "SELECT count(*) FILTER (PLANTED_SURVIVAL = 'high'), count(*) FILTER (PLANTED_SURVIVAL = 'low') "
        f"FROM '{t}/providers.parquet'"
    ).fetchall()
    assert planted == [(3, 3)]


def test_organisations_are_invented_and_merge_into_current_ones(made):
    rows = duckdb.execute(f"FROM '{made.extract['england']}/organisations.parquet'").df()
    assert len(rows) == 130
    assert rows.ORG_CODE.is_unique
    assert (rows.ORG_CODE.str.len() == 3).all()
    assert rows.ORG_CODE.str.startswith("Z").all()
    assert rows.ORG_NAME.str.contains("Fictitious").all()
    assert rows.ALLIANCE_CODE.nunique() == 21
    assert rows.REGION_CODE.nunique() == 7
    closed = rows[rows.SUCCESSOR_CODE.notna()]
    assert len(closed) == 6
    assert closed.CLOSE_DATE.notna().all()
    assert set(closed.SUCCESSOR_CODE) <= set(rows.ORG_CODE[rows.SUCCESSOR_CODE.isna()])
    boards = duckdb.execute(f"FROM '{made.extract['wales']}/organisations.parquet'").df()
    assert len(boards) == 7
    assert boards.ALLIANCE_CODE.isna().all()


def test_csv_speaks_the_audits_dialect_and_holds_the_same_values(tmp_path):
    for fmt in ("csv", "parquet"):
        write_extract(
            "england",
            tmp_path / fmt,
            tmp_path / f"{fmt}-truth",
            scale=0.002,
            fmt=fmt,
            defects=["latin1_text", "sentinel_dates"],
        )
    raw = (tmp_path / "csv" / "sact_regimen.csv").read_bytes()
    assert "m²" in raw.decode("latin-1")
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    lines = (tmp_path / "csv" / "hes_apc.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('"STUDY_ID","EPIKEY","EPISTART"')
    for path in (tmp_path / "csv").glob("*.csv"):
        encoding = "latin-1" if path.stem == "sact_regimen" else "utf-8"
        text = duckdb.execute(
            f"FROM read_csv('{path}', all_varchar=true, encoding='{encoding}', delim=',', quote='\"', header=true)"
        )
        table = pq.read_table(tmp_path / "parquet" / f"{path.stem}.parquet")
        assert [column[0] for column in text.description] == table.column_names
        values = text.fetchall()
        assert len(values) == table.num_rows
        for number, name in enumerate(table.column_names):
            kind = table.schema.field(name).type
            for row, value in zip(values[:50], table.column(name).to_pylist()[:50], strict=True):
                if value is None:
                    assert row[number] is None
                elif kind == pa.date32():
                    assert row[number] == f"{value.day:02d}/{value.month:02d}/{value.year}"
                elif kind == pa.float64():
                    assert float(row[number]) == value
                else:
                    assert row[number] == str(value)


def test_a_failure_leaves_the_old_extract_and_nothing_half_written(tmp_path, monkeypatch):
    out, truth = tmp_path / "out", tmp_path / "truth"
    write_extract("wales", out, truth, scale=0.005)
    before = hash_files(out), hash_files(truth)

    def fail(*_):
        raise RuntimeError("disk full")

    monkeypatch.setattr(extract_module, "_write_people", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        write_extract("wales", out, truth, scale=0.005, seed=9)
    assert (hash_files(out), hash_files(truth)) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "truth"]


def test_an_extract_is_replaced_whole(tmp_path):
    out, truth = tmp_path / "out", tmp_path / "truth"
    write_extract("england", out, truth, scale=0.002)
    write_extract("wales", out, truth, scale=0.005)
    assert {p.stem for p in out.glob("*.parquet")} == set(SCHEMA["wales"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nation": "scotland"}, "unknown nation 'scotland'; allowed: england, wales, england-rcrd"),
        ({"scale": 0}, "scale must be a number above 0, got 0"),
        ({"scale": float("nan")}, "scale must be"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"fmt": "xlsx"}, "unknown format 'xlsx'; allowed: parquet, csv"),
        ({"defects": ["typos"]}, r"unknown defects \['typos'\]; allowed: duplicate_registrations"),
        ({"truth_dir": "out/truth"}, "must not contain each other"),
        ({"out_dir": "."}, "must not contain each other|will not replace"),
        ({"out_dir": "mine"}, "will not replace .*mine: it holds other files"),
        ({"out_dir": "mine/notes.txt"}, "is not a folder"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    arguments = {"nation": "wales", "out_dir": "out", "truth_dir": "truth", "scale": 0.005} | change
    with pytest.raises(ValueError, match=message):
        write_extract(**arguments)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep me"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine"]


def test_progress_is_told_per_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(extract_module, "CHUNK", 150)
    said = []
    write_extract("wales", tmp_path / "out", tmp_path / "truth", scale=0.02, progress=said.append)
    assert (
        said == ["wales: 133 of 400 people", "wales: 267 of 400 people", "wales: 400 of 400 people"] or len(said) == 3
    )
    assert said[-1] == "wales: 400 of 400 people"
