"""Folders in the shape of the Simulacrum, versions 1 and 2: invented people of all cancers, the same for the same seed.

The real files are public but not part of this project. These have the columns, the codings and the known oddities of
the releases (their data dictionaries and lookup tables say which): float-like text, blanks, dates before 1900,
comma-separated causes of death, patients of other cancers, drugs that do not agree with the regimen that names them.
Run as a program it writes one: ``python tests/chain/simulacrum_files.py FOLDER --version 2``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

DAY = np.timedelta64(1, "D")
#: version -> first and last year of diagnosis, last day of follow-up, end of the treatment tables
PERIODS = {1: (2013, 2017, "2019-01-17"), 2: (2016, 2019, "2022-07-05")}
OTHER_SITES = ("C444", "C449", "C341", "C189", "C61X", "C679", "C56X", "C859")
BREAST_SITES = ("C500", "C501", "C502", "C503", "C504", "C505", "C506", "C508", "C509", "D051", "D059")
STAGES = {
    "1": ("1", "1A", "1B"),
    "2": ("2", "2A", "2B"),
    "3": ("3", "3A", "3B", "3C"),
    "4": ("4", "4A"),
    "0": ("0", "0IS"),
    "": ("?", "U", "X", "6"),
}
DRUGS = ("DOCETAXEL", "PACLITAXEL", "TRASTUZUMAB", "PERTUZUMAB", "PALBOCICLIB", "CAPECITABINE", "FLUOROURACIL",
         "DENOSUMAB", "ERIBULIN", "IBRUTINIB", "ENZALUTAMIDE", "NOT CHEMO")  # fmt: skip
REGIMENS = ("DOCETAXEL", "PACLITAXEL", "PERTUZUMAB + TRASTUZUMAB + DOCETAXEL", "PALBOCICLIB", "EC", "ENZALUTAMIDE")


@dataclass(frozen=True)
class People:
    """Who there is: one row per tumour, with the person's fate beside it."""

    person: np.ndarray
    tumour: np.ndarray
    breast: np.ndarray
    female: np.ndarray
    age: np.ndarray
    stage: np.ndarray
    diagnosis: np.ndarray
    death: np.ndarray
    first_row: np.ndarray


def write_simulacrum(folder: Path, *, version: int = 2, tumours: int = 12_000, seed: int = 2016) -> dict[str, int]:
    """Write a folder of CSV files and return how many rows each has.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    version : {1, 2}
        Whose headers, codings and years.
    tumours : int
        Of all cancers; about a third are of the breast.
    seed : int
        The same seed gives the same bytes.
    """
    first, last, end = PERIODS[version]
    rng = np.random.default_rng([seed, version])
    people = draw_people(rng, tumours, (first, last), np.datetime64(end))
    tables = {
        "av_patient": lay_out_patients(rng, people, np.datetime64(end)),
        "av_tumour": lay_out_tumours(rng, people),
        **lay_out_treatments(rng, people, np.datetime64(end)),
    }
    tables = shape_as_version_1(tables) if version == 1 else tables
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"sim_{name}.csv", index=False, lineterminator="\n", date_format="%Y-%m-%d")
    return {name: len(table) for name, table in tables.items()}


def draw_people(rng: np.random.Generator, tumours: int, years: tuple[int, int], end: np.datetime64) -> People:
    """Draw who has which cancer at what stage, and when they die; one person in 30 has two tumours."""
    second = rng.random(tumours) < 1 / 30
    second[0] = False
    person = 10_000_000 + np.cumsum(~second)
    breast = rng.random(tumours) < 0.35
    female = _of_person(person, np.where(breast, rng.random(tumours) < 0.993, rng.random(tumours) < 0.5))
    stage = rng.choice(["1", "2", "3", "4", "0", ""], tumours, p=[0.36, 0.30, 0.09, 0.08, 0.05, 0.12])
    start, stop = np.datetime64(f"{years[0]}-01-01"), np.datetime64(f"{years[1]}-12-31")
    diagnosis = start + rng.integers(0, (stop - start).astype(int) + 1, tumours) * DAY
    age = np.clip(rng.normal(64, 14, tumours), 16, 101).astype(int)
    # Half of those with stage 4 die within about two years; others slowly, older people sooner
    yearly = np.select([stage == "4", stage == "3", stage == ""], [0.32, 0.08, 0.10], 0.025) * (age / 64) ** 2
    years_lived = rng.exponential(1 / yearly)
    death = diagnosis + (years_lived * 365.25).astype(int) * DAY
    frame = pd.DataFrame({"person": person, "death": death})
    death = frame.groupby("person")["death"].transform("min").to_numpy("datetime64[D]")
    death = np.maximum(death, pd.Series(diagnosis).groupby(person).transform("max").to_numpy("datetime64[D]"))
    death = np.where(death <= end, death, np.datetime64("NaT"))
    number = rng.permutation(tumours) + 10_400_000
    return People(person, number, breast, female, age, stage, diagnosis, death, ~second)


