"""The layers of an encoder on CPUs, trained on two shares of each batch at once.

Many operations of a small encoder are too short to be worth dividing among threads one by one. Two
shares of a batch are long, and need each other only where the gradients of parameters are added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from xanalysis.runner.training.crew import Crew
from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.layer import Kept, Layer, Part
from xanalysis.runner.training.layout import Layout
from xanalysis.runner.training.product import Product

LINEAR = ("query", "key", "value", "dense")  # how the names of linear modules end


class SharedLayers:
    """The layers of a BERT or XLM-R encoder that :func:`can_share`.

    Results depend on the number of shares, so on the number of threads, only by rounding and by
    which random numbers dropout draws.

    Args:
        model: The Hugging Face module.
        dtype: The numbers that products are computed in, bfloat16 or float32.
    """

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.threads = torch.get_num_threads()
        self.shares = 2 if self.threads % 2 == 0 else 1
        config = model.config
        self._rates = (config.hidden_dropout_prob, config.attention_probs_dropout_prob)
        self._layers = [
            Layer(module, config.num_attention_heads, self.shares, dtype)
            for module in model.encoder.layer
        ]
        self._norms = [
            parameter
            for layer in self._layers
            for norm in layer.norms
            for parameter in (norm.weight, norm.bias)
        ]
        each = self.threads // self.shares
        self._crews = [Crew(each) for _ in range(self.shares)]
        self._workers = ThreadPoolExecutor(
            self.shares, "share", initializer=_start, initargs=(each,)
        )

    def __call__(
        self, hidden: Tensor, layout: Layout, generator: np.random.Generator, first_only: bool
    ) -> Tensor:
        """Run the layers.

        Args:
            hidden: Embeddings, ``[tokens, width]``, in the layers' numbers.
            layout: Of the batch.
            generator: Dropout's.
            first_only: See ``Encoder``.

        Returns:
            The last layer's output. Going backward adds the gradients of linear modules to their
            parameters' ``grad`` directly.
        """
        layouts = layout.parts(self.shares)
        parts = [
            Part(share, own, *(Dropout(rate, draws) for rate in self._rates), self._crews[share])
            for share, (own, draws) in enumerate(
                zip(layouts, generator.spawn(len(layouts)), strict=True)
            )
        ]
        return cast(
            Tensor,
            _Shared.apply(self, parts, first_only, hidden, *self._norms),  # type: ignore[no-untyped-call]
        )

    def forward(self, rows: Tensor, part: Part, first_only: bool) -> tuple[Tensor, list[Kept]]:
        """All layers of one part."""
        kept = []
        for layer in self._layers:
            rows, held = layer.forward(rows, part, first_only and layer is self._layers[-1])
            kept.append(held)
        return rows, kept

    def backward(self, gradient: Tensor, kept: list[Kept], part: Part) -> list[Tensor]:
        """The gradients of one part's rows and of all LayerNorms' parameters."""
        of_norms: list[Tensor] = []
        for layer in reversed(self._layers):
            gradient, own = layer.backward(gradient, kept.pop(), part)
            of_norms = own + of_norms
        return [gradient, *of_norms]

    def each(self, function: Callable[..., Any], *given: Iterable[Any]) -> list[Any]:
        """Call a function for every share at the same time."""
        if self.shares == 1:
            return list(map(function, *given))
        found = list(self._workers.map(function, *given))
        torch.set_num_threads(self.threads)  # new threads set what later ones begin with
        return found

    def products(self, method: Callable[[Product], None]) -> None:
        """Call a method of all products, some in each thread."""

        def call(layers: list[Layer]) -> None:
            for layer in layers:
                for product in layer.products:
                    method(product)

        self.each(call, [self._layers[share :: self.shares] for share in range(self.shares)])


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        layers: SharedLayers,
        parts: list[Part],
        first_only: bool,
        hidden: Tensor,
        *norms: nn.Parameter,
    ) -> Tensor:
        layers.products(Product.refresh)
        rows = torch.split(hidden, [len(part.layout.places) for part in parts])
        run = partial(_plain, layers.forward, first_only=first_only)
        results, ctx.kept = zip(*layers.each(run, rows, parts), strict=True)
        ctx.layers, ctx.parts, ctx.sizes = layers, parts, [len(result) for result in results]
        return torch.cat(results)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        layers, parts = ctx.layers, ctx.parts
        run = partial(_plain, layers.backward)
        found = layers.each(run, torch.split(gradient, ctx.sizes), ctx.kept, parts)
        layers.products(partial(Product.collect, shares=len(parts)))
        of_hidden = torch.cat([gradients[0] for gradients in found])
        of_norms = [sum(gradients) for gradients in zip(*(f[1:] for f in found), strict=True)]
        return None, None, None, of_hidden, *of_norms


def _plain(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call a function without autograd and autocast: each thread has its own."""
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        return function(*given, **named)


def _start(threads: int) -> None:
    torch.get_num_threads()  # a thread takes over the process's number when it first looks
    torch.set_num_threads(threads)


def can_share(model: Any) -> bool:
    """Whether a model's layers can be trained by ``SharedLayers`` as things are.

    They can on CPUs when all layers are plain (GELU inside, no adapters) and trained (nothing
    frozen).
    """
    return (
        model.config.hidden_act == "gelu"
        and all(p.requires_grad and p.is_cpu for p in model.encoder.parameters())
        and all(
            type(module) is nn.Linear
            for name, module in model.encoder.named_modules()
            if name.endswith(LINEAR)
        )
    )
