"""One encoder layer on CPUs, forward and backward written out.

Autograd would run two dozen small operations where this runs six products and a few kernels, and
would keep what can be had again. What the products read and get lies side by side for the whole
batch, each part in its own rows, so that gradients of weights are one product over all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xanalysis.runner.training.cpu import kernels
from xanalysis.runner.training.cpu.attention import (
    Attended,
    AttendedFirst,
    attend,
    attend_back,
    attend_first,
    attend_first_back,
    places_of,
)
from xanalysis.runner.training.cpu.crew import Crew
from xanalysis.runner.training.cpu.product import Product
from xanalysis.runner.training.cpu.walk import Task
from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.layout import Layout


@dataclass(frozen=True)
class Part:
    """A part of a batch, worked on by one thread.

    Attributes:
        number: Its own.
        layout: Of its sequences.
        rows: Its rows among the batch's: its tokens, and padding.
        padding: Rows after its tokens that stand for nothing.
        sequences: Its sequences among the batch's.
        drop: Dropout of hidden states.
        drop_scores: Dropout of attention probabilities.
        crew: Who runs its kernels.
    """

    number: int
    layout: Layout
    rows: slice
    padding: int
    sequences: slice
    drop: Dropout
    drop_scores: Dropout
    crew: Crew

    @property
    def tokens(self) -> slice:
        """Rows that are tokens."""
        return slice(self.rows.start, self.rows.stop - self.padding)


@dataclass(frozen=True)
class _Normed:
    """What ``_norm`` keeps: centred and scaled sums, one over their spread, dropout's keys."""

    centred: Tensor
    spread: np.ndarray
    draws: np.ndarray


@dataclass(frozen=True)
class _Kept:
    """What a layer keeps of a part for its way back."""

    attended: Attended | AttendedFirst
    first: _Normed
    derivative: Tensor
    second: _Normed


