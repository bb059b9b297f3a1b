"""Every example in a docstring runs and prints what it says: the API reference of the site shows them."""

import doctest
import importlib
import pkgutil

import numpy as np
import pandas as pd
import pytest

import naome
import naome_synthetic
import sitepreview

MODULES = [
    module.name
    for package in (naome, naome_synthetic, sitepreview)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__")
]
PACKAGES = sorted({name.rpartition(".")[0] for name in MODULES})


@pytest.mark.parametrize("package", PACKAGES)
def test_examples_run(package):
    failed = []
    for name in MODULES:
        if name.rpartition(".")[0] == package:
            result = doctest.testmod(importlib.import_module(name), extraglobs={"np": np, "pd": pd})
            failed += [f"{name}: {result.failed}"] * bool(result.failed)
    assert failed == []
