from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tests.training.conftest import LANGUAGES, TASKS, ToyData, silent
from xanalysis.errors import InputError
from xanalysis.runner.spec import AdapterSpec, DataSpec, EvalSpec, MlmSpec, TrainSpec
from xanalysis.runner.training import evaluate, train
from xanalysis.runner.training.scoring import standard_error
from xanalysis.tasks.metrics import METRICS


def trained(start: Path, out: Path, data: ToyData, **changes: Any) -> Path:
    given = {
        "data": (DataSpec(task="pairs"), DataSpec(task="tags")),
        "max_steps": 30,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "max_length": 40,
    }
    given |= {"data": changes.pop("parts")} if "parts" in changes else {}
    adapters = changes.pop("adapters", None)
    train(
        TrainSpec.model_validate(given | changes),
        start=start,
        out=out,
        data=data,
        progress=silent,
        device="cpu",
        scratch=None,
        tasks=TASKS,
        adapters=adapters,
    )
    return out


def scores(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "scores.json").read_text()))


def ask(task: str = "pairs", **changes: Any) -> EvalSpec:
    given = {"task": task, "languages": LANGUAGES, "max_length": 40}
    return EvalSpec.model_validate(given | changes)


def replace(spec: EvalSpec, **changes: Any) -> EvalSpec:
    return spec.model_copy(update=changes)


def run(specs: list[EvalSpec], checkpoint: Path, outs: list[Path], data: Any, **given: Any) -> None:
    given = {"progress": silent, "device": "cpu", "tasks": TASKS} | given
    for spec, out in zip(specs, outs, strict=True):
        evaluate(spec, checkpoint=checkpoint, out=out, data=data, **given)


def test_scores_predictions_and_errors_per_language(
    tiny: Path, tmp_path: Path, data: ToyData
) -> None:
    data.sizes["pairs"] = 250
    checkpoint = trained(tiny, tmp_path / "model", data, max_steps=120)
    evaluate(
        ask(),
        checkpoint=checkpoint,
        out=tmp_path / "scores",
        data=data,
        progress=silent,
        device="cpu",
        tasks=TASKS,
    )
    found = scores(tmp_path / "scores")
    assert found["metric"] == found["official"] == "accuracy"
    assert list(found["languages"]) == sorted(LANGUAGES)
    english = found["languages"]["en"]
    assert english["score"] > 80 > found["languages"]["fi"]["score"]
    assert english["n_examples"] == 250
    frame = pd.read_parquet(tmp_path / "scores/predictions/en.parquet")
    gold = [e["label"] for e in data.examples("pairs", "en", "test")]
    right = [json.loads(p) == g for p, g in zip(frame["prediction"], gold, strict=True)]
    assert english["score"] == pytest.approx(100 * np.mean(right))
    assert frame["score"].tolist() == [100.0 * r for r in right]
    assert english["se"] == pytest.approx(100 * np.std(right, ddof=1) / np.sqrt(250))


