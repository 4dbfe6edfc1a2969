"""Evaluation of a checkpoint: all languages of a target in one stream."""

from __future__ import annotations

import contextlib
import itertools
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch

from xanalysis.errors import InputError
from xanalysis.runner.precision import chosen
from xanalysis.runner.spec import EvalSpec, ModelSpec
from xanalysis.runner.training import adapters as lora
from xanalysis.runner.training.checkpoint import load_head
from xanalysis.runner.training.loop import Report, numerics
from xanalysis.runner.training.opening import folder_of, open_encoder, open_tokenizer
from xanalysis.runner.training.predict import Outputs, run_tables
from xanalysis.runner.training.scoring import Predicted, write_scores
from xanalysis.runner.training.trainee import Trainee
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.data import labelled
from xanalysis.tasks.examples import Example, RetrievalExample
from xanalysis.tasks.kinds import KINDS
from xanalysis.tasks.kinds.base import Kind
from xanalysis.tasks.kinds.calibration import MINED, calibrate
from xanalysis.tasks.task import Task


def evaluate(
    spec: EvalSpec,
    *,
    checkpoint: Path | ModelSpec,
    out: Path,
    data: Any,
    progress: Report,
    device: str,
    adapters: Mapping[str, Path] | None = None,
    tasks: Mapping[str, Task] = TASKS,
) -> None:
    """Evaluate one checkpoint on one target; all its languages are one stream sorted by length.

    The opened model is kept for the next evaluation of the same checkpoint (see ``forget``).
    Several targets never share a batch: the last digits of what a model says depend on what else
    stands in the batch, and a score must not depend on what was evaluated beside it.

    Args:
        spec: Target, languages and split.
        checkpoint: Folder of a finished training, or a pretrained model.
        out: Gets ``scores.json``, ``predictions/<language>.parquet`` and ``timing.json``.
        data: Examples, see ``xanalysis.tasks.data.Data``.
        progress: Called with rows done, rows in all, and what runs.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
        adapters: Language to the checkpoint of its language adapter.
        tasks: The catalogue.

    Raises:
        InputError: Examples are missing, or the checkpoint has no head for the target.
    """
    began = time.monotonic()
    task = labelled(tasks[spec.task], data)
    folder = folder_of(checkpoint)
    jobs = _jobs(spec, task, data, open_tokenizer(folder))
    model = _opened(folder, device)
    kind = jobs[0].kind
    head = kind.head(int(model.config.hidden_size), task)
    head = load_head(folder, spec.head or task.train or task.name, head).to(device)
    total = sum(job.table.num_rows for job in jobs)
    done = 0
    with numerics(True, device):
        for group in _groups(jobs, one_language=bool(adapters) or kind.needs_layers):

            def report(rows: int, before: int = done) -> None:
                progress(before + rows, total, spec.task)

            tables = [job.table for job in group]
            swapped = lora.merged(model, folder, adapters, group[0].language) if adapters else None
            with swapped or contextlib.nullcontext(), torch.inference_mode():
                trainee = Trainee(model, {}, chosen(spec.precision, device))
                outputs = run_tables(trainee, kind, head, tables, spec.token_budget, report)
            done += sum(table.num_rows for table in tables)
            for job, output in zip(group, outputs, strict=True):
                job.decode(output, task)
    results, notes = _results(jobs, spec, task)
    write_scores(out, spec, task, results, time.monotonic() - began, notes)


# The last model that was opened, and what its files were.
_kept: dict[tuple[Any, ...], Any] = {}


def forget() -> None:
    """Let go of the model that is kept for another evaluation."""
    _kept.clear()


def _opened(folder: Path, device: str) -> Any:
    """The encoder of a checkpoint, from memory where it was the last one."""
    files = sorted([*folder.glob("*.safetensors"), folder / "config.json"])
    found = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files if f.is_file()]
    key = (str(folder.resolve()), device, *found)
    if key not in _kept:
        forget()
        _kept[key] = open_encoder(folder, device)
    return _kept[key]


