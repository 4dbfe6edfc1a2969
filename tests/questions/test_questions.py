"""Every question has a recipe and claims that load, and is answered from the numbers alone."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from xanalysis.cli import cli
from xanalysis.errors import InputError
from xanalysis.questions.answer import answer
from xanalysis.questions.record import ContrastSpec, Question, load_question
from xanalysis.results.simulate import simulate_grid
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
