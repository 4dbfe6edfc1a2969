"""The layers of an encoder on CPUs, trained on two shares of each batch at once.

Many operations of a small encoder are too short to be worth dividing among threads one by one. Two
shares of a batch are long, and need each other only where the gradients of parameters are added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from xanalysis.runner.training.attention import first_attention, grouped_attention
from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.fused import Product, normed
from xanalysis.runner.training.layout import Layout

Share = Callable[[Tensor], Tensor]
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
        self._config = model.config
        self._layers = list(model.encoder.layer)
        self._products = [self._products_of(layer) for layer in self._layers]
        self._norms = [
            parameter
            for layer in self._layers
            for norm in (layer.attention.output.LayerNorm, layer.output.LayerNorm)
            for parameter in (norm.weight, norm.bias)
        ]
        each = self.threads // self.shares
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
        parts = layout.parts(self.shares)
        run = [
            partial(self._run, part, own, first_only, share)
            for share, (part, own) in enumerate(
                zip(parts, generator.spawn(len(parts)), strict=True)
            )
        ]
        sizes = [len(part.places) for part in parts]
        return cast(
            Tensor,
            _Shared.apply(self, run, sizes, hidden, *self._norms),  # type: ignore[no-untyped-call]
        )

    def each(self, function: Callable[..., Any], *given: Iterable[Any]) -> list[Any]:
        """Call a function for every share at the same time."""
        if self.shares == 1:
            return list(map(function, *given))
        found = list(self._workers.map(function, *given))
        torch.set_num_threads(self.threads)  # new threads set what later ones begin with
        return found

    def products(self, method: Callable[[Product], None]) -> None:
        """Call a method of all products, some in each thread."""

        def call(layers: list[list[Product]]) -> None:
            for product in chain.from_iterable(layers):
                method(product)

        self.each(call, [self._products[share :: self.shares] for share in range(self.shares)])

    def _products_of(self, layer: Any) -> list[Product]:
        own = layer.attention.self
        return [
            Product([own.query, own.key, own.value], self.shares, self.dtype),
            Product([layer.attention.output.dense], self.shares, self.dtype),
            Product([layer.intermediate.dense], self.shares, self.dtype),
            Product([layer.output.dense], self.shares, self.dtype),
        ]

    def _run(
        self,
        layout: Layout,
        generator: np.random.Generator,
        first_only: bool,
        share: int,
        hidden: Tensor,
    ) -> Tensor:
        """All layers of one share."""
        drop = Dropout(self._config.hidden_dropout_prob, generator)
        drop_scores = Dropout(self._config.attention_probs_dropout_prob, generator)
        heads = self._config.num_attention_heads
        for layer, (qkv, dense, wide, narrow) in zip(self._layers, self._products, strict=True):
            if first_only and layer is self._layers[-1]:
                mixed = first_attention(hidden, qkv, share, layout, heads, drop_scores)
                hidden = hidden[layout.offsets[:-1]]
            else:
                mixed = grouped_attention(qkv(hidden, share), layout, heads, drop_scores)
            norm = layer.attention.output.LayerNorm
            hidden = normed(norm, hidden, dense(mixed, share), drop)
            inner = layer.intermediate.intermediate_act_fn(wide(hidden, share))
            hidden = normed(layer.output.LayerNorm, hidden, narrow(inner, share), drop)
        return hidden


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        layers: SharedLayers,
        run: list[Share],
        sizes: list[int],
        hidden: Tensor,
        *norms: nn.Parameter,
    ) -> Tensor:
        layers.products(Product.refresh)
        ctx.layers, ctx.norms = layers, norms
        ctx.inputs = [part.detach().requires_grad_() for part in torch.split(hidden, sizes)]
        ctx.outputs = layers.each(_forward, run, ctx.inputs)
        return torch.cat([output.detach() for output in ctx.outputs])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        parts = torch.split(gradient, [len(output) for output in ctx.outputs])
        wanted = [(part, *ctx.norms) for part in ctx.inputs]
        found = ctx.layers.each(torch.autograd.grad, ctx.outputs, wanted, parts)
        ctx.layers.products(partial(Product.collect, shares=len(parts)))
        ctx.inputs = ctx.outputs = None
        of_hidden = torch.cat([gradients[0] for gradients in found])
        of_norms = [sum(gradients) for gradients in zip(*(f[1:] for f in found), strict=True)]
        return None, None, None, of_hidden, *of_norms


def _start(threads: int) -> None:
    torch.get_num_threads()  # a thread takes over the process's number when it first looks
    torch.set_num_threads(threads)


def _forward(run: Share, rows: Tensor) -> Tensor:
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        return run(rows)


def can_share(model: Any, dtype: torch.dtype) -> bool:
    """Whether a model's layers can be trained by ``SharedLayers`` in these numbers.

    They can on CPUs (in bfloat16 where oneDNN has products of it), when all layers are plain (no adapters) and trained (nothing frozen).
    """
    return (
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and (dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported())
        and all(p.requires_grad and p.is_cpu for p in model.encoder.parameters())
        and all(
            type(module) is nn.Linear
            for name, module in model.encoder.named_modules()
            if name.endswith(LINEAR)
        )
    )