@dataclass
class _Job:
    """One split of one language."""

    kind: Kind
    language: str
    split: str
    examples: list[Example]
    table: pa.Table
    predictions: list[dict[str, Any]] = field(default_factory=list)

    def decode(self, outputs: Outputs, task: Task) -> None:
        """Predict; the encoded table is not needed afterwards."""
        self.predictions = self.kind.decode(outputs, self.table, self.examples, task)
        self.table = self.table.slice(0, 0)


def _results(
    jobs: Sequence[_Job], spec: EvalSpec, task: Task
) -> tuple[dict[str, Predicted], dict[str, dict[str, Any]]]:
    """Examples and predictions by language, and what else is to be told of them."""
    own = {(job.language, job.split): job for job in jobs}
    results: dict[str, Predicted] = {}
    notes: dict[str, dict[str, Any]] = {}
    for language in spec.languages:
        job = own[language, spec.split]
        predictions = job.predictions
        if task.metric == MINED:
            dev = own.get((language, "dev")) if spec.split != "dev" else None
            predictions, notes[language] = calibrate(
                predictions,
                job.examples,
                None if dev is None else (dev.predictions, dev.examples),
                task,
                language,
            )
        results[language] = job.examples, predictions
    return results, notes


def _jobs(spec: EvalSpec, task: Task, data: Any, tokenizer: Any) -> list[_Job]:
    kind: Kind = KINDS[task.kind](**({"layer": spec.layer} if task.kind == "retrieval" else {}))
    jobs = []
    for language, split in itertools.chain.from_iterable(
        _splits(spec, task, language, data) for language in spec.languages
    ):
        every = data.examples(spec.task, language, split)
        examples = sample(every, f"{spec.task}/{split}", spec.limit, spec.candidates)
        if not examples:
            raise InputError(f"{spec.task}, {language}, {split}: there are no examples")
        table = kind.encode(examples, task, tokenizer, max_length=spec.max_length, training=False)
        jobs.append(_Job(kind, language, split, examples, table))
    return jobs


def _splits(spec: EvalSpec, task: Task, language: str, data: Any) -> Iterator[tuple[str, str]]:
    """The split that is scored; for mined pairs dev too, unless it holds the same examples."""
    yield language, spec.split
    if task.metric == MINED and spec.split != "dev":
        scored, dev = (data.fingerprint(spec.task, language, s) for s in (spec.split, "dev"))
        if dev != scored:
            yield language, "dev"


def sample(
    examples: Sequence[Example], name: str, limit: int | None, candidates: int | None = None
) -> list[Example]:
    """So many examples, drawn; of retrieval, so many queries and what they search.

    The first rows would not do: files may be sorted by label. The draw depends on the name and the
    number of examples alone: parallel test sets keep the same rows in every language, and a
    smaller limit's rows are among a larger one's.

    Args:
        examples: All of one language and split.
        name: Of task and split.
        limit: How many; None keeps all.
        candidates: Of retrieval: how many are searched, those that should be found among them.
    """
    searched = np.array([example.get("side") == "candidate" for example in examples], np.bool_)
    queries = _drawn(np.flatnonzero(~searched), name, limit)
    found = np.flatnonzero(searched)
    if candidates is not None:
        asked = [cast(RetrievalExample, examples[int(i)]).get("gold", []) for i in queries]
        wanted = {gold for golds in asked for gold in golds}
        sought = np.array([examples[int(i)]["id"] in wanted for i in found], np.bool_)
        left = max(0, candidates - int(sought.sum()))
        found = np.concatenate([found[sought], _drawn(found[~sought], name, left)])
    return [examples[int(i)] for i in np.sort(np.concatenate([queries, found]))]


def _drawn(rows: np.ndarray, name: str, number: int | None) -> np.ndarray:
    """So many rows of a permutation."""
    order = np.random.default_rng(zlib.crc32(name.encode())).permutation(len(rows))
    return rows[order[:number]]


def _groups(jobs: Sequence[_Job], *, one_language: bool) -> list[list[_Job]]:
    """Jobs that run as one stream.

    Kinds that keep every layer run language by language, for memory's sake; so do language
    adapters, which change the model.
    """
    groups: dict[str, list[_Job]] = {}
    for job in jobs:
        groups.setdefault(job.language if one_language else "", []).append(job)
    return list(groups.values())
