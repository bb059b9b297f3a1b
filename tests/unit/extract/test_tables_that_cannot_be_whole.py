"""Tables whose rows all link, and that cannot be right: cut off, shifted, in two editions, of other people."""

from __future__ import annotations

import pytest

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.workflow.extract_report import describe_extract


def read(folder, source="ncrd", **options):
    return read_extract(READERS[source], folder.path, None, progress=lambda line: None, **options)


@pytest.fixture
def extract(copy):
    def make(audit="clean-england"):
        folder = copy(audit)
        (folder.path / "extract.json").unlink()
        return folder

    return make


def keep(folder, table, share):
    folder.edit(table, f"SELECT * EXCLUDE (n_) FROM (SELECT *, row_number() OVER () AS n_ FROM t) "
                       f"WHERE n_ <= {share} * (SELECT count(*) FROM t)")  # fmt: skip


@pytest.mark.parametrize(
    ("audit", "table", "above"),
    [
        ("england", "sact_drug_detail", "sact_cycle"),
        ("england", "sact_cycle", "sact_regimen"),
        ("wales", "pedw_diag", "pedw_episode"),
        ("wales", "pedw_episode", "pedw_spell"),
    ],
)
def test_a_table_cut_off_leaves_rows_above_it_without_any_and_is_refused(extract, audit, table, above):
    folder, source = extract(f"clean-{audit}"), {"england": "ncrd", "wales": "wcn"}[audit]
    keep(folder, table, 0.5)
    with pytest.raises(ExtractError, match=rf"{table}\S*: .* of {above} \(\d+\.\d%\) have a row here.*80.0% at least"):
        read(folder, source)


def test_a_table_that_may_be_cut_off_is_a_warning(extract):
    folder = extract()
    assert not read(folder).list_warnings()
    keep(folder, "sact_drug_detail", 0.88)
    (warning,) = read(folder).list_warnings()
    assert warning.startswith("sact_drug_detail: ") and "of the rows of sact_cycle have a row here" in warning


def test_most_episodes_have_no_operation(extract):
    folder = extract("clean-wales")
    folder.edit("pedw_oper", "SELECT * FROM t WHERE hash(PROV_UNIT_CD, SPELL_NUM_PE, EPI_NUM) % 3 = 0")
    assert not [line for line in read(folder, "wcn").list_warnings() if "row here" in line]


def test_operations_of_the_first_episodes_only_are_a_warning(extract):
    folder = extract("clean-wales")
    keep(folder, "pedw_oper", 0.5)
    (warning,) = read(folder, "wcn").list_warnings()
    assert warning.startswith("pedw_oper: none of the ") and "first or last rows of pedw_episode has a row" in warning


def test_few_rows_of_many_other_people_are_refused(extract):
    """4% of the rows, spread over people: each has one admission under another pseudonym."""
    folder = extract()
    folder.edit(
        "hes_apc",
        "SELECT * EXCLUDE (n_) REPLACE (CASE WHEN n_ % 26 = 0 THEN md5(EPIKEY::VARCHAR) ELSE STUDY_ID END AS STUDY_ID) "
        "FROM (SELECT *, row_number() OVER () AS n_ FROM t)",
    )
    with pytest.raises(ExtractError, match=r"rows \(96\.\d%\), and \d\d\.\d% of their people, link to av_patient"):
        read(folder)
    assert read(folder, minimum_linkage={"hes_apc": 0.5}).rows["admissions"]


@pytest.mark.parametrize(("table", "person"), [("hes_apc", "STUDY_ID"), ("cosd_recurrence", "PATIENTID")])
def test_pseudonyms_some_rows_off_are_refused_by_events_after_death(extract, table, person):
    folder = extract()
    folder.edit(table, f"SELECT * REPLACE (coalesce(lag({person}, 7) OVER (), {person}) AS {person}) FROM t")
    with pytest.raises(ExtractError, match="event_after_death would exclude .* rows of people who have died"):
        read(folder)


def test_two_editions_of_a_table_that_contradict_each_other_are_refused(extract):
    folder = extract()
    folder.edit(
        "ons_deaths",
        "SELECT * FROM t UNION ALL SELECT * REPLACE (REG_DATE AS REG_DATE_OF_DEATH) FROM t",
    )
    with pytest.raises(ExtractError, match="values of DEC_CONF_NHS_NUMBER_CLEAN_DEID have several values of it"):
        read(folder)


@pytest.mark.parametrize(
    ("audit", "table", "column", "value"),
    [
        ("england", "av_tumour", "HER2_STATUS", "lag(HER2_STATUS, 9) OVER ()"),
        ("wales", "wcn_registration", "STAGE", "'4'"),
    ],
)
def test_two_editions_of_registrations_that_contradict_each_other_are_refused(extract, audit, table, column, value):
    folder, source = extract(f"clean-{audit}"), {"england": "ncrd", "wales": "wcn"}[audit]
    column = {"STAGE": "STAGE_GROUPING"}.get(column, column)
    folder.edit(table, f"SELECT * FROM t UNION ALL SELECT * REPLACE ({value} AS {column}) FROM t")
    with pytest.raises(
        ExtractError, match=rf"{table}.parquet: column {column}, row [\d,]+: .* have several values of it"
    ):
        read(folder, source)


