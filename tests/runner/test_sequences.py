"""Targets whose training is a sequence of tasks: XCOPA on Social IQa, then on COPA."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.tiny import make_model
from xanalysis.errors import InputError
from xanalysis.runner.grid import Grid, open_engine, open_grid
from xanalysis.runner.load import load_recipe
from xanalysis.runner.planner import make_plan
from xanalysis.runner.provenance import describe
from xanalysis.runner.recipe import Recipe
from xanalysis.runner.spec import TrainSpec
from xanalysis.tasks.catalogue import TASKS

TASKDATA = Path(__file__).parents[3] / "shared" / "taskdata"
real = pytest.mark.skipif(
    not TASKDATA.is_dir(), reason="the real task data are not beside the repository"
)
RECIPE = """\
model: {model}
profile: quick
targets: [xcopa]
languages: [et, qu]
seeds: [0]
sources: [files]
splits: {{siqa: {{train: "dev[:100]"}}}}
keep: all
target_size: 16
train: {{max_steps: 1, batch_size: 8, max_length: 64, learning_rate: 1e-12, precision: fp32}}
evaluate: {{limit: 8, precision: fp32}}
{more}
"""


class Prints:
    def fingerprint(self, task: str, language: str, split: str) -> str:
        return f"{task}/{language}/{split}"


def grid(folder: Path, data: Path, more: str = "", partial: bool = False) -> Grid:
    if not (folder / "model").exists():
        make_model(folder / "model")
    recipe = folder / "copa.yaml"
    recipe.write_text(RECIPE.format(model=folder / "model", more=more))
    return open_grid(str(recipe), store=folder / "runs", data=data, allow_missing=partial)


def test_each_task_goes_on_from_the_one_before() -> None:
    recipe = Recipe.model_validate(
        {"name": "r", "profile": "xtreme", "targets": ["xcopa"], "seeds": [0, 1]}
    )
    plan = make_plan(recipe, TASKS, Prints())
    assert [s.title for s in plan.stages.values() if "seed 0" in s.title] == [
        "none → siqa, seed 0",
        "none → copa, seed 0",
        "none → xcopa, seed 0: evaluate",
    ]
    first, second, evaluation = list(plan.stages.values())[:3]
    assert isinstance(first.spec, TrainSpec)
    assert isinstance(second.spec, TrainSpec)
    assert (second.start, evaluation.start) == (first.key, second.key)
    assert (first.spec.head_from, second.spec.head_from) == (None, "siqa")
    assert evaluation.spec.head == "copa"  # type: ignore[union-attr]
    # The benchmark's 5 + 5 epochs with 3e-5.
    assert {(s.epochs, s.learning_rate) for s in (first.spec, second.spec)} == {(5, 3e-5)}
    assert plan.naive["target"] == 4
    assert plan.notes == []


def test_another_sequence_is_told() -> None:
    settings = {"name": "r", "profile": "xtreme", "targets": ["xcopa"], "seeds": [0]}
    usual = make_plan(Recipe.model_validate(settings), TASKS, Prints())
    alone = make_plan(
        Recipe.model_validate(settings | {"train_on": {"xcopa": ["siqa"]}}), TASKS, Prints()
    )
    assert alone.notes == ["r: xcopa is trained on siqa, not on siqa, then copa"]
    assert alone.count("target") == 1
    # The same first training, and an evaluation of its own.
    assert [k for k in alone.stages if k in usual.stages] == [next(iter(usual.stages))]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{xnli: [mnli]}", "unknown target 'xnli'"),
        ("{xcopa: [siga]}", "unknown task 'siga'.*did you mean 'siqa'"),
        ("{xcopa: [squad_v1]}", "'squad_v1' trains another head than 'xcopa' needs"),
        ("{xcopa: []}", "train_on"),
    ],
)
def test_impossible_sequences_are_refused(tmp_path: Path, given: str, message: str) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(f"targets: [xcopa]\nprofile: xtreme\ntrain_on: {given}\n")
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(file)
    assert caught.value.line == 3


@real
def test_the_head_is_trained_further(tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from torch import allclose

    made = grid(tmp_path, TASKDATA)
    run = made.run(open_engine("local", made.job, devices=["cpu"]))
    assert run.failed == {}
    first, second, _ = made.plan.stages
    before, after = (
        load_file(made.store.path(key) / "heads" / f"{name}.safetensors")
        for key, name in ((first, "siqa"), (second, "copa"))
    )
    # At this learning rate one step changes nothing that can be seen: the head is the first's.
    assert before.keys() == after.keys()
    assert all(allclose(before[name], after[name], atol=1e-9) for name in before)
    assert (made.store.root / "results" / "copa.parquet").is_file()


@real
def test_without_copa_the_way_out_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("siqa", "xcopa"):
        (data / name).symlink_to(TASKDATA / name)
    with pytest.raises(InputError, match="no train examples of copa in 'en'"):
        grid(tmp_path, data)
    lacking = grid(tmp_path, data, partial=True)
    assert lacking.plan.notes == ["to train xcopa on siqa alone: train_on: {xcopa: [siqa]}"]
    made = grid(tmp_path, data, "train_on: {xcopa: [siqa]}")
    run = made.run(open_engine("local", made.job, devices=["cpu"]))
    assert run.failed == {}
    told = describe(made.plan, [c.key for c in made.plan.cells], made.store, made.known.provenance)
    assert told["notes"] == ["copa: xcopa is trained on siqa, not on siqa, then copa"]