def test_one_stream_of_all_languages_and_one_model_for_all_targets(
    tiny: Path, tmp_path: Path, data: ToyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = trained(tiny, tmp_path / "model", data)
    streams: list[int] = []
    opened: list[Path] = []
    # The package's function of the same name hides the module.
    module: Any = import_module("xanalysis.runner.training.evaluate")
    run_tables, open_encoder = module.run_tables, module.open_encoder

    def counted(*given: Any, **named: Any) -> Any:
        streams.append(len(given[3]))
        return run_tables(*given, **named)

    def seen(folder: Path, device: str) -> Any:
        opened.append(folder)
        return open_encoder(folder, device)

    monkeypatch.setattr(module, "run_tables", counted)
    monkeypatch.setattr(module, "open_encoder", seen)
    module.forget()
    specs = [replace(s, precision="fp32") for s in (ask(), ask(split="dev"), ask("tags"))]
    done: list[tuple[int, int]] = []
    together = [tmp_path / name for name in "abc"]
    run(specs, checkpoint, together, data, progress=lambda a, b, text: done.append((a, b)))
    assert streams == [3, 3, 3]
    assert opened == [checkpoint]
    assert done[-1][0] == done[-1][1]
    for spec, out in zip(specs, together, strict=True):
        module.forget()
        alone = tmp_path / f"{out.name}-alone"
        run([spec], checkpoint, [alone], data)
        files = [f.relative_to(out) for f in out.rglob("*") if f.name != "timing.json"]
        for name in files:  # to the last bit, whatever was evaluated before
            assert (out / name).is_dir() or (out / name).read_bytes() == (alone / name).read_bytes()
        for language in LANGUAGES:
            single = tmp_path / f"{out.name}-{language}"
            run([replace(spec, languages=(language,))], checkpoint, [single], data)
            assert scores(single)["languages"][language] == scores(out)["languages"][language]
    assert len(opened) == 4
    # A checkpoint that was written anew in the same place is opened anew.
    trained(tiny, checkpoint, data, max_steps=31)
    run([ask()], checkpoint, [tmp_path / "again"], data)
    assert len(opened) == 5


def test_tagging_scores_by_entity_with_a_bootstrap_error(
    tiny: Path, tmp_path: Path, data: ToyData
) -> None:
    checkpoint = trained(tiny, tmp_path / "model", data, max_steps=60)
    run([ask("tags", languages=("en", "fi"))], checkpoint, [tmp_path / "s"], data)
    found = scores(tmp_path / "s")["languages"]
    assert found["en"]["score"] > 60 > found["fi"]["score"]
    assert 0 < found["fi"]["se"] < 10
    frame = pd.read_parquet(tmp_path / "s/predictions/fi.parquet")
    assert frame["score"].isna().all()  # F1 is no mean over sentences


def test_bootstrap_error_of_a_mean_is_its_analytic_one() -> None:
    counts = np.random.default_rng(0).integers(0, 2, (400, 1)).astype(float)
    counts = np.hstack([counts, np.ones((400, 1))])
    analytic = standard_error(METRICS["accuracy"], counts)

    class AsIfNoMean(type(METRICS["accuracy"])):  # type: ignore[misc]
        is_mean = False

    assert standard_error(AsIfNoMean(), counts) == pytest.approx(analytic, rel=0.1)
    assert standard_error(METRICS["accuracy"], counts[:1]) is None


def test_a_checkpoint_without_the_head_is_refused(
    tiny: Path, tmp_path: Path, data: ToyData
) -> None:
    checkpoint = trained(tiny, tmp_path / "model", data)
    with pytest.raises(InputError, match="no head for task 'other'"):
        run([ask("other")], checkpoint, [tmp_path / "s"], data)
    assert not (tmp_path / "s").exists()
    with pytest.raises(InputError, match="checkpoint"):
        run([ask()], tmp_path / "nowhere", [tmp_path / "s"], data)


def adapt(tiny: Path, tmp_path: Path, data: ToyData, language: str) -> Path:
    return trained(
        tiny,
        tmp_path / f"adapter-{language}",
        data,
        parts=(),
        mlm=MlmSpec(languages=(language,), probability=1.0),
        adapter=AdapterSpec(method="language_task", rank=4),
    )


def test_language_adapters_are_swapped_at_evaluation(
    tiny: Path, tmp_path: Path, data: ToyData
) -> None:
    adapters = {language: adapt(tiny, tmp_path, data, language) for language in ("en", "de")}
    assert not (adapters["de"] / "model.safetensors").exists()
    checkpoint = trained(
        tiny,
        tmp_path / "task",
        data,
        parts=(DataSpec(task="pairs"),),
        adapter=AdapterSpec(method="language_task", rank=4),
        adapters={"en": adapters["en"]},
    )
    before, after = (
        load_file(tiny / "model.safetensors"),
        load_file(checkpoint / "model.safetensors"),
    )
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    asked = ask(languages=("en", "de"))
    run([asked], checkpoint, [tmp_path / "own"], data, adapters=adapters)
    swapped = {"en": adapters["en"], "de": adapters["en"]}
    run([asked], checkpoint, [tmp_path / "english"], data, adapters=swapped)
    own, english = scores(tmp_path / "own"), scores(tmp_path / "english")
    assert own["languages"]["en"] == english["languages"]["en"]
    logits = [_first_hidden(checkpoint, adapters, g) for g in ("en", "de")]
    assert not torch.allclose(*logits)
    with pytest.raises(InputError, match="language adapter for 'fi'"):
        run([ask(languages=("fi",))], checkpoint, [tmp_path / "x"], data, adapters=adapters)


def _first_hidden(checkpoint: Path, adapters: dict[str, Path], language: str) -> torch.Tensor:
    from xanalysis.runner.training.adapters import merged
    from xanalysis.runner.training.opening import open_encoder

    model: Any = open_encoder(checkpoint, "cpu")
    before = {name: p.clone() for name, p in model.named_parameters()}
    with merged(model, checkpoint, adapters, language), torch.inference_mode():
        hidden = model(input_ids=torch.tensor([[0, 9, 2]])).last_hidden_state[0, 0].clone()
    after = dict(model.named_parameters())
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    return hidden


def test_lora_checkpoints_are_merged_and_ordinary(
    tiny: Path, tmp_path: Path, data: ToyData
) -> None:
    checkpoint = trained(tiny, tmp_path / "lora", data, adapter=AdapterSpec(rank=4))
    before, after = (
        load_file(tiny / "model.safetensors"),
        load_file(checkpoint / "model.safetensors"),
    )
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(".query." in n or ".key." in n or ".value." in n or ".dense." in n for n in changed)
    difference = (
        after["encoder.layer.0.attention.self.query.weight"]
        - (before["encoder.layer.0.attention.self.query.weight"])
    )
    assert torch.linalg.matrix_rank(difference, atol=1e-5) <= 4
    run([ask()], checkpoint, [tmp_path / "s"], data)
    assert scores(tmp_path / "s")["languages"]["en"]["n_examples"] == 40
