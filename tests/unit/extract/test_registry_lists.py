"""The registry's own lists, row by row: every published code is read, and none stops a run."""

from __future__ import annotations

import duckdb
import pytest

from naome.core.definitions import project_definitions
from naome.extract import READERS, read_extract, shared_items
from naome.extract.clean import Coded, Refused
from naome.extract.readers.simulacrum import GRADE_AS_GIVEN

DEFINITIONS = project_definitions()
SEX_WALES, KEY_WORKER = Coded("sex_wales"), Coded("key_worker", refuse=False)


def read(item, code):
    return item.bind(DEFINITIONS).clean(code)[0]


def check(item, codes, value):
    found = {code: read(item, code) for code in codes.split("|")}
    assert found == dict.fromkeys(found, value)


@pytest.mark.parametrize("item", [shared_items.GRADE, GRADE_AS_GIVEN])
def test_grade(item):
    for grade, word in enumerate(("WELL", "MODERATELY", "POORLY"), start=1):
        check(
            item,
            f"G{grade}|{grade}|g{grade}|{word} DIFFERENTIATED|{grade} / {'I' * grade} / {word} Differentiated",
            grade,
        )
    check(item, "G|G0|G4|G5|G6|G7|GX|GH|GI|GL|GB|GM|0|4|5|6|7|9|X|H|I|L", None)


def test_basis_of_diagnosis():
    values = (
        "death_certificate clinical investigation other tumour_marker cytology histology_metastasis histology_primary"
    )
    for code, value in enumerate([*values.split(), "other", "unknown"]):
        check(shared_items.BASIS, str(code), value)
    check(shared_items.BASIS, "X|x|9|9.0", "unknown")


def test_vital_status():
    for codes, value in (("A", "alive"), ("D|D1|D2", "dead"), ("D3|D4|D5", "untraced"), ("X|X1|X2|X4|X5", "lost")):
        check(shared_items.VITAL_STATUS, codes, value)


def test_state_of_registration():
    check(shared_items.REGISTRATION_STATUS, "F|f|FINAL", "final")
    check(shared_items.REGISTRATION_STATUS, "P", "provisional")


def test_stage_of_the_simulacrums_list():
    published = """0|0A|0IS;1|1A|1A1|1A2|1A3|1AE|1AES|1AEX|1AX|1B|1B1|1B2|1BE|1C|1C1|1C2|1C3|1E|1EX|1S|1X
        ;2|2A|2A1|2A2|2AE|2AEX|2AS
        |2AX|2B|2BEX|2BX|2C|2E|2S|2X;3|3A|3A1|3A1i|3A1ii|3A2|3AE|3AES|3Ai|3Aii|3AS|3AX|3B|3BE|3Bii|3BX|3C|3C1|3C2|3D|3E|3ES|3S
        ;4|4A|4AE|4AES|4AEXS|4AS|4AX|4B|4BE|4BES|4BEX|4BEXS|4BS|4BX|4BXS|4C|4E|4ES|4S|4X"""
    for stage, codes in enumerate("".join(published.split()).split(";")):
        check(shared_items.STAGE, codes, str(stage))
    check(shared_items.STAGE, "5|6|?|U|X|A|B|C|L1|L2|M|M0|M1|M2|M3|MS", None)


def test_m_category():
    check(shared_items.M_CATEGORY, "1|1a|1b|1c|1d|M1|cM1|pM1|pM1a|ypM1|cM1b", True)
    check(shared_items.M_CATEGORY, "0|M0|cM0|cM0(i+)|pM0|0.0", False)
    check(shared_items.M_CATEGORY, "X|MX|cMX|pMX|9|2|M9", None)


def test_performance_status():
    for status in range(5):
        check(shared_items.PERFORMANCE_STATUS, f"{status}|{status}m|{status}.0", status)
    check(shared_items.PERFORMANCE_STATUS, "9|9m|X|00|01|10|11", None)


def test_sex():
    check(shared_items.GENDER, "2|2.0|02|F|f|FEMALE|Female", "female")
    check(shared_items.GENDER, "1|01|M|MALE", "male")
    check(shared_items.GENDER, "0|9|X|x|Not known", None)
    check(SEX_WALES, "F|f|Female|2", "female")
    check(SEX_WALES, "I|Z|N", None)
    for item, code in ((shared_items.GENDER, "Q"), (SEX_WALES, "7")):
        with pytest.raises(Refused):
            read(item, code)


