"""Kernels that start warm: Jupyter's own way of starting a kernel, with the process forked instead of begun anew.

Everything else is Jupyter's: ports, connection file, signals to the kernel's process group, restart. A kernel of
another language or another Python, and any kernel where there is no warm parent, starts as usual.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from naome.workflow.warm import start_warm

NAME = "naome-warm"
LAUNCHER = "ipykernel_launcher"


def use_warm_kernels() -> None:
    """Let the kernels of this process start warm, as far as its environment names a warm parent."""
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[NAME] = EntryPoint(NAME, f"{__name__}:WarmProvisioner", factory.GROUP_NAME)
    factory.default_provisioner_name = NAME


class WarmProvisioner(LocalProvisioner):
    """Starts a kernel of this Python from the warm parent; see :mod:`naome.workflow.warm`."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel's process."""
        process = None
        if cmd[0] == sys.executable and LAUNCHER in cmd:
            arguments, env = cmd[cmd.index(LAUNCHER) + 1 :], kwargs.get("env")
            with open(os.devnull) as nothing:
                streams = [nothing, kwargs.get("stdout") or 1, kwargs.get("stderr") or 2]
                numbers = [each if isinstance(each, int) else each.fileno() for each in streams]
                process = start_warm(LAUNCHER, arguments, cwd=kwargs.get("cwd"), env=env, streams=numbers)
        if process is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.cwd = process, kwargs.get("cwd")
        self.pid = self.pgid = process.pid
        return self.connection_info


def run_kernel(arguments: Sequence[str]) -> int:
    """Be a kernel, in a process that was forked: what a fresh one reads from its environment is set here."""
    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    # Matplotlib reads the name of its backend when it is imported, which was long ago
    inline = "module://matplotlib_inline.backend_inline"
    matplotlib.rcParams["backend"] = os.environ.get("MPLBACKEND") or inline
    IPKernelApp.launch_instance(argv=list(arguments), parent_handle=os.getppid())
    return 0
