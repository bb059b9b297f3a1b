"""The defects of real extracts. Each is a named function that spoils some rows and says how many.

None moves a calibrated figure once it is repaired: what is spoilt can be read back, and what is added is recognisably a
copy, unlinked, or after death. A cell is spoilt at most once, so the counts are exact in any combination.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from naome_synthetic.course import NEVER
from naome_synthetic.organisations import Organisations
from naome_synthetic.sampling import day_number
from naome_synthetic.tables import MISSING, Column, Table, append_copies, count_rows

EARLY_SENTINELS = (day_number("1800-01-01"), day_number("1801-01-01"))
_DIAGNOSES = [f"DIAG_{k:02d}" for k in range(1, 11)]
_OPERATIONS = [f"OPERTN_{k:02d}" for k in range(1, 5)]
ICD10_COLUMNS = {
    "hes_apc": _DIAGNOSES,
    "av_tumour": ["SITE_ICD10_O2"],
    "av_patient": ["DEATHCAUSECODE_1A", "DEATHCAUSECODE_UNDERLYING"],
    "ons_deaths": ["S_UNDERLYING_COD_ICD10", "S_COD_CODE_1"],
    "cwt": ["SITE_ICD10"],
    "rcrd_tumour": ["SITE_ICD10"],
    "pedw_diag": ["DIAG_CD_1234"],
    "wcn_registration": ["PRIMARY_DIAGNOSIS_ICD"],
    "adde_deaths": ["DEATHCAUSE_DIAG_UNDERLYING_CD", "DEATHCAUSE_DIAG_1_CD"],
}


@dataclass
class Batch:
    """One chunk of tables on its way to the files, and what has been spoilt in it.

    Attributes
    ----------
    tables : dict of str to Table
    organisations : Organisations
    rates : dict of str to float
        Share of rows per defect, in percent.
    rng : numpy.random.Generator
        Stream of the defect being applied.
    """

    tables: dict[str, Table]
    organisations: Organisations
    rates: dict[str, float]
    name: str = ""
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    spoilt: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def columns(self, wanted: dict[str, list[str]]) -> Iterable[tuple[str, str, Column]]:
        """Go through those of the wanted columns that this nation has."""
        for table, names in wanted.items():
            for name in names:
                if table in self.tables:
                    yield table, name, self.tables[table][name]

    def choose(self, table: str, column: str, able: np.ndarray) -> np.ndarray:
        """Choose the defect's share of the rows that are able and not yet spoilt in this column."""
        spoilt = self.spoilt.get((table, column))
        if spoilt is not None:
            able = able & ~spoilt
        candidates = np.flatnonzero(able)
        chosen = self.rng.random(candidates.size) < self.rates[self.name] / 100
        if candidates.size and not chosen.any() and self.rates[self.name] > 0:
            chosen[self.rng.integers(candidates.size)] = True  # small extracts show every defect too
        return candidates[chosen]

    def count(self, table: str, column: str, rows: np.ndarray) -> None:
        """Note that these rows of this column have been spoilt."""
        key = (self.name, table, column)
        if rows.size:
            self.counts[key] = self.counts.get(key, 0) + int(rows.size)
            spoilt = self.spoilt.setdefault((table, column), np.zeros(count_rows(self.tables[table]), dtype=bool))
            spoilt[rows] = True

    def rewrite(self, table: str, column: str, able: Callable[[str], bool], change: Callable[[str], str]) -> None:
        """Rewrite the defect's share of the filled cells whose word is able."""
        target = self.tables[table][column]
        fit = np.array([able(word) for word in target.words] + [False])
        rows = self.choose(table, column, fit[target.values])
        if rows.size:
            target.rewrite(rows, change)
            self.count(table, column, rows)

    def append(self, table: str, key: str, rows: np.ndarray) -> np.ndarray:
        """Append copies of rows; return their positions. They count under the table's key column."""
        self.tables[table], copies = append_copies(self.tables[table], rows)
        for (name, column), spoilt in list(self.spoilt.items()):
            if name == table:
                self.spoilt[name, column] = np.concatenate([spoilt, spoilt[rows]])
        if rows.size:
            count_key = (self.name, table, key)
            self.counts[count_key] = self.counts.get(count_key, 0) + int(rows.size)
        return copies