def test_receptors():
    check(shared_items.RECEPTOR, "P|Pm|Positive|POSITIVE|pos", "positive")
    check(shared_items.RECEPTOR, "N|Nm|Negative|NEG", "negative")
    check(shared_items.RECEPTOR, "B|Bm|Borderline|U|Um|X|Xm|9|Not performed|Unknown", None)
    for score in ("0", "1+", "2+", "3+"):  # in no published list of the status
        with pytest.raises(Refused):
            read(shared_items.RECEPTOR, score)


def test_contact_with_a_nurse_specialist():
    check(shared_items.CNS_INDICATOR, "Y1|Y2|Y3|Y4|Y5|YA|Y1m|y3", "seen")
    check(shared_items.CNS_INDICATOR, "NI|NN|NIm|NNm", "not_seen")
    check(shared_items.CNS_INDICATOR, "99|99m", None)
    check(KEY_WORKER, "Y|Yes|Y1", "seen")
    check(KEY_WORKER, "N|NN", "not_seen")


def test_quintiles():
    for quintile in range(1, 6):
        check(
            shared_items.QUINTILE_1_MOST_DEPRIVED, f"{quintile}|{quintile}.0|Q{quintile}|Quintile {quintile}", quintile
        )
        check(shared_items.QUINTILE_1_LEAST_DEPRIVED, f"{quintile}|Quintile {quintile}", 6 - quintile)
    check(
        shared_items.QUINTILE_1_MOST_DEPRIVED,
        "1 - most deprived|1 - Most deprived|1-most deprived|1 (most deprived)",
        1,
    )
    check(shared_items.QUINTILE_1_MOST_DEPRIVED, "5 - least deprived|Least deprived|5 LEAST DEPRIVED", 5)
    check(shared_items.QUINTILE_1_LEAST_DEPRIVED, "1 - least deprived|least deprived", 5)
    for item, label in (
        (shared_items.QUINTILE_1_MOST_DEPRIVED, "1 (least deprived)"),
        (shared_items.QUINTILE_1_LEAST_DEPRIVED, "1 (most deprived)"),
    ):
        with pytest.raises(Refused):
            read(item, label)


def test_patient_class():
    for codes, value in (("1", "ordinary"), ("2", "day_case"), ("3|4", "regular"), ("5|8|9|X", "other")):
        check(shared_items.PATIENT_CLASS, codes, value)


ETHNIC = {
    "white": "0|A|B|C|C2|C3|CA|CB|CC|CH|CP|CY|A |a|W1|White British|WHITE - BRITISH|White: Irish|Other White",
    "mixed": "D|E|F|G|GA|GB|GF|M1|White and Black Caribbean|Mixed - White and Asian|Any other mixed background",
    "asian": "H|J|K|L|LA|LE|LK|4|5|6|4.0|Indian|Asian or Asian British - Pakistani|L ANY OTHER ASIAN BACKGROUND",
    "black": "M|N|P|PA|PD|PE|1|2|3|B2|Black African|Black or Black British: Caribbean",
    "other": "R|S|SA|SE|7|8|Chinese|Any other ethnic group",
    None: "X|Z|z|9|99|Not stated|Not known|NS",
}


@pytest.mark.parametrize("group", ETHNIC)
def test_ethnic_group(group):
    check(shared_items.ETHNIC_GROUP, ETHNIC[group], group)


def test_ethnic_group_is_coded_otherwise_in_wales():
    check(shared_items.ETHNIC_GROUP_WALES, "T|R|S|Arab", "other")
    check(shared_items.ETHNIC_GROUP_WALES, "A|B|Gypsy or Irish Traveller", "white")
    check(shared_items.ETHNIC_GROUP_WALES, "D|G", "mixed")
    check(shared_items.ETHNIC_GROUP_WALES, "Z", None)
    check(shared_items.ETHNIC_GROUP, "T", "white")
    check(shared_items.ETHNIC_GROUP, "W", "other")


def test_an_ethnic_code_of_no_list_is_not_recorded_by_its_rule():
    assert shared_items.ETHNIC_GROUP.bind(DEFINITIONS).clean("Q9") == (None, ("unmapped_code",))


