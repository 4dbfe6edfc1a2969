"""Compiled kernels against the same steps in PyTorch and float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from xanalysis.runner.training import kernels
from xanalysis.runner.training.crew import Crew
from xanalysis.runner.training.dropout import NO_DROPOUT, Dropout

ROWS, WIDTH = 200, 40
SIZES = np.array([9, 16, 3])
HEADS = 2


@pytest.fixture(params=[torch.float32, torch.bfloat16])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


@pytest.fixture(params=[1, 3])
def crew(request: pytest.FixtureRequest) -> Crew:
    return Crew(request.param)


def drawn(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def exact(value: Tensor) -> Tensor:
    return value.double().requires_grad_()


def close(found: Tensor, expected: Tensor, dtype: torch.dtype = torch.float32) -> None:
    """Within float32's rounding of what was summed, or half a unit of bfloat16."""
    atol, rtol = (2e-5, 2e-5) if dtype == torch.float32 else (2e-3, 2**-8)
    torch.testing.assert_close(found.double(), expected.detach(), atol=atol, rtol=rtol)


def draws(rate: float, seed: int = 0) -> np.ndarray:
    return Dropout(rate, np.random.Generator(np.random.SFC64(seed))).draws()


def test_gelu_and_its_derivative(dtype: torch.dtype, crew: Crew) -> None:
    inner, bias = 3 * drawn(ROWS, WIDTH, dtype=dtype), drawn(WIDTH, seed=1)
    inner[0, :4] = torch.tensor([30.0, -30.0, 0.0, -0.0])
    result, gradient = torch.empty_like(inner), drawn(ROWS, WIDTH, dtype=dtype, seed=2)
    x = exact(inner.float() + bias)
    expected = F.gelu(x)
    expected.backward(gradient.double())
    crew.run(kernels.gelu, ROWS, inner, bias, result)
    close(result, expected, dtype)
    sums = crew.total(kernels.times, ROWS, (WIDTH,), gradient, inner)
    assert x.grad is not None
    assert float((gradient.double() - x.grad).abs().max()) < (2e-6 if dtype.itemsize == 4 else 0.05)
    assert float((sums.double() - x.grad.sum(0)).abs().max()) < (1e-4 if dtype.itemsize == 4 else 1)


def test_norm_with_dropout_there_and_back(dtype: torch.dtype, crew: Crew) -> None:
    residual, branch = drawn(ROWS, WIDTH, dtype=dtype), drawn(ROWS, WIDTH, dtype=dtype, seed=1)
    bias, weight, shift = (drawn(WIDTH, seed=seed) for seed in (2, 3, 4))
    gradient = drawn(ROWS, WIDTH, dtype=dtype, seed=5)
    inputs = r, b, c, w, s = [exact(x) for x in (residual, branch, bias, weight, shift)]
    keys = draws(0.25)
    ones = torch.ones(ROWS, WIDTH)
    given = (torch.zeros_like(ones), ones.clone(), torch.zeros(WIDTH), torch.ones(WIDTH))
    # Dropout alone, found out with a norm that does nothing to speak of.
    mask, spread = torch.empty_like(ones), np.empty(ROWS, np.float32)
    crew.run(kernels.norm, ROWS, *given, torch.zeros(WIDTH), np.float32(1e20), keys, mask, spread)
    mask = (mask > mask.mean(1, keepdim=True)) / 0.75
    assert 0.2 < float((mask == 0).double().mean()) < 0.3
    F.layer_norm(r + mask * (b + c), (WIDTH,), w, s, 1e-5).backward(gradient.double())

    result = torch.empty_like(residual)
    parameters = (bias, weight, shift, np.float32(1e-5))
    crew.run(kernels.norm, ROWS, residual, branch, *parameters, keys, result, spread)
    close(result, F.layer_norm(r + mask * (b + c), (WIDTH,), w, s, 1e-5), torch.bfloat16)
    of_sum, of_branch = torch.empty_like(gradient), torch.empty_like(gradient)
    back = (gradient, branch, spread, weight, keys, of_sum, of_branch)
    sums = crew.total(kernels.norm_back, ROWS, (3, WIDTH), *back)
    found = (of_sum, of_branch, sums[2], sums[0], sums[1])
    for own, given_ in zip(found, inputs, strict=True):
        assert given_.grad is not None
        far = (own.double() - given_.grad).norm() / given_.grad.norm()
        assert float(far) < (1e-5 if dtype == torch.float32 else 0.01)


