"""Tables that must belong together: links are counted, strangers left out by a rule, another spelling refused."""

from __future__ import annotations

import re

import duckdb
import pandas as pd
import pytest
from reading import read_about

from naome.cohort.evidence import signs_of
from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract

ENGLAND = (
    ("hes_apc", "STUDY_ID"),
    ("sact_regimen", "ENCORE_PATIENT_ID"),
    ("rtds_prescription", "PATIENTID"),
    ("cosd_recurrence", "PATIENTID"),
    ("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID"),
)
WALES = (("pedw_spell", "ALF_PE"), ("adde_deaths", "ALF_PE"))
PLACES = [("england", *place) for place in ENGLAND] + [("wales", *place) for place in WALES]
PLACES.append(("clean-england-rcrd", "hes_apc", "STUDY_ID"))
SPELLINGS = {
    "leading zeros": "lpad({c}, 12, '0')",
    "letters before the number": "'H' || {c}",
    "hyphens, blanks and other marks": "left({c}, 3) || '-' || substr({c}, 4)",
}


def read(name: str, folder, out=None, *, signs: bool = True, about: str = "", **options):
    audit = name.removeprefix("clean-").removesuffix("-truth")
    params = load_params(audit)
    reader = READERS[params.source]
    return read_extract(
        read_about(reader, about) if about else reader,
        folder,
        out,
        signs=signs_of(params) if signs else None,
        progress=lambda line: None,
        **options,
    )


@pytest.mark.parametrize("name", ["england", "wales", "clean-england-rcrd"])
@pytest.mark.parametrize("signs", [True, False])
def test_every_table_of_people_is_counted_and_links(extracts, name, signs):
    extract = read(name, extracts[name], signs=signs)
    people = {link.table: link for link in extract.linkage if link.of_people}
    assert set(people) >= {table for nation, table, _ in PLACES if nation == name}
    for link in people.values():
        file = extracts[name] / f"{link.table}.parquet"
        rows, without, distinct = duckdb.execute(
            f"SELECT count({link.column}), count(*) - count({link.column}), count(DISTINCT trim({link.column})) "
            f"FROM '{file}'"
        ).fetchone()
        assert (link.rows, link.without, link.people) == (rows, without, distinct)
        assert (link.linked, link.linked_people) == (rows, distinct)


@pytest.mark.parametrize(("name", "table", "column"), PLACES)
@pytest.mark.parametrize("difference", SPELLINGS)
def test_a_table_with_another_spelling_of_the_pseudonym_is_refused(copy, name, table, column, difference, tmp_path):
    folder = copy(name)
    folder.put(table, column, SPELLINGS[difference].format(c=f"{column}::VARCHAR"), "true")
    with pytest.raises(ExtractError) as error:
        read(name, folder.path, tmp_path / "out", about=table)
    assert f"{table}.parquet: column {column}: 0 of" in str(error.value)
    assert f"would link if {difference} did not count" in str(error.value)
    assert not re.search(r"\d{7}", str(error.value).replace("9999999", ""))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "table", "column"), PLACES)
def test_a_table_with_the_pseudonyms_of_another_project_is_refused(copy, name, table, column):
    folder = copy(name)
    folder.put(table, column, f"md5({column}::VARCHAR)", "true")
    with pytest.raises(ExtractError, match="no other spelling of the identifiers links the others"):
        read(name, folder.path, about=table)


def test_lower_case_against_capitals_is_refused(copy):
    folder = copy("england")
    for table, column in (("av_patient", "PATIENTID"), ("av_tumour", "PATIENTID"), *ENGLAND):
        folder.put(table, column, f"md5({column}::VARCHAR)", "true")
    read("england", folder.path)
    folder.put("rtds_prescription", "PATIENTID", "upper(PATIENTID)", "true")
    with pytest.raises(ExtractError, match="if capital letters did not count"):
        read("england", folder.path)


def test_one_in_ten_pseudonyms_that_lost_a_zero_is_refused(copy):
    folder = copy("england")
    for table, column in (("av_patient", "PATIENTID"), ("av_tumour", "PATIENTID"), *ENGLAND):
        if table != "hes_apc":
            folder.put(table, column, f"'0' || trim({column})", f"trim({column}) LIKE '%3'")
    with pytest.raises(ExtractError, match=r"hes_apc.*\(\d\d\.\d%\) link .* if leading zeros did not count"):
        read("england", folder.path)


