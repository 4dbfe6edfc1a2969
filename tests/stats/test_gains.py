"""Gains over the shared baseline, and what ignoring that it is shared would cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

import xanalysis as xa
from xanalysis.errors import InputError
from xanalysis.results.simulate import simulate_grid
from xanalysis.stats import cell_gains
from xanalysis.stats.bootstrap import (
    bootstrap_cell,
    crossed_error,
    example_scores,
    paired_bootstrap,
)


def grid(**options: object) -> pd.DataFrame:
    options = {"targets": ("xnli", "panx"), "languages": ("de", "sw", "zh"), **options}
    return simulate_grid(**options)  # type: ignore[arg-type]


def test_paired_by_seed() -> None:
    table = grid()
    gains = xa.gains(table)
    assert gains["paired"].all()
    assert len(gains) == (table["intermediate"] != "none").sum()
    key = ["intermediate", "target", "language", "seed"]
    scores = table.set_index(key)["score"]
    for row in gains.sample(10, random_state=1).itertuples():
        expected = scores[row.intermediate, row.target, row.language, row.seed]
        expected -= scores["none", row.target, row.language, row.seed]
        assert row.gain == pytest.approx(expected)
    assert gains.groupby(["target", "language"])["shared"].nunique().eq(1).all()


def test_unpaired_seeds_use_the_mean() -> None:
    table = grid(seeds=3)
    table.loc[table["intermediate"] == "none", "seed"] += 100
    gains = xa.gains(table)
    assert not gains["paired"].any()
    base = table[table["intermediate"] == "none"].groupby(["target", "language"])["score"].mean()
    row = gains.iloc[0]
    assert row["baseline"] == pytest.approx(base[row["target"], row["language"]])


def test_one_baseline_for_all_seeds() -> None:
    """Retrieval has no target training: one baseline serves every seed."""
    table = grid(seeds=3)
    table = table[(table["intermediate"] != "none") | (table["seed"] == 0)]
    gains = xa.gains(table)
    per_cell = gains.groupby(["target", "language"])["baseline"].nunique()
    assert (per_cell == 1).all()


def test_scores_without_seeds() -> None:
    table = grid(seeds=1).assign(seed=pd.NA)
    gains = xa.gains(table)
    assert gains["gain"].notna().all()
    assert not gains["paired"].any()


def test_missing_baselines_are_counted_and_named() -> None:
    table = grid()
    gone = (table["intermediate"] == "none") & (table["language"] == "sw")
    gains = xa.gains(table[~gone])
    assert set(gains["language"]) == {"de", "zh"}
    (note,) = gains.attrs["notes"]
    assert note.startswith("18 scores left out, because their baseline is missing")
    assert "mnli simulated xnli sw" in note


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[t["intermediate"] != "none"], "nothing to measure gains from"),
        (lambda t: t[t["intermediate"] == "none"], "there are no gains"),
        (
            lambda t: t[(t["intermediate"] == "none") == (t["language"] == "de")],
            "no score has a baseline",
        ),
    ],
)
def test_no_gains(change, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=says):
        xa.gains(change(grid()))


def test_unknown_factor() -> None:
    with pytest.raises(InputError, match="did you mean 'intermediate'"):
        xa.gains(grid(), factor="intermediat")


def test_errors_and_their_source() -> None:
    table = grid()
    gains = xa.gains(table)
    row = gains.iloc[0]
    p, q = row["score"] / 100, row["baseline"] / 100
    expected = 100 * np.sqrt((p * (1 - p) + q * (1 - q)) / 1000)
    assert row["se"] == pytest.approx(expected)
    assert row["se_source"] == "binomial"
    table.loc[table["intermediate"] == "none", ["se", "se_source"]] = [np.nan, "none"]
    assert set(xa.gains(table)["se_source"]) == {"none"}
    cells = cell_gains(xa.gains(table))
    assert set(cells["se_source"]) == {"seeds"}
    one = xa.gains(table)
    one = one[
        (one["intermediate"] == "mnli") & (one["target"] == "xnli") & (one["language"] == "de")
    ]
    cell = cells.iloc[0]
    assert cell["se"] == pytest.approx(one["gain"].std() / np.sqrt(3))


def test_a_few_seeds_that_agree_by_chance_are_not_an_error() -> None:
    few = xa.gains(grid())
    assert set(few["seed"]) == {0, 1, 2}
    cells = cell_gains(few)
    assert set(cells["se_source"]) == {"binomial"}
    assert cells["se"].min() > 0.5 * cells["se"].max()
    unknown = few.assign(se=np.nan, se_source="none", gain=0.1 + 0.2)
    unknown.loc[unknown["seed"] == 1, "gain"] = 0.3
    assert set(cell_gains(unknown)["se"]) == {0.0}
    assert set(cell_gains(xa.gains(grid(seeds=5)))["se_source"]) == {"seeds"}


def test_same_run_under_two_recipes_counts_once() -> None:
    table = grid(seeds=1)
    table["run_key"] = [f"key{i}" for i in range(len(table))]
    both = pd.concat([table.assign(recipe="a"), table.assign(recipe="b")], ignore_index=True)
    gains = xa.gains(both)
    assert len(gains) == len(xa.gains(table))
    assert "listed under several recipes" in gains.attrs["notes"][0]


def test_baseline_of_another_recipe() -> None:
    table = grid(seeds=1)
    table["recipe"] = np.where(table["intermediate"] == "none", "base", "variant")
    assert len(xa.gains(table)) == (table["intermediate"] != "none").sum()


def test_ignoring_the_shared_baseline_finds_what_is_not_there() -> None:
    """12 intermediates, no effect: the naive test of one target's gains rejects far too often."""
    naive = ours = 0
    runs = 40
    for run in range(runs):
        table = simulate_grid(
            effects={f"i{i}": 0.0 for i in range(12)},
            targets=("xnli",),
            languages=("de", "sw", "zh", "fi", "tr", "ar"),
            seeds=1,
            sd={"gain_language": 0.0, "gain_target": 0.0, "seed": 1.0},
            random_state=run,
        )
        gains = xa.gains(table)
        values = gains["gain"]
        statistic = values.mean() / (values.std() / np.sqrt(len(values)))
        naive += 2 * t.sf(abs(statistic), len(values) - 1) < 0.05
        # One number per shared baseline: what the random intercept for target:language amounts to.
        means = gains.groupby("shared")["gain"].mean()
        statistic = means.mean() / (means.std() / np.sqrt(len(means)))
        ours += 2 * t.sf(abs(statistic), len(means) - 1) < 0.05
    assert naive / runs > 0.3
    assert ours / runs < 0.15


