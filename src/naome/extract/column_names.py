"""Names of columns and files as messages and reports may show them.

A name in a file is free text like any other: where the header line is missing it is a person's value, and SMITH.csv may
lie in the folder. So a name is shown only where it is one of those that the dictionaries of the sources publish, nearly
one of them, or made of their words; of any other, its shape and its place in the header.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from naome.extract.problems import POSTCODE, show_shape

#: Columns of the sources that are read, of the same tables that are not read, and of the tables beside them; those by
#: which people are named too, for an analyst must see that they are there. 9 stands for any number
PUBLISHED = frozenset(
    re.findall(
        r"\w+",
        """
    ABNORMAL_GAT ACE9 ACTUAL_DOSE_PER_ADMINISTRATION ADDRESS ADMIAGE ADMIDATE ADMIMETH ADMINISTRATION_DATE
    ADMINISTRATION_ROUTE ADMISORC ADMIS_DT ADMIS_MTHD_CD AGE AGE_AT_DIAGNOSIS ALF_PE ALF_STS_CD ALLIANCE_CODE
    ALLIANCE_NAME ALL_PRO_IMPS ALL_SEQ_VARS ALL_TESTSTATUSES APPTDATE ATTENDID BASISOFDIAGNOSIS
    BASIS_OF_DIAGNOSIS BEHAVIOUR BEHAVIOUR_ICD9_O9 BEHAVIOUR_ICDO9REV9 BENCHMARK_GROUP
    BEST_DATE_SOURCE_OVERALL_TS BIRTHDATE CANALLIANCE_CODE CANCERCAREPLANINTENT
    CANCERRECURRENCECAREPLANINDICATOR CAUSE CCG_RESIDENCE CHEMO CHEMOTHERAPY_FLAG CHEMO_RADIATION CHRL_TOT_9_9
    CLASSPAT CLINICAL_TRIAL CLOSE_DATE CNS CODE COMMENTS COMORBIDITIES_9_9 CONSULTANT CONSULTANT_SPECIALITY_CODE
    COPYNO_GAT COUNTRY_CODE COUNT_DATE COUNT_RESULTS COUNT_TESTS CREG_CODE CRTP_DATE CTRY_CODE CYCLE_NUMBER
    DATEOFRECURRENCE DATE_DECISION_TO_TREAT DATE_FIRST_SEEN DATE_FIRST_SURGERY DATE_OF_BIRTH DATE_OF_DEATH
    DATE_OF_DIAGNOSIS DATE_OF_FINAL_TREATMENT DATE_OVERALL_TS DEATH DEATHCAUSECODE_9 DEATHCAUSECODE_9A
    DEATHCAUSECODE_9B DEATHCAUSECODE_9C DEATHCAUSECODE_UNDERLYING DEATHCAUSE_DIAG_9_CD
    DEATHCAUSE_DIAG_UNDERLYING_CD DEATHLOCATIONCODE DEATH_DATE DEATH_DT DEATH_REG_DT DECISIONTOTREATDATE
    DEC_AGEC DEC_CONF_NHS_NUMBER_CLEAN_DEID DEC_SEX DEDUP_FLAG DESCRIPTION DIAGMDY DIAGNOSISDATE
    DIAGNOSISDATEBEST DIAG_9 DIAG_CD_9 DIAG_NUM DIAG_TRUST DISCH_DT DISCH_MTHD_CD DISDATE DISDEST DISMETH
    DISREADYDATE DNASEQ_GAT DOB DRUG_GROUP DTIME EARLIESTCLINAPPROPDATE ELECDATE ELECDUR ENCORE_PATIENT_ID
    ENCRYPTED_HESID ENDAGE EPIDUR EPIEND EPIKEY EPIORDER EPISTART EPISTAT EPITYPE EPI_END_DT EPI_NUM EPI_STR_DT
    ER ER_SCORE ER_STATUS ETHNICITY ETHNIC_GROUP ETHNOS EXP_GAT FILE_NAME FINMDY FIRSTMDTMEETINGDATE FIRST_NAME
    FIRST_TRUST FORENAME FREE_TEXT FUS_TRANS_GAT FYEAR GENDER GENE GENEID GENE_DESC GLEASON_COMBINED
    GLEASON_PRIMARY GLEASON_SECONDARY GLEASON_TERTIARY GNDR_CD GP GPPRAC GRADE HEALTH_BOARD_OF_DIAGNOSIS
    HEIGHT_AT_START_OF_REGIMEN HER9_STATUS HESID HORMON HOSPITAL ID IMD9 IMD9RK IMD9_DECILE IMD9_QUINTILE_LSOAS
    INDEX INTENT_OF_TREATMENT INTMANIG KEY_WORKER_SEEN LAB_NAME LAST_NAME LATERALITY LINKCODE LINKNUMBER
    LINK_NUMBER LSOA9 MAINSPEF MAPPED_REGIMEN MAX_DATE MDT_DATE MDT_DISCUSSION_DATE MENO MERGED_CYCLE_ID
    MERGED_DRUG_DETAIL_ID MERGED_PATIENT_ID MERGED_REGIMEN_ID MERGED_TUMOUR_ID METASTATICSITE METHODS METHYL_GAT
    MIN_DATE MODALITY MONTH MORPHOLOGY_CLEAN MORPH_ICD9_O9 MORPH_ICDO9REV9 MSOA9 MYDOB M_BEST M_CATEGORY NAME
    NEWVITALSTATUS NHSNUMBER NHS_NUMBER NODES NOTES NO_OF_AB_GATS NO_OF_SEQ_VARS NO_PRO_IMPS N_BEST N_CATEGORY
    OPCS_DELIVERY_CODE OPCS_PROCUREMENT_CODE OPDATE_9 OPERSTAT OPERTN_9 OPER_CD OPER_DT OPER_NUM
    ORGANISATION_CODE_OF_PROVIDER ORGCODEPROVIDER ORG_CODE ORG_CODE_OF_DRUG_PROVIDER ORG_NAME ORG_TYPE
    OVERALL_TS PATIENTID PAT_CLASS_CD PERFORMANCESTATUS PERFORMANCE_STATUS PERF_STATUS_START_OF_CYCLE PGR PID
    POD_CODE POSOPDUR POSTCODE PRACTICE PREOPDUR PRESCRIBEDFRACTIONS PRESCRIPTIONID PRIMARY_DIAGNOSIS
    PRIMARY_DIAGNOSIS_ICD PROCODE PROCODE9 PROCODET PROV_UNIT_CD PRO_IMP PR_SCORE PR_STATUS PSEUDO_PATIENTID
    PSEUDO_TUMOURID QUINTILE_9 RADIOISOTOPE RADIOTHERAPYBEAMENERGY RADIOTHERAPYBEAMTYPE RADIOTHERAPYEPISODEID
    RADIOTHERAPYINTENT RADIOTHERAPYPRIORITY RADIOTHERAPY_FLAG RECORD_ID RECUR REGIMEN_MOD_DOSE_REDUCTION
    REGIMEN_MOD_STOPPED_EARLY REGIMEN_MOD_TIME_DELAY REGIMEN_OUTCOME_SUMMARY REGION_CODE REGION_NAME
    REGISTRATION_STATUS REG_DATE REG_DATE_OF_DEATH REMARKS RESCTY RESLADST ROW_NUMBER RTACTUALDOSE
    RTACTUALFRACTIONS RTIME RTPRESCRIBEDDOSE RTPRESCRIBEDFRACTIONS RTTREATMENTANATOMICALSITE RTTREATMENTMODALITY
    RTTREATMENTREGION RURURB_IND SCREENINGSTATUSFULL_CODE SEQ_VAR SEX SEX_AT_BIRTH SITETRET SITE_ICD9
    SITE_ICD9R9_O9_9CHAR_FROM9 SITE_ICD9R9_O9_FROM9 SITE_ICD9_O9 SITE_ICD9_O9_9CHAR SITE_ICDO9REV9
    SITE_ICDO9REV9_9CHAR SIZE SOURCE SPELBGN SPELDUR SPELEND SPELL_NUM_PE STAGE STAGE_BEST STAGE_BEST_SYSTEM
    STAGE_GROUPING STARTAGE START_DATE_OF_CYCLE START_DATE_OF_REGIMEN STATUS STATUSOFREGISTRATION STUDY_ID
    SUCCESSOR_CODE SURGERY_DATE SURNAME SUSHRG SUSRECID S_COD_CODE_9 S_UNDERLYING_COD_ICD9 TIMEOFEXPOSURE
    TOKEN_PERSON_ID TREATMENTANATOMICALSITE TREATMENTREGION TREAT_PERIOD_START TREAT_START TRETSPEF TUMOURID
    TUMOUR_GRADE TUMOUR_ID TYPE T_BEST T_CATEGORY VALUE VITALSTATUS VITALSTATUSDATE WEIGHT_AT_START_OF_REGIMEN
    WIMD_9_QUINTILE YEAR
        """,
    )
)
#: Words of which names of columns are made
WORDS = frozenset(word for name in PUBLISHED for word in re.findall("[A-Z]+", name))
#: Words that names of files have beside those of a table
FILE_WORDS = WORDS | frozenset(
    re.findall(
        r"\w+",
        """
    ADDE ADMISSIONS ALL APC APR AUG BACKUP BAK BATCH CHUNK COMBINED COPY COSD CRC CSV CWT CYCLE DATA DEATHS DEC
    DELIVERED DELIVERY DETAIL DIAG DIAGNOSES DICTIONARY DOC DOCX DRAFT DRUG EAST ENGLAND EPISODE ETHNICITY
    EXPOSURE EXTRACT FEB FEED FILE FINAL FOLDER FULL GENE HES HTML JAN JSON JUL JUN LICENSE LOG LONDON LOOKUP
    LOOKUPS MANIFEST MAR MAY MIDLANDS MOLECULAR NCRD NEW NORTH NOTE NOTES NOV OCT OLD ONS OPER ORGANISATIONS
    ORIG OUTCOME PARQUET PART PARTS PATIENT PATIENTS PDF PEDW PPTX PRESCRIPTION PREVIOUS QUARTER RAPID RCRD
    README RECURRENCE REGIMEN REGISTRATION RELEASE ROTTERDAM RTDS SACT SAMPLE SAS SEP SHEET SIM SIMULACRUM
    SNAPPY SOUTH SPELL SPLIT SQL SUCCESS TABLE TABLES TEMPORARY TEST TMP TSV TUMOR TUMOUR TUMOURS TXT VERSION
    WALES WCN WEST XLS XLSX YEAR YEARLY ZIP ZSTD
    ACCDB ARROW AVRO BDAT DAT DBF DTA FEATHER MDB ORC PSV RDATA RDS SAV TAB TAR TGZ XPT
        """,
    )
)
#: A misspelt name is shown where it is so like one that is published, and so long: PAGE is no misspelt AGE
LIKE, LONG = 0.8, 7
#: ... or where it stands in a header beside most columns of its table, and is that of a missing one but for one sign
SHORTEST_MISSPELT = 4
#: Of a file's name: numbers of so many digits name somebody; two letters name nobody
LONGEST_NUMBER, SHORTEST_WORD = 9, 2
#: A piece of a file's name: part of a number that programs give (3fa2, in base sixteen), a word, or a number
PIECE = re.compile(r"(?<![^\W_])(?P<hex>(?=[a-f]*\d)(?:[\da-f]{4}|[\da-f]{8}|[\da-f]{12}))(?![^\W_])|[^\W\d_]+|\d+")
#: The name of a table before that of a column
TABLE_BEFORE = re.compile(r"^(\w+\.)+(?=\w+$)")
PLAIN = re.compile(r"[A-Z_][A-Z0-9_]{0,59}", re.IGNORECASE)


def is_published(name: str) -> bool:
    """Return whether a column has the name of an item of a published dictionary, whatever its number.

    Examples
    --------
    >>> is_published("T_BEST"), is_published("opdate_03"), is_published("STAGE_BST")
    (True, True, False)
    """
    return re.sub(r"\d+", "9", name.upper()) in PUBLISHED


def may_be_shown(name: str) -> bool:
    """Return whether the name of a column may be shown.

    Examples
    --------
    >>> [may_be_shown(name) for name in ("DIAG_01", "DATE_OF_SURGERY", "diagnosisdatebst", "SMITH", "JOHN_SMITH")]
    [True, True, True, False, False]
    """
    if not PLAIN.fullmatch(name) or re.search(r"\d{6}", name) or POSTCODE.search(name):
        return False
    text = re.sub(r"\d+", "9", name.upper())
    words = re.findall("[A-Z]+", text)
    if is_published(name) or (len(words) > 1 and WORDS.issuperset(words)):
        return True
    return len(text) >= LONG and bool(get_close_matches(text, PUBLISHED, n=1, cutoff=LIKE))


def name_expected(names: Sequence[str], expected: frozenset[str]) -> list[str]:
    """Return the names of a header, those of expected columns in capitals whatever signs stand in or around them.

    A name that is there as it should be is not read out of another one too. Some programs write the table, or a letter
    for it, before the name (``av_tumour.grade``).

    Examples
    --------
    >>> name_expected(["Study ID", "[diag.01]", "EPIKEY", "Epi.key"], frozenset({"STUDY_ID", "DIAG_01", "EPIKEY"}))
    ['STUDY_ID', 'DIAG_01', 'EPIKEY', 'Epi.key']
    >>> name_expected(["t1.age", "av_tumour.GRADE"], frozenset({"AGE", "GRADE"}))
    ['AGE', 'GRADE']
    """
    exact = {name.strip().upper() for name in names} & expected
    plain = {_squeeze(name): name for name in sorted(expected - exact)}
    stripped = [name.strip() for name in names]
    behind = {name: plain.get(_squeeze(TABLE_BEFORE.sub("", name)), name) for name in stripped}
    return [name if name.upper() in exact else plain.get(_squeeze(name), behind[name]) for name in stripped]


def _squeeze(name: str) -> str:
    return re.sub("[^A-Z0-9]", "", name.upper())


def show_column(name: str, place: int = 0) -> str:
    """Return the name of a column as it may be shown, or its shape and, where that is given, its place in the header.

    Examples
    --------
    >>> show_column("DIAG_01"), show_column("JOHN SMITH"), show_column("SMITH", 14)
    ('DIAG_01', "'AAAA AAAAA'", "column 14 'AAAAA'")
    """
    if may_be_shown(name):
        return name
    return f"column {place} {show_shape(name)}" if place else show_shape(name)


def show_header(names: Sequence[str], misspelt: Collection[str] = ()) -> tuple[str, ...]:
    """Return all names of a header as they may be shown; those of :func:`find_misspelt` as they are."""
    return tuple(name if name in misspelt else show_column(name, place) for place, name in enumerate(names, start=1))


def find_misspelt(names: Collection[str], needed: Collection[str]) -> frozenset[str]:
    """Return the names of a header that are that of a missing column but for one sign, and so may be shown.

    A line that is no header holds what may be people's values. So the line must have more than half of the columns,
    and no more strange names than columns are missing: a header that runs into the first record has many.

    Parameters
    ----------
    names : collection of str
        The header, in capital letters.
    needed : collection of str
        The columns that must be in it.

    Examples
    --------
    >>> sorted(find_misspelt(["PATIENTID", "GENDR", "GRADE"], ["PATIENTID", "GENDER", "GRADE"]))
    ['GENDR']
    >>> sorted(find_misspelt(["1000000003", "GENDR", "SMITH"], ["PATIENTID", "GENDER", "GRADE"]))
    []
    """
    missing = set(needed).difference(names)
    strange = [name for name in names if name not in needed and not may_be_shown(name)]
    if 2 * len(missing) >= len(needed) or len(strange) > len(missing):
        return frozenset()
    near = [name for name in strange if PLAIN.fullmatch(name) and len(name) >= SHORTEST_MISSPELT]
    return frozenset(name for name in near if any(_differ_by_one(name, column) for column in missing))


def _differ_by_one(one: str, other: str) -> bool:
    """Return whether two names differ by one sign more, less or other, or by two that are exchanged."""
    pairs = zip(one, other, strict=False)
    place = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    first, second = one[place:], other[place:]
    exchanged = first[1::-1] + first[2:]
    return one != other and (second in (first[1:], exchanged) or second[1:] in (first, first[1:]))


def show_file(name: str) -> str:
    """Return the name of a file as it may be shown: of words that no table and no usual file has, the shape.

    Examples
    --------
    >>> show_file("hes_apc_2019-20.csv.gz"), show_file("av_tumour_smith.csv"), show_file("9434765919.csv")
    ('hes_apc_2019-20.csv.gz', 'av_tumour_aaaaa.csv', '9999999999.csv')
    """

    def show(match: re.Match[str]) -> str:
        text = match[0]
        if text.isdigit():
            known = len(text) < LONGEST_NUMBER
        else:
            known = match["hex"] is not None or len(text) <= SHORTEST_WORD or text.upper() in FILE_WORDS
        return text if known else show_shape(text)[1:-1]

    return PIECE.sub(show, POSTCODE.sub(lambda match: show_shape(match[0])[1:-1], name))
