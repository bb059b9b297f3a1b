"""A disk that is full while an extract is read is no fault of a file: nobody is asked to export it again."""

from __future__ import annotations

import errno
import os

import duckdb
import pytest

from naome.core.errors import ExtractError
from naome.extract import READERS, files, read, read_extract

FULL = 'Async write failed: {"exception_message": "Could not write file: No space left on device"}'


def fail(error):
    def write(*_, **__):
        raise error

    return write


@pytest.mark.parametrize(
    ("module", "function", "signs"),
    [(files, "pack_text", None), (read, "clean_table", None), (read, "find_candidates", object())],
)
def test_a_database_that_cannot_write_names_the_disk(copy, tmp_path, monkeypatch, module, function, signs):
    folder = copy("clean-wales")
    folder.as_csv("adde_deaths")
    monkeypatch.setattr(module, function, fail(duckdb.IOException(FULL)))
    with pytest.raises(ExtractError, match="the disk is full; nothing was written") as error:
        read_extract(READERS["wcn"], folder.path, tmp_path / "out", signs=signs, progress=lambda line: None)
    assert "adde_deaths" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_copy_that_cannot_be_written_names_the_disk(copy, tmp_path, monkeypatch):
    folder = copy("clean-wales")
    folder.as_csv("adde_deaths")
    monkeypatch.setattr(files, "pack_text", fail(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "copy.txt")))
    with pytest.raises(OSError, match="No space left"):
        read_extract(READERS["wcn"], folder.path, tmp_path / "out", progress=lambda line: None)