@pytest.mark.parametrize(
    ("nation", "reader", "table", "column"),
    [("england", "ncrd", "hes_apc", "CLASSPAT"), ("wales", "wcn", "pedw_spell", "PAT_CLASS_CD")],
)
def test_an_admission_without_a_kind_is_of_another_kind_by_a_named_rule(copy, tmp_path, nation, reader, table, column):
    folder = copy(f"clean-{nation}")
    folder.put(table, column, "NULL")
    extract = read_extract(READERS[reader], folder.path, tmp_path / "out", progress=lambda line: None)
    kinds = duckdb.execute(f"SELECT DISTINCT patient_class FROM '{tmp_path}/out/admissions.parquet'").fetchall()
    assert ("other",) in kinds
    assert [(e["rule"], e["table"], e["rows"]) for e in extract.quality] == [("patient_class_missing", table, 1)]


UNKNOWN_IN_WORDS = ["Not recorded", "not known", "NK", "Unk", "N/K", "Not available", "NOT-APPLICABLE", "Missing"]


@pytest.mark.parametrize("text", UNKNOWN_IN_WORDS)
@pytest.mark.parametrize(
    "coded", [shared_items.STAGE, shared_items.M_CATEGORY, shared_items.GRADE, shared_items.HER2,
              shared_items.PERFORMANCE_STATUS, shared_items.VITAL_STATUS, shared_items.REGISTRATION_STATUS,
              shared_items.QUINTILE_1_MOST_DEPRIVED, Coded("flag_wales", "BOOLEAN")],
)  # fmt: skip
def test_a_word_for_what_is_not_recorded_is_read_in_every_coded_item(coded, text):
    assert coded.bind(DEFINITIONS).clean(text)[0] is None


def test_a_word_for_what_is_not_recorded_has_its_own_meaning_where_a_coding_gives_it_one():
    assert shared_items.BASIS.bind(DEFINITIONS).clean("Unknown") == ("unknown", ("lower_case",))
    with pytest.raises(Refused):  # may be negative, or nothing
        shared_items.RECEPTOR.bind(DEFINITIONS).clean("-")


@pytest.mark.parametrize(
    ("coded", "text", "value"),
    [
        (shared_items.STAGE, "Stage 4", "4"), (shared_items.STAGE, "stage IIIA", "3"),
        (shared_items.M_CATEGORY, "M0 (i+)", False), (shared_items.M_CATEGORY, "M 1", True),
        (shared_items.GRADE, "G 2", 2), (shared_items.PERFORMANCE_STATUS, "ECOG 1", 1),
        (shared_items.RECEPTOR, "PM", "positive"), (shared_items.RECEPTOR, "+ve", "positive"),
        (shared_items.RECEPTOR, "-ve", "negative"), (shared_items.RECEPTOR, "Not tested", None),
        (shared_items.HER2, "2+ (FISH amplified)", "positive"), (shared_items.HER2, "2+ ISH non-amplified", "negative"),
        (shared_items.HER2, "Equivocal (2+)", None), (shared_items.HER2, "IHC 3+", "positive"),
        (shared_items.PATIENT_CLASS, "Day case admission", "day_case"), (shared_items.PATIENT_CLASS, "01", "ordinary"),
        (Coded("deduplication", "BOOLEAN"), "TRUE", True), (Coded("deduplication", "BOOLEAN"), "False", False),
        (Coded("flag_wales", "BOOLEAN"), "FALSE", False), (shared_items.VITAL_STATUS, "Died", "dead"),
        (shared_items.CNS_INDICATOR, "No", "not_seen"), (Coded("sex_wales"), "9", None),
    ],
)  # fmt: skip
def test_usual_spellings_of_codes_are_read(coded, text, value):
    assert coded.bind(DEFINITIONS).clean(text)[0] == value


@pytest.mark.parametrize(("raw", "value"), [("4\u200b", "4"), ("\ufeffIV", "4"), ("\uff14", "4"), ("3\u00adA", "3")])
def test_characters_that_are_not_seen_and_of_full_width_are_a_named_rule(raw, value):
    assert shared_items.STAGE.bind(DEFINITIONS).clean(raw)[0] == value
    assert "hidden_character" in shared_items.STAGE.bind(DEFINITIONS).clean(raw)[1]
