"""Compiled kernels against the same steps in PyTorch and float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from xanalysis.runner.training.cpu import kernels
from xanalysis.runner.training.cpu.crew import Crew
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
