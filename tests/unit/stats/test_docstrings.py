"""Every public function of naome.stats has an example and says what it takes and returns."""

import importlib
import pkgutil

import pytest

import naome.stats

MODULES = [f"naome.stats.{module.name}" for module in pkgutil.iter_modules(naome.stats.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_public_functions_have_an_example_and_say_what_they_return(name):
    module = importlib.import_module(name)
    for public in module.__all__:
        item = getattr(module, public)
        if callable(item) and not isinstance(item, type):
            text = item.__doc__
            assert "Examples\n" in text, public
            assert "Parameters\n" in text, public
            assert "Returns\n" in text, public
