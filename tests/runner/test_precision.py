from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from xanalysis.runner import precision
from xanalysis.runner.precision import chosen, has_bfloat16
from xanalysis.runner.spec import DataSpec, EvalSpec, TrainSpec, settings


@pytest.fixture
def cpuinfo(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What /proc/cpuinfo says."""
    told = {"text": ""}
    monkeypatch.setattr(Path, "read_text", lambda self, **named: told["text"])
    precision._cpu_has_bfloat16.cache_clear()
    yield told
    precision._cpu_has_bfloat16.cache_clear()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16 fsrm", "bf16"),
        ("flags\t\t: fpu amx_bf16", "bf16"),
        ("Features\t: fp asimd bf16 i8mm", "bf16"),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", "fp32"),
        ("Features\t: fp asimd ebf16x", "fp32"),
        ("", "fp32"),
    ],
)
def test_the_processor_decides(cpuinfo: dict[str, str], line: str, expected: str) -> None:
    cpuinfo["text"] = f"processor\t: 0\nmodel name\t: bf16 avx512_bf16\n{line}\n"
    assert chosen("auto", "cpu") == expected
    assert has_bfloat16("cpu") == (expected == "bf16")


@pytest.mark.parametrize("asked", ["bf16", "fp32"])
def test_what_is_asked_for_is_taken(asked: precision.Asked) -> None:
    assert chosen(asked, "cpu") == asked


def test_keys_of_what_is_left_open_are_as_they_were() -> None:
    for spec in (
        TrainSpec(data=(DataSpec(task="xnli"),)),
        EvalSpec(task="xnli", languages=("en",)),
    ):
        assert settings(spec)["precision"] == "bf16"
        asked = [spec.model_copy(update={"precision": p}) for p in ("auto", "bf16", "fp32")]
        assert len({settings(one)["precision"] for one in asked}) == 3