# --- whole rows -----------------------------------------------------------------------------------------------------


def duplicate_registrations(batch: Batch) -> None:
    """Register a tumour twice: the very same row, or under a new number with DEDUP_FLAG 0 (England)."""
    for table, key, person in (
        ("av_tumour", "TUMOURID", "PATIENTID"),
        ("wcn_registration", "TUMOUR_ID", "ALF_PE"),
        ("rcrd_tumour", "TUMOURID", "PATIENTID"),
    ):
        if table not in batch.tables:
            continue
        rows = batch.choose(table, key, np.ones(count_rows(batch.tables[table]), dtype=bool))
        copies = batch.append(table, key, rows)
        if table == "av_tumour":
            other = copies[::2]
            tumour = batch.tables[table]
            tumour[key].values[other] = tumour[person].values[other] * 10 + 9
            tumour["DEDUP_FLAG"].values[other] = tumour["DEDUP_FLAG"].words.index("0")


def duplicate_deaths(batch: Batch) -> None:
    """Register a death twice: an earlier registration with another cause, superseded by the latest."""
    for table, key, registered in (
        ("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID", "REG_DATE"),
        ("adde_deaths", "ALF_PE", "DEATH_REG_DT"),
    ):
        if table not in batch.tables:
            continue
        rows = batch.choose(table, key, np.ones(count_rows(batch.tables[table]), dtype=bool))
        copies = batch.append(table, key, rows)
        deaths = batch.tables[table]
        deaths[registered].values[copies] -= 1 + (rows % 2).astype(np.int32)
        cause = deaths["S_UNDERLYING_COD_ICD10" if table == "ons_deaths" else "DEATHCAUSE_DIAG_UNDERLYING_CD"]
        cause.rewrite(copies, lambda word: "R99" if word.startswith("C50") else word)


def admissions_after_death(batch: Batch) -> None:
    """Copy an admission of someone who died to a day after the death (England)."""
    if "ons_deaths" not in batch.tables:
        return
    hes, deaths = batch.tables["hes_apc"], batch.tables["ons_deaths"]
    row, death = _match(
        hes["STUDY_ID"].values, deaths["DEC_CONF_NHS_NUMBER_CLEAN_DEID"].values, deaths["REG_DATE_OF_DEATH"].values
    )
    harmless = np.ones(count_rows(hes), dtype=bool)
    for name in _DIAGNOSES:
        harmless &= ~_has(hes[name], lambda word: word.startswith(("C77", "C78", "C79", "Z51")))
    for name in _OPERATIONS:
        harmless &= ~_has(hes[name], lambda word: word.startswith("X7"))
    cut_off = day_number("2023-06-01")
    rows = batch.choose("hes_apc", "ADMIDATE", harmless & row & (death < cut_off - 70))
    shift = death[rows] + batch.rng.integers(1, 60, rows.size) - hes["ADMIDATE"].values[rows]
    copies = batch.append("hes_apc", "ADMIDATE", rows)
    hes = batch.tables["hes_apc"]
    hes["EPIKEY"].values[copies] = hes["EPIKEY"].values.max() + 1 + np.arange(copies.size)
    for name in ("EPISTART", "EPIEND", "ADMIDATE", "DISDATE", *(f"OPDATE_{k:02d}" for k in range(1, 5))):
        values = hes[name].values
        values[copies] = np.where(values[copies] == NEVER, NEVER, values[copies] + shift)


