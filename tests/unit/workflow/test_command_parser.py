"""A command, an option or a choice that is mistyped is answered with the nearest, and exit code 2."""

from __future__ import annotations

import pytest

from naome.workflow.cli import main
from naome_synthetic.cli import main as synthetic


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("new-audt mersey --like england", "there is no 'new-audt' (did you mean 'new-audit'?); allowed: new-audit"),
        ("chain --parms rotterdam", "there is no option --parms (did you mean '--params'?); options: --help, --params"),
        ("read --audit wales --dta=x", "there is no option --dta (did you mean '--data'?)"),
        ("attack --rum wales", "there is no option --rum (did you mean '--run'?)"),
        ("render --renderer qarto", "there is no 'qarto' (did you mean 'quarto'?); allowed: auto, quarto, preview"),
        ("--versoin", "there is no option --versoin (did you mean '--version'?)"),
    ],
)  # fmt: skip
def test_what_is_mistyped_is_answered_with_the_nearest(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    written = capsys.readouterr().err
    assert ended.value.code == 2 and said in written and "--run-dir" not in written


def test_options_of_earlier_versions_and_beginnings_are_known(tmp_path, capsys):
    for option in ("--run-dir", "--run"):
        assert main(["manifest", option, str(tmp_path / "none")]) == 2
        assert "there is no run 'none'" in capsys.readouterr().err
    assert main(["read", "--par", "none"]) == 2
    assert "no parameter file none.yaml" in capsys.readouterr().err


def test_the_generator_answers_alike(capsys):
    with pytest.raises(SystemExit):
        synthetic(["simulate", "englnd"])
    assert "there is no 'englnd' (did you mean 'england'?); allowed: england, wales" in capsys.readouterr().err
