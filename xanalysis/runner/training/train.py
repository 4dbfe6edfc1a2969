"""One training, from a checkpoint folder to a checkpoint folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xanalysis.errors import InputError
from xanalysis.runner.precision import chosen
from xanalysis.runner.spec import ModelSpec, TrainSpec
from xanalysis.runner.training import adapters as lora
from xanalysis.runner.training.checkpoint import Progress, load_head, save_model, write_json
from xanalysis.runner.training.degenerate import reasons, seed_of
from xanalysis.runner.training.loop import Loop, Report, Run, numerics
from xanalysis.runner.training.opening import folder_of, open_encoder, open_tokenizer, usable
from xanalysis.runner.training.optimiser import rate
from xanalysis.runner.training.probe import Probe, Switch
from xanalysis.runner.training.streams import Order, Stream, open_streams
from xanalysis.runner.training.trainee import MLM, Trainee
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.task import Task

POINTS = 200  # of the loss curve in the report


def train(
    spec: TrainSpec,
    *,
    start: Path | ModelSpec,
    out: Path,
    data: Any,
    progress: Report,
    device: str,
    scratch: Path | None,
    adapters: Mapping[str, Path] | None = None,
    tasks: Mapping[str, Task] = TASKS,
    trim: bool = True,
    checkpoint_seconds: float = 300.0,
) -> dict[str, Any]:
    """Train.

    Args:
        spec: What is trained on what.
        start: Checkpoint folder to start from, or the pretrained model.
        out: Folder for the checkpoint, ``training.json`` (no wall-clock time in it) and
            ``timing.json``.
        data: Examples, see ``xanalysis.tasks.data.Data``.
        progress: Called with step, total steps and a word on the loss after every step; what it
            raises ends the training.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
        scratch: Folder for encoded examples and checkpoints in progress; an interrupted training
            goes on from there. None keeps nothing.
        adapters: Language to the checkpoint of its language adapter.
        tasks: The catalogue.
        trim: Hold only the embedding rows in memory and optimiser that the data use (changes no
            result).
        checkpoint_seconds: Time between checkpoints in ``scratch``.

    Returns:
        What ``training.json`` holds.

    Raises:
        InputError: Data, checkpoint or device at fault.
    """
    training = _Training(spec, folder_of(start), data, device, scratch, adapters or {}, tasks, trim)
    with numerics(spec.deterministic, device):
        return training.run(out, progress, checkpoint_seconds)


class _Training:
    def __init__(
        self,
        spec: TrainSpec,
        start: Path,
        data: Any,
        device: str,
        scratch: Path | None,
        adapters: Mapping[str, Path],
        tasks: Mapping[str, Task],
        trim: bool,
    ) -> None:
        self.spec, self.start, self.adapters = spec, start, adapters
        self.device, self.scratch = device, scratch
        usable(device)
        self.tokenizer = open_tokenizer(start)
        self.stacked = spec.adapter is not None and spec.adapter.method == "language_task"
        self.streams = open_streams(
            spec, data, tasks, self.tokenizer, scratch, by_language=self.stacked
        )
        self.probe = Probe(spec, self.streams, data, self.tokenizer)
        self.trims = (
            trim and spec.mlm is None and spec.adapter is None and not spec.freeze_embeddings
        )

    @property
    def is_language_adapter(self) -> bool:
        """Whether nothing but a language adapter is trained."""
        return self.stacked and all(stream.name == MLM for stream in self.streams)

    def run(self, out: Path, report: Report, checkpoint_seconds: float) -> dict[str, Any]:
        """All tries, and the last one's checkpoint."""
        spec = self.spec
        progress = Progress(self.scratch, {"spec": spec.model_dump(mode="json")})
        found = progress.load(self.device)
        state, tensors = found if found is not None else ({"attempt": 0}, None)
        run = Run(**({"token_budget": spec.token_budget} | state))
        while True:
            seed = seed_of(spec.seed, run.attempt)
            trainee, fitted = self._trainee(seed)
            switch = self._switch(fitted)
            loop = self._loop(trainee, switch, Order(spec, self.streams, seed), progress, report)
            loop.checkpoint_seconds = checkpoint_seconds
            run = loop.run(run, tensors)
            why = reasons(*self.probe.predictions(trainee, switch), run.losses)
            if not why or run.attempt >= spec.reseed:
                break
            record = {"seed": seed, "steps": run.step, "degenerate": why}
            run = Run(run.attempt + 1, spec.token_budget, earlier=[*run.earlier, record])
            tensors = None
        result = _report(run, loop.order.total, seed, why, trainee, self.streams)
        self._publish(out, trainee, fitted, loop, run)
        write_json(out / "training.json", result)
        write_json(
            out / "timing.json",
            {"seconds": run.seconds, "tokens_per_second": run.tokens / max(run.seconds, 1e-9)},
        )
        return result

    def _loop(
        self, trainee: Trainee, switch: Switch, order: Order, progress: Progress, report: Report
    ) -> Loop:
        selects = self.spec.select == "best"
        return Loop(
            self.spec,
            trainee,
            self.streams,
            order,
            progress,
            report,
            dev=(lambda: self.probe.score(trainee, switch)) if selects else None,
            before_step=(lambda stream: switch(stream.language)) if self.stacked else None,
        )

    def _trainee(self, seed: int) -> tuple[Trainee, lora.Adapters]:
        spec = self.spec
        model: Any = open_encoder(self.start, self.device)
        torch.manual_seed(seed)
        width = int(model.config.hidden_size)
        heads = {s.name: s.kind.head(width, s.task).to(self.device) for s in self.streams}
        if spec.head_from is not None:
            for head in heads.values():
                load_head(self.start, spec.head_from, head)
        fitted = lora.Adapters(model)
        if spec.freeze_embeddings:
            model.embeddings.word_embeddings.weight.requires_grad_(False)
        if spec.adapter is not None:
            self._adapt(fitted, seed)
        trainee = Trainee(model, heads, chosen(spec.precision, self.device))
        if spec.max_length > trainee.encoder.max_length:
            raise InputError(
                f"max_length {spec.max_length} is more than the model's positions",
                expected=f"at most {trainee.encoder.max_length}",
            )
        if self.trims:
            trainee.trim(self.probe.vocabulary(self.tokenizer))
        return trainee, fitted

    def _adapt(self, fitted: lora.Adapters, seed: int) -> None:
        """Put the adapters in: one to train, and those it is stacked on."""
        assert self.spec.adapter is not None
        if not self.stacked or self.is_language_adapter:
            fitted.create(self.spec.adapter, lora.TASK, seed)
            fitted.activate([lora.TASK], lora.TASK)
            return
        for language in dict.fromkeys(str(stream.language) for stream in self.streams):
            fitted.load(lora.adapter_of(language, self.adapters), lora.LANGUAGE + language)
        if (self.start / lora.FOLDER).is_dir():
            fitted.load(self.start, lora.TASK)  # an intermediate training's, trained further
        else:
            fitted.create(self.spec.adapter, lora.TASK, seed)
        self._switch(fitted)(self.streams[0].language)

    def _switch(self, fitted: lora.Adapters) -> Switch:
        """A function that switches to a language's adapter."""

        def switch(language: str | None) -> None:
            if self.stacked and not self.is_language_adapter:
                fitted.activate([f"{lora.LANGUAGE}{language}", lora.TASK], lora.TASK)

        return switch

    def _publish(
        self, out: Path, trainee: Trainee, fitted: lora.Adapters, loop: Loop, run: Run
    ) -> None:
        spec = self.spec
        kept = run.best if spec.select == "best" and run.best is not None else run.step
        rates = (rate(spec, step, loop.order.total) for step in range(kept))
        trainee.untrim(math.prod(1 - lr * spec.weight_decay for lr in rates))
        if spec.adapter is not None:
            fitted.save(out, lora.TASK)
            if self.is_language_adapter:
                return
            if self.stacked:
                fitted.remove()
            else:
                fitted.merge([lora.TASK])
        save_model(out, trainee.model, self.tokenizer, dict(trainee.heads.items()), self.start)


def _report(
    run: Run,
    total: int,
    seed: int,
    why: Sequence[str],
    trainee: Trainee,
    streams: Sequence[Stream],
) -> dict[str, Any]:
    size = max(1, math.ceil(len(run.losses) / POINTS))
    blocks = [run.losses[i : i + size] for i in range(0, len(run.losses), size)]
    return {
        "steps": run.step,
        "total": total,
        "stopped": run.stopped,
        "seed": seed,
        "attempts": [*run.earlier, {"seed": seed, "steps": run.step, "degenerate": list(why)}],
        "degenerate": bool(why),
        "losses": [
            [min((i + 1) * size, len(run.losses)), float(np.mean(block))]
            for i, block in enumerate(blocks)
        ],
        "dev": [list(point) for point in run.dev],
        "best": run.best if run.best is not None else None,
        "tokens": run.tokens,
        "examples": {
            f"{s.name}/{s.language}" if s.language else s.name: len(s.features) for s in streams
        },
        "token_budget": run.token_budget,
        "trained_parameters": sum(p.numel() for p in trainee.trained().values()),
    }
