"""Synthetic national extracts with a known truth. Nothing that analyses may import this package."""

from naome_synthetic.extract import GENERATOR_VERSION, NATIONS, write_extract

__all__ = ["GENERATOR_VERSION", "NATIONS", "write_extract"]
