"""Every question has a recipe and claims that load, and is answered from the numbers alone."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from xanalysis.cli import cli
from xanalysis.errors import InputError
from xanalysis.questions.answer import answer
from xanalysis.questions.record import ContrastSpec, Question, load_question
from xanalysis.results.simulate import simulate_grid
from xanalysis.stats.contrast import contrast, sentence
from xanalysis.study import Study

NAMES = "abcde"


@pytest.mark.parametrize("name", NAMES)
def test_every_question_has_its_recipe_and_claims(name):
    from xanalysis.claims import load_claims
    from xanalysis.runner.recipe import load_recipe

    study = Study.here(__file__)
    question = load_question(study.find("questions", name))
    recipe = load_recipe(study.find("runners", question.recipe))
    claims = load_claims(study.find("claims", question.claims))
    assert claims.claims
    known = set(recipe.setups())
    for spec in question.contrasts:
        for side in (spec.treatment, spec.control or {}):
            named = side.get("recipe", ())
            assert {named} if isinstance(named, str) else set(named) <= known


def question(**contrast_fields):
    spec = ContrastSpec(what="Training on SQuAD in place of MNLI", **contrast_fields)
    return Question(title="t", question="q", estimand="e", recipe="r", contrasts=(spec,))


def test_a_known_difference_is_found():
    grid = simulate_grid(effects={"mnli": 0.0, "squad_v1": 3.0}, sd={"gain_target": 0.3})
    asked = question(
        treatment={"intermediate": "squad_v1"},
        control={"intermediate": "mnli"},
        match=("target", "language"),
    )
    (found,) = answer(asked, grid)
    assert found.result is not None
    assert found.result.low < 3.0 < found.result.high
    assert found.words.endswith("an improvement.")
    assert found.result.above == found.result.languages == grid["language"].nunique() - 1


def test_no_difference_names_what_could_have_been_found():
    grid = simulate_grid(effects={"mnli": 1.0, "squad_v1": 1.0}, random_state=3)
    asked = question(
        treatment={"intermediate": "squad_v1"},
        control={"intermediate": "mnli"},
        match=("target", "language"),
    )
    (found,) = answer(asked, grid)
    assert "80 % power" in found.words
    json.dumps(found.to_dict())


@pytest.mark.parametrize("luck", [0.0, 2.0])
def test_intervals_cover_the_truth(luck):
    """95 % intervals cover in at least 88 % of 40 grids, however lucky the runs are."""
    languages = ("de", "fi", "tr", "zh", "sw", "hi")
    hits = 0
    for seed in range(40):
        grid = simulate_grid(
            effects={"mnli": 2.0},
            targets=("xnli",),
            languages=languages,
            seeds=3,
            sd={"gain_target": 0.0, "run": luck},
            random_state=seed,
        )
        result = contrast(grid, {"intermediate": "mnli"})
        hits += result.low <= 2.0 <= result.high
    assert hits / 40 >= 0.88


def test_differences_of_cells_alone_would_not_cover():
    """Why runs are in the model: the t interval of the cells' gains misses most of the time."""
    from scipy.stats import t

    languages = ("de", "fi", "tr", "zh", "sw", "hi")
    hits = 0
    for seed in range(40):
        grid = simulate_grid(
            effects={"mnli": 2.0},
            targets=("xnli",),
            languages=languages,
            sd={"gain_target": 0.0, "run": 2.0},
            random_state=seed,
        )
        cells = contrast(grid, {"intermediate": "mnli"}).cells["difference"]
        margin = t.ppf(0.975, len(cells) - 1) * cells.std() / np.sqrt(len(cells))
        hits += abs(cells.mean() - 2.0) <= margin
    assert hits / 40 < 0.6


def test_a_baseline_that_two_recipes_share_is_no_difference():
    """Variants list the baseline runs of their recipe: these are not cells of a contrast."""
    grid = simulate_grid(effects={"mnli": 1.0}, targets=("xnli", "pawsx"), seeds=2)
    columns = ["intermediate", "target", "seed"]
    key = grid[columns].astype("string").agg("-".join, axis=1)
    one = grid.assign(recipe="r", run_key=key)
    treated = grid["intermediate"] != "none"
    two = grid.assign(recipe="r/v", run_key=key.where(~treated, "v-" + key))
    two.loc[treated, "score"] += 3.0
    both = pd.concat([one, two], ignore_index=True)
    result = contrast(both, {"recipe": "r/v"}, {"recipe": "r"}, value="score")
    assert result.estimate == pytest.approx(3.0, abs=1e-6)
    assert set(result.cells["intermediate"]) == {"mnli"}


def test_a_difference_of_gains_between_targets():
    grid = simulate_grid(effects={"mnli": 1.0}, sd={"gain_target": 0.0, "run": 0.5}, random_state=5)
    lucky = (grid["target"] == "xquad") & (grid["intermediate"] == "mnli")
    grid.loc[lucky, "score"] += 4.0
    others = [name for name in grid["target"].unique() if name != "xquad"]
    result = contrast(
        grid, {"target": "xquad"}, {"target": others}, match=("intermediate", "language")
    )
    assert result.low < 4.0 < result.high
    assert result.low > 0


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


def test_the_command_answers_from_a_results_file(tmp_path):
    grid = simulate_grid(effects={"mnli": 2.0}, targets=("xnli", "pawsx"), seeds=2)
    file = tmp_path / "grid.csv"
    grid.to_csv(file, index=False)
    args = ["study", "E", "--results", str(file), "-o", str(tmp_path / "out"), "--format", "json"]
    result = CliRunner().invoke(cli, args, catch_exceptions=False)
    content = json.loads(result.output)
    assert content["answers"][0]["numbers"]["languages"] == grid["language"].nunique() - 1
    assert content["verdicts"][0]["id"] == "low-resource-gain"
    assert (tmp_path / "out" / "study-question-e" / "report.html").stat().st_size > 10_000


def test_listing_and_unknown_names():
    assert "Multilingual against English" in CliRunner().invoke(cli, ["study"]).output
    result = CliRunner().invoke(cli, ["study", "Z"])
    assert isinstance(result.exception, InputError)
