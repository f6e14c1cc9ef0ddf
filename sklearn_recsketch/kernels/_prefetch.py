"""Prefetch array entries into the processor cache."""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sklearn_recsketch.kernels._jit import inlined

__all__ = ["prefetch_entry", "prefetch_row"]

_LINE = 16  # float32 values per cache line


@intrinsic
def _touch(typingctx, array, indices):
    """Prefetch ``array[indices]`` into all cache levels with the prefetch intrinsic of LLVM. `indices` is a tuple."""

    def generate(context, builder, signature, arguments):
        array_type, tuple_type = signature.args
        places = [
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(cgutils.unpack_tuple(builder, arguments[1]), tuple_type, strict=True)
        ]
        values = context.make_array(array_type)(context, builder, arguments[0])
        address = cgutils.get_item_pointer(
            context, builder, array_type, values, places, wraparound=False, boundscheck=False
        )
        address = builder.bitcast(address, ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, indices), generate


@inlined
def prefetch_entry(array, index):
    """Prefetch an entry of a vector into the processor cache."""
    _touch(array, (index,))  # type: ignore[call-arg]  # numba passes the typing context


@inlined
def prefetch_row(array, row):
    """Prefetch a row of a float32 matrix into the processor cache."""
    for k in range(0, array.shape[1], _LINE):
        _touch(array, (row, k))  # type: ignore[call-arg]