def treatment_after_death(batch: Batch) -> None:
    """Copy a cycle without chemotherapy to a day after the death (England: drugs posted, prescriptions collected)."""
    if "sact_cycle" not in batch.tables:
        return
    cycle, detail = batch.tables["sact_cycle"], batch.tables["sact_drug_detail"]
    regimen, deaths = batch.tables["sact_regimen"], batch.tables["ons_deaths"]
    died, death = _match(
        regimen["ENCORE_PATIENT_ID"].values,
        deaths["DEC_CONF_NHS_NUMBER_CLEAN_DEID"].values,
        deaths["REG_DATE_OF_DEATH"].values,
    )
    mild = _has(
        regimen["BENCHMARK_GROUP"], lambda word: word in ("HORMONES", "DENOSUMAB", "PAMIDRONATE/ZOLEDRONIC ACID")
    )
    found, day = _match(
        cycle["MERGED_REGIMEN_ID"].values, regimen["MERGED_REGIMEN_ID"].values[died & mild], death[died & mild]
    )
    rows = batch.choose("sact_cycle", "MERGED_CYCLE_ID", found & (day < day_number("2023-06-01") - 40))
    new_id = cycle["MERGED_CYCLE_ID"].values.max() + 1 + np.arange(rows.size)
    new_day = day[rows] + batch.rng.integers(1, 30, rows.size)
    has_drug, new_of_drug = _match(
        detail["MERGED_CYCLE_ID"].values, cycle["MERGED_CYCLE_ID"].values[rows], np.arange(rows.size)
    )
    drug_rows = np.flatnonzero(has_drug)
    copies = batch.append("sact_cycle", "MERGED_CYCLE_ID", rows)
    drug_copies = batch.append("sact_drug_detail", "MERGED_DRUG_DETAIL_ID", drug_rows)
    cycle, detail = batch.tables["sact_cycle"], batch.tables["sact_drug_detail"]
    cycle["MERGED_CYCLE_ID"].values[copies], cycle["START_DATE_OF_CYCLE"].values[copies] = new_id, new_day
    number = new_of_drug[drug_rows]
    detail["MERGED_CYCLE_ID"].values[drug_copies] = new_id[number]
    detail["ADMINISTRATION_DATE"].values[drug_copies] = new_day[number]
    detail["MERGED_DRUG_DETAIL_ID"].values[drug_copies] = (
        detail["MERGED_DRUG_DETAIL_ID"].values.max() + 1 + np.arange(drug_copies.size)
    )


def unlinked_records(batch: Batch) -> None:
    """Add spells and deaths that could not be linked to a person: no ALF, another linkage status (Wales)."""
    for table, key in (("pedw_spell", "SPELL_NUM_PE"), ("adde_deaths", "ALF_PE")):
        if table not in batch.tables:
            continue
        rows = batch.choose(table, key, np.ones(count_rows(batch.tables[table]), dtype=bool))
        copies = batch.append(table, key, rows)
        spoilt = batch.tables[table]
        spoilt["ALF_PE"].values[copies] = MISSING
        spoilt["ALF_STS_CD"].rewrite(copies, lambda word: "99")
        if table == "pedw_spell":
            spoilt[key].values[copies] = spoilt[key].values.max() + 1 + np.arange(copies.size)


# --- cells ----------------------------------------------------------------------------------------------------------


def old_trust_codes(batch: Batch) -> None:
    """Leave the code of a merged trust on what happened before the merger (half of the successor's patients)."""
    o = batch.organisations
    places = (
        ("av_tumour", "DIAG_TRUST", "PATIENTID", "DIAGNOSISDATEBEST"),
        ("rcrd_tumour", "DIAG_TRUST", "PATIENTID", "DIAGNOSISDATE"),
        ("hes_apc", "PROCODE3", "STUDY_ID", "ADMIDATE"),
    )
    for table, column, person, day in places:
        if table not in batch.tables:
            continue
        here = batch.tables[table]
        # Not drawn: a person's tumour and admissions must agree on the site that later merged.
        half = (here[person].values * 2654435761 >> 16) % 2 == 0
        for closed in range(o.current, len(o.code)):
            was = here[column].values == o.successor[closed]
            rows = np.flatnonzero(was & half & (here[day].values < o.close_day[closed]))
            here[column].values[rows] = closed
            batch.count(table, column, rows)


