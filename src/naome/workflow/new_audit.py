"""A parameter file to start from: a copy of another under a name of its own, comments and all."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from naome.core.atomic import write_text
from naome.core.errors import ParamsError
from naome.core.params import find_params, list_shipped, load_params
from naome.core.yaml_files import locate_key


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
        If the name is not allowed or that of a shipped audit, the file is there already, or a folder that is named
        is not there. Nothing is written then.
    """
    _check_name(name)
    target = (folder or Path()).expanduser().absolute() / f"{name}.yaml"
    if not target.parent.is_dir():
        raise ParamsError(f"{target.parent}: no such folder. Hint: make it, or name another with --out.")
    if target.exists():
        raise ParamsError(f"{target}: is there already. Hint: edit it, or choose another name.")
    if data and not Path(data).expanduser().is_dir():
        what = "is a file" if Path(data).expanduser().exists() else "no such folder"
        raise ParamsError(
            f"{Path(data).expanduser().absolute()}: {what}; --data names the folder of the extract. Hint: without "
            "--data the file names none, and `naome chain --data` does."
        )
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


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ParamsError(
            f"audit {name!r}: allowed are small letters, digits and hyphens, a letter first. Hint: --out is the folder."
        )
    shipped = list_shipped()
    if name in shipped:
        raise ParamsError(
            f"audit {name!r} is one of those that are shipped ({', '.join(shipped)}): runs of both would have the same "
            f"folder and name. Hint: another name, such as {name}-2022."
        )


def describe_disclosure(file: Path) -> str:
    """Say what a parameter file decides on small numbers, and what a run of real people would require.

    Parameters
    ----------
    file : Path
        A parameter file that can be loaded.
    """
    from naome.workflow.small_nation import INSTEAD, SMALLEST_NATION  # takes long to import

    disclosure = load_params(file).disclosure
    where = locate_key(file, "disclosure", "national")
    said = f"{where} is {disclosure.national!r}"
    if disclosure.national != "show" or disclosure.policy == "none":
        return f"{said}; disclosure.policy is {disclosure.policy!r}."
    return (
        f"{said}: allowed where each cohort of real people has at least {SMALLEST_NATION:,}, else write "
        f"{' or '.join(INSTEAD)}; `naome check-extract` says how many people the cohorts have."
    )
