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
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

F = np.float32
_INT, _FLOAT, _HALF = ir.IntType(32), ir.FloatType(), ir.IntType(16)


def _compiled(*freedoms):
    """A decorator: compiled when first called, kept for later processes where there is a place."""

    def decorate(function):
        # Loops become vectors only if no division raises.
        flags = {"nogil": True, "error_model": "numpy", "fastmath": set(freedoms)}
        try:
            return njit(cache=True, **flags)(function)
        except RuntimeError:  # neither beside the package nor in the user's cache
            return njit(**flags)(function)

    return decorate


_kernel = _compiled("contract", "reassoc", "nsz", "arcp")  # sums in any order
_exact = _compiled("contract")
_finite = _compiled("nnan", "nsz", "reassoc")


@intrinsic
def _read(typing, value):
    """A stored number as float32."""

    def generate(context, builder, signature, arguments):
        (bits,) = arguments
        if isinstance(value, types.Float):
            return bits
        wide = builder.shl(builder.zext(bits, _INT), ir.Constant(_INT, 16))
        return builder.bitcast(wide, _FLOAT)

    return types.float32(value), generate


@intrinsic
def _as(typing, value, like):
    """A float32 as it is stored beside ``like``: to the nearest, ties to even."""

    def generate(context, builder, signature, arguments):
        number, _ = arguments
        if isinstance(like, types.Float):
            return number
        bits = builder.bitcast(number, _INT)
        odd = builder.and_(builder.lshr(bits, ir.Constant(_INT, 16)), ir.Constant(_INT, 1))
        up = builder.add(bits, builder.add(odd, ir.Constant(_INT, 0x7FFF)))
        nan = builder.fcmp_unordered("uno", number, number)
        up = builder.select(nan, ir.Constant(_INT, 0x7FC00000), up)
        return builder.trunc(builder.lshr(up, ir.Constant(_INT, 16)), _HALF)

    return like(types.float32, like), generate


@intrinsic
def _kept(typing, place, first, second, edge, scale):
    """``scale``, or 0 where the number drawn for this place is below the edge."""

    def generate(context, builder, signature, arguments):
        place, first, second, edge, scale = arguments

        def mixed(value, shift):
            return builder.xor(value, builder.lshr(value, ir.Constant(_INT, shift)))

        drawn = builder.add(builder.trunc(place, _INT), first)
        drawn = builder.mul(mixed(drawn, 16), ir.Constant(_INT, 0x7FEB352D))
        drawn = builder.xor(mixed(drawn, 15), second)
        drawn = mixed(builder.mul(drawn, ir.Constant(_INT, 0x846CA68B)), 16)
        dropped = builder.icmp_unsigned("<", drawn, edge)
        return builder.select(dropped, ir.Constant(_FLOAT, 0.0), scale)

    given = types.int64, types.uint32, types.uint32, types.uint32, types.float32
    return types.float32(*given), generate


@intrinsic
def _power_of_two(typing, exponent):
    def generate(context, builder, signature, arguments):
        whole = builder.add(builder.fptosi(arguments[0], _INT), ir.Constant(_INT, 127))
        return builder.bitcast(builder.shl(whole, ir.Constant(_INT, 23)), _FLOAT)

    return types.float32(types.float32), generate


@intrinsic
def _larger(typing, a, b):
    def generate(context, builder, signature, arguments):
        a, b = arguments
        return builder.select(builder.fcmp_ordered("<", a, b), b, a)  # a where it is no number

    return types.float32(types.float32, types.float32), generate


@intrinsic
def _by_sign(typing, sign, above, below):
    def generate(context, builder, signature, arguments):
        sign, above, below = arguments
        positive = builder.fcmp_ordered(">", sign, ir.Constant(_FLOAT, 0.0))
        return builder.select(positive, above, below)

    return types.float32(types.float32, types.float32, types.float32), generate


@_exact
def _scale(draws):
    """By what dropout multiplies the values that it keeps."""
    return F(4294967296.0) / F(4294967296.0 - draws[2])


@_exact
def _exp(x):
    """e^x of x <= 0, to 2e-7 of itself: a polynomial between halves of ln 2 (as in Cephes)."""
    x = _larger(x, F(-87.0))
    n = np.floor(x * F(1.44269504) + F(0.5))
    r = (x - n * F(0.693359375)) + n * F(2.12194440e-4)
    p = F(1.9875691500e-4)
    p = p * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    return (p * (r * r) + r + F(1.0)) * _power_of_two(n)


@_exact
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
    return _by_sign(x, F(1.0) - tail, tail)


@_kernel
def gelu(start, stop, inner, bias, result):
    """GELU of ``inner + bias``; its derivative takes the place of ``inner``."""
    for i in range(start, stop):
        row, out = inner[i], result[i]
        for j in range(row.size):
            x = _read(row[j]) + bias[j]
            e = _exp(F(-0.5) * x * x)
            below = _normal(x, e)
            out[j] = _as(x * below, out[j])
            row[j] = _as(below + F(0.3989422804) * x * e, row[j])


@_kernel
def times(start, stop, gradient, derivative, sums):
    """Multiply a gradient by a derivative; ``sums`` of its columns."""
    for i in range(start, stop):
        row, by = gradient[i], derivative[i]
        for j in range(row.size):
            value = _read(row[j]) * _read(by[j])
            row[j] = _as(value, row[j])
            sums[j] += value


