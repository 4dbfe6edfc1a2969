"""Self-attention over concatenated sequences on CPUs, each token seeing only its own sequence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from xanalysis.runner.training.cpu import attending, attending_first
from xanalysis.runner.training.cpu.crew import Crew
from xanalysis.runner.training.cpu.product import Product
from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.layout import Layout


@dataclass(frozen=True)
class Attended:
    """What attention keeps for its way back.

    Attributes:
        given: What the kernels read: queries, keys and values, their bias, where sequences and
            their probabilities lie, heads, the factor of scores, and dropout's keys.
        weights: Attention probabilities.
    """

    given: tuple[Any, ...]
    weights: Tensor


def places_of(layout: Layout, heads: int) -> np.ndarray:
    """Where each sequence's attention probabilities begin, and where the last ones end."""
    sizes = layout.sizes
    return np.concatenate([[0], np.cumsum(heads * sizes * attending.padded(sizes))])


def attend(
    qkv: Tensor,
    bias: Tensor,
    layout: Layout,
    heads: int,
    dropout: Dropout,
    crew: Crew,
    result: Tensor,
    weights: Tensor,
) -> Attended:
    """Attention in float32, whatever the numbers that it reads and writes.

    Args:
        qkv: Queries, keys and values beside one another without their bias,
            ``[tokens, 3 * width]``, float32 or bfloat16.
        bias: Theirs, ``[3 * width]``, float32.
        layout: Of the batch.
        heads: Number of attention heads.
        dropout: On the attention probabilities.
        crew: Who runs the kernels.
        result: Gets what is attended to, ``[tokens, width]``.
        weights: Gets the attention probabilities, for which ``places_of`` says how much room there
            must be; empty where there is no way back.

    Returns:
        What ``attend_back`` needs.
    """
    factor = np.float32((result.shape[1] // heads) ** -0.5)
    places = places_of(layout, heads)
    given = (qkv, bias, layout.starts, layout.sizes, places, heads, factor, dropout.draws())
    crew.run(attending.attend, len(layout.sizes) * heads, *given, weights, result)
    return Attended(given, weights)


def attend_back(gradient: Tensor, kept: Attended, crew: Crew, of_qkv: Tensor) -> Tensor:
    """The gradient of ``attend``'s ``bias`` from that of its result; ``of_qkv`` gets its own."""
    _, bias, _, sizes, _, heads, *_ = kept.given
    given = (gradient, *kept.given, kept.weights, of_qkv)
    return crew.total(attending.attend_back, len(sizes) * heads, (len(bias),), *given)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
        ctx.crew = _crew(torch.get_num_threads())
        bias, result = torch.zeros(qkv.shape[1]), qkv.new_empty(len(qkv), qkv.shape[1] // 3)
        weights = qkv.new_empty(int(places_of(layout, heads)[-1]))
        ctx.kept = attend(qkv, bias, layout, heads, dropout, ctx.crew, result, weights)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_qkv = gradient.new_empty(len(gradient), 3 * gradient.shape[1])
        attend_back(gradient.contiguous(), ctx.kept, ctx.crew, of_qkv)
        return of_qkv, None, None, None


@cache
def _crew(threads: int) -> Crew:
    return Crew(threads)


def compiled_attention(qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
    """Attention in compiled kernels.

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
            _Attention.apply(qkv, layout, heads, dropout),  # type: ignore[no-untyped-call]
        )


@dataclass(frozen=True)
class AttendedFirst:
    """What attention of first tokens keeps for its way back.

    Attributes:
        product: Of the queries', keys' and values' modules.
        firsts: The first tokens' rows, ``[sequences, width]``.
        query: Their queries, ``[heads, sequences, size]``.
        given: What the kernels read.
        gathered: Weighted sums of rows, ``[heads, sequences, width]``.
        totals: Sums of the weights, ``[heads, sequences]``.
    """

    product: Product
    firsts: Tensor
    query: Tensor
    given: tuple[Any, ...]
    gathered: Tensor
    totals: Tensor


def attend_first(
    rows: Tensor,
    product: Product,
    layout: Layout,
    heads: int,
    dropout: Dropout,
    crew: Crew,
    result: Tensor,
) -> AttendedFirst:
    """Attention of the first token of each sequence to all of its sequence.

    Args:
        rows: Hidden states, ``[tokens, width]``.
        product: Of the queries', keys' and values' modules.
        layout: Of the batch.
        heads: Number of attention heads.
        dropout: On the attention probabilities.
        crew: Who runs the kernels.
        result: Gets what is attended to, ``[sequences, width]``.

    Returns:
        What ``attend_first_back`` needs.
    """
    sequences, width = result.shape
    size, broad = width // heads, attending.padded(heads)
    of_query, of_key, of_value = product.weight.view(3, heads, size, width)
    bias_of_query, _, bias_of_value = product.bias.view(3, heads, 1, size)
    firsts = rows[layout.offsets[:-1]]
    query = firsts @ of_query.reshape(width, width).t()
    query = (_by_head(query, heads) + bias_of_query).to(rows.dtype)
    pull = torch.bmm(query, of_key)
    weights, totals = torch.empty(len(rows), broad), torch.empty(sequences, broad)
    gathered = torch.empty_like(pull)
    factor, draws = np.float32(size**-0.5), dropout.draws()
    given = (rows, layout.starts, layout.sizes, factor, draws, pull, weights)
    crew.run(attending_first.attend_first, sequences, *given, gathered, totals)
    totals = totals[:, :heads].t()
    mixed = torch.bmm(gathered, of_value.mT) + bias_of_value * totals[..., None]
    result.view(sequences, heads, size).copy_(mixed.transpose(0, 1))
    return AttendedFirst(product, firsts, query, given, gathered, totals)


def attend_first_back(
    gradient: Tensor, kept: AttendedFirst, crew: Crew
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of ``attend_first``'s rows, of the first of them besides, and of its product.

    Returns:
        ``[tokens, width]``, ``[sequences, width]``, and those of weight and bias.
    """
    rows, *_, pull, weights = kept.given
    heads, sequences, width = pull.shape
    size = width // heads
    of_query, of_key, of_value = kept.product.weight.view(3, heads, size, width)
    bias_of_value = kept.product.bias.view(3, heads, 1, size)[2]
    outer = _by_head(gradient, heads)
    of_totals = torch.zeros(sequences, weights.shape[1])
    of_totals[:, :heads] = (outer * bias_of_value).sum(-1).t()
    of_rows, of_pull = torch.zeros_like(rows), torch.empty_like(pull)
    given = (torch.bmm(outer, of_value), of_totals, *kept.given, of_rows, of_pull)
    crew.run(attending_first.attend_first_back, sequences, *given)
    inner = torch.bmm(of_pull, of_key.mT)
    flat = inner.transpose(0, 1).reshape(sequences, width)
    of_weight = torch.stack(
        [
            (flat.t() @ kept.firsts).view(heads, size, width),
            torch.bmm(kept.query.mT, of_pull),
            torch.bmm(outer.mT, kept.gathered),
        ]
    )
    of_bias = torch.stack(
        [
            inner.float().sum(1),
            torch.zeros(heads, size),
            (outer * kept.totals[..., None]).sum(1),
        ]
    )
    of_firsts = flat @ of_query.reshape(width, width)
    return of_rows, of_firsts, of_weight.view(3 * width, width), of_bias.flatten()


def _by_head(rows: Tensor, heads: int) -> Tensor:
    """``[rows, width]`` as ``[heads, rows, size]``."""
    return rows.view(len(rows), heads, -1).transpose(0, 1)
