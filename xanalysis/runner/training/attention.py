"""Self-attention over concatenated sequences, each token seeing only its own sequence."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.fused import Product
from xanalysis.runner.training.layout import Layout


class _GroupedAttention(torch.autograd.Function):
    """Attention in padded blocks, with its own backward pass.

    Autograd would spend more time on the many small steps of each block than their products
    take. One block at a time, because what a block needs stays in a core's cache. Scores and
    softmax are float32: in bfloat16, scores would lose more than everything else together. Other
    products run in the dtype of ``qkv``.
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
        width = qkv.shape[1] // 3
        size = width // heads
        result = qkv.new_empty(len(qkv), width)
        groups = layout.groups(heads)
        saved: list[Tensor | None] = []
        for group in groups:
            query, key, value = inputs = group.padded(qkv, 3, heads)
            exact = query.float() * size**-0.5
            scores = torch.bmm(exact, key.float().transpose(1, 2))
            if group.blocked is not None:
                scores.view(group.sequences, -1, group.width).add_(group.blocked)
            weights = torch.softmax(scores, -1, out=scores).to(qkv.dtype)
            factor = dropout.factor(weights)
            mixed = torch.bmm(weights if factor is None else weights * factor, value)
            group.store(mixed, result)
            saved += [inputs, weights, factor]
        ctx.save_for_backward(*saved)
        ctx.given = (groups, heads, size)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        groups, heads, size = ctx.given
        result = gradient.new_empty(len(gradient), 3 * gradient.shape[1])
        saved = iter(ctx.saved_tensors)
        for group, inputs, weights, factor in zip(groups, saved, saved, saved, strict=True):
            query, key, value = inputs
            (outer,) = group.padded(gradient, 1, heads)
            if group.padding is not None:  # queries that are not there pull at nothing
                outer.view(-1, size).index_fill_(0, group.padding, 0.0)
            dropped = weights if factor is None else weights * factor
            of_inputs = torch.empty_like(inputs)
            torch.bmm(dropped.transpose(1, 2), outer, out=of_inputs[2])
            of_weights = torch.bmm(outer, value.transpose(1, 2))
            if factor is not None:
                of_weights.mul_(factor)
            of_scores = torch.ops.aten._softmax_backward_data(
                of_weights, weights, -1, weights.dtype
            )
            torch.bmm(of_scores, key, out=of_inputs[0])
            torch.bmm(of_scores.transpose(1, 2), query, out=of_inputs[1])
            of_inputs[:2].mul_(size**-0.5)
            group.store(of_inputs, result)
        return result, None, None, None


def grouped_attention(qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
    """Attention in padded blocks of sequences of like length.

    Args:
        qkv: Queries, keys and values beside one another, ``[tokens, 3 * width]``.
        layout: Of the batch.
        heads: Number of attention heads.
        dropout: On the attention probabilities.

    Returns:
        ``[tokens, width]``, in the dtype of ``qkv``.
    """
    with torch.autocast(qkv.device.type, enabled=False):
        return cast(
            Tensor,
            _GroupedAttention.apply(qkv, layout, heads, dropout),  # type: ignore[no-untyped-call]
        )


class _FirstAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        product: Product,
        share: int,
        layout: Layout,
        heads: int,
        dropout: Dropout,
    ) -> Tensor:
        with torch.enable_grad():
            inputs = rows, weight, bias = (
                rows.detach().requires_grad_(),
                product.weight.detach().requires_grad_(),
                product.bias.detach().requires_grad_(),
            )
            result = _of_first(rows, weight, bias, layout, heads, dropout)
        ctx.inputs, ctx.result = inputs, result
        ctx.given = (product, share)
        return result.detach()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        product, share = ctx.given
        of_rows, of_weight, of_bias = torch.autograd.grad(ctx.result, ctx.inputs, gradient)
        product.of_weight[share].copy_(of_weight)
        product.of_bias[share].copy_(of_bias)
        ctx.inputs = ctx.result = None
        return cast(Tensor, of_rows), None, None, None, None, None


def _of_first(
    rows: Tensor, weight: Tensor, bias: Tensor, layout: Layout, heads: int, dropout: Dropout
) -> Tensor:
    """See :func:`first_attention`."""
    width = rows.shape[1]
    size = width // heads
    of_query, of_key, of_value = weight.view(3, heads, size, width)
    bias_of_query, _, bias_of_value = bias.view(3, heads, 1, size)

    starts, places = layout.offsets[:-1, None], torch.arange(layout.longest)
    beyond = places >= torch.from_numpy(layout.sizes)[:, None]  # [sequences, longest]
    cells = starts + places.masked_fill(beyond, 0)
    # Not ``rows[cells]``: going backward, that adds up one value at a time.
    block = rows.index_select(0, cells.flatten()).view(*cells.shape, width)

    query = torch.baddbmm(bias_of_query, block[:, 0].expand(heads, -1, -1), of_query.mT)
    pull = torch.bmm(query, of_key).transpose(0, 1)  # [sequences, heads, width]
    scores = torch.bmm(pull.float() * size**-0.5, block.float().mT)
    weights = torch.softmax(scores.masked_fill(beyond[:, None], -math.inf), -1).to(rows.dtype)
    weights = dropout(weights)
    mixed = torch.bmm(torch.bmm(weights, block).transpose(0, 1), of_value.mT)
    mixed = mixed + bias_of_value * weights.sum(-1).t()[..., None]  # [heads, sequences, size]
    joined: Tensor = mixed.transpose(0, 1).reshape(-1, width)
    return joined


def first_attention(
    rows: Tensor, product: Product, share: int, layout: Layout, heads: int, dropout: Dropout
) -> Tensor:
    """Attention of the first token of each sequence to all of its sequence.

    One query a sequence needs no keys and values of all tokens: ``q . (K x) = (K' q) . x``, and a
    weighted sum of ``V x`` is V times the weighted sum of the ``x``. The keys' bias adds the same
    to all scores of a sequence, so nothing to their softmax.

    Args:
        rows: Hidden states, ``[tokens, width]``; needs gradients.
        product: Of the queries', keys' and values' modules.
        share: Which part of the batch this is.
        layout: Of the part.
        heads: Number of attention heads.
        dropout: On the attention probabilities.

    Returns:
        ``[sequences, width]``, in the dtype of ``rows``.
    """
    return cast(
        Tensor,
        _FirstAttention.apply(  # type: ignore[no-untyped-call]
            rows, product, share, layout, heads, dropout
        ),
    )


def nested_attention(qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
    """Attention without padding through PyTorch's jagged tensors.

    On CUDA in bfloat16 this runs the variable-length flash kernel, dropout included.

    Args and result as for :func:`grouped_attention`.
    """
    width = qkv.shape[1] // 3
    with torch.autocast(qkv.device.type, enabled=False):
        query, key, value = (
            torch.nested.nested_tensor_from_jagged(
                part.reshape(-1, heads, width // heads).contiguous(),
                layout.offsets,
                min_seqlen=layout.shortest,
                max_seqlen=layout.longest,
            ).transpose(1, 2)
            for part in torch.split(qkv, width, dim=1)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout.rate)
        return mixed.transpose(1, 2).values().reshape(-1, width)
