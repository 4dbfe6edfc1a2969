"""Compiled attention and its products against PyTorch in float64."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from xanalysis.runner.training.cpu import attending
from xanalysis.runner.training.cpu.attention import Attended, attend, attend_back, places_of
from xanalysis.runner.training.cpu.crew import Crew
from xanalysis.runner.training.cpu.vectors import LANES, TALL, multiply
from xanalysis.runner.training.dropout import NO_DROPOUT, Dropout
from xanalysis.runner.training.layout import Layout, lay_out

SIZES = [9, 17, 130, 64, 1, 16]  # more and fewer than a block of queries, whole vectors and not
SHAPES = [(12, 32), (2, 5), (3, 64)]  # heads, and what each is wide


@pytest.fixture(params=[torch.float32, torch.bfloat16])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


def drawn(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def there(
    qkv: Tensor, bias: Tensor, heads: int, dropout: Dropout, threads: int = 1
) -> tuple[Tensor, Attended, Layout]:
    layout = lay_out(SIZES)
    weights = torch.full((int(places_of(layout, heads)[-1]),), torch.nan, dtype=qkv.dtype)
    result = torch.full((len(qkv), qkv.shape[1] // 3), torch.nan, dtype=qkv.dtype)
    kept = attend(qkv, bias, layout, heads, dropout, Crew(threads), result, weights)
    return result, kept, layout


def masks(kept: Attended, layout: Layout, heads: int) -> list[Tensor]:
    """Dropout's factors of each sequence's probabilities, ``[heads, tokens, tokens]``."""
    *_, draws = kept.given
    found = []
    for start, size in zip(places_of(layout, heads), layout.sizes, strict=False):
        width = attending.padded(size)
        places = start + np.arange(heads * size * width).reshape(heads, size, width)[..., :size]
        found.append(torch.from_numpy(_kept(places, draws)))
    return found


def _kept(places: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The mixing function in NumPy."""
    x = places.astype(np.uint32) + draws[0]
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) ^ draws[1]
    x = x * np.uint32(0x846CA68B)
    x = x ^ (x >> 16)
    return np.where(x < draws[2], 0.0, 1 / (1 - draws[2] / 2**32))


@pytest.mark.parametrize(("heads", "size"), SHAPES)
@pytest.mark.parametrize("rate", [0.0, 0.25])
def test_attention_there_and_back(heads: int, size: int, rate: float, dtype: torch.dtype) -> None:
    tokens, width = sum(SIZES), heads * size
    qkv, bias = drawn(tokens, 3 * width, seed=0, dtype=dtype), drawn(3 * width, seed=1)
    pull = drawn(tokens, width, seed=2, dtype=dtype)
    generator = np.random.Generator(np.random.SFC64(0))
    dropout = Dropout(rate, generator) if rate else NO_DROPOUT
    result, kept, layout = there(qkv, bias, heads, dropout)
    of_qkv = torch.full_like(qkv, torch.nan)
    of_bias = attend_back(pull, kept, Crew(1), of_qkv)

    x, b = qkv.double().requires_grad_(), bias.double().requires_grad_()
    expected = []
    for part, mask in zip((x + b).split(SIZES), masks(kept, layout, heads), strict=True):
        query, key, value = part.view(len(part), 3, heads, size).permute(1, 2, 0, 3)
        weights = torch.softmax(query @ key.mT * size**-0.5, -1) * mask
        expected.append((weights @ value).transpose(0, 1).reshape(len(part), width))
    whole = torch.cat(expected)
    whole.backward(pull.double())

    exact = dtype == torch.float32
    assert x.grad is not None
    assert b.grad is not None
    for found, right in ((result, whole.detach()), (of_qkv, x.grad), (of_bias, b.grad)):
        far = (found.double() - right).norm() / right.norm()
        assert float(far) < (2e-6 if exact else 0.006)


def test_threads_share_a_call_and_change_no_bit(dtype: torch.dtype) -> None:
    heads, width = 12, 96
    qkv, bias = drawn(sum(SIZES), 3 * width, seed=0, dtype=dtype), drawn(3 * width, seed=1)
    pull = drawn(sum(SIZES), width, seed=2, dtype=dtype)
    found = []
    for threads in (1, 3):
        result, kept, _ = there(qkv, bias, heads, NO_DROPOUT, threads)
        of_qkv = torch.empty_like(qkv)
        attend_back(pull, kept, Crew(threads), of_qkv)
        found.append((result, of_qkv))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_what_is_not_finite_stays_so() -> None:
    for value in (torch.nan, torch.inf):
        qkv = drawn(sum(SIZES), 24, seed=0)
        qkv[3, 0] = value
        result, _, _ = there(qkv, torch.zeros(24), 2, NO_DROPOUT)
        assert not result[3, :4].isfinite().any()
        assert result[3, 4:].isfinite().all()
        assert result[4:].isfinite().all()


@pytest.mark.parametrize("vectors", [1, 2, 3])
@pytest.mark.parametrize("rows", [1, TALL, 2 * TALL + 1])
def test_small_products(vectors: int, rows: int) -> None:
    depth, width = 7, vectors * LANES
    held = -(-rows // TALL) * TALL
    a = drawn(held, depth, seed=0).numpy()
    b = drawn(depth, width, seed=1).numpy()
    expected = a.astype(float) @ b
    for left, row, step in ((a, depth, 1), (np.ascontiguousarray(a.T), 1, held)):
        c = np.full((held, width), np.nan, np.float32)
        multiply(left, row, step, b, c, rows, depth, False)
        np.testing.assert_allclose(c[:rows], expected[:rows], atol=1e-5)
        multiply(left, row, step, b, c, rows, depth, True)
        np.testing.assert_allclose(c[:rows], 2 * expected[:rows], atol=1e-5)


NARROW = """
import sys
import llvmlite.binding
known = llvmlite.binding.get_host_cpu_features()
known["avx512f"] = False
llvmlite.binding.get_host_cpu_features = lambda: known
from xanalysis.runner.training.cpu import vectors
assert (vectors.LANES, vectors.TALL) == (8, 4)
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[1], "-k", "there_and_back and 32"]))
"""


def test_vectors_of_other_machines(tmp_path: Path) -> None:
    # Compiled code is kept by machine, and this is not the one it seems to be.
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    given = [sys.executable, "-c", NARROW, __file__]
    run = subprocess.run(
        given, env=environment, capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert run.returncode == 0, run.stdout