def sentinel_dates(batch: Batch) -> None:
    """Write 1800-01-01 or 1801-01-01 for an unknown date: operations, discharges, ends of episodes."""
    wanted = {
        "hes_apc": ["EPIEND", "DISDATE", "OPDATE_01", "OPDATE_02"],
        "pedw_spell": ["DISCH_DT"],
        "pedw_oper": ["OPER_DT"],
    }
    for table, name, column in batch.columns(wanted):
        rows = batch.choose(table, name, ~column.missing())
        column.values[rows] = np.array(EARLY_SENTINELS)[batch.rng.integers(0, 2, rows.size)]
        batch.count(table, name, rows)


def float_like_text(batch: Batch) -> None:
    """Write a whole number in a text column as a spreadsheet would: "3.0"."""
    wanted = {
        "av_patient": ["GENDER"],
        "av_tumour": ["PERFORMANCESTATUS", "BASISOFDIAGNOSIS"],
        "rcrd_tumour": ["PERFORMANCESTATUS"],
        "sact_cycle": ["PERF_STATUS_START_OF_CYCLE"],
        "sact_drug_detail": ["ADMINISTRATION_ROUTE"],
        "sact_outcome": ["REGIMEN_OUTCOME_SUMMARY"],
        "rtds_episode": ["RADIOTHERAPYINTENT"],
        "rtds_prescription": ["RTTREATMENTMODALITY"],
        "wcn_registration": ["PERFORMANCE_STATUS", "TUMOUR_GRADE"],
        "pedw_spell": ["PAT_CLASS_CD"],
    }
    for table, name, _ in batch.columns(wanted):
        batch.rewrite(table, name, str.isdigit, lambda word: f"{word}.0")


def lower_case_codes(batch: Batch) -> None:
    """Write a code in lower case."""
    wanted = ICD10_COLUMNS | {
        "av_tumour": [
            "STAGE_BEST",
            "GRADE",
            "ER_STATUS",
            "HER2_STATUS",
            "CNS",
            "CANCERCAREPLANINTENT",
            "SITE_ICD10_O2",
        ],
        "rcrd_tumour": ["STAGE", "CNS", "SITE_ICD10"],
        "sact_regimen": ["INTENT_OF_TREATMENT"],
        "rtds_prescription": ["RTTREATMENTREGION"],
        "wcn_registration": [
            "PRIMARY_DIAGNOSIS_ICD",
            "STAGE_GROUPING",
            "ER_STATUS",
            "HER2_STATUS",
            "KEY_WORKER_SEEN",
            "CHEMOTHERAPY_FLAG",
        ],
    }
    for table, name, _ in batch.columns(wanted):
        batch.rewrite(table, name, lambda word: word != word.lower(), str.lower)


def x_padded_codes(batch: Batch) -> None:
    """Fill an ICD-10 code up with X: a three-character code to four, a four-character code to five."""
    for table, name, _ in batch.columns(ICD10_COLUMNS):
        batch.rewrite(table, name, _is_plain_icd10, lambda word: f"{word}X")


def dotted_codes(batch: Batch) -> None:
    """Put the dot into an ICD-10 code: C50.9."""
    for table, name, _ in batch.columns(ICD10_COLUMNS):
        batch.rewrite(table, name, lambda w: _is_plain_icd10(w) and len(w) == 4, lambda w: f"{w[:3]}.{w[3:]}")


def dagger_asterisk_codes(batch: Batch) -> None:
    """Mark an ICD-10 code of an admission as dagger (D or +) or asterisk (A or *)."""
    wanted = {"hes_apc": _DIAGNOSES, "pedw_diag": ["DIAG_CD_1234"]}
    for table, name, column in batch.columns(wanted):
        rows = batch.choose(table, name, _has(column, lambda word: _is_plain_icd10(word) and len(word) == 4))
        for number, mark in enumerate("D+A*"):
            column.rewrite(rows[number::4], lambda word, mark=mark: word + mark)
        batch.count(table, name, rows)


def empty_code_marks(batch: Batch) -> None:
    """Write "-" for no diagnosis, "-" or "&" for no operation (England)."""
    wanted = {"hes_apc": ["DIAG_02", "DIAG_03", "OPERTN_01", "OPERTN_02"]}
    for table, name, column in batch.columns(wanted):
        rows = batch.choose(table, name, column.missing())
        marks = ["-"] if name.startswith("DIAG") else ["-", "&"]
        column.words = [*column.words, *marks]
        column.values[rows] = len(column.words) - len(marks) + batch.rng.integers(0, len(marks), rows.size)
        batch.count(table, name, rows)


