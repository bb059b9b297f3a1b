"""Errors a person can act on.

Every error of the project says what was wrong, the offending value, what was
allowed, and a hint. Messages hold no more of a person's record than the
offending value.
"""

from __future__ import annotations

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


class ChainError(NaomeError):
    """A notebook cannot be run, or failed while running."""


def suggest(word: str, allowed: list[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest allowed word, or an empty string.

    Examples
    --------
    >>> suggest("cesnor_date", ["censor_date", "seed"])
    " (did you mean 'censor_date'?)"
    """
    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