def lay_out_patients(rng: np.random.Generator, people: People, end: np.datetime64) -> pd.DataFrame:
    """Lay out ``sim_av_patient`` of version 2: one row a person, causes only of those who died."""
    keep = people.first_row
    n = keep.sum()
    dead = ~np.isnat(people.death[keep])
    site = np.where(people.breast[keep], "C509", "C349")
    cancer = rng.random(n) < np.where(people.stage[keep] == "4", 0.9, 0.4)
    underlying = np.where(cancer, site, rng.choice(["I259", "F019", "J189", "J440"], n))
    second = rng.choice(["", "I10", "G309,C449", "E119"], n)
    status = np.where(dead, "D", rng.choice(["A", "X", "X5"], n, p=[0.985, 0.01, 0.005]))
    left = people.diagnosis[keep] + (rng.random(n) * (end - people.diagnosis[keep]).astype(int)).astype(int) * DAY
    date = np.where(dead, people.death[keep], np.where(status == "A", end, left))
    return pd.DataFrame(
        {
            "PATIENTID": people.person[keep],
            "GENDER": np.where(people.female[keep], "2", "1"),
            "ETHNICITY": rng.choice(["A", "B", "C", "H", "J", "M", "N", "S", "X", "Z", ""], n,
                                    p=[0.8, 0.01, 0.04, 0.02, 0.02, 0.01, 0.02, 0.01, 0.01, 0.04, 0.02]),
            "DEATHCAUSECODE_1A": np.where(dead, np.where(cancer, "C787", "J189"), ""),
            "DEATHCAUSECODE_1B": np.where(dead & cancer, site, ""),
            "DEATHCAUSECODE_1C": "",
            "DEATHCAUSECODE_2": np.where(dead, second, ""),
            "DEATHCAUSECODE_UNDERLYING": np.where(dead, underlying, ""),
            "DEATHLOCATIONCODE": np.where(dead, rng.choice(["1", "2", "4", "5", "X"], n), ""),
            "VITALSTATUS": status,
            "VITALSTATUSDATE": date,
            "LINKNUMBER": people.person[keep] + 90_000_000,
        }
    )  # fmt: skip


