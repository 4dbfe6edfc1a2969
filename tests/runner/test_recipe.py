"""Recipes: read strictly, refused with file and line when they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from xanalysis.errors import InputError
from xanalysis.runner.load import load_recipe
from xanalysis.study import shipped

BASE = """\
model: embedded/e5-small
profile: quick
intermediates: [cldr-pairs]
targets: [cldr-tagging]
languages: [en, de, fi]
seeds: [0]
"""


def recipe(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def test_a_recipe_reads(tmp_path: Path) -> None:
    found = load_recipe(recipe(tmp_path, BASE))
    assert found.name == "mine"
    assert found.model.name == "embedded/e5-small"
    assert found.phases == [
        "intermediate-task training",
        "target-task training",
        "zero-shot evaluation",
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (BASE + "sedes: [1]\n", 7, r"unknown key 'sedes'.*did you mean 'seeds'"),
        (BASE.replace("cldr-pairs]", "cldr-pears]"), 3, r"'cldr-pears'.*did you mean 'cldr-pairs'"),
        (BASE.replace("cldr-tagging]", "cldr-tag]"), 4, r"unknown target task 'cldr-tag'"),
        (BASE.replace("fi]", "f1]"), 5, r"unknown test language 'f1'"),
        (BASE.replace("[0]", "[0, 0]"), 6, r"'0' stands twice"),
        (BASE.replace("[0]", "[]"), 6, r"'seeds'"),
        (BASE.replace("[0]", "zero"), 6, r"'seeds'"),
        (BASE.replace("quick", "quik"), 2, r"'profile' is 'quik'.*did you mean 'quick'"),
        (BASE.replace("cldr-pairs]", "none]"), 3, r"'none' is the baseline"),
        (BASE + "translated: true\n", 7, r"translated data in English are the originals"),
        (BASE + "mlm: {languages: [xx]}\n", 7, r"unknown language 'xx'"),
        (BASE + "few_shot: 3\nfew_shot_split: test\n", 8, r"few_shot_split"),
        (BASE + "split: dev\nfew_shot: 3\nfew_shot_split: dev\n", 9, r"the evaluated split 'dev'"),
        (
            BASE + "few_shot: 3\nfew_shot_split: dev\ntrain: {select: best}\n",
            8,
            r"select its check",
        ),
        (BASE.replace("[0]", "[-1]"), 6, r"'seeds"),
        (BASE + "evaluate: {max_length: 1024}\n", 7, r"reads 512 tokens at most"),
        (
            BASE.replace("embedded/e5-small", "{name: embedded/e5-small, layers: 40}"),
            1,
            "12 layers",
        ),
        (BASE + "evaluate: {limits: {cldr-pears: 9}}\n", 7, r"unknown target 'cldr-pears'"),
        (BASE + "evaluate: {candidates: {cldr-tagging: 9}}\n", 7, r"unknown retrieval target"),
        (BASE + "per_task: {cldr-tags: {epochs: 1}}\n", 7, r"unknown task of this recipe"),
        (
            BASE + "adapter: {method: language_task}\nmlm: {languages: [de]}\n",
            8,
            r"trained by masked language modelling already",
        ),
        (BASE + "variants:\n  big:\n    intermediate_sise: 9\n", 9, r"unknown key"),
        (BASE + "variants:\n  big:\n    intermediates: [cldr-pears]\n", 9, r"did you mean"),
        (BASE + "variants:\n  Big One: {split: dev}\n", 8, r"not a usable name"),
        (BASE + "variants:\n  big: {seeds: [1], seeds: [2]}\n", 8, r"stands twice"),
        (BASE + "intermediates: [cldr-tagging]\n", 7, r"stands twice"),
        (BASE + "train: {epochs: -1}\n", 7, r"train.epochs"),
    ],
)
def test_a_recipe_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    path = recipe(tmp_path, text)
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}:{line}:")


def test_variants_merge_nested_fields(tmp_path: Path) -> None:
    text = BASE + "train: {max_steps: 9, batch_size: 4}\n"
    text += "variants:\n  long: {train: {max_steps: 99}}\n  deep: {model: {layers: 3}}\n"
    setups = load_recipe(recipe(tmp_path, text)).setups()
    assert setups["mine/long"].train.max_steps == 99
    assert setups["mine/long"].train.batch_size == 4
    assert setups["mine/deep"].model.layers == 3
    assert setups["mine/deep"].model.name == "embedded/e5-small"
    assert setups["mine"].train.max_steps == 9


@pytest.mark.parametrize("name", sorted(p.stem for p in (shipped() / "runners").glob("*.yaml")))
def test_shipped_recipes_read(name: str) -> None:
    assert load_recipe(shipped() / "runners" / f"{name}.yaml").targets


def test_stilts_is_the_papers_grid() -> None:
    found = load_recipe(shipped() / "runners" / "stilts.yaml")
    assert len(found.intermediates) == 10
    assert [m.name for m in found.mixtures() if len(m.tasks) > 1] == ["multi"]
    assert len(found.targets) == 9
    assert found.seeds == (0, 1, 2)
    assert found.profile == "jiant"
    assert found.model.name == "FacebookAI/xlm-roberta-large"
    assert len(found.phases) == 3
