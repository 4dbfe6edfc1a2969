"""Plans: equal work merged, keys that change with everything that matters and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runner.work import TASKS, Prints, plan
from xanalysis.errors import InputError
from xanalysis.runner.plan import Plan
from xanalysis.runner.planner import make_plan
from xanalysis.runner.recipe import Recipe
from xanalysis.runner.schedule import Schedule


def test_equal_work_is_done_once() -> None:
    made = plan()
    # 2 intermediates serve both seeds; XQuAD and MLQA share the SQuAD fine-tune.
    assert made.count("intermediate") == 2
    assert made.count("target") == 3 * 2 * 2
    assert made.naive["intermediate"] == 2 * 4 * 2
    assert made.naive["target"] == 3 * 3 * 2
    # Untrained retrieval has one score per intermediate, not one per seed.
    assert sum(cell.target == "tatoeba" for cell in made.cells) == 3
    assert [c.seed for c in made.cells if c.target == "tatoeba"] == [None, 0, 0]
    assert len({cell.key for cell in made.cells}) == made.count("evaluate")


def test_paired_intermediate_seeds() -> None:
    made = plan(intermediate_seeds="paired")
    assert made.count("intermediate") == 4
    assert sum(cell.target == "tatoeba" for cell in made.cells) == 1 + 2 * 2


def test_parents_come_before_children() -> None:
    made = plan()
    seen: set[str] = set()
    for key, stage in made.stages.items():
        assert set(stage.needs) <= seen
        seen.add(key)


def test_keys_are_stable_and_follow_what_matters() -> None:
    first = plan()
    assert list(first.stages) == list(plan().stages)
    # Where a run happens, what it is called and what is kept does not change a number.
    assert list(first.stages) == list(plan(name="other", title="x", keep="all").stages)

    def changed(other: Plan) -> set[str]:
        return {first.stages[k].kind for k in set(first.stages) - set(other.stages)}

    assert changed(plan(Prints("mnli/en/train"))) == {"intermediate", "target", "evaluate"}
    assert changed(plan(Prints("xnli/sw/test"))) == {"evaluate"}
    gone = set(first.stages) - set(plan(Prints("xnli/sw/test")).stages)
    assert all(first.stages[key].spec.task == "xnli" for key in gone)  # type: ignore[union-attr]
    assert not set(first.stages) & set(plan(model={"name": "other"}).stages)
    assert set(first.stages) & set(plan(target_train={"max_steps": 7}).stages)


def test_a_models_fingerprint_is_in_the_first_stage() -> None:
    recipe = Recipe.model_validate(
        {"name": "r", "profile": "quick", "targets": ["xnli"], "seeds": [0]}
    )
    one = make_plan(recipe, TASKS, Prints(), model_fingerprint="a")
    two = make_plan(recipe, TASKS, Prints(), model_fingerprint="b")
    assert not set(one.stages) & set(two.stages)


def test_variants_share_what_they_do_not_change() -> None:
    base = plan()
    made = plan(variants={"small": {"intermediate_size": 1000}})
    # New: two smaller intermediates and what follows them; the baseline is shared.
    assert made.count("intermediate") == 4
    assert made.count("target") - base.count("target") == 2 * 2 * 2
    assert {cell.recipe for cell in made.cells} == {"small", "small/small"}
    baseline = {
        name: {c.key for c in made.cells if c.recipe == name and c.intermediate == "none"}
        for name in ("small", "small/small")
    }
    assert baseline["small"] == baseline["small/small"]


def test_variant_fields_reach_the_stages() -> None:
    made = plan(
        targets=["panx"],
        seeds=[0],
        intermediates=[{"name": "multi", "tasks": ["mnli", "squad_v1"]}],
        variants={
            "mlm": {"mlm": {"languages": ["de", "sw"]}},
            "translated": {"intermediate_languages": ["de"], "translated": True},
            "stacked": {"adapter": {"method": "language_task", "language_steps": 5}},
            "shots": {"few_shot": 4},
            "stacked-shots": {
                "few_shot": 4,
                "adapter": {"method": "language_task", "language_steps": 5},
            },
            "pruned": {"model": {"layers": 3}},
        },
    )
    by_recipe = {
        (c.recipe.partition("/")[2], c.intermediate): made.stages[c.key] for c in made.cells
    }

    def line(variant: str, intermediate: str = "multi") -> list[Any]:
        evaluation = by_recipe[variant, intermediate]
        target = made.stages[evaluation.start or ""]
        first = made.stages[target.start] if target.start else None
        return [evaluation, target, first]

    _, _, multi = line("")
    assert [d.task for d in multi.spec.data] == ["mnli", "squad_v1"]
    assert multi.spec.sampling == "proportional"
    assert line("mlm")[2].spec.mlm.languages == ("de", "sw")
    assert {(d.language, d.translated) for d in line("translated")[2].spec.data} == {("de", True)}
    evaluation, target, _ = line("stacked")
    assert dict(evaluation.adapters).keys() == {"en", "de", "sw"}
    assert dict(target.adapters).keys() == {"en"}
    assert made.count("adapt") == 3
    assert {(d.language, d.size) for d in line("shots")[1].spec.data} == {
        ("en", None),
        ("de", 4),
        ("sw", 4),
    }
    # Every language that is trained on has its language adapter.
    assert dict(line("stacked-shots")[1].adapters).keys() == {"en", "de", "sw"}
    assert line("pruned")[1].model.layers == 3


def test_single_targets_have_their_own_limit() -> None:
    made = plan(evaluate={"limit": 50, "limits": {"tatoeba": 300}})
    limits = {cell.target: made.stages[cell.key].spec.limit for cell in made.cells}
    assert limits.pop("tatoeba") == 300
    assert set(limits.values()) == {50}


def test_single_targets_have_their_own_number_of_candidates() -> None:
    made = plan(evaluate={"limit": 50, "candidates": {"tatoeba": 100}})
    found = {cell.target: made.stages[cell.key].spec.candidates for cell in made.cells}
    assert found.pop("tatoeba") == 100
    assert set(found.values()) == {None}


def test_what_is_done_is_not_needed_again() -> None:
    made = plan()
    everything = list(made.stages)
    assert made.needed([]) == everything
    evaluations = [k for k in everything if made.stages[k].kind == "evaluate"]
    # All scores are there: no checkpoint is needed, even if all were dropped.
    assert made.needed(evaluations) == []
    # One score is missing: only the line that leads to it runs.
    missing = next(k for k in evaluations if made.stages[k].title.startswith("mnli → xnli, seed 1"))
    left = made.needed(set(evaluations) - {missing})
    assert [made.stages[k].kind for k in left] == ["intermediate", "target", "evaluate"]


def test_missing_data_refuse_or_block() -> None:
    with pytest.raises(InputError, match="mnli/en/train is not there"):
        plan(Prints(missing="mnli/en/train"))
    made = plan(Prints(missing="squad_v1/en/train"), allow_missing=True)
    assert made.missing == ["squad_v1/en/train is not there"]
    left = [made.stages[k] for k in made.needed([])]
    assert {stage.title.split(" → ")[0].split(",")[0] for stage in left} == {"none", "mnli"}
    assert not any(stage.title.endswith("squad_v1, seed 0") for stage in left)
    # A test language without data is left out of the evaluation.
    partial = plan(Prints(missing="xnli/sw/test"), allow_missing=True)
    spec = next(s.spec for s in partial.stages.values() if "xnli" in s.title and s.start)
    assert partial.blocked == set()
    assert spec is not None
    languages = {
        s.spec.languages
        for s in partial.stages.values()
        if s.kind == "evaluate" and s.spec.task == "xnli"  # type: ignore[union-attr]
    }
    assert languages == {("en", "de")}


def test_schedule_gives_each_stage_once_and_in_order() -> None:
    made = plan()
    schedule = Schedule(made, made.needed([]))
    done: list[str] = []
    while (key := schedule.pop()) is not None:
        assert all(parent in done for parent in made.stages[key].needs)
        done.append(key)
        schedule.finish(key)
    assert sorted(done) == sorted(made.stages)
    # Scores as early as possible: an evaluation follows its training at once.
    kinds = [made.stages[key].kind for key in done]
    assert kinds[0] == "evaluate"  # the untrained baseline of sentence retrieval
    for i, key in enumerate(done[:-1]):
        if made.stages[key].kind == "target":
            assert kinds[i + 1] == "evaluate"


def test_schedule_skips_what_depends_on_a_failure() -> None:
    made = plan()
    schedule = Schedule(made, made.needed([]))
    key = next(k for k, s in made.stages.items() if s.kind == "intermediate")
    lost = schedule.fail(key)
    assert {made.stages[k].kind for k in lost} == {"target", "evaluate"}
    left = []
    while (ready := schedule.pop()) is not None:
        if ready == key:
            continue
        left.append(ready)
        schedule.finish(ready)
    assert set(left) == set(made.stages) - {key} - set(lost)
    assert not schedule.left
