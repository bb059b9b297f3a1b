"""Write a whole synthetic extract and its truth."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from naome.core.atomic import replace_folder, scratch_folder, sweep
from naome.core.seal import SEAL, digest_inputs
from naome_synthetic import course, records_england, records_rcrd, records_wales
from naome_synthetic.calibration import load_calibration
from naome_synthetic.defects import DefectLog, choose_defects
from naome_synthetic.organisations import MEASURES, Organisations, build_organisations
from naome_synthetic.tables import code, date, identifier, integer, real, words
from naome_synthetic.write import TableWriter

NATIONS = {"england": "ncrd", "wales": "wcn", "england-rcrd": "rcrd"}
GENERATOR_VERSION = "1"
CHUNK = 50_000


def write_extract(
    nation: str,
    out_dir: str | os.PathLike,
    truth_dir: str | os.PathLike,
    *,
    scale: float = 1.0,
    seed: int = 2024,
    fmt: str = "parquet",
    defects: bool | Collection[str] = True,
    progress: Callable[[str], None] | None = None,
) -> dict:
    """Write one nation's synthetic extract and, apart from it, the truth behind it.

    Parameters
    ----------
    nation : {"england", "wales", "england-rcrd"}
        "england-rcrd" is the rapid registration of the same people as "england" of the same seed and scale, diagnosed
        from 2019, with 2022 added.
    out_dir : path
        Folder of the extract; an existing one is replaced as a whole once the new one is complete.
    truth_dir : path
        Folder of the truth (people, providers, defects, summary); must not be inside `out_dir`.
    scale : float, > 0
        1 is national size; people are made in chunks of 50,000, so memory does not grow with it.
    seed : int, >= 0
        Same seed, scale and version: same bytes.
    fmt : {"parquet", "csv"}
        CSV has dates as dd/mm/yyyy and all fields quoted; `sact_regimen` is latin-1, the rest UTF-8.
    defects : bool or collection of str
        All defects, none, or those named (see `naome_synthetic.defects.DEFECTS`).
    progress : callable, optional
        Called with a line of text per chunk.

    Returns
    -------
    dict
        nation, scale, seed, people, rows per table, seconds, defects (rows affected per name).

    Raises
    ------
    ValueError
        If an argument is not allowed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as d:
    ...     summary = write_extract("wales", f"{d}/extract", f"{d}/truth", scale=0.02)
    >>> summary["people"]
    400
    """
    _check_arguments(nation, Path(out_dir), Path(truth_dir), scale, seed, fmt)
    began = time.monotonic()
    calibration = load_calibration()
    names = choose_defects(defects)
    with _replacement(Path(out_dir)) as out, _replacement(Path(truth_dir)) as truth:
        made = _write_chunks(nation, calibration, out, truth, scale, seed, fmt, names, progress)
        rows = _count_files(out, made.rows)
        header = {
            "nation": nation.removesuffix("-rcrd"),
            "synthetic": True,
            "kind": NATIONS[nation],
            "scale": scale,
            "seed": seed,
            "version": f"{GENERATOR_VERSION}.{calibration['version']}",
            "rows": rows,
            "cut_off": str(calibration["calendar"]["cut_off"]),
            "files": dict(digest_inputs(out).digests),
        }
        (out / SEAL).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
        made.log.write(truth / "defects.parquet")
        summary = {
            "nation": nation,
            "scale": scale,
            "seed": seed,
            "people": made.people,
            "rows": rows,
            "defects": made.log.total(),
        }
        (truth / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary | {"seconds": time.monotonic() - began}


def _check_arguments(nation: str, out_dir: Path, truth_dir: Path, scale: float, seed: int, fmt: str) -> None:
    if nation not in NATIONS:
        raise ValueError(f"unknown nation {nation!r}; allowed: {', '.join(NATIONS)}")
    if fmt not in ("parquet", "csv"):
        raise ValueError(f"unknown format {fmt!r}; allowed: parquet, csv")
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be a number above 0, got {scale!r}; 1 is national size, 0.02 is enough for tests")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed!r}")
    out_dir, truth_dir = out_dir.resolve(), truth_dir.resolve()
    if truth_dir == out_dir or out_dir in truth_dir.parents or truth_dir in out_dir.parents:
        raise ValueError(f"the truth folder {truth_dir} and the extract folder {out_dir} must not contain each other")
    for folder, mark in ((out_dir, SEAL), (truth_dir, "summary.json")):
        if folder.is_dir() and any(folder.iterdir()) and not (folder / mark).is_file():
            raise ValueError(
                f"will not replace {folder}: it holds other files and no {mark}; name a new or empty folder"
            )
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"will not replace {folder}: it is not a folder")


def _write_chunks(nation, calibration, out, truth, scale, seed, fmt, names, progress) -> SimpleNamespace:
    base = nation.removesuffix("-rcrd")
    root = np.random.SeedSequence([seed, list(NATIONS).index(base)])
    organisation_seed, people_seed, extra_seed = root.spawn(3)
    organisations = build_organisations(base, calibration["provider"], organisation_seed)
    log = DefectLog(names, calibration["defects"], organisations)
    plans = [(course.plan_strata(calibration, base, scale), people_seed)]
    if nation == "england-rcrd":
        plans.append((course.plan_strata(calibration, base, scale, year_2022=True), extra_seed))
    done, people = 0, 0
    total = int(sum(plan[:, 3].sum() for plan, _ in plans))
    with TableWriter(out, fmt) as writer, TableWriter(truth, "parquet") as truths:
        writer.append({"organisations": records_england.write_organisations(organisations)})
        truths.append({"providers": _write_providers(organisations)})
        for plan, plan_seed in plans:
            chunks = max(1, math.ceil(plan[:, 3].sum() / CHUNK))
            for chunk, chunk_seed in enumerate(plan_seed.spawn(chunks)):
                strata = course.take_chunk(plan, chunk, chunks)
                course_seed, record_seed, defect_seed = chunk_seed.spawn(3)
                p = course.build_course(calibration, base, organisations, strata, course_seed)
                if nation == "wales":
                    tables = records_wales.write_tables(p, organisations, done, record_seed)
                else:
                    tables = records_england.write_tables(p, organisations, calibration, done, record_seed)
                done += p.n
                if nation == "england-rcrd":
                    tables, p = records_rcrd.keep_rapid(tables, p, calibration, record_seed)
                people += p.n
                truths.append({"people": _write_people(p, organisations)})
                writer.append(log.apply(tables, defect_seed))
                if progress is not None:
                    progress(f"{nation}: {done:,} of {total:,} people")
    return SimpleNamespace(people=people, rows=writer.rows, log=log)


def _write_people(p: SimpleNamespace, organisations: Organisations) -> dict:
    table = {
        "PERSON_ID": identifier(p.person),
        "COURSE": code(p.course, list(course.COURSES)),
        "DIAGNOSED": date(p.diagnosed),
        "AGE": integer(p.age),
        "MALE": integer(p.male),
        "STAGE_TRUE": integer(p.stage),
        "SUBTYPE_TRUE": code(p.subtype, list(course.SUBTYPES)),
        "GRADE_TRUE": integer(p.grade),
        "CHARLSON_TRUE": integer(p.charlson),
        "FRAILTY_DEFICITS": integer(p.deficits),
        "QUINTILE": integer(p.quintile),
        "PROVIDER": code(p.provider, list(organisations.code)),
        "DISTANT_DISEASE": date(p.distant),
        "FIRST_METASTATIC_CODE": date(p.first_code),
        "DEATH": date(np.where(p.death >= course.NEVER, course.NEVER, p.death)),
        "CAUSE_TRUE": code(p.cause - 1, ["breast cancer", "other"]),
        "CAUSE_CERTIFIED": code(p.cause_rec - 1, ["breast cancer", "other"]),
        "CHEMOTHERAPY_METASTATIC": integer(p.chemo),
        "CHEMOTHERAPY_LAST": date(p.chemo_last),
        "CHEMOTHERAPY_ADJUVANT": integer(p.adjuvant),
    }
    for s, site in enumerate(course.SITES):
        table[f"SITE_{site.upper()}"] = integer(p.site_true[:, s])
    return table


def _write_providers(organisations: Organisations) -> dict:
    o = organisations
    table = {"ORG_CODE": words(np.array(o.code[: o.current])), "WEIGHT": real(o.weight)}
    for measure in MEASURES:
        table[f"EFFECT_{measure.upper()}"] = real(o.effect[measure])
        table[f"PLANTED_{measure.upper()}"] = code(o.planted[measure] + 1, ["low", "none", "high"])
    return table


def _count_files(out: Path, rows: dict[str, int]) -> dict[str, int]:
    return {path.stem: rows[path.stem] for path in sorted(out.iterdir()) if path.stem in rows}


@contextmanager
def _replacement(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target` that takes its place when all went well, and vanishes otherwise."""
    sweep(target.parent)
    with scratch_folder(target.parent, target.name) as folder:
        yield folder
        folder.chmod(0o755)
        replace_folder(folder, target)
