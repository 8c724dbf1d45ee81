"""A notebook's kernel as a fork that was made before its notebook asked for one, see `vasolib.nursery`."""

__all__ = ["ForkedKernel", "fork_kernel"]

import json
import os
from importlib.metadata import EntryPoint
from typing import ClassVar

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner


class Waiting:
    """A child that waits to be told what to run: as much of `subprocess.Popen` as jupyter_client asks of a kernel."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid, self.pipe = pid, pipe
        self.returncode: int | None = None

    def start(self, command: list[str], environment: dict[str, str], folder: str) -> None:
        """Tell it to go on as the command `python -m module arguments`."""
        with open(self.pipe, "w", encoding="utf-8") as pipe:
            json.dump([command, environment, folder], pipe)

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    wait = poll  # only called for one that has ended

    def send_signal(self, number: int) -> None:
        """Nothing for one that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkedKernel(LocalProvisioner):
    """Starts the waiting child as the kernel."""

    waiting: ClassVar[list[Waiting]] = []

    async def launch_kernel(self, cmd: list[str], **kwargs: object) -> dict:
        """Start it with the environment and in the folder that a new process would have had."""
        self.process = self.waiting.pop()
        self.cwd = str(kwargs.get("cwd") or os.getcwd())
        self.process.start(cmd, kwargs["env"] | {"JPY_PARENT_PID": str(os.getpid())}, self.cwd)
        self.pid = self.pgid = self.process.pid
        return self.connection_info


def fork_kernel() -> tuple[str, list[str]] | None:
    """Fork a child to be started by jupyter_client as this process's kernel.

    Returns:
        None; in the child, once it is started, the module to run and its arguments.
    """
    reader, writer = os.pipe()
    if pid := os.fork():
        os.close(reader)
        ForkedKernel.waiting.append(Waiting(pid, writer))
        factory = KernelProvisionerFactory.instance()
        factory.provisioners["forked"] = EntryPoint("forked", f"{__name__}:ForkedKernel", factory.GROUP_NAME)
        factory.default_provisioner_name = "forked"
        return None
    os.close(writer)
    os.setsid()  # as jupyter_client starts kernels
    return started(reader)


def started(reader: int) -> tuple[str, list[str]]:
    """In the child: what to run, once the pipe says so; the end of the process if it is closed without a word."""
    with open(reader, encoding="utf-8") as pipe:
        message = pipe.read()
    if not message:
        os._exit(0)
    command, environment, folder = json.loads(message)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    module, *arguments = command[command.index("-m") + 1 :]
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # its default was read when ipykernel was imported
    return module, [*arguments, parent]
