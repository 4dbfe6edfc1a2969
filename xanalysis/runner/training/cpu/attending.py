"""Compiled self-attention, there and back: a sequence's head at a time, in a core's cache.

What a head reads is copied out of the batch's rows as float32, so products of its small matrices
need no padding but to whole vectors, and nothing of them but the attention probabilities is kept.
For what ``start``, ``stop``, ``sums`` and ``draws`` are, see
:mod:`xanalysis.runner.training.cpu.kernels`.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-untyped-decorators=False, check-untyped-defs=False

from __future__ import annotations

import numpy as np

from xanalysis.runner.training.cpu.numbers import (
    F,
    exact,
    exp,
    kernel,
    larger,
    read,
    scale_of,
    stored,
)
from xanalysis.runner.training.cpu.vectors import (
    LANES,
    PAD,
    across,
    full,
    kept_of,
    largest_of,
    load,
    multiply,
    store,
    sum_of,
    within,
)

BLOCK = 64  # queries at a time: their scores stay in the cache with long sequences, too


@exact
def padded(count):
    """How long rows of so many numbers are."""
    return -(-count // PAD) * PAD


@exact
def _matrix(memory, rows, width):
    return memory[: rows * width].reshape(rows, width)


@exact
def take(rows, first, count, column, bias, factor, out):
    """Columns of some rows, from ``column`` on, plus their bias, times a factor; 0 as padding."""
    size = bias.size
    whole = size - size % LANES
    by = full(factor)
    for i in range(count):
        row, given = rows[first + i], out[i]
        for j in range(0, whole, LANES):
            store(given, j, (load(row, column + j) + load(bias, j)) * by)
        for j in range(whole, size):
            given[j] = (read(row[column + j]) + bias[j]) * factor
        given[size:] = 0


@exact
def _take_across(rows, first, count, column, bias, out):
    """The same transposed, without factor: ``out`` is ``[columns, padded rows]``.

    The last row stands in the places of padding, too.
    """
    whole = bias.size - bias.size % LANES
    for i in range(0, out.shape[1], LANES):
        for j in range(0, whole, LANES):
            across(rows, first + i, first + count - 1, column + j, load(bias, j), out, j, i)
    for j in range(whole, bias.size):
        own, add = out[j], bias[j]
        for i in range(own.size):
            own[i] = read(rows[first + min(i, count - 1), column + j]) + add


@exact
def give(held, count, factor, rows, first, column, sums):
    """The way back from ``take``; ``sums`` of the columns."""
    size = sums.size
    whole = size - size % LANES
    by = full(factor)
    for j in range(0, whole, LANES):
        total = load(sums, j)
        for i in range(count):
            x = load(held[i], j) * by
            store(rows[first + i], column + j, x)
            total = total + x
        store(sums, j, total)
    for j in range(whole, size):
        for i in range(count):
            x = held[i, j] * factor
            rows[first + i, column + j] = stored(x, rows[0, 0])
            sums[j] += x


@kernel
def attend(start, stop, qkv, bias, starts, sizes, places, heads, factor, draws, weights, result):
    """Softmax of ``factor`` times queries times keys, dropped, times values.

    ``qkv`` are queries, keys and values, ``[tokens, 3 * width]``, to which ``bias`` is added.
    ``weights`` gets the probabilities without dropout, each sequence's from its one of ``places``
    on; nothing is kept where it is empty. ``result`` is ``[tokens, width]``.
    """
    width = result.shape[1]
    size, scale = width // heads, scale_of(draws)
    deep, most = padded(size), padded(sizes.max())
    query = np.empty((BLOCK, deep), np.float32)
    mixed = np.empty((BLOCK, deep), np.float32)
    value = np.empty((most, deep), np.float32)
    keys, score = np.empty(size * most, np.float32), np.empty(BLOCK * most, np.float32)
    nothing = np.empty(size, np.float32)
    for n in range(start, stop):
        s, column = n // heads, n % heads * size
        first, length = starts[s], sizes[s]
        wide = padded(length)
        key, scores = _matrix(keys, size, wide), _matrix(score, BLOCK, wide)
        of_key, of_value = width + column, 2 * width + column
        _take_across(qkv, first, length, of_key, bias[of_key : of_key + size], key)
        take(qkv, first, length, of_value, bias[of_value : of_value + size], F(1.0), value)
        for q in range(0, length, BLOCK):
            count = min(BLOCK, length - q)
            take(qkv, first + q, count, column, bias[column : column + size], factor, query)
            multiply(query, deep, 1, key, scores, count, size, False)
            place = places[s] + (n % heads * length + q) * wide
            for i in range(count):
                _soften(scores[i], length, draws, scale, place + i * wide, weights)
            multiply(scores, wide, 1, value, mixed, count, length, False)
            give(mixed, count, F(1.0), result, first + q, column, nothing)


@kernel
def _soften(row, length, draws, scale, place, weights):
    most, total = full(F(-np.inf)), full(F(0.0))
    for j in range(0, row.size, LANES):
        most = larger(most, within(load(row, j), length - j, F(-np.inf)))
    most = full(largest_of(most))
    for j in range(0, row.size, LANES):
        x = within(exp(load(row, j) - most), length - j, F(0.0))
        store(row, j, x)
        total = total + x
    over = full(F(1.0) / sum_of(total))
    for j in range(0, row.size, LANES):
        x = load(row, j) * over
        if weights.size:
            store(weights, place + j, x)
        store(row, j, x * kept_of(place + j, draws[0], draws[1], draws[2], scale))


@kernel
def attend_back(
    start,
    stop,
    gradient,
    qkv,
    bias,
    starts,
    sizes,
    places,
    heads,
    factor,
    draws,
    weights,
    of_qkv,
    sums,
):
    """Backward of ``attend``: gradients of ``qkv`` and, as ``sums``, of ``bias``."""
    width = gradient.shape[1]
    size, scale = width // heads, scale_of(draws)
    deep, most = padded(size), padded(sizes.max())
    query, outer = np.empty((BLOCK, deep), np.float32), np.empty((BLOCK, deep), np.float32)
    of_query = np.empty((BLOCK, deep), np.float32)
    key, of_key = np.empty((most, deep), np.float32), np.empty((most, deep), np.float32)
    of_value = np.empty((most, deep), np.float32)
    values = np.empty(size * most, np.float32)
    score, drop = np.empty(BLOCK * most, np.float32), np.empty(BLOCK * most, np.float32)
    nothing = np.zeros(size, np.float32)
    for n in range(start, stop):
        s, at = n // heads, n % heads * size
        at_key, at_value = width + at, 2 * width + at
        first, length = starts[s], sizes[s]
        wide = padded(length)
        value = _matrix(values, size, wide)
        scores, dropped = _matrix(score, BLOCK, wide), _matrix(drop, BLOCK, wide)
        take(qkv, first, length, at_key, bias[at_key : at_key + size], F(1.0), key)
        _take_across(qkv, first, length, at_value, bias[at_value : at_value + size], value)
        for q in range(0, length, BLOCK):
            count, more = min(BLOCK, length - q), q > 0
            take(qkv, first + q, count, at, bias[at : at + size], factor, query)
            take(gradient, first + q, count, at, nothing, F(1.0), outer)
            multiply(outer, deep, 1, value, scores, count, size, False)
            place = places[s] + (n % heads * length + q) * wide
            for i in range(count):
                _soften_back(scores[i], dropped[i], draws, scale, place + i * wide, weights)
            multiply(dropped, 1, wide, outer, of_value, length, count, more)
            multiply(scores, 1, wide, query, of_key, length, count, more)
            multiply(scores, wide, 1, key, of_query, count, length, False)
            give(of_query, count, factor, of_qkv, first + q, at, sums[at : at + size])
        give(of_key, length, F(1.0), of_qkv, first, at_key, sums[at_key : at_key + size])
        give(of_value, length, F(1.0), of_qkv, first, at_value, sums[at_value : at_value + size])


@kernel
def _soften_back(row, dropped, draws, scale, place, weights):
    """``row``, the gradient of the dropped probabilities, becomes that of the scores."""
    total = full(F(0.0))
    for j in range(0, row.size, LANES):
        kept = kept_of(place + j, draws[0], draws[1], draws[2], scale)
        x, g = load(weights, place + j), load(row, j) * kept
        store(dropped, j, x * kept)
        store(row, j, g)
        total = total + x * g
    total = full(sum_of(total))
    for j in range(0, row.size, LANES):
        store(row, j, load(weights, place + j) * (load(row, j) - total))
