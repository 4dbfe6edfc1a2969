"""Threads that share one compiled kernel, and the arrays it is given."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

Kernel = Callable[..., None]
LEAST = 64  # rows below which another thread is not worth its start


class Crew:
    """Runs kernels of :mod:`xanalysis.runner.training.cpu.kernels` over tensors.

    Args:
        threads: How many share one call.
        of: How many there are for all calls that are made at a time.
    """

    def __init__(self, threads: int, of: int = 1) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(max(threads, of), "crew") if threads > 1 else None

    def run(self, kernel: Kernel, rows: int, *given: Any) -> None:
        """Call a kernel for all rows."""
        arrays = [_array(value) for value in given]
        self._each(rows, lambda start, stop: kernel(start, stop, *arrays))

    def total(self, kernel: Kernel, rows: int, shape: tuple[int, ...], *given: Any) -> Tensor:
        """Call a kernel for all rows; what it adds to its last argument, float32 of ``shape``."""
        arrays = [_array(value) for value in given]

        def summed(start: int, stop: int) -> np.ndarray:
            sums = np.zeros(shape, np.float32)
            kernel(start, stop, *arrays, sums)
            return sums

        first, *others = self._each(rows, summed)
        for other in others:
            first += other
        return torch.from_numpy(first)

    def _each(self, rows: int, call: Callable[[int, int], Any]) -> list[Any]:
        parts = min(self._threads, -(-rows // LEAST))
        if self._pool is None or parts == 1:
            return [call(0, rows)]
        edges = np.linspace(0, rows, parts + 1).astype(int).tolist()
        return list(self._pool.map(lambda edge: call(*edge), pairwise(edges)))


def _array(value: Any) -> Any:
    """A tensor's memory as NumPy sees it, bfloat16 as its bits; anything else as it is."""
    if not isinstance(value, Tensor):
        return value
    return (value.view(torch.int16) if value.dtype == torch.bfloat16 else value).numpy()
