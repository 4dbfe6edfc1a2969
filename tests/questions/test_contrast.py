"""Planned contrasts find known truths, and their intervals cover them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xanalysis import languages
from xanalysis.errors import InputError
from xanalysis.results.simulate import LANGUAGES, simulate_grid
from xanalysis.stats.contrast import contrast, sentence, slope_sentence
from xanalysis.stats.contrast.model import RESOURCES, Model
from xanalysis.stats.contrast.sides import sides

CELL = ("intermediate", "target", "language")
SIX = ("de", "fi", "tr", "zh", "sw", "hi")


def sizes(codes):
    """Log10 of GiB in CC-100, by language, without those outside."""
    known = languages.frame(list(codes)).set_index("language")
    return np.log10(known.loc[known["pretrained"], "cc100_gib"])


def model(grid, treatment, control=None, value="gain"):
    """The model alone: a contrast fits several, which is slow in a simulation."""
    rows, cells = sides(grid, treatment, control, value, CELL, [])
    return Model.of(rows, CELL, 0.95), cells


def two_variants(grid, shift=0.0, luck=0.0, seed=0):
    """A grid and its variant that share the baseline's runs; luck is that of intermediate runs."""
    rng = np.random.default_rng(seed)
    columns = ["intermediate", "target", "seed"]
    key = grid[columns].astype("string").agg("-".join, axis=1)
    treated = grid["intermediate"] != "none"
    parts = []
    for name, added in (("r", 0.0), ("r/v", shift)):
        own = grid.assign(recipe=name, run_key=key.where(~treated, name + key))
        start = own.loc[treated, ["intermediate", "seed"]].apply(tuple, axis=1)
        drawn = {one: rng.normal(0, luck) if luck else 0.0 for one in sorted(set(start))}
        noise = rng.normal(0, 0.5, int(treated.sum()))
        own.loc[treated, "score"] += added + start.map(drawn).to_numpy(float) + noise
        parts.append(own)
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("luck", [0.0, 2.0])
def test_intervals_cover_the_truth(luck):
    """95 % intervals cover in at least 88 % of 40 grids, however lucky the runs are."""
    hits = 0
    for seed in range(40):
        grid = simulate_grid(
            effects={"mnli": 2.0},
            targets=("xnli",),
            languages=SIX,
            seeds=3,
            sd={"gain_target": 0.0, "run": luck},
            random_state=seed,
        )
        effect = model(grid, {"intermediate": "mnli"})[0].effect()
        hits += effect["low"] <= 2.0 <= effect["high"]
    assert hits / 40 >= 0.88


def test_differences_of_cells_alone_would_not_cover():
    """Why runs are in the model: the t interval of the cells' gains misses most of the time."""
    from scipy.stats import t

    hits = 0
    for seed in range(40):
        grid = simulate_grid(
            effects={"mnli": 2.0},
            targets=("xnli",),
            languages=SIX,
            sd={"gain_target": 0.0, "run": 2.0},
            random_state=seed,
        )
        cells = model(grid, {"intermediate": "mnli"})[1]["difference"]
        margin = t.ppf(0.975, len(cells) - 1) * cells.std() / np.sqrt(len(cells))
        hits += abs(cells.mean() - 2.0) <= margin
    assert hits / 40 < 0.6


def test_the_luck_of_an_intermediate_training_is_shared_by_its_targets():
    """Six intermediate runs serve three targets each: the interval must count six, not eighteen."""
    hits = 0
    for seed in range(40):
        grid = simulate_grid(
            effects={"mnli": 1.0},
            targets=("xnli", "pawsx", "panx"),
            languages=SIX,
            sd={"gain_target": 0.0, "gain_language": 0.0},
            random_state=seed,
        )
        both = two_variants(grid, shift=3.0, luck=2.0, seed=seed)
        fitted, _ = model(both, {"recipe": "r/v"}, {"recipe": "r"}, "score")
        effect = fitted.effect()
        assert "(0 + trained|start)" in fitted.formula
        hits += effect["low"] <= 3.0 <= effect["high"]
    assert hits / 40 >= 0.88


def test_targets_of_one_fine_tuned_model_are_one_run():
    grid = simulate_grid(effects={"mnli": 1.0}, targets=("xquad", "mlqa", "tydiqa"), seeds=2)
    result = contrast(grid, {"intermediate": "mnli"})
    assert result.runs == 2 * 2 * 2, "XQuAD and MLQA are tested on one model"


def test_one_intermediate_training_per_setting_is_told():
    grid = simulate_grid(effects={"mnli": 1.0}, targets=("xnli", "pawsx"), seeds=1)
    result = contrast(grid, {"intermediate": "mnli"})
    assert any("one intermediate training per setting" in note for note in result.notes)


def test_a_baseline_that_two_recipes_share_is_no_difference():
    """Variants list the baseline runs of their recipe: these are not cells of a contrast."""
    grid = simulate_grid(effects={"mnli": 1.0}, targets=("xnli", "pawsx"), seeds=2)
    both = two_variants(grid, shift=3.0)
    result = contrast(both, {"recipe": "r/v"}, {"recipe": "r"}, value="score")
    assert result.low < 3.0 < result.high
    assert set(result.cells["intermediate"]) == {"mnli"}
    base = both[both["intermediate"] == "none"]
    asked = {"intermediate": "none"}
    with pytest.raises(InputError, match="the sides are the same runs"):
        contrast(base, {"recipe": "r/v", **asked}, {"recipe": "r", **asked}, value="score")