def test_rows_of_strangers_are_left_out_by_a_counted_rule(copy, extracts, tmp_path):
    folder = copy("england")
    folder.put("hes_apc", "STUDY_ID", "'X' || md5(STUDY_ID)", "n % 50 = 7")
    folder.put("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID", "md5('x')", "n = 2")
    extract = read("england", folder.path, tmp_path / "out")
    counted = {(e["table"], e["column"]): e["rows"] for e in extract.quality if e["rule"] == "no_such_person"}
    rows = extract.raw_rows["hes_apc"]
    strangers = len(range(7, rows, 50))
    assert counted == {("hes_apc", "STUDY_ID"): strangers, ("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID"): 1}
    people = set(pd.read_parquet(tmp_path / "out" / "people.parquet")["person_id"])
    for name in ("admissions", "deaths"):
        assert set(pd.read_parquet(tmp_path / "out" / f"{name}.parquet")["person_id"]) <= people
    link = next(link for link in extract.linkage if link.table == "hes_apc")
    assert link.rows - link.linked == strangers
    left = {e["rule"]: e["rows"] for e in extract.quality if e["table"] == "hes_apc" and e["kind"] == "left out"}
    everybody = read("england", extracts["england"], tmp_path / "all")
    assert left["no_sign_of_metastasis"] <= rows - strangers
    assert extract.rows["admissions"] <= everybody.rows["admissions"]


@pytest.mark.parametrize(("name", "table", "column"), [*PLACES, ("wales", "pedw_episode", "SPELL_NUM_PE")])
@pytest.mark.parametrize("spelling", ["{c}::VARCHAR || '.0'", "'2.00000e+09'", "'1.5E9'", "'1,234,567,890'"])
def test_an_identifier_that_a_spreadsheet_mangled_is_refused_everywhere(copy, name, table, column, spelling):
    folder = copy(name)
    folder.put(table, column, spelling.format(c=column), f"n % 40 = 3 AND {column} IS NOT NULL")
    with pytest.raises(ExtractError, match=f"column {column}, row .* written as a decimal or in powers of ten"):
        read(name, folder.path, about=table)


def test_mangled_identifiers_of_people_are_not_said_again_of_every_table_that_links_to_them(copy):
    folder = copy("england")
    folder.edit("av_patient", "SELECT * REPLACE (format('{:.9E}', PATIENTID::DOUBLE) AS PATIENTID) FROM t")
    with pytest.raises(
        ExtractError, match="1 problem; .*\n.*av_patient.parquet: column PATIENTID, row 1: .* powers of"
    ):
        read("england", folder.path)


def test_a_hexadecimal_pseudonym_with_an_e_is_none_in_powers_of_ten(copy, tmp_path):
    folder = copy("england")
    for table, column in (("av_patient", "PATIENTID"), ("av_tumour", "PATIENTID"), *ENGLAND):
        folder.put(table, column, f"trim({column}) || 'E10'", "true")
    assert read("england", folder.path, tmp_path / "out").rows["people"]


@pytest.mark.parametrize("word", ["NULL", "NA", "<NA>", "-", "."])
def test_a_word_for_missing_is_nobody_where_an_identifier_may_be_missing(copy, word):
    folder = copy("wales")
    folder.put("adde_deaths", "ALF_PE", "NULL", "n % 9 = 4")
    expected = read("wales", folder.path, about="adde_deaths", minimum_linkage={"adde_deaths": 0.5})
    folder.put("adde_deaths", "ALF_PE", f"'{word}'", "n % 9 = 4")
    found = read("wales", folder.path, about="adde_deaths", minimum_linkage={"adde_deaths": 0.5})
    assert found.rows == expected.rows
    assert [e["rows"] for e in found.quality if e["rule"] == "missing_word"]


