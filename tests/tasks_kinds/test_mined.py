"""BUCC from its original files to scores.json: the threshold never comes from what it scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks_kinds.tiny import WORDS, encoder, tokenizer
from xanalysis.errors import InputError
from xanalysis.runner.spec import DataSpec, EvalSpec, reads
from xanalysis.runner.training import evaluate
from xanalysis.runner.training.streams import subset
from xanalysis.tasks.data import Data


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    encoder().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def write(data: Path, split: str, *, seed: int, gold: int = 30, noise: int = 2) -> list[int]:
    """60 German and 80 English sentences, ``gold`` of them pairs with ``noise`` words of 8 changed.

    Returns:
        German line numbers that have a translation.
    """
    random = np.random.default_rng(seed)
    folder = data / "bucc2018"
    folder.mkdir(parents=True, exist_ok=True)
    german = random.choice(WORDS, (60, 8))
    english = random.choice(WORDS, (80, 8))
    true = sorted(random.choice(60, gold, replace=False).tolist())
    for target, source in enumerate(true):
        changed = german[source].copy()
        changed[random.choice(8, noise, replace=False)] = random.choice(WORDS, noise)
        english[target] = changed
    for code, rows in (("de", german), ("en", english)):
        lines = (f"{code}-{n:09}\t{' '.join(words)}\n" for n, words in enumerate(rows))
        (folder / f"de-en.{split}.{code}").write_text("".join(lines), encoding="utf-8")
    pairs = (f"de-{source:09}\ten-{target:09}\n" for target, source in enumerate(true))
    (folder / f"de-en.{split}.gold").write_text("".join(pairs), encoding="utf-8")
    return true


def score(model: Path, data: Path, out: Path, split: str, **given: Any) -> dict[str, Any]:
    evaluate(
        EvalSpec(task="bucc2018", languages=("de",), split=split, precision="fp32", max_length=32),
        checkpoint=model,
        out=out,
        data=Data(("files",), data, **given),
        progress=lambda done, total, text="": None,
        device="cpu",
    )
    found = json.loads((out / "scores.json").read_text(encoding="utf-8"))["languages"]["de"]
    return dict(found)


def drop_gold(data: Path, split: str, gone: set[int]) -> None:
    """Take the gold pairs of some German lines away."""
    path = data / "bucc2018" / f"de-en.{split}.gold"
    kept = [
        line
        for line in path.read_text().splitlines(keepends=True)
        if int(line.split("\t")[0].removeprefix("de-")) not in gone
    ]
    path.write_text("".join(kept))


def test_the_threshold_of_test_is_that_of_dev(model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data, "dev", seed=1)
    true = write(data, "test", seed=2)
    found = score(model, data, tmp_path / "one", "test")
    assert found["tuned_on"] == "dev"
    assert found["score"] > 50
    # Fewer gold pairs in test change its score and nothing about the threshold.
    drop_gold(data, "test", set(true[:20]))
    fewer = score(model, data, tmp_path / "two", "test")
    assert fewer["thresholds"] == found["thresholds"]
    assert fewer["score"] < found["score"]
    # Other gold pairs in dev change the threshold.
    write(data, "dev", seed=1, noise=6)
    other = score(model, data, tmp_path / "three", "test")
    assert other["thresholds"] != fewer["thresholds"]


def test_every_layer_has_its_own_threshold_and_score(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "data", "dev", seed=1)
    write(tmp_path / "data", "test", seed=2)
    found = score(model, tmp_path / "data", tmp_path / "out", "test")
    layers = found["by_layer"]
    assert [row["layer"] for row in layers] == [0, 1, 2]
    official = layers[round(14 / 24 * 2)]
    assert official["f1"] == found["score"]
    assert official["thresholds"] == found["thresholds"]
    assert len({tuple(row["thresholds"]) for row in layers}) == 3


def test_of_dev_alone_each_half_is_cut_at_the_threshold_of_the_other(
    model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    true = write(data, "dev", seed=1)
    found = score(model, data, tmp_path / "one", "dev")
    assert found["tuned_on"] == "the other half of the same set's queries"
    even, odd = found["thresholds"]
    assert found["n_examples"] == 60
    assert found["score"] > 50
    # The even lines' own gold pairs do not move the threshold they are cut at.
    drop_gold(data, "dev", {n for n in true if n % 2 == 0 and n > 10})
    fewer = score(model, data, tmp_path / "two", "dev")
    assert fewer["thresholds"][0] == even
    assert fewer["thresholds"][1] != odd


def test_dev_standing_for_test_is_no_held_out_dev(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "data", "dev", seed=1)
    given = {"splits": {"bucc2018": {"test": "dev"}}}
    found = score(model, tmp_path / "data", tmp_path / "out", "test", **given)
    assert found["tuned_on"] == "the other half of the same set's queries"


def test_test_without_dev_is_refused(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "data", "test", seed=2)
    with pytest.raises(InputError, match="no dev examples of bucc2018 in 'de'"):
        score(model, tmp_path / "data", tmp_path / "out", "test")
    assert not (tmp_path / "out").exists()


def test_a_dev_set_without_gold_pairs_is_refused(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "data", "dev", seed=1, gold=0)
    write(tmp_path / "data", "test", seed=2)
    with pytest.raises(InputError, match="no gold pairs to tune"):
        score(model, tmp_path / "data", tmp_path / "out", "test")


def test_a_plan_knows_that_test_reads_dev() -> None:
    spec = EvalSpec(task="bucc2018", languages=("de",))
    assert set(reads(spec)) == {("bucc2018", "de", "test"), ("bucc2018", "de", "dev")}
    assert list(reads(EvalSpec(task="tatoeba", languages=("de",)))) == [("tatoeba", "de", "test")]


def test_a_subset_for_a_dual_encoder_has_so_many_questions_and_their_sentences(
    tmp_path: Path,
) -> None:
    (tmp_path / "squad").mkdir()
    passages = [
        {
            "context": f"One. Two is {n}.",
            "qas": [
                {"id": f"q{n}", "question": "?", "answers": [{"text": "Two", "answer_start": 5}]}
            ],
        }
        for n in range(20)
    ]
    path = tmp_path / "squad" / "train-v1.1.json"
    path.write_text(json.dumps({"data": [{"paragraphs": passages}]}), encoding="utf-8")
    part = DataSpec(task="squad_sentences", size=6)
    chosen: list[Any] = subset(part, Data(("files",), tmp_path), seed=0)
    asked = [e for e in chosen if e["side"] == "query"]
    there = {e["id"] for e in chosen if e["side"] == "candidate"}
    assert len(asked) == 6
    assert all(set(e["gold"]) <= there for e in asked)
