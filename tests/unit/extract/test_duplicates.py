"""What is registered more than once: which row is kept does not hang on the order of the file; doubts are said."""

from __future__ import annotations

import duckdb
import pytest
from unit.extract.reading import read_people

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract

NCRD = read_people(READERS["ncrd"])
#: Some registrations of stage 1 to 3 once more, as of stage 4
OF_STAGE_4 = (
    "SELECT * EXCLUDE (n) REPLACE ('4' AS STAGE_BEST) FROM (SELECT * FROM t WHERE STAGE_BEST IN ('1', '2', '3') "
    "AND STATUSOFREGISTRATION = 'F' ORDER BY n LIMIT {})"
)


@pytest.fixture
def extract(copy):
    folder = copy("clean-england")
    (folder.path / "extract.json").unlink()
    return folder


def read(folder, out=None):
    found = read_extract(NCRD, folder.path, out, progress=lambda line: None)
    return [line for line in found.list_warnings() if "there more than once" in line]


def _read_tumours(folder, out):
    said = read(folder, out)
    tumours = duckdb.execute(f"SELECT * FROM read_parquet('{out}/tumours.parquet') ORDER BY tumour_id").fetchall()
    return said, tumours


def test_few_contradictory_registrations_are_a_warning_and_the_order_does_not_decide(extract, tmp_path):
    twice = f"SELECT * EXCLUDE (n) FROM t UNION ALL {OF_STAGE_4.format(5)}"
    extract.edit("av_tumour", twice)
    last = _read_tumours(extract, tmp_path / "last")
    extract.edit("av_tumour", "SELECT * EXCLUDE (n) FROM t ORDER BY n DESC")
    first = _read_tumours(extract, tmp_path / "first")

    assert first == last
    assert len(first[0]) == 1
    assert first[0][0].startswith("av_tumour, column STAGE_BEST: a few of the values of TUMOURID are there more than")


def test_many_contradictory_registrations_of_one_stage_are_refused_where_they_are_few_of_all(extract):
    extract.edit("av_tumour", f"SELECT * EXCLUDE (n) FROM t UNION ALL {OF_STAGE_4.format(12)}")

    with pytest.raises(
        ExtractError,
        match=r"av_tumour.parquet: column STAGE_BEST, row [\d,]+: of [\d,]+ values of TUMOURID with 4 in one "
        "row, 12 have another one in another row; allowed: at most 5%",
    ):
        read(extract)


def test_the_more_complete_registration_is_kept(extract, tmp_path):
    right = _read_tumours(extract, tmp_path / "right")
    emptied = "SELECT * EXCLUDE (n) REPLACE (NULL AS STAGE_BEST, NULL AS ER_STATUS, NULL AS QUINTILE_2019) FROM t"
    extract.edit("av_tumour", f"{emptied} UNION ALL SELECT * EXCLUDE (n) FROM t")

    assert _read_tumours(extract, tmp_path / "twice") == right
    assert not right[0]


def test_an_eligible_registration_contradicts_none_that_is_not(extract):
    ineligible = OF_STAGE_4.replace("AS STAGE_BEST)", "AS STAGE_BEST, 'P' AS STATUSOFREGISTRATION)").format(5)
    extract.edit("av_tumour", f"SELECT * EXCLUDE (n) FROM t UNION ALL {ineligible}")

    assert not read(extract)


def test_of_deaths_registered_on_one_day_with_two_dates_a_warning_is_given(extract):
    day_before = "strftime(strptime(REG_DATE_OF_DEATH, '%Y%m%d') - INTERVAL 1 DAY, '%Y%m%d')"
    earlier = f"SELECT * EXCLUDE (n) REPLACE ({day_before} AS REG_DATE_OF_DEATH) FROM t WHERE n < 2"
    extract.edit("ons_deaths", f"SELECT * EXCLUDE (n) FROM t UNION ALL {earlier}")

    (said,) = read(extract)
    assert said.startswith("ons_deaths, column REG_DATE_OF_DEATH: a few of the values of DEC_CONF_NHS_NUMBER_CLEAN_")
