"""How a command is ended from outside: an interruption, a request to end, and what it says then."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

#: Requests to end: of the operating system or a scheduler, and of a terminal that is closed (not on Windows)
REQUESTS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class EndRequested(KeyboardInterrupt):
    """This process was asked to end; as after an interruption, what it has not finished is removed."""


def _raise_request(number: int, _: FrameType | None) -> None:
    raise EndRequested(number)


def heed_requests(answer: Callable[[int, FrameType | None], object] = _raise_request) -> None:
    """Answer a request to end, which would otherwise end this process at once and leave what it has not finished.

    Parameters
    ----------
    answer : callable
        Takes the signal; raises :class:`EndRequested` by default. A signal that is ignored (``nohup``) stays ignored.
    """
    for request in REQUESTS:
        if signal.getsignal(request) is not signal.SIG_IGN:
            signal.signal(request, answer)


def exit_code_of(ended: KeyboardInterrupt) -> int:
    """Return the exit code of a command that was interrupted or asked to end, as a shell would give it.

    Examples
    --------
    >>> exit_code_of(KeyboardInterrupt()), exit_code_of(EndRequested(15))
    (130, 143)
    """
    return 128 + (ended.args[0] if isinstance(ended, EndRequested) else signal.SIGINT)
