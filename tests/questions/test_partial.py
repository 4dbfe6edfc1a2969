"""A study whose data are only partly there, on real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runner.tiny import make_model
from xanalysis.cli import main
from xanalysis.results import load_results

TASKDATA = Path(__file__).parents[3] / "shared" / "taskdata"
pytestmark = pytest.mark.skipif(not TASKDATA.is_dir(), reason="the task data are not here")

QUESTION = """\
title: English intermediate training for inference
question: Does it help?
estimand: Mean gain over the baseline without intermediate training.
recipe: real
contrasts:
  - what: English intermediate training in place of none
    treatment: {target: [xnli, americasnli]}
"""
# Social IQa's training file and AmericasNLI's test files are not among the real files;
# CommonsenseQA's, XNLI's and a selection of MNLI's are.
RECIPE = """\
model: MODEL
profile: quick
intermediates: [commonsenseqa, siqa]
targets: [xnli, americasnli]
languages: [en, de, sw, quy]
seeds: [0]
sources: [files]
keep: none
intermediate_size: 16
target_size: 16
train: {max_steps: 2, batch_size: 4, max_length: 48, precision: fp32}
evaluate: {limit: 6, precision: fp32}
"""


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of its own, with a question, a recipe and a model."""
    for name in ("questions", "runners", "claims", "evidence"):
        (tmp_path / name).mkdir()
    (tmp_path / "questions" / "real.yaml").write_text(QUESTION)
    model = make_model(tmp_path / "model")
    (tmp_path / "runners" / "real.yaml").write_text(RECIPE.replace("MODEL", str(model)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_absent_data_are_listed_with_where_to_get_them(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("study", "real", "--data", str(TASKDATA)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    *listed, last = err.splitlines()
    assert last.startswith(
        "xanalysis: data of 2 tasks are not here: americasnli, siqa; expected them, or"
    )
    (siqa,) = (line for line in listed if line.startswith("siqa, train examples in en"))
    assert "siqa/" in siqa
    assert "get it: " in siqa
    (americas,) = (line for line in listed if line.startswith("americasnli, test examples in quy"))
    assert "https://github.com/abteen/americasnli" in americas
    assert not (here / "runs" / "stages").exists(), "nothing was run"


def test_the_rest_is_run_when_asked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--data", str(TASKDATA), "--allow-partial", "--format", "json")
    assert call("study", "real", *arguments) == 0
    out, err = capsys.readouterr()
    assert "siqa, train examples in en" in err
    table = load_results(here / "runs" / "results" / "real.parquet")
    assert set(table["target"]) == {"xnli"}
    assert set(table["intermediate"]) == {"none", "commonsenseqa"}
    content = json.loads(out)
    assert content["answers"][0]["answer"].startswith("English intermediate training in place")


def test_a_question_as_asked_says_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("study", "E", "--source", "files", "--data", str(TASKDATA)) == 2
    err = capsys.readouterr().err
    for task in ("snli", "anli", "qqp", "squad_v1", "hellaswag", "cosmosqa", "americasnli"):
        assert f"{task}, " in err
    assert "commonsenseqa" not in err
