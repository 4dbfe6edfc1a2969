"""Measure mean lengths: ``python -m xanalysis.tasks.sizes.build DATA TOKENIZER``.

DATA is a folder with the tasks' files, cut or whole; TOKENIZER a folder with XLM-R's tokenizer (or
one with its sub-words). Writes ``lengths.csv``: the first 300 examples of a task and language, of
the first split that is there, encoded as the task's kind encodes them, 512 sub-words at most.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.data import Data
from xanalysis.tasks.sizes import ANY, FOLDER, published
from xanalysis.tasks.sources.layouts import LAYOUTS
from xanalysis.tasks.task import Task

Row = tuple[str, str, str, str, str]
MANY = 300
LONGEST = 512
# What is measured where a task's own files are not at hand, and for its machine translations: XNLI
# was written like MNLI, XQuAD is part of SQuAD, PAWS-X of PAWS.
STAND_INS = {"mnli": "xnli", "paws": "pawsx", "squad_v1": "xquad"}


def main() -> None:
    """Measure and write."""
    from transformers import AutoTokenizer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("tokenizer")
    given = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(given.tokenizer)
    data = Data(["files"], given.data)
    rows = [row for task in TASKS.values() for row in _task(task, data, tokenizer)]
    rows += [row for task in TASKS.values() for row in _several(task, rows)]
    with (FOLDER / "lengths.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["task", "language", "tokens", "sequences", "measured_on"])
        writer.writerows(rows)


def _several(task: Task, rows: list[Row]) -> Iterator[Row]:
    """A task that is several data sets: their mean by number of training examples."""
    parts = LAYOUTS[task.layout].parts if task.layout is not None else {}
    found = {row[0]: row for row in rows if row[1] == "en" and row[0] in parts}
    many = {name: published(name, "en", "train").examples or 0 for name in found}
    if found and len(found) == len(parts) and all(many.values()):
        total = sum(many.values())
        tokens = sum(float(found[name][2]) * many[name] for name in found) / total
        sequences = sum(float(found[name][3]) * many[name] for name in found) / total
        where = f"{' + '.join(found)}, by number of training examples"
        yield task.name, "en", f"{tokens:.1f}", f"{sequences:.2f}", where


def _task(task: Task, data: Data, tokenizer: Any) -> Iterator[Row]:
    """A row per language, and one with their mean."""
    if task.layout is None or task.kind == "mlm":
        return
    found = {}
    other = STAND_INS.get(task.name)
    for language in dict.fromkeys((*task.languages, *(TASKS[other].languages if other else ()))):
        for name, split in ((n, s) for n in (task.name, other) if n for s in TASKS[n].splits):
            if data.available(name, language, split):
                # A query's candidates may stand anywhere behind it.
                most = None if task.kind == "retrieval" else MANY
                examples = list(islice(data.iter(name, language, split), most))
                tokens, sequences, many = _measure(examples, TASKS[name], split, tokenizer)
                where = f"{many} examples of {name}, {split}"
                found[language] = (tokens, sequences, where)
                break
    for language, (tokens, sequences, where) in found.items():
        yield task.name, language, f"{tokens:.1f}", f"{sequences:.2f}", where
    if len(found) > 1:
        tokens = sum(one for one, _, _ in found.values()) / len(found)
        sequences = sum(one for _, one, _ in found.values()) / len(found)
        where = f"mean of {len(found)} languages"
        yield task.name, ANY, f"{tokens:.1f}", f"{sequences:.2f}", where


def _measure(
    examples: list[Any], task: Task, split: str, tokenizer: Any
) -> tuple[float, float, int]:
    """Tokens and sequences of an example; retrieval counts queries."""
    from xanalysis.tasks.kinds import KINDS

    queries = sum(example.get("side") == "query" for example in examples)
    if task.kind == "tagging" and not task.labels:
        tags = {tag for example in examples for tag in example["tags"]}
        task = task.model_copy(update={"labels": tuple(sorted(tags))})
    training = split == "train" or task.name == "squad_sentences"
    table = KINDS[task.kind]().encode(
        examples, task, tokenizer, max_length=LONGEST, training=training
    )
    many = queries or len(examples)
    tokens = sum(len(ids) for ids in table.column("input_ids").to_pylist())
    return tokens / many, table.num_rows / many, many


if __name__ == "__main__":
    main()
