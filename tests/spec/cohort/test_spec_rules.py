"""One test per numbered rule; the docstring holds the records and who must come out."""


def test_el1_breast_tumours_only(case):
    """EL1: C50 and D05 are breast tumours; other sites are not.

    tumours
    person  diagnosis_date  site  stage
    c50     2020-03-01      C504  4
    bare    2020-03-01      C50   4
    d05     2020-03-01      D051  -
    lung    2020-03-01      C341  4
    d04     2020-03-01      D045  -

    codes
    person  admission_date  code
    d05     2020-06-01      C787
    d04     2020-06-01      C787

    expected
    person  cohort  route
    c50     denovo  DN1
    bare    denovo  DN1
    d05     denovo  DN2
    """
    case.check()


def test_el2_first_and_last_day_of_the_window(case):
    """EL2: diagnosed from 1 January 2015 to 31 December 2021, both days included.

    tumours
    person  diagnosis_date  stage
    before  2014-12-31      2
    first   2015-01-01      2
    last    2021-12-31      4
    after   2022-01-01      4

    codes
    person  admission_date  code
    before  2019-05-01      C795
    first   2019-05-01      C795

    expected
    person  cohort     route
    first   recurrent  RC2
    last    denovo     DN1
    """
    case.check()


def test_el3_eighteen_or_over(case):
    """EL3: the eighteenth birthday counts.

    tumours
    person     diagnosis_date  stage  age
    seventeen  2020-03-01      4      17
    eighteen   2020-03-01      4      18

    expected
    person    cohort  route
    eighteen  denovo  DN1
    """
    case.check()


def test_el4_death_certificate_only(case):
    """EL4: not from a death certificate only; a basis that is not recorded is no reason to leave somebody out.

    tumours
    person   diagnosis_date  stage  basis
    dco      2020-03-01      4      death_certificate
    biopsy   2020-03-01      4      histology_primary
    unknown  2020-03-01      4      -

    expected
    person   cohort  route
    biopsy   denovo  DN1
    unknown  denovo  DN1
    """
    case.check()


def test_el5_final_registration_in_the_nation(case):
    """EL5: provisional, foreign and duplicate registrations are left out by the reader's flag.

    tumours
    person  diagnosis_date  stage  eligible_registration
    final   2020-03-01      4      true
    draft   2020-03-01      4      false

    expected
    person  cohort  route
    final   denovo  DN1
    """
    case.check()


def test_el6_traced_and_alive_at_diagnosis(case):
    """EL6: traced, and not dead before the diagnosis, whichever record says so; death on the day itself counts.

    Somebody without any vital status was not traced. Of somebody whose death no record dates it is not known for how
    long they were followed.

    people
    person     vital_status  vital_date
    untraced   untraced      -
    unknown    -             -
    registry   dead          2020-02-29
    same_day   dead          2020-03-01
    lost       lost          2020-03-02
    undated    dead          -
    dated      dead          -

    tumours
    person     diagnosis_date  stage
    untraced   2020-03-01      4
    unknown    2020-03-01      4
    undated    2020-03-01      4
    dated      2020-03-01      4
    registry   2020-03-01      4
    certified  2020-03-01      4
    same_day   2020-03-01      4
    lost       2020-03-01      4
    nobody     2020-03-01      4

    deaths
    person     death_date
    certified  2020-02-29
    dated      2021-05-01

    expected
    person    cohort  route
    dated     denovo  DN1
    same_day  denovo  DN1
    lost      denovo  DN1
    nobody    denovo  DN1
    """
    case.check()


def test_el7_one_tumour_per_person(case):
    """EL7: the earliest eligible tumour; on one day invasive before in situ, then the highest stage.

    ``early`` is stage 4 only at the second tumour, so enters by neither rule. ``bilateral`` has
    two tumours on one day, ``mixed`` an invasive and an in-situ one of higher stage, ``ineligible`` a first
    tumour that EL3 leaves out. The tumours of ``alike`` differ in what is recorded of them only.

    tumours
    person      diagnosis_date  site  stage  age  her2
    early       2019-02-01      C509  2      60   -
    early       2020-02-01      C509  4      61   -
    bilateral   2020-02-01      C501  1      60   -
    bilateral   2020-02-01      C502  4      60   -
    mixed       2020-02-01      D051  4      60   -
    mixed       2020-02-01      C509  2      60   -
    ineligible  2019-02-01      C509  1      17   -
    ineligible  2020-02-01      C509  4      18   -
    alike       2020-02-01      C509  4      60   -
    alike       2020-02-01      C509  4      60   positive

    expected
    person      cohort  route  stage  her2
    bilateral   denovo  DN1    4      -
    ineligible  denovo  DN1    4      -
    alike       denovo  DN1    4      positive
    """
    case.check()


