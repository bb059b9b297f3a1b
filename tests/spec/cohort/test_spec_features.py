"""The columns of the analysis table: the edges of every window, ties and fallbacks."""

import pandas as pd

from naome.cohort.columns import list_columns
from naome.core.definitions import project_definitions

COLUMNS = list_columns(project_definitions())
PANDAS = {
    "category": "string",
    "integer": "Int64",
    "number": "float64",
    "boolean": "boolean",
    "date": "datetime64[s]",
}


def test_table_is_as_documented_and_in_a_fixed_order(case):
    """Columns, types and order are those of the documented list; nothing identifies anybody.

    tumours
    person  diagnosis_date  stage
    b       2020-03-01      4
    a       2020-03-01      4
    c       2016-03-01      2

    codes
    person  admission_date  code
    c       2020-06-01      C795
    """
    analysis = case.derive().analysis
    assert list(analysis.columns) == [column.name for column in COLUMNS]
    assert {column: str(kind) for column, kind in analysis.dtypes.items()} == {c.name: PANDAS[c.kind] for c in COLUMNS}
    assert list(analysis["provider"]) == ["a", "b", "c"], "order: cohort, then person"
    assert not {"person_id", "tumour_id", "episode_id"} & set(analysis.columns)
    pd.testing.assert_frame_equal(analysis, case.derive().analysis)


def test_chemotherapy_window(case):
    """Chemotherapy counts from 31 days before origin to the end of follow-up; its day is negative before origin.

    ``early`` is one day too early, ``late`` only after follow-up ended, ``end`` on its last day, ``other`` no
    cytotoxic drug. Of two the first counts (``twice``). ``opcs`` and ``session`` have it from admissions only.

    tumours
    person   diagnosis_date  stage
    first    2020-03-01      4
    early    2020-03-01      4
    same     2020-03-01      4
    later    2020-03-01      4
    late     2020-03-01      4
    end      2020-03-01      4
    twice    2020-03-01      4
    other    2020-03-01      4
    opcs     2020-03-01      4
    session  2020-03-01      4

    drugs
    person  drug         given_date
    first   PACLITAXEL   2020-01-30
    early   PACLITAXEL   2020-01-29
    same    PACLITAXEL   2020-03-01
    later   PACLITAXEL   2021-03-01
    late    PACLITAXEL   2023-06-02
    end     PACLITAXEL   2023-06-01
    twice   PACLITAXEL   2020-05-10
    twice   PACLITAXEL   2020-03-11
    other   TRASTUZUMAB  2020-03-10

    procedures
    person  code  procedure_date
    opcs    X723  2020-03-11
    other   B273  2020-03-11

    codes
    person   admission_date  code  position
    session  2020-03-12      Z511  2
    other    2020-03-12      Z510  1

    expected
    person   chemotherapy_days
    first    -31
    early    -
    same     0
    later    365
    late     -
    end      1187
    twice    10
    other    -
    opcs     10
    session  11
    """
    case.check()


def test_last_chemotherapy_is_the_latest_activity(case):
    """The last chemotherapy is the latest of cycle start, administration and hospital attendance.

    Of several organisations on that day the first by code treats; one without a name does not.

    people
    person  vital_status  vital_date
    given   dead          2020-08-30

    tumours
    person   diagnosis_date  stage
    given    2020-03-01      4
    cycle    2020-03-01      4
    session  2020-03-01      4
    tie      2020-03-01      4
    unnamed  2020-03-01      4

    drugs
    person   drug          cycle_date  given_date  provider
    given    PACLITAXEL    2020-08-01  2020-08-08  RA1
    given    PACLITAXEL    2020-07-01  2020-07-01  RB2
    cycle    CAPECITABINE  2020-08-01  2020-07-20  RC3
    session  PACLITAXEL    2020-08-01  2020-08-01  RA1
    tie      PACLITAXEL    2020-08-01  2020-08-01  RZ9
    tie      PACLITAXEL    2020-08-01  2020-08-01  RB2
    tie      PACLITAXEL    2020-07-01  2020-07-01  RA1
    unnamed  PACLITAXEL    2020-08-01  2020-08-01  -
    unnamed  PACLITAXEL    2020-08-01  2020-08-01  RD4

    codes
    person   admission_date  code  provider
    session  2020-08-20      Z511  RE5

    expected
    person   treating_provider  last_chemotherapy_to_death_days  last_chemotherapy_to_cutoff_days
    given    RA1                22                               1027
    cycle    RC3                -                                1034
    session  RE5                -                                1015
    tie      RB2                -                                1034
    unnamed  RD4                -                                1034
    """
    case.check()


