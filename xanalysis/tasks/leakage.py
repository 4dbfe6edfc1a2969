"""Test data that training has seen: found before training, refused or dropped with a count.

Two ways in which the data of this field leak: contexts shared by SQuAD and XQuAD / LAReQA, and rows
of parallel data (XNLI, PAWS-X, SIB-200, AmericasNLI), where the English row is the translation of
every test row with its number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xanalysis.errors import InputError
from xanalysis.tasks.data import SHARED_CONTEXTS, Data, digest_of_context, overlap
from xanalysis.tasks.task import Task

# Data made of one set of source sentences: a row of one is a translation of the same row.
_XNLI = frozenset({"xnli", "myxnli", "americasnli"})
PARALLEL: dict[str, frozenset[str]] = {
    **dict.fromkeys(_XNLI, _XNLI),
    "pawsx": frozenset({"pawsx"}),
    "sib200": frozenset({"sib200"}),
    "xcopa": frozenset({"xcopa", "copa"}),
}
# Translated from a selection: a row stands in the source with its own number or a later one.
SELECTED = frozenset({"americasnli"})


@dataclass(frozen=True)
class Drop:
    """What was left out of a training set.

    Attributes:
        task: Training task.
        target: Target task it would have leaked into.
        examples: Examples left out.
        contexts: Distinct contexts they stood on.
    """

    task: str
    target: str
    examples: int
    contexts: int

    def __str__(self) -> str:
        return (
            f"{self.task}: {self.examples} examples on {self.contexts} contexts that are also in "
            f"{self.target} left out of training"
        )


def shared_contexts(data: Data, tasks: Iterable[str], split: str = "train") -> list[Drop]:
    """What ``Data(protect=...)`` leaves out of question-answering training data.

    Args:
        data: The examples, with the targets they protect.
        tasks: Training tasks to look at.
        split: Split they are trained on.
    """
    drops = []
    whole = Data(data.names, data.folder, data.splits)
    for task in tasks:
        for target in data.protect:
            if task not in SHARED_CONTEXTS.get(target, ()):
                continue
            if not (whole.available(task, "en", split) and whole.available("xquad", "en", "test")):
                continue
            tested = {digest_of_context(e) for e in whole.iter("xquad", "en", "test")}
            gone = [
                d for e in whole.iter(task, "en", split) if (d := digest_of_context(e)) in tested
            ]
            if gone:
                drops.append(Drop(task, target, len(gone), len(set(gone))))
    return drops


def refuse_shared_rows(
    train: Task, train_split: str, target: Task, test_split: str, data: Data
) -> None:
    """Refuse to train on rows of a parallel data set whose translations are tested.

    Raises:
        InputError: The rows overlap; says how to split them.
    """
    if train.name not in PARALLEL.get(target.name, ()):
        return
    official, rows = data.rows(train, train_split)
    tested, test_rows = data.rows(target, test_split)
    if official == tested and overlap(_in_source(train, rows), _in_source(target, test_rows)):
        raise InputError(
            f"training on {train.name} {official} would train on translations of the "
            f"{target.name} rows that are tested",
            expected="disjoint rows, as in splits: {"
            f'{target.name}: {{train: "{official}[:1400]", test: "{official}[1400:]"}}}}',
        )


def _in_source(task: Task, rows: slice) -> slice:
    """Rows of the parallel data's source that rows of a task may be translations of."""
    return slice(rows.start, None) if task.name in SELECTED else rows
