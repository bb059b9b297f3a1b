"""Find what files that leave a run tell about the machine, the user or the hour that made them."""

from __future__ import annotations

import contextlib
import getpass
import io
import json
import re
import socket
import struct
import sys
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import pyarrow.parquet as pq

PNG = {b"IHDR", b"PLTE", b"tRNS", b"sRGB", b"gAMA", b"pHYs", b"IDAT", b"IEND"}
NOTEBOOK, KERNEL, CELL = {"kernelspec", "language_info"}, {"display_name", "language", "name"}, {"tags"}
PARQUET = {b"pandas", b"ARROW:schema"}
SVG = re.compile(r"<metadata|<dc:|<rdf:|sodipodi:|inkscape:|<!-- *(?:created|generator)", re.I)
# Not those of an address (https://x/usr/...), of a file beside the page (../tmp/x) or of a pattern
FOLDERS = "home|root|tmp|Users|mnt|opt|srv|usr|var|private|builds"
MACHINE = re.compile(rf"(?<![\w.:/\\)*-])/(?:{FOLDERS})/[\w.-]+|\b[A-Z]:\\{{1,2}}Users")
TEXT = {".html", ".css", ".js", ".json", ".csv", ".txt", ".xml", ".qmd", ".svg", ".ipynb", ".rels"}
#: Files in a zip file; those of an office document say who made it when
ZIPPED = {".zip", ".xlsx", ".docx"}
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
OFFICE = re.compile(
    rb"<(?:(?:dc:creator|cp:lastModifiedBy)(?:>| [^/>]*>)[^<]|dcterms:(?:created|modified)(?:>| [^/>]*>)(?!1980-01-01))"
)
STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.S)
PDF = re.compile(rb"/(?:CreationDate|ModDate|Author)\b|<(?:xmp:CreateDate|xmp:ModifyDate|dc:creator)\b")
#: Of the renderer's libraries
FONTS = {".woff", ".woff2"}


def find_traces(folder: Path, *, paths: tuple[Path, ...] = ()) -> list[str]:
    """Return, as lines, what the files of a folder tell; a kind of file without a check is told too.

    Parameters
    ----------
    paths : tuple of Path
        Folders of this machine that no file may name, besides those of the program.
    """
    names = [str(path) for path in (*paths, Path(sys.prefix), Path.home()) if len(str(path)) > len("/root")]
    names += [name for name in (socket.gethostname(),) if len(name) > 5]
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        found += [f"{file.relative_to(folder)}: {trace}" for trace in _find_in(file, file.read_bytes(), names)]
    return found


def _find_in(file: Path | PurePosixPath, data: bytes, names: list[str]) -> list[str]:
    found = [f"names {name}" for name in names if name.encode() in data]
    if file.suffix == ".png":
        return found + [f"chunk {kind}" for kind in sorted(_list_chunks(data) - PNG)]
    if file.suffix == ".parquet":
        held = pq.read_metadata(io.BytesIO(data)).metadata or {}
        return found + [f"key {key}" for key in sorted(set(held) - PARQUET)] + _find_in_text(str(held))
    if file.suffix in FONTS:
        return found
    if file.suffix == ".pdf":
        return found + _find_in_pdf(data, names)
    if file.suffix in ZIPPED:
        return found + _find_in_zip(data, names)
    if file.suffix not in TEXT and file.name not in ("LICENSE", ".rels"):
        return [*found, f"no check for files of the kind {file.suffix!r}"]
    text = data.decode("utf-8")
    if file.suffix == ".svg":
        return found + SVG.findall(text) + _find_in_text(text)
    if file.suffix == ".ipynb":
        return found + _find_in_notebook(json.loads(text)) + _find_in_text(text)
    return found + _find_in_text(text)


def _find_in_pdf(data: bytes, names: list[str]) -> list[str]:
    found = []
    for part in [data, *map(_inflate, STREAM.findall(data))]:
        found += [f"property {each[0]}" for each in PDF.finditer(part)]
        found += [f"names {name}" for name in names if name.encode() in part]
    return found


def _inflate(stream: bytes) -> bytes:
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj().decompress(stream)
    return stream


def _find_in_zip(data: bytes, names: list[str]) -> list[str]:
    found = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            inside = archive.read(entry)
            traces = _find_in(PurePosixPath(entry.filename), inside, names)
            traces += [f"date {entry.date_time}"] * (entry.date_time != FIRST_DAY)
            traces += [f"property {each[0]}" for each in OFFICE.finditer(inside)]
            found += [f"{entry.filename}: {trace}" for trace in traces]
    return found


def _find_in_text(text: str) -> list[str]:
    user = getpass.getuser()
    found = [f"folder {match[0]}" for match in MACHINE.finditer(text)]
    return found + [f"user {user}" for _ in re.findall(rf"(?:home|Users)/{re.escape(user)}\b", text)]


def _find_in_notebook(book: dict) -> list[str]:
    kernel = book["metadata"].get("kernelspec", {})
    keys = [*(set(book["metadata"]) - NOTEBOOK), *(set(kernel) - KERNEL)]
    keys += [key for cell in book["cells"] for key in set(cell["metadata"]) - CELL]
    beside = [output.get("metadata", {}) for cell in book["cells"] for output in cell.get("outputs", [])]
    keys += [key for held in beside for key, value in held.items() if key != "naome" or set(value) != {"declared"}]
    return [f"metadata {key}" for key in sorted(set(keys))]


def _list_chunks(data: bytes) -> set[bytes]:
    kinds, place = set(), 8
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        kinds.add(kind)
        place += length + 12
    return kinds
