"""The only door out: small numbers are protected here and nowhere else."""

from __future__ import annotations

from naome.release.counts import release_at_risk, release_attrition, release_counts, release_curves, release_variants
from naome.release.policy import POLICIES, Policy
from naome.release.suppress import release
from naome.release.types import HIDDEN, Declared, Released, declare_not_counts, is_hidden, shown_numbers

__all__ = [
    "HIDDEN",
    "POLICIES",
    "Declared",
    "Policy",
    "Released",
    "declare_not_counts",
    "is_hidden",
    "release",
    "release_at_risk",
    "release_attrition",
    "release_counts",
    "release_curves",
    "release_variants",
    "shown_numbers",
]
