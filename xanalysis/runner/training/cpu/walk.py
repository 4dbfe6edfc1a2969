"""Parts of a batch walking through the layers, several threads leading whichever is behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition

Task = Callable[[], None]


class Walk:
    """Every part goes through every layer, in order; after the last part of a layer, its tasks.

    Which thread does what hangs on chance; what is done does not.

    Args:
        parts: How many.
        layers: The layers in the order in which they are passed.
        step: Takes a part, by number, through a layer.
        passed: Told of a layer when all parts have passed it; what is then to be done besides, in
            any order.
        done: Told of a layer when that is done.
    """

    def __init__(
        self,
        parts: int,
        layers: list[int],
        step: Callable[[int, int], None],
        passed: Callable[[int], list[Task]] = lambda layer: [],
        done: Callable[[int], None] = lambda layer: None,
    ) -> None:
        self._layers, self._step, self._passed, self._done = layers, step, passed, done
        self._places = [0] * parts
        self._resting = set(range(parts))
        self._through = [0] * len(layers)  # parts that have passed
        self._tasks: deque[tuple[int, Task]] = deque()
        self._left = [0] * len(layers)  # tasks
        self._changed = Condition()
        self._failed = False

    def lead(self) -> None:
        """Take part until all is done: to be called by every thread."""
        try:
            while (job := self._next()) is not None:
                job()
        except BaseException:
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            raise

    def _next(self) -> Task | None:
        with self._changed:
            while not self._failed:
                if self._tasks:
                    place, task = self._tasks.popleft()
                    return lambda: self._run(place, task)
                behind = min(
                    self._resting, key=lambda part: (self._places[part], part), default=None
                )
                if behind is not None and self._places[behind] < len(self._layers):
                    self._resting.remove(behind)
                    return lambda: self._advance(behind)
                if len(self._resting) == len(self._places):
                    return None
                self._changed.wait()
        return None

    def _advance(self, part: int) -> None:
        place = self._places[part]
        self._step(self._layers[place], part)
        with self._changed:
            self._places[part] += 1
            self._resting.add(part)
            self._through[place] += 1
            if self._through[place] == len(self._places):
                tasks = self._passed(self._layers[place])
                self._left[place] = len(tasks)
                self._tasks.extend((place, task) for task in tasks)
            self._changed.notify_all()

    def _run(self, place: int, task: Task) -> None:
        task()
        with self._changed:
            self._left[place] -= 1
            if not self._left[place]:
                self._done(self._layers[place])
