"""Dropout whose randomness is a function of seed, step and micro-batch."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor


class _Scale(torch.autograd.Function):
    """Product with a constant tensor that backward needs again."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(factor)
        return values * factor

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (factor,) = ctx.saved_tensors
        return gradient * factor, None


class Dropout:
    """Zeroes a share of the values and scales up the rest.

    On CPUs PyTorch draws one number per value (6 ns each, a sixth of a training step of a small
    encoder); here four values share one 64-bit draw of a generator of NumPy's, sixteen bits each,
    so that the rate is exact to 1/65536. Elsewhere PyTorch's own dropout is used.

    Args:
        rate: Share of values set to zero; 0 does nothing.
        generator: Source of the draws on CPUs; None uses PyTorch's dropout everywhere.
    """

    def __init__(self, rate: float, generator: np.random.Generator | None = None) -> None:
        self.rate = rate
        self._generator = generator

    def __call__(self, values: Tensor) -> Tensor:
        """``values`` with dropout applied."""
        if self.rate <= 0:
            return values
        if values.device.type != "cpu" or self._generator is None:
            return torch.nn.functional.dropout(values, self.rate)
        return cast(Tensor, _Scale.apply(values, self.factor(values)))  # type: ignore[no-untyped-call]

    def draws(self) -> np.ndarray:
        """What the compiled kernels draw from: two keys and the edge of what is dropped, uint32."""
        if self.rate <= 0:
            return np.zeros(3, np.uint32)
        if self._generator is None:
            keys = torch.randint(2**32, (2,)).numpy()
        else:
            keys = self._generator.integers(2**32, size=2)
        return np.array([*keys, round(self.rate * 2**32)], np.uint32)

    def factor(self, values: Tensor) -> Tensor | None:
        """What ``values`` would be multiplied with: 0 or ``1 / (1 - rate)``; None at rate 0."""
        if self.rate <= 0:
            return None
        if values.device.type != "cpu" or self._generator is None:
            return torch.nn.functional.dropout(torch.ones_like(values), self.rate)
        count = values.numel()
        draws = self._generator.bit_generator.random_raw((count + 3) // 4)
        bits = torch.from_numpy(draws.view(np.int16)[:count]).view(values.shape)
        dropped = round(self.rate * 65536)
        # 0 where a draw is among the lowest ``dropped``, else 1: clamping and subtracting run an
        # order of magnitude faster than comparing and choosing.
        edge = dropped - 32768
        keep = bits.clamp_(edge - 1, edge).sub_(edge - 1)
        scale = 65536 / (65536 - dropped)
        if values.dtype == torch.bfloat16:
            pattern = int(torch.tensor(scale, dtype=torch.bfloat16).view(torch.int16))
            return keep.mul_(pattern).view(torch.bfloat16)
        return keep.to(values.dtype).mul_(scale)


NO_DROPOUT = Dropout(0.0)
