"""Vectors of float32 as numbers that the compiler knows, and products of small matrices with them.

Loops over single numbers become vectors only where the compiler finds that worth it, with a
remainder of single steps that takes most of the time where rows are short. Here rows are padded to
whole vectors, and loops step over these.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-untyped-decorators=False, check-untyped-defs=False

from __future__ import annotations

import operator

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model
from numba.np.arrayobj import make_array

from xanalysis.runner.training.cpu.numbers import (
    FLOAT,
    HALF,
    INT,
    alike,
    constant,
    exact,
    filled,
    kept_or_not,
    rounded,
    widened,
)

_WIDE = bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
LANES = 16 if _WIDE else 8  # numbers in a vector
TALL = 8 if _WIDE else 4  # rows of a product at a time, two vectors wide: what registers hold
PAD = 16  # what rows are padded to, on every machine: dropout counts places
FREE = ("contract", "reassoc", "nsz", "arcp")
_VECTOR = ir.VectorType(FLOAT, LANES)
_INTS = ir.VectorType(INT, LANES)


class _Vector(types.Type):
    def __init__(self):
        super().__init__(name=f"vector of {LANES} float32")


VECTOR = _Vector()


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _VECTOR)


def _is_vector(*given):
    return VECTOR in given and all(x in (VECTOR, types.float32) for x in given)


def _arithmetic(symbol, generate_one):
    @intrinsic
    def compute(typing, a, b):
        def generate(context, builder, signature, arguments):
            return generate_one(builder, *alike(builder, *arguments))

        return VECTOR(a, b), generate

    @overload(symbol)
    def of(a, b):
        return (lambda a, b: compute(a, b)) if _is_vector(a, b) else None


_arithmetic(operator.add, lambda builder, a, b: builder.fadd(a, b, flags=FREE))
_arithmetic(operator.sub, lambda builder, a, b: builder.fsub(a, b, flags=FREE))
_arithmetic(operator.truediv, lambda builder, a, b: builder.fdiv(a, b, flags=FREE))
_arithmetic(operator.mul, lambda builder, a, b: builder.fmul(a, b, flags=FREE))


@intrinsic
def full(typing, number):
    """A vector with a number in every place."""

    def generate(context, builder, signature, arguments):
        return filled(builder, _VECTOR, arguments[0])

    return VECTOR(types.float32), generate


def _pointer(context, builder, kind, array, at, of):
    data = make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), ir.PointerType(of))


def _loaded(context, builder, kind, array, at):
    if isinstance(kind.dtype, types.Float):
        return builder.load(_pointer(context, builder, kind, array, at, _VECTOR), align=4)
    halves = ir.VectorType(HALF, LANES)
    held = builder.load(_pointer(context, builder, kind, array, at, halves), align=2)
    return widened(builder, held)


@intrinsic
def load(typing, array, at):
    """The numbers from place ``at`` of an array on, which lies in one piece."""

    def generate(context, builder, signature, arguments):
        return _loaded(context, builder, array, *arguments)

    return VECTOR(array, types.int64), generate


@intrinsic
def store(typing, array, at, vector):
    """Put a vector's numbers into an array from place ``at`` on."""

    def generate(context, builder, signature, arguments):
        held, place, value = arguments
        align = 4
        if not isinstance(array.dtype, types.Float):
            value, align = rounded(builder, value), 2
        pointer = _pointer(context, builder, array, held, place, value.type)
        builder.store(value, pointer, align=align)
        return context.get_dummy_value()

    return types.void(array, types.int64, VECTOR), generate


@intrinsic
def within(typing, vector, count, other):
    """The first ``count`` numbers of a vector, ``other`` in the places after them."""

    def generate(context, builder, signature, arguments):
        x, count, other = arguments
        places = ir.VectorType(count.type, LANES)
        inside = builder.icmp_signed(
            "<", ir.Constant(places, list(range(LANES))), filled(builder, places, count)
        )
        return builder.select(inside, x, filled(builder, _VECTOR, other))

    return VECTOR(VECTOR, types.int64, types.float32), generate


def _folded(combine):
    """A function of all numbers in a vector: halves of it combined, until one is left."""

    @intrinsic
    def fold(typing, vector):
        def generate(context, builder, signature, arguments):
            (x,) = arguments
            while x.type.count > 1:
                half = x.type.count // 2
                shape = ir.VectorType(INT, half)
                parts = (list(range(half)), list(range(half, 2 * half)))
                x = combine(
                    builder, *(builder.shuffle_vector(x, x, ir.Constant(shape, p)) for p in parts)
                )
            return builder.extract_element(x, ir.Constant(INT, 0))

        return types.float32(VECTOR), generate

    return fold


sum_of = _folded(lambda builder, a, b: builder.fadd(a, b))
largest_of = _folded(
    lambda builder, a, b: builder.select(builder.fcmp_unordered("ult", a, b), b, a)
)


@intrinsic
def kept_of(typing, place, first, second, edge, scale):
    """See ``numbers.kept``: for the places from ``place`` on."""

    def generate(context, builder, signature, arguments):
        place, *keys, scale = arguments
        places = filled(builder, _INTS, builder.trunc(place, INT))
        places = builder.add(places, ir.Constant(_INTS, list(range(LANES))))
        keys = [filled(builder, _INTS, key) for key in keys]
        return kept_or_not(builder, places, *keys, filled(builder, _VECTOR, scale))

    given = types.int64, types.uint32, types.uint32, types.uint32, types.float32
    return VECTOR(*given), generate