def test_last_chemotherapy_is_one_whose_thirty_days_are_observed(case):
    """Follow-up ends on 2023-06-01: a cycle from 2023-05-03 on is nobody's last, whether they live or die.

    Somebody alive and treated until the end counts with the cycle before; somebody with no earlier one does not count.

    people
    person  vital_status  vital_date
    dies    dead          2023-05-20

    tumours
    person   diagnosis_date  stage
    dies     2020-03-01      4
    goes_on  2020-03-01      4
    edge     2020-03-01      4
    new      2020-03-01      4

    drugs
    person   drug          cycle_date  given_date  provider
    dies     PACLITAXEL    2023-04-25  2023-04-25  RA1
    dies     PACLITAXEL    2023-05-10  2023-05-10  RB2
    goes_on  PACLITAXEL    2023-04-25  2023-04-25  RA1
    goes_on  PACLITAXEL    2023-05-25  2023-05-25  RB2
    edge     PACLITAXEL    2023-05-02  2023-05-03  RA1
    new      PACLITAXEL    2023-05-03  2023-05-03  RA1

    expected
    person   treating_provider  last_chemotherapy_to_death_days  last_chemotherapy_to_cutoff_days
    dies     RA1                25                               37
    goes_on  RA1                -                                37
    edge     RA1                -                                30
    new      -                  -                                -
    """
    case.check()


def test_biopsy_window(case):
    """A biopsy counts from 30 days before the metastatic diagnosis; B32, a biopsy of the breast, never counts.

    tumours
    person  diagnosis_date  stage
    early   2016-03-01      2
    first   2016-03-01      2
    last    2016-03-01      2
    breast  2016-03-01      2

    codes
    person  admission_date  code
    early   2020-03-31      C787
    first   2020-03-31      C787
    last    2020-03-31      C787
    breast  2020-03-31      C787

    procedures
    person  code  procedure_date
    early   J131  2020-02-29
    first   J131  2020-03-01
    last    J131  2020-06-29
    last    J131  2020-07-29
    breast  B321  2020-03-31

    expected
    person  biopsy_days
    early   -
    first   -30
    last    90
    breast  -
    """
    case.check()


def test_site_windows(case):
    """Sites count from 30 days before to 365 days after the metastatic diagnosis; early ones to 30 days after origin.

    ``vague`` has only C79.9, which names no site; ``many`` has it and every site, each in a code of its own.

    tumours
    person  diagnosis_date  stage
    before  2020-03-31      4
    first   2020-03-31      4
    day_30  2020-03-31      4
    day_31  2020-03-31      4
    last    2020-03-31      4
    after   2020-03-31      4
    vague   2020-03-31      4
    many    2020-03-31      4

    codes
    person  admission_date  code
    many    2020-04-01      C799
    many    2020-04-02      C795
    many    2020-04-03      C787
    many    2020-04-04      C780
    many    2020-04-05      C793
    before  2020-02-29      C795
    first   2020-03-01      C795
    day_30  2020-04-30      C787
    day_31  2020-05-01      C780
    last    2021-03-31      C793
    after   2021-04-01      C795
    vague   2020-04-30      C799

    expected
    person  bone   liver  lung   brain  bone_early  liver_early  lung_early  brain_early  site_recorded
    before  False  False  False  False  False       False        False       False        False
    first   True   False  False  False  True        False        False       False        True
    day_30  False  True   False  False  False       True         False       False        True
    day_31  False  False  True   False  False       False        False       False        True
    last    False  False  False  True   False       False        False       False        True
    after   False  False  False  False  False       False        False       False        False
    vague   False  False  False  False  False       False        False       False        False
    many    True   True   True   True   True        True         True        True         True
    """
    case.check()


