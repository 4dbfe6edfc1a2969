"""Texts and pairs of texts with one label: NLI, paraphrase, topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xanalysis.tasks.examples import Example, PairExample
from xanalysis.tasks.sources.layouts.base import (
    Layout,
    Reader,
    field,
    json_lines,
    label,
    table,
    text_lines,
)
from xanalysis.tasks.task import Task

# ANLI's letters, and how XNLI's machine-translated training data call a contradiction.
_SAME = {
    "e": "entailment",
    "n": "neutral",
    "c": "contradiction",
    "contradictory": "contradiction",
}
_PREMISE = ("premise", "sentence1", "prem", "context", "sentence_A", "#1 String", "question1")
_HYPOTHESIS = ("hypothesis", "sentence2", "hyp", "hypo", "sentence_B", "#2 String", "question2")
_LABEL = ("gold_label", "label", "entailment_judgment", "is_duplicate", "Quality")
_ID = ("id", "uid", "pairID", "pair_ID", "index")


def _example(
    row: Mapping[str, Any], task: Task, path: Path, line: int, index: int
) -> PairExample | None:
    name = next((str(row[key]) for key in _ID if key in row), str(index))
    gold = field(row, _LABEL, path, line)
    if gold == "-":  # SNLI and MNLI mark pairs without a majority label so: official scripts skip
        return None
    text = str(gold).strip().lower() if task.labels[0] == "entailment" else str(gold)
    return {
        "id": name,
        "text_a": str(field(row, _PREMISE, path, line)),
        "text_b": str(field(row, _HYPOTHESIS, path, line)),
        "label": label(_SAME.get(text, text), task, path, line),
    }


def _rows(
    rows: Iterator[tuple[int, Mapping[str, Any]]], task: Task, path: Path
) -> Iterator[Example]:
    for index, (line, row) in enumerate(rows):
        example = _example(row, task, path, line, index)
        if example is not None:
            yield example


def _read(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """JSONL, or a table with a header, by the file's suffix."""
    rows: Iterator[tuple[int, Mapping[str, Any]]]
    rows = json_lines(path) if path.suffix == ".jsonl" else table(path)
    return _rows(rows, task, path)


