"""Linear modules of an encoder layer as matrix products with gradients that stay in memory."""

from __future__ import annotations

from collections.abc import Sequence
from threading import local
from typing import Any, cast

import torch
from torch import Tensor, nn

_threads = local()


class Product:
    """Linear modules that read the same rows, as one product.

    Weights stay float32 in the modules. A copy of them in the product's numbers and their gradients
    live in buffers that are used again at every step: fresh memory for them would cost more than
    computing them. Who reads the result adds the bias, and gives its gradient.

    Args:
        modules: Plain ``nn.Linear`` modules, trained.
        dtype: The numbers the product is computed in, bfloat16 or float32.
    """

    def __init__(self, modules: Sequence[nn.Linear], dtype: torch.dtype) -> None:
        self._modules = modules
        self._sizes = [module.out_features for module in modules]
        shape = (sum(self._sizes), modules[0].in_features)
        # One module's parameters in its own numbers need no copy.
        several = len(modules) > 1
        self._copies = {"weight": several or dtype != torch.float32, "bias": several}
        one = modules[0]
        self.weight = one.weight.detach()
        self.bias = one.bias.detach()
        if self._copies["weight"]:
            self.weight = torch.empty(shape, dtype=dtype)
        if several:
            self.bias = torch.empty(shape[0])
        self._totals = {"weight": torch.empty(shape), "bias": torch.empty(shape[0])}

    def refresh(self) -> None:
        """Take over the modules' parameters."""
        for name, copied in self._copies.items():
            if copied:
                parts = torch.split(getattr(self, name), self._sizes)
                for part, module in zip(parts, self._modules, strict=True):
                    part.copy_(getattr(module, name).detach())

    def __call__(self, rows: Tensor, out: Tensor) -> Tensor:
        """``out``, ``[rows, out_features]``: the results side by side without their bias."""
        return torch.mm(rows, self.weight.t(), out=out)

    def learn(self, gradient: Tensor, rows: Tensor) -> None:
        """Add what the gradient of the result says of the weights to the modules' gradients.

        Args:
            gradient: ``[rows, out_features]``, of the whole batch.
            rows: What the product was of, ``[rows, in_features]``.
        """
        total = self._totals["weight"]
        if self.weight.dtype == total.dtype and self._modules[0].weight.grad is None:
            torch.mm(gradient.t(), rows, out=total)
            for module, own in zip(self._modules, torch.split(total, self._sizes), strict=True):
                module.weight.grad = own
        else:
            self.add("weight", torch.mm(gradient.t(), rows, out=_own(self.weight)))

    def add(self, name: str, gradient: Tensor) -> None:
        """Add to the gradients of the modules' ``weight`` or ``bias``."""
        owned = torch.split(self._totals[name], self._sizes)
        parts = torch.split(gradient, self._sizes)
        for module, own, part in zip(self._modules, owned, parts, strict=True):
            parameter = getattr(module, name)
            if parameter.grad is None:
                parameter.grad = own.copy_(part)
            else:
                parameter.grad.add_(part)


def _own(like: Tensor) -> Tensor:
    """Memory of a tensor's shape, one for every thread."""
    held: dict[str, Any] = _threads.__dict__
    key = f"{tuple(like.shape)} {like.dtype}"
    if key not in held:
        held[key] = torch.empty_like(like)
    return cast(Tensor, held[key])