def lay_out_tumours(rng: np.random.Generator, people: People) -> pd.DataFrame:
    """Lay out ``sim_av_tumour`` of version 2 with its missing items and odd values."""
    n, breast, stage = len(people.person), people.breast, people.stage
    site = np.where(breast, rng.choice(BREAST_SITES, n), rng.choice(OTHER_SITES, n))
    site = np.where(breast & (stage != "0") & np.char.startswith(site, "D05"), "C509", site)
    site = np.where(breast & (stage == "0"), rng.choice(["D051", "D059"], n), site)
    full = [rng.choice(STAGES[s]) for s in stage]
    operated = breast & (stage != "4") & (rng.random(n) < 0.85)
    surgery = np.where(operated, people.diagnosis + rng.integers(5, 70, n) * DAY, np.datetime64("NaT"))
    grade = rng.choice(["G1", "G2", "G3", "G4", "GX", ""], n, p=[0.13, 0.42, 0.33, 0.01, 0.09, 0.02])
    quintile = rng.choice(["1 - most deprived", "2", "3", "4", "5 - least deprived"], n)
    behaviour = np.where(stage == "0", "2", "3")
    return pd.DataFrame(
        {
            "TUMOURID": people.tumour,
            "GENDER": np.where(people.female, "2", "1"),
            "PATIENTID": people.person,
            "DIAGNOSISDATEBEST": people.diagnosis,
            "SITE_ICD10_O2_3CHAR": [code[:3] for code in site],
            "SITE_ICD10_O2": site,
            "SITE_ICD10R4_O2_3CHAR_FROM2013": [code[:3] for code in site],
            "SITE_ICD10R4_O2_FROM2013": site,
            "SITE_ICDO3REV2011": site,
            "SITE_ICDO3REV2011_3CHAR": [code[:3] for code in site],
            "MORPH_ICD10_O2": "8500",
            "MORPH_ICDO3REV2011": "8500.0",
            "BEHAVIOUR_ICD10_O2": behaviour,
            "BEHAVIOUR_ICDO3REV2011": behaviour,
            "T_BEST": rng.choice(["1c", "2", "3", "4b", "X", ""], n),
            "N_BEST": rng.choice(["0", "1", "1a", "2", "X", ""], n),
            "M_BEST": _with_gaps(rng, np.where(stage == "4", rng.choice(["1", "1b"], n), "0"), 0.29),
            "STAGE_BEST": full,
            "GRADE": grade,
            "AGE": people.age,
            "CREG_CODE": rng.choice(["L0201", "L0301", "L0401", "L0801", "L1201", "L1701"], n),
            "STAGE_BEST_SYSTEM": rng.choice(["UICC 7", "UICC 8", ""], n),
            "LATERALITY": np.where(breast, rng.choice(["L", "R", "B", "9"], n, p=[0.49, 0.48, 0.01, 0.02]), ""),
            "SCREENINGSTATUSFULL_CODE": np.where(breast & (rng.random(n) < 0.3), "6021.0", ""),
            "ER_STATUS": np.where(
                breast, _with_gaps(rng, rng.choice(["P", "N", "U"], n, p=[0.8, 0.17, 0.03]), 0.11), ""
            ),
            "PR_STATUS": np.where(breast, _with_gaps(rng, rng.choice(["P", "N", "U"], n, p=[0.6, 0.3, 0.1]), 0.39), ""),
            "HER2_STATUS": np.where(
                breast, _with_gaps(rng, rng.choice(["P", "N", "U", "B"], n, p=[0.13, 0.8, 0.05, 0.02]), 0.18), ""
            ),
            "QUINTILE_2019": quintile,
            "DATE_FIRST_SURGERY": surgery,
            "CANCERCAREPLANINTENT": _with_gaps(rng, rng.choice(["C", "Z", "X", "9"], n), 0.36),
            "PERFORMANCESTATUS": _with_gaps(
                rng, rng.choice(["0", "1", "2", "3", "4", "9"], n, p=[0.45, 0.22, 0.1, 0.07, 0.04, 0.12]), 0.39
            ),
            "CHRL_TOT_27_03": rng.choice(["0.0", "1.0", "3.0"], n, p=[0.85, 0.1, 0.05]),
            "COMORBIDITIES_27_03": "",
            "GLEASON_PRIMARY": "",
            "GLEASON_SECONDARY": "",
            "GLEASON_TERTIARY": "",
            "GLEASON_COMBINED": "",
        }
    )


