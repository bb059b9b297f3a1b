"""One test per option of cohort_rules.yaml: the base case and every other allowed value."""


def test_option_count_c779(case):
    """DN2: unspecified lymph nodes (C77.9) count only when switched on.

    tumours
    person  diagnosis_date  stage
    c779    2020-01-10      2
    c773    2020-01-10      2

    codes
    person  admission_date  code
    c779    2020-02-01      C779
    c773    2020-02-01      C773

    expected
    person  route

    expected if count_c779=true
    person  route
    c779    DN2
    """
    case.check()


def test_option_count_c770_c771(case):
    """DN2: head and neck (C77.0) and intrathoracic nodes (C77.1) can be left out; other distant nodes stay.

    tumours
    person  diagnosis_date  stage
    c770    2020-01-10      2
    c771    2020-01-10      2
    c772    2020-01-10      2

    codes
    person  admission_date  code
    c770    2020-02-01      C770
    c771    2020-02-01      C771
    c772    2020-02-01      C772

    expected
    person  route
    c770    DN2
    c771    DN2
    c772    DN2

    expected if count_c770_c771=false
    person  route
    c772    DN2
    """
    case.check()


def test_option_diagnosis_position(case):
    """DN2: any position, the first only, or any but the first.

    tumours
    person     diagnosis_date  stage
    primary    2020-01-10      2
    secondary  2020-01-10      2

    codes
    person     admission_date  code  position
    primary    2020-02-01      C795  1
    secondary  2020-02-01      C795  2

    expected
    person     route
    primary    DN2
    secondary  DN2

    expected if diagnosis_position=primary
    person   route
    primary  DN2

    expected if diagnosis_position=secondary
    person     route
    secondary  DN2
    """
    case.check()


def test_option_admission_classes(case):
    """DN2: ordinary admissions and day cases count, regular attenders when asked for, others never.

    tumours
    person    diagnosis_date  stage
    ordinary  2020-01-10      2
    day_case  2020-01-10      2
    regular   2020-01-10      2
    other     2020-01-10      2

    codes
    person    admission_date  code  patient_class
    ordinary  2020-02-01      C795  ordinary
    day_case  2020-02-01      C795  day_case
    regular   2020-02-01      C795  regular
    other     2020-02-01      C795  other

    expected
    person    route
    ordinary  DN2
    day_case  DN2

    expected if admission_classes=[ordinary]
    person    route
    ordinary  DN2

    expected if admission_classes=[ordinary,day_case,regular]
    person    route
    ordinary  DN2
    day_case  DN2
    regular   DN2
    """
    case.check()


def test_option_code_date(case):
    """DN2: an admission that begins within 12 months dates its codes, unless episodes date them.

    tumours
    person  diagnosis_date  stage
    long    2019-01-10      2

    codes
    person  admission_date  episode_date  code
    long    2020-01-05      2020-01-20    C795

    expected
    person  route  metastatic_date
    long    DN2    2020-01-05

    expected if code_date=episode
    person  route  metastatic_date
    long    RC2    2020-01-20
    """
    case.check()


def test_option_lookback_days(case):
    """DN2: a staging admission up to 31 days before the registered diagnosis counts when switched on.

    tumours
    person     diagnosis_date  stage
    one_day    2020-03-10      2
    last_day   2020-03-10      2
    too_early  2020-03-10      2

    codes
    person     admission_date  code
    one_day    2020-03-09      C795
    last_day   2020-02-08      C795
    too_early  2020-02-07      C795

    expected
    person  route  metastatic_date

    expected if lookback_days=31
    person    route  metastatic_date
    one_day   DN2    2020-03-09
    last_day  DN2    2020-02-08
    """
    case.check()


def test_option_early_code_bars_recurrence(case):
    """RC1: without the bar, the first code after 12 months counts whatever came before.

    ``both`` is then in both cohorts: de novo by the early code, recurrent by the late one.

    tumours
    person   diagnosis_date  stage
    barred   2017-01-10      2
    both     2019-06-10      2

    codes
    person   admission_date  code
    barred   2017-06-01      C795
    barred   2020-06-01      C795
    both     2019-07-01      C795
    both     2020-07-01      C795

    expected
    person  cohort  metastatic_date
    both    denovo  2019-07-01

    expected if early_code_bars_recurrence=false
    person  cohort     metastatic_date
    both    denovo     2019-07-01
    barred  recurrent  2020-06-01
    both    recurrent  2020-07-01
    """
    case.check()


def test_option_stage_0_can_recur(case):
    """RC1: carcinoma in situ can be followed by metastases; the option leaves stage 0 out.

    tumours
    person   diagnosis_date  site  stage
    in_situ  2017-01-10      D051  0
    unknown  2017-01-10      D051  -

    codes
    person   admission_date  code
    in_situ  2020-06-01      C795
    unknown  2020-06-01      C795

    expected
    person   cohort
    in_situ  recurrent
    unknown  recurrent

    expected if stage_0_can_recur=false
    person   cohort
    unknown  recurrent
    """
    case.check()


