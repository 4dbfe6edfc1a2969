"""The demo's own settings teach its model something: real training, as the recipe says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xanalysis.runner.load import load_recipe
from xanalysis.runner.models import fingerprint, open_model
from xanalysis.runner.planner import make_plan
from xanalysis.runner.spec import EvalSpec, TrainSpec
from xanalysis.runner.training import evaluate, train
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.data import Data

MINI = Path(__file__).parents[2] / "runners" / "mini.yaml"
LANGUAGES = ("en", "ru", "hi")  # in the scripts Latin, Cyrillic and Devanagari


@pytest.mark.parametrize("seed", [0, 1])
def test_fine_tuned_scores_stand_above_chance(tmp_path: Path, seed: int) -> None:
    recipe = load_recipe(MINI).model_copy(
        update={
            "intermediates": (),
            "targets": ("cldr-pairs",),
            "languages": LANGUAGES,
            "seeds": (seed,),
        }
    )
    data = Data(recipe.sources)
    plan = make_plan(recipe, TASKS, data, model_fingerprint=fingerprint(recipe.model))
    training, evaluation = (stage.spec for stage in plan.stages.values())
    assert isinstance(training, TrainSpec)
    assert isinstance(evaluation, EvalSpec)

    def silent(done: int, total: int, text: str = "") -> None: ...

    model, scored = tmp_path / "model", tmp_path / "scored"
    train(
        training,
        start=open_model(recipe.model),
        out=model,
        data=data,
        progress=silent,
        device="cpu",
        scratch=None,
    )
    # More examples than the demo takes: of 24, chance itself reaches far.
    wider = evaluation.model_copy(update={"limit": 200})
    evaluate(wider, checkpoint=model, out=scored, data=data, progress=silent, device="cpu")
    found = json.loads((scored / "scores.json").read_text())["languages"]
    for language in LANGUAGES:
        labels = [e["label"] for e in data.examples("cldr-pairs", language, "test")[:200]]  # type: ignore[typeddict-item]
        # The most frequent label, always given, is the best that can be had without the text.
        chance = 100 * max(map(labels.count, set(labels))) / len(labels)
        assert found[language]["score"] > chance + 4 * found[language]["se"], (language, chance)
