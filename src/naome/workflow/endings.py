"""How a command is ended from outside: an interruption, a request to end, and what it says then."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

#: Requests to end: of the operating system or a scheduler, and of a terminal that is closed (not on Windows)
REQUESTS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class EndRequested(KeyboardInterrupt):
    """This process was asked to end; as after an interruption, what it has not finished is removed."""


def heed_requests() -> None:
    """Let a request to end be raised as :class:`EndRequested`; one that is ignored (``nohup``) stays ignored.

    Without this the process would end at once, and leave what it has not finished.
    """
    for request in REQUESTS:
        if signal.getsignal(request) is signal.SIG_DFL:
            signal.signal(request, _raise_request)


def _raise_request(number: int, _: FrameType | None) -> Any:
    raise EndRequested(number)


def exit_code_of(ended: KeyboardInterrupt) -> int:
    """Return the exit code of a command that was interrupted or asked to end, as a shell would give it.

    Examples
    --------
    >>> exit_code_of(KeyboardInterrupt()), exit_code_of(EndRequested(15))
    (130, 143)
    """
    return 128 + (ended.args[0] if isinstance(ended, EndRequested) else signal.SIGINT)
