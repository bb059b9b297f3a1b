"""The same expressions give the same rows on DuckDB and on PySpark."""

import shutil
import warnings

import pandas as pd
import pytest

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore"),  # PySpark 4.0 and its gateway warn in their own code
]


@pytest.fixture(scope="module")
def spark():
    if shutil.which("java") is None:
        pytest.skip("Java is not on PATH; PySpark needs it")
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed: pip install 'naome[spark]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ibis

        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.ui.showConsoleProgress": "false",
            # seven people: what pays for itself on millions of rows is most of the time here
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        }
        builder = sql.SparkSession.builder.master("local[1]").appName("naome-tests")
        for key, value in settings.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield ibis.pyspark.connect(session)
        session.stop()


def test_cohorts_are_the_same_on_both_engines(case, spark):
    """Every rule, every feature and every tie that could order differently, derived twice.

    people
    person    sex     vital_status  vital_date
    lost      female  lost          2021-03-01
    dead      male    dead          2021-03-01
    untraced  female  untraced      -

    tumours
    person    diagnosis_date  site  stage  age  er        her2      er_level  chemotherapy_flag  basis
    denovo    2020-03-01      C509  4      61   positive  negative  12        true               histology_primary
    denovo    2020-03-01      C509  4      61   positive  negative  14        true               histology_primary
    leap      2020-02-29      C501  2      35   negative  negative  -         -                  histology_primary
    leap_out  2020-02-29      C501  2      35   negative  positive  -         -                  -
    in_situ   2016-05-01      D051  0      50   -         -         -         false              cytology
    mixed     2020-06-01      D051  0      50   -         -         -         -                  cytology
    mixed     2020-06-01      C509  -      50   -         -         -         -                  cytology
    lost      2019-12-31      C509  4      82   -         negative  -         -                  histology_primary
    dead      2019-12-31      C509  4      75   -         negative  -         -                  histology_primary
    untraced  2019-12-31      C509  4      75   -         negative  -         -                  histology_primary
    dco       2019-12-31      C509  4      75   -         negative  -         -                  death_certificate
    primary   2017-12-31      C509  1      45   positive  negative  -         -                  histology_primary
    buried    2017-12-31      C509  1      45   positive  negative  -         -                  histology_primary

    codes
    person   admission_date  episode_date  code   position  patient_class  provider
    denovo   2020-03-20      2020-03-22    C795   2         ordinary       RA1
    denovo   2020-08-01      2020-08-01    Z511   1         day_case       RB2
    denovo   2020-01-01      2020-01-01    I130   3         ordinary       RA1
    denovo   2020-01-01      2020-01-01    T835   3         ordinary       RA1
    leap     2021-02-27      2021-02-28    C787   1         day_case       RA1
    leap_out  2021-02-28      2021-02-28    C787   1         ordinary       RA1
    in_situ  2019-07-01      2019-07-01    C780   1         ordinary       RA1
    in_situ  2019-07-01      2019-07-01    C793   2         ordinary       RA1
    mixed    2020-07-01      2020-07-01    C779   1         ordinary       RA1
    mixed    2020-09-01      2020-09-01    C772   1         regular        RA1
    mixed    2020-10-01      2020-10-01    C799   1         ordinary       RA1
    buried   2021-02-01      2021-02-01    C787   1         ordinary       RA1

    procedures
    person   code  procedure_date  provider
    in_situ  J131  2019-07-10      RA1
    denovo   X723  2020-08-01      RA1

    drugs
    person   drug                      cycle_date  given_date  provider
    denovo   PACLITAXEL                2020-08-01  2020-08-01  RC3
    denovo   PALBOCICLIB               2020-04-01  2020-04-08  RC3
    leap_out  PERTUZUMAB + TRASTUZUMAB  2021-03-01  2021-03-08  -
    leap_out  DOCETAXEL                 -           2021-03-08  -

    radiotherapy
    person   treatment_date  site
    in_situ  2019-08-01      Z019

    recurrences
    person   recurrence_date  kind
    in_situ  2019-06-01       distant
    primary  2019-06-01       local

    deaths
    person   death_date  underlying_cause  causes
    in_situ  2020-08-01  C509              C509 I219
    primary  2020-08-01  I219              I219 C509
    buried   2021-01-31  -                 -

    organisations
    provider  name  alliance  region
    denovo    One   North     N
    """
    here = case.derive()
    there = case.derive(connection=spark)
    assert len(here.analysis) == 7
    for table in ("analysis", "attrition", "primary"):
        pd.testing.assert_frame_equal(getattr(here, table), getattr(there, table), obj=table)
    options = {"count_c779": True, "evidence": ("admissions", "reported"), "lookback_days": 31, "gap_months": 6}
    here = case.derive(cohorts=("primary", "recurrent"), **options)
    there = case.derive(cohorts=("primary", "recurrent"), connection=spark, **options)
    for table in ("analysis", "attrition", "primary"):
        pd.testing.assert_frame_equal(getattr(here, table), getattr(there, table), obj=table)