def lay_out_treatments(rng: np.random.Generator, people: People, end: np.datetime64) -> dict[str, pd.DataFrame]:
    """Lay out the chemotherapy and radiotherapy tables of version 2: about half of those with stage 4 have some."""
    treated = np.flatnonzero(rng.random(len(people.person)) < np.where(people.stage == "4", 0.55, 0.25))
    last = np.where(np.isnat(people.death), end, people.death)[treated]
    started = people.diagnosis[treated] + rng.integers(10, 120, len(treated)) * DAY
    treated, started, last = (part[started <= last] for part in (treated, started, last))
    n = len(treated)
    regimen = 10_030_000 + np.arange(n)
    number = rng.integers(1, 7, n)
    who = np.repeat(np.arange(n), number)
    order = np.arange(len(who)) - np.repeat(np.cumsum(number) - number, number)
    date = started[who] + order * 21 * DAY
    kept = date <= last[who]
    who, order, date = who[kept], order[kept], date[kept]
    cycle = 10_000_000 + np.arange(len(who))
    per_cycle = np.repeat(np.arange(len(who)), rng.integers(1, 3, len(who)))
    return {
        "sact_regimen": pd.DataFrame(
            {
                "ENCORE_PATIENT_ID": people.person[treated],
                "MERGED_REGIMEN_ID": regimen,
                "HEIGHT_AT_START_OF_REGIMEN": rng.choice(["0.0", "1.62", ""], n),
                "WEIGHT_AT_START_OF_REGIMEN": rng.choice(["0.0", "60.5", ""], n),
                "INTENT_OF_TREATMENT": rng.choice(["P", "C", "A", "N", "01", "02", "03", "98", ""], n),
                "DATE_DECISION_TO_TREAT": started - 7 * DAY,
                "START_DATE_OF_REGIMEN": started,
                "MAPPED_REGIMEN": rng.choice(REGIMENS, n),
                "CLINICAL_TRIAL": rng.choice(["N", "Y", "02"], n),
                "CHEMO_RADIATION": "N",
                "BENCHMARK_GROUP": rng.choice(REGIMENS, n),
                "LINK_NUMBER": people.person[treated] + 90_000_000,
            }
        ),
        "sact_cycle": pd.DataFrame(
            {
                "MERGED_REGIMEN_ID": regimen[who],
                "MERGED_CYCLE_ID": cycle,
                "CYCLE_NUMBER": order + 1,
                "START_DATE_OF_CYCLE": date,
                "OPCS_PROCUREMENT_CODE": rng.choice(["X713", "X701", ""], len(who)),
                "PERF_STATUS_START_OF_CYCLE": rng.choice(["0", "1", "2", "9", ""], len(who)),
            }
        ),
        "sact_drug_detail": pd.DataFrame(
            {
                "MERGED_DRUG_DETAIL_ID": 10_000_000 + np.arange(len(per_cycle)),
                "MERGED_CYCLE_ID": cycle[per_cycle],
                "ACTUAL_DOSE_PER_ADMINISTRATION": "420.0",
                "OPCS_DELIVERY_CODE": rng.choice(["X731", ""], len(per_cycle)),
                "ADMINISTRATION_ROUTE": rng.choice(["1.0", "2.0"], len(per_cycle)),
                "ADMINISTRATION_DATE": date[per_cycle],
                "DRUG_GROUP": rng.choice(DRUGS, len(per_cycle)),
            }
        ),
        "sact_outcome": pd.DataFrame(
            {
                "MERGED_REGIMEN_ID": regimen,
                "DATE_OF_FINAL_TREATMENT": started,
                "REGIMEN_MOD_DOSE_REDUCTION": rng.choice(["N", "Y", ""], n),
                "REGIMEN_MOD_TIME_DELAY": rng.choice(["N", "Y", ""], n),
                "REGIMEN_MOD_STOPPED_EARLY": rng.choice(["N", "Y", ""], n),
                "REGIMEN_OUTCOME_SUMMARY": rng.choice(["1", "2", "3", "4", "5", "0", ""], n),
            }
        ),
        "rtds_prescription": lay_out_radiotherapy(rng, people),
    }


