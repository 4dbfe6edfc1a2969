"""Linear modules of an encoder layer as matrix products with gradients that stay in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn


class Product:
    """Linear modules that read the same rows, as one product.

    Weights stay float32 in the modules. A copy of them in the product's numbers and their gradients
    live in buffers that are used again at every step: fresh memory for them would cost more than
    computing them. Who reads the result adds the bias, and gives its gradient.

    Args:
        modules: Plain ``nn.Linear`` modules, trained.
        shares: How many parts of a batch are worked on at the same time.
        dtype: The numbers the product is computed in, bfloat16 or float32.
    """

    def __init__(self, modules: Sequence[nn.Linear], shares: int, dtype: torch.dtype) -> None:
        self._modules = modules
        self._sizes = [module.out_features for module in modules]
        shape = (sum(self._sizes), modules[0].in_features)
        # One module's parameters in its own numbers need no copy.
        self._copies = (
            dtype != torch.float32 or len(modules) > 1,
            len(modules) > 1,
        )
        one = modules[0]
        self.weight = torch.empty(shape, dtype=dtype) if self._copies[0] else one.weight.detach()
        self.bias = torch.empty(shape[0]) if self._copies[1] else one.bias.detach()
        # oneDNN packs the weights of a linear module, as it does not for other products.
        self._packs = dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        self.of_weight = [torch.empty(shape, dtype=dtype) for _ in range(shares)]
        self.of_bias = [torch.empty(shape[0]) for _ in range(shares)]
        self._totals = [torch.empty(shape), torch.empty(shape[0])]

    def refresh(self) -> None:
        """Take over the modules' parameters."""
        for name, copied in zip(("weight", "bias"), self._copies, strict=True):
            if copied:
                parts = torch.split(getattr(self, name), self._sizes)
                for part, module in zip(parts, self._modules, strict=True):
                    part.copy_(getattr(module, name).detach())

    def __call__(self, rows: Tensor) -> Tensor:
        """The modules' results side by side without their bias, ``[rows, out_features]``."""
        if self._packs:
            found = torch.ops.mkldnn._linear_pointwise(rows, self.weight, None, "none", [], "")
            return cast(Tensor, found)
        return torch.mm(rows, self.weight.t())

    def back(
        self, gradient: Tensor, rows: Tensor, share: int, onto: Tensor | None = None
    ) -> Tensor:
        """The gradient of ``rows`` from that of the result; that of the weight is kept.

        Args:
            gradient: ``[rows, out_features]``.
            rows: What the product was of.
            share: Which part of the batch this is.
            onto: What else adds to the gradient of ``rows``; changed.
        """
        torch.mm(gradient.t(), rows, out=self.of_weight[share])
        if onto is None:
            return gradient @ self.weight
        return onto.addmm_(gradient, self.weight)

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