def test_comorbidity_look_back(case):
    """Comorbidity is coded 365 days to 1 day before origin; cancers do not count, nor does a group twice.

    I13 belongs to two groups, heart failure and kidney disease. Of J68 only J684 is in the list, with four characters.

    tumours
    person  diagnosis_date  stage
    early   2020-03-31      4
    first   2020-03-31      4
    last    2020-03-31      4
    day_0   2020-03-31      4
    twice   2020-03-31      4
    two     2020-03-31      4
    cancer  2020-03-31      4
    three   2020-03-31      4
    many    2020-03-31      4
    none    2020-03-31      4
    four    2020-03-31      4
    other   2020-03-31      4

    codes
    person  admission_date  code
    early   2019-03-31      I21
    first   2019-04-01      I21
    last    2020-03-30      I219
    day_0   2020-03-31      I21
    twice   2020-01-01      I211
    twice   2020-02-01      I22
    two     2020-01-01      I130
    cancer  2020-01-01      C341
    cancer  2020-01-01      C795
    three   2020-01-01      I21
    three   2020-01-01      I50
    three   2020-01-01      J44
    many    2020-01-01      I21
    many    2020-01-01      I50
    many    2020-01-01      J44
    many    2020-01-01      F03
    four    2020-01-01      J684
    other   2020-01-01      J681

    expected
    person  charlson_count  charlson
    early   0               0
    first   1               1
    last    1               1
    day_0   0               0
    twice   1               1
    two     2               2
    cancer  0               0
    three   3               3+
    many    4               3+
    none    0               0
    four    1               1
    other   0               0
    """
    case.check()


def test_comorbidity_is_not_known_from_a_feed_without_admissions(case):
    """Nothing coded means none only where admissions are in the data.

    tumours
    person  diagnosis_date  stage
    n1      2020-03-31      4

    expected
    person  charlson_count  charlson  frailty_count  frailty
    n1      -               -         -              -
    """
    case.check()


def test_frailty_bands(case):
    """SCARF: 0-1 deficits fit, 2-3 mild, 4-5 moderate, 6 and over severe.

    The need for care is one of the 32 deficits.

    tumours
    person  diagnosis_date  stage
    n1      2020-03-31      4
    n2      2020-03-31      4
    n3      2020-03-31      4
    n4      2020-03-31      4
    n5      2020-03-31      4
    n6      2020-03-31      4
    care    2020-03-31      4

    codes
    person  admission_date  code
    care    2020-01-01      Z742
    n1      2020-01-01      I48
    n2      2020-01-01      I48
    n2      2020-01-01      D50
    n3      2020-01-01      I48
    n3      2020-01-01      D50
    n3      2020-01-01      G20
    n4      2020-01-01      I48
    n4      2020-01-01      D50
    n4      2020-01-01      G20
    n4      2020-01-01      E03
    n5      2020-01-01      I48
    n5      2020-01-01      D50
    n5      2020-01-01      G20
    n5      2020-01-01      E03
    n5      2020-01-01      J44
    n6      2020-01-01      I48
    n6      2020-01-01      D50
    n6      2020-01-01      G20
    n6      2020-01-01      E03
    n6      2020-01-01      J44
    n6      2020-01-01      I10

    expected
    person  frailty_count  frailty
    n1      1              fit
    n2      2              mild
    n3      3              mild
    n4      4              moderate
    n5      5              moderate
    n6      6              severe
    care    1              fit
    """
    case.check()


def test_drugs_on_or_after_origin(case):
    """The first drug of a class on or after origin counts; two anti-HER2 drugs in 12 months are two agents.

    A combined product is two agents. ``mono`` has its second agent after 12 months, ``edge`` on day 365.

    tumours
    person  diagnosis_date  stage
    before  2020-03-01      4
    same    2020-03-01      4
    year    2020-03-01      4
    mono    2020-03-01      4
    dual    2020-03-01      4
    both    2020-03-01      4
    edge    2020-03-01      4

    drugs
    person  drug                      given_date
    before  PALBOCICLIB               2020-02-29
    same    PALBOCICLIB               2020-03-01
    same    LETROZOLE                 2020-03-02
    year    RIBOCICLIB                2021-03-01
    year    ZOLEDRONIC ACID           2020-03-11
    mono    TRASTUZUMAB               2020-03-11
    mono    TRASTUZUMAB               2020-04-11
    mono    TUCATINIB                 2021-03-02
    dual    PERTUZUMAB + TRASTUZUMAB  2020-03-11
    both    TRASTUZUMAB               2020-03-11
    both    PERTUZUMAB                2020-03-11
    edge    TRASTUZUMAB               2020-03-11
    edge    TUCATINIB                 2021-03-01

    expected
    person  cdk46_days  endocrine_days  bone_agent_days  anti_her2_days  anti_her2_agents
    before  -           -               -                -               0
    same    0           1               -                -               0
    year    365         -               10               -               0
    mono    -           -               -                10              1
    dual    -           -               -                10              2
    both    -           -               -                10              2
    edge    -           -               -                10              2
    """
    case.check()