@intrinsic
def across(typing, rows, first, last, column, add, out, row, place):
    """A square of ``LANES`` rows and columns, plus ``add`` to each row, transposed.

    Column ``column`` of the rows from ``first`` on (the last one again beyond ``last``) comes to
    lie in row ``row`` of ``out`` from ``place`` on.
    """
    whole = types.int64

    def generate(context, builder, signature, arguments):
        rows_, first, last, column, add, out_, row, place = arguments
        count = [ir.Constant(first.type, n) for n in range(LANES)]
        held = make_array(rows)(context, builder, rows_)
        step = builder.extract_value(held.shape, 1)
        lines = []
        for n in count:
            at = builder.add(first, n)
            at = builder.select(builder.icmp_signed("<", at, last), at, last)
            at = builder.add(builder.mul(at, step), column)
            lines.append(builder.fadd(_loaded(context, builder, rows, rows_, at), add, flags=FREE))
        near = LANES // 2
        while near:  # squares within squares change places
            shape = ir.VectorType(INT, LANES)
            lower = [n if not n & near else n - near + LANES for n in range(LANES)]
            upper = [n + near if not n & near else n + LANES for n in range(LANES)]
            for n in range(LANES):
                if not n & near:
                    a, b = lines[n], lines[n + near]
                    lines[n] = builder.shuffle_vector(a, b, ir.Constant(shape, lower))
                    lines[n + near] = builder.shuffle_vector(a, b, ir.Constant(shape, upper))
            near //= 2
        step = builder.extract_value(make_array(out)(context, builder, out_).shape, 1)
        for n, line in zip(count, lines, strict=True):
            at = builder.add(builder.mul(builder.add(row, n), step), place)
            builder.store(line, _pointer(context, builder, out, out_, at, _VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(rows, whole, whole, whole, VECTOR, out, whole, whole), generate


def _tile(vectors):
    """A kernel: ``TALL`` rows of a product, ``vectors`` wide, that stay in registers."""

    @intrinsic
    def tile(typing, a, a_at, a_row, a_step, b, b_at, b_step, c, c_at, c_step, depth, more):
        whole = types.int64

        def generate(context, builder, signature, arguments):
            a_, a_at, a_row, a_step, b_, b_at, b_step, c_, c_at, c_step, depth, more = arguments
            count = [ir.Constant(depth.type, n) for n in range(max(TALL, vectors * LANES + 1))]

            def along(at, step, times):
                return builder.add(at, builder.mul(step, times))

            sums = []
            for row in range(TALL):
                for v in range(vectors):
                    at = builder.add(along(c_at, c_step, count[row]), count[v * LANES])
                    place = _pointer(context, builder, c, c_, at, _VECTOR)
                    held = builder.load(place, align=4)
                    total = cgutils.alloca_once(builder, _VECTOR)
                    builder.store(builder.select(more, held, constant(_VECTOR, 0.0)), total)
                    sums.append((place, total))
            with cgutils.for_range(builder, depth) as loop:
                at = along(b_at, b_step, loop.index)
                wide = [
                    builder.load(
                        _pointer(
                            context, builder, b, b_, builder.add(at, count[v * LANES]), _VECTOR
                        ),
                        align=4,
                    )
                    for v in range(vectors)
                ]
                for row in range(TALL):
                    at = along(along(a_at, a_row, count[row]), a_step, loop.index)
                    x = builder.load(_pointer(context, builder, a, a_, at, FLOAT))
                    x = filled(builder, _VECTOR, x)
                    for v in range(vectors):
                        total = sums[row * vectors + v][1]
                        product = builder.fmul(x, wide[v], flags=FREE)
                        builder.store(builder.fadd(builder.load(total), product, flags=FREE), total)
            for place, total in sums:
                builder.store(builder.load(total), place, align=4)
            return context.get_dummy_value()

        given = a, whole, whole, whole, b, whole, whole, c, whole, whole, whole, types.boolean
        return types.void(*given), generate

    return tile


_narrow, _broad = _tile(1), _tile(2)


@exact
def multiply(a, row, step, b, c, rows, depth, more):
    """``c[:rows] = a @ b[:depth]``, or added to it.

    Args:
        a: Of which ``a[r, k]`` is number ``r * row + k * step``; so it can be read transposed.
        row: See there.
        step: See there.
        b: ``[>= depth, width]``, width a multiple of ``LANES``.
        c: ``[>= rows, width]``; it, and ``a``, have memory for ``rows`` up to the next multiple of
            ``TALL``. What comes to lie there means nothing.
        rows: Of the product.
        depth: Over which it sums.
        more: Whether to add to ``c``.
    """
    width = c.shape[1]
    for r in range(0, rows, TALL):
        for j in range(0, width - LANES, 2 * LANES):
            _broad(a, r * row, row, step, b, j, width, c, r * width + j, width, depth, more)
        if width % (2 * LANES):
            j = width - LANES
            _narrow(a, r * row, row, step, b, j, width, c, r * width + j, width, depth, more)
