"""A Dask cluster as joblib's backend."""

__all__ = ["connected"]

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from joblib._dask import DaskDistributedBackend

from vasolib.errors import UserError

TIMEOUT = 5  # seconds to reach the scheduler


class Cluster(DaskDistributedBackend):
    """joblib's backend; that one waits for ever for a task that Dask has given up, as workers died of it."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """The cluster's cores, but at least two: joblib keeps to this process where there is one."""
        return max(2, super().effective_n_jobs(n_jobs))

    def submit(self, func: Callable, callback: Callable) -> Future:
        """As joblib's, and `callback` is told of a failure too."""

        def told(job: Future) -> None:
            if job.exception():
                callback(job.exception())

        job = super().submit(func, callback)
        job.add_done_callback(told)
        return job

    def retrieve_result_callback(self, out: object) -> object:
        """The result of a task, or its failure raised."""
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster whose scheduler is at `address`, such as tcp://host:8786.

    Raises:
        UserError: Dask is not installed, no scheduler answers within seconds, or it has no worker.
    """
    try:
        from dask.distributed import Client
    except ImportError:
        raise UserError(
            f"the Dask cluster {address} cannot be used, as Dask is not installed: "
            "run `pip install -e '.[cluster]'`, or unset VASOLIB_DASK"
        ) from None
    try:
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Dask scheduler answers at {address!r} ({error}): expected an address such as tcp://host:8786, check "
            "that `dask scheduler` runs there, or unset VASOLIB_DASK"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except TimeoutError:
            remedy = f"start some with `dask worker {address}`"
            raise UserError(f"the Dask scheduler at {address} has no worker: {remedy}") from None
        yield Cluster(client=client)
