"""Zip files, Office documents among them, whose bytes say neither when nor by whom they were made."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping

#: The first day that a zip file can have
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
#: In an Office document: who made and changed it when. All of it may be absent
CORE = "docProps/core.xml"
PERSONAL = re.compile(
    rb"<(dc:creator|cp:lastModifiedBy|dcterms:created|dcterms:modified|cp:lastPrinted|cp:revision)\b"
    rb"(?:[^>]*/>|.*?</\1>)",
    re.S,
)
#: What an Office document has to begin with
FIRST = ("[Content_Types].xml", "mimetype")


def write_plain_zip(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file in which every file has the same date; the same files give the same bytes.

    Parameters
    ----------
    files : mapping of str to bytes
        Path in the zip file -> content.

    Examples
    --------
    >>> write_plain_zip({"b": b"2", "a": b"1"}) == write_plain_zip({"a": b"1", "b": b"2"})
    True
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files, key=lambda name: (name not in FIRST, name)):
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def make_plain(document: bytes) -> bytes:
    """Return an Office document without dates and names of users, in itself and in its zip file.

    Parameters
    ----------
    document : bytes
        A workbook (xlsx) or text (docx).

    Raises
    ------
    zipfile.BadZipFile
        If it is none.
    """
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    if CORE in files:
        files[CORE] = PERSONAL.sub(b"", files[CORE])
    return write_plain_zip(files)
