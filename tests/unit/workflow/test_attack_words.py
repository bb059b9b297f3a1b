"""Each key of what `naome attack` prints is explained in its help."""

from __future__ import annotations

import re

import pytest

from naome.release.attack import Attack
from naome.workflow.attack_words import ATTACK_FOUND, LISTS, describe_keys
from naome.workflow.cli import main


def test_each_key_is_explained(capsys):
    assert {*ATTACK_FOUND, *LISTS} == Attack("none").to_dict().keys()
    with pytest.raises(SystemExit):
        main(["attack", "--help"])
    shown = capsys.readouterr().out
    assert describe_keys() in shown
    for key in Attack("none").to_dict():
        assert re.search(rf"^  {key}  +[\w]", shown, re.M), key
