"""Self-attention over concatenated sequences, each token seeing only its own sequence."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.layout import Layout


class _GroupedAttention(torch.autograd.Function):
    """Attention in padded blocks, with its own backward pass.

    Autograd would spend more time on the many small steps of each block than their products
    take. One block at a time, because what a block needs stays in a core's cache. Scores and
    softmax are float32: in bfloat16, scores would lose more than everything else together. Other
    products run in the dtype of ``qkv``.
    """

    @staticmethod
    def forward(
        ctx: Any, qkv: Tensor, layout: Layout, heads: int, dropout: Dropout, first_only: bool
    ) -> Tensor:
        width = qkv.shape[1] // 3
        size = width // heads
        result = qkv.new_empty(len(layout.sizes) if first_only else len(qkv), width)
        groups = layout.groups(heads)
        saved: list[Tensor | None] = []
        for group in groups:
            query, key, value = inputs = group.padded(qkv, 3, heads)
            query = query[:, :1] if first_only else query
            exact = query.float() * size**-0.5
            scores = torch.bmm(exact, key.float().transpose(1, 2))
            if group.blocked is not None:
                scores.view(group.sequences, -1, group.width).add_(group.blocked)
            weights = torch.softmax(scores, -1, out=scores).to(qkv.dtype)
            factor = dropout.factor(weights)
            mixed = torch.bmm(weights if factor is None else weights * factor, value)
            if first_only:
                result[group.numbers] = mixed.view(-1, width)
            else:
                group.store(mixed, result)
            saved += [inputs, weights, factor]
        ctx.save_for_backward(*saved)
        ctx.given = (groups, heads, size, len(qkv))
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        groups, heads, size, tokens = ctx.given
        result = gradient.new_empty(tokens, 3 * gradient.shape[1])
        saved = iter(ctx.saved_tensors)
        for group, inputs, weights, factor in zip(groups, saved, saved, saved, strict=True):
            query, key, value = inputs
            queries = weights.shape[1]
            if queries < group.width:  # the first tokens' only
                outer = gradient[group.numbers].view(-1, 1, size)
            else:
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
            of_inputs[0, :, :queries] = torch.bmm(of_scores, key)
            of_inputs[0, :, queries:] = 0.0
            torch.bmm(of_scores.transpose(1, 2), query[:, :queries], out=of_inputs[1])
            of_inputs[:2].mul_(size**-0.5)
            group.store(of_inputs, result)
        return result, None, None, None, None


def grouped_attention(
    qkv: Tensor, layout: Layout, heads: int, dropout: Dropout, first_only: bool = False
) -> Tensor:
    """Attention in padded blocks of sequences of like length.

    Args:
        qkv: Queries, keys and values beside one another, ``[tokens, 3 * width]``.
        layout: Of the batch.
        heads: Number of attention heads.
        dropout: On the attention probabilities.
        first_only: Compute the first token of each sequence only.

    Returns:
        ``[tokens, width]``, or ``[sequences, width]``, in the dtype of ``qkv``.
    """
    with torch.autocast(qkv.device.type, enabled=False):
        return cast(
            Tensor,
            _GroupedAttention.apply(  # type: ignore[no-untyped-call]
                qkv, layout, heads, dropout, first_only
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
