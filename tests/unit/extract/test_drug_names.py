"""Names of drugs: the same drug is one drug whatever it is called, and a drug that sounds like another is not it."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from naome.core.definitions import Definitions, project_definitions
from naome.extract import READERS, read_extract
from naome.extract.candidates import Signs
from naome.extract.clean import CLEANING_RULES
from naome.extract.drug_names import DRUG, NOT_COUNTED_GROUPS, read_names
from naome.extract.vocabulary import GROUPED, NOT_COUNTED, UNKNOWN

CLEANER = DRUG.bind(project_definitions())
TRASTUZUMAB = """HERCEPTIN|herceptin|TRASTUZUMAB (KANJINTI)|ONTRUZANT|TRASTUZUMAB-DKST|TRASTUZUMAB SC
Trastuzumab Subcutaneous
TRASTUZUMAB S/C|TRASTUZUMAB S.C.|TRASTUZUMAB (SUBCUT)|TRASTUZUMAB SUBCUTANEOUS 600MG/5ML|TRASTUZUMAB 440
TRASTUZUMAB BIOSIMILAR
TRASTUZUMAB/HYALURONIDASE|TRASTUZUMAB (HERCEPTIN SC)|TRASTUZAMAB| TRASTUZUMAB  IV |TRASTUZUMAB + TRASTUZUMAB
HERZUMA IV 150MG VIAL
TRASTUZUMAB SUB-CUT|TRASTUZUMAB LOADING DOSE|OGIVRI|TRAZIMERA|ZERCEPAC"""
BOTH = """PERTUZUMAB / TRASTUZUMAB|TRASTUZUMAB+PERTUZUMAB|TRASTUZUMAB AND PERTUZUMAB|TRASTUZUMAB, PERTUZUMAB
PERTUZUMAB TRASTUZUMAB
PHESGO|Phesgo 600mg/600mg|TRASTUZUMAB & PERTUZUMAB|TRASTUZUMAB;PERTUZUMAB|PERTUZUMAB WITH TRASTUZUMAB SC
PERTUZUMAB-TRASTUZUMAB
PERTUZUMAB/TRASTUZUMAB/HYALURONIDASE-ZZXF|PERTUZUMAB | TRASTUZUMAB"""
EMTANSINE = """KADCYLA|TRASTUZUMAB EMTANSINE (KADCYLA)|TRASTUZUMAB (KADCYLA)|ADO-TRASTUZUMAB EMTANSINE|ADO-TRASTUZUMAB
ado-trastuzumab emtansine 100 mg iv|ADO TRASTUZUMAB 100MG IV INFUSION|T-DM1|TRASTUZUMAB-EMTANSINE
TRASTUZUMAB_EMTANSINE"""
DERUXTECAN = (
    "ENHERTU|FAM-TRASTUZUMAB DERUXTECAN-NXKI|T-DXd|TRASTUZUMAB DERUXTECAN (ENHERTU) 100MG|TRASTUZUMAB (ENHERTU)"
)
NAB = """ABRAXANE|NAB PACLITAXEL|PACLITAXEL ALBUMIN BOUND|PACLITAXEL (ALBUMIN-BOUND)|ALBUMIN-BOUND PACLITAXEL
NABPACLITAXEL
PACLITAXEL ALBUMIN BOUND (ABRAXANE)|PACLITAXEL (ABRAXANE)|PACLITAXEL NAB 100MG"""
LIPOSOMAL = """CAELYX|MYOCET|LIPOSOMAL DOXORUBICIN (CAELYX)|LIPOSOMAL DOXORUBICIN (MYOCET)
DOXORUBICIN PEGYLATED LIPOSOMAL
PEGYLATED LIPOSOMAL DOXORUBICIN HCL|DOXORUBICIN (LIPOSOMAL)|DOXORUBICIN (CAELYX)"""
SAME = {
    "TRASTUZUMAB": TRASTUZUMAB,
    "PERTUZUMAB + TRASTUZUMAB": BOTH.replace(" | ", "/"),
    "TRASTUZUMAB EMTANSINE": EMTANSINE,
    "TRASTUZUMAB DERUXTECAN": DERUXTECAN,
    "NAB-PACLITAXEL": NAB,
    "LIPOSOMAL DOXORUBICIN": LIPOSOMAL,
    "PACLITAXEL": "TAXOL|PACLITAXEL WEEKLY|PACLITAXEL (TAXOL)",
    "DOXORUBICIN": "ADRIAMYCIN|DOXORUBICIN HCL|DOXORUBICIN HYDROCHLORIDE|Doxorubicin-Hydrochloride",
    "EPIRUBICIN": "EPIRUBICIN HYDROCHLORIDE|PHARMORUBICIN",
    "MITOMYCIN": "MYTOMYCIN|MITOMYCIN C|MITOMYCIN-C",
    "FLUOROURACIL": "5-FU|5 FU|5FU|FLUOROURACIL 5FU|5-FLUOROURACIL",
    "PALBOCICLIB": "IBRANCE|Palbociclib 125mg capsules|PALBOCICLIB (IBRANCE)",
    "PERTUZUMAB": "PERJETA|PERTUZUMAB 420MG",
    "GOSERELIN": "ZOLADEX|ZOLADEX LA 10.8MG|GOSERELIN ACETATE|GOSERELIN 3.6 MG IMPLANT",
    "IBANDRONIC ACID": "IBANDRONATE|IBANDRONIC ACID SODIUM",
    "VINORELBINE": "VINORELBINE (ORAL)|VINORELBINE TARTRATE|NAVELBINE",
    "SACITUZUMAB GOVITECAN": "TRODELVY|SACITUZUMAB GOVITECAN-HZIY",
    "RADIUM 223": "RADIUM-223|RADIUM 223 (XOFIGO)|XOFIGO",
    "CARBOPLATIN": "CARBOPLATIN AUC5|CARBOPLATIN (AUC 5)|PARAPLATIN 450MG/45ML",
    "DOCETAXEL": "DOCETAXEL (ACCORD) 160MG/8ML|TAXOTERE|DOCETAXEL 20MG/1ML CONCENTRATE",
    "TRIAL": "PLACEBO AZACITIDINE|AZACITIDINE PLACEBO|AZACITIDINE / PLACEBO|PLACEBO|PALBOCICLIB/PLACEBO",
}
ALL = [(name.strip(), drug) for drug, names in SAME.items() for line in names.split("\n") for name in line.split("|")]
#: The SACT drug names that Oxford maps (answerdigital/oxford-omop-data-mapper) and the groups of the Simulacrum
PUBLISHED = """ABEMACICLIB|ABIRATERONE ACETATE|ACP-196|ALLOPURINOL|ANTITHYMOCYTE IMMUNOGLOBULIN (RABBI
ARSENIC TRIOXIDE
ASTX727 (CEDAZURIDINE 100 MG  DECIT|ATROPINE SULPHATE|BELANTAMAB MAFODOTIN|BLEOMYCIN SULPHATE
BLINATUMOMAB 100MCG INFUSION BAG (2
BLINATUMOMAB 133.75MCG INFUSION BAG|CALCIUM FOLINATE|CALCIUM LEVOFOLINATE|CO-TRIMOXAZOLE|CYCLIZINE LACTATE
DARBEPOETIN ALFA
DOXORUBICIN PEGYLATED LIPOSOMAL|EPIRUBICIN HYDROCHLORIDE|EPOETIN ZETA|FERINJECT|HYDROCORTISONE (AS SODIUM SUCCINATE
HYDROCORTISONE NA SUCCINATE|IDARUBICIN HYDROCHLORIDE|IMETELSTAT SODIUM|IRINOTECAN HYDROCHLORIDE|LUTETIUM 177
MAGNESIUM SULPHATE
METHYLPREDNISOLONE SODIUM SUCC|METHYLTHIONINIUM CHLORIDE|MYCOPHENOLATE MOFETIL|PACLITAXEL ALBUMIN BOUND
PAMIDRONATE DISODIUM
PEG-ASPARAGINASE|PENTAMIDINE ISETIONATE|PERTUZUMAB / TRASTUZUMAB|RADIUM 223 (XOFIGO)|ROPEGINTERFERON ALFA-2B
SUNITINIB MALATE
TRASTUZUMAB EMTANSINE (KADCYLA)|TRIFLURIDINE WITH TIPIRACIL|VINBLASTINE SULPHATE|VINCRISTINE SULPHATE
INCMGA00012 / PLACEBO
BMS-986213 / NIVOLUMAB|STEM CELL INFUSION|BONE MARROW/STEM CELL|ORAL HYDRATION|PROTON PUMP INHIBITOR
SODIUM CHLORIDE 0.9%
STEROID|MULTIPLE|HORMONES|NOT CHEMO|NOT MATCHED|TRIAL|MYTOMYCIN|HERCEPTIN|IBANDRONATE|BENDAMUSTINE|DACARBAZINE
RITUXIMAB
LIPOSOMAL DOXORUBICIN (CAELYX)|LIPOSOMAL DOXORUBICIN (MYOCET)|ZOLEDRONIC ACID|AXICABTAGENE CILOLEUCEL|E45|DIFFLAM"""


@pytest.mark.parametrize("days", ["D1-21", "D1", "DAYS 1-14", "DAY 1 TO 21"])
def test_days_of_a_cycle_are_dropped_from_the_name_of_a_drug(days):
    assert CLEANER.clean(f"PALBOCICLIB 125MG OD {days}")[0] == "PALBOCICLIB"


@pytest.mark.parametrize(("name", "drug"), ALL)
def test_a_drug_is_one_drug_whatever_it_is_called(name, drug):
    read, rules = CLEANER.clean(name)
    assert read == drug
    assert set(rules) <= set(CLEANING_RULES) and (rules or name == drug)


@pytest.mark.parametrize("name", [name for line in PUBLISHED.split("\n") for name in line.split("|")])
def test_every_published_name_is_in_a_group(name):
    read, rules = CLEANER.clean(name)
    assert CLEANER.place(read, rules) in (GROUPED, NOT_COUNTED)


@pytest.mark.parametrize(
    ("name", "drugs"),
    [
        ("DOCETAXEL+TRASTUZUMAB+PERTUZUMAB", ("DOCETAXEL", "PERTUZUMAB", "TRASTUZUMAB")),
        ("Carboplatin Paclitaxel Pembrolizumab", ("CARBOPLATIN", "PACLITAXEL", "PEMBROLIZUMAB")),
        ("GEMCITABINE 1G / CARBOPLATIN", ("CARBOPLATIN", "GEMCITABINE")),
        ("HERCEPTIN + PERJETA", ("PERTUZUMAB", "TRASTUZUMAB")),
        ("KADCYLA + PERTUZUMAB", ("PERTUZUMAB", "TRASTUZUMAB EMTANSINE")),
        ("TRASTUZUMAB EMTANSINE PERTUZUMAB", ("PERTUZUMAB", "TRASTUZUMAB EMTANSINE")),
        ("FEC", ("CYCLOPHOSPHAMIDE", "EPIRUBICIN", "FLUOROURACIL")),
        ("TCH", ("CARBOPLATIN", "DOCETAXEL", "TRASTUZUMAB")),
    ],
)
def test_several_drugs_in_one_field_are_each_read(name, drugs):
    read, rules = CLEANER.clean(name)
    assert read == drugs and "drug_combination" in rules
    assert CLEANER.place(read, rules) == GROUPED


@pytest.mark.parametrize(
    "name",
    [
        "TRASTUZUMAB SOMETHING",
        "TRASTUZUMAB BOTIDOTIN",
        "OMEPRAZOLE EC",
        "TRASTUZUMABX",
        "12",
        "SODIUM",
        "IV",
        "QWERTY 5MG",
    ],
)
def test_a_name_with_a_word_that_nobody_knows_is_kept_and_unknown(name):
    read, rules = CLEANER.clean(name)
    assert (read, rules) == (name, ())
    assert CLEANER.place(read, rules) == UNKNOWN


def test_a_long_text_is_no_name_of_drugs():
    text = "TRASTUZUMAB IV " * 200
    assert CLEANER.clean(text)[0] == "TRASTUZUMAB"
    text = "TRASTUZUMAB PERTUZUMAB IV " * 200 + "SOMETHING"
    assert CLEANER.place(*CLEANER.clean(text)) == UNKNOWN


def test_a_known_drug_beside_an_unknown_one_counts_and_the_value_is_unknown_all_the_same():
    read, rules = CLEANER.clean("TRASTUZUMAB + FOOBAR")
    assert read == ("FOOBAR", "TRASTUZUMAB")
    assert CLEANER.place(read, rules) == UNKNOWN


def test_other_drugs_of_the_same_stem_are_not_the_drug():
    for name in ("LIPOSOMAL DAUNORUBICIN", "LIPOSOMAL IRINOTECAN", "DAUNORUBICIN", "TRASTUZUMAB DUOCARMAZINE"):
        assert CLEANER.clean(name) == (name, ())


def test_every_name_stands_for_drugs_of_the_code_list():
    names = read_names(project_definitions())
    assert all(drug in names.groups for drugs, _ in names.names.values() for drug in drugs)
    assert all(rule in CLEANING_RULES for _, rule in names.names.values() if rule)
    assert all(rule in CLEANING_RULES for rule in names.words.values())


def test_groups_that_count_nowhere_are_groups_of_the_list():
    groups = {group for each in read_names(project_definitions()).groups.values() for group in each}
    assert set(NOT_COUNTED_GROUPS) < groups


@pytest.mark.parametrize(
    ("file", "old", "new", "name", "drug"),
    [
        ("sact_drug", "IBRANCE,PALBOCICLIB", "IBRANCE,RIBOCICLIB", "IBRANCE", "RIBOCICLIB"),
        ("sact_word", "HCL,,drug_salt", "HCX,,drug_salt", "DOXORUBICIN HCL", "DOXORUBICIN HCL"),
    ],
)
def test_names_are_read_by_the_definitions_that_are_given(tmp_path, file, old, new, name, drug):
    folder = shutil.copytree(project_definitions().folder, tmp_path / "definitions")
    path = folder / "codings" / f"{file}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert DRUG.bind(Definitions(folder)).clean(name)[0] == drug != CLEANER.clean(name)[0]


def read_drugs(folder, out, signs=None):
    extract = read_extract(READERS["ncrd"], folder, out, signs=signs, progress=lambda line: None)
    rows = duckdb.execute(f"SELECT person_id, given_date, drug FROM '{out}/drugs.parquet' ORDER BY ALL").fetchall()
    return extract, rows


def test_the_same_drugs_by_other_names_give_the_same_canonical_rows(copy, tmp_path):
    folder = copy("clean-england")
    _, rows = read_drugs(folder.path, tmp_path / "before")
    renamed = """CASE DRUG_GROUP WHEN 'TRASTUZUMAB' THEN 'Herceptin' WHEN 'PALBOCICLIB' THEN 'IBRANCE 125MG'
        WHEN 'PERTUZUMAB + TRASTUZUMAB' THEN 'TRASTUZUMAB / PERTUZUMAB (PHESGO)' WHEN 'DOCETAXEL' THEN 'TAXOTERE'
        WHEN 'PACLITAXEL' THEN 'PACLITAXEL ' ELSE DRUG_GROUP END"""
    folder.edit("sact_drug_detail", f"SELECT * REPLACE ({renamed} AS DRUG_GROUP) FROM t")
    _, other = read_drugs(folder.path, tmp_path / "after")
    assert {drug for _, _, drug in rows} >= {"TRASTUZUMAB", "PALBOCICLIB", "PERTUZUMAB + TRASTUZUMAB", "DOCETAXEL"}
    # A product named beside its agents is the product
    assert [row for row in other if row not in rows] == [] and [row for row in rows if row not in other] == []


def test_several_drugs_in_one_field_are_rows_of_their_own_in_the_order_of_the_extract(copy, tmp_path):
    folder = copy("clean-england")
    _, rows = read_drugs(folder.path, tmp_path / "before")
    folder.put("sact_drug_detail", "DRUG_GROUP", "'DOCETAXEL + TRASTUZUMAB + PERTUZUMAB'")
    extract, other = read_drugs(folder.path, tmp_path / "after")
    assert len(other) == len(rows) + 2
    assert any(e["rule"] == "drug_combination" and e["rows"] == 1 for e in extract.quality)
    again = read_extract(READERS["ncrd"], folder.path, tmp_path / "again", progress=lambda line: None)
    assert (tmp_path / "again/drugs.parquet").read_bytes() == (tmp_path / "after/drugs.parquet").read_bytes()
    assert again.rows == extract.rows


def test_a_drug_of_metastatic_disease_is_a_sign_by_any_name_and_among_others():
    signs = Signs((), ("PALBOCICLIB",))
    assert signs.has("drug", CLEANER.clean("IBRANCE")[0])
    assert signs.has("drug", CLEANER.clean("LETROZOLE / PALBOCICLIB")[0])
    assert not signs.has("drug", CLEANER.clean("LETROZOLE / TAMOXIFEN")[0])
