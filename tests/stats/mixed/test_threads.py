"""BLAS threads are held back during a fit, and given back after it."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from xanalysis.stats.mixed.threads import one_thread


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_one_thread_inside_and_the_old_number_after():
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_thread():
            assert threads() == {1}
            with one_thread(100):
                assert threads() == {1}
            assert threads() == {1}
        assert threads() == before


def test_large_matrices_keep_their_threads():
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_thread(5000):
            assert threads() == before


def test_an_error_gives_the_threads_back():
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with pytest.raises(ZeroDivisionError), one_thread():
            _ = 1 / 0
        assert threads() == before
