"""Where a task's examples are found: the first source that has them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.examples import Example
from xanalysis.tasks.sources import SOURCES
from xanalysis.tasks.sources.base import Source
from xanalysis.tasks.sources.layouts.base import TRANSLATED
from xanalysis.tasks.task import Task

# Contexts of XQuAD and of XQuAD-R (LAReQA) are drawn from SQuAD.
SHARED_CONTEXTS: Mapping[str, frozenset[str]] = {
    "xquad": frozenset({"squad_v1", "squad_v2", "squad_sentences"}),
    "lareqa": frozenset({"squad_v1", "squad_v2", "squad_sentences"}),
}
Splits = Mapping[str, Mapping[str, str]]
_ROWS = re.compile(r"(train|dev|test|translated)(?:\[(\d*):(\d*)\])?\Z")


def digest_of_context(example: Any) -> str:
    """Digest of an example's context that forgives differences in white space and case."""
    text = " ".join(str(example.get("context", "")).split())
    return hashlib.sha256(text.casefold().encode()).hexdigest()


def parse_rows(text: str) -> tuple[str, slice]:
    """``dev[100:200]`` to the official split and its rows.

    Raises:
        InputError: It is not of this form.
    """
    match = _ROWS.match(text)
    if match is None:
        raise InputError(
            f"split is '{text}'", expected="train, dev, test or translated, or rows as in dev[:800]"
        )
    first, last = (int(number) if number else None for number in match.groups()[1:])
    if first is not None and last is not None and first >= last:
        raise InputError(f"split '{text}' has no rows", expected="a first row below the last")
    return match[1], slice(first, last)


def check_splits(splits: Splits) -> None:
    """Refuse splits of one task that share rows, and names that do not exist.

    Raises:
        InputError: Unknown task or split, or shared rows.
    """
    for name, of in splits.items():
        TASKS[name]
        used: list[tuple[str, str, slice]] = []
        for split, text in of.items():
            parse_rows(split)
            official, rows = parse_rows(text)
            for other, same, taken in used:
                if same == official and overlap(rows, taken):
                    raise InputError(
                        f"splits {other} and {split} of {name} share rows of {official}"
                    )
            used.append((split, official, rows))


def overlap(one: slice, other: slice) -> bool:
    """Whether two ranges of rows share one."""
    last = float("inf")
    return max(one.start or 0, other.start or 0) < min(one.stop or last, other.stop or last)


