from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xanalysis.runner.training.evaluate import sample

QUERIES: list[Any] = [
    {"id": f"q{i}", "text": "", "side": "query", "gold": [f"c{9 - i}"]} for i in range(10)
]
CANDIDATES: list[Any] = [{"id": f"c{i}", "text": "", "side": "candidate"} for i in range(10)]


def ids(kept: Sequence[Any], start: str = "") -> list[str]:
    return [example["id"] for example in kept if example["id"].startswith(start)]


def test_without_a_limit_all_are_kept_in_order() -> None:
    assert sample([*QUERIES, *CANDIDATES], "t/test", None) == [*QUERIES, *CANDIDATES]
    assert ids(sample(QUERIES, "t/test", 99)) == ids(QUERIES)


def test_a_sorted_file_gives_all_its_labels() -> None:
    rows: list[Any] = [{"id": str(i), "label": i // 100} for i in range(500)]
    kept: list[Any] = sample(rows, "t/test", 50)
    assert len(kept) == 50
    assert {row["label"] for row in kept} == set(range(5))
    assert kept == sorted(kept, key=lambda row: int(row["id"]))


def test_rows_are_the_same_in_parallel_files_and_nested_in_larger_limits() -> None:
    there: list[Any] = [{"id": f"de-{i}"} for i in range(40)]
    here: list[Any] = [{"id": f"en-{i}"} for i in range(40)]
    numbers = [[i.split("-")[1] for i in ids(sample(rows, "t/test", 9))] for rows in (there, here)]
    assert numbers[0] == numbers[1]
    assert set(ids(sample(here, "t/test", 9))) < set(ids(sample(here, "t/test", 20)))
    assert ids(sample(here, "t/test", 9)) != ids(sample(here, "u/test", 9))


def test_few_queries_search_everything() -> None:
    kept = sample([*CANDIDATES, *QUERIES], "t/test", 2)
    assert ids(kept, "c") == ids(CANDIDATES)
    assert len(ids(kept, "q")) == 2


def test_candidates_that_are_sought_stay_with_others_up_to_the_number() -> None:
    kept: list[Any] = sample([*QUERIES, *CANDIDATES], "t/test", 2, 4)
    sought = {gold for query in kept for gold in query.get("gold", [])}
    assert len(sought) == 2
    assert sought < set(ids(kept, "c"))
    assert len(ids(kept, "c")) == 4
    assert len(ids(sample([*QUERIES, *CANDIDATES], "t/test", 3, 1), "c")) == 3


def test_queries_that_seek_nothing_are_kept() -> None:
    distractor: Any = {"id": "q", "text": "", "side": "query"}
    kept = sample([distractor, *CANDIDATES], "t/test", 1, 2)
    assert (ids(kept, "q"), len(ids(kept, "c"))) == (["q"], 2)