def test_a_table_of_a_whole_population_is_read_where_the_parameters_say_so(copy, tmp_path):
    folder = copy("wales")
    (folder.path / "extract.json").unlink()
    folder.edit(
        "adde_deaths",
        "SELECT * FROM t UNION ALL BY NAME SELECT * REPLACE (md5(n::VARCHAR || ALF_PE) AS ALF_PE) FROM t "
        "WHERE ALF_PE IS NOT NULL",
    )
    with pytest.raises(ExtractError, match=r"minimum_linkage: \{adde_deaths: 0.49\}"):
        read("wales", folder.path)
    extract = read("wales", folder.path, tmp_path / "out", minimum_linkage={"adde_deaths": 0.3})
    people = set(pd.read_parquet(tmp_path / "out" / "people.parquet")["person_id"])
    assert set(pd.read_parquet(tmp_path / "out" / "deaths.parquet")["person_id"]) <= people
    assert extract.rows["deaths"]


def test_codes_of_episodes_that_are_not_there_are_refused_or_counted(copy):
    folder = copy("wales")
    some = "SPELL_NUM_PE IN (SELECT SPELL_NUM_PE FROM t WHERE n % 900 = 1)"
    folder.put("pedw_diag", "EPI_NUM", "EPI_NUM::INTEGER + 90", some)
    extract = read("wales", folder.path, signs=False)
    assert [e["rows"] for e in extract.quality if e["rule"] == "no_such_record"]
    folder.put("pedw_diag", "EPI_NUM", "EPI_NUM::INTEGER + 90", "true")
    with pytest.raises(ExtractError, match=r"pedw_diag.*EPI_NUM: [\d,]+ of .* link to pedw_episode"):
        read("wales", folder.path)


@pytest.mark.parametrize(
    ("name", "table", "column"), [("wales", "pedw_spell", "ALF_PE"), ("england", "sact_regimen", "ENCORE_PATIENT_ID")]
)
@pytest.mark.parametrize("signs", [True, False])
def test_what_belongs_to_strangers_is_left_out_with_them(copy, name, table, column, signs, tmp_path):
    folder = copy(name)
    folder.put(table, column, f"md5({column}::VARCHAR)", f"n % 40 = 3 AND {column} IS NOT NULL")
    extract = read(name, folder.path, tmp_path / "out", signs=signs)
    people = set(pd.read_parquet(tmp_path / "out" / "people.parquet")["person_id"])
    for events in ("admissions", "drugs"):
        assert set(pd.read_parquet(tmp_path / "out" / f"{events}.parquet")["person_id"]) <= people
    assert {e["table"] for e in extract.quality if e["rule"] == "no_such_person"} >= {table}


@pytest.mark.parametrize(("table", "column"), [("pedw_diag", "DIAG_NUM"), ("pedw_oper", "OPER_NUM")])
def test_codes_of_an_episode_that_are_not_numbered_in_order_are_refused(copy, table, column):
    folder = copy("wales")
    folder.put(table, column, f"{column}::INTEGER + 7", "n = 5")
    (entry,) = [e for e in read("wales", folder.path, signs=False).quality if e["rule"] == "position_out_of_order"]
    assert entry["table"] == table and entry["rows"] <= 9
    folder.put(table, column, f"{column}::INTEGER + 7", "n % 50 = 0")
    with pytest.raises(
        ExtractError, match=rf"{table}\.parquet: column {column}, row \d: [\d,]+ rows are of episodes whose codes are"
    ):
        read("wales", folder.path, signs=False)
    folder.edit(table, f"SELECT * REPLACE (CASE WHEN n = 5 THEN 'first' ELSE {column}::VARCHAR END AS {column}) FROM t")
    with pytest.raises(ExtractError, match=f"column {column}, row 6: 'aaaaa' .*; allowed: a whole number"):
        read("wales", folder.path, signs=False)


def test_a_recurrence_reported_twice_is_kept_once(copy, extracts, tmp_path):
    once = read("england", extracts["england"], tmp_path / "once")
    folder = copy("england")
    (folder.path / "extract.json").unlink()
    folder.edit("cosd_recurrence", "SELECT * FROM t UNION ALL BY NAME SELECT * FROM t")
    twice = read("england", folder.path, tmp_path / "twice")
    assert twice.rows == once.rows
    assert [e["rows"] for e in twice.quality if e["rule"] == "repeated_record"] == [twice.rows["recurrences"]]


@pytest.mark.parametrize(
    ("table", "some"), [("adde_deaths", "true"), ("pedw_spell", "true"), ("pedw_spell", "n % 3 > 0")]
)
@pytest.mark.parametrize("word", ["NULL", "'NA'"])
def test_a_table_whose_linkage_failed_is_refused(copy, table, some, word):
    folder = copy("wales")
    folder.put(table, "ALF_PE", word, some)
    with pytest.raises(ExtractError, match=f"{table}.*have no identifier: the linkage of this table failed"):
        read("wales", folder.path)


