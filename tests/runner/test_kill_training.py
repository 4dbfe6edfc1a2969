"""kill -9 of a real grid, runner and workers: its results stay the same, bit by bit."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.runner.processes import children, wait_for_end, wait_for_work
from tests.runner.tiny import make_model
from xanalysis.runner.store import Store

ROOT = Path(__file__).parents[2]
RECIPE = """\
model: {model}
profile: quick
intermediates: [cldr-paraphrase]
targets: [cldr-pairs, cldr-retrieval]
languages: [en, de, ja]
seeds: [0, 1]
sources: [cldr]
keep: all
intermediate_size: 48
target_size: 48
train: {{max_steps: 8, batch_size: 8, max_length: 64, precision: fp32, select: best,
  evaluate_every: 4, dev_examples: 16, patience: 5}}
evaluate: {{limit: 8, precision: fp32}}
"""
SCRIPT = """\
import sys
from dataclasses import replace
from pathlib import Path
from xanalysis.runner.grid import open_engine, open_grid

if __name__ == "__main__":
    grid = open_grid(sys.argv[1], store=sys.argv[2])
    job = replace(grid.job, checkpoint_seconds=0.0)  # a checkpoint after every step
    engine = open_engine("local", job, workers=int(sys.argv[3]), devices=["cpu"])
    run = grid.run(engine)
    assert not run.failed, run.failed
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grid")
    model = make_model(folder / "model")
    (folder / "tiny.yaml").write_text(RECIPE.format(model=model))
    (folder / "grid.py").write_text(SCRIPT)
    calm = start(folder, "calm", workers=1)
    assert calm.wait(240) == 0
    return folder


def start(folder: Path, store: str, workers: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "grid.py", "tiny.yaml", store, str(workers)]
    return subprocess.Popen(command, cwd=folder, env=environment)


def digests(root: Path) -> dict[str, str]:
    """Checksum of everything a stage holds, but for the clock's own file."""
    store = Store(root)
    found = {}
    for key in store.published():
        assert store.verify(key) == []
        for name in store.manifest(key).files:
            if name != "timing.json":
                data = (store.path(key) / name).read_bytes()
                found[f"{key}/{name}"] = hashlib.sha256(data).hexdigest()
    return found


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
