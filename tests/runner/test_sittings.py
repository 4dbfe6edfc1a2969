"""A grid that outlives its machine: continued elsewhere from its results table alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.runner.work import NoData, plan, pretend_scores
from xanalysis.cli.run_grid import parse_seeds, parse_time
from xanalysis.errors import InputError
from xanalysis.results import load_results, write_results
from xanalysis.runner.engines.local import LocalEngine
from xanalysis.runner.estimate import Sizes, estimate
from xanalysis.runner.grid import Grid
from xanalysis.runner.known import read_known
from xanalysis.runner.provenance import beside
from xanalysis.runner.schedule import Schedule
from xanalysis.runner.store import Store

TARGETS = ["xnli", "panx", "tatoeba"]


def open_small(root: Path, *, known: Any = (), seeds: Any = (), **changes: Any) -> Grid:
    made = plan(targets=TARGETS, **changes)
    job = NoData(root, (), perform=pretend_scores)
    tables = read_known(known)
    return Grid(made.recipe, made, Store(root), job, None, (), tables, seeds)  # type: ignore[arg-type]


def run(grid: Grid, seconds: float | None = None, workers: int = 1) -> Any:
    return grid.run(LocalEngine(grid.job, workers=workers), seconds=seconds)


def table(grid: Grid) -> Path:
    return grid.store.root / "results" / "small.parquet"


def test_a_table_stands_for_the_stages_behind_it(tmp_path: Path) -> None:
    whole = open_small(tmp_path / "whole")
    run(whole)
    first = open_small(tmp_path / "first", seeds=(0,))
    run(first)
    # Committed as CSV, with its provenance; the store is gone.
    committed = write_results(load_results(table(first)), tmp_path / "evidence" / "small.csv")
    os.rename(beside(table(first)), beside(committed))

    second = open_small(tmp_path / "second", known=[committed])
    done = second.known.done(second.plan)
    assert {second.plan.stages[key].kind for key in done} == {"evaluate"}
    assert len(done) == 3 * 2 + 3  # of seed 0, with the evaluations that all seeds share
    expected = estimate(
        second.plan,
        second.store,
        Sizes(None),
        device="cpu",
        done=second.done(),
        todo=second.todo(),
    )
    assert expected.stages["evaluate"] == {
        "done": 9,
        "to_do": 6,
        "not_needed": 0,
        "lacking_data": 0,
    }
    # The intermediates serve seed 1, too; the trainings of seed 0 served evaluations that are done.
    assert expected.stages["intermediate"]["to_do"] == 2
    assert expected.stages["target"]["not_needed"] == 6
    ended = run(second)
    assert not set(ended.done) & done
    assert len(ended.done) == 2 + 6 + 6
    pd.testing.assert_frame_equal(load_results(table(second)), load_results(table(whole)))

    # From both tables nothing is left to do, and all of it is written again.
    third = open_small(tmp_path / "third", known=[committed, table(second)])
    assert third.todo() == []
    assert run(third).done == []
    assert table(third).read_bytes() == table(whole).read_bytes()
    told, own = (json.loads(beside(table(grid)).read_text()) for grid in (third, whole))
    assert told["data"] == own["data"]
    assert told["data"]["xnli/sw/test"] == "xnli/sw/test"
    assert told["environments"] == own["environments"]
    assert told["environments"] == [{"torch": "0", "hardware": "a stand-in", "device": "cpu"}]
    assert list(told["stages"]) == list(third.plan.stages)
    for key, stage in told["stages"].items():
        assert stage.pop("seconds") >= 0
        del own["stages"][key]["seconds"]
    assert told["stages"] == own["stages"]


def test_known_rows_take_this_plans_names(tmp_path: Path) -> None:
    first = open_small(tmp_path / "first")
    run(first)
    other = open_small(tmp_path / "other", known=[table(first)], variants={"more": {"seeds": [0]}})
    assert other.todo() == []
    run(other)
    found = load_results(table(other))
    assert set(found["recipe"]) == {"small", "small/more"}
    own = load_results(table(first)).query("seed == 0")
    copied = found.query("recipe == 'small/more' and seed == 0")
    assert sorted(copied["score"]) == sorted(own["score"])


def test_a_table_that_lacks_a_language_stands_for_nothing(tmp_path: Path) -> None:
    first = open_small(tmp_path / "first")
    run(first)
    rows = load_results(table(first)).query("not (target == 'xnli' and language == 'sw')")
    cut = write_results(rows, tmp_path / "cut.csv")
    second = open_small(tmp_path / "second", known=[cut])
    asked = [second.plan.stages[key].title for key in second.todo()]
    assert sum(title.endswith("evaluate") for title in asked) == 3 * 2
    assert any("xnli" in title for title in asked)
    assert not any("panx" in title for title in asked)


def test_tables_that_cannot_be_used(tmp_path: Path) -> None:
    first = open_small(tmp_path / "first")
    run(first)
    rows = load_results(table(first))
    with pytest.raises(InputError, match="there is no such results table"):
        read_known([tmp_path / "nothing.csv"])
    bare = write_results(rows.assign(run_key=""), tmp_path / "bare.csv")
    with pytest.raises(InputError, match="no row says which evaluation"):
        read_known([bare])
    other = write_results(rows.assign(score=rows["score"] / 2), tmp_path / "other.csv")
    with pytest.raises(InputError, match="one of the two tables only"):
        read_known([table(first), other])
    beside(other).write_text("{")
    with pytest.raises(InputError, match=r"provenance\.json: cannot be read"):
        read_known([other])


def test_what_another_seed_needs_is_kept(tmp_path: Path) -> None:
    first = open_small(tmp_path, seeds=(0,), keep="none")
    run(first)
    there = {first.plan.stages[k].kind for k in first.store.done(first.plan.stages)}
    assert there == {"evaluate", "intermediate"}
    second = open_small(tmp_path, keep="none")
    ended = run(second)
    assert {second.plan.stages[k].kind for k in ended.done} == {"evaluate", "target"}
    there = {first.plan.stages[k].kind for k in first.store.done(first.plan.stages)}
    assert there == {"evaluate"}


@pytest.mark.parametrize("workers", [1, 2])
def test_time_that_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setenv("PRETEND_SECONDS", "1")
    grid = open_small(tmp_path)
    for seconds in (2.0 + workers, 10.0, 30.0):  # workers take long to start on a busy machine
        ended = run(grid, seconds=seconds, workers=workers)
        assert ended.stopped
        if ended.done:
            break
    assert not ended.failed
    assert 0 < len(ended.done) < len(grid.plan.stages)
    assert grid.store.leftovers() == []
    assert not load_results(table(grid)).empty
    monkeypatch.setenv("PRETEND_SECONDS", "0")
    again = run(grid, seconds=600)
    assert not again.stopped
    assert not set(ended.done) & set(again.done)
    assert set(grid.store.published()) == set(grid.plan.stages)


def test_a_whole_seed_before_the_next() -> None:
    made = plan()
    schedule = Schedule(made, made.needed([]))
    order = []
    while (key := schedule.pop()) is not None:
        order.append(made.stages[key])
        schedule.finish(key)
    seeds = [stage.spec.seed for stage in order if stage.kind == "target"]  # type: ignore[union-attr]
    assert seeds == sorted(seeds)
    # The targets of an intermediate task follow it: a stop leaves whole lines.
    first = [s.title for s in order if s.kind in ("intermediate", "target")][:9]
    assert [title.partition(",")[0].partition(" →")[0] for title in first] == [
        "none",
        "none",
        "mnli",
        "mnli",
        "mnli",
        "squad_v1",
        "squad_v1",
        "squad_v1",
        "none",
    ]


def test_with_many_workers_the_longest_road_goes_first() -> None:
    made = plan(intermediate_seeds="paired")
    schedule = Schedule(made, made.needed([]), workers=20)
    first = [schedule.pop() for _ in range(5)]
    kinds = [made.stages[key].kind for key in first if key is not None]
    assert kinds == ["evaluate", *["intermediate"] * 4]


@pytest.mark.parametrize(
    ("text", "seconds"), [("", None), ("45s", 45.0), ("90m", 5400.0), ("1h30m", 5400.0)]
)
def test_times(text: str, seconds: float | None) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["90", "m", "0s", "1h-3m", "soon"])
def test_no_times(text: str) -> None:
    with pytest.raises(InputError, match="is no time"):
        parse_time(text)


def test_seeds() -> None:
    assert parse_seeds("1, 0,1") == (1, 0)
    with pytest.raises(InputError, match="'x' is no seed"):
        parse_seeds("0,x")
