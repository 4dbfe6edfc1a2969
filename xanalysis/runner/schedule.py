"""Which stage next: evaluations first, then seed by seed; towards the end the longest road."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from xanalysis.runner.plan import Kind, Plan
from xanalysis.runner.spec import TrainSpec

# Without better knowledge a stage weighs as many steps as its kind usually takes.
_WEIGHT: Mapping[Kind, float] = {"adapt": 500, "intermediate": 10_000, "target": 5_000}
# The longest road goes first once what is left for each worker is less than so many times its
# length (benchmarks/planning.py: 3 keeps 512 workers 99 % and 4,096 workers 98 % busy).
_MARGIN = 3.0


class Schedule:
    """The ready stages of a plan.

    Evaluations come first: they are short, and free a checkpoint's disk space. Trainings come in
    the recipe's order, one whole seed before the next and an intermediate training's targets right
    after it, so that a grid that is stopped leaves complete slices. Only towards the end, and only
    with several workers, does the training with the longest road behind it come first: it would
    keep one worker busy when the others are done.

    Args:
        plan: The plan.
        todo: Keys that must run; everything else they need is done.
        workers: How many stages run side by side.
    """

    def __init__(self, plan: Plan, todo: Iterable[str], workers: int = 1) -> None:
        self.plan = plan
        self.left = set(todo)
        self.workers = workers
        self._waits: dict[str, int] = {}
        self._children: dict[str, list[str]] = {}
        order = {key: number for number, key in enumerate(plan.stages) if key in self.left}
        for key in order:
            parents = [parent for parent in plan.stages[key].needs if parent in self.left]
            self._waits[key] = len(parents)
            for parent in parents:
                self._children.setdefault(parent, []).append(key)
        seeds = dict.fromkeys(seed for asking in plan.seeds.values() for seed in asking)
        self._turns = {seed: number for number, seed in enumerate(seeds)}
        self._road: dict[str, float] = {}
        turn: dict[str, int] = {}
        for key in reversed(order):
            behind = self._children.get(key, ())
            self._road[key] = self._steps(key) + max((self._road[c] for c in behind), default=0.0)
            turn[key] = min([self._turn(key), *(turn[child] for child in behind)])
        self._rank = {
            key: (plan.stages[key].kind != "evaluate", turn[key], number)
            for key, number in order.items()
        }
        self._same: dict[tuple[object, ...], list[str]] = {}
        for key in order:
            if plan.stages[key].kind == "evaluate":
                self._same.setdefault(self._tested(key), []).append(key)
        self._work = sum(map(self._steps, self.left))
        self._ready: set[str] = set()
        # The ready stages twice: in their order, and by the road behind them. An entry of a stage
        # that is not ready any more is passed over.
        self._queue: list[tuple[bool, int, int, str]] = []
        self._roads: list[tuple[float, int, str]] = []
        for key, parents_left in self._waits.items():
            if not parents_left:
                self._push(key)

    def pop(self) -> str | None:
        """The key of the next ready stage, or None when none is ready."""
        while self._roads and self._roads[0][-1] not in self._ready:
            heapq.heappop(self._roads)
        while self._queue and self._queue[0][-1] not in self._ready:
            heapq.heappop(self._queue)
        if not self._queue:
            return None
        key = self._queue[0][-1]
        urgent = -self._roads[0][0] * (self.workers - 1) * _MARGIN > self._work
        if urgent and self.plan.stages[key].kind != "evaluate":
            key = self._roads[0][-1]
        self._ready.discard(key)
        return key

    def along(self, key: str) -> list[str]:
        """Other ready evaluations of the same model, to be done in the same place after ``key``."""
        if self.plan.stages[key].kind != "evaluate":
            return []
        found = [other for other in self._same[self._tested(key)] if other in self._ready]
        self._ready.difference_update(found)
        return found

    def put_back(self, key: str) -> None:
        """A stage could not be done now; it is ready again."""
        self._push(key)

    def finish(self, key: str) -> None:
        """A stage is done; what only waited for it is ready."""
        self._leave(key)
        for child in self._children.get(key, ()):
            self._waits[child] -= 1
            if not self._waits[child] and child in self.left:
                self._push(child)

    def fail(self, key: str) -> list[str]:
        """A stage cannot be done; the keys that cannot be done because of it."""
        self._leave(key)
        lost = []
        stack = list(self._children.get(key, ()))
        while stack:
            child = stack.pop()
            if child in self.left:
                self._leave(child)
                lost.append(child)
                stack.extend(self._children.get(child, ()))
        return lost

    def _leave(self, key: str) -> None:
        if key in self.left:
            self.left.discard(key)
            self._work -= self._steps(key)

    def _push(self, key: str) -> None:
        self._ready.add(key)
        heapq.heappush(self._queue, (*self._rank[key], key))
        heapq.heappush(self._roads, (-self._road[key], self._rank[key][-1], key))

    def _tested(self, key: str) -> tuple[object, ...]:
        stage = self.plan.stages[key]
        return stage.start or stage.model, stage.adapters

    def _turn(self, key: str) -> int:
        """The place of the first seed that asks for an evaluation, in the recipe's order."""
        seeds = self.plan.seeds.get(key)
        return self._turns[seeds[0]] if seeds else len(self._turns)

    def _steps(self, key: str) -> float:
        spec = self.plan.stages[key].spec
        if not isinstance(spec, TrainSpec):
            return 1.0
        return float(spec.max_steps or _WEIGHT.get(self.plan.stages[key].kind, 1.0))