def test_dn1_stage_4_in_the_audit_period(case):
    """DN1: stage 4 at diagnosis within the audit period; the metastatic diagnosis is the diagnosis.

    ``coded`` has an admission code as well and stays on DN1; ``too_early`` is metastatic from before the period
    and never recurrent.

    tumours
    person     diagnosis_date  stage
    first_day  2019-01-01      4
    last_day   2021-12-31      4
    too_early  2018-12-31      4
    stage_3    2020-01-01      3
    coded      2020-01-01      4

    codes
    person     admission_date  code
    coded      2020-02-01      C795
    too_early  2020-02-01      C795

    expected
    person     cohort  route  metastatic_date  origin_date
    first_day  denovo  DN1    2019-01-01       2019-01-01
    last_day   denovo  DN1    2021-12-31       2021-12-31
    coded      denovo  DN1    2020-01-01       2020-01-01
    """
    case.check()


def test_dn2_code_within_twelve_months(case):
    """DN2: stage 1-3 or unknown and a metastatic code before the anniversary; the anniversary itself is too late.

    The day of diagnosis counts, the day before does not. Twelve months are calendar months: after
    29 February the anniversary is 28 February. Stage 0 with an early code belongs to neither cohort.

    tumours
    person       diagnosis_date  stage
    same_day     2020-01-10      2
    day_before   2020-01-10      2
    last_day     2020-01-10      -
    anniversary  2020-01-10      3
    leap_in      2020-02-29      1
    leap_out     2020-02-29      1
    stage_0      2020-01-10      0
    stage_3      2020-01-10      3
    no_code      2020-01-10      2
    out_of_time  2018-06-01      2

    codes
    person       admission_date  code
    same_day     2020-01-10      C780
    day_before   2020-01-09      C780
    last_day     2021-01-09      C795
    last_day     2021-06-01      C793
    anniversary  2021-01-10      C795
    leap_in      2021-02-27      C795
    leap_out     2021-02-28      C795
    stage_0      2020-05-01      C795
    stage_3      2020-05-01      C795
    no_code      2020-05-01      C509
    out_of_time  2019-02-01      C795

    expected
    person       cohort     route  metastatic_date
    same_day     denovo     DN2    2020-01-10
    last_day     denovo     DN2    2021-01-09
    leap_in      denovo     DN2    2021-02-27
    stage_3      denovo     DN2    2020-05-01
    anniversary  recurrent  RC2    2021-01-10
    leap_out     recurrent  RC2    2021-02-28
    """
    case.check()


def test_rc1_first_code_after_twelve_months(case):
    """RC1: stage 0-3 or unknown and the first metastatic code 12 months or more after diagnosis.

    An early code bars a later one (the disease was there near the start); stage 4 is never recurrent; a code
    before the diagnosis does not count at all.

    tumours
    person     diagnosis_date  stage
    stage_0    2015-04-01      0
    stage_1    2015-04-01      1
    unknown    2015-04-01      -
    stage_4    2015-04-01      4
    barred     2015-04-01      2
    too_soon   2018-04-02      2
    prior      2015-04-01      2

    codes
    person     admission_date  code
    stage_0    2019-04-01      C787
    stage_1    2019-04-01      C787
    unknown    2019-04-01      C787
    stage_4    2019-04-01      C787
    barred     2015-09-01      C787
    barred     2019-04-01      C787
    too_soon   2019-04-01      C787
    prior      2015-03-01      C787
    prior      2019-04-01      C787

    expected
    person   cohort     route  metastatic_date
    stage_0  recurrent  RC2    2019-04-01
    stage_1  recurrent  RC2    2019-04-01
    unknown  recurrent  RC2    2019-04-01
    prior    recurrent  RC2    2019-04-01
    """
    case.check()


