"""Each key of what `naome attack` prints is explained in its help."""

from __future__ import annotations

import re

import pytest

from naome.release.attack import Attack
from naome.workflow.attack_words import ATTACK_FOUND, LISTS, describe_keys
from naome.workflow.cli import main


def test_what_guarantees_nothing_is_not_attacked_and_a_thorough_attack_says_so():
    assert Attack("none").to_dict()["verdict"] == "not attacked"
    assert Attack("hes2018").to_dict() | {"verdict": "pass", "thorough": False} == Attack("hes2018").to_dict()
    assert Attack("hes2018", hidden_narrow=1).to_dict()["verdict"] == "fail"


def test_each_key_is_explained(capsys):
    assert {*ATTACK_FOUND, *LISTS} == Attack("none").to_dict().keys()
    with pytest.raises(SystemExit):
        main(["attack", "--help"])
    shown = capsys.readouterr().out
    assert describe_keys() in shown
    for key in Attack("none").to_dict():
        assert re.search(rf"^  {key}  +[\w]", shown, re.M), key
