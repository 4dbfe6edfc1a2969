"""Looking at a model in training: its dev score, and whether it has collapsed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from xanalysis.runner.spec import TrainSpec
from xanalysis.runner.training.features import Features
from xanalysis.runner.training.predict import run_tables
from xanalysis.runner.training.scoring import official_score
from xanalysis.runner.training.streams import Stream
from xanalysis.runner.training.trainee import MLM, Trainee
from xanalysis.tasks.examples import Example
from xanalysis.tasks.kinds import KINDS
from xanalysis.tasks.kinds.base import Kind
from xanalysis.tasks.task import Task

EXAMPLES = 200  # of the training data, to see a collapse where no dev data are read
Switch = Callable[[str | None], None]


class _Part:
    def __init__(
        self,
        task: Task,
        language: str | None,
        examples: Sequence[Example],
        spec: TrainSpec,
        tokenizer: Any,
    ) -> None:
        self.task, self.language, self.examples = task, language, examples
        self.kind: Kind = KINDS[task.kind]()
        self.table: pa.Table = self.kind.encode(
            examples, task, tokenizer, max_length=spec.max_length, training=False
        )


class Probe:
    """Dev examples of a training (or some of its training examples), encoded once.

    Args:
        spec: The training.
        streams: Its examples.
        data: Where dev examples are read; only where the spec selects by them.
        tokenizer: Of the model.
    """

    def __init__(
        self,
        spec: TrainSpec,
        streams: Sequence[Stream],
        data: Any,
        tokenizer: Any,
    ) -> None:
        self._spec, self._streams = spec, streams
        parts: list[tuple[Task, str | None, Sequence[Example]]] = []
        if spec.select == "best":
            trained = {stream.name: stream.task for stream in streams}
            for name, language in dict.fromkeys(part.dev for part in spec.data):
                found = list(data.examples(name, language, "dev"))[: spec.dev_examples]
                parts.append((trained[name], language, found))
        else:
            parts = [
                (stream.task, stream.language, stream.examples[:EXAMPLES])
                for stream in streams
                if stream.name != MLM
            ]
        self._parts = [
            _Part(task, language, examples, spec, tokenizer) for task, language, examples in parts
        ]

    def vocabulary(self, tokenizer: Any) -> np.ndarray:
        """Every token id that the training or a look at it can meet, sorted."""
        used = [stream.features.used for stream in self._streams]
        used += [Features(part.table).used for part in self._parts]
        return np.unique(np.concatenate([*used, np.array(tokenizer.all_special_ids)]))

    def score(self, trainee: Trainee, switch: Switch) -> float:
        """Official dev score (0-100), mean over languages, then over tasks."""
        by_task: dict[str, list[float]] = {}
        for part in self._parts:
            found = self._predict(trainee, part, switch)
            score = official_score(part.task, found, part.examples, part.language or "en")
            by_task.setdefault(part.task.name, []).append(score)
        return float(np.mean([np.mean(scores) for scores in by_task.values()]))

    def predictions(
        self, trainee: Trainee, switch: Switch
    ) -> tuple[list[Example], list[dict[str, Any]]]:
        """Examples with their predictions."""
        examples: list[Example] = []
        found: list[dict[str, Any]] = []
        for part in self._parts:
            examples += part.examples
            found += self._predict(trainee, part, switch)
        return examples, found

    def _predict(self, trainee: Trainee, part: _Part, switch: Switch) -> list[dict[str, Any]]:
        switch(part.language)
        head = trainee.heads[part.task.name]
        (outputs,) = run_tables(trainee, part.kind, head, [part.table], 4 * self._spec.token_budget)
        return part.kind.decode(outputs, part.table, part.examples, part.task)
