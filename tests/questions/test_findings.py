from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xanalysis.questions.findings import Findings, page, table
from xanalysis.questions.record import load_question
from xanalysis.results.simulate import simulate_grid
from xanalysis.study import Study

LANGUAGES = ("en", "de", "fr", "ru", "hi", "fi", "tr", "ar", "zh", "th", "sw", "ta")


@pytest.fixture(scope="module")
def found() -> Findings:
    study = Study.here(__file__)
    grid = simulate_grid(
        effects={"mnli": 4.0, "squad_v1": 1.0, "multi": 5.0},
        targets=["xnli", "udpos", "xquad", "tatoeba"],
        languages=LANGUAGES,
        seeds=3,
        sd={"run": 0.5},
    )
    provenance = {
        "notes": ["a note"],
        "environments": [{"hardware": "a CPU", "threads": 1, "torch": "2", "xanalysis": "0"}],
        "stages": {
            "a": {"kind": "target", "seconds": 1800.0},
            "b": {"kind": "evaluate", "seconds": 1800.0},
        },
    }
    return Findings(grid, load_question(study.find("questions", "replication")), study, provenance)


@pytest.fixture(scope="module")
def text(found: Findings) -> str:
    return page(found, Path("evidence/grids/x.parquet"))


def test_the_page_has_every_target_and_intermediate_once_in_its_table(text: str) -> None:
    for name in ("xnli", "udpos", "xquad", "tatoeba", "mnli", "squad_v1", "multi"):
        assert len(re.findall(rf"^\| {name} \|", text, flags=re.MULTILINE)) == 1


def test_numbers_are_those_of_the_grid(found: Findings, text: str) -> None:
    abroad = found.table[found.table["language"] != "en"]
    base = abroad[(abroad["intermediate"] == "none") & (abroad["target"] == "xnli")]
    row = next(line for line in text.splitlines() if line.startswith("| xnli |"))
    assert row.split("|")[4].strip() == f"{base['score'].mean():.1f}"
    assert found.intermediates.set_index("intermediate").loc["mnli", "low"] > 2
    assert "1 trainings and 1 evaluations\n(1.0 hours of work on a CPU, 1 thread" in text
    assert "- a note" in text


def test_interaction_leaves_out_types_of_few_languages(found: Findings) -> None:
    whole = found.interaction
    assert whole is not None
    assert len(whole[1]) == 4
    rare = (found.table["target"] == "tatoeba") & ~found.table["language"].isin(["en", "de", "fi"])
    cut = Findings(found.table[~rare], found.question, found.study, found.provenance).interaction
    assert cut is not None
    assert cut[1] == [name for name in whole[1] if name != "retrieval"]


def test_nothing_is_left_open_or_unescaped(text: str) -> None:
    assert not re.search(r"\bnan\b|None|Undefined|\{\{|\\<br>", text)
    widths = [line.replace("\\|", "").count("|") for line in text.splitlines() if line[:1] == "|"]
    assert min(widths) > 3  # a row that a bar had broken would be short


def test_claims_are_judged_as_a_replication(found: Findings, text: str) -> None:
    judged = {verdict.id: verdict.replication for verdict in found.verdicts}
    assert judged["multi-task-best"] is not None
    assert "Multi-task training gains more than any of its tasks alone" in text


def test_the_first_lines_say_the_answer_and_how_many_claims_it_bears_on(
    found: Findings, text: str
) -> None:
    short = text.split("## What was run")[0]
    assert found.answers[0].words in short
    said = [verdict.replication for verdict in found.verdicts]
    assert f"agrees with {said.count('SUPPORTED')}, disagrees with {said.count('REFUTED')}" in short
    means = found.targets.set_index("target")["gain"]
    assert f"({means.idxmin()}) to {means.max():+.1f} ({means.idxmax()})" in short


def test_scores_of_degenerate_runs_are_left_out_to_see_what_they_did(found: Findings) -> None:
    assert found.collapsed.startswith("0 of ")
    assert found.learnt.words == found.answers[0].words
    weak = found.table.assign(degenerate=found.table["intermediate"] == "squad_v1")
    other = Findings(weak, found.question, found.study, found.provenance)
    kept = weak[~weak["degenerate"]]
    assert other.learnt.result is not None
    runs = kept.groupby(["intermediate", "target", "seed"]).ngroups
    assert other.learnt.result.runs == runs < found.answers[0].result.runs


def test_a_table_escapes_what_would_break_it() -> None:
    frame = pd.DataFrame({"name": ["a|b<c"], "low": [np.nan], "high": [1.0], "x": [-0.04]})
    lines = table(frame, ("name", "n", "text"), ("low", "i", "interval"), ("x", "x", "gain"))
    assert lines.splitlines()[2] == r"| a\|b\<c | – | 0.0 |"


def test_the_command_writes_the_page(tmp_path: Path, found: Findings, monkeypatch) -> None:
    from xanalysis.questions import findings

    file = tmp_path / "grid.parquet"
    found.table.to_parquet(file)
    file.with_name("grid.provenance.json").write_text(json.dumps(found.provenance))
    monkeypatch.setattr("sys.argv", ["findings", str(file), "-o", str(tmp_path / "page.md")])
    findings.main()
    assert "# Findings" in (tmp_path / "page.md").read_text()


def test_what_the_recipe_asks_for_and_the_grid_lacks_is_said(found: Findings, text: str) -> None:
    assert "nothing yet of" in found.unfinished
    assert "hellaswag" in found.unfinished
    assert "mnli" not in found.unfinished.split("nothing yet of")[1]
    assert f"**{found.unfinished}** What follows is preliminary." in text
