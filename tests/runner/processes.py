"""Looking at worker processes from outside."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from xanalysis.runner.store import Store


def children(pid: int) -> list[int]:
    """Worker processes of a runner (not multiprocessing's helper)."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            line = Path(f"/proc/{child}/cmdline")
            if line.exists() and b"spawn_main" in line.read_bytes():
                found.append(int(child))
    return found


def wait_for_end(pids: list[int]) -> None:
    """Workers end by themselves when their runner is gone."""
    until = time.monotonic() + 10
    for pid in pids:
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < until, "a worker outlived its runner"
            time.sleep(0.02)


def wait_for_work(root: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a stage is under way (what a killed run left is swept at the start)."""
    until = time.monotonic() + 120
    leases = Store(root).leases
    while process.poll() is None and time.monotonic() < until:
        held = [leases.holder(file.stem) for file in leases.folder.glob("*.json")]
        if any(owner is not None for owner in held):
            return
        time.sleep(0.05)