def _label_first(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """Label, premise, hypothesis, tab-separated, no header."""
    for index, (line, row) in enumerate(table(path, header=False, columns=3)):
        yield {
            "id": str(index),
            "text_a": row["1"],
            "text_b": row["2"],
            "label": label(row["0"], task, path, line),
        }


def _by_name(readers: Mapping[str, Reader], default: Reader) -> Reader:
    def read(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
        for part, reader in readers.items():
            # The file and its folder: what stands above is the user's own naming.
            if part in "/".join(path.parts[-2:]):
                return reader(path, task, language, split)
        return default(path, task, language, split)

    return read


def _xtreme(labels: Callable[[Path], Path | None]) -> Reader:
    """XTREME's files: sentence1, sentence2 and, but for the test files, label; no header."""

    def read(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
        first = next(text_lines(path), (1, ""))[1].split("\t")
        if first[0] == "id":  # the original PAWS-X layout
            yield from _read(path, task, language, split)
            return
        if first[0] == "language":  # the original XNLI layout
            own = ((n, row) for n, row in table(path) if row["language"] == language)
            yield from _rows(own, task, path)
            return
        gold_file = labels(path) if len(first) == 2 else None
        golds = iter(text_lines(gold_file)) if gold_file else None
        width = len(first)
        for index, (line, row) in enumerate(table(path, header=False, columns=max(2, width))):
            gold: str | None = None
            if width >= 3:
                gold = label(row["2"], task, path, line)
            elif golds is not None and gold_file is not None:
                place, text = next(golds, (line, ""))
                gold = label(text, task, gold_file, place)
            yield {"id": str(index), "text_a": row["0"], "text_b": row["1"], "label": gold}

    return read


def _xnli_labels(path: Path) -> Path | None:
    for place in (path.parent / "derived" / "test.labels", path.parent / "test.labels"):
        if place.is_file():
            return place
    return None


def _sick(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    return _rows(table(path), task, path)


def _beside_english(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """myXNLI: columns of every language in one table, ``sentence1_my`` beside ``sentence1_en``."""
    for index, (line, row) in enumerate(table(path)):
        yield {
            "id": str(index),
            "text_a": str(field(row, (f"sentence1_{language}",), path, line)),
            "text_b": str(field(row, (f"sentence2_{language}",), path, line)),
            "label": label(field(row, ("label",), path, line), task, path, line),
        }


def _sib(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    for line, row in table(path):
        yield {
            "id": str(field(row, ("index_id",), path, line)),
            "text_a": str(field(row, ("text",), path, line)),
            "text_b": None,
            "label": label(field(row, ("category",), path, line), task, path, line),
        }


def _splits(
    train: Sequence[str], dev: Sequence[str], test: Sequence[str] = ()
) -> dict[str, list[str]]:
    return {"train": list(train), "dev": list(dev), "test": list(test)}


SNLI = Layout(
    _splits(
        ["snli/snli_1.0_train.jsonl", "snli_1.0/snli_1.0_train.jsonl"],
        ["snli/snli_1.0_dev.jsonl", "snli_1.0/snli_1.0_dev.jsonl"],
        ["snli/snli_1.0_test.jsonl", "snli_1.0/snli_1.0_test.jsonl", "snli_mnli_textfooler/snli"],
    ),
    _by_name({"textfooler": _label_first}, _read),
    get="https://nlp.stanford.edu/projects/snli/",
)
MNLI = Layout(
    _splits(
        [
            "mnli/multinli_1.0_train.jsonl",
            "multinli_1.0/multinli_1.0_train.jsonl",
            "xnli/train-{lang}.tsv",
            "XNLI-MT-1.0/multinli/multinli.train.en.tsv",
            "mnli_taxinli/taxinli10k.tsv",
        ],
        [
            "mnli/multinli_1.0_dev_matched.jsonl",
            "multinli_1.0/multinli_1.0_dev_matched.jsonl",
            "snli_mnli_textfooler/mnli_matched",
        ],
    ),
    _by_name({"textfooler": _label_first, "xnli/": _xtreme(lambda path: None)}, _read),
    get="https://cims.nyu.edu/~sbowman/multinli/",
    translations=["XNLI-MT-1.0/multinli/multinli.train.{lang}.tsv"],
)
ANLI = Layout(
    _splits(
        ["anli/R?/train.jsonl", "anli_v1.0/R?/train.jsonl", "anli/derived/R?/train.jsonl"],
        ["anli/R?/dev.jsonl", "anli_v1.0/R?/dev.jsonl", "anli/derived/R?/dev.jsonl"],
        ["anli/R?/test.jsonl", "anli_v1.0/R?/test.jsonl", "anli/derived/R?/test.jsonl"],
    ),
    _read,
    every=True,
    get="https://dl.fbaipublicfiles.com/anli/anli_v1.0.zip",
)
ANLI_PLUS = Layout(
    {}, _read, parts={"snli": SNLI, "mnli": MNLI, "anli": ANLI}, get="the files of SNLI, MNLI, ANLI"
)
QQP = Layout(
    _splits(["qqp/train.tsv", "QQP/train.tsv"], ["qqp/dev.tsv", "QQP/dev.tsv"]),
    _read,
    get="https://gluebenchmark.com/tasks",
)
MRPC = Layout(
    _splits(["mrpc/msr_paraphrase_train.txt"], [], ["mrpc/msr_paraphrase_test.txt"]),
    _sick,
    get="the Microsoft Research Paraphrase Corpus",
)
SICK = Layout(
    _splits(["sick/SICK_train.txt"], ["sick/SICK_trial.txt"], ["sick/SICK_test_annotated.txt"]),
    _sick,
    get="https://marcobaroni.org/composes/sick.html",
)
PAWS = Layout(
    _splits(["paws/train.tsv"], ["paws/dev.tsv"], ["paws/test.tsv"]),
    _read,
    get="https://github.com/google-research-datasets/paws",
)
XNLI = Layout(
    {
        split: [
            f"xnli/{split}-{{lang}}.tsv",
            f"xnli/xnli.{split}.tsv",
            f"XNLI-1.0/xnli.{split}.tsv",
        ]
        for split in ("dev", "test")
    },
    _xtreme(_xnli_labels),
    mixed=True,
    get="XTREME's scripts/download_data.sh, or https://dl.fbaipublicfiles.com/XNLI/XNLI-1.0.zip",
)
PAWSX = Layout(
    _splits(
        [
            "pawsx/train-{lang}.tsv",
            "pawsx/original/{lang}/train.tsv",
            "pawsx/{lang}/train.tsv",
            "x-final/{lang}/train.tsv",
        ],
        [
            "pawsx/dev-{lang}.tsv",
            "pawsx/original/{lang}/dev_2k.tsv",
            "pawsx/{lang}/dev_2k.tsv",
            "x-final/{lang}/dev_2k.tsv",
        ],
        [
            "pawsx/original/{lang}/test_2k.tsv",
            "pawsx/{lang}/test_2k.tsv",
            "x-final/{lang}/test_2k.tsv",
            "pawsx/test-{lang}.tsv",
        ],
    ),
    _xtreme(lambda path: None),
    get="https://github.com/google-research-datasets/paws/tree/master/pawsx",
    translations=[
        f"{folder}/{{lang}}/translated_train.tsv"
        for folder in ("pawsx/original", "pawsx", "x-final")
    ],
)
AMERICASNLI = Layout(
    _splits([], ["americasnli/dev/{lang}.tsv"], ["americasnli/test/{lang}.tsv"]),
    _read,
    get="https://github.com/abteen/americasnli",
)
MYXNLI = Layout(
    {split: [f"myxnli/my.genre.{split}.tsv"] for split in ("dev", "test")},
    _beside_english,
    mixed=True,
    get="https://github.com/akhtet/myXNLI/tree/main/output/my",
)
SIB200 = Layout(
    _splits(["sib200/{lang}/train.tsv"], ["sib200/{lang}/dev.tsv"], ["sib200/{lang}/test.tsv"]),
    _sib,
    get="https://github.com/dadelani/sib-200",
)
