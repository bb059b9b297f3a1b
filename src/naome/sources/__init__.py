"""Reading extracts: one canonical contract, one engine, one small module per source."""

from __future__ import annotations

from naome.sources import ncrd, rcrd, rotterdam, simulacrum, wcn
from naome.sources.reader import Reader
from naome.sources.reading import Extract, read_extract

READERS: dict[str, Reader] = {
    reader.name: reader for reader in (ncrd.READER, rcrd.READER, wcn.READER, simulacrum.READER, rotterdam.READER)
}

__all__ = ["READERS", "Extract", "Reader", "read_extract"]
