"""The only door out: small numbers are protected here and nowhere else."""

from __future__ import annotations

from naome.disclosure.policy import POLICIES, Policy
from naome.disclosure.suppress import release, release_counts

__all__ = ["POLICIES", "Policy", "release", "release_counts"]
