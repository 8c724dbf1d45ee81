"""A function spread over items: on the cores of this machine or, where an address is given, on a Dask cluster."""

__all__ = ["ADDRESS", "spread"]

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from joblib import Parallel, delayed, effective_n_jobs

Item, Result = TypeVar("Item"), TypeVar("Result")

ADDRESS = "VASOLIB_DASK"  # the environment variable that holds the address: kernels of notebooks inherit it
BATCH = 4  # items that a worker is given at a time
AHEAD = 8  # batches per core that are held at a time: a pool left to itself runs ahead, and fills the memory


def spread(
    function: Callable[[Item], Result], items: Iterable[Item], jobs: int = -1, *, light: bool = False
) -> Iterator[Result]:
    """`function` of each item, in the order of the items, whoever computes it.

    Some tens of items per core are held at a time, however many there are. The environment variable VASOLIB_DASK, such
    as tcp://host:8786, names the scheduler of a Dask cluster: its workers are sent items, not names of files.

    Args:
        function: without effects, since one that a lost worker had begun is computed again elsewhere.
        items: taken as they are needed.
        jobs: processes (-1: all cores, or all of the cluster's); 1: this process, cluster or not.
        light: where there is no cluster, in this process: for what takes less time than handing it to another.

    Raises:
        UserError: see `vasolib.cluster.connected`.
    """
    items = iter(items)
    batches = iter(lambda: list(islice(items, BATCH)), [])
    with workers(jobs, light) as (pool, cores):
        while block := list(islice(batches, AHEAD * cores())):
            for results in pool(delayed(each)(function, batch) for batch in block):
                yield from results


def each(function: Callable[[Item], Result], batch: list[Item]) -> list[Result]:
    """`function` of a batch.

    A batch is one argument that is a list: large arrays that are arguments themselves are put on a worker by joblib,
    ahead of the call, and are lost with it.
    """
    return [function(item) for item in batch]


@contextmanager
def workers(jobs: int, light: bool) -> Iterator[tuple[Parallel, Callable[[], int]]]:
    """joblib's pool and how many cores it has now: workers of a cluster come and go."""
    address = os.environ.get(ADDRESS)
    if address and jobs != 1:
        from vasolib.cluster import connected  # Dask is asked for by those alone who give an address

        with connected(address) as backend, Parallel(backend=backend, return_as="generator", batch_size=1) as pool:
            yield pool, lambda: backend.effective_n_jobs(-1)
    else:
        cores = 1 if light else effective_n_jobs(jobs)
        with Parallel(n_jobs=cores, return_as="generator", batch_size=1) as pool:
            yield pool, lambda: cores
