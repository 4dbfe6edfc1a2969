"""Compiled steps of an encoder layer on CPUs: what lies between its matrix products, a pass each.

PyTorch would run each of these as three to eight operations, each of which reads and writes
everything once. Arrays are float32, or bfloat16 as int16 of the same bits; arithmetic is float32.
A kernel does the rows (or sequences, or heads) from ``start`` to ``stop`` and lets go of the
interpreter lock, so that several threads can share one call. ``sums`` are added to.

Dropout draws a number for each value as a function of its place and two keys (a 32-bit mixing
function of xorshifts and products), so going backward it is drawn again rather than kept.
``draws`` holds the two keys and the edge below which a value is dropped; with edge 0 none is.
"""

# Annotations would not help the compiler, which reads types off the arguments.
# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-untyped-decorators=False, check-untyped-defs=False

from __future__ import annotations

import numpy as np

from xanalysis.runner.training.cpu.numbers import (
    F,
    by_sign,
    exact,
    exp,
    kept,
    kernel,
    read,
    scale_of,
    stored,
)


@exact
def _normal(x, e):
    """The normal distribution function to 2e-7; ``e`` is exp(-x^2 / 2).

    Abramowitz & Stegun 1964, 7.1.26.
    """
    t = F(1.0) / (F(1.0) + F(0.3275911 * 0.5**0.5) * abs(x))
    p = F(1.061405429) * t + F(-1.453152027)
    p = p * t + F(1.421413741)
    p = p * t + F(-0.284496736)
    p = p * t + F(0.254829592)
    tail = F(0.5) * (p * t * e)
    return by_sign(x, F(1.0) - tail, tail)


@kernel
def gelu(start, stop, inner, bias, result):
    """GELU of ``inner + bias``; its derivative takes the place of ``inner``."""
    for i in range(start, stop):
        row, out = inner[i], result[i]
        for j in range(row.size):
            x = read(row[j]) + bias[j]
            e = exp(F(-0.5) * x * x)
            below = _normal(x, e)
            out[j] = stored(x * below, out[j])
            row[j] = stored(below + F(0.3989422804) * x * e, row[j])


@kernel
def times(start, stop, gradient, derivative, sums):
    """Multiply a gradient by a derivative; ``sums`` of its columns."""
    for i in range(start, stop):
        row, by = gradient[i], derivative[i]
        for j in range(row.size):
            value = read(row[j]) * read(by[j])
            row[j] = stored(value, row[j])
            sums[j] += value


@kernel
def norm(start, stop, residual, branch, bias, weight, shift, epsilon, draws, result, spread):
    """LayerNorm of ``residual + dropout(branch + bias)``.

    The centred and scaled sum takes the place of ``branch``, ``spread`` holds one over the
    standard deviation of each row.
    """
    width = branch.shape[1]
    scale = scale_of(draws)
    line = np.empty(width, np.float32)
    for i in range(start, stop):
        held, row, out = residual[i], branch[i], result[i]
        total = F(0.0)
        for j in range(width):
            factor = kept(i * width + j, draws[0], draws[1], draws[2], scale)
            x = read(held[j]) + (read(row[j]) + bias[j]) * factor
            line[j] = x
            total += x
        mean = total / F(width)
        squares = F(0.0)
        for j in range(width):
            x = line[j] - mean
            line[j] = x
            squares += x * x
        over = F(1.0) / np.sqrt(squares / F(width) + epsilon)
        spread[i] = over
        for j in range(width):
            x = line[j] * over
            row[j] = stored(x, row[j])
            out[j] = stored(x * weight[j] + shift[j], out[j])


@kernel
def norm_back(start, stop, gradient, centred, spread, weight, draws, of_sum, of_branch, sums):
    """Backward of ``norm``.

    ``sums``, ``[3, width]``, are the gradients of its weight, its shift and the branch's bias.
    """
    width = gradient.shape[1]
    scale = scale_of(draws)
    of_weight, of_shift, of_bias = sums[0], sums[1], sums[2]
    for i in range(start, stop):
        row, held, out, branch = gradient[i], centred[i], of_sum[i], of_branch[i]
        total, along = F(0.0), F(0.0)
        for j in range(width):
            g, x = read(row[j]), read(held[j])
            of_weight[j] += g * x
            of_shift[j] += g
            total += g * weight[j]
            along += g * weight[j] * x
        total, along, over = total / F(width), along / F(width), spread[i]
        for j in range(width):
            g = over * (read(row[j]) * weight[j] - total - read(held[j]) * along)
            out[j] = stored(g, out[j])
            g *= kept(i * width + j, draws[0], draws[1], draws[2], scale)
            branch[j] = stored(g, branch[j])
            of_bias[j] += g