@pytest.mark.parametrize("table", ["sact_drug_detail", "sact_cycle", "rtds_prescription"])
def test_a_table_with_a_header_only_is_a_message(copy, table):
    folder = copy("england")
    folder.edit(table, "SELECT * FROM t WHERE false")
    with pytest.raises(ExtractError, match=f"{table}.parquet: no rows under the header"):
        read("england", folder.path)


def test_a_pseudonym_with_a_suffix_is_refused_with_the_reason(copy):
    folder = copy("england")
    folder.put("hes_apc", "STUDY_ID", "STUDY_ID || '_1'", "true")
    with pytest.raises(ExtractError, match="if what follows an underscore or a hyphen did not count"):
        read("england", folder.path)


@pytest.mark.parametrize(
    ("name", "table", "death", "registered"),
    [("england", "ons_deaths", "REG_DATE_OF_DEATH", "REG_DATE"), ("wales", "adde_deaths", "DEATH_DT", "DEATH_REG_DT")],
)
def test_exchanged_dates_of_death_and_registration_are_refused(copy, name, table, death, registered):
    folder = copy(name)
    folder.edit(table, f"SELECT * REPLACE ({registered} AS {death}, {death} AS {registered}) FROM t")
    with pytest.raises(ExtractError, match=f"{table}.parquet: column {registered}, row .* before {death}"):
        read(name, folder.path)


def test_a_rule_that_would_exclude_most_of_a_table_is_refused(copy):
    folder = copy("england")
    folder.put("ons_deaths", "REG_DATE_OF_DEATH", "NULL", "true")
    with pytest.raises(
        ExtractError,
        match="ons_deaths.parquet: column REG_DATE_OF_DEATH, row 1: the rule death_without_date would exclude",
    ):
        read("england", folder.path)


def test_identifiers_sorted_away_from_their_rows_are_refused(copy):
    folder = copy("england")
    folder.edit(
        "hes_apc",
        "SELECT t.* REPLACE (s.STUDY_ID AS STUDY_ID) FROM t JOIN (SELECT STUDY_ID, row_number() OVER "
        "(ORDER BY STUDY_ID DESC) - 1 AS n FROM t) s USING (n) ORDER BY t.n",
    )
    with pytest.raises(ExtractError, match="the rule event_after_death would exclude"):
        read("england", folder.path, signs=False)


@pytest.mark.parametrize("table", ["hes_apc"])
def test_admissions_without_any_diagnosis_are_refused(copy, table):
    folder = copy("england")
    none = ", ".join(f"NULL::VARCHAR AS DIAG_{n:02d}" for n in range(1, 21))
    folder.edit(table, f"SELECT * REPLACE ({none}) FROM t")
    with pytest.raises(ExtractError, match="diagnoses: none in"):
        read("england", folder.path, signs=False)


REGISTRATIONS = [
    ("england", "av_tumour", "PATIENTID"),
    ("wales", "wcn_registration", "ALF_PE"),
    ("clean-england-rcrd", "rcrd_tumour", "PATIENTID"),
]


@pytest.mark.parametrize(("name", "table", "column"), REGISTRATIONS)
@pytest.mark.parametrize("dummy", ["0", "-1", "9999999999", "UNKNOWN"])
def test_a_default_in_the_place_of_a_pseudonym_is_refused(copy, name, table, column, dummy):
    folder = copy(name)
    if table == "av_tumour":
        folder.put("av_patient", column, f"'{dummy}'", "n = 7")
    folder.put(table, column, f"'{dummy}'", "n % 40 = 3")
    with pytest.raises(ExtractError, match=f"{table}.parquet: column {column}: one identifier, written .*a default"):
        read(name, folder.path, about=table)


@pytest.mark.parametrize(("others", "said"), [(1, "and 1 other has too many"), (2, "and 2 others have too many")])
def test_further_defaults_are_counted_in_words(copy, others, said):
    folder = copy("clean-england-rcrd")
    for number, dummy in enumerate(("UNKNOWN", "999", "-1")[: others + 1]):
        folder.put("rcrd_tumour", "PATIENTID", f"'{dummy}'", f"n % 100 = {number}")
    with pytest.raises(ExtractError, match=said):
        read("clean-england-rcrd", folder.path)