def test_rc2_first_code_in_the_audit_period(case):
    """RC2: the first metastatic code falls in the audit period; a first code before it cannot be made good later.

    tumours
    person     diagnosis_date  stage
    first_day  2015-04-01      2
    last_day   2015-04-01      2
    before     2015-04-01      2
    after      2015-04-01      2

    codes
    person     admission_date  code
    first_day  2019-01-01      C787
    last_day   2021-12-31      C787
    before     2018-12-31      C787
    before     2019-12-31      C787
    after      2022-01-01      C787

    expected
    person     cohort     metastatic_date
    first_day  recurrent  2019-01-01
    last_day   recurrent  2021-12-31
    """
    case.check()
    attrition = case.derive().attrition.set_index("step")["remaining"]
    assert attrition["RC1"] == 4
    assert attrition["RC2"] == 2


def test_codes_after_death_are_no_evidence(case):
    """RC1, DN2: a code after death belongs to somebody else; one on the day of death counts.

    tumours
    person   diagnosis_date  stage
    buried   2020-01-10      2
    late     2016-01-10      2
    on_day   2020-01-10      2

    codes
    person   admission_date  code
    buried   2020-06-02      C795
    late     2020-06-02      C795
    on_day   2020-06-01      C795

    deaths
    person   death_date
    buried   2020-06-01
    late     2020-06-01
    on_day   2020-06-01

    expected
    person  cohort  route
    on_day  denovo  DN2
    """
    case.check()


def test_axillary_nodes_are_not_metastatic(case):
    """DN2: C77.3 (axillary nodes) and C80 are never evidence; C77.0, C77.1 and C78 to C79 are.

    tumours
    person  diagnosis_date  stage
    c773    2020-01-10      2
    c80     2020-01-10      2
    c770    2020-01-10      2
    c798    2020-01-10      2

    codes
    person  admission_date  code
    c773    2020-02-01      C773
    c80     2020-02-01      C80
    c770    2020-02-01      C770
    c798    2020-02-01      C798

    expected
    person  route
    c770    DN2
    c798    DN2
    """
    case.check()


def test_the_primary_cohort_is_everyone_eligible(case):
    """EL7: a run may take everyone eligible, with or without evidence, from the initial diagnosis.

    tumours
    person   diagnosis_date  stage
    early    2016-03-01      2
    never    2016-03-01      1
    stage_4  2016-03-01      4
    late     2022-03-01      1

    codes
    person  admission_date  code
    early   2019-05-01      C795
    """
    people = case.derive(cohorts=("primary",)).analysis.set_index("provider")
    assert set(people.index) == {"early", "never", "stage_4"}
    assert set(people["cohort"]) == {"primary"} and set(people["route"]) == {"EL7"}
    assert people["diagnosis_to_metastatic_days"].to_dict() == {"early": 1156, "never": None, "stage_4": None}
    assert set(people["year"]) == {2016}


def test_attrition_counts_who_meets_each_rule(case):
    """RC1 is counted before the audit period: stage 0-3 or unknown with a first code on the anniversary or later.

    tumours
    person       diagnosis_date  stage
    before_2019  2015-04-01      1
    anniversary  2019-04-01      -
    stage_4      2015-04-01      4
    early        2020-04-01      2
    no_code      2015-04-01      2
    foreign      2022-04-01      2

    codes
    person       admission_date  code
    before_2019  2018-04-01      C787
    anniversary  2020-04-01      C787
    stage_4      2019-04-01      C787
    early        2020-09-01      C787
    """
    attrition = case.derive().attrition.set_index(["cohort", "step"])
    remaining = attrition["remaining"].to_dict()
    assert remaining["both", "registered"] == 6
    assert remaining["both", "EL2"] == remaining["both", "EL7"] == 5
    assert remaining["denovo", "DN1"] == 0 and remaining["denovo", "DN2"] == 1
    assert remaining["recurrent", "RC1"] == 2 and remaining["recurrent", "RC2"] == 1
    assert attrition.loc[("recurrent", "RC1"), "left_out"] == 3
    assert attrition.loc[("recurrent", "RC2"), "left_out"] == 1


def test_attrition_says_0_of_a_rule_that_nobody_meets(case):
    """Every rule has its row, whoever is there.

    tumours
    person   diagnosis_date  stage
    stage_4  2020-03-01      4
    """
    remaining = case.derive().attrition.set_index("step")["remaining"].to_dict()
    assert remaining == {
        **dict.fromkeys(("registered", "EL1", "EL2", "EL3", "EL4", "EL5", "EL6", "EL7", "DN1"), 1),
        **dict.fromkeys(("DN2", "RC1", "RC2"), 0),
    }