def test_a_difference_of_gains_is_that_of_plain_means_over_targets():
    """Targets that the sides differ in are no sample: seven targets count as themselves."""
    targets = ("xquad", "xnli", "pawsx", "udpos", "panx", "mlqa", "tatoeba")
    grid = simulate_grid(
        effects={"mnli": 1.0}, targets=targets, sd={"gain_target": 0.0, "run": 0.5}, random_state=7
    )
    treated = grid["intermediate"] == "mnli"
    grid.loc[treated & (grid["target"] == "xquad"), "score"] += 4.0
    grid.loc[treated & (grid["target"] == "panx"), "score"] += 6.0
    truth = 4.0 - 6.0 / 6
    result = contrast(
        grid, {"target": "xquad"}, {"target": targets[1:]}, match=("intermediate", "language")
    )
    assert result.low < truth < result.high
    assert result.of == "gain"
    assert result.estimate == pytest.approx(result.cells["difference"].mean(), abs=1e-6)
    assert "a larger gain" in sentence(result, "XQuAD")


@pytest.mark.parametrize("truth", [0.0, 1.5])
def test_the_slope_on_pretraining_text_covers_the_truth(truth):
    size = sizes(LANGUAGES)
    hits = 0
    for seed in range(30):
        grid = simulate_grid(
            effects={"mnli": 2.0},
            targets=("xnli",),
            sd={"gain_target": 0.0, "run": 1.0, "gain_language": 1.0},
            random_state=seed,
        )
        treated = grid["intermediate"] == "mnli"
        grid.loc[treated, "score"] += truth * grid["language"].map(size - size.mean()).fillna(0.0)
        slope, many, unseen = model(grid, {"intermediate": "mnli"})[0].resource()
        assert (many, unseen) == (len(size), len(LANGUAGES) - len(size))
        hits += slope["low"] <= truth <= slope["high"]
    assert hits / 30 >= 0.86


def test_a_slope_of_a_difference_of_gains():
    size = sizes(LANGUAGES)
    grid = simulate_grid(
        effects={"mnli": 2.0}, targets=("xnli", "xquad"), sd={"gain_target": 0.0}, random_state=2
    )
    lucky = (grid["intermediate"] == "mnli") & (grid["target"] == "xquad")
    grid.loc[lucky, "score"] += 2.0 * grid["language"].map(size - size.mean()).fillna(0.0)
    slope = contrast(
        grid, {"target": "xquad"}, {"target": "xnli"}, match=("intermediate", "language")
    ).resource
    assert slope is not None
    assert 0 < slope.low < 2.0 < slope.high


def test_languages_outside_the_pretraining_text_get_no_size():
    grid = simulate_grid(
        effects={"mnli": 1.0}, targets=("xnli",), languages=(*SIX, "et", "yo", "quy")
    )
    lucky = grid["language"].isin(["yo", "quy"]) & (grid["intermediate"] == "mnli")
    grid.loc[lucky, "score"] += 20.0
    result = contrast(grid, {"intermediate": "mnli"})
    slope = result.resource
    assert slope is not None
    assert (slope.languages, slope.unseen) == (7, 2)
    assert abs(slope.estimate) < 3, "what happens in unseen languages is no effect of size"
    assert "7 languages; 2 unseen in pretraining left out" in slope_sentence(slope, 0.95)
    group = result.groups.set_index("group").loc[RESOURCES["unseen"]]
    assert group["languages"] == 2
    assert group["estimate"] == pytest.approx(21.0, abs=2.0)


def test_resources_are_those_of_the_paper():
    known = {code: languages.lookup(code).resource for code in ("de", "et", "te", "my", "zu")}
    assert known == {"de": "high", "et": "high", "te": "low", "my": "low", "zu": "unseen"}
    assert languages.lookup("my").cc100_gib == 2.0, "its two rows are added up"


def test_few_languages_have_no_slope():
    grid = simulate_grid(effects={"mnli": 1.0}, targets=("xnli",), languages=("de", "fi", "yo"))
    result = contrast(grid, {"intermediate": "mnli"})
    assert result.resource is None
    assert any("too few sizes" in note for note in result.notes)


def test_sides_without_rows_or_counterparts_are_told():
    frame = simulate_grid()
    with pytest.raises(InputError, match="the treatment has no rows"):
        contrast(frame, {"intermediate": "nothing"})
    with pytest.raises(InputError, match="did you mean 'intermediate'"):
        contrast(frame, {"intermediat": "mnli"})
    one = frame[frame["language"] == "de"]
    with pytest.raises(InputError, match="one language cannot answer"):
        contrast(one, {"intermediate": "mnli"})


def test_words_follow_the_numbers():
    result = contrast(simulate_grid(effects={"ccg": -4.0}), {"intermediate": "ccg"})
    assert sentence(result, "CCG").endswith("a loss.")
    assert np.isfinite(result.detectable)