def cause_lists(batch: Batch) -> None:
    """Put a list of causes where one belongs: "C509,J189" (England)."""
    wanted = {"av_patient": ["DEATHCAUSECODE_1A", "DEATHCAUSECODE_2", "DEATHCAUSECODE_UNDERLYING"]}
    for table, name, _ in batch.columns(wanted):
        batch.rewrite(table, name, _is_plain_icd10, lambda word: f"{word},{'J189' if word != 'J189' else 'N179'}")


def borderline_receptors(batch: Batch) -> None:
    """Write borderline (B) for a receptor that is not recorded."""
    names = ["ER_STATUS", "PR_STATUS", "HER2_STATUS"]
    for table, name, column in batch.columns({"av_tumour": names, "wcn_registration": names}):
        rows = batch.choose(table, name, column.missing())
        column.values[rows] = column.words.index("B")
        batch.count(table, name, rows)


def unmapped_values(batch: Batch) -> None:
    """Write values outside the lookups: mixed intents "01|02", `R`, `4`; outcomes `0`, `9`, `N` (England)."""
    spoil = {
        ("sact_regimen", "INTENT_OF_TREATMENT"): {"01": "01|02", "02": "02|03", "03": "R", "98": "4"},
        ("sact_outcome", "REGIMEN_OUTCOME_SUMMARY"): {"1": "0", "2": "9", "3": "3", "4": "N", "5": "7"},
    }
    for (table, name), become in spoil.items():
        if table in batch.tables:
            batch.rewrite(
                table, name, lambda w, become=become: become.get(w, w) != w, lambda w, become=become: become[w]
            )


def latin1_text(batch: Batch) -> None:
    """Put letters outside ASCII into regimen names; in CSV the file is latin-1 (England)."""
    if "sact_regimen" in batch.tables:
        batch.rewrite(
            "sact_regimen",
            "MAPPED_REGIMEN",
            lambda word: word.isascii(),
            lambda word: f"{word} (1000 mg/m\u00b2 \u00b1 5%)",
        )


def white_space(batch: Batch) -> None:
    """Leave blanks before or behind a code."""
    wanted = {
        "av_tumour": ["ER_STATUS", "PR_STATUS", "HER2_STATUS", "STAGE_BEST", "GRADE"],
        "rcrd_tumour": ["STAGE"],
        "sact_drug_detail": ["DRUG_GROUP"],
        "hes_apc": ["DIAG_01", "OPERTN_01", "PROCODE3"],
        "wcn_registration": ["ER_STATUS", "HER2_STATUS", "STAGE_GROUPING"],
        "pedw_diag": ["DIAG_CD_1234"],
    }
    for number, (table, name, _) in enumerate(batch.columns(wanted)):
        batch.rewrite(
            table,
            name,
            lambda word: word == word.strip(),
            (lambda w: f" {w}") if number % 3 == 0 else (lambda w: f"{w}  "),
        )


def reversed_quintiles(batch: Batch) -> None:
    """Write deprivation as Simulacrum v1 does: QUINTILE_2015, "1 - least deprived" to "5 - most deprived" (England)."""
    least_first = {
        "1 - most deprived": "5 - most deprived",
        "2": "4",
        "3": "3",
        "4": "2",
        "5 - least deprived": "1 - least deprived",
    }
    for table in ("av_tumour", "rcrd_tumour"):
        if table not in batch.tables:
            continue
        column = batch.tables[table]["QUINTILE_2019"]
        column.words = [least_first.get(word, word) for word in column.words]
        batch.tables[table] = {
            ("QUINTILE_2015" if n == "QUINTILE_2019" else n): c for n, c in batch.tables[table].items()
        }
        batch.count(table, "QUINTILE_2015", np.flatnonzero(~column.missing()))