class Room:
    """Memory that stays from step to step: fresh pages cost more than most of what fills them.

    What stands in it is finite: it may be multiplied by the zero gradients of padding.
    """

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}

    def take(self, name: str, rows: int, width: int, dtype: torch.dtype) -> Tensor:
        """An array of this name, ``[rows, width]``; the one before it is lost."""
        held = self._held.get(name)
        if held is None or len(held) < rows:
            held = self._held[name] = torch.zeros(rows + rows // 8, width, dtype=dtype)
        return held[:rows]


@dataclass
class Passage:
    """A batch on its way through a layer and back.

    Attributes:
        rows: Hidden states, ``[rows, width]``.
        outputs: Rows of the result: all, or sequences where only their first token counts.
        inner: Width inside the feed-forward block.
        room: For what it leaves behind.
        returns: Whether it will come back.
        of: Gradients of the products' results, on the way back.
        kept: By part.
        sums: By part: gradients of LayerNorms and biases, by name.
    """

    rows: Tensor
    outputs: int
    inner: int
    room: Room = field(default_factory=Room)
    returns: bool = True
    of: _Gradients | None = None
    kept: dict[int, _Kept] = field(default_factory=dict)
    sums: dict[int, dict[str, Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first_only = self.outputs != len(self.rows)
        self.qkv = self._take(self.room, "qkv", len(self.rows), 3 * self.rows.shape[1])
        self.mixed = self._take(self.room, "mixed")
        self.branches = (self._take(self.room, "first"), self._take(self.room, "second"))
        self.between = self._take(self.room, "between")
        self.derivative = self._take(self.room, "derivative", width=self.inner)
        self.within = self._take(self.room, "within", width=self.inner)
        self.result = self._take(self.room, "result")

    def turn(self, room: Room) -> None:
        """Begin the way back.

        Args:
            room: For the gradients of the products' results.
        """
        self.of = _Gradients(
            self._take(room, "qkv", len(self.rows), 3 * self.rows.shape[1]),
            self._take(room, "dense"),
            self._take(room, "wide", width=self.inner),
            self._take(room, "narrow"),
        )

    def _take(self, room: Room, name: str, rows: int = 0, width: int = 0) -> Tensor:
        known = self.rows
        return room.take(name, rows or self.outputs, width or known.shape[1], known.dtype)

    def weights(self, part: Part, heads: int) -> Tensor:
        """For a part's attention probabilities."""
        count = int(places_of(part.layout, heads)[-1]) if self.returns else 0
        return self.room.take(f"weights {part.number}", count, 1, self.rows.dtype).view(-1)

    def place(self, part: Part) -> slice:
        """Where the rows of a part's result lie."""
        return part.sequences if self.first_only else part.rows

    def summed(self, name: str) -> Tensor:
        """One of ``sums`` over all parts, always in the same order."""
        first, *others = (self.sums[number][name] for number in sorted(self.sums))
        return sum(others, first)


@dataclass(frozen=True)
class _Gradients:
    qkv: Tensor
    dense: Tensor
    wide: Tensor
    narrow: Tensor


class Layer:
    """A layer of a BERT or XLM-R encoder, of plain linear modules and GELU.

    Args:
        module: The Hugging Face module.
        heads: Number of attention heads.
        dtype: The numbers that products are computed in, bfloat16 or float32.
    """

    def __init__(self, module: Any, heads: int, dtype: torch.dtype) -> None:
        own = module.attention.self
        self._heads = heads
        self.qkv = Product([own.query, own.key, own.value], dtype)
        self.dense = Product([module.attention.output.dense], dtype)
        self.wide = Product([module.intermediate.dense], dtype)
        self.narrow = Product([module.output.dense], dtype)
        self.products = (self.qkv, self.dense, self.wide, self.narrow)
        self.norms = (module.attention.output.LayerNorm, module.output.LayerNorm)
        self.inner = int(module.intermediate.dense.out_features)

    def forward(self, passage: Passage, part: Part) -> None:
        """Run the layer for a part of the batch, from ``passage.rows`` to ``passage.result``."""
        crew, layout, place = part.crew, part.layout, passage.place(part)
        rows, mixed = passage.rows[part.rows], passage.mixed[place]
        between, within = passage.between[place], passage.within[place]
        attended: Attended | AttendedFirst
        residual = rows
        if passage.first_only:
            whole = (rows, self.qkv, layout, self._heads, part.drop_scores, crew, mixed)
            attended = attend_first(*whole)
            residual = attended.firsts
        else:
            qkv = self.qkv(rows, passage.qkv[part.rows])
            given = (qkv, self.qkv.bias, layout, self._heads, part.drop_scores, crew, mixed)
            attended = attend(*given, passage.weights(part, self._heads))
        branches = [branch[place] for branch in passage.branches]
        self.dense(mixed, branches[0])
        first = self._norm(0, residual, branches[0], part, between)
        derivative = self.wide(between, passage.derivative[place])
        crew.run(kernels.gelu, len(within), derivative, self.wide.bias, within)
        self.narrow(within, branches[1])
        second = self._norm(1, between, branches[1], part, passage.result[place])
        if passage.returns:
            passage.kept[part.number] = _Kept(attended, first, derivative, second)

    def backward(self, gradient: Tensor, passage: Passage, part: Part) -> Tensor:
        """The way back, but for what the parameters learn (see ``lessons``).

        Args:
            gradient: Of the part's result.
            passage: Has come forward, and turned.
            part: Of the batch.

        Returns:
            The gradient of the part's rows.
        """
        kept, crew, place = passage.kept.pop(part.number), part.crew, passage.place(part)
        of, sums = passage.of, passage.sums.setdefault(part.number, {})
        assert of is not None
        narrow, wide, dense = of.narrow[place], of.wide[place], of.dense[place]
        of_between = self._norm_back(1, gradient, kept.second, part, narrow, sums)
        torch.mm(narrow, self.narrow.weight, out=wide)
        sums["wide"] = crew.total(kernels.times, len(wide), (self.inner,), wide, kept.derivative)
        of_between.addmm_(wide, self.wide.weight)
        of_residual = self._norm_back(0, of_between, kept.first, part, dense, sums)
        of_mixed = dense @ self.dense.weight
        if isinstance(kept.attended, AttendedFirst):
            found = attend_first_back(of_mixed, kept.attended, crew)
            of_rows, of_firsts, sums["weight"], sums["qkv"] = found
            return of_rows.index_add_(0, part.layout.offsets[:-1], of_firsts.add_(of_residual))
        qkv = of.qkv[part.rows]
        qkv[len(qkv) - part.padding :] = 0
        sums["qkv"] = attend_back(of_mixed, kept.attended, crew, qkv)
        return of_residual.addmm_(qkv, self.qkv.weight)

    def lessons(self, passage: Passage) -> list[Task]:
        """What the parameters learn once all parts came back: calls in any order, by any thread."""
        of, passage.of = passage.of, None  # goes when all is learnt
        assert of is not None

        def small() -> None:
            for name in ("qkv", "dense", "wide", "narrow"):
                getattr(self, name).add("bias", passage.summed(name))
            if passage.first_only:
                self.qkv.add("weight", passage.summed("weight"))

        found: list[Task] = [
            partial(self.narrow.learn, of.narrow, passage.within),
            partial(self.wide.learn, of.wide, passage.between),
            partial(self.dense.learn, of.dense, passage.mixed),
            small,
        ]
        if not passage.first_only:
            found.insert(2, partial(self.qkv.learn, of.qkv, passage.rows))
        return found

    def of_norms(self, passage: Passage) -> list[Tensor]:
        """Gradients of the LayerNorms' weights and biases."""
        return [passage.summed(f"{name} {i}") for i in (0, 1) for name in ("weight", "bias")]

    def _norm(
        self, which: int, residual: Tensor, branch: Tensor, part: Part, out: Tensor
    ) -> _Normed:
        """``out`` becomes the LayerNorm of ``residual`` and the dropped ``branch``."""
        norm, product = self.norms[which], (self.dense, self.narrow)[which]
        kept = _Normed(branch, np.empty(len(branch), np.float32), part.drop.draws())
        parameters = (product.bias, norm.weight.detach(), norm.bias.detach(), np.float32(norm.eps))
        given = (residual, branch, *parameters, kept.draws, out, kept.spread)
        part.crew.run(kernels.norm, len(branch), *given)
        return kept

    def _norm_back(
        self,
        which: int,
        gradient: Tensor,
        kept: _Normed,
        part: Part,
        of_branch: Tensor,
        sums: dict[str, Tensor],
    ) -> Tensor:
        """The gradient of the sum; ``of_branch`` and ``sums`` get theirs."""
        weight, of_sum = self.norms[which].weight.detach(), torch.empty_like(gradient)
        given = (gradient, kept.centred, kept.spread, weight, kept.draws, of_sum, of_branch)
        shape = (3, gradient.shape[1])
        found = part.crew.total(kernels.norm_back, len(gradient), shape, *given)
        names = (f"weight {which}", f"bias {which}", ("dense", "narrow")[which])
        sums.update(zip(names, found, strict=True))
        return of_sum
