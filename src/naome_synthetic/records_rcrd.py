"""England's rapid registration: the same people from 2019 on, fewer items, less stage, no receptors."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from naome_synthetic.records_england import write_stage
from naome_synthetic.tables import Table, identifier, take_rows

_FROM_TUMOUR = {
    "DIAGNOSISDATE": "DIAGNOSISDATEBEST",
    "SITE_ICD10": "SITE_ICD10_O2",
    "GENDER": "GENDER",
    "AGE": "AGE",
    "QUINTILE_2019": "QUINTILE_2019",
    "DIAG_TRUST": "DIAG_TRUST",
    "CANALLIANCE_CODE": "CANALLIANCE_CODE",
    "PERFORMANCESTATUS": "PERFORMANCESTATUS",
    "CNS": "CNS",
}
_ORDER = (
    *("PATIENTID", "TUMOURID", "DIAGNOSISDATE", "SITE_ICD10", "GENDER", "AGE", "ETHNICITY", "STAGE", "QUINTILE_2019"),
    *("DIAG_TRUST", "CANALLIANCE_CODE", "PERFORMANCESTATUS", "CNS", "VITALSTATUS", "VITALSTATUSDATE"),
)


def keep_rapid(
    tables: dict[str, Table],
    p: SimpleNamespace,
    calibration: dict,
    seed: np.random.SeedSequence,
) -> tuple[dict[str, Table], SimpleNamespace]:
    """Reduce England's full tables of one chunk to the rapid registration's.

    Parameters
    ----------
    tables : dict of str to Table
        Of `records_england.write_tables`.
    p : types.SimpleNamespace
        The course of the chunk.
    calibration : dict
        The calibration file.
    seed : numpy.random.SeedSequence
        The stream the chunk's records came from; a further stream is spawned.

    Returns
    -------
    tables : dict of str to Table
        rcrd_tumour and hes_apc.
    p : types.SimpleNamespace
        The people kept: diagnosed 2019 or later.
    """
    rng = np.random.default_rng(seed.spawn(1)[0])
    keep = np.flatnonzero(p.year >= 2019)
    kept = SimpleNamespace(**{k: v[keep] if isinstance(v, np.ndarray) else v for k, v in vars(p).items()})
    kept.n = keep.size
    # People's first rows stand in the order of the course in both tables.
    tumour, patient = take_rows(tables["av_tumour"], keep), take_rows(tables["av_patient"], keep)
    share = calibration["rapid_registration"]["stage_recorded"]
    unstaged = rng.random(kept.n) >= np.where(kept.stage == 4, share["stage4"], share["other"]) / 100
    out = {name: tumour[source] for name, source in _FROM_TUMOUR.items()}
    out |= {"PATIENTID": identifier(kept.person), "TUMOURID": tumour["TUMOURID"], "ETHNICITY": patient["ETHNICITY"]}
    out |= {"STAGE": write_stage(rng, kept.stage, unstaged | kept.unstaged)}
    out |= {name: patient[name] for name in ("VITALSTATUS", "VITALSTATUSDATE")}
    first, last = p.person[0], p.person[-1]
    chosen = np.zeros(last - first + 1, dtype=bool)
    chosen[kept.person - first] = True
    hes = tables["hes_apc"]
    hes = take_rows(hes, chosen[hes["STUDY_ID"].values - first])
    return {"rcrd_tumour": {name: out[name] for name in _ORDER}, "hes_apc": hes}, kept
