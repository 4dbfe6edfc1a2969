"""Mean gains: intervals that hold for further languages and further runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xanalysis.results.simulate import simulate_grid
from xanalysis.stats import compare_families, gains
from xanalysis.stats.pairs import pair_gains, run_error

LANGUAGES = ("de", "fi", "tr", "zh", "sw", "hi", "ru", "ja", "ta", "vi")


def grid(number, **how):
    effects = {"mnli": 2.0, "ccg": 2.0, "squad_v1": 2.0}
    noise = {"gain_target": 0.0, "run": how.pop("run", 0.0)}
    return simulate_grid(
        effects=effects,
        targets=("xnli", "xquad"),
        languages=LANGUAGES,
        sd=noise,
        random_state=number,
        **how,
    )


@pytest.mark.parametrize("luck", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("seeds", [2, 3])
def test_intervals_cover_however_lucky_the_runs(luck, seeds):
    """95 % intervals cover at least 92 % of the time over 240 means."""
    hits = []
    for number in range(40):
        table = pair_gains(gains(grid(number, seeds=seeds, run=luck)))
        hits += list((table["low"] <= 2.0) & (table["high"] >= 2.0))
    assert np.mean(hits) >= 0.92


def test_languages_alone_would_not_cover():
    hits = []
    for number in range(40):
        table = pair_gains(gains(grid(number, seeds=1, run=1.0)))
        assert set(table["over"]) == {"languages"}
        hits += list((table["low"] <= 2.0) & (table["high"] >= 2.0))
    assert np.mean(hits) < 0.7


def test_one_target_with_seeds_as_the_textbook_has_it():
    """Against the two-way analysis of variance of one pair, by hand."""
    table = gains(grid(1, seeds=3, run=1.0))
    one = table[(table["intermediate"] == "mnli") & (table["target"] == "xnli")]
    matrix = one.pivot(index="seed", columns="language", values="gain").to_numpy()
    runs, languages = matrix.shape
    by_run = matrix.mean(axis=1) - matrix.mean()
    by_language = matrix.mean(axis=0) - matrix.mean()
    left = matrix - matrix.mean() - by_run[:, None] - by_language
    ms = (
        runs * (by_language**2).sum() / (languages - 1),
        languages * (by_run**2).sum() / (runs - 1),
        (left**2).sum() / (runs - 1) / (languages - 1),
    )
    # No variance below zero: where languages differ less than residuals do, they do not differ.
    expected = np.sqrt(max(ms[0] + ms[1] - ms[2], ms[0], ms[1]) / (runs * languages))
    found = pair_gains(one).iloc[0]
    assert found["se"] == pytest.approx(expected, rel=1e-12)
    assert found["gain"] == pytest.approx(matrix.mean())
    assert (found["languages"], found["seeds"], found["over"]) == (10, 3, "languages and runs")


def test_a_language_missing_in_a_run_and_a_single_language():
    table = gains(grid(2, seeds=2))
    holes = table.drop(index=table.index[3])
    assert pair_gains(holes)["se"].notna().all()
    single = pair_gains(table[table["language"] == "de"])
    assert single["se"].isna().all()
    assert single["gain"].notna().all()
    assert isinstance(single, pd.DataFrame)


@pytest.mark.parametrize("luck", [0.0, 2.0])
def test_means_of_families_cover_and_contrasts_stay(luck):
    """Means carry the error of runs; what languages have in common cancels in contrasts."""
    hits, wide = [], []
    for number in range(25):
        table = gains(grid(number, seeds=3, run=luck))
        compared = compare_families(table, permutations=99)
        alone = compare_families(table.assign(seed=0), permutations=99)
        hits += list((compared.means["low"] <= 2.0) & (compared.means["high"] >= 2.0))
        overall = compared.leave_one_out.iloc[0]
        hits.append(overall["low"] <= 2.0 <= overall["high"])
        pd.testing.assert_frame_equal(compared.contrasts, alone.contrasts)
        wide.append((compared.means["se"] / alone.means["se"]).mean())
    assert np.mean(hits) >= 0.9
    assert np.mean(wide) > (1.0 if luck == 0 else 1.5)


def test_nothing_run_twice_is_said():
    compared = compare_families(gains(grid(0, seeds=1)), permutations=99)
    assert any("no setting was run twice" in note for note in compared.notes)
    assert not run_error(gains(grid(0, seeds=1))).known
