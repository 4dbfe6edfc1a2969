"""How long it will take: from what the store's trainings took, or a probe that bears load."""

from __future__ import annotations

import json
import multiprocessing as mp
import time
from pathlib import Path

import pytest

from xanalysis.runner import models
from xanalysis.runner.lease import Owner
from xanalysis.runner.pace import READING, TRAINING, cpu_rate, pace
from xanalysis.runner.spec import ModelSpec
from xanalysis.runner.store import Store

MODEL = ModelSpec(layers=4)


def finished(store: Store, number: int, seconds: float, threads: int, device: str = "cpu") -> None:
    """A training of a million tokens that took so long, and half a second on top."""
    key = f"{number:064x}"
    with store.writing(key, Owner.me()) as folder:
        (folder / "training.json").write_text(json.dumps({"tokens": 1_000_000}))
        (folder / "timing.json").write_text(json.dumps({"seconds": seconds}))
        facts = {
            "model": MODEL.model_dump(),
            "device": device,
            "seconds": seconds + 0.5,
            "machine": {"threads": threads},
        }
        store.publish(folder, key=key, kind="target", title="t", needs=(), facts=facts)


def test_the_stores_trainings_set_the_pace(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    for number, seconds in enumerate((9.0, 10.0, 30.0)):
        finished(store, number, seconds, threads=2)
    finished(store, 3, 0.1, threads=2, device="cuda:1")
    layers, _ = models.parameters(models.shape(MODEL) or {})
    found = pace(store, "cpu", cores=4)
    assert found.rate == pytest.approx(2 * TRAINING * layers * 1_000_000 / 10.0)
    assert found.overhead == pytest.approx(0.5)
    assert found.basis == "median of 3 trainings in this store"
    assert READING < TRAINING


def test_an_empty_store_is_guessed_for(tmp_path: Path) -> None:
    found = pace(Store(tmp_path), "cpu", cores=2)
    assert found.rate > 0
    assert "rough" in found.basis


def _spin(until: float) -> None:
    while time.monotonic() < until:
        pass


def test_the_probe_bears_a_busy_machine() -> None:
    calm = cpu_rate(1)
    until = time.monotonic() + 4
    busy = [mp.get_context("spawn").Process(target=_spin, args=(until,)) for _ in range(6)]
    for process in busy:
        process.start()
    time.sleep(2)
    loaded = cpu_rate(1)
    for process in busy:
        process.join()
    # Cores share caches and clock, so not the same.
    assert loaded > calm / 3
