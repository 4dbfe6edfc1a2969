"""Every question has a recipe and claims that load, and is answered from the numbers alone."""

from __future__ import annotations

import json
import zlib
from itertools import product

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from xanalysis.cli import cli
from xanalysis.errors import InputError
from xanalysis.questions.answer import answer
from xanalysis.questions.record import ContrastSpec, Question, load_question
from xanalysis.results.schema import BASELINE, variant_of
from xanalysis.results.simulate import simulate_grid
from xanalysis.runner.recipe import test_languages as languages_of
from xanalysis.study import Study
from xanalysis.tasks.catalogue import TASKS

NAMES = "abcde"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", ["small", "full"])
def test_every_question_has_its_recipe_and_claims(name, scale):
    from xanalysis.claims import load_claims
    from xanalysis.runner.load import load_recipe

    study = Study.here(__file__)
    question = load_question(study.find("questions", name))
    assert question.full is not None
    assert question.limits
    assert question.full_limits
    recipe = load_recipe(study.find("runners", question.at(scale)))
    known = {
        "variant": {variant_of(label) for label in recipe.setups()},
        "target": {target for setup in recipe.setups().values() for target in setup.targets},
        "resource": {"unseen", "low", "high"},
    }
    for spec in question.contrasts:
        for side in (spec.treatment, spec.control or {}):
            for column, asked in side.items():
                named = {asked} if isinstance(asked, str) else set(asked)
                if column == "target":  # the targets of both scales stand side by side
                    assert named & known["target"]
                elif column in known:
                    assert named <= known[column]
    claims = load_claims(study.find("claims", question.claims))
    for claim in claims.claims:
        for check in claim.check:
            groups = {*check.operator.needs().labels} - {""}
            if claim.quantity.by == "variant":
                assert groups <= known["variant"]
        assert {"intermediate", "target"}.isdisjoint(claim.quantity.where), "not on both scales"


def made_up(recipe, effect):
    """Results of every cell of a recipe, where intermediate training adds ``effect`` points."""
    rng = np.random.default_rng(0)
    rows = []
    setups = recipe.setups()
    for label, setup in setups.items():
        names = [BASELINE, *(mixture.name for mixture in setup.mixtures())]
        for name, target, seed in product(names, setup.targets, setup.seeds):
            task = TASKS[target]
            adapted = bool(setup.adapter) and "adapters" in label
            # Setups share the baseline, but for those with adapters, which have their own.
            home = f"adapters={adapted}" if name == BASELINE else label
            run = f"{home}|{name}|{target}|{seed}"
            luck = np.random.default_rng(zlib.crc32(run.encode())).normal(0, 0.5)
            for language in languages_of(setup, task):
                score = 50 + (effect if name != BASELINE else 0) + luck + rng.normal(0, 0.5)
                rows.append(
                    {
                        "study": recipe.name,
                        "model": "m",
                        "recipe": label,
                        "intermediate": name,
                        "target": target,
                        "task_type": task.task_type,
                        "language": language,
                        "metric": task.metric,
                        "seed": seed,
                        "score": score,
                        "run_key": run,
                    }
                )
    frame = pd.DataFrame(rows)
    shared = ["run_key", "language"]
    frame["score"] = frame.groupby(shared)["score"].transform("first")
    return frame


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", ["small", "full"])
def test_every_contrast_and_claim_can_be_answered(name, scale):
    """From a table of the recipe's cells: sides, columns and groups are all there."""
    from xanalysis.claims import verify
    from xanalysis.runner.load import load_recipe

    study = Study.here(__file__)
    question = load_question(study.find("questions", name))
    recipe = load_recipe(study.find("runners", question.at(scale)))
    results = made_up(recipe, effect=3.0)
    for found in answer(question, results):
        assert found.result is not None, found.words
        small_difference = found.spec.control is not None
        assert abs(found.result.estimate - (0.0 if small_difference else 3.0)) < 1.5
    abroad = results[results["language"] != "en"]
    for verdict in verify(study.find("claims", question.claims), [abroad], study=study):
        assert verdict.arithmetic != "cannot-compute", verdict


@pytest.mark.parametrize("name", NAMES)
def test_the_question_as_asked_is_costed_without_data(name, tmp_path, monkeypatch, capsys):
    """Sizes come from publications: nothing is fetched, and what is not known is said."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    arguments = ["study", name, "--source", "files", "--dry-run", "--format", "json"]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    found = json.loads(result.output)
    assert found["recipe"] == load_question(Study.here(__file__).find("questions", name)).full
    assert found["flops"] == 0, "there are no data to train on"
    assert found["card_hours_lacking"] > 5
    assert {"xnli", "mnli"} <= set(found["elsewhere"])
    kinds = found["stages"]
    assert kinds["target"]["lacking_data"] == sum(kinds["target"].values())
    for line in found["unknown"]:
        assert any(task in line for task in ("mewslix", "bucc2018", "ccg", "_r's")), line
    assert any("get it: " in line for line in found["missing"])


def test_the_scale_follows_the_sources():
    def recipe(*given):
        arguments = ["study", "A", "--dry-run", "--format", "json", *given]
        result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        return json.loads(result.output)["recipe"]

    assert recipe() == recipe("--source", "cldr") == "question-a"
    assert recipe("--source", "files") == recipe("--scale", "full") == "question-a-full"
    assert recipe("--source", "files", "--scale", "small") == "question-a"


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
    grid = simulate_grid(effects={"mnli": 4.0}, targets=("xnli",), sd={"gain_target": 0.0})
    file = tmp_path / "grid.csv"
    grid.to_csv(file, index=False)
    args = ["study", "E", "--results", str(file), "-o", str(tmp_path / "out"), "--format", "json"]
    result = CliRunner().invoke(cli, args, catch_exceptions=False)
    content = json.loads(result.output)
    low, every = content["answers"]
    assert low["numbers"]["languages"] == len({"eu", "sw", "te", "tl", "jv", "yo"})
    assert every["numbers"]["languages"] == grid["language"].nunique() - 1
    assert "Per tenfold pretraining text" in every["resource"]
    assert content["verdicts"][0]["id"] == "low-resource-gain"
    assert content["verdicts"][0]["verdict"] == "SUPPORTED"
    assert (tmp_path / "out" / "study-question-e" / "report.html").stat().st_size > 10_000


def test_the_answer_fits_the_terminal(tmp_path):
    """80 columns: a table's columns must not go on in a second block."""
    file = tmp_path / "grid.csv"
    simulate_grid(effects={"mnli": 4.0}, targets=("xnli",), sd={"gain_target": 0.0}).to_csv(
        file, index=False
    )
    args = ["study", "E", "--results", str(file), "-o", str(tmp_path / "out")]
    lines = CliRunner().invoke(cli, args, catch_exceptions=False).output.splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    assert "[bold]" not in "".join(lines)
    heads = [line.split() for line in lines if "points" in line and "high" in line.split()]
    assert [head[-4:] for head in heads] == [["languages", "points", "low", "high"]] * 2
    assert any(line.startswith("SUPPORTED") for line in lines)


def test_listing_and_unknown_names():
    assert "Multilingual against English" in CliRunner().invoke(cli, ["study"]).output
    result = CliRunner().invoke(cli, ["study", "Z"])
    assert isinstance(result.exception, InputError)
