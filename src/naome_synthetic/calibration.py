"""The calibration file of the generator, `definitions/synthetic.yaml`."""

from __future__ import annotations

import functools
from pathlib import Path

from naome.core.yaml_files import read_yaml

CALIBRATION_FILE = Path(__file__).resolve().parents[2] / "definitions" / "synthetic.yaml"


@functools.cache
def load_calibration() -> dict:
    """Read the calibration parameters and the published targets they were tuned to.

    Returns
    -------
    dict
        The parsed file. Callers must not change it: it is read once per process.

    Raises
    ------
    FileNotFoundError
        If the file is not there.
    """
    if not CALIBRATION_FILE.is_file():
        raise FileNotFoundError(
            f"the generator's calibration file is missing: {CALIBRATION_FILE} (of the checkout; "
            "install naome from a checkout, e.g. pip install -e .)"
        )
    return read_yaml(CALIBRATION_FILE)
