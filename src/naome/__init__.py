"""Open, reproducible analysis of metastatic breast cancer care in England and Wales."""

__version__ = "0.1.0"
