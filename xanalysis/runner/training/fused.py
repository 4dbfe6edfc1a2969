"""Steps of an encoder layer on CPUs, with backward passes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from xanalysis.runner.training.dropout import Dropout


class Product:
    """Linear modules that read the same rows, as one product.

    Weights stay float32 in the modules. A copy of them in the product's numbers and their gradients
    live in buffers that are used again at every step: fresh memory for them would cost more than
    computing them.

    Args:
        modules: Plain ``nn.Linear`` modules, trained.
        shares: How many parts of a batch are worked on at the same time.
        dtype: The numbers the product is computed in, bfloat16 or float32.
    """

    def __init__(self, modules: Sequence[nn.Linear], shares: int, dtype: torch.dtype) -> None:
        self._modules = modules
        self._sizes = [module.out_features for module in modules]
        shape = (sum(self._sizes), modules[0].in_features)
        self.weight = torch.empty(shape, dtype=dtype)
        self.bias = torch.empty(shape[0], dtype=dtype)
        self.of_weight = [torch.empty_like(self.weight) for _ in range(shares)]
        self.of_bias = [torch.empty_like(self.bias) for _ in range(shares)]
        self._totals = [torch.empty(shape), torch.empty(shape[0])]

    def refresh(self) -> None:
        """Take over the modules' parameters."""
        for index, module in enumerate(self._modules):
            torch.split(self.weight, self._sizes)[index].copy_(module.weight.detach())
            torch.split(self.bias, self._sizes)[index].copy_(module.bias.detach())

    def __call__(self, rows: Tensor, share: int) -> Tensor:
        """The modules' results side by side, ``[rows, out_features]``; ``rows`` needs gradients."""
        return cast(Tensor, _Product.apply(rows, self, share))  # type: ignore[no-untyped-call]

    def collect(self, shares: int) -> None:
        """Add the gradients of the first shares to those of the modules' parameters."""
        for name, total, found in zip(
            ("weight", "bias"), self._totals, (self.of_weight, self.of_bias), strict=True
        ):
            for gradient in found[:shares]:
                owned = torch.split(total, self._sizes)
                parts = torch.split(gradient, self._sizes)
                for module, own, part in zip(self._modules, owned, parts, strict=True):
                    parameter = getattr(module, name)
                    if parameter.grad is None:
                        parameter.grad = own.copy_(part)
                    else:
                        parameter.grad.add_(part)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, product: Product, share: int) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.given = (product, share)
        # ``addmm`` first writes the bias to the result; oneDNN's product adds it on the way.
        result = torch.ops.mkldnn._linear_pointwise(
            rows, product.weight, product.bias, "none", [], ""
        )
        return cast(Tensor, result)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (rows,) = ctx.saved_tensors
        product, share = ctx.given
        torch.mm(gradient.t(), rows, out=product.of_weight[share])
        torch.sum(gradient, 0, out=product.of_bias[share])
        return gradient @ product.weight, None, None


class _Normed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        residual: Tensor,
        branch: Tensor,
        factor: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        epsilon: float,
    ) -> Tensor:
        total = residual + branch if factor is None else torch.addcmul(residual, branch, factor)
        result, mean, scale = torch.native_layer_norm(total, weight.shape, weight, bias, epsilon)
        ctx.save_for_backward(total, factor, mean, scale, weight, bias)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        total, factor, mean, scale, weight, bias = ctx.saved_tensors
        of_total, of_weight, of_bias = torch.ops.aten.native_layer_norm_backward(
            gradient, total, weight.shape, mean, scale, weight, bias, [True] * 3
        )
        of_branch = of_total if factor is None else of_total * factor
        return of_total, of_branch, None, of_weight, of_bias, None


def normed(module: Any, residual: Tensor, branch: Tensor, dropout: Dropout) -> Tensor:
    """``module(residual + dropout(branch))`` for an ``nn.LayerNorm``, keeping one sum only."""
    return cast(
        Tensor,
        _Normed.apply(  # type: ignore[no-untyped-call]
            residual, branch, dropout.factor(branch), module.weight, module.bias, module.eps
        ),
    )
