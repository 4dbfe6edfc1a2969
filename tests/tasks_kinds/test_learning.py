"""Each kind learns a small set by heart: encode, head, loss and decode belong together."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from tests.tasks_kinds.tiny import WORDS, learn, task, tokenizer
from xanalysis.errors import InputError
from xanalysis.tasks.data import labelled
from xanalysis.tasks.kinds.mlm import MaskedLM
from xanalysis.tasks.kinds.tagging import Tagging
from xanalysis.tasks.metrics.masked import MASKED_ACCURACY

RANDOM = Random(0)


def _words(count: int) -> str:
    return " ".join(RANDOM.choice(WORDS) for _ in range(count))


def test_pair_classification() -> None:
    examples: list[Any] = [
        {"id": str(i), "text_a": _words(4), "text_b": _words(3) if i % 2 else None,
         "label": "abc"[i % 3]}
        for i in range(12)
    ]  # fmt: skip
    losses, found = learn(task("pair_classification", labels=("a", "b", "c")), examples, steps=80)
    assert losses[-1] < 0.3 < losses[0]
    assert [p["prediction"] for p in found] == [e["label"] for e in examples]


def test_tagging() -> None:
    examples: list[Any] = []
    for i in range(8):
        tokens = _words(6).split()
        tags = ["B-X" if int(word[1:]) % 2 else "O" for word in tokens]
        examples.append({"id": str(i), "tokens": tokens, "tags": tags})
    losses, found = learn(task("tagging", labels=("O", "B-X")), examples, steps=60)
    assert losses[-1] < 0.1 < losses[0]
    assert [p["prediction"] for p in found] == [e["tags"] for e in examples]


def test_extractive_qa_with_and_without_answers() -> None:
    examples: list[Any] = []
    for i in range(10):
        words = RANDOM.sample(WORDS, 12)
        context, answer = " ".join(words), " ".join(words[i % 9 : i % 9 + 2])
        examples.append(
            {
                "id": str(i),
                "question": words[i % 9],
                "context": context,
                "answers": [answer] if i % 5 else [],
                "answer_starts": [context.index(answer)] if i % 5 else [],
            }
        )
    losses, found = learn(task("extractive_qa", metric="squad_v2"), examples, steps=120)
    assert losses[-1] < 0.1 < losses[0]
    assert [p["prediction"] for p in found] == [(e["answers"] or [""])[0] for e in examples]
    _, forced = learn(task("extractive_qa", metric="squad"), examples, steps=1)
    assert all(p["prediction"] for p in forced)  # no empty answers where there always is one


def test_multiple_choice_with_unequal_numbers_of_choices() -> None:
    examples: list[Any] = []
    for i in range(10):
        choices = [_words(2) for _ in range(2 + i % 3)]
        examples.append(
            {"id": str(i), "context": _words(3) if i % 2 else "", "question": _words(2),
             "choices": choices, "label": RANDOM.randrange(len(choices))}
        )  # fmt: skip
    losses, found = learn(task("multiple_choice"), examples, steps=100)
    assert losses[-1] < 0.3 < losses[0]
    assert [p["prediction"] for p in found] == [e["label"] for e in examples]


def test_dual_encoder() -> None:
    examples: list[Any] = []
    for i in range(8):
        examples.append({"id": f"q{i}", "text": WORDS[i], "side": "query", "gold": [f"c{i // 2}"]})
    for i in range(4):
        examples.append({"id": f"c{i}", "text": WORDS[20 + i] + " " + WORDS[30 + i],
                         "side": "candidate"})  # fmt: skip
    losses, found = learn(task("retrieval", metric="retrieval_accuracy"), examples, steps=60)
    assert losses[-1] < 0.1 < losses[0]
    assert [p["prediction"][0] for p in found[:8]] == [e["gold"][0] for e in examples[:8]]
    assert all(p["prediction"] is None for p in found[8:])


def test_masked_language_modelling(monkeypatch: pytest.MonkeyPatch) -> None:
    examples: list[Any] = [{"id": str(i), "text": _words(20)} for i in range(6)]
    record = task("mlm", metric="masked_accuracy")
    losses, found = learn(record, examples, steps=100, kind=MaskedLM(0.3))
    assert losses[-1] < 0.5 * losses[0]
    terms = sum(p["terms"] for p in found)
    assert terms > 10
    assert all(p["prediction"] < losses[0] for p in found)
    scores = MASKED_ACCURACY(found, examples, record, "en")
    assert scores["accuracy"] == pytest.approx(100 * sum(p["hits"] for p in found) / terms)
    assert scores["accuracy"] > 50
    mean = sum(p["prediction"] * p["terms"] for p in found) / terms
    assert scores["perplexity"] == pytest.approx(math.exp(mean))
    # Few tokens are decoded at a time; how few changes nothing.
    monkeypatch.setattr("xanalysis.tasks.kinds.mlm.AT_ONCE", 3)
    _, again = learn(record, examples, steps=100, kind=MaskedLM(0.3))
    assert [p["hits"] for p in again] == [p["hits"] for p in found]
    # But the last digits: products of other shapes round differently.
    expected = pytest.approx([p["prediction"] for p in found], rel=1e-5)
    assert [p["prediction"] for p in again] == expected


@pytest.mark.parametrize(
    ("kind", "example", "message"),
    [
        ("pair_classification", {"text_a": "w1", "text_b": None, "label": "bb"},
         "unknown label 'bb'; expected one of aa, b; did you mean"),
        ("pair_classification", {"text_a": "w1", "text_b": None, "label": None}, "has no label"),
        ("tagging", {"tokens": ["w1"], "tags": ["c"]}, "unknown label 'c'"),
        ("multiple_choice", {"context": "", "question": "w1", "choices": ["w2", "w3"], "label": 2},
         "has label 2; expected a choice from 0 to 1"),
        ("multiple_choice",
         {"context": "", "question": "w1", "choices": ["w2", "w3"], "label": None}, "has no label"),
        ("retrieval", {"text": "w1", "side": "query", "gold": ["x"]}, "no gold candidate"),
    ],
)  # fmt: skip
def test_examples_that_cannot_be_trained_on(
    kind: str, example: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        learn(task(kind, labels=("aa", "b")), [{"id": "one", **example}], steps=1)  # type: ignore[list-item]


def test_labels_that_only_the_data_know() -> None:
    """CCG: what the catalogue does not list is collected from the training data."""
    examples: list[Any] = []
    for i in range(8):
        tokens = _words(6).split()
        tags = ["NP" if int(word[1:]) % 2 else "S\\NP" for word in tokens]
        examples.append({"id": str(i), "tokens": tokens, "tags": tags})

    class Examples:
        def examples(self, task: str, language: str, split: str) -> list[Any]:
            assert (task, language, split) == ("tiny", "en", "train")
            return examples

    record = labelled(task("tagging", metric="tag_accuracy"), Examples())
    assert record.labels == ("NP", "S\\NP")
    losses, found = learn(record, examples, steps=60)
    assert losses[-1] < 0.1 < losses[0]
    assert [p["prediction"] for p in found] == [e["tags"] for e in examples]
    # A rare category that was not trained is a mistake in an evaluation, no error.
    unseen: list[Any] = [{"id": "0", "tokens": ["w1"], "tags": ["N/N"]}]
    table = Tagging().encode(unseen, record, tokenizer(), max_length=64, training=False)
    assert table["labels"].to_pylist() == [[-1]]
    named = task("tagging", labels=("B-PER", "O"))
    assert labelled(named, None) is named