#: Whole rows first, so that the counts of spoilt cells include the copies.
DEFECTS: dict[str, Callable[[Batch], None]] = {
    f.__name__: f
    for f in (
        duplicate_registrations,
        duplicate_deaths,
        admissions_after_death,
        treatment_after_death,
        unlinked_records,
        old_trust_codes,
        sentinel_dates,
        float_like_text,
        lower_case_codes,
        x_padded_codes,
        dotted_codes,
        dagger_asterisk_codes,
        empty_code_marks,
        cause_lists,
        borderline_receptors,
        unmapped_values,
        latin1_text,
        white_space,
        reversed_quintiles,
    )
}
#: Only when asked for by name: it renames a column.
ON_REQUEST = frozenset({"reversed_quintiles"})


def choose_defects(defects: bool | Collection[str]) -> list[str]:
    """Return the names of the defects wanted, in the order they are applied.

    Parameters
    ----------
    defects : bool or collection of str
        True: all but those of `ON_REQUEST`; False: none; or names of `DEFECTS`.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> choose_defects({"white_space", "dotted_codes"})
    ['dotted_codes', 'white_space']
    """
    if isinstance(defects, bool):
        return [name for name in DEFECTS if defects and name not in ON_REQUEST]
    wanted = {defects} if isinstance(defects, str) else set(defects)
    unknown = sorted(wanted - set(DEFECTS))
    if unknown:
        raise ValueError(f"unknown defects {unknown}; allowed: {', '.join(DEFECTS)}")
    return [name for name in DEFECTS if name in wanted]


class DefectLog:
    """Apply the chosen defects chunk by chunk and add up what they touched.

    Parameters
    ----------
    names : list of str
        Of `choose_defects`.
    rates : dict of str to float
        Share of rows per defect, in percent (`defects` of the calibration file).
    organisations : Organisations
    """

    def __init__(self, names: list[str], rates: dict[str, float], organisations: Organisations) -> None:
        self.names, self.rates, self.organisations = names, rates, organisations
        self.counts: dict[tuple[str, str, str], int] = {}

    def apply(self, tables: dict[str, Table], seed: np.random.SeedSequence) -> dict[str, Table]:
        """Spoil one chunk of tables; each defect draws from its own stream, whichever others are on."""
        batch = Batch(tables, self.organisations, self.rates)
        for name, stream in zip(DEFECTS, seed.spawn(len(DEFECTS)), strict=True):
            if name in self.names:
                batch.name, batch.rng = name, np.random.default_rng(stream)
                DEFECTS[name](batch)
        for key, rows in batch.counts.items():
            self.counts[key] = self.counts.get(key, 0) + rows
        return batch.tables

    def total(self) -> dict[str, int]:
        """Return the rows affected per defect, zero for a chosen one this nation does not have."""
        return {name: sum(n for key, n in self.counts.items() if key[0] == name) for name in self.names}

    def write(self, path: Path) -> None:
        """Write the truth about defects: name, table, column, rows."""
        order = {name: number for number, name in enumerate(DEFECTS)}
        rows = sorted(self.counts.items(), key=lambda item: (order[item[0][0]], item[0]))
        text = {name: [key[i] for key, _ in rows] for i, name in enumerate(("name", "table", "column"))}
        counts = pa.array([n for _, n in rows], pa.int64())
        pq.write_table(pa.table({n: pa.array(v, pa.string()) for n, v in text.items()} | {"rows": counts}), path)


def _match(ids: np.ndarray, known: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say which ids are among the known ones, and give each its value (0 if not)."""
    if known.size == 0:
        return np.zeros(ids.size, dtype=bool), np.zeros(ids.size, dtype=np.int64)
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known[order], ids), known.size - 1)
    found = known[order][at] == ids
    return found, np.where(found, value[order][at], 0)


def _has(column: Column, condition: Callable[[str], bool]) -> np.ndarray:
    fit = np.array([condition(word) for word in column.words] + [False])
    return fit[column.values]


def _is_plain_icd10(word: str) -> bool:
    return 3 <= len(word) <= 4 and word[0].isupper() and word[1:].isdigit() and word.isascii()
