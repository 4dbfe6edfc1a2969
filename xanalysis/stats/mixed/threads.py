"""BLAS on one thread, for the many small factorisations of a fit.

Threads that wait for each other cost more than they bring on matrices of some hundred columns, and
where other programs use the cores they can cost many times the work itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

# Matrices of this many columns are worth threads.
_LARGE = 600

_lock = Lock()
_inside = 0
_limit: Any = None


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_thread(size: int = 0) -> Iterator[None]:
    """One BLAS thread, unless dense matrices of ``size`` columns are large enough for more.

    The setting is the process's: it is put back when the last that asked for it is done.
    """
    global _inside, _limit
    if size >= _LARGE:
        yield
        return
    with _lock:
        if _inside == 0:
            _limit = _pools().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()