def test_one_person_with_too_many_registrations_is_refused_and_with_some_is_read(copy):
    folder = copy("clean-england-rcrd")
    tumours = "(SELECT arg_min({c}, n) FROM t)"
    folder.edit(
        "rcrd_tumour",
        "SELECT t.* REPLACE (CASE WHEN t.n < 15 THEN '0' ELSE PATIENTID::VARCHAR END AS PATIENTID, "
        + ", ".join(
            f"CASE WHEN t.n < 15 THEN {tumours.format(c=c)} ELSE {c} END AS {c}"
            for c in ("VITALSTATUS", "VITALSTATUSDATE", "GENDER")
        )
        + ") FROM t",
    )
    with pytest.raises(ExtractError, match="column PATIENTID: one identifier, written '9', has 15 rows"):
        read("clean-england-rcrd", folder.path)
    folder.put("rcrd_tumour", "PATIENTID", "'7700000001'", "n < 15")
    assert read("clean-england-rcrd", folder.path).rows["tumours"]
    folder.put("rcrd_tumour", "PATIENTID", "'7700000001'", "n < 21")
    with pytest.raises(ExtractError, match=r"written '9999999999', has 21 rows.*at most 20 registrations"):
        read("clean-england-rcrd", folder.path)


def test_a_pseudonym_that_happens_to_be_0_is_read(copy):
    folder = copy("england")
    for table, column in (("av_patient", "PATIENTID"), ("av_tumour", "PATIENTID"), *ENGLAND):
        one = "(SELECT min(PATIENTID) FROM '" + str(folder.path / "first.parquet") + "')"
        if table == "av_patient":
            duckdb.execute(f"COPY (FROM '{folder.file(table)}') TO '{folder.path}/first.parquet' (FORMAT parquet)")
        folder.put(table, column, "'0'", f"trim({column}) = trim({one})")
    assert read("england", folder.path).rows["people"]


def test_a_header_line_inside_a_table_is_refused(copy):
    folder = copy("england")
    folder.edit("hes_apc", "SELECT COLUMNS(*)::VARCHAR FROM t")
    names = ", ".join(
        f"'{row[0]}' AS {row[0]}" for row in duckdb.execute(f"DESCRIBE FROM '{folder.file('hes_apc')}'").fetchall()
    )
    folder.edit("hes_apc", f"SELECT * FROM t WHERE n < 50 UNION ALL BY NAME SELECT {names} UNION ALL BY NAME FROM t")
    with pytest.raises(ExtractError, match="hes_apc.parquet: row 51: names of columns are in column STUDY_ID"):
        read("england", folder.path)


@pytest.mark.parametrize(("linked", "right"), [(3, False), (10, True)])
def test_a_small_table_that_mostly_does_not_link_is_refused(copy, linked, right):
    folder = copy("england")
    (folder.path / "extract.json").unlink()
    folder.put("cosd_recurrence", "PATIENTID", "md5(n::VARCHAR)", f"n >= {linked}")
    folder.edit("cosd_recurrence", f"SELECT * FROM t WHERE n < {linked + 9}")
    if right:
        assert read("england", folder.path, about="cosd_recurrence").rows["people"]
        return
    with pytest.raises(ExtractError, match=r"cosd_recurrence.*3 of 12 rows \(25.0%\) link to av_patient"):
        read("england", folder.path, about="cosd_recurrence")


def test_pedw_of_which_few_records_link_is_read_where_parameters_allow_it(copy):
    folder = copy("clean-wales")
    folder.put("pedw_spell", "ALF_PE", "md5(ALF_PE)", "n % 4 > 0")
    (folder.path / "extract.json").unlink()
    assert read("wales", folder.path, minimum_linkage={"pedw_spell": 0.1}).rows["admissions"]


def test_a_table_that_was_pasted_twice_is_not_said_to_lack_the_rows_below_it(copy):
    folder = copy("clean-wales")
    folder.edit("pedw_episode", "SELECT * EXCLUDE (n) FROM t UNION ALL SELECT * EXCLUDE (n) FROM t")
    (folder.path / "extract.json").unlink()
    extract = read("wales", folder.path, signs=False)
    assert [line for line in extract.list_warnings() if "are excluded (duplicate_episode)" in line]