def test_radiotherapy_on_or_after_origin(case):
    """Radiotherapy counts from origin on; Z63 to Z80 are bones, Z01 to Z05 the brain.

    tumours
    person  diagnosis_date  stage
    before  2020-03-01      4
    same    2020-03-01      4
    brain   2020-03-01      4
    other   2020-03-01      4
    again   2020-03-01      4
    z01     2020-03-01      4
    z05     2020-03-01      4
    z06     2020-03-01      4
    z62     2020-03-01      4
    z63     2020-03-01      4
    z80     2020-03-01      4
    z81     2020-03-01      4

    radiotherapy
    person  treatment_date  site
    before  2020-02-29      Z663
    same    2020-03-01      Z663
    brain   2020-03-11      Z019
    other   2020-03-11      Z154
    again   2020-03-05      Z663
    again   2020-03-04      Z663
    again   2020-03-09      Z019
    again   2020-03-07      Z019
    z01     2020-03-02      Z011
    z05     2020-03-02      Z051
    z06     2020-03-02      Z061
    z62     2020-03-02      Z621
    z63     2020-03-02      Z631
    z80     2020-03-02      Z801
    z81     2020-03-02      Z811

    expected
    person  radiotherapy_days  bone_radiotherapy_days  brain_radiotherapy_days
    before  -                  -                       -
    same    0                  0                       -
    brain   10                 -                       10
    other   10                 -                       -
    again   3                  3                       6
    z01     1                  -                       1
    z05     1                  -                       1
    z06     1                  -                       -
    z62     1                  -                       -
    z63     1                  1                       -
    z80     1                  1                       -
    z81     1                  -                       -
    """
    case.check()


def test_flags_of_the_registry_count_for_the_initial_diagnosis(case):
    """A chemotherapy or radiotherapy flag is treatment on day 0 of a de novo person; it says nothing about recurrence.

    tumours
    person     diagnosis_date  stage  chemotherapy_flag  radiotherapy_flag
    denovo     2020-03-01      4      true               true
    refused    2020-03-01      4      false              false
    recurrent  2016-03-01      2      true               true

    codes
    person     admission_date  code
    recurrent  2020-06-01      C787

    expected
    person     chemotherapy_days  radiotherapy_days
    denovo     0                  0
    refused    -                  -
    recurrent  -                  -
    """
    case.check()


def test_follow_up_ends(case):
    """Follow-up ends at death, at loss to follow-up or on the censor date; a registered death overrules the registry.

    ``found`` was lost to the registry but has a death certificate; ``late`` died after the censor date.

    people
    person    vital_status  vital_date
    alive     alive         2023-09-30
    registry  dead          2021-03-01
    both      dead          2021-03-05
    lost      lost          2021-03-01
    found     lost          2021-03-01
    censor    dead          2023-06-01
    late      dead          2023-06-02
    lost_late  lost         2023-08-01

    tumours
    person     diagnosis_date  stage
    alive      2020-03-01      4
    registry   2020-03-01      4
    both       2020-03-01      4
    lost       2020-03-01      4
    found      2020-03-01      4
    censor     2020-03-01      4
    late       2020-03-01      4
    lost_late  2020-03-01      4

    deaths
    person  death_date  underlying_cause
    both    2021-03-01  C509
    found   2021-04-01  C509

    expected
    person     died   survival_days  died_of_breast_cancer
    alive      False  1187           False
    registry   True   365            False
    both       True   365            True
    lost       False  365            False
    found      True   396            True
    censor     True   1187           False
    late       False  1187           False
    lost_late  False  1187           False
    """
    case.check()


def test_deaths_near_the_origin(case):
    """Died within 30 days means up to and including day 30.

    tumours
    person  diagnosis_date  stage
    day_0   2020-03-01      4
    day_30  2020-03-01      4
    day_31  2020-03-01      4

    deaths
    person  death_date
    day_0   2020-03-01
    day_30  2020-03-31
    day_31  2020-04-01

    expected
    person  died_within_30_days  survival_days
    day_0   True                 0
    day_30  True                 30
    day_31  False                31
    """
    case.check()