def lay_out_radiotherapy(rng: np.random.Generator, people: People) -> pd.DataFrame:
    """Lay out ``sim_rtds_prescription``: one row an attendance, a few of their dates cut off as in the release."""
    treated = np.flatnonzero(rng.random(len(people.person)) < 0.3)
    started = people.diagnosis[treated] + rng.integers(20, 200, len(treated)) * DAY
    keep = np.isnat(people.death[treated]) | (started <= people.death[treated])
    treated, started = treated[keep], started[keep]
    fractions = rng.choice([1, 5, 10], len(treated))
    who = np.repeat(np.arange(len(treated)), fractions)
    order = np.arange(len(who)) - np.repeat(np.cumsum(fractions) - fractions, fractions)
    date = pd.Series((started[who] + order * DAY).astype("datetime64[D]").astype(str))
    prescription = 10_000_000 + who
    region = np.where(people.stage[treated] == "4", rng.choice(["M", "P"], len(treated)), "P")
    return pd.DataFrame(
        {
            "PATIENTID": people.person[treated][who],
            "PRESCRIPTIONID": prescription,
            "RTTREATMENTMODALITY": "5.0",
            "RTPRESCRIBEDDOSE": "35.0",
            "RTPRESCRIBEDFRACTIONS": fractions[who].astype(float),
            "RTACTUALDOSE": "35.0",
            "RTACTUALFRACTIONS": fractions[who].astype(float),
            "RTTREATMENTREGION": region[who],
            "RTTREATMENTANATOMICALSITE": np.where(region == "M", "Z619", "Z501")[who],
            "RADIOTHERAPYEPISODEID": 1_000_000 + who,
            "LINKCODE": rng.choice(["LKY", "LCH", "LFW"], len(treated))[who],
            "ATTENDID": [f"{p}.{d.replace('-', '')}" for p, d in zip(prescription, date, strict=True)],
            "APPTDATE": date.where(rng.random(len(who)) > 0.001, "1899-"),
        }
    )


