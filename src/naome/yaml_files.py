"""Reading YAML: parameters, definitions and calibration targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

#: The loader in C does what the one in Python does in a tenth of the time; not every build of PyYAML has it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(file: Path) -> Any:
    """Return what a YAML file holds.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML; with line and column.
    UnicodeDecodeError
        If it is not UTF-8.
    """
    return yaml.load(file.read_text(encoding="utf-8"), Loader=LOADER)
