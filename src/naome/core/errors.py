"""Errors a person can act on.

Every error of the project says what was wrong and where, what was allowed, and a hint. Of a value of a person's record
a message has the shape, and never the value.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from difflib import get_close_matches


class NaomeError(Exception):
    """Base of all errors that are reported to the user without a traceback."""

    exit_code = 2


class YamlError(NaomeError):
    """A YAML file is not plain data within bounds."""


class ParamsError(NaomeError):
    """A parameter file is malformed, incomplete or holds an unknown key."""


class DefinitionError(NaomeError):
    """A code list, rule or indicator definition is malformed."""


class ExtractError(NaomeError):
    """An extract cannot be read without guessing."""


class RunError(NaomeError):
    """A run, one of its files, a notebook or a site is not there, is damaged, or cannot be made."""


class EstimateError(NaomeError):
    """An estimate of a run differs from that of a second implementation."""


def suggest(word: str, allowed: list[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest allowed word, or an empty string.

    Examples
    --------
    >>> suggest("cesnor_date", ["censor_date", "seed"])
    " (did you mean 'censor_date'?)"
    """
    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def say_some(names: Sequence[str], most: int = 5) -> str:
    """Name the first of some things, and say how many more there are.

    Examples
    --------
    >>> say_some(["a", "b"]), say_some(["a", "b", "c", "d"], most=2)
    ('a, b', 'a, b and 2 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def explain_system(error: OSError, elsewhere: str) -> str:
    """Say in one sentence what the operating system refused: which path, and why.

    Parameters
    ----------
    error : OSError
    elsewhere : str
        What names another folder to write to, such as ``--out``.

    Examples
    --------
    >>> explain_system(OSError(28, "No space left on device", "/data/x"), "--out")
    '/data/x: No space left on device. Hint: make room, or set --out to a folder on another disk.'
    """
    if error.strerror is None:
        return str(error)
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    full = f" Hint: make room, or set {elsewhere} to a folder on another disk."
    hint = {
        errno.ENOSPC: full,
        errno.EDQUOT: full,
        errno.EROFS: f" Hint: set {elsewhere} to a folder that may be written to.",
        errno.EACCES: f" Hint: whose is it? Set {elsewhere} to a folder of your own.",
    }
    return f"{' to '.join(names) or 'a file'}: {error.strerror}.{hint.get(error.errno or 0, '')}"
