"""Reading extracts: one canonical contract, one engine, one small module per source."""

from __future__ import annotations

from naome.extract.read import Extract, read_extract
from naome.extract.reader import Reader
from naome.extract.readers import ncrd, rcrd, rotterdam, simulacrum, wcn

READERS: dict[str, Reader] = {
    reader.name: reader for reader in (ncrd.READER, rcrd.READER, wcn.READER, simulacrum.READER, rotterdam.READER)
}

__all__ = ["READERS", "Extract", "Reader", "read_extract"]
