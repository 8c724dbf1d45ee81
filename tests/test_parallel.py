"""Items are spread, taken as needed, and come back in order, however many processes compute."""

import os
from functools import partial
from operator import add

import numpy as np
import pytest

from vasolib import parallel
from vasolib.errors import UserError
from vasolib.parallel import spread


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 7, 80])
def test_results_come_in_the_order_of_the_items(jobs, count):
    assert list(spread(partial(add, 100), range(count), jobs)) == list(range(100, 100 + count))


def test_arrays_come_back_byte_for_byte():
    images = np.random.default_rng(0).integers(0, 256, (9, 20, 20), dtype=np.uint8)
    for jobs in (1, 2):
        assert np.array_equal(list(spread(np.transpose, images, jobs)), images.transpose(0, 2, 1))


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_more_is_taken_than_is_held(jobs, monkeypatch):
    monkeypatch.setattr(parallel, "AHEAD", 2)
    taken = []
    results = spread(abs, (taken.append(i) or i for i in range(1000)), jobs)
    for count in range(30):
        assert next(results) == count
        assert len(taken) <= count + 2 * parallel.BATCH * jobs
    results.close()


def test_other_processes_do_the_work():
    assert os.getpid() in set(spread(process, range(3), 1))
    assert os.getpid() not in set(spread(process, range(9), 2))


def test_light_work_stays_here():
    assert set(spread(process, range(9), light=True)) == {os.getpid()}


def process(_: int) -> int:
    return os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_a_worker_arrives_as_it_is(jobs):
    with pytest.raises(UserError, match="item 5 is bad"):
        list(spread(refuse_five, range(20), jobs))


def refuse_five(item: int) -> None:
    if item == 5:
        raise UserError("item 5 is bad")


def test_one_job_stays_here_whatever_the_address(monkeypatch):
    monkeypatch.setenv(parallel.ADDRESS, "tcp://127.0.0.1:1")
    assert list(spread(process, range(2), 1)) == [os.getpid()] * 2
