"""Processes that start warm: forked from one that has imported the heavy packages once.

Python, papermill and a kernel take seconds to import what they need, each time in each process, and far longer than
most notebooks take to run. A *warm parent* imports it all once and then forks: a new process costs a few hundredths of
a second and shares the parent's memory. The parent only imports. It opens no database, computes nothing and starts no
thread (Arrow's memory thread is switched off; OpenBLAS stops its own around a fork), so that nothing is half-done in a
child, and it never runs anything of a notebook, so that nothing of one reaches another.

:func:`keep_warm` starts a warm parent and names it in the environment variable :data:`WARM`; :func:`start_warm` has it
fork. Whoever has asked for a process keeps a connection: when it closes, because its owner ended or was killed, the
parent kills the process. When whoever keeps the parent ends, the parent ends and all its processes with it.

This needs Linux. Elsewhere, or where the parent is gone, :func:`start_warm` says None and processes start as usual.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

#: The environment variable with the folder of the warm parent's socket; ``no`` switches warm starts off
WARM = "NAOME_WARM"
SOCKET = "socket"
#: New objects between two searches for those that refer to each other and to which nothing else refers: the
#: expressions of Ibis are a great many small objects, and a search every 700 takes a tenth of the time
MANY = 50_000
#: From <sys/prctl.h>
PR_SET_PDEATHSIG = 1
#: What notebooks and steps import besides naome itself, and what runs them
HEAVY = (
    "duckdb",
    "ibis.backends.duckdb",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "lifelines",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib_inline.backend_inline",
    "nbclient",
    "papermill",
    "pyarrow.parquet",
    "seaborn",
    "statsmodels.duration.api",
)


class WarmProcess:
    """A process that the warm parent has forked, with those parts of ``subprocess.Popen`` that its users know."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection = connection
        self._said = b""
        self.pid = pid
        self.returncode: int | None = None
        #: CPU seconds of the process and of those that it waited for, once it has ended
        self.cpu_seconds: float | None = None

    def poll(self) -> int | None:
        """Return the exit code, as far as the process has ended."""
        return self._listen(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code: negative for a signal, as ``subprocess`` has it."""
        while (code := self._listen(timeout)) is None:
            pass
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, as long as it is there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def _listen(self, timeout: float | None) -> int | None:
        if self.returncode is not None:
            return self.returncode
        self._connection.settimeout(timeout)
        try:
            part = self._connection.recv(64)
        except BlockingIOError:
            return None
        except TimeoutError:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None
        except OSError:
            part = b""
        self._said += part
        if part and not self._said.endswith(b"\n"):
            return None
        words = self._said.split()
        self.returncode = int(words[0]) if words else -signal.SIGKILL  # without a word: the parent was killed, too
        self.cpu_seconds = float(words[1]) if words else None
        self._connection.close()
        return self.returncode


@contextlib.contextmanager
def keep_warm(folder: Path) -> Iterator[None]:
    """Keep a warm parent for all processes that are started meanwhile, directly or not; one that is there is used.

    It serves the program and the project that it was started with: processes of another start as usual.

    Parameters
    ----------
    folder : Path
        Where its socket lies: made for its owner only, and removed at the end. What a killed process left there is
        removed first.
    """
    if sys.platform != "linux" or os.environ.get(WARM):
        yield
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        parent = _start_parent(folder)
        os.environ[WARM] = str(folder.absolute())
        try:
            yield
        finally:
            del os.environ[WARM]
            parent.kill()  # and not only the end of its standard input, which it sees when it has imported
            parent.communicate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start_parent(folder: Path) -> subprocess.Popen[bytes]:
    """Start the warm parent on a socket that is open already, so that who asks while it still imports only waits."""
    with socket.socket(socket.AF_UNIX) as listener, _short_name(folder) as name:
        listener.bind(name)
        listener.listen(64)
        environment = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "MPLCONFIGDIR": str(folder)} | os.environ
        command = [sys.executable, "-P", "-m", "naome.workflow.warm", str(listener.fileno())]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, env=environment, pass_fds=[listener.fileno()], start_new_session=True
        )


@contextlib.contextmanager
def _short_name(folder: Path) -> Iterator[str]:
    """Give the socket of a folder a name of a few characters: the system allows about 100, and folders lie deep."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)


def start_warm(
    module: str,
    arguments: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    streams: Sequence[int] = (0, 1, 2),
) -> WarmProcess | None:
    """Have the warm parent fork a process that runs a module, as ``python -m`` would.

    The process is the leader of a session of its own; it has this one's umask.

    Parameters
    ----------
    module : {"naome.workflow.cli", "ipykernel_launcher"}
    arguments : sequence of str
    cwd : str, optional
        Its folder; this process's by default.
    env : mapping, optional
        Its whole environment; this process's by default.
    streams : sequence of int
        File descriptors that become its standard input, output and error.

    Returns
    -------
    WarmProcess or None
        None where there is no warm parent: start it as usual.
    """
    folder = os.environ.get(WARM, "no")
    if folder == "no":
        return None
    request = {
        "module": module,
        "arguments": list(arguments),
        "cwd": os.path.abspath(cwd or os.getcwd()),
        "env": dict(os.environ if env is None else env),
        "umask": _umask(),
        "program": _name_program(),
    }
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _short_name(Path(folder)) as name, open(os.memfd_create("naome"), "w+b") as file:
            file.write(json.dumps(request).encode())
            file.seek(0)
            connection.connect(name)
            socket.send_fds(connection, [b"."], [*streams, file.fileno()])
        said = b""
        while not said.endswith(b"\n"):
            if not (part := connection.recv(1)):
                raise ConnectionResetError
            said += part
        if len(said.split()) > 1:  # its end: it never began
            raise ConnectionResetError
    except OSError:
        connection.close()
        return None
    return WarmProcess(connection, int(said))


def _name_program() -> list[str | None]:
    return [sys.executable, __file__, os.environ.get("NAOME_PROJECT")]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def run_warm(arguments: Sequence[str]) -> int | None:
    """Run a command of naome in a process of the warm parent; return its exit code, or None where there is no parent.

    An interruption is passed on: the command says itself what it has to say.
    """
    process = start_warm("naome.workflow.cli", arguments)
    while process is not None:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code  # as a shell says that a signal ended it
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
    return None


def die_with_parent() -> None:
    """Ask the operating system to end this process when its parent is killed (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def serve(listener: socket.socket) -> None:
    """Import what is heavy, then fork a process for everybody who asks, until standard input ends."""
    _import_everything()
    children: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ, None)
        selector.register(0, selectors.EVENT_READ, None)
        while True:
            for key, _ in selector.select():
                if key.fileobj == 0:
                    for pid in children:
                        _kill(pid)
                    return
                if key.fileobj is listener:
                    _fork(listener, selector, children)
                elif isinstance(key.fileobj, int):  # a process has ended
                    _say_end(selector, key.fileobj, key.data, children)
                elif key.data in children:  # whoever asked for it has ended
                    selector.unregister(key.fileobj)
                    _kill(key.data)


def _import_everything() -> None:
    import importlib
    import pkgutil

    import naome
    from naome.core.code_version import code_version

    gc.disable()
    for name in (*HEAVY, *(each.name for each in pkgutil.walk_packages(naome.__path__, "naome."))):
        importlib.import_module(name)
    code_version()  # of the code that is imported now: it may change on disk before the last step runs
    gc.freeze()  # what is shared stays shared: the collector of a child does not write to it
    gc.set_threshold(MANY)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _fork(listener: socket.socket, selector: selectors.BaseSelector, children: dict[int, socket.socket]) -> None:
    connection, _ = listener.accept()
    connection.settimeout(10)  # nobody who asks waits in between
    try:
        _, handles, _, _ = socket.recv_fds(connection, 1, 4)
    except OSError:
        handles = []
    if len(handles) < 4:
        connection.close()
        return
    pid = os.fork()
    if pid == 0:
        selector.close()
        listener.close()
        for other in children.values():
            other.close()
        _become(connection, handles)
    for handle in handles:
        os.close(handle)
    children[pid] = connection
    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
    selector.register(connection, selectors.EVENT_READ, pid)


def _say_end(selector: selectors.BaseSelector, handle: int, pid: int, children: dict[int, socket.socket]) -> None:
    selector.unregister(handle)
    os.close(handle)
    _, status, usage = os.wait4(pid, 0)
    connection = children.pop(pid)
    with contextlib.suppress(OSError):
        connection.send(f"{os.waitstatus_to_exitcode(status)} {usage.ru_utime + usage.ru_stime:.3f}\n".encode())
    with contextlib.suppress(KeyError):
        selector.unregister(connection)
    connection.close()


def _become(connection: socket.socket, handles: Sequence[int]) -> NoReturn:
    """Turn a fresh child into the process that was asked for; its end never reaches the parent's code."""
    code = 1
    try:
        os.setsid()
        die_with_parent()
        with open(handles[3], "rb") as file:
            request = json.load(file)
        if request["program"] != _name_program():
            os._exit(code)  # without a word: the other starts its process as usual
        for target, handle in enumerate(handles[:3]):
            os.dup2(handle, target)
            os.close(handle)
        connection.send(f"{os.getpid()}\n".encode())
        connection.close()
        code = _run(request)
    except SystemExit as ended:
        code = _exit_code(ended)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        _end(code)


def _run(request: dict[str, Any]) -> int:
    import random
    import time

    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    time.tzset()
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=stream.isatty() or stream is sys.stderr)  # type: ignore[union-attr]
    gc.enable()
    sys.argv = [request["module"], *request["arguments"]]
    if request["module"] == "naome.workflow.cli":
        from naome.workflow.cli import main

        return main(request["arguments"])
    from naome.workflow.kernels import run_kernel

    return run_kernel(request["arguments"])


def _exit_code(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    print(ended.code, file=sys.stderr)
    return 1


def _end(code: int) -> NoReturn:
    """End as Python does, but for taking modules apart: they are the parent's, and DuckDB would complain of leaks."""
    import atexit
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    from naome.workflow import warm  # and not this module's second self

    warm.die_with_parent()
    warm.serve(socket.socket(fileno=int(sys.argv[1])))
