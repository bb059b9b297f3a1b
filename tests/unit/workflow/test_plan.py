"""What a run will be made of is checked before anything is read."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
import yaml

from naome.core.atomic import write_json
from naome.core.code_version import CodeVersion
from naome.core.definitions import Definitions
from naome.core.errors import DefinitionError, ExtractError, NaomeError, ParamsError, RunError
from naome.core.params import load_params
from naome.core.paths import project_root
from naome.core.seal import SEAL
from naome.workflow import ingest
from naome.workflow import plan as planning
from naome.workflow.cli import main
from naome.workflow.ingest import is_read, read_run
from naome.workflow.plan import open_step, plan_check, plan_run
from naome.workflow.run import Run
from naome_synthetic import write_extract


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    base = tmp_path_factory.mktemp("wales")
    write_extract("wales", base / "extract", base / "truth", scale=0.05)
    return base / "extract"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def altered(tmp_path):
    """Write Wales' parameters with some changes into a folder with a blank."""

    def alter(change=lambda raw: None, audit="wales"):
        raw = yaml.safe_load((project_root() / "params" / "wales.yaml").read_text(encoding="utf-8"))
        raw["audit"] = audit
        change(raw)
        file = tmp_path / "my files" / f"{audit}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        return file

    return alter


def unsealed(extract, folder):
    shutil.copytree(extract, folder)
    (folder / SEAL).unlink()
    return folder


def test_a_file_anywhere_is_the_file_that_is_used(runs, altered, extract, monkeypatch):
    def stricter(raw):
        raw["disclosure"] = {"policy": "lt10", "national": "suppress"}

    file = altered(stricter)
    monkeypatch.chdir(file.parent)
    plan = plan_run("wales.yaml", str(extract))
    assert plan.file == file and plan.params.disclosure.policy == "lt10"
    run, _ = read_run(plan, progress=lambda line: None)
    assert (run.inputs / "params.yaml").read_bytes() == file.read_bytes()
    assert run.params.disclosure.national == "suppress"
    file.unlink()
    assert Run(run.folder).params == plan.params


def test_real_data_are_real_and_have_a_folder_of_their_own(runs, extract, tmp_path):
    assert plan_run("wales", str(extract)).marking == "synthetic"
    plan = plan_run("wales", str(unsealed(extract, tmp_path / "From the Registry")))
    assert plan.marking == "real" and plan.folder == runs / "wales.from-the-registry"
    assert "no generator's seal" in plan.describe_marking()


def test_a_broken_seal_is_real_and_says_which_file(runs, extract, tmp_path):
    shutil.copytree(extract, tmp_path / "copy")
    (tmp_path / "copy" / "more.csv").write_text("A\n1\n")
    plan = plan_run("wales", str(tmp_path / "copy"))
    assert plan.marking == "real" and "more.csv" in plan.describe_marking()


def test_open_data_say_so_in_their_reader(runs):
    assert plan_run("rotterdam").marking == "open"


def test_a_run_of_other_data_or_other_parameters_is_not_replaced_unasked(runs, extract, altered, tmp_path):
    read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    again = tmp_path / "again"
    shutil.copytree(extract, again)
    with pytest.raises(RunError, match=r"holds a run of the data in .*--run with another name or folder keeps both"):
        plan_run("wales", str(again))
    with pytest.raises(RunError, match=r"holds a run of the parameters in .*params.wales.yaml"):
        plan_run(str(altered()), str(extract))
    assert plan_run("wales", str(again), replace=True).folder == runs / "wales"
    assert plan_run("wales", str(again), str(tmp_path / "mine")).folder == tmp_path / "mine"


def test_a_run_in_a_folder_that_was_named_is_not_replaced_unasked_and_is_made_again(runs, extract, altered, tmp_path):
    named, again = str(tmp_path / "mine"), tmp_path / "again"
    shutil.copytree(extract, again)
    read_run(plan_run("wales", str(extract), named), progress=lambda line: None)
    with pytest.raises(RunError, match=r"holds a run of the data in .*--replace replaces the earlier one"):
        plan_run("wales", str(again), named)
    with pytest.raises(RunError, match=r"holds a run of the parameters in .*params.wales.yaml"):
        plan_run(str(altered()), str(extract), named)
    for data, replace in ((extract, False), (again, True)):
        assert plan_run("wales", str(data), named, replace=replace).folder == tmp_path / "mine"
    params = project_root() / "params"
    same = plan_run(str(params / ".." / "params" / "wales.yaml"), str(extract), named)
    assert same.folder == tmp_path / "mine"


