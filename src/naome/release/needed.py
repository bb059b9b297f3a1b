"""Which of many items are needed for something that more of them never undo, by few trials."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

__all__ = ["find_needed"]


def find_needed(items: Sequence[int], holds: Callable[[Sequence[int]], bool]) -> list[int] | None:
    """Find the first of some items that hold together, less those without which the others hold too.

    Parameters
    ----------
    items : sequence of int
        In the order in which they are taken; those taken last are the first that may go.
    holds : callable
        Whether some of them hold together; true of more items if it is true of fewer.

    Returns
    -------
    list of int or None
        None where not even all of them hold together. The same as by taking and leaving one item after the other, with
        about as many trials as the logarithm of their number, for each item that is needed.

    Examples
    --------
    >>> find_needed([1, 2, 3, 4, 5, 6], lambda some: sum(some) >= 9)
    [4, 3, 2]
    """
    taken = 1 + bisect_left(range(1, len(items) + 1), True, key=lambda many: holds(items[:many]))
    if taken > len(items):
        return None
    needed, others = [items[taken - 1]], list(items[: taken - 1])

    def fails_without(many: int) -> bool:
        return not holds([*needed, *others[:-many]])

    while others:
        gone = bisect_left(range(1, len(others) + 1), True, key=fails_without)
        others = others[: len(others) - gone]
        needed += others[-1:]
        others = others[:-1]
    return needed