def test_clocks_of_a_recurrent_person(case):
    """Three clocks: from the initial diagnosis, from the metastatic diagnosis, and between the two.

    tumours
    person  diagnosis_date  stage  age
    ann     2016-03-01      2      49

    codes
    person  admission_date  code
    ann     2020-03-01      C787

    deaths
    person  death_date
    ann     2021-03-01

    expected
    person  diagnosis_to_metastatic_days  survival_from_metastatic_days  survival_from_diagnosis_days  age
    ann     1461                          365                            1826                          53
    """
    case.check()


def test_subtype_needs_both_receptors(case):
    """A subgroup needs ER and HER2; when either is not recorded there is none.

    tumours
    person  diagnosis_date  stage  er        her2
    pp      2020-03-01      4      positive  positive
    np      2020-03-01      4      negative  positive
    pn      2020-03-01      4      positive  negative
    nn      2020-03-01      4      negative  negative
    no_er   2020-03-01      4      -         positive
    no_er2  2020-03-01      4      -         negative
    no_her  2020-03-01      4      positive  -
    no_he2  2020-03-01      4      negative  -

    expected
    person  subtype   er_recorded  her2_recorded
    pp      HER2+ER+  True         True
    np      HER2+ER-  True         True
    pn      HER2-ER+  True         True
    nn      HER2-ER-  True         True
    no_er   -         False        True
    no_er2  -         False        True
    no_her  -         True         False
    no_he2  -         True         False
    """
    case.check()


def test_primary_counts(case):
    """The check against deaths: outcome, record of metastasis on or before death, and the time between.

    A metastatic code before the diagnosis or after death is no record.

    tumours
    person  diagnosis_date  stage
    seen    2016-03-01      2
    missed  2016-03-01      2
    other   2016-03-01      2
    nocause  2016-03-01     2
    alive   2016-03-01      2
    before  2016-03-01      2
    after   2016-03-01      2

    codes
    person  admission_date  code
    seen    2020-03-01      C787
    alive   2020-03-01      C787
    before  2016-02-01      C787
    after   2020-04-02      C787

    deaths
    person   death_date  underlying_cause
    seen     2020-04-01  C509
    missed   2020-04-01  C509
    other    2020-04-01  I219
    nocause  2020-04-01  -
    after    2020-04-01  C509
    """
    primary = case.derive().primary
    counts = primary.groupby(["outcome", "metastatic_record"])["people"].sum().to_dict()
    assert counts == {
        ("alive", False): 1,
        ("alive", True): 1,
        ("breast_cancer", False): 2,
        ("breast_cancer", True): 1,
        ("other_cause", False): 1,
        ("unknown_cause", False): 1,
    }
    assert primary.set_index("metastatic_record")["record_to_death"].dropna().tolist() == ["31-182 days"]


def test_age_is_banded_by_its_first_year(case):
    """A band ends before the age at which the next begins; somebody who recurs is as old as at recurrence.

    tumours
    person  diagnosis_date  stage  age
    a39     2020-03-01      4      39
    a40     2020-03-01      4      40
    a49     2020-03-01      4      49
    a50     2020-03-01      4      50
    a59     2020-03-01      4      59
    a60     2020-03-01      4      60
    a69     2020-03-01      4      69
    a70     2020-03-01      4      70
    a79     2020-03-01      4      79
    a80     2020-03-01      4      80
    later   2016-03-01      2      79

    codes
    person  admission_date  code
    later   2020-03-02      C795

    expected
    person  age_at_diagnosis  age  age_band  age_group
    a39     39                39   under 40  18-49
    a40     40                40   40-49     18-49
    a49     49                49   40-49     18-49
    a50     50                50   50-59     50-69
    a59     59                59   50-59     50-69
    a60     60                60   60-69     50-69
    a69     69                69   60-69     50-69
    a70     70                70   70-79     70-79
    a79     79                79   70-79     70-79
    a80     80                80   80+       80+
    later   79                83   80+       80+
    """
    case.check()


