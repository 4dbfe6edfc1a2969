"""What a training draws its batches from: one stream of examples per task."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from xanalysis.errors import InputError
from xanalysis.runner.spec import DataSpec, TrainSpec
from xanalysis.runner.training.cache import encoded, tokenizer_print
from xanalysis.runner.training.features import Features
from xanalysis.runner.training.trainee import MLM
from xanalysis.tasks.data import labelled
from xanalysis.tasks.examples import Example
from xanalysis.tasks.kinds import KINDS
from xanalysis.tasks.kinds.base import Kind
from xanalysis.tasks.task import Task


@dataclass(frozen=True)
class Stream:
    """Encoded training examples of one task.

    Attributes:
        name: Of the task; names the head.
        task: Its record.
        kind: How it is encoded and scored.
        examples: As their source gave them.
        features: Encoded.
        language: Their language where all have the same one, else None.
    """

    name: str
    task: Task
    kind: Kind
    examples: Sequence[Example]
    features: Features
    language: str | None

    def batches(self, size: int) -> int:
        """Batches of one epoch; the last may be smaller."""
        return math.ceil(len(self.features) / size)


def open_streams(
    spec: TrainSpec,
    data: Any,
    tasks: Any,
    tokenizer: Any,
    scratch: Path | None,
    *,
    by_language: bool = False,
) -> list[Stream]:
    """The streams of a training, text for masked language modelling last.

    Args:
        spec: The training.
        data: Examples, see ``xanalysis.tasks.data.Data``.
        tasks: The catalogue.
        tokenizer: Of the model.
        scratch: Where encoded examples are kept; None keeps nothing.
        by_language: Never mix languages in a batch (a language adapter goes with each).

    Raises:
        InputError: There is nothing to train on.
    """
    parts: dict[tuple[str, str | None], list[tuple[DataSpec, list[Example]]]] = {}
    for part in spec.data:
        key = (part.task, part.language if by_language else None)
        parts.setdefault(key, []).append((part, subset(part, data, spec.seed)))
    if spec.mlm is not None:
        for language in spec.mlm.languages:
            part = DataSpec(task=MLM, language=language)
            key = (MLM, language if by_language else None)
            parts.setdefault(key, []).append((part, subset(part, data, spec.seed)))
    streams = []
    for (name, _), members in parts.items():
        task = labelled(tasks[name], data)
        masking = {"mask": spec.mlm.mask} if name == MLM and spec.mlm is not None else {}
        kind = KINDS[task.kind](**masking)
        examples = [example for _, found in members for example in found]
        made_from = {
            "data": [
                [
                    part.model_dump(),
                    data.fingerprint(part.task, part.language, part.read_split),
                    spec.seed if part.size is not None else None,
                ]
                for part, _ in members
            ],
            "tokenizer": tokenizer_print(tokenizer),
            "max_length": spec.max_length,
            **masking,
        }
        table = encoded(
            None if scratch is None else scratch / "cache",
            made_from,
            partial(
                kind.encode, examples, task, tokenizer, max_length=spec.max_length, training=True
            ),
        )
        features = Features(table, by_row=name == MLM)
        if len(features) == 0:
            raise InputError(f"task '{name}' has no usable training examples")
        languages = {part.language for part, _ in members}
        streams.append(
            Stream(
                name,
                task,
                kind,
                examples,
                features,
                languages.pop() if len(languages) == 1 else None,
            )
        )
    if not streams:
        raise InputError("nothing to train on", expected="data or mlm")
    return streams


def subset(part: DataSpec, data: Any, seed: int) -> list[Example]:
    """The examples of one entry: all, or the first ``size`` of one permutation per seed.

    A smaller size of the same seed is therefore part of every larger one.
    """
    examples: list[Example] = list(data.examples(part.task, part.language, part.read_split))
    if part.size is None or part.size >= len(examples):
        return examples
    name = f"{part.task}/{part.language}/{part.split}".encode()
    order = np.random.default_rng([seed, zlib.crc32(name)]).permutation(len(examples))
    if examples[0].get("side") is not None:  # so many queries, with everything they may find
        queries = [i for i in order if examples[i].get("side") == "query"][: part.size]
        return [examples[i] for i in queries] + [
            e for e in examples if e.get("side") == "candidate"
        ]
    return [examples[index] for index in order[: part.size]]


@dataclass(frozen=True)
class Order:
    """Which examples each optimiser step sees: a function of spec and seed alone.

    Attributes:
        spec: The training.
        streams: Its streams.
        seed: The spec's, or another after a degenerate run.
    """

    spec: TrainSpec
    streams: Sequence[Stream]
    seed: int

    @cached_property
    def shares(self) -> np.ndarray:
        """Probability of each stream at a step."""
        sizes = np.array([float(len(stream.features)) for stream in self.streams])
        text = np.array([stream.name == MLM for stream in self.streams])
        masked = self.spec.mlm.probability if self.spec.mlm is not None else 0.0
        if text.all():
            masked = 1.0
        weights = np.ones_like(sizes) if self.spec.sampling == "uniform" else sizes
        shares = np.zeros_like(sizes)
        for chosen, share in ((~text, 1 - masked), (text, masked)):
            if chosen.any():
                shares[chosen] = share * weights[chosen] / weights[chosen].sum()
        return np.asarray(shares / shares.sum())

    @cached_property
    def total(self) -> int:
        """Optimiser steps of the whole training.

        An epoch passes over the task data once; steps on masked text come on top.
        """
        spec = self.spec
        total = math.inf
        if spec.epochs is not None:
            of_tasks = [stream for stream in self.streams if stream.name != MLM]
            batches = sum(s.batches(spec.batch_size) for s in (of_tasks or self.streams))
            share = sum(p for p, s in zip(self.shares, self.streams, strict=True) if s.name != MLM)
            total = math.ceil(spec.epochs * batches / (share if of_tasks else 1))
        if spec.max_steps is not None:
            total = min(total, spec.max_steps)
        if math.isinf(total):
            raise InputError("the training has no end", expected="epochs or max_steps")
        return int(total)

    @cached_property
    def _choices(self) -> tuple[np.ndarray, np.ndarray]:
        """Stream of each step, and how many batches of that stream came before."""
        if len(self.streams) == 1:
            return np.zeros(self.total, dtype=np.int64), np.arange(self.total)
        draws = np.random.default_rng([self.seed, 1]).random(self.total)
        edges = np.cumsum(self.shares)[:-1]
        chosen = np.searchsorted(edges, draws, side="right")
        before = np.zeros(self.total, dtype=np.int64)
        for index in range(len(self.streams)):
            mine = chosen == index
            before[mine] = np.arange(mine.sum())
        return chosen, before

    def at(self, step: int) -> tuple[int, np.ndarray]:
        """Stream and units of the effective batch of a step (0-based)."""
        chosen, before = self._choices
        index = int(chosen[step])
        epoch, batch = divmod(int(before[step]), self.streams[index].batches(self.spec.batch_size))
        order = self._permutation(index, epoch)
        size = self.spec.batch_size
        return index, order[batch * size : (batch + 1) * size]

    def _permutation(self, index: int, epoch: int) -> np.ndarray:
        held = self._held
        if held.get(index, (-1,))[0] != epoch:
            generator = np.random.default_rng([self.seed, 2, index, epoch])
            held[index] = (epoch, generator.permutation(len(self.streams[index].features)))
        order: np.ndarray = np.asarray(held[index][1])
        return order

    @cached_property
    def _held(self) -> dict[int, tuple[int, Any]]:
        return {}
