"""Systems of linear equations with a symmetric matrix, such as the information matrix of a model."""

from __future__ import annotations

import numpy as np
from scipy import linalg

__all__ = ["solve_symmetric"]

#: Singular values smaller than this share of the largest count as zero
SMALLEST_SINGULAR = 1e-12


def solve_symmetric(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the solution by Cholesky's factors; where the matrix is not positive definite, that of least squares.

    Parameters
    ----------
    matrix : array, shape (p, p)
        Symmetric.
    right : array, shape (p,) or (p, k)

    Returns
    -------
    array
        Of the shape of ``right``.

    Examples
    --------
    >>> solve_symmetric(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
    array([1. , 0.5])
    >>> solve_symmetric(np.ones((2, 2)), np.ones(2)).round(12)
    array([0.5, 0.5])
    """
    try:
        return linalg.cho_solve(linalg.cho_factor(matrix), right)
    except linalg.LinAlgError:
        return np.linalg.lstsq(matrix, right, rcond=SMALLEST_SINGULAR)[0]
