"""Where each sequence lies in a batch of concatenated tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

LINEAR = 700  # seeing so many tokens costs one what all else does, in small encoders on CPUs


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
    def starts(self) -> np.ndarray:
        """Where each sequence starts, for kernels on CPUs."""
        starts: np.ndarray = np.cumsum(self.sizes) - self.sizes
        return starts

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
