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

    A *row* is one head's part of one token, ``[size]``. The rows of a block are ordered by part
    (queries, keys, values), sequence, head and place, so that products run over all heads at once.

    Attributes:
        tokens: Their tokens, a slice.
        sequences: Number of sequences.
        width: Room for the longest of them, in tokens.
        sources: By number of parts, the row of ``[tokens, parts, heads]`` that stands in each row
            of the block; padding repeats the first token of its sequence: any finite numbers do.
        cells: The way back: by number of parts, where each row of the tokens stands in the block.
        padding: The rows of one part that hold no token; None where nothing is padded.
        blocked: Added to the attention scores of each sequence's keys, ``[sequences, 1, width]``:
            zero at tokens and -inf at padding; None like ``padding``.
    """

    tokens: slice
    sequences: int
    width: int
    sources: dict[int, Tensor]
    cells: dict[int, Tensor]
    padding: Tensor | None
    blocked: Tensor | None

    def padded(self, values: Tensor, parts: int, heads: int) -> Tensor:
        """The group's part of ``[tokens, parts * width]``, in the block's order.

        Returns:
            ``[parts, sequences * heads, width, size]``.
        """
        rows = values[self.tokens].view(-1, values.shape[1] // parts // heads)
        block = rows.index_select(0, self.sources[parts])
        return block.view(parts, self.sequences * heads, self.width, -1)

    def store(self, block: Tensor, values: Tensor) -> None:
        """Put a block's tokens back into their rows of ``[tokens, parts * width]``."""
        size = block.shape[-1]
        parts = block.shape[0] if block.ndim == 4 else 1
        target = values[self.tokens].view(-1, size)
        torch.index_select(block.view(-1, size), 0, self.cells[parts], out=target)


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

    def groups(self, heads: int) -> list[Group]:
        """The padded blocks in which attention runs, where it runs in blocks."""
        if heads not in self._groups:
            starts = np.concatenate([[0], np.cumsum(self.sizes)])
            device = self.offsets.device
            self._groups[heads] = [
                _group(starts, slice(*cut), heads, device) for cut in _cuts(self.sizes)
            ]
        return self._groups[heads]

    def parts(self, count: int) -> list[Layout]:
        """Neighbouring sequences apart, in parts of about as much work; fewer if need be."""
        ends = np.cumsum(self.sizes * (LINEAR + self.sizes))
        shares = ends[-1] * np.arange(1, count) / count
        cuts = np.abs(ends - shares[:, None]).argmin(axis=1) + 1
        edges = np.unique([0, *cuts, len(self.sizes)]).tolist()
        return [lay_out(self.sizes[a:b], self.offsets.device) for a, b in pairwise(edges)]

    @cached_property
    def _groups(self) -> dict[int, list[Group]]:
        return {}


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


def _group(starts: np.ndarray, numbers: slice, heads: int, device: torch.device | str) -> Group:
    """The group of some neighbouring sequences of a batch whose sequences start at ``starts``."""
    first, *_, last = own = starts[numbers.start : numbers.stop + 1]
    sizes = np.diff(own)[:, None]
    width = -(-int(sizes.max()) // STEP) * STEP
    places = np.arange(width)
    real = places < sizes

    def by_head(cells: np.ndarray) -> np.ndarray:
        shape = (len(sizes), heads, width)
        return np.broadcast_to(cells[:, None], shape).reshape(-1)

    token = by_head(own[:-1, None] - first + np.where(real, places, 0))
    head = np.tile(np.repeat(np.arange(heads), width), len(sizes))
    held = by_head(real)
    sources, cells = {}, {}
    for parts in (1, 3):
        rows = ((token * parts + np.arange(parts)[:, None]) * heads + head).reshape(-1)
        kept = np.flatnonzero(np.tile(held, parts))
        back = np.empty(len(kept), dtype=np.int64)
        back[rows[kept]] = kept
        sources[parts] = torch.from_numpy(rows).to(device)
        cells[parts] = torch.from_numpy(back).to(device)
    padding = blocked = None
    if not real.all():
        padding = torch.from_numpy(np.flatnonzero(~held)).to(device)
        lowest = np.where(real, 0.0, -np.inf).astype(np.float32)
        blocked = torch.from_numpy(lowest[:, None]).to(device)
    return Group(
        slice(int(first), int(last)),
        len(sizes),
        width,
        sources,
        cells,
        padding,
        blocked,
    )
