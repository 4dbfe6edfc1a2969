"""Compiled attention of the first token of each sequence to all of its sequence, there and back.

One query a sequence needs no keys and values of all tokens: ``q . (K x) = (K' q) . x``, and a
weighted sum of ``V x`` is V times the weighted sum of the ``x``. The keys' bias adds the same to
all scores of a sequence, so nothing to their softmax. Scores and weights lie by token and head, so
that a vector holds heads. For what ``start``, ``stop`` and ``draws`` are, see
:mod:`xanalysis.runner.training.cpu.kernels`.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-untyped-decorators=False, check-untyped-defs=False

from __future__ import annotations

import numpy as np

from xanalysis.runner.training.cpu.attending import give, padded, take
from xanalysis.runner.training.cpu.numbers import F, exact, exp, kernel, larger, read, scale_of
from xanalysis.runner.training.cpu.vectors import LANES, full, kept_of, load, multiply, store


@exact
def _heads(block, s, factor, out):
    """What the heads hold for a sequence, ``[heads, sequences, width]``, as rows."""
    nothing = np.zeros(block.shape[2], np.float32)
    for h in range(len(block)):
        take(block[h], s, 1, 0, nothing, factor, out[h : h + 1])


@exact
def _heads_across(block, s, factor, out):
    """The same as columns."""
    for h in range(len(block)):
        row = block[h, s]
        for j in range(row.size):
            out[j, h] = read(row[j]) * factor


@exact
def _give_heads(held, factor, block, s):
    nothing = np.empty(block.shape[2], np.float32)
    for h in range(len(block)):
        give(held[h : h + 1], 1, factor, block[h], s, 0, nothing)


@kernel
def attend_first(start, stop, rows, starts, sizes, factor, draws, pull, weights, gathered, totals):
    """Sums of ``rows`` weighted by the dropped softmax of ``factor`` times ``pull`` times them.

    ``rows`` are ``[tokens, width]``, ``pull`` and ``gathered`` ``[heads, sequences, width]``.
    ``weights``, ``[tokens, padded heads]``, gets the probabilities without dropout, ``totals``,
    ``[sequences, padded heads]``, the sums of those with it.
    """
    heads, _, width = pull.shape
    broad, deep, most = weights.shape[1], padded(width), padded(sizes.max())
    scale = scale_of(draws)
    nothing = np.zeros(width, np.float32)
    seen, score = np.empty((most, deep), np.float32), np.empty((most, broad), np.float32)
    pulls, sums = np.zeros((width, broad), np.float32), np.empty((broad, deep), np.float32)
    for s in range(start, stop):
        first, length = starts[s], sizes[s]
        take(rows, first, length, 0, nothing, F(1.0), seen)
        _heads_across(pull, s, factor, pulls)
        multiply(seen, deep, 1, pulls, score, length, width, False)
        for j in range(0, broad, LANES):
            top, total, less = load(score[0], j), full(F(0.0)), full(F(0.0))
            for i in range(1, length):
                top = larger(top, load(score[i], j))
            for i in range(length):
                x = exp(load(score[i], j) - top)
                store(score[i], j, x)
                total = total + x
            for i in range(length):
                x = load(score[i], j) / total
                store(weights[first + i], j, x)
                place = (first + i) * broad + j
                x = x * kept_of(place, draws[0], draws[1], draws[2], scale)
                store(score[i], j, x)
                less = less + x
            store(totals[s], j, less)
        multiply(score, 1, broad, seen, sums, heads, length, False)
        _give_heads(sums, F(1.0), gathered, s)


@kernel
def attend_first_back(
    start,
    stop,
    of_gathered,
    of_totals,
    rows,
    starts,
    sizes,
    factor,
    draws,
    pull,
    weights,
    of_rows,
    of_pull,
):
    """Backward of ``attend_first``: ``of_rows`` and ``of_pull`` get their gradients."""
    heads, _, width = pull.shape
    broad, deep, most = weights.shape[1], padded(width), padded(sizes.max())
    scale = scale_of(draws)
    nothing, unread = np.zeros(width, np.float32), np.empty(width, np.float32)
    seen, of_seen = np.empty((most, deep), np.float32), np.empty((most, deep), np.float32)
    score, drop = np.empty((most, broad), np.float32), np.empty((most, broad), np.float32)
    outer = np.zeros((width, broad), np.float32)
    held, sums = np.empty((broad, deep), np.float32), np.empty((broad, deep), np.float32)
    for s in range(start, stop):
        first, length = starts[s], sizes[s]
        take(rows, first, length, 0, nothing, F(1.0), seen)
        _heads_across(of_gathered, s, F(1.0), outer)
        multiply(seen, deep, 1, outer, score, length, width, False)
        for j in range(0, broad, LANES):
            total, more = full(F(0.0)), load(of_totals[s], j)
            for i in range(length):
                place = (first + i) * broad + j
                kept = kept_of(place, draws[0], draws[1], draws[2], scale)
                x, g = load(weights[first + i], j), (load(score[i], j) + more) * kept
                store(drop[i], j, x * kept)
                store(score[i], j, g)
                total = total + x * g
            for i in range(length):
                x = load(weights[first + i], j)
                store(score[i], j, x * (load(score[i], j) - total))
        multiply(score, 1, broad, seen, sums, heads, length, False)
        _give_heads(sums, factor, of_pull, s)
        _heads(of_gathered, s, F(1.0), held)
        multiply(drop, broad, 1, held, of_seen, length, heads, False)
        _heads(pull, s, factor, held)
        multiply(score, broad, 1, held, of_seen, length, heads, True)
        give(of_seen, length, F(1.0), of_rows, first, 0, unread)