def test_years_are_those_of_diagnosis_of_metastasis_and_of_origin(case):
    """Origin is the initial diagnosis of the de novo cohort and the first evidence of recurrence.

    tumours
    person  diagnosis_date  stage
    dn1     2019-12-31      4
    dn2     2019-12-31      2
    rc2     2016-12-31      2

    codes
    person  admission_date  code
    dn2     2020-01-01      C795
    rc2     2021-01-01      C795

    expected
    person  diagnosis_year  metastatic_year  year
    dn1     2019            2019             2019
    dn2     2019            2020             2019
    rc2     2016            2021             2021
    """
    case.check()


def test_what_is_recorded_at_diagnosis_is_flagged(case):
    """Each data item has a flag of its own; contact with a nurse specialist counts as recorded when there was none.

    tumours
    person  diagnosis_date  stage  grade  er        pr        her2      performance_status  cns       mdt_date
    all     2020-03-01      4      3      positive  negative  negative  0                   not_seen  2020-03-09
    none    2020-03-01      -      -      -         -         -         -                   -         -

    codes
    person  admission_date  code
    none    2020-03-01      C795

    expected
    person  stage_recorded  grade_recorded  performance_status_recorded  cns_recorded  mdt_recorded
    all     True            True            True                         True          True
    none    False           False           False                        False         False

    expected
    person  er_recorded  pr_recorded  her2_recorded
    all     True         True         True
    none    False        False        False
    """
    case.check()


def test_receptor_levels_are_logarithms_of_one_more(case):
    """Historical assays: fmol/mg protein, of which nine is the logarithm of ten.

    tumours
    person  diagnosis_date  stage  er_level  pr_level
    some    2020-03-01      4      0         9
    none    2020-03-01      4      -         -

    expected
    person  er_log  pr_log
    some    0.0     2.302585092994046
    none    -       -
    """
    case.check()


def test_primary_counts_take_stages_0_to_3(case):
    """Everyone with primary breast cancer, by stage; stage 4 is none, and unknown stage none unless an option says so.

    tumours
    person   diagnosis_date  stage
    stage_0  2016-03-01      0
    stage_1  2016-03-01      1
    stage_2  2016-03-01      2
    stage_3  2016-03-01      3
    stage_4  2016-03-01      4
    unknown  2016-03-01      -
    """
    stages = {f"stage_{n}": str(n) for n in range(4)}
    assert case.derive().primary.set_index("provider")["stage"].to_dict() == stages
    with_unknown = case.derive(unknown_stage_in_figure_1=True).primary.set_index("provider")
    assert with_unknown["stage"].to_dict() == {**stages, "unknown": "unknown"}
    assert set(with_unknown["diagnosis_year"]) == {2016} and set(with_unknown["people"]) == {1}


def test_primary_counts_band_the_days_from_record_to_death(case):
    """From the first record to death: 0 to 30 days, 31 to 182, 183 to 365, over a year. All died on 1 April 2021,
    one after the end of follow-up.

    tumours
    person    diagnosis_date  stage
    days_0    2016-03-01      2
    days_30   2016-03-01      2
    days_31   2016-03-01      2
    days_182  2016-03-01      2
    days_183  2016-03-01      2
    days_365  2016-03-01      2
    days_366  2016-03-01      2
    twice     2016-03-01      2
    living    2016-03-01      2

    codes
    person    admission_date  code
    days_0    2021-04-01      C787
    days_30   2021-03-02      C787
    days_31   2021-03-01      C787
    days_182  2020-10-01      C787
    days_183  2020-09-30      C787
    days_365  2020-04-01      C787
    days_366  2020-03-31      C787
    twice     2021-03-31      C787
    twice     2019-03-31      C795
    living    2021-03-31      C787

    deaths
    person    death_date  underlying_cause
    days_0    2021-04-01  C509
    days_30   2021-04-01  C509
    days_31   2021-04-01  C509
    days_182  2021-04-01  C509
    days_183  2021-04-01  C509
    days_365  2021-04-01  C509
    days_366  2021-04-01  I219
    twice     2021-04-01  -
    living    2023-06-02  C509
    """
    bands = case.derive().primary.set_index("provider")["record_to_death"]
    assert bands.drop("living").to_dict() == {
        "days_0": "0-30 days",
        "days_30": "0-30 days",
        "days_31": "31-182 days",
        "days_182": "31-182 days",
        "days_183": "183-365 days",
        "days_365": "183-365 days",
        "days_366": "over a year",
        "twice": "over a year",
    }
    assert bands.isna()["living"]