def shape_as_version_1(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Give version 2 tables the headers, codings and links of version 1; it has nurse contact and no radiotherapy."""
    patients = tables["av_patient"].rename(columns={"GENDER": "SEX", "VITALSTATUS": "NEWVITALSTATUS"})
    tumours = tables["av_tumour"].rename(columns={"GENDER": "SEX"})
    turned = {"1 - most deprived": "5 - most deprived", "2": "4", "4": "2", "5 - least deprived": "1 - least deprived"}
    tumours["QUINTILE_2015"] = tumours.pop("QUINTILE_2019").replace(turned)
    codes = ["Y1", "Y3", "Y4", "NI", "NN", "99", ""]
    tumours["CNS"] = [codes[n] for n in (tumours["TUMOURID"] % len(codes))]
    tumours["STAGE_BEST_SYSTEM"] = "22"
    tumours["LINKNUMBER"] = tumours["PATIENTID"] + 90_000_000
    tumours["ER_STATUS"] = tumours["ER_STATUS"].where(tumours["TUMOURID"] % 9 > 0, "Pm")
    for name in ("ER_SCORE", "PR_SCORE", "ACE27"):
        tumours[name] = ""
    regimens = tables["sact_regimen"].copy()
    regimens["MERGED_PATIENT_ID"] = regimens.pop("ENCORE_PATIENT_ID") + 20_000_000
    regimens["MERGED_TUMOUR_ID"] = regimens["MERGED_PATIENT_ID"] + 10_000_000
    people = regimens[["MERGED_PATIENT_ID", "LINK_NUMBER"]].drop_duplicates("MERGED_PATIENT_ID")
    of_regimen = regimens.set_index("MERGED_REGIMEN_ID")[["MERGED_PATIENT_ID", "MERGED_TUMOUR_ID"]]
    cycles = tables["sact_cycle"].join(of_regimen, on="MERGED_REGIMEN_ID")
    of_cycle = cycles.set_index("MERGED_CYCLE_ID")[["MERGED_PATIENT_ID", "MERGED_TUMOUR_ID", "MERGED_REGIMEN_ID"]]
    drugs = tables["sact_drug_detail"].join(of_cycle, on="MERGED_CYCLE_ID").assign(ORG_CODE_OF_DRUG_PROVIDER="LAA")
    outcomes = tables["sact_outcome"].join(of_regimen, on="MERGED_REGIMEN_ID")
    outcomes["MERGED_OUTCOME_ID"] = outcomes["MERGED_REGIMEN_ID"] + 40_000_000
    sact_tumours = regimens[["MERGED_TUMOUR_ID", "MERGED_PATIENT_ID"]].drop_duplicates("MERGED_TUMOUR_ID")
    given = {
        "av_patient": patients,
        "av_tumour": tumours,
        "sact_patient": people,
        "sact_tumour": sact_tumours.assign(
            CONSULTANT_SPECIALITY_CODE="800", PRIMARY_DIAGNOSIS="C504", MORPHOLOGY_CLEAN="8500"
        ),
        "sact_regimen": regimens,
        "sact_cycle": cycles,
        "sact_drug_detail": drugs,
        "sact_outcome": outcomes,
    }
    return {name: table[list(VERSION_1_COLUMNS[name].split())] for name, table in given.items()}


#: Column order of the version 1 dictionary.
VERSION_1_COLUMNS = {
    "av_patient": "PATIENTID SEX LINKNUMBER ETHNICITY DEATHCAUSECODE_1A DEATHCAUSECODE_1B DEATHCAUSECODE_1C "
    "DEATHCAUSECODE_2 DEATHCAUSECODE_UNDERLYING DEATHLOCATIONCODE NEWVITALSTATUS VITALSTATUSDATE",
    "av_tumour": "TUMOURID PATIENTID DIAGNOSISDATEBEST SITE_ICD10_O2 SITE_ICD10_O2_3CHAR MORPH_ICD10_O2 "
    "BEHAVIOUR_ICD10_O2 T_BEST N_BEST M_BEST STAGE_BEST STAGE_BEST_SYSTEM GRADE AGE SEX CREG_CODE LINKNUMBER "
    "SCREENINGSTATUSFULL_CODE ER_STATUS ER_SCORE PR_STATUS PR_SCORE HER2_STATUS CANCERCAREPLANINTENT "
    "PERFORMANCESTATUS CNS ACE27 GLEASON_PRIMARY GLEASON_SECONDARY GLEASON_TERTIARY GLEASON_COMBINED "
    "DATE_FIRST_SURGERY LATERALITY QUINTILE_2015",
    "sact_patient": "MERGED_PATIENT_ID LINK_NUMBER",
    "sact_tumour": "MERGED_TUMOUR_ID MERGED_PATIENT_ID CONSULTANT_SPECIALITY_CODE PRIMARY_DIAGNOSIS MORPHOLOGY_CLEAN",
    "sact_regimen": "MERGED_REGIMEN_ID MERGED_TUMOUR_ID HEIGHT_AT_START_OF_REGIMEN WEIGHT_AT_START_OF_REGIMEN "
    "INTENT_OF_TREATMENT DATE_DECISION_TO_TREAT START_DATE_OF_REGIMEN MAPPED_REGIMEN CLINICAL_TRIAL CHEMO_RADIATION "
    "MERGED_PATIENT_ID BENCHMARK_GROUP",
    "sact_outcome": "MERGED_OUTCOME_ID MERGED_REGIMEN_ID DATE_OF_FINAL_TREATMENT REGIMEN_MOD_DOSE_REDUCTION "
    "REGIMEN_MOD_TIME_DELAY REGIMEN_MOD_STOPPED_EARLY REGIMEN_OUTCOME_SUMMARY MERGED_PATIENT_ID MERGED_TUMOUR_ID",
    "sact_cycle": "MERGED_CYCLE_ID MERGED_REGIMEN_ID CYCLE_NUMBER START_DATE_OF_CYCLE OPCS_PROCUREMENT_CODE "
    "PERF_STATUS_START_OF_CYCLE MERGED_PATIENT_ID MERGED_TUMOUR_ID",
    "sact_drug_detail": "MERGED_DRUG_DETAIL_ID MERGED_CYCLE_ID ORG_CODE_OF_DRUG_PROVIDER "
    "ACTUAL_DOSE_PER_ADMINISTRATION OPCS_DELIVERY_CODE ADMINISTRATION_ROUTE ADMINISTRATION_DATE DRUG_GROUP "
    "MERGED_PATIENT_ID MERGED_TUMOUR_ID MERGED_REGIMEN_ID",
}


def _of_person(person: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give every row of a person the value of the person's first row."""
    return pd.Series(values).groupby(person).transform("first").to_numpy()


def _with_gaps(rng: np.random.Generator, values: np.ndarray, share: float) -> np.ndarray:
    return np.where(rng.random(len(values)) < share, "", values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", type=int, choices=PERIODS, default=2)
    parser.add_argument("--tumours", type=int, default=12_000)
    chosen = parser.parse_args()
    print(write_simulacrum(chosen.folder, version=chosen.version, tumours=chosen.tumours))
