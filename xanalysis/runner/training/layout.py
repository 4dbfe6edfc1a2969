"""Where each sequence lies in a batch of concatenated tokens, and which are padded together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

WASTE = 0.15  # padding tolerated inside an attention group, as a share of its cells
SCORES = 2**18  # attention scores of a head that a group may have: they stay in a core's cache
LINEAR = 700  # seeing so many tokens costs one what all else does, in small encoders on CPUs
STEP = 8  # widths are multiples: oneDNN makes a kernel for every shape it has not met before


@dataclass(frozen=True)
class Group:
    """Neighbouring sequences whose attention runs as one padded block.

    Attributes:
        starts: Where each of them starts in the batch.
        sizes: Their tokens.
        width: Room for the longest of them, in tokens.
    """

    starts: np.ndarray
    sizes: np.ndarray
    width: int

    @property
    def sequences(self) -> int:
        """Number of sequences."""
        return len(self.sizes)


@dataclass(frozen=True)
class Layout:
    """The shape of one flat batch.

    Attributes:
        offsets: Where each sequence starts, ``[sequences + 1]``, int64.
        places: 0-based place of every token in its own sequence, ``[tokens]``.
        sizes: Tokens of each sequence.
        longest: Tokens of the longest sequence.
        shortest: Tokens of the shortest sequence.
    """

    offsets: Tensor
    places: Tensor
    sizes: np.ndarray
    longest: int
    shortest: int

    @cached_property
    def groups(self) -> list[Group]:
        """The padded blocks in which attention runs, where it runs in blocks."""
        starts = np.cumsum(self.sizes) - self.sizes
        return [
            Group(starts[a:b], self.sizes[a:b], -(-int(self.sizes[a:b].max()) // STEP) * STEP)
            for a, b in _cuts(self.sizes)
        ]

    def parts(self, count: int) -> list[Layout]:
        """Neighbouring sequences apart, in parts of about as much work; fewer if need be."""
        ends = np.cumsum(self.sizes * (LINEAR + self.sizes))
        shares = ends[-1] * np.arange(1, count) / count
        cuts = np.abs(ends - shares[:, None]).argmin(axis=1) + 1
        edges = np.unique([0, *cuts, len(self.sizes)]).tolist()
        return [lay_out(self.sizes[a:b], self.offsets.device) for a, b in pairwise(edges)]


def lay_out(lengths: Sequence[int] | np.ndarray, device: torch.device | str = "cpu") -> Layout:
    """The layout of sequences of these lengths, in this order.

    Padding is least when the order is by length; any order is right.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    places = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    return Layout(
        offsets=torch.from_numpy(offsets).to(device),
        places=torch.from_numpy(places).to(device),
        sizes=sizes,
        longest=int(sizes.max()),
        shortest=int(sizes.min()),
    )


def _cuts(sizes: np.ndarray) -> list[tuple[int, int]]:
    """Runs of sequences, as long as the padding inside each and its scores stay small."""
    cuts = []
    start, longest, tokens = 0, 0, 0
    for index, size in enumerate(sizes.tolist()):
        widest = max(longest, size)
        cells = widest * (index - start + 1)
        if index > start and (tokens + size < (1 - WASTE) * cells or widest * cells > SCORES):
            cuts.append((start, index))
            start, longest, tokens = index, size, size
        else:
            longest, tokens = widest, tokens + size
    return [*cuts, (start, len(sizes))]
