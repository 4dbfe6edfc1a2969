from __future__ import annotations

from typing import Any

from xanalysis.runner.training.evaluate import _first

QUERIES: list[Any] = [
    {"id": f"q{i}", "text": "", "side": "query", "gold": [f"c{9 - i}"]} for i in range(10)
]
CANDIDATES: list[Any] = [{"id": f"c{i}", "text": "", "side": "candidate"} for i in range(10)]


def ids(kept: list[Any]) -> list[str]:
    return [example["id"] for example in kept]


def test_plain_examples_are_the_first() -> None:
    examples: list[Any] = [{"id": str(i)} for i in range(5)]
    assert ids(_first(examples, 2)) == ["0", "1"]
    assert ids(_first(examples, None)) == ids(examples)
    assert len(_first(examples, 9)) == 5


def test_few_queries_search_everything() -> None:
    kept = ids(_first([*CANDIDATES, *QUERIES], 2))
    assert kept == [*ids(CANDIDATES), "q0", "q1"]


def test_candidates_that_are_sought_stay_and_the_first_others_up_to_the_number() -> None:
    kept = ids(_first([*QUERIES, *CANDIDATES], 2, 4))
    assert kept == ["q0", "q1", "c0", "c1", "c8", "c9"]
    assert ids(_first([*QUERIES, *CANDIDATES], 3, 1)) == ["q0", "q1", "q2", "c7", "c8", "c9"]


def test_queries_that_seek_nothing_are_kept() -> None:
    distractor: Any = {"id": "q", "text": "", "side": "query"}
    assert ids(_first([distractor, *CANDIDATES], 1, 2)) == ["q", "c0", "c1"]