class Data:
    """Examples of every task of the catalogue, from an ordered choice of sources.

    Args:
        sources: Names of sources, in the order in which they are asked; all of them by default.
        folder: Folder with files in their original layouts, for the source ``files``.
        splits: By task, what stands for a split, as rows of an official one:
            ``{"pawsx": {"train": "dev[:1400]", "test": "dev[1400:]"}}``. Where data are parallel
            over languages, rows are the unit that must not be shared (``tasks.leakage``).
        protect: Target tasks whose test contexts are left out of question-answering data.
    """

    def __init__(
        self,
        sources: Sequence[str] = (),
        folder: str | Path | None = None,
        splits: Splits | None = None,
        protect: Sequence[str] = (),
    ) -> None:
        self.protect = tuple(protect)
        self.splits = {name: dict(of) for name, of in (splits or {}).items()}
        check_splits(self.splits)
        self.names = tuple(sources) or tuple(SOURCES)
        self.folder = None if folder is None else Path(folder)
        self._sources: dict[str, Source] = {}
        self._contexts: frozenset[str] | None = None

    def examples(self, task: str | Task, language: str, split: str) -> list[Example]:
        """All examples, in their official order.

        Raises:
            InputError: No source has them, or a file is malformed.
        """
        return list(self.iter(task, language, split))

    def iter(self, task: str | Task, language: str, split: str) -> Iterator[Example]:
        """Like :meth:`examples`, one at a time."""
        record = _record(task)
        official, rows = self.rows(record, split)
        examples = self.source(record, language, official).examples(record, language, official)
        used = islice(examples, rows.start, rows.stop)
        tested = self._tested_contexts(record)
        return (e for e in used if digest_of_context(e) not in tested) if tested else used

    def fingerprint(self, task: str | Task, language: str, split: str) -> str:
        """A digest that changes when the examples change.

        Raises:
            InputError: No source has them.
        """
        record = _record(task)
        official, rows = self.rows(record, split)
        digest = self.source(record, language, official).fingerprint(record, language, official)
        if rows != slice(None):
            digest += f"[{rows.start}:{rows.stop}]"
        if self._at_stake(record):
            xquad = TASKS["xquad"]
            digest += "-" + self.source(xquad, "en", "test").fingerprint(xquad, "en", "test")
        return digest

    def _tested_contexts(self, task: Task) -> frozenset[str]:
        """Digests of contexts that must not be trained on; empty where nothing is at stake."""
        if not self._at_stake(task):
            return frozenset()
        if self._contexts is None:
            found = self.iter("xquad", "en", "test")
            self._contexts = frozenset(map(digest_of_context, found))
        return self._contexts

    def _at_stake(self, task: Task) -> bool:
        """Whether a target tests on contexts of this task, and they are known."""
        tested = any(task.name in SHARED_CONTEXTS.get(target, ()) for target in self.protect)
        return tested and self.available("xquad", "en", "test")

    def rows(self, task: str | Task, split: str) -> tuple[str, slice]:
        """The official split and the rows of it that stand for ``split``."""
        wanted = self.splits.get(_record(task).name, {}).get(split, split)
        return parse_rows(wanted)

    def available(self, task: str | Task, language: str, split: str) -> bool:
        """Whether some source has them."""
        record = _record(task)
        official, _ = self.rows(record, split)
        return any(s.available(record, language, official) for s in self._asked())

    def whence(self, task: str | Task, language: str, split: str) -> str:
        """The path, address or command the examples come from, or would come from."""
        record = _record(task)
        official, _ = self.rows(record, split)
        for source in self._asked():
            if source.available(record, language, official):
                return source.whence(record, language, official)
        return self.missing(record, language, split) or ""

    def missing(self, task: str | Task, language: str, split: str) -> str | None:
        """How to get examples that are not there; None when they are."""
        record = _record(task)
        if self.available(record, language, split):
            return None
        official, _ = self.rows(record, split)
        ways = [source.whence(record, language, official) for source in self._asked()]
        ways = [way for way in ways if way]
        return "; or ".join(ways) if ways else f"no source among {', '.join(self.names)} has it"

    def source(self, task: Task, language: str, split: str) -> Source:
        """The first source that has the examples.

        Raises:
            InputError: None has; says how to get them.
        """
        for source in self._asked():
            if source.available(task, language, split):
                return source
        ways = self.missing(task, language, split)
        if split == "train" and self.available(task, language, TRANSLATED):
            ways = f"'translated: true' for the machine translations that are there; or {ways}"
        raise InputError(f"no {split} examples of {task.name} in '{language}'", expected=ways)

    def _asked(self) -> Iterator[Source]:
        for name in self.names:
            if name not in self._sources:
                kind = SOURCES[name]
                self._sources[name] = kind(self.folder)
            yield self._sources[name]


def labelled(task: Task, data: Any) -> Task:
    """A tagging task that lists no labels (CCG) with those of its training data.

    Args:
        task: Record of the catalogue.
        data: Examples, as :class:`Data` has them.

    Returns:
        The record; any other task's as it is.

    Raises:
        InputError: There are no training data to collect labels from.
    """
    if task.kind != "tagging" or task.labels or task.train is None:
        return task
    tags = {tag for example in data.examples(task.train, "en", "train") for tag in example["tags"]}
    return task.model_copy(update={"labels": tuple(sorted(tags))})


def _record(task: str | Task) -> Task:
    return TASKS[task] if isinstance(task, str) else task
