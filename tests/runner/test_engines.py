"""Engines: every stage once, whatever dies."""

from __future__ import annotations

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
from tests.runner.work import (
    began,
    contents,
    die,
    die_evaluating,
    die_once,
    fail_on_panx,
    fill_the_disk,
    plan,
    refuse,
    run,
    small,
)
from xanalysis.errors import InputError
from xanalysis.runner.store import Store

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("workers", [1, 3])
def test_every_stage_once(tmp_path: Path, workers: int) -> None:
    made = small(keep="all")
    result = run(made, tmp_path, workers=workers)
    assert sorted(result.done) == sorted(made.stages)
    assert set(began(tmp_path).values()) == {1}
    again = run(made, tmp_path, workers=workers)
    assert again.done == []
    assert set(began(tmp_path).values()) == {1}
    store = Store(tmp_path)
    assert store.leftovers() == []
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("keep", "left"),
    [("all", {"intermediate", "target"}), ("intermediate", {"intermediate"}), ("none", set())],
)
def test_what_keep_keeps(tmp_path: Path, keep: str, left: set[str]) -> None:
    made = small(keep=keep)
    run(made, tmp_path)
    store = Store(tmp_path)
    there = {made.stages[k].kind for k in made.stages if store.complete(k)}
    assert there - {"evaluate"} == left
    # What was dropped is not done again: its scores are there.
    assert run(made, tmp_path).done == []


def test_a_failing_stage_costs_only_what_needs_it(tmp_path: Path) -> None:
    made = small()
    result = run(made, tmp_path, fail_on_panx, workers=2)
    assert len(result.failed) == 3 * 2
    assert all("ZeroDivisionError: made to fail" in text for text in result.failed.values())
    assert {made.stages[k].kind for k in result.skipped} == {"evaluate"}
    assert len(result.done) == len(made.stages) - len(result.failed) - len(result.skipped)
    assert len(run(made, tmp_path).done) == len(result.failed) + len(result.skipped)


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_input_costs_only_what_needs_it(tmp_path: Path, workers: int) -> None:
    made = small()
    result = run(made, tmp_path, refuse, workers)
    assert len(result.refused) == 3 * 2
    assert {(e.message, e.file, e.line) for e in result.refused.values()} == {
        ("made to refuse", "data.tsv", 3)
    }
    assert len(result.done) == len(made.stages) - len(result.refused) - len(result.skipped)
    assert Store(tmp_path).leftovers() == []
    assert len(run(made, tmp_path).done) == len(result.refused) + len(result.skipped)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_that_cannot_be_written_stops_the_run(tmp_path: Path, workers: int) -> None:
    with pytest.raises(InputError, match="the disk is full"):
        run(small(), tmp_path, fill_the_disk, workers)
    assert len(Store(tmp_path).published()) < len(small().stages) - 6
    assert Store(tmp_path).leftovers() == []


def test_a_killed_workers_stage_is_done_by_another(tmp_path: Path) -> None:
    made = small(keep="all")
    result = run(made, tmp_path, die_once, workers=2)
    assert sorted(result.done) == sorted(made.stages)
    run(made, tmp_path / "calm")
    assert contents(tmp_path) == contents(tmp_path / "calm")


@pytest.mark.parametrize("workers", [1, 2])
def test_evaluations_of_a_model_are_done_together(tmp_path: Path, workers: int) -> None:
    made = plan(targets=["xquad", "mlqa"], seeds=[0])
    run(made, tmp_path, workers=workers)
    places: dict[str | None, set[str]] = {}
    for line in (tmp_path / "log.txt").read_text().splitlines():
        key, place = line.split()
        places.setdefault(made.stages[key].start, set()).add(place)
    evaluated = [s.start for s in made.stages.values() if s.kind == "evaluate"]
    assert all(evaluated.count(start) == 2 and len(places[start]) == 1 for start in evaluated)


def test_what_was_not_begun_when_a_worker_died_is_not_held_against_it(tmp_path: Path) -> None:
    made = plan(targets=["xquad", "mlqa"], seeds=[0], intermediates=[])
    result = run(made, tmp_path, die_evaluating, workers=2)
    assert sorted(result.done) == sorted(made.stages)
    evaluations = [key for key, stage in made.stages.items() if stage.kind == "evaluate"]
    assert [began(tmp_path)[key] for key in evaluations] == [1, 1]


def test_a_stage_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    made = small()
    result = run(made, tmp_path, die, workers=2)
    assert [made.stages[key].kind for key in result.refused] == ["intermediate"]
    assert all("died 3 times" in str(error) for error in result.refused.values())
    assert len(result.done) == len(made.stages) - 1 - len(result.skipped)


def test_idle_workers_end_by_themselves_and_leave_nothing(tmp_path: Path) -> None:
    process = _start(tmp_path / "store", workers=2, work="hold_a_semaphore", heard=True)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"leaked" not in complaints


def test_several_processes_share_a_store(tmp_path: Path) -> None:
    made = small(keep="all")
    processes = [_start(tmp_path, workers=1) for _ in range(3)]
    for process in processes:
        assert process.wait(60) == 0
    assert set(began(tmp_path)) == set(made.stages)
    assert set(began(tmp_path).values()) == {1}


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """Kill the runner, or one of its workers, 10 times; then compare with a calm run."""
    made = small(keep="all")
    run(made, tmp_path / "calm")
    root = tmp_path / "wild"
    dice = random.Random(0)
    published: Counter[str] = Counter()
    for number in range(10):
        before = set(Store(root).published()) if root.exists() else set()
        process = _start(root, workers=1 + number % 2, seconds=0.1)
        if number % 5:  # every fifth kill hits the start
            wait_for_work(root, process)
        time.sleep(dice.uniform(0.0, 0.5))
        workers = children(process.pid)
        victim = dice.choice(workers) if number % 4 == 3 and workers else process.pid
        os.kill(victim, signal.SIGKILL)
        if victim != process.pid:
            time.sleep(0.3)
            process.kill()
        process.wait(10)
        wait_for_end(workers)
        published.update(set(Store(root).published()) - before)
    process = _start(root, workers=2)
    assert process.wait(60) == 0
    assert contents(root) == contents(tmp_path / "calm")
    assert max(published.values()) == 1
    # A stage begins again only when it was killed before it was published: at most one per slot
    # and kill.
    assert sum(began(root).values()) <= len(made.stages) + 2 * 11
    assert Store(root).leftovers() == []


def _start(
    root: Path, workers: int, seconds: float = 0.0, work: str = "pretend", heard: bool = False
) -> subprocess.Popen[bytes]:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.runner import work\n"
        "if __name__ == '__main__':\n"
        "    root, workers, perform = sys.argv[1:]\n"
        "    made = work.small(keep='all')\n"
        "    work.run(made, Path(root), getattr(work, perform), int(workers))\n"
    )
    script = root.parent / f"{root.name}-grid.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(code)
    return subprocess.Popen(
        [sys.executable, str(script), str(root), str(workers), work],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PRETEND_SECONDS": str(seconds)},
        stderr=subprocess.PIPE if heard else None,
    )
