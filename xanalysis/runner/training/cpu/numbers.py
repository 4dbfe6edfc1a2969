"""Numbers as compiled kernels handle them, one at a time: storage, dropout's draws, exponentials.

Arrays are float32, or bfloat16 as int16 of the same bits; arithmetic is float32. What works on the
numbers works on vectors of them, too (:mod:`xanalysis.runner.training.cpu.vectors`).
"""

# Annotations would not help the compiler, which reads types off the arguments.
# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# mypy: disallow-untyped-decorators=False, check-untyped-defs=False

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

F = np.float32
INT, FLOAT, HALF = ir.IntType(32), ir.FloatType(), ir.IntType(16)


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


kernel = _compiled("contract", "reassoc", "nsz", "arcp")  # sums in any order
exact = _compiled("contract")


def constant(like, value):
    """A number of an LLVM type, or a vector full of it."""
    if isinstance(like, ir.VectorType):
        return ir.Constant(like, [value] * like.count)
    return ir.Constant(like, value)


def shaped(like, number):
    """The LLVM type ``number``, or as many of them as ``like`` holds."""
    return ir.VectorType(number, like.count) if isinstance(like, ir.VectorType) else number


def filled(builder, like, number):
    """A vector of the type ``like`` with a number in every place."""
    undefined = ir.Constant(like, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(INT, 0))
    return builder.shuffle_vector(first, undefined, constant(shaped(like, INT), 0))


def alike(builder, *numbers):
    """Numbers and vectors, all of them vectors if one is."""
    vectors = [x.type for x in numbers if isinstance(x.type, ir.VectorType)]
    if not vectors:
        return numbers
    whole = (isinstance(x.type, ir.VectorType) for x in numbers)
    return [
        x if is_ else filled(builder, vectors[0], x) for x, is_ in zip(numbers, whole, strict=True)
    ]


def widened(builder, bits):
    """bfloat16's bits as float32."""
    ints = shaped(bits.type, INT)
    wide = builder.shl(builder.zext(bits, ints), constant(ints, 16))
    return builder.bitcast(wide, shaped(bits.type, FLOAT))


def rounded(builder, number):
    """The bits of the nearest bfloat16, ties to even."""
    ints = shaped(number.type, INT)
    bits = builder.bitcast(number, ints)
    odd = builder.and_(builder.lshr(bits, constant(ints, 16)), constant(ints, 1))
    up = builder.add(bits, builder.add(odd, constant(ints, 0x7FFF)))
    nan = builder.fcmp_unordered("uno", number, number)
    up = builder.select(nan, constant(ints, 0x7FC00000), up)
    return builder.trunc(builder.lshr(up, constant(ints, 16)), shaped(number.type, HALF))


def kept_or_not(builder, places, first, second, edge, scale):
    """``scale`` where the number drawn for a place is not below the edge, else 0."""

    def mixed(value, shift):
        return builder.xor(value, builder.lshr(value, constant(value.type, shift)))

    drawn = builder.add(places, first)
    drawn = builder.mul(mixed(drawn, 16), constant(drawn.type, 0x7FEB352D))
    drawn = builder.xor(mixed(drawn, 15), second)
    drawn = mixed(builder.mul(drawn, constant(drawn.type, 0x846CA68B)), 16)
    dropped = builder.icmp_unsigned("<", drawn, edge)
    return builder.select(dropped, constant(scale.type, 0.0), scale)


@intrinsic
def read(typing, value):
    """A stored number as float32."""

    def generate(context, builder, signature, arguments):
        (bits,) = arguments
        return bits if isinstance(value, types.Float) else widened(builder, bits)

    return types.float32(value), generate


@intrinsic
def stored(typing, value, like):
    """A float32 as it is stored beside ``like``."""

    def generate(context, builder, signature, arguments):
        number, _ = arguments
        return number if isinstance(like, types.Float) else rounded(builder, number)

    return like(types.float32, like), generate


@intrinsic
def kept(typing, place, first, second, edge, scale):
    """``scale``, or 0 where the number drawn for this place is below the edge."""

    def generate(context, builder, signature, arguments):
        place, *others = arguments
        return kept_or_not(builder, builder.trunc(place, INT), *others)

    given = types.int64, types.uint32, types.uint32, types.uint32, types.float32
    return types.float32(*given), generate


@intrinsic
def floor(typing, number):
    """The largest whole number that is not larger."""

    def generate(context, builder, signature, arguments):
        (x,) = arguments
        shape = f"v{x.type.count}f32" if isinstance(x.type, ir.VectorType) else "f32"
        function = ir.FunctionType(x.type, [x.type])
        name = f"llvm.floor.{shape}"
        return builder.call(cgutils.get_or_insert_function(builder.module, function, name), [x])

    return number(number), generate


@intrinsic
def power_of_two(typing, exponent):
    """2 to a whole number."""

    def generate(context, builder, signature, arguments):
        (x,) = arguments
        ints = shaped(x.type, INT)
        whole = builder.add(builder.fptosi(x, ints), constant(ints, 127))
        return builder.bitcast(builder.shl(whole, constant(ints, 23)), x.type)

    return exponent(exponent), generate


@intrinsic
def larger(typing, a, b):
    """The larger of two numbers; ``a`` where it is none."""
    wide = b if isinstance(a, types.Float) else a

    def generate(context, builder, signature, arguments):
        a, b = alike(builder, *arguments)
        return builder.select(builder.fcmp_ordered("<", a, b), b, a)

    return wide(a, b), generate


@intrinsic
def by_sign(typing, sign, above, below):
    """``above`` where a number is positive, else ``below``."""

    def generate(context, builder, signature, arguments):
        sign, above, below = arguments
        positive = builder.fcmp_ordered(">", sign, constant(sign.type, 0.0))
        return builder.select(positive, above, below)

    return sign(sign, sign, sign), generate


@exact
def scale_of(draws):
    """By what dropout multiplies the values that it keeps."""
    return F(4294967296.0) / F(4294967296.0 - draws[2])


@exact
def exp(x):
    """e^x of x <= 0, to 2e-7 of itself: a polynomial between halves of ln 2 (as in Cephes)."""
    x = larger(x, F(-87.0))
    n = floor(x * F(1.44269504) + F(0.5))
    r = (x - n * F(0.693359375)) + n * F(2.12194440e-4)
    p = F(1.9875691500e-4)
    p = p * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    return (p * (r * r) + r + F(1.0)) * power_of_two(n)