def test_primary_counts_end_with_follow_up(case):
    """A record counts from the day of diagnosis to the day of death, or to the last day of follow-up, 1 June 2023.

    tumours
    person     diagnosis_date  stage
    diagnosed  2016-03-01      2
    died       2016-03-01      2
    too_late   2016-03-01      2
    last_day   2016-03-01      2
    beyond     2016-03-01      2
    death_out  2016-03-01      2
    death_in   2016-03-01      2

    codes
    person     admission_date  code
    diagnosed  2016-03-01      C787
    died       2021-04-01      C787
    too_late   2021-04-02      C787
    last_day   2023-06-01      C787
    beyond     2023-06-02      C787
    death_out  2023-06-02      C787

    deaths
    person     death_date  underlying_cause
    died       2021-04-01  C509
    too_late   2021-04-01  C509
    death_out  2023-06-02  C509
    death_in   2023-06-01  C509
    """
    primary = case.derive().primary.set_index("provider")
    assert primary["metastatic_record"].to_dict() == {
        "diagnosed": True,
        "died": True,
        "too_late": False,
        "last_day": True,
        "beyond": False,
        "death_out": False,
        "death_in": False,
    }
    assert primary["outcome"].to_dict() == {
        "diagnosed": "alive",
        "died": "breast_cancer",
        "too_late": "breast_cancer",
        "last_day": "alive",
        "beyond": "alive",
        "death_out": "alive",
        "death_in": "breast_cancer",
    }


def test_primary_counts_say_age_and_subtype_at_diagnosis(case):
    """Under 70 and age groups by age at diagnosis; HER2 positive with any known ER, HER2 negative by ER.

    tumours
    person  diagnosis_date  stage  age  er        her2
    a49     2016-03-01      2      49   positive  positive
    a50     2016-03-01      2      50   negative  positive
    a69     2016-03-01      2      69   positive  negative
    a70     2016-03-01      2      70   negative  negative
    a79     2016-03-01      2      79   -         positive
    a80     2016-03-01      2      80   positive  -
    a81     2016-03-01      2      81   -         negative
    a82     2016-03-01      2      82   negative  -
    """
    primary = case.derive().primary.set_index("provider")
    assert primary["age_under_70"].to_dict() == {
        "a49": True,
        "a50": True,
        "a69": True,
        "a70": False,
        "a79": False,
        "a80": False,
        "a81": False,
        "a82": False,
    }
    assert primary["age_group"].to_dict() == {
        "a49": "18-49",
        "a50": "50-69",
        "a69": "50-69",
        "a70": "70-79",
        "a79": "70-79",
        "a80": "80+",
        "a81": "80+",
        "a82": "80+",
    }
    assert primary["subtype"].to_dict() == {
        "a49": "HER2+",
        "a50": "HER2+",
        "a69": "HER2-ER+",
        "a70": "HER2-ER-",
        "a79": "not recorded",
        "a80": "not recorded",
        "a81": "not recorded",
        "a82": "not recorded",
    }


def test_a_reported_recurrence_counts_when_it_is_distant(case):
    """A distant recurrence reported in cancer outcomes data is flagged, a local one is not; it names no site.

    tumours
    person   diagnosis_date  stage
    distant  2020-03-01      4
    local    2020-03-01      4
    none     2020-03-01      4

    recurrences
    person   recurrence_date  kind
    distant  2020-03-05       distant
    distant  2020-04-05       distant
    local    2020-03-05       local

    expected
    person   cosd_distant  site_recorded
    distant  True          False
    local    False         False
    none     False         False

    expected if evidence=[admissions,reported]
    person   cosd_distant  site_recorded
    distant  True          False
    local    False         False
    none     False         False
    """
    case.check()


def test_a_death_without_a_cause_is_not_of_breast_cancer(case):
    """Breast cancer as the underlying cause counts; another cause, or none recorded, does not.

    tumours
    person  diagnosis_date  stage
    breast  2020-03-01      4
    heart   2020-03-01      4
    none    2020-03-01      4

    deaths
    person  death_date  underlying_cause  causes
    breast  2021-03-01  C509              C509
    heart   2021-03-01  I21               I21
    none    2021-03-01  -                 -

    expected
    person  died  died_of_breast_cancer
    breast  True  True
    heart   True  False
    none    True  False
    """
    case.check()
