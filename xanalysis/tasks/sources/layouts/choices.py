"""Multiple choice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError
from xanalysis.tasks.examples import Example
from xanalysis.tasks.sources.layouts.base import Layout, choice, field, json_lines, quoted_table
from xanalysis.tasks.task import Task

# XTREME-R turns COPA's question into a sentence between premise and choice.
COPA = {"cause": "What was the cause?", "effect": "What happened as a result?"}


def _hellaswag(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    requests: set[str] = set()
    for index, (line, row) in enumerate(json_lines(path)):
        if "doc" in row:  # an evaluation's requests, several for each example
            row = _asked(row["doc"], path, line)
            if row["ind"] in requests:
                continue
            requests.add(row["ind"])
        endings = _texts(field(row, ("endings",), path, line), path, line)
        gold = row.get("label")
        yield {
            "id": str(row.get("ind", index)),
            "context": str(field(row, ("ctx",), path, line)),
            "question": "",
            "choices": endings,
            "label": None if gold in (None, "") else choice(gold, len(endings), path, line),
        }


def _asked(doc: Any, path: Path, line: int) -> dict[str, Any]:
    """HellaSwag's own fields of what OLMo's evaluation notes of an example."""
    try:
        # The activity stands before the context, which HellaSwag's own files keep apart.
        context = str(doc["query"]).partition(": ")[2]
        return {
            "ind": str(doc["ind"]),
            "ctx": context,
            "endings": doc["choices"],
            "label": doc["gold"],
        }
    except (KeyError, TypeError) as error:
        raise InputError(
            f"the request's doc lacks or garbles {error}",
            file=path,
            line=line,
            expected="ind, query, choices, gold",
        ) from None


def _commonsenseqa(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    for line, row in json_lines(path):
        name = str(field(row, ("id",), path, line))
        try:
            question = row["question"]
            letters = [str(option["label"]) for option in question["choices"]]
            texts = [str(option["text"]) for option in question["choices"]]
            stem = str(question["stem"])
        except (KeyError, TypeError) as error:
            raise InputError(
                f"question '{name}' lacks or garbles {error}",
                file=path,
                line=line,
                expected="question with stem and choices, each with label and text",
            ) from None
        gold = row.get("answerKey")
        if gold not in (None, "", *letters):
            raise InputError(
                f"answerKey is '{gold}'", file=path, line=line, expected=", ".join(letters)
            )
        yield {
            "id": name,
            "context": "",
            "question": stem,
            "choices": texts,
            "label": letters.index(gold) if gold else None,
        }


def _cosmosqa(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    for line, row in quoted_table(path):
        names = sorted(name for name in row if re.fullmatch(r"answer\d", name))
        gold = row.get("label")
        yield {
            "id": str(field(row, ("id",), path, line)),
            "context": str(field(row, ("context",), path, line)),
            "question": str(field(row, ("question",), path, line)),
            "choices": [row[name] for name in names],
            "label": None if not gold else choice(gold, len(names), path, line),
        }


def _siqa(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    for index, (line, row) in enumerate(json_lines(path)):
        gold = str(row.get("correct", ""))
        if gold and gold not in "ABC":
            raise InputError(f"correct is '{gold}'", file=path, line=line, expected="A, B or C")
        yield {
            "id": str(index),
            "context": str(field(row, ("context",), path, line)),
            "question": str(field(row, ("question",), path, line)),
            "choices": [str(field(row, (f"answer{letter}",), path, line)) for letter in "ABC"],
            "label": "ABC".index(gold) if gold else None,
        }


def _xcopa(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    for index, (line, row) in enumerate(json_lines(path)):
        asked = str(field(row, ("question",), path, line))
        if asked not in COPA:
            raise InputError(
                f"question is '{asked}'", file=path, line=line, expected="cause or effect"
            )
        options = [str(field(row, (name,), path, line)) for name in ("choice1", "choice2")]
        gold = row.get("label")
        yield {
            "id": str(row.get("idx", index)),
            "context": str(field(row, ("premise",), path, line)),
            "question": COPA[asked],
            "choices": options,
            "label": None if gold is None else choice(gold, 2, path, line),
        }


def _texts(value: Any, path: Path, line: int) -> list[str]:
    if not isinstance(value, list) or len(value) < 2:
        raise InputError("no list of choices", file=path, line=line, expected="two or more texts")
    return [str(text) for text in value]


HELLASWAG = Layout(
    {
        "train": ["hellaswag/hellaswag_train.jsonl"],
        "dev": [
            "hellaswag/hellaswag_val.jsonl",
            "hellaswag/derived/hellaswag_val.subset.jsonl",
            "hellaswag/requests.jsonl.gz",
        ],
        "test": ["hellaswag/hellaswag_test.jsonl"],
    },
    _hellaswag,
    get="https://github.com/rowanz/hellaswag/tree/master/data",
)
COMMONSENSEQA = Layout(
    {
        "train": ["commonsenseqa/train_rand_split.jsonl"],
        "dev": ["commonsenseqa/dev_rand_split.jsonl"],
        "test": ["commonsenseqa/test_rand_split_no_answers.jsonl"],
    },
    _commonsenseqa,
    get="https://www.tau-nlp.sites.tau.ac.il/commonsenseqa",
)
COSMOSQA = Layout(
    {
        "train": ["cosmosqa/train.csv"],
        "dev": ["cosmosqa/valid.csv"],
        "test": ["cosmosqa/test.csv"],
    },
    _cosmosqa,
    get="https://github.com/wilburOne/cosmosqa/tree/master/data",
)
SIQA = Layout(
    {
        "train": ["siqa/socialIQa_v1.4_trn.jsonl", "siqa/train.jsonl"],
        "dev": ["siqa/socialIQa_v1.4_dev.jsonl", "siqa/dev.jsonl"],
    },
    _siqa,
    get="https://leaderboard.allenai.org/socialiqa/submissions/get-started",
)
COPA_ENGLISH = Layout(
    {
        "train": ["xcopa/train.en.jsonl", "xcopa_xtreme/train-en.jsonl"],
        "dev": ["xcopa/val.en.jsonl", "xcopa_xtreme/val-en.jsonl"],
    },
    _xcopa,
    get="https://dl.fbaipublicfiles.com/glue/superglue/data/v2/COPA.zip",
)
XCOPA = Layout(
    {
        "dev": ["xcopa/{lang}/val.{lang}.jsonl", "xcopa/val.{lang}.jsonl"],
        "test": ["xcopa/{lang}/test.{lang}.jsonl", "xcopa/test.{lang}.jsonl"],
    },
    _xcopa,
    get="https://github.com/cambridgeltl/xcopa",
)