def test_packing_and_back_is_lossless(dtype: torch.dtype, crew: Crew) -> None:
    starts = np.cumsum(SIZES) - SIZES
    values, bias = drawn(int(SIZES.sum()), 24, dtype=dtype), drawn(24, seed=1)
    block = torch.full((3, len(SIZES) * HEADS, 16, 4), torch.nan, dtype=dtype)
    crew.run(kernels.pack, len(SIZES), values, bias, starts, SIZES, HEADS, block)
    second = block.view(3, len(SIZES), HEADS, 16, 4)[:, 1, :, 5]  # token 5 of the second sequence
    expected = (values.float() + bias).to(dtype)
    assert torch.equal(second, expected[starts[1] + 5].view(3, HEADS, 4))
    assert not block.view(3, len(SIZES), HEADS, 16, 4)[:, 2, :, 3:].any()
    back = torch.empty_like(values)
    given = (block, starts, SIZES, HEADS, back)
    sums = crew.total(kernels.unpack, len(SIZES), (24,), *given)
    assert torch.equal(back, expected)
    close(sums, expected.double().sum(0))


def test_softmax_with_dropout_there_and_back(dtype: torch.dtype, crew: Crew) -> None:
    rows = len(SIZES) * HEADS
    scores = 4 * drawn(rows, 16, 16)
    real = torch.arange(16) < torch.from_numpy(SIZES).repeat_interleave(HEADS)[:, None]
    gradient = (
        drawn(rows, 16, 16, dtype=dtype, seed=1) * real[:, None]
    )  # as values at padding are 0
    x, factor = exact(scores), np.float32(0.5)
    masked = (x * 0.5).masked_fill(~real[:, None], -torch.inf)
    expected = torch.softmax(masked, -1) * real[:, :, None]
    keys = draws(0.25)
    weights = torch.full((rows, 16, 16), torch.nan, dtype=dtype)
    dropped = weights.clone()
    given = (SIZES, HEADS, factor, keys, 7)
    crew.run(kernels.attend, rows, scores.clone(), *given, weights, dropped)
    close(weights, expected, dtype)
    mask = (dropped != 0) / 0.75
    close(dropped, mask * weights.double(), dtype)
    assert 0.15 < float((mask == 0)[weights != 0].double().mean()) < 0.35
    (expected * mask).backward(gradient.double())
    again = torch.full_like(dropped, torch.nan)
    crew.run(kernels.attend_back, rows, gradient, weights, *given, again)
    assert torch.equal(again, dropped)
    assert x.grad is not None
    close(gradient, x.grad, dtype)


def test_what_is_not_finite_stays_so() -> None:
    crew = Crew(1)
    for value in (torch.nan, torch.inf):
        rows = torch.full((1, WIDTH), value)
        result, spread = torch.empty(1, WIDTH), np.empty(1, np.float32)
        parameters = (torch.zeros(WIDTH), torch.ones(WIDTH), torch.zeros(WIDTH), np.float32(1e-5))
        crew.run(
            kernels.norm, 1, rows, rows.clone(), *parameters, NO_DROPOUT.draws(), result, spread
        )
        assert not result.isfinite().any()
        crew.run(kernels.gelu, 1, rows.clone(), torch.zeros(WIDTH), result)
        assert not result.isfinite().any()
        scores = torch.zeros(1, 8, 8)
        scores[0, 2, 3] = value
        weights, dropped = torch.empty_like(scores), torch.empty_like(scores)
        given = (np.array([8]), 1, np.float32(1), NO_DROPOUT.draws(), 0)
        crew.run(kernels.attend, 1, scores, *given, weights, dropped)
        assert not weights[0, 2].isfinite().all()
        half = torch.full((1, WIDTH), value, dtype=torch.bfloat16)
        out = torch.empty_like(half)
        crew.run(kernels.gelu, 1, half, torch.zeros(WIDTH), out)
        assert not out.isfinite().any()


def kept(keys: np.ndarray, count: int = 512) -> np.ndarray:
    """Which of ``count`` times ``count`` attention weights dropout keeps."""
    scores = torch.zeros(1, count, count)
    weights, dropped = torch.empty_like(scores), torch.empty_like(scores)
    given = (np.array([count]), 1, np.float32(1), keys, 0)
    Crew(1).run(kernels.attend, 1, scores, *given, weights, dropped)
    return (dropped[0] != 0).numpy()


def test_dropout_draws_like_chance() -> None:
    first, again, other = (kept(draws(0.1, seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    error = (0.09 / first.size) ** 0.5
    assert abs(first.mean() - 0.9) < 4 * error
    centred = first - 0.9
    for shifted in (
        np.roll(centred, 1, 1),
        np.roll(centred, 8, 1),
        np.roll(centred, 1, 0),
        other - 0.9,
    ):
        assert abs((centred * shifted).mean() / 0.09) < 4 / first.size**0.5
    # Rows and columns vary as they would by chance: 511 degrees of freedom.
    for axis in (0, 1):
        spread = first.mean(axis).var(ddof=1) / (0.09 / 512)
        assert abs(spread - 1) < 4 * (2 / 511) ** 0.5
    # Every bit of the keys counts, also across many seeds.
    rates = [kept(draws(0.1, seed), 64).mean() for seed in range(200)]
    assert abs(np.std(rates) / (0.09 / 4096) ** 0.5 - 1) < 4 * (1 / 400) ** 0.5
