"""The only door out: small numbers are protected here and nowhere else."""

from __future__ import annotations

from naome.disclosure.counts import (
    release_at_risk,
    release_attrition,
    release_counts,
    release_curves,
    release_variants,
)
from naome.disclosure.policy import POLICIES, Policy
from naome.disclosure.released import HIDDEN, Declared, Released, declare_not_counts, shown_numbers
from naome.disclosure.suppress import release

__all__ = [
    "HIDDEN",
    "POLICIES",
    "Declared",
    "Policy",
    "Released",
    "declare_not_counts",
    "release",
    "release_at_risk",
    "release_attrition",
    "release_counts",
    "release_curves",
    "release_variants",
    "shown_numbers",
]
