from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def script(name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("attention", ["compiled", "nested"])
def test_the_gpu_benchmark_runs_with_tiny_shapes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], attention: str
) -> None:
    given = ["--device", "cpu", "--tiny", "--steps", "2", "--warmup", "1", "--batch-size", "4"]
    given += ["--attention", attention, "--grid-tokens", "1e6", "--json", str(tmp_path / "f.json")]
    assert script("training_cuda").main(given) == 0
    figures = json.loads((tmp_path / "f.json").read_text())
    pairs = figures["pairs of 40 tokens"]
    assert pairs["tokens_per_second"] > 0
    assert pairs["share"] == pytest.approx(pairs["operations_per_second"] / figures["matmul"])
    assert "1,000,000 tokens" in capsys.readouterr().out
