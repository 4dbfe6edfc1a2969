"""``python -m xanalysis.demo``: the whole way, from a grid to a report, offline and on a laptop.

The same three commands as by hand: ``run-grid mini``, ``verify-claims claims/stilts.yaml`` and
``report``. A second run finds the grid done and only checks and renders.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

STEPS: tuple[tuple[str, list[str]], ...] = (
    # One worker with all cores: two side by side take more than 3 GiB together.
    ("train and evaluate the grid", ["run-grid", "mini", "--workers", "1"]),
    ("check the claims of Phang et al. 2020", ["verify-claims", "claims/stilts.yaml"]),
    ("write the report", ["report"]),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; the exit code of the first step that fails."""
    parser = argparse.ArgumentParser(prog="python -m xanalysis.demo", description=__doc__)
    parser.add_argument("--gallery", metavar="DIR", help="write the report there, with figures")
    given = parser.parse_args(arguments)
    began, memory = time.monotonic(), Memory()
    print(
        "xanalysis demo: fine-tunes a small multilingual encoder on generated mini-tasks (baseline"
        "\nand three intermediate tasks, five targets, two seeds, zero-shot in over 30 languages),"
        "\nchecks a paper's claims against published tables and this grid, and writes a report."
        "\nOffline, on the CPU; 5 to 9 minutes on two cores the first time, seconds after that.\n",
        flush=True,
    )
    for number, (what, command) in enumerate(STEPS, 1):
        step = [*command]
        if given.gallery and command[0] == "report":
            step += ["--out", given.gallery, "--format", "html,pdf,gallery"]
        print(f"[{number}/{len(STEPS)}] {what}: xanalysis {' '.join(step)}", flush=True)
        code = _run(step)
        if code:
            return code
        print(flush=True)
    print(
        f"done in {time.monotonic() - began:.0f} s, "
        f"peak memory {memory.bytes() / 2**30:.2f} GiB (all processes together)"
    )
    return 0


def _run(command: list[str]) -> int:
    """A command in this process, so that libraries are loaded once."""
    from xanalysis.cli import main as command_line

    try:
        command_line(command)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


class Memory:
    """Watches how much memory this process and its children take together.

    Where /proc tells (Linux), it is the sum of proportional set sizes, so that pages which
    processes share count once; elsewhere the largest resident size of any one process.
    """

    def __init__(self, every: float = 1.0) -> None:
        self.peak = 0
        self._every = every
        threading.Thread(target=self._watch, daemon=True).start()

    def bytes(self) -> int:
        """The most it was."""
        self.peak = max(self.peak, _tree_bytes(os.getpid()))
        if self.peak:
            return self.peak
        unit = 1 if sys.platform == "darwin" else 1024
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return unit * max(resource.getrusage(one).ru_maxrss for one in who)

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, _tree_bytes(os.getpid()))
            time.sleep(self._every)


def _tree_bytes(pid: int) -> int:
    """Proportional set size of a process and all below it; 0 where it cannot be told."""
    own = 0
    below: list[str] = []
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                own = 1024 * int(line.split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir():
            below += (task / "children").read_text().split()
    except OSError:
        pass  # it has just ended, or there is no /proc
    return own + sum(_tree_bytes(int(child)) for child in below)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main())
