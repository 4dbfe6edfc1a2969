"""kill -9 of a real grid, runner and workers: its results stay the same, bit by bit."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.runner.processes import children, wait_for_end, wait_for_work
from tests.runner.tiny import calm_grid, digests, start
from xanalysis.runner.store import Store


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return calm_grid(tmp_path_factory.mktemp("grid"))


def kill_and_compare(folder: Path, name: str, kills: int, seed: int) -> int:
    """Kill the runner or a worker so often, compare with the calm run; stages hit under way."""
    root = folder / name
    dice = random.Random(seed)
    published: Counter[str] = Counter()
    hit = 0
    for number in range(kills):
        before = set(Store(root).published()) if root.exists() else set()
        if len(before) == len(Store(folder / "calm").published()):
            break
        process = start(folder, name, workers=1 + number % 2)
        # Some kills hit the start, most of them whatever is under way.
        if number % 5 == 0:
            time.sleep(dice.uniform(0.5, 3.0))
        else:
            wait_for_work(root, process)
            time.sleep(dice.uniform(0.0, 1.5))
        under_way = set(Store(root).leases.folder.glob("*.json")) if root.exists() else set()
        hit += bool(under_way)
        workers = children(process.pid)
        victim = dice.choice(workers) if number % 4 == 3 and workers else process.pid
        os.kill(victim, signal.SIGKILL)
        if victim != process.pid:
            time.sleep(dice.uniform(0.2, 1.0))
            process.kill()
        process.wait(30)
        wait_for_end(workers)
        published.update(set(Store(root).published()) - before)
    last = start(folder, name, workers=2)
    assert last.wait(240) == 0
    assert digests(root) == digests(folder / "calm")
    assert max(published.values(), default=0) <= 1
    assert Store(root).leftovers() == []
    tables = [
        (store / "results" / "tiny.parquet").read_bytes() for store in (root, folder / "calm")
    ]
    assert tables[0] == tables[1]
    return hit


def test_killed_three_times(grid: Path) -> None:
    assert kill_and_compare(grid, "wild", kills=3, seed=1) >= 1


@pytest.mark.slow
def test_killed_twenty_times(grid: Path) -> None:
    hit = kill_and_compare(grid, "wilder", kills=20, seed=2)
    print(f"{hit} of 20 kills hit a stage under way")
    assert hit >= 10


def test_a_second_run_does_no_work(grid: Path) -> None:
    store = Store(grid / "calm")
    before = {key: store.path(key).stat().st_mtime_ns for key in store.published()}
    again = start(grid, "calm", workers=1)
    assert again.wait(60) == 0
    assert {key: store.path(key).stat().st_mtime_ns for key in store.published()} == before
