"""A parameter file to start from: a copy of another under a name of its own, comments and all."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from naome.core.atomic import write_text
from naome.core.errors import ParamsError
from naome.core.params import find_params, load_params


def write_audit(name: str, *, like: str, title: str | None = None, data: str = "", folder: Path | None = None) -> Path:
    """Write a parameter file for a new audit.

    Parameters
    ----------
    name : str
        Of the audit and of its file, ``<name>.yaml``.
    like : str
        Shipped audit or parameter file that is copied.
    title : str, optional
        How pages name the audit; the name with spaces and a capital by default.
    data : str, optional
        Folder of the extract, relative to the current directory; left out when none is given.
    folder : Path, optional
        Folder of the new file, the current directory by default.

    Returns
    -------
    Path
        The file, which has been loaded and checked.

    Raises
    ------
    ParamsError
        If the name is not allowed, or the file is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ParamsError(f"audit {name!r}: allowed are small letters, digits and hyphens, a letter first.")
    target = (folder or Path()).absolute() / f"{name}.yaml"
    if target.exists():
        raise ParamsError(f"{target}: is there already. Hint: edit it, or choose another name.")
    text = find_params(like).read_text(encoding="utf-8")
    load_params(like)
    words = {"audit": name, "title": title or name.replace("-", " ").capitalize()}
    for key, value in words.items():
        line = f"{key}: {yaml.safe_dump(value, allow_unicode=True, width=1000).splitlines()[0]}"
        text = re.sub(rf"(?m)^{key}:.*$", lambda _, line=line: line, text, count=1)
    line = (
        f"data_dir: {yaml.safe_dump(str(Path(data).expanduser().absolute()), width=1000).splitlines()[0]}\n"
        if data
        else ""
    )
    text = re.sub(r"(?m)^data_dir:.*\n", lambda _: line, text, count=1)
    if data and not re.search(r"(?m)^data_dir:", text):
        text = text.rstrip("\n") + "\n" + line
    write_text(text, target)
    load_params(target)
    return target