def test_steps_refuse_other_parameters_data_and_definitions(runs, extract, altered, tmp_path, monkeypatch):
    read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    assert open_step("wales").params.audit == "wales"
    assert open_step("wales", str(extract)).folder == open_step(run_dir=str(runs / "wales")).folder
    with pytest.raises(RunError, match="was read with other parameters: seed of .* differ"):
        open_step(str(altered(lambda raw: raw.update(seed=1))), run_dir=str(runs / "wales"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pedw_spell.csv").touch()
    with pytest.raises(RunError, match="was read from .*, not from"):
        open_step("wales", str(tmp_path / "other"), str(runs / "wales"))
    other = tmp_path / "definitions"
    shutil.copytree(project_root() / "definitions", other)
    (other / "indicators.yaml").write_text((other / "indicators.yaml").read_text() + "# more\n")
    changed = type(planning.project_definitions())(other)
    monkeypatch.setattr(planning, "project_definitions", lambda: changed)
    with pytest.raises(RunError, match="other definitions: indicators.yaml changed since"):
        open_step("wales")


def test_tables_and_record_appear_together_or_not_at_all(runs, extract, monkeypatch):
    run, _ = read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    before = {path.relative_to(run.folder): path.read_bytes() for path in run.inputs.rglob("*") if path.is_file()}
    for name in ("write_frame", "write_json", "replace_folder"):
        with monkeypatch.context() as patch:
            patch.setattr(
                f"naome.workflow.ingest.{name}", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space", "x"))
            )
            with pytest.raises(OSError, match="No space"):
                read_run(plan_run("wales", str(extract)), progress=lambda line: None)
        found = {path.relative_to(run.folder): path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
        assert found == before, name


def test_what_was_read_stays_for_a_chain_that_goes_on_with_the_same_inputs_and_code(
    runs, extract, altered, tmp_path, monkeypatch
):
    named = str(tmp_path / "mine")
    plan = plan_run("wales", str(extract), named)
    assert not is_read(plan)
    read_run(plan, progress=lambda line: None)
    assert is_read(plan_run("wales", str(extract), named))
    other = altered(lambda raw: raw.update(seed=1))
    assert not is_read(plan_run(str(other), str(extract), named, replace=True))
    again = tmp_path / "again"
    shutil.copytree(extract, again)
    file = next(again.glob("*.parquet"))
    file.write_bytes(file.read_bytes() + b" ")
    assert not is_read(plan_run("wales", str(again), named, replace=True))
    monkeypatch.setattr(ingest, "code_version", lambda: CodeVersion("0", "", None))
    assert not is_read(plan_run("wales", str(extract), named))


def test_a_file_that_changes_while_it_is_read_keeps_nothing(runs, extract, tmp_path):
    shutil.copytree(extract, tmp_path / "copy")
    plan = plan_run("wales", str(tmp_path / "copy"), str(tmp_path / "run"))
    file = next((tmp_path / "copy").glob("*.parquet"))
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data)
    with pytest.raises(NaomeError, match=f"{file.name} changed while the extract was read"):
        read_run(plan, progress=lambda line: None)
    assert not (tmp_path / "run" / "inputs").exists()


def test_parameters_and_definitions_that_change_before_they_are_copied_are_refused(runs, extract, altered, monkeypatch):
    file = altered()
    plan = plan_run(str(file), str(extract))
    altered(lambda raw: raw.update(seed=7))
    with pytest.raises(ParamsError, match="has changed while the run was being prepared"):
        read_run(plan, progress=lambda line: None)
    other = file.parent / "definitions"
    shutil.copytree(project_root() / "definitions", other)
    monkeypatch.setattr(planning, "project_definitions", lambda: Definitions(other))
    plan = plan_run(str(file), str(extract))
    (other / "indicators.yaml").write_text("indicators: []\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match="indicators.yaml"):
        read_run(plan, progress=lambda line: None)
    assert not (runs / "wales" / "inputs").exists()


def test_results_of_other_inputs_do_not_outlive_them(runs, extract, altered, as_runner):
    run, _ = read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    (run.folder / "release").mkdir()
    (run.folder / "release" / "indicators.parquet").touch()
    said = []
    read_run(plan_run("wales", str(extract)), progress=lambda line: None, notice=said.append)
    assert (run.folder / "release" / "indicators.parquet").exists(), "the same inputs keep what was made from them"
    write_json({"run_id": "wales-0123456789"}, run.folder / "manifest.json")
    file = altered(lambda raw: raw.update(seed=7))
    read_run(plan_run(str(file), str(extract), replace=True), progress=lambda line: None, notice=said.append)
    assert not (run.folder / "release").exists()
    assert said == [
        "wales: the finished run wales-0123456789 in this folder is replaced: changed since: the parameters"
    ]


@pytest.mark.parametrize("lose", [lambda file: file.write_text("{", encoding="utf-8"), Path.unlink])
def test_what_changed_since_a_run_with_a_damaged_record_or_none_is_not_known(runs, extract, lose):
    run, _ = read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    write_json({"run_id": "wales-0123456789"}, run.folder / "manifest.json")
    (run.folder / "release").mkdir()
    lose(run.inputs / "read.json")
    said = []
    read_run(plan_run("wales", str(extract), replace=True), progress=lambda line: None, notice=said.append)
    assert [line.partition("changed since: ")[2] for line in said] == ["not known, as its record is damaged or missing"]
    assert not (run.folder / "release").exists()


def test_the_command_says_that_a_finished_run_is_replaced(runs, extract, altered, capsys):
    file = altered(lambda raw: raw.update(seed=7))
    command = ["read", "--params", str(file), "--data", str(extract)]
    assert main(command) == 0
    (folder,) = runs.iterdir()
    write_json({"run_id": "wales-0123456789"}, folder / "manifest.json")
    assert main(command) == 0 and "is replaced" not in capsys.readouterr().out
    file.write_text(file.read_text(encoding="utf-8").replace("seed: 7", "seed: 8"), encoding="utf-8")
    assert main(command) == 0
    assert (
        "the finished run wales-0123456789 in this folder is replaced: changed since: the par"
        in capsys.readouterr().out
    )


def move(key, value):
    return lambda raw: raw.update({key: value})


def test_follow_up_after_the_extracts_cut_off_is_refused(runs, extract, altered):
    file = altered(move("censor_date", dt.date(2024, 6, 1)))
    with pytest.raises(ParamsError, match=r":\d+: key 'censor_date' is 2024-06-01, but .* complete to 2023-06-01"):
        plan_run(str(file), str(extract))


def test_follow_up_long_after_the_last_death_is_refused(runs, extract, altered, tmp_path):
    file = altered(move("censor_date", dt.date(2024, 6, 1)))
    plan = plan_run(str(file), str(unsealed(extract, tmp_path / "real")), str(tmp_path / "run"))
    with pytest.raises(ParamsError, match=r"last death in the extract is of 2023-0\d-\d\d"):
        read_run(plan, progress=lambda line: None)
    assert not (tmp_path / "run" / "inputs").exists()


NONSENSE = {
    "a day to come": (move("censor_date", dt.date.today() + dt.timedelta(days=1)), "censor_date.*today"),
    "a year that no registry has": (move("diagnosed_from", dt.date(1, 1, 1)), "diagnosed_from.*1950"),
    "seconds for a date": (move("censor_date", "1685577600"), "censor_date"),
    "a time of day": (move("censor_date", dt.datetime(2023, 6, 1, 12)), "without a time"),
    "audit period before reading begins": (
        move("diagnosed_from", dt.date(2020, 1, 1)),
        "must not be after metastatic_from",
    ),
    "audit period after reading ends": (move("diagnosed_to", dt.date(2018, 1, 1)), "must be before diagnosed_to"),
    "follow-up ends while people are diagnosed": (
        move("diagnosed_to", dt.date(2023, 8, 1)),
        "diagnosed_to .* must be before",
    ),
    "no horizon": (lambda raw: raw["survival"].update(horizons_years=[]), "horizons_years"),
    "a horizon twice": (lambda raw: raw["survival"].update(horizons_years=[1, 1]), "horizons_years.*more than once"),
    "a horizon that nobody reaches": (
        lambda raw: raw["survival"].update(horizons_years=[1, 15]),
        "no one can be followed",
    ),
    "no cohort": (move("cohorts", []), "key 'cohorts': must have 1 or more entries; found a list of 0"),
    "a cohort twice": (move("cohorts", ["denovo", "denovo"]), "cohorts.*more than once"),
    "no case mix": (lambda raw: raw["survival"].update(case_mix=[]), "case_mix"),
    "case mix twice": (lambda raw: raw["survival"].update(case_mix=["sex", "sex"]), "case_mix.*more than once"),
    "case mix misspelt": (
        lambda raw: raw["survival"].update(case_mix=["agee"]),
        r"yaml:\d+: key 'survival.case_mix': 'agee'.*did you mean 'age'",
    ),
    "a spline misspelt": (lambda raw: raw["survival"].update(case_mix=["rcs(agee, 4)"]), "case_mix"),
    "a spline without knots": (lambda raw: raw["survival"].update(case_mix=["rcs(age)"]), r"write it as rcs\(age, 4\)"),
    "a spline of too many knots": (lambda raw: raw["survival"].update(case_mix=["rcs(age, 9)"]), "9 knots; allowed"),
    "a unit that is no column": (
        lambda raw: raw["survival"].update(unit="trust"),
        r"yaml:\d+: key 'survival.unit': 'trust'",
    ),
    "a notebook that is none": (move("notebooks", ["00", "77"]), "77"),
    "an empty title": (move("title", "  "), "title"),
    "a title of two lines": (move("title", "a\nb"), "title"),
    "a spline of a category": (lambda raw: raw["survival"].update(case_mix=["rcs(sex, 4)"]), "spline of a category"),
    "a covariate twice": (
        lambda raw: raw["survival"].update(case_mix=["age", "rcs(age, 4)"]),
        "'age' is in the case",
    ),
    "the unit as case mix": (lambda raw: raw["survival"].update(case_mix=["provider"]), "whose values are compared"),
    "an outcome as case mix": (lambda raw: raw["survival"].update(case_mix=["died"]), "cannot be case mix"),
    "a number as unit": (lambda raw: raw["survival"].update(unit="age"), r"yaml:\d+: key 'survival.unit': 'age'"),
    "horizons out of order": (lambda raw: raw["survival"].update(horizons_years=[3, 1]), "in order, shortest first"),
    "an option that is none": (
        move("rules", {"gap_month": 6}),
        r"yaml:\d+: key 'rules.gap_month': there is no option .*did you mean 'gap_months'.*options: .*Hint",
    ),
    "a rule where an option belongs": (
        move("rules", {"RC2": True}),
        r"yaml:\d+: key 'rules.RC2': 'RC2' is a rule, not an option of one; options: .*Hint",
    ),
    "a value that an option has not": (
        move("rules", {"evidence": ["admission"]}),
        r"yaml:\d+: key 'rules.evidence': .*allowed: ",
    ),
    "a rule that is none": (
        move("rules_not_checked", {"EL9": "why"}),
        r"yaml:\d+: key 'rules_not_checked.EL9': there is no rule 'EL9' \(did you mean 'EL[1-7]'\?\); rules: EL1, ",
    ),
    "a table that is none": (
        move("minimum_linkage", {"hes_acp": 0.5}),
        r"yaml:\d+: key 'minimum_linkage.hes_acp': there is no table .*tables: ",
    ),
    "dates in the wrong order": (
        move("diagnosed_to", dt.date(2014, 1, 1)),
        r"lines \d+ and \d+: diagnosed_from \(\d{4}-01-01\) must be before diagnosed_to \(2014-01-01\)",
    ),
    "years that follow-up does not reach": (
        lambda raw: raw["survival"].update(horizons_years=[1, 15]),
        r"lines \d+, \d+ and \d+: survival.horizons_years: 15 years \(5,478.75 days.* are longer than the [\d,]+ days",
    ),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_before_anything_is_read(runs, altered, tmp_path, name):
    change, expected = NONSENSE[name]
    with pytest.raises((ParamsError, DefinitionError), match=expected):
        plan_run(str(altered(change)), str(tmp_path / "there is no such folder"))


def test_the_extract_of_the_parameters_lies_beside_their_file(runs, altered, extract, tmp_path):
    file = altered(move("data_dir", "data"))
    shutil.copytree(extract, file.parent / "data")
    assert plan_run(str(file)).inputs.folder == file.parent / "data"
    with pytest.raises(ParamsError, match="data_dir.*--data"):
        plan_run(str(altered(lambda raw: raw.pop("data_dir"), audit="mersey-2022")))


def test_the_record_says_where_everything_came_from(runs, extract):
    run, _ = read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    record = json.loads((run.inputs / "read.json").read_text(encoding="utf-8"))
    assert set(record["inputs"]) == {path.name for path in extract.iterdir()}
    assert record["data_dir"] == str(extract) and record["marking"] == "synthetic"
    assert load_params("wales") == run.params


def test_a_folder_with_other_files_is_no_folder_of_a_run(runs, extract, tmp_path):
    mine = tmp_path / "mine"
    (mine / "notebooks").mkdir(parents=True)
    (mine / "notebooks" / "a.txt").touch()
    (mine / "manifest.json").write_text('{"mine": 1}', encoding="utf-8")
    for replace in (False, True):
        with pytest.raises(RunError, match="holds manifest.json, notebooks and no run. Hint: choose a new or") as said:
            plan_run("wales", str(extract), str(mine), replace=replace)
        assert "--replace" not in str(said.value)
    (mine / "inputs").mkdir()
    (mine / "inputs" / "read.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="holds inputs/read.json, which is no record of a run, and no inputs/params"):
        plan_run("wales", str(extract), str(mine), replace=True)
    assert (mine / "notebooks" / "a.txt").exists() and (mine / "manifest.json").exists()


def test_a_run_without_its_record_is_not_called_another_thing(runs, extract):
    run, _ = read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    (run.inputs / "read.json").unlink()
    lost = "holds inputs and no run; inputs/read.json, the record of what a run was made from, is not there. Hint: "
    with pytest.raises(RunError, match=f"{lost}choose a new or empty folder"):
        plan_run("wales", str(extract), replace=True)
    write_json({"run_id": "wales-0123456789"}, run.folder / "manifest.json")
    with pytest.raises(RunError, match="is not there. Hint: choose a new or empty folder, or --replace"):
        plan_run("wales", str(extract))


@pytest.mark.parametrize("place", [".", "inputs", "inputs/run"])
def test_run_and_extract_do_not_contain_each_other(extract, tmp_path, place):
    shutil.copytree(extract, tmp_path / "study" / "inputs")
    before = sorted((tmp_path / "study").rglob("*"))
    with pytest.raises(RunError, match="must not contain each other"):
        plan_run("wales", str(tmp_path / "study" / "inputs"), str(tmp_path / "study" / place))
    assert sorted((tmp_path / "study").rglob("*")) == before


def test_canonical_tables_that_were_changed_are_refused(runs, extract):
    run, _ = read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    table = run.inputs / "canonical" / "deaths.parquet"
    table.write_bytes(table.read_bytes() + b"x")
    with pytest.raises(RunError, match=r"deaths.parquet: not there, damaged or changed.*Hint: `naome read --params"):
        print(Run(run.folder).canonical)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "none: no such folder. Hint: the folder of the extract is the argument of check-extract; elsewhere"),
        ("empty", "empty: is no folder of an extract: .* tables: .*wcn_registration.* Hint: it holds nothing; --data"),
        ("other", "other: is no folder of an extract: .* Hint: it holds aaaaaa.doc; --data"),
        ("packed", "packed: is no folder of an extract: .* Hint: it holds extract.zip; unpack it; --data"),
        ("packed/extract.zip", "extract.zip: a file. Hint: unpack it, and name the folder that holds all tables"),
    ],
)
def test_a_folder_that_is_no_extract_is_said_before_a_run_is_said_to_be_another(runs, extract, tmp_path, name, said):
    read_run(plan_run("wales", str(extract)), progress=lambda line: None)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.doc").touch()
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "extract.zip").touch()
    for look in (plan_run, plan_check, open_step):
        with pytest.raises(ExtractError, match=said) as refused:
            look("wales", str(tmp_path / name))
        assert "--replace" not in str(refused.value)
