"""The record of a run names, with digests, exactly the files that were read; other files beside them are none of it."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from naome.core.errors import ExtractError
from naome.core.seal import check_seal, digest_inputs, file_digest
from naome.extract import READERS, read
from naome.extract.folder import list_inputs
from naome.workflow import ingest
from naome.workflow.plan import plan_run


def dress(folder) -> set[str]:
    """Write the tables of a Welsh extract in many kinds of files; return their names."""
    folder.as_csv("organisations", suffix="TXT")
    folder.as_csv("wcn_registration", gzip.compress, suffix="tsv.gz")
    rows = pq.read_table(folder.file("pedw_oper"))
    folder.file("pedw_oper").unlink()
    (folder.path / "PEDW_OPER.parquet").mkdir()
    for number in (0, 1):
        part = rows.slice(number * (len(rows) // 2), len(rows) if number else len(rows) // 2)
        pq.write_table(part, folder.path / "PEDW_OPER.parquet" / f"part-{number:05}.parquet")
    (folder.path / "PEDW_OPER.parquet" / "_SUCCESS").touch()
    diagnoses = pq.read_table(folder.file("pedw_diag"))
    folder.file("pedw_diag").unlink()
    pq.write_table(diagnoses.slice(0, 100), folder.path / "pedw_diag_2019.PARQUET")
    pq.write_table(diagnoses.slice(100), folder.path / "pedw_diag_2020.PARQUET")
    (folder.path / "readme.txt").write_text("about this delivery")
    return {
        "organisations.TXT", "wcn_registration.tsv.gz", "PEDW_OPER.parquet/part-00000.parquet",
        "PEDW_OPER.parquet/part-00001.parquet", "pedw_diag_2019.PARQUET", "pedw_diag_2020.PARQUET",
        "pedw_spell.parquet", "pedw_episode.parquet", "adde_deaths.parquet", "extract.json",
    }  # fmt: skip


def test_the_record_names_every_file_that_was_read_with_its_digest(copy, run_naome, tmp_path):
    folder = copy("wales")
    names = dress(folder)
    assert run_naome("read", "--audit", "wales", "--data", folder.path, "--run-dir", tmp_path / "run") == 0
    record = json.loads((tmp_path / "run" / "inputs" / "read.json").read_text())
    assert record["inputs"] == {name: file_digest(folder.path / name) for name in names}
    assert record["marking"] == "real" and record["seal_broken"]


@pytest.mark.parametrize(
    "name", ["organisations.TXT", "PEDW_OPER.parquet/part-00001.parquet", "pedw_diag_2020.PARQUET", "extract.json"]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_is_replaced_while_it_is_read_is_refused(copy, tmp_path, monkeypatch, name, when):
    folder = copy("wales")
    dress(folder)
    plan = plan_run("wales", data=str(folder.path), run_dir=str(tmp_path / "run"))
    plan.folder.mkdir(parents=True)

    def replace():
        data = (folder.path / name).read_bytes()
        (folder.path / name).unlink()
        (folder.path / name).write_bytes(data + b"\n" if name.endswith(("TXT", "json")) else data)

    def read_and_replace(*arguments, **options):
        if when == "before":
            replace()
        extract = read.read_extract(*arguments, **options)
        if when == "after":
            replace()
        return extract

    monkeypatch.setattr(ingest, "read_extract", read_and_replace)
    with pytest.raises(ExtractError, match=f"{name} changed while the extract was read"):
        ingest.read_run(plan, progress=lambda line: None)
    assert not (plan.folder / "inputs").exists()


def test_a_part_that_comes_while_the_extract_is_read_is_refused(copy):
    folder = copy("wales")
    dress(folder)
    inputs = digest_inputs(folder.path, lambda path: list_inputs(path, READERS["wcn"].tables))
    inputs.check_unchanged()
    pq.write_table(pa.table({"A": [1]}), folder.path / "PEDW_OPER.parquet" / "part-00002.parquet")
    with pytest.raises(ExtractError, match=r"PEDW_OPER\.parquet/part-00002\.parquet changed"):
        inputs.check_unchanged()


def test_a_part_that_was_added_breaks_the_seal_and_the_untouched_extract_keeps_it(copy):
    folder = copy("wales")

    def find(path):
        return list_inputs(path, READERS["wcn"].tables)

    assert check_seal(digest_inputs(folder.path, find)) == (True, "")
    (folder.path / "pedw_diag_2020.txt").write_text("in the place of the whole table")
    (folder.path / "pedw_diag.parquet").unlink()
    whole, why = check_seal(digest_inputs(folder.path, find))
    assert not whole and "pedw_diag_2020.txt" in why
