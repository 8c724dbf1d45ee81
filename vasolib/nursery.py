"""A process that has imported the large libraries and forks for each stage, so that stages and kernels start warm.

torch, timm, papermill and DVC take seconds to import, in each of a study's stages, before its notebook's own work
begins. `opened` starts a process that imports them once; `python -m vasolib.nursery MODULE ...` and `vasolib.run` let a
fork of it do their work, and pass on its end. Only installed libraries are shared: the study's own modules are
imported anew by each stage. Linux alone, where a process of one thread may fork; elsewhere, and without `opened`,
everything is as it is without this module.
"""

__all__ = ["ADDRESS", "SOCKET", "STAGE", "ask", "main", "opened"]

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

from vasolib.lockfile import parsed, quicken
from vasolib.orphans import end_all, end_tree, end_with_parent

ADDRESS = "VASOLIB_NURSERY"  # environment variable: the socket of the open nursery
SOCKET = "nursery-"  # its name in .dvc/tmp, before the number of the process that opened it
STAGE = "vasolib.run"  # the module that starts a kernel
LIBRARIES = (
    "dvc.commands.repro", "dvc.repo", "dvc.repo.reproduce", "dvc.repo.stage", "dvc.stage.cache", "dvc.stage.run",
    "ipykernel.ipkernel", "ipykernel.kernelapp", "nbconvert", "papermill", "psutil",
    "torch", "torch._dynamo", "timm.models.vision_transformer", "torchvision.transforms.v2.functional",
    "safetensors.torch", "numba", "joblib", "pandas", "matplotlib.figure", "matplotlib.backends.backend_agg",
    "scipy.ndimage", "scipy.stats", "skimage.feature.corner", "skimage.metrics._structural_similarity",
    "skimage.transform._warps", "sklearn.metrics",
)  # fmt: skip


@contextmanager
def opened(root: Path, environment: dict[str, str], libraries: tuple[str, ...] = LIBRARIES) -> Iterator[None]:
    """Within the block, stages of the project `root` start from a nursery.

    Args:
        environment: of the nursery; what libraries and allocator read when they start must be that of the stages.
        libraries: dotted names of what is imported once.
    """
    address = root / ".dvc" / "tmp" / f"{SOCKET}{os.getpid()}"  # not in /tmp: there nobody clears up after a kill
    address.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        with short(address) as path:
            server.bind(path)
        address.chmod(0o600)  # whoever may connect may run programs as this user
        server.listen()  # who asks before the libraries are imported waits
        code = f"from vasolib import nursery; nursery.serve({server.fileno()}, {os.getpid()}, {libraries})"
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=root, env=environment, stdin=subprocess.DEVNULL,
            pass_fds=[server.fileno()], start_new_session=True,  # an interrupt reaches those who ask, not the forks
        )  # fmt: skip
        server.close()  # with the nursery's end nobody listens any more
        os.environ[ADDRESS] = str(address)
        try:
            yield
        finally:
            del os.environ[ADDRESS]
            end_tree(process.pid)
            process.wait()
            address.unlink(missing_ok=True)


@contextmanager
def short(address: Path) -> Iterator[str]:
    """A path by which a socket can be bound or found wherever it lies: those of sockets have 107 bytes at most."""
    folder = os.open(address.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{address.name}"
    finally:
        os.close(folder)


def serve(listener: int, opener: int, libraries: tuple[str, ...]) -> None:
    """Import the libraries, then fork for whoever asks, until the process that opened the nursery is gone.

    Returns in each fork too, once that has done its work.
    """
    status: list[int] = []
    atexit.register(leave, status)  # before the libraries register theirs, hence called after them
    for name in libraries:
        import_module(name)
    if "dvc.dvcfile" in sys.modules:
        quicken()
    gc.freeze()  # a collection in a fork would write to, and so copy, all that is shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks that ended need no collecting
    with socket.socket(fileno=listener) as server:
        server.settimeout(1.0)
        while os.getppid() == opener:
            with suppress(TimeoutError):
                connection, _ = server.accept()
                remember_lock()
                if in_fork():
                    server.close()
                    status.append(answer(connection))
                    return
                connection.close()


def in_fork() -> bool:
    """Fork: whether this is the new process. Without memory for one there is none, and whoever asked does without."""
    with suppress(OSError):
        return os.fork() == 0
    return False


def remember_lock() -> None:
    """Read dvc.lock, where there is one, so that forks need not take its stages apart."""
    with suppress(Exception):  # of a damaged file, which DVC tells
        parsed(Path("dvc.lock").read_text(encoding="utf-8"))


def leave(status: list[int]) -> None:
    """End a fork here: to take apart all that was imported, as the interpreter would, costs more than the fork."""
    if status:
        sys.stdout.flush()
        os._exit(status[0])


def answer(connection: socket.socket) -> int:
    """In a fork: be the process that was asked for; its exit status, which is sent too, after a first byte."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection.settimeout(None)
    with suppress(ConnectionError):  # whoever asked may be gone
        connection.send(b"+")
    module, arguments, folder, environment = received(connection)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if module == STAGE:
        from vasolib.kernels import fork_kernel

        del os.environ[ADDRESS]  # this process is the warm one
        if command := fork_kernel():  # now, while this process has one thread
            connection.close()
            return run_as_main(*command)
    ended = threading.Event()
    threading.Thread(target=end_with, args=(connection, ended), daemon=True).start()
    status = run_as_main(module, arguments)
    ended.set()
    connection.send(bytes([status]))
    return status


def received(connection: socket.socket) -> list:
    """The request that `ask` sends; its standard streams become those of this process."""
    message, streams, _, _ = socket.recv_fds(connection, 2**16, 3)
    while not message.endswith(b"\n"):
        if not (more := connection.recv(2**16)):
            os._exit(1)  # whoever asked is gone, and there is nobody to tell
        message += more
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    return json.loads(message)


def end_with(connection: socket.socket, ended: threading.Event) -> None:
    """Wait until whoever asked is gone; then, unless the work is done, end all that was done for it."""
    connection.recv(1)
    if not ended.is_set():
        end_all()


def run_as_main(module: str, arguments: list[str]) -> int:
    """Exit status of a module run as `python -m` runs it; what it printed is out."""
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status & 0xFF


def ask(module: str, arguments: list[str]) -> int | None:
    """Exit status of `python -m module arguments` as a fork of the nursery; None where none can be had."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            with short(Path(os.environ[ADDRESS])) as path:
                connection.connect(path)
        except (KeyError, OSError):
            return None
        message = json.dumps([module, arguments, os.getcwd(), dict(os.environ)]).encode() + b"\n"
        forked = False
        with suppress(ConnectionError):
            sent = socket.send_fds(connection, [message], [0, 1, 2])
            connection.sendall(message[sent:])
            forked = bool(connection.recv(1))
            if status := connection.recv(1):
                return status[0]
    return 128 + signal.SIGKILL if forked else None  # it ended without a word; or the nursery did, before it forked


def main(arguments: list[str]) -> int:
    """`python -m vasolib.nursery MODULE ...`: as `python -m MODULE ...`, by a fork of the nursery where one is open."""
    end_with_parent()
    status = ask(arguments[0], arguments[1:])
    return run_as_main(arguments[0], arguments[1:]) if status is None else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
