"""What a person sees of a grid that runs: bars, time left, one line per finished stage."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from xanalysis.runner.engines.base import Event
from xanalysis.runner.plan import Stage

_ENDS = {
    "done": ("✓", "green"),
    "already": ("✓", "cyan"),
    "failed": ("✗", "red"),
    "refused": ("✗", "red"),
    "halted": ("✗", "red"),
    "died": ("↻", "yellow"),
}


class Terminal:
    """Bars while stages run, and a line when one has finished.

    Args:
        console: Where to write; without a terminal only the lines appear.
        weights: Key to estimated seconds of every stage that is to run.
    """

    def __init__(self, console: Console, weights: Mapping[str, float]) -> None:
        self.console = console
        self.weights = weights
        self.left = _Left(sum(weights.values()))
        self.bars = Progress(
            TextColumn(
                "{task.description}",
                table_column=Column(max_width=34, no_wrap=True, overflow="ellipsis"),
            ),
            BarColumn(bar_width=18),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            _TimeLeft(self.left),
            console=console,
            transient=True,
        )
        self._whole: TaskID | None = None
        self._running: dict[str, TaskID] = {}
        self._finished = 0

    def __enter__(self) -> Terminal:
        self.bars.start()
        self._whole = self.bars.add_task("[bold]stages", total=len(self.weights), note="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.stop()

    def started(self, stage: Stage) -> None:
        """A slot took a stage."""
        if stage.key not in self._running:
            self._running[stage.key] = self.bars.add_task(stage.title, total=None, note="")

    def event(self, stage: Stage, event: Event) -> None:
        """Something happened to a stage."""
        bar = self._running.get(stage.key)
        if event.what == "step":
            if bar is not None:
                self.bars.update(bar, completed=event.done, total=event.total, note=event.text)
            share = event.done / event.total if event.total else 0.0
            self.left.under_way[stage.key] = share * self.weights.get(stage.key, 0.0)
            return
        if bar is not None:
            self.bars.remove_task(bar)
            del self._running[stage.key]
        self.left.under_way.pop(stage.key, None)
        if event.what in ("done", "already"):
            self._finished += 1
            self.left.finished += self.weights.get(stage.key, 0.0)
            assert self._whole is not None
            self.bars.update(self._whole, advance=1)
        if event.what in _ENDS:
            self._line(stage, event)

    def _line(self, stage: Stage, event: Event) -> None:
        sign, colour = _ENDS[event.what]
        width = len(str(len(self.weights)))
        notes = {
            "done": f"{event.seconds:6.1f} s",
            "already": "done elsewhere",
            "failed": "failed",
            "refused": "refused",
            "halted": "stopped",
            "died": "its worker died; again",
        }
        text = Text.assemble(
            (f"{sign} ", colour),
            (f"{self._finished:>{width}}/{len(self.weights)} ", "dim"),
            f"{_cut(stage.title, 46):<46} ",
            (f"{stage.kind:<12} {notes[event.what]}", "dim"),
        )
        self.console.print(text, overflow="ellipsis", no_wrap=True, highlight=False)


class _Left:
    """Work done and under way, in the estimate's own seconds, against the clock."""

    def __init__(self, total: float) -> None:
        self.total = total
        self.finished = 0.0
        self.under_way: dict[str, float] = {}
        self.began = time.monotonic()

    def seconds(self) -> float | None:
        """Seconds left at the pace so far; None before there is a pace."""
        done = self.finished + sum(self.under_way.values())
        passed = time.monotonic() - self.began
        if done <= 0 or passed < 3:
            return None
        return max(0.0, (self.total - done) * passed / done)


class _TimeLeft(ProgressColumn):
    """Time left, on the bar of the whole grid only."""

    def __init__(self, left: _Left) -> None:
        super().__init__()
        self._left = left

    def render(self, task: Task) -> Text:
        if task.id != 0:
            return Text("")
        seconds = self._left.seconds()
        return Text("" if seconds is None else f"{duration(seconds)} left", style="cyan")


def duration(seconds: float) -> str:
    """Seconds for people: ``45 s``, ``3 min``, ``2 h 10 min``, ``12 days``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"{minutes:.0f} min"
    if minutes < 48 * 60:
        return f"{int(minutes // 60)} h {int(minutes % 60)} min"
    return f"{minutes / 1440:,.0f} days"


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def count(number: float) -> str:
    """A large number for people: ``1.2 million``."""
    for limit, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= limit:
            return f"{number / limit:,.1f} {word}"
    return f"{number:,.0f}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
