"""The words of the report for each indicator, from ``definitions/wording.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from naome.core.definitions import Definitions, read_once
from naome.core.errors import DefinitionError, suggest
from naome.core.yaml_files import FrozenModel, Text, read_model
from naome.measures.specification import Indicator, Specification, read_specification

#: In words: the days of the indicator's window
WINDOW = "{window}"


def locate_indicator(indicator: str) -> str:
    """Return the path of the page of an indicator."""
    return f"report/indicators/{indicator.replace('_', '-')}.qmd"


class Wording(FrozenModel):
    """How the report says an indicator; the meaning of each key is in the file."""

    asks: Text
    short: Text
    among: Text
    did: Text
    why: Text
    caution: Text
    without: Annotated[tuple[str, ...], Field(strict=False)] = ()
    recorded: str = ""

    def name_people(self, cohort: str, people: str = "people") -> str:
        """Name who is counted.

        Parameters
        ----------
        cohort : str
            The cohort in words, e.g. ``de novo``.
        people : str
            ``people``, ``women`` or ``men``.
        """
        return self.among.format(people=people, cohort=cohort)


class _WordingFile(FrozenModel):
    indicators: dict[str, Wording]


@read_once
def read_wording(definitions: Definitions) -> dict[str, Wording]:
    """Return indicator -> words, in the order of the indicators; one without words has no page in the report.

    Raises
    ------
    DefinitionError
        For words of an unknown indicator.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> read_wording(project_definitions())["chemotherapy"].name_people("de novo", "women")
    'women with de novo metastatic breast cancer'
    """
    file = definitions.folder / "wording.yaml"
    found = read_model(file, _WordingFile, error=DefinitionError).indicators
    specification: Specification = read_specification(definitions)
    known = [indicator.id for indicator in specification.indicators]
    for name in found:
        if name not in known:
            raise DefinitionError(f"{file}: there is no indicator {name!r}{suggest(name, known)}.")
    return {name: _say_window(found[name], specification[name], file) for name in known if name in found}


def _say_window(words: Wording, indicator: Indicator, file: Path) -> Wording:
    """Return the words with the days of the indicator's window where they name it."""
    said = {key: getattr(words, key) for key in ("asks", "did") if WINDOW in getattr(words, key)}
    if said and len(indicator.windows) != 1:
        raise DefinitionError(
            f"{file}: {indicator.id}: {WINDOW} stands for one window; it has {len(indicator.windows)}."
        )
    days = "".join(f"{days} days" for days in indicator.windows.values())
    return words.model_copy(update={key: text.replace(WINDOW, days) for key, text in said.items()})
