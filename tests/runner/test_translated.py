"""Machine-translated intermediate data: real rows in the layouts they are published in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runner.tiny import make_model
from xanalysis.errors import InputError
from xanalysis.runner.grid import Grid, open_engine, open_grid
from xanalysis.tasks.data import Data

TASKDATA = Path(__file__).parents[3] / "shared" / "taskdata"
pytestmark = pytest.mark.skipif(
    not TASKDATA.is_dir(), reason="the real task data are not beside the repository"
)
RECIPE = """\
model: {model}
profile: quick
intermediates: [mnli]
intermediate_languages: [{languages}]
translated: {translated}
intermediate_size: 40
targets: [cldr-pairs]
languages: [en]
seeds: [0]
baseline: false
sources: [files, cldr]
keep: all
train: {{max_steps: 2, batch_size: 8, max_length: 64, select: best, dev_examples: 8,
  evaluate_every: 2}}
target_size: 16
evaluate: {{limit: 8}}
"""
LABELS = {"contradiction": "contradictory"}  # as XNLI-MT has it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """English MNLI and, in XNLI-MT's layout, rows of XNLI in German and Swahili."""
    data = tmp_path / "data"
    for name in ("mnli_taxinli/taxinli10k.tsv", "snli_mnli_textfooler/mnli_matched"):
        (data / name).parent.mkdir(parents=True)
        (data / name).symlink_to(TASKDATA / name)
    published = {
        "de": "XNLI-MT-1.0/multinli/multinli.train.de.tsv",
        "sw": "translated/sw/mnli_taxinli/taxinli10k.tsv",  # the user's own translations
    }
    for language, name in published.items():
        rows = Data(["files"], TASKDATA).examples("xnli", language, "dev")[:60]
        lines = ["premise\thypo\tlabel"]
        lines += [
            f"{e['text_a']}\t{e['text_b']}\t{LABELS.get(e['label'], e['label'])}" for e in rows
        ]  # type: ignore[typeddict-item]
        (data / name).parent.mkdir(parents=True)
        (data / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return data


def grid(folder: Path, languages: str, translated: bool = True) -> Grid:
    place = folder.parent
    model = place / "model"
    if not model.exists():
        make_model(model)
    recipe = place / "mt.yaml"
    recipe.write_text(
        RECIPE.format(model=model, languages=languages, translated=str(translated).lower())
    )
    return open_grid(str(recipe), store=place / "runs", data=folder)


def test_translated_files_are_what_is_trained_on(folder: Path) -> None:
    made = grid(folder, "de, sw")
    assert made.plan.prints.keys() >= {
        ("mnli", "de", "translated"),
        ("mnli", "sw", "translated"),
        ("mnli", "en", "dev"),  # what selects the checkpoint is not translated
    }
    run = made.run(open_engine("local", made.job, devices=["cpu"]))
    assert run.failed == {}
    key = next(k for k, s in made.plan.stages.items() if s.kind == "intermediate")
    report = json.loads((made.store.path(key) / "training.json").read_text())
    assert report["examples"] == {"mnli": 2 * 40}
    # Other translations are other work.
    file = folder / "XNLI-MT-1.0/multinli/multinli.train.de.tsv"
    file.write_text(file.read_text(encoding="utf-8") + "a\tb\tneutral\n", encoding="utf-8")
    assert key not in grid(folder, "de, sw").plan.stages


def test_translations_that_are_not_there_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no translated examples of mnli in 'fr'") as caught:
        grid(folder, "de, fr")
    assert "translated/fr/mnli/multinli_1.0_train.jsonl" in str(caught.value)


def test_translations_are_never_taken_for_originals(folder: Path) -> None:
    with pytest.raises(InputError, match="no train examples of mnli in 'de'") as caught:
        grid(folder, "de", translated=False)
    assert "'translated: true' for the machine translations that are there" in str(caught.value)
