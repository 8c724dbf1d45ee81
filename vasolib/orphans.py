"""No process outlives the one that it works for: a killed study leaves nothing running that would block the next."""

__all__ = ["DRIVER", "end_all", "end_orphans", "end_tree", "end_with_parent"]

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

DRIVER = "VASOLIB_DRIVER"  # environment variable: process number of the driver that started a stage


def end_with_parent(every: float = 0.2) -> None:
    """End this process and all that it started once its parent, or the driver that it runs for, is gone."""
    parent, driver = os.getppid(), int(os.environ.get(DRIVER, "0"))
    threading.Thread(target=watch, args=(parent, driver, every), daemon=True).start()


def watch(parent: int, driver: int, every: float) -> None:
    """Wait for an end of parent or driver (0: none), then end all."""
    while os.getppid() == parent and (not driver or lives(driver)):
        time.sleep(every)
    end_all()


def end_all() -> None:
    """End everything below this process, and itself."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it may have ended just now
            child.kill()
    os._exit(1)


def end_tree(process: int, within: float = 5.0) -> None:
    """End a process and everything below it, and wait until they are gone, so many seconds at most."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(process)
        tree = [top, *top.children(recursive=True)]  # before any ends: nobody knows the children of one that has
        for one in tree:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        until = time.monotonic() + within
        while any(lives(one.pid) for one in tree) and time.monotonic() < until:
            time.sleep(0.02)


def end_orphans(folder: Path) -> None:
    """End what still works in a project's folder for a driver that is gone, without waiting until it notices."""
    import psutil

    for process in psutil.process_iter(["cwd", "environ"]):  # None of processes that may not be looked at
        driver = int((process.info["environ"] or {}).get(DRIVER, "0"))
        if driver and process.info["cwd"] == str(folder) and not lives(driver):
            end_tree(process.pid)


def lives(process: int) -> bool:
    """Whether a process runs; a killed one that nobody has collected does not."""
    import psutil

    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
