"""run-grid, store and init as a user calls them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runner.work import run, small
from xanalysis.cli import main
from xanalysis.runner.load import load_recipe
from xanalysis.runner.starter import FILES, lay_out


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_dry_run_of_the_papers_grid(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    arguments = ("run-grid", "stilts", "--dry-run", "--source", "files", "--format", "json")
    code, out, _ = call(capsys, *arguments, "--devices", "cpu", "--store", str(tmp_path / "runs"))
    found: dict[str, Any] = json.loads(out)
    assert code == 0
    # 10 intermediate trainings serve all; 11 x 3 trainings on each of six English data sets.
    assert found["trainings"] == 10 + 11 * 3 * 6
    assert found["naive_trainings"] == 10 * 9 * 3 + 11 * 3 * 7
    assert found["unknown"]
    assert found["missing"]
    assert not (tmp_path / "runs").exists()


def test_dry_run_of_the_demo_knows_its_cost(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("run-grid", "mini", "--dry-run", "--devices", "cpu")
    code, out, _ = call(capsys, *arguments, "--store", str(tmp_path / "runs"), "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert found["unknown"] == found["missing"] == []
    assert found["tokens"] > 1e5
    assert found["naive_seconds"] > found["seconds"] > 0
    recipe = load_recipe(Path(__file__).parents[2] / "runners" / "mini.yaml")
    assert len(recipe.languages or ()) >= 30
    assert (len(recipe.targets), len(recipe.seeds)) == (5, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run-grid", "minni"], "did you mean 'mini'"),
        (["run-grid", "mini", "--devices", "cuda:99"], "there is no device 'cuda:99'"),
        (["run-grid", "mini", "--engine", "rey"], "did you mean 'ray'"),
        (["run-grid", "mini", "--source", "cdlr"], "did you mean 'cldr'"),
        (["run-grid", "mini", "--data", "/nowhere"], "no such folder"),
        (["store", "ls", "--store", "/nowhere"], "no such store"),
    ],
)
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_newer_store_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text('{"format": 99}')
    code, _, err = call(capsys, "run-grid", "mini", "--devices", "cpu", "--store", str(tmp_path))
    assert code == 2
    assert "format 99" in err
    assert [p.name for p in tmp_path.iterdir()] == ["store.json"]


def test_without_the_train_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "torch" else real(name, *a)
    )
    code, _, err = call(capsys, "run-grid", "mini")
    assert code == 2
    assert "pip install 'xanalysis[train]'" in err


def test_store_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = small(keep="all")
    run(made, tmp_path)
    code, out, _ = call(capsys, "store", "ls", "--store", str(tmp_path), "--format", "json")
    rows = json.loads(out)["stages"]
    assert code == 0
    assert {row["key"] for row in rows} == set(made.stages)
    assert call(capsys, "store", "verify", "--store", str(tmp_path))[0] == 0
    key = next(k for k, s in made.stages.items() if s.kind == "target")
    (tmp_path / "stages" / key[:2] / key / "model.safetensors").write_text("other")
    code, out, _ = call(capsys, "store", "verify", "--store", str(tmp_path))
    assert code == 1
    assert key[:12] in out
    assert call(capsys, "store", "gc", "--broken", "--store", str(tmp_path))[0] == 0
    assert not (tmp_path / "stages" / key[:2] / key).exists()
    assert call(capsys, "store", "gc", "--checkpoints", "--store", str(tmp_path))[0] == 0
    assert run(made, tmp_path).done == []  # every score is still there


def test_a_new_study(tmp_path: Path) -> None:
    from xanalysis.claims.schema import load_claims

    made = lay_out(tmp_path / "mine")
    assert {p.relative_to(tmp_path / "mine").as_posix() for p in made} == set(FILES)
    assert load_recipe(tmp_path / "mine" / "runners" / "first.yaml").name == "first"
    assert load_claims(tmp_path / "mine" / "claims" / "first.yaml").claims
    (tmp_path / "mine" / "claims" / "first.yaml").write_text("mine")
    assert lay_out(tmp_path / "mine") == []
    assert (tmp_path / "mine" / "claims" / "first.yaml").read_text() == "mine"


def test_planning_needs_no_torch() -> None:
    import subprocess

    code = (
        "import sys, xanalysis.runner.plan, xanalysis.runner.store, xanalysis.runner.recipe\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