def predictions(folder: Path, key: str, scores: np.ndarray, language: str = "de") -> None:
    file = folder / "stages" / key[:2] / key / "predictions" / f"{language}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame({"id": [f"x{i}" for i in range(len(scores))], "score": scores})
    frame.sample(frac=1, random_state=0).to_parquet(file)


@pytest.fixture
def stored(tmp_path: Path) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    rng = np.random.default_rng(5)
    easy = rng.uniform(size=400)
    kept, rows = {}, []
    for seed in range(3):
        for name, shift in (("none", 0.6), ("mnli", 0.7)):
            key = f"{name}{seed}".ljust(8, "0")
            kept[key] = 100.0 * (easy < shift + rng.normal(0, 0.01))
            predictions(tmp_path, key, kept[key])
            rows.append((name, "xnli", "de", seed, kept[key].mean(), key))
    columns = ["intermediate", "target", "language", "seed", "score", "run_key"]
    return pd.DataFrame(rows, columns=columns), kept


def test_errors_from_predictions(stored, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table, kept = stored
    gains = xa.gains(table, store=tmp_path)
    assert set(gains["se_source"]) == {"examples"}
    differences = kept[gains["run_key"][0]] - kept[gains["baseline_run_key"][0]]
    assert gains["se"][0] == pytest.approx(differences.std(ddof=1) / 20)
    # The two systems agree on most examples: paired errors are far smaller than binomial ones.
    p = gains["score"][0] / 100
    assert gains["se"][0] < 0.7 * 100 * np.sqrt(2 * p * (1 - p) / 400)


def test_predictions_that_do_not_add_up_are_not_used(stored, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table, _ = stored
    table["score"] -= 3.0
    assert set(xa.gains(table, store=tmp_path)["se_source"]) == {"none"}


def test_cell_errors_over_examples_and_seeds(stored, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table, kept = stored
    gains = xa.gains(table, store=tmp_path)
    cell = cell_gains(gains).iloc[0]
    matrix = np.array([kept[k] for k in gains["run_key"]]) - np.array(
        [kept[k] for k in gains["baseline_run_key"]]
    )
    assert cell["se_source"] == "examples"
    assert cell["se"] == pytest.approx(crossed_error(matrix))
    assert cell["se"] >= matrix.mean(axis=0).std(ddof=1) / 20


def test_crossed_error_is_right_on_average() -> None:
    """Known variances of examples, seeds and the rest: the mean squared error is their sum."""
    rng = np.random.default_rng(4)
    n, k = 60, 4
    truth = 9.0 / n + 0.25 / k + 16.0 / (n * k)
    squares = []
    for _ in range(400):
        draws = rng.normal(0, 3, n) + rng.normal(0, 0.5, (k, 1)) + rng.normal(0, 4, (k, n))
        squares.append(crossed_error(draws) ** 2)
    assert np.mean(squares) == pytest.approx(truth, rel=0.08)


def test_candidates_have_no_score(tmp_path: Path) -> None:
    predictions(tmp_path, "abc", np.array([100.0, 0.0, np.nan]))
    scores = example_scores(tmp_path, "abc", "de")
    assert scores is not None
    assert sorted(scores) == [0.0, 100.0]
    predictions(tmp_path, "abd", np.array([np.nan, np.nan]))
    assert example_scores(tmp_path, "abd", "de") is None
    assert example_scores(tmp_path, "", "de") is None


def test_bootstrap_of_a_cell(stored, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table, kept = stored
    gains = xa.gains(table, store=tmp_path)
    result = bootstrap_cell(gains, tmp_path, draws=2000)
    assert result is not None
    assert result.estimate == pytest.approx(gains["gain"].mean())
    assert result.examples == 400
    assert result.seeds == 3
    assert result.low < result.estimate < result.high
    # Seeds and examples both vary: the error is at least that of the examples alone.
    matrix = np.array([kept[k] for k in gains["run_key"]]) - np.array(
        [kept[k] for k in gains["baseline_run_key"]]
    )
    examples_only = matrix.mean(axis=0).std(ddof=1) / 20
    assert result.se > 0.9 * examples_only
    again = bootstrap_cell(gains, tmp_path, draws=2000)
    assert result == again


@pytest.mark.parametrize(("seeds", "low", "high"), [(1, 0.90, 0.99), (3, 0.90, 1.0)])
def test_bootstrap_coverage(seeds: int, low: float, high: float) -> None:
    """95 % intervals hold the truth; with several seeds they are wider than they need be."""
    rng = np.random.default_rng(1)
    covered = 0
    runs = 300
    for run in range(runs):
        difficulty = rng.uniform(-0.3, 0.3, 150)
        base = rng.uniform(size=(seeds, 150)) < 0.6 + difficulty
        treated = rng.uniform(size=(seeds, 150)) < 0.7 + difficulty
        result = paired_bootstrap(100 * treated, 100 * base, draws=300, random_state=run)
        covered += result.low <= 10 <= result.high
    assert low < covered / runs <= high


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ([[1.0, 2.0]], [[1.0]], "the same examples"),
        ([], [], "no examples"),
        ([[1.0, np.nan]], [[1.0, 2.0]], "not finite"),
    ],
)
def test_bootstrap_input(first, second, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=says):
        paired_bootstrap(first, second)