def test_option_evidence(case):
    """RC1: a distant recurrence reported in cancer outcomes data counts when asked for; a local one never.

    tumours
    person    diagnosis_date  stage
    admitted  2016-01-10      2
    reported  2016-01-10      2
    both      2016-01-10      2
    local     2016-01-10      2
    undated   2016-01-10      2

    codes
    person    admission_date  code
    admitted  2020-06-01      C795
    both      2020-06-01      C795

    recurrences
    person    recurrence_date  kind
    reported  2019-06-01       distant
    both      2019-06-01       distant
    local     2019-06-01       local
    undated   -                distant

    expected
    person    metastatic_date
    admitted  2020-06-01
    both      2020-06-01

    expected if evidence=[admissions,reported]
    person    metastatic_date
    admitted  2020-06-01
    both      2019-06-01
    reported  2019-06-01

    expected if evidence=[reported]
    person    metastatic_date
    both      2019-06-01
    reported  2019-06-01
    """
    case.check()


def test_option_gap_months(case):
    """RC1: the gap that divides de novo from recurrent can be 6 months, or nothing at all.

    tumours
    person    diagnosis_date  stage
    same_day  2019-08-31      2
    before_6  2019-08-31      2
    at_6      2019-08-31      2
    at_12     2019-08-31      2

    codes
    person    admission_date  code
    same_day  2019-08-31      C795
    before_6  2020-02-28      C795
    at_6      2020-02-29      C795
    at_12     2020-08-31      C795

    expected
    person    cohort
    same_day  denovo
    before_6  denovo
    at_6      denovo
    at_12     recurrent

    expected if gap_months=6
    person    cohort
    same_day  denovo
    before_6  denovo
    at_6      recurrent
    at_12     recurrent

    expected if gap_months=0
    person    cohort
    same_day  recurrent
    before_6  recurrent
    at_6      recurrent
    at_12     recurrent
    """
    case.check()


def test_option_breast_cancer_death(case):
    """Not about who belongs: breast cancer as the underlying cause, or mentioned anywhere on the certificate.

    tumours
    person      diagnosis_date  stage
    underlying  2020-01-10      4
    mentioned   2020-01-10      4
    neither     2020-01-10      4

    deaths
    person      death_date  underlying_cause  causes
    underlying  2021-01-10  C509              C509 I219
    mentioned   2021-01-10  I219              I219 C509
    neither     2021-01-10  I219              I219 J189

    expected
    person      died_of_breast_cancer
    underlying  True
    mentioned   False
    neither     False

    expected if breast_cancer_death=any_mention
    person      died_of_breast_cancer
    underlying  True
    mentioned   True
    neither     False
    """
    case.check()
    counted = case.derive(unknown_stage_in_figure_1=True).primary
    assert counted.empty, "stage 4 is not primary breast cancer"


def test_option_breast_cancer_death_in_the_check_against_deaths(case):
    """The check against deaths takes the underlying cause, or any mention; without an underlying cause it is unknown.

    tumours
    person      diagnosis_date  stage
    underlying  2016-01-10      2
    mentioned   2016-01-10      2
    neither     2016-01-10      2
    none        2016-01-10      2

    deaths
    person      death_date  underlying_cause  causes
    underlying  2021-01-10  C509              C509 I219
    mentioned   2021-01-10  I219              I219 C509
    neither     2021-01-10  C349              C349 J189
    none        2021-01-10  -                 -
    """
    outcomes = case.derive().primary.set_index("provider")["outcome"].to_dict()
    others = {"neither": "other_cause", "none": "unknown_cause"}
    assert outcomes == {"underlying": "breast_cancer", "mentioned": "other_cause", **others}
    outcomes = case.derive(breast_cancer_death="any_mention").primary.set_index("provider")["outcome"].to_dict()
    assert outcomes == {"underlying": "breast_cancer", "mentioned": "breast_cancer", **others}


def test_option_unknown_stage_in_figure_1(case):
    """Not about who belongs: the check against deaths takes stage 0 to 3; the option adds unknown stage.

    tumours
    person   diagnosis_date  stage
    stage_0  2016-01-10      0
    stage_3  2016-01-10      3
    unknown  2016-01-10      -
    stage_4  2016-01-10      4
    """
    assert case.derive().primary["people"].sum() == 2
    assert case.derive(unknown_stage_in_figure_1=True).primary["people"].sum() == 3


def test_option_last_chemotherapy(case):
    """Not about who belongs: the latest activity, or the latest start of a cycle, which admissions do not have.

    tumours
    person   diagnosis_date  stage
    given    2020-03-01      4
    session  2020-03-01      4
    bare     2020-03-01      4

    drugs
    person   drug        cycle_date  given_date  provider
    given    PACLITAXEL  2020-08-01  2020-08-08  RA1
    session  PACLITAXEL  2020-08-01  2020-08-01  RA1

    codes
    person   admission_date  code  provider
    session  2020-08-20      Z511  RE5
    bare     2020-08-20      Z511  RE5

    expected
    person   chemotherapy_days  treating_provider  last_chemotherapy_to_cutoff_days
    given    153                RA1                1027
    session  153                RE5                1015
    bare     172                RE5                1015

    expected if last_chemotherapy=cycle_start
    person   chemotherapy_days  treating_provider  last_chemotherapy_to_cutoff_days
    given    153                RA1                1034
    session  153                RA1                1034
    bare     172                -                  -
    """
    case.check()
