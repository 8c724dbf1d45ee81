"""What is said to do about failures of the machine, by the words of the libraries that meet them."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from tests.conftest import small_files
from vasolib import checkpoint
from vasolib.remedies import DISK, LESS_MEMORY, remedy


@pytest.mark.parametrize("number", DISK)
def test_pythons_own_words(number: int):
    assert remedy(f"OSError: {OSError(number, os.strerror(number), 'x')}").startswith(DISK[number])


@pytest.mark.parametrize("size", ["torch.empty(2**60)", "numpy.empty(2**57)", "bytearray(2**62)"])
def test_the_words_of_those_that_find_no_memory(size: str):
    import numpy

    with pytest.raises((RuntimeError, MemoryError)) as caught:
        eval(size, {"torch": torch, "numpy": numpy})
    assert LESS_MEMORY in remedy(f"{caught.typename}: {caught.value}")


def test_a_gpus_words():
    assert LESS_MEMORY in remedy("OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB")


@pytest.mark.parametrize("write", [lambda path, content: save_file(content, path), checkpoint.save])
def test_the_words_of_those_that_find_no_space(tmp_path: Path, write: Callable):
    with pytest.raises((OSError, SafetensorError)) as caught, small_files():
        write(tmp_path / "x", {"x": torch.zeros(100_000)})
    assert remedy(f"{caught.typename}: {caught.value}").startswith(DISK[errno.EFBIG]), caught.value


@pytest.mark.parametrize("error", ["ValueError: x", "UserError: params.yaml cannot be read", ""])
def test_nothing_is_said_of_other_errors(error: str):
    assert remedy(error) == ""
