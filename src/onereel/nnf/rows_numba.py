"""Squared differences between rows of two patches, as vector instructions.

Loops of so few steps would be compiled to scalar code, so their vector form is written out here. A row is pw * C
consecutive elements of a channels-last video; the rows of a patch's frame lie `stride` elements apart. The compiler
must know how long a row is and how many there are, so both come as types: `row` and `rows` are empty arrays of byte
strings of that length.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = {"float32": 16, "uint8": 32}
"""Elements per vector load (512 bits; of bytes 256, which become 512 when they are widened); narrower machines split
them. A video needs as many elements of padding behind its end, because the last load may reach over it."""

_I8, _I16, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()


@intrinsic
def rows_distance(
    typing_context: Any,
    queries: Any,
    query: Any,
    query_stride: Any,
    keys: Any,
    key: Any,
    key_stride: Any,
    row: Any,
    rows: Any,
) -> Any:
    """Sum of squared differences of the rows from queries[query] and keys[key] on, float32.

    `queries` and `keys` are both float32 or both uint8; sums of bytes are exact up to 2^31.
    """
    length, count = row.dtype.count, rows.dtype.count
    summed = _sum_of_floats if str(queries.dtype) == "float32" else _sum_of_bytes
    integers = (types.intp, types.intp)
    signature = types.float32(queries, *integers, keys, *integers, row, rows)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        starts = []
        for place in (0, 3):
            array = context.make_array(signature.args[place])(context, builder, args[place])
            starts.append(builder.gep(array.data, [args[place + 1]]))
        return summed(builder, starts, (args[2], args[5]), length, count)

    return signature, generate


def _sum_of_floats(builder: Any, starts: list[Any], strides: Any, length: int, rows: int) -> Any:
    lanes = LANES["float32"]
    vector = ir.VectorType(_F32, lanes)
    total = ir.Constant(vector, [0.0] * lanes)
    for row, offset in _loads(rows, length, lanes):
        left, right = (
            _load(builder, start, stride, row, offset, vector) for start, stride in zip(starts, strides, strict=True)
        )
        difference = builder.fsub(left, right)
        if length - offset < lanes:
            inside = ir.Constant(ir.VectorType(ir.IntType(1), lanes), [offset + i < length for i in range(lanes)])
            difference = builder.select(inside, difference, ir.Constant(vector, [0.0] * lanes))
        square = builder.fmul(difference, difference, flags=("contract",))
        total = builder.fadd(total, square, flags=("contract", "reassoc", "nsz"))
    kind = ir.FunctionType(_F32, [_F32, vector])
    add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{lanes}f32")
    return builder.call(add, [ir.Constant(_F32, 0.0), total], fastmath=("reassoc",))


def _sum_of_bytes(builder: Any, starts: list[Any], strides: Any, length: int, rows: int) -> Any:
    """Differences of 16 bits, squared and added pairwise into 32: the form that compilers know as one instruction."""
    lanes = LANES["uint8"] if length > LANES["uint8"] // 2 else LANES["uint8"] // 2
    loaded, narrow, wide = (ir.VectorType(kind, lanes) for kind in (_I8, _I16, _I32))
    half = ir.VectorType(_I32, lanes // 2)
    total = ir.Constant(half, [0] * (lanes // 2))
    undefined = ir.Constant(wide, ir.Undefined)
    for row, offset in _loads(rows, length, lanes):
        left, right = (
            builder.zext(_load(builder, start, stride, row, offset, loaded), narrow)
            for start, stride in zip(starts, strides, strict=True)
        )
        difference = builder.sub(left, right)
        if length - offset < lanes:
            inside = ir.Constant(narrow, [-1 if offset + i < length else 0 for i in range(lanes)])
            difference = builder.and_(difference, inside)
        widened = builder.sext(difference, wide)
        square = builder.mul(widened, widened)
        even, odd = (
            builder.shuffle_vector(square, undefined, ir.Constant(half, list(range(first, lanes, 2))))
            for first in (0, 1)
        )
        total = builder.add(total, builder.add(even, odd))
    kind = ir.FunctionType(_I32, [half])
    add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.add.v{lanes // 2}i32")
    return builder.sitofp(builder.call(add, [total]), _F32)


def _loads(rows: int, length: int, lanes: int) -> list[tuple[int, int]]:
    return [(row, offset) for row in range(rows) for offset in range(0, length, lanes)]


def _load(builder: Any, start: Any, stride: Any, row: int, offset: int, vector: Any) -> Any:
    place = builder.add(builder.mul(stride, ir.Constant(_I64, row)), ir.Constant(_I64, offset))
    value = builder.load(builder.bitcast(builder.gep(start, [place]), vector.as_pointer()), typ=vector)
    value.align = 1 if vector.element == _I8 else 4
    return value
