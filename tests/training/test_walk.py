from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from xanalysis.runner.training.cpu.walk import Walk


def lead(walk: Walk, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(walk.lead) for _ in range(threads)]:
            future.result(timeout=20)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_every_part_passes_every_layer_in_order(threads: int, parts: int) -> None:
    layers = [3, 1, 2, 0]
    passed: dict[int, list[int]] = {part: [] for part in range(parts)}
    ended: list[tuple[str, int]] = []
    lock = threading.Lock()

    def step(layer: int, part: int) -> None:
        time.sleep(0.001 * (part % 3))
        with lock:
            passed[part].append(layer)
            ended.append(("step", layer))

    def task(layer: int) -> None:
        with lock:
            ended.append(("task", layer))

    walk = Walk(
        parts,
        layers,
        step,
        passed=lambda layer: [lambda: task(layer)] * 3,
        done=lambda layer: ended.append(("done", layer)),
    )
    lead(walk, threads)
    assert all(found == layers for found in passed.values())
    for layer in layers:
        kinds = [kind for kind, of in ended if of == layer]
        assert kinds == ["step"] * parts + ["task"] * 3 + ["done"]


def test_nobody_walks_far_ahead() -> None:
    places = [0, 0, 0, 0]
    ahead: list[int] = []

    def step(layer: int, part: int) -> None:
        time.sleep(0.002)
        places[part] = layer + 1
        ahead.append(max(places) - min(places))

    lead(Walk(4, list(range(12)), step), 2)
    assert max(ahead) <= 2  # so at most so many layers wait to be learnt from


@pytest.mark.parametrize("where", ["step", "task"])
def test_what_goes_wrong_is_raised_and_stops_all(where: str) -> None:
    def fail() -> None:
        raise RuntimeError("can't allocate memory")

    def step(layer: int, part: int) -> None:
        if where == "step" and (layer, part) == (2, 1):
            fail()

    walk = Walk(3, list(range(4)), step, passed=lambda layer: [fail] if where == "task" else [])
    with pytest.raises(RuntimeError, match="can't allocate"):
        lead(walk, 2)
