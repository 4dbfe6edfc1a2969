"""A real grid on a store that fails: one line, nothing overwritten, and it goes on afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.tiny import ROOT, calm_grid, digests
from xanalysis.runner.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return calm_grid(tmp_path_factory.mktemp("grid"))


@pytest.fixture
def small_disk(grid: Path) -> Iterator[Path]:
    """A tmpfs that has room for some stages of the grid, not for all."""
    place = grid / "disk"
    place.mkdir(exist_ok=True)
    room = Store(grid / "calm").occupied() * 2 // 3
    if _mount("-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(place)):
        pytest.skip("mounting a tmpfs is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def _mount(*arguments: str) -> int:
    return subprocess.run(["mount", *arguments], capture_output=True).returncode


def command(grid: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    whole = [sys.executable, "-m", "xanalysis", *arguments]
    return subprocess.run(whole, cwd=grid, env=environment, capture_output=True, text=True)


def run_grid(grid: Path, store: Path, workers: int = 1) -> subprocess.CompletedProcess[str]:
    options = ["--store", str(store), "--devices", "cpu", "--workers", str(workers)]
    return command(grid, "run-grid", "tiny.yaml", *options)


def refused(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_fills_up(grid: Path, small_disk: Path, workers: int) -> None:
    root = small_disk / "runs"
    refused(run_grid(grid, root, workers), "the disk is full; what was finished before is kept")
    store = Store(root)
    finished = store.published()
    assert 0 < len(finished) < len(Store(grid / "calm").published())
    assert all(store.verify(key) == [] for key in finished)
    before = {key: store.path(key).stat().st_mtime_ns for key in finished}
    assert _mount("-o", "remount,size=100m", str(small_disk)) == 0
    assert run_grid(grid, root, workers).returncode == 0
    assert digests(root) == digests(grid / "calm")
    assert {key: store.path(key).stat().st_mtime_ns for key in finished} == before


def test_a_disk_that_cannot_be_written(grid: Path, small_disk: Path) -> None:
    root = small_disk / "runs"
    Store(root).prepare()
    if _mount("-o", "remount,ro", str(small_disk)):
        pytest.skip("remounting is not allowed here")
    refused(run_grid(grid, root), "the file system is read-only")


def test_a_checkpoint_whose_checksum_fails(grid: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    subprocess.run(["cp", "-a", str(grid / "calm"), str(root)], check=True)
    store = Store(root)
    kinds = {key: store.manifest(key).kind for key in store.published()}
    broken = next(key for key, kind in kinds.items() if kind == "intermediate")
    file = next(file for file in store.weights(broken) if file.name.startswith("model"))
    bytes_ = bytearray(file.read_bytes())
    bytes_[-1] ^= 1
    file.write_bytes(bytes_)
    for key, kind in kinds.items():
        if kind == "target" and broken in store.manifest(key).needs:
            store.remove(key)  # so that the broken one is needed
        elif kind == "evaluate":
            store.remove(key)
    refused(run_grid(grid, root), f"stage {broken[:12]} is damaged: {file.name} does not have")
    assert file.read_bytes() == bytes(bytes_)
    assert command(grid, "store", "verify", "--store", str(root)).returncode == 1
    assert command(grid, "store", "gc", "--broken", "--store", str(root)).returncode == 0
    assert run_grid(grid, root).returncode == 0
    assert digests(root) == digests(grid / "calm")


def test_a_store_of_a_newer_version(grid: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    subprocess.run(["cp", "-a", str(grid / "calm"), str(root)], check=True)
    (root / "store.json").write_text('{"format": 2}')
    before = {f: f.stat().st_mtime_ns for f in root.rglob("*")}
    refused(run_grid(grid, root), "the store has format 2, this version of xanalysis knows 1")
    refused(command(grid, "store", "gc", "--store", str(root)), "the store has format 2")
    assert {f: f.stat().st_mtime_ns for f in root.rglob("*")} == before


def test_a_gpu_that_is_not_there(grid: Path, tmp_path: Path) -> None:
    for device in ("cuda:7", "cuda:x"):
        done = command(
            grid, "run-grid", "tiny.yaml", "--devices", device, "--store", str(tmp_path / "runs")
        )
        refused(done, f"there is no device '{device}' here")
    assert not (tmp_path / "runs").exists()