def test_a_table_that_is_there_twice_is_read_once(extract):
    same = extract()
    same.edit("ons_deaths", "SELECT * FROM t UNION ALL SELECT * FROM t")
    assert any(entry["rule"] == "duplicate_death" for entry in read(same).quality)


@pytest.mark.parametrize(
    ("audit", "columns"), [("england", ("REGION_NAME", "ALLIANCE_NAME")), ("wales", ("REGION_NAME",))]
)
def test_names_that_differ_in_capitals_and_blanks_are_one_name(extract, audit, columns, tmp_path):
    import duckdb

    folder, source = extract(f"clean-{audit}"), {"england": "ncrd", "wales": "wcn"}[audit]
    found = []
    for out in ("before", "after"):
        read_extract(READERS[source], folder.path, tmp_path / out, progress=lambda line: None)
        found.append(duckdb.execute(f"FROM '{tmp_path}/{out}/organisations.parquet' ORDER BY provider").fetchall())
        for column in columns:
            other = f"upper(replace({column}, ' ', '  '))"
            folder.edit(
                "organisations",
                f"SELECT * REPLACE (if(hash(ORG_CODE) % 3 = 0, {other}, {column}) AS {column}) FROM t",
            )
    assert found[0] == found[1]
    entries = [entry for entry in read(folder, source).quality if entry["rule"] == "name_spelling"]
    assert {entry["column"] for entry in entries} == set(columns)


def test_deaths_and_admissions_that_failed_to_link_are_refused_in_wales(extract):
    folder = extract("clean-wales")
    folder.edit("pedw_spell", "SELECT * REPLACE (CASE WHEN hash(SPELL_NUM_PE) % 5 < 2 THEN '99' ELSE ALF_STS_CD END "
                              "AS ALF_STS_CD) FROM t")  # fmt: skip
    with pytest.raises(ExtractError, match="unlinked_record would exclude .* allowed: at most 10%"):
        read(folder, "wcn")


def test_a_table_without_rows_is_a_warning_and_has_no_share(extract):
    folder = extract()
    folder.edit("cosd_recurrence", "SELECT * FROM t WHERE false")
    found = read(folder)
    assert "cosd_recurrence has no rows." in found.list_warnings()
    row = next(
        line for line in describe_extract(found).splitlines() if "cosd_recurrence" in line and " to av_p" in line
    )
    assert "100" not in row and "–" in row


@pytest.mark.parametrize(
    ("audit", "table"),
    [
        ("england", "hes_apc"),
        ("england", "rtds_prescription"),
        ("england", "av_tumour"),
        ("england", "cosd_recurrence"),
        ("wales", "adde_deaths"),
    ],
)
def test_a_table_that_ends_before_its_people_do_is_a_warning(extract, audit, table):
    folder, source = extract(f"clean-{audit}"), {"england": "ncrd", "wales": "wcn"}[audit]
    keep(folder, table, 0.5)
    found = read(folder, source).list_warnings()
    assert [line for line in found if line.startswith(f"{table}: none of the") and "first or last" in line]


@pytest.mark.parametrize(
    ("audit", "table", "person"), [("england", "hes_apc", "STUDY_ID"), ("england-rcrd", "hes_apc", "STUDY_ID")]
)
def test_admissions_of_fewer_people_than_usual_are_a_warning(extract, audit, table, person):
    folder, source = extract(f"clean-{audit}"), {"england": "ncrd", "england-rcrd": "rcrd"}[audit]
    folder.edit(table, f"SELECT * FROM t WHERE hash({person}) % 10 < 4")
    (warning,) = [line for line in read(folder, source).list_warnings() if "have a row here" in line]
    assert warning.startswith(f"{table}: ") and "of the people of " in warning and "of fewer people?" in warning


def test_spells_of_fewer_people_than_usual_are_a_warning(extract):
    folder = extract("clean-wales")
    for table in ("pedw_spell", "pedw_episode", "pedw_diag", "pedw_oper"):
        folder.edit(table, "SELECT * FROM t WHERE hash(PROV_UNIT_CD, SPELL_NUM_PE) % 10 < 2")
    (warning,) = [line for line in read(folder, "wcn").list_warnings() if "have a row here" in line]
    assert warning.startswith("pedw_spell: ") and "of the people of wcn_registration" in warning


def test_a_table_without_its_beginning_is_a_warning(extract):
    folder = extract()
    folder.edit("hes_apc", "SELECT * FROM t WHERE n > 6000")
    assert [line for line in read(folder).list_warnings() if line.startswith("hes_apc: none of the")]


def test_half_of_the_registrations_of_deaths_are_refused(extract):
    folder = extract()
    keep(folder, "ons_deaths", 0.5)
    with pytest.raises(
        ExtractError, match="av_patient.parquet: .* died in the years of ons_deaths and have no row there"
    ):
        read(folder)


def test_as_many_rows_as_a_spreadsheet_holds_are_a_warning(extract):
    folder = extract()
    folder.edit("hes_apc", "SELECT t.* FROM t, range(40) ORDER BY STUDY_ID LIMIT 65535")
    assert [line for line in read(folder).list_warnings() if line.startswith("hes_apc has 65,535 rows")]