@_kernel
def norm(start, stop, residual, branch, bias, weight, shift, epsilon, draws, result, spread):
    """LayerNorm of ``residual + dropout(branch + bias)``.

    The centred and scaled sum takes the place of ``branch``, ``spread`` holds one over the
    standard deviation of each row.
    """
    width = branch.shape[1]
    scale = _scale(draws)
    line = np.empty(width, np.float32)
    for i in range(start, stop):
        kept, row, out = residual[i], branch[i], result[i]
        total = F(0.0)
        for j in range(width):
            factor = _kept(i * width + j, draws[0], draws[1], draws[2], scale)
            x = _read(kept[j]) + (_read(row[j]) + bias[j]) * factor
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
            row[j] = _as(x, row[j])
            out[j] = _as(x * weight[j] + shift[j], out[j])


@_kernel
def norm_back(start, stop, gradient, centred, spread, weight, draws, of_sum, of_branch, sums):
    """Backward of ``norm``.

    ``sums``, ``[3, width]``, are the gradients of its weight, its shift and the branch's bias.
    """
    width = gradient.shape[1]
    scale = _scale(draws)
    of_weight, of_shift, of_bias = sums[0], sums[1], sums[2]
    for i in range(start, stop):
        row, held, out, branch = gradient[i], centred[i], of_sum[i], of_branch[i]
        total, along = F(0.0), F(0.0)
        for j in range(width):
            g, x = _read(row[j]), _read(held[j])
            of_weight[j] += g * x
            of_shift[j] += g
            total += g * weight[j]
            along += g * weight[j] * x
        total, along, over = total / F(width), along / F(width), spread[i]
        for j in range(width):
            g = over * (_read(row[j]) * weight[j] - total - _read(held[j]) * along)
            out[j] = _as(g, out[j])
            g *= _kept(i * width + j, draws[0], draws[1], draws[2], scale)
            branch[j] = _as(g, branch[j])
            of_bias[j] += g


@_kernel
def pack(start, stop, values, bias, starts, sizes, heads, block):
    """Tokens' rows plus ``bias`` as a block by part, sequence, head and place; padding is zero.

    ``values`` are ``[tokens, parts * heads * size]``, ``block`` is
    ``[parts, sequences * heads, width, size]``.
    """
    parts, _, _, size = block.shape
    for s in range(start, stop):
        for part in range(parts):
            for h in range(heads):
                column = (part * heads + h) * size
                held, given = block[part, s * heads + h], bias[column : column + size]
                for place in range(sizes[s]):
                    row = values[starts[s] + place, column : column + size]
                    out = held[place]
                    for j in range(size):
                        out[j] = _as(_read(row[j]) + given[j], out[j])
                held[sizes[s] :] = 0


@_kernel
def unpack(start, stop, block, starts, sizes, heads, values, sums):
    """The way back from ``pack``; ``sums`` of the columns of ``values``."""
    parts, _, _, size = block.shape
    for s in range(start, stop):
        for part in range(parts):
            for h in range(heads):
                column = (part * heads + h) * size
                held, total = block[part, s * heads + h], sums[column : column + size]
                for place in range(sizes[s]):
                    row = values[starts[s] + place, column : column + size]
                    out = held[place]
                    for j in range(size):
                        row[j] = out[j]
                        total[j] += _read(out[j])


@_finite
def _largest(row, count):
    found = row[0]
    for j in range(1, count):
        found = _larger(row[j], found)
    return found


@_kernel
def attend(start, stop, scores, sizes, heads, factor, draws, shift, weights, dropped):
    """Softmax of ``factor * scores``, without and with dropout; 0 at padding.

    ``scores``, ``[sequences * heads, width, width]``, are lost; they share no memory with the
    results, or no loop becomes a vector. Places are counted from ``shift``.
    """
    width = scores.shape[1]
    scale = _scale(draws)
    for n in range(start, stop):
        size = sizes[n // heads]
        for place in range(size):
            row = scores[n, place]
            most = _largest(row, size)
            for j in range(width):
                row[j] = factor * (row[j] - most)
            row[size:] = F(-87.0)
        # One loop over all rows: short ones leave a remainder that is no vector.
        flat = scores[n].reshape(-1)
        for j in range(size * width):
            flat[j] = _exp(flat[j])
        for place in range(size):
            row, out, less = scores[n, place], weights[n, place], dropped[n, place]
            base = shift + (n * width + place) * width
            total = F(0.0)
            for j in range(width):
                total += row[j]
            over = F(1.0) / total
            for j in range(width):
                x = row[j] * over
                out[j] = _as(x, out[j])
                kept = _kept(base + j, draws[0], draws[1], draws[2], scale)
                less[j] = _as(_read(out[j]) * kept, less[j])  # as it will be drawn again
            out[size:] = 0
            less[size:] = 0
        weights[n, size:] = 0
        dropped[n, size:] = 0


@_kernel
def attend_back(start, stop, gradient, weights, sizes, heads, factor, draws, shift, dropped):
    """Backward of ``attend``: the gradient of the dropped weights becomes that of the scores.

    ``dropped`` gets the weights with dropout once more.
    """
    width = weights.shape[1]
    scale = _scale(draws)
    line = np.empty(width, np.float32)
    for n in range(start, stop):
        size = sizes[n // heads]
        for place in range(size):
            row, held, less = gradient[n, place], weights[n, place], dropped[n, place]
            base = shift + (n * width + place) * width
            total = F(0.0)
            for j in range(width):  # at padding weights are 0, and so is what comes of them
                kept = _kept(base + j, draws[0], draws[1], draws[2], scale)
                x = _read(held[j])
                g = _read(row[j]) * kept
                less[j] = _as(x * kept, less[j])
                line[j] = g
                total += x * g
            for j in range(width):
                x = factor * _read(held[j]) * (line[j] - total)
                row[j] = _as(x, row[j])
        gradient[n, size:] = 0
        dropped[n, size:] = 0
