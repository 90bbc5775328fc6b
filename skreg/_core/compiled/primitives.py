"""What numba lacks: views that own nothing, calls by address, products of BLAS."""

import ctypes

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
from scipy.linalg import cython_blas

from .jit import kernel

__all__ = ["address_of_product", "call", "matrix", "product", "vector"]


def _view(typingctx, array, n_dimensions):
    """Type and code of a view of a C-ordered array."""
    view_type = types.Array(array.dtype, n_dimensions, "C", readonly=not array.mutable)

    def generate(context, builder, signature, arguments):
        array_type = signature.args[0]
        array, start, *shape = arguments
        source = make_array(array_type)(context, builder, array)
        itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
        strides = [context.get_constant(types.intp, itemsize)]
        for size in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], size))
        view = make_array(view_type)(context, builder)
        populate_array(
            view,
            data=builder.gep(source.data, [start]),
            shape=shape,
            strides=strides,
            itemsize=itemsize,
            meminfo=None,
        )
        return view._getvalue()

    return view_type(array, *[types.intp] * (1 + n_dimensions)), generate


@intrinsic
def vector(typingctx, array, start, size):
    """The vector of `size` elements, from element `start` of a C-ordered array on.

    Like `matrix`, it does not keep the array alive. In return it costs nothing, neither
    when it is made nor when it is compiled, where a slice counts who refers to it.
    """
    return _view(typingctx, array, 1)


@intrinsic
def matrix(typingctx, array, start, n_rows, n_columns):
    """The C-ordered matrix, from element `start` of a C-ordered array on."""
    return _view(typingctx, array, 2)


def _called(builder, context, address, arguments, argument_types, return_type):
    """The code of a call of what is at an address."""
    kinds = [context.get_value_type(each) for each in argument_types]
    kind = ir.FunctionType(context.get_value_type(return_type), kinds)
    return builder.call(builder.inttoptr(address, kind.as_pointer()), arguments)


@intrinsic
def call(typingctx, address, arguments):
    """Call the kernel at an address (see `jit.address_of`), which returns nothing.

    Parameters
    ----------
    address : int
    arguments : tuple
        Of exactly the types that the kernel was compiled for.
    """

    def generate(context, builder, signature, given):
        address, arguments = given
        argument_types = list(signature.args[1])
        parts = cgutils.unpack_tuple(builder, arguments, len(argument_types))
        _called(builder, context, address, parts, argument_types, types.void)
        return context.get_dummy_value()

    return types.void(address, arguments), generate


def _exported_address(name):
    """The address of a ``gemm`` that SciPy exports to Cython.

    Raises
    ------
    ImportError
        If it takes other integers than C's ``int``, of which `_gemm` hands it six.
    """
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype = ctypes.c_void_p
    get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    capsule = cython_blas.__pyx_capi__[name]
    # Cython names a function by its declaration.
    declaration = get_name(capsule)
    if declaration.count(b", int *") != 6:
        raise ImportError(f"SciPy declares {name} as {declaration.decode()!r}.")
    return get_pointer(capsule, declaration)


_PRODUCTS = {
    "float64": _exported_address("dgemm"),
    "float32": _exported_address("sgemm"),
}


def address_of_product(dtype):
    """The address of BLAS's ``gemm`` for a dtype.

    Compiled functions are given it as a number: what is kept of them on disk must not
    contain an address of the process that compiled them.
    """
    return _PRODUCTS[np.dtype(dtype).name]


@intrinsic
def _gemm(typingctx, address, one, transposed, sizes, A, B, C, strides):
    """``C = op(A) op(B)`` of matrices in Fortran's order, from their first elements."""

    def generate(context, builder, signature, arguments):
        address, one, transposed, sizes, A, B, C, strides = arguments
        integer, letter = ir.IntType(32), ir.IntType(8)

        def stored(value):
            # Memory of the calling function, the same for all calls in a loop.
            place = cgutils.alloca_once(builder, value.type)
            builder.store(value, place)
            return place

        def integers(values):
            parts = cgutils.unpack_tuple(builder, values)
            return [stored(builder.trunc(part, integer)) for part in parts]

        def letters(flags):
            yes, no = letter(ord("T")), letter(ord("N"))
            return [
                stored(builder.select(cgutils.as_bool_bit(builder, flag), yes, no))
                for flag in cgutils.unpack_tuple(builder, flags)
            ]

        def pointer(array, array_type):
            return make_array(array_type)(context, builder, array).data

        array_types = signature.args[4:7]
        a, b, c = map(pointer, (A, B, C), array_types)
        (m, n, k), (lda, ldb, ldc) = integers(sizes), integers(strides)
        trans_a, trans_b = letters(transposed)
        alpha, beta = stored(one), stored(ir.Constant(one.type, 0.0))
        given = [trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
        builder.call(builder.inttoptr(address, kind.as_pointer()), given)
        return context.get_dummy_value()

    arguments = address, one, transposed, sizes, A, B, C, strides
    return types.void(*arguments), generate


# OpenBLAS packs the operands of larger products than this (in multiply-adds), which
# costs a product a little above it a tenth to a fifth of its speed. Cut into a few
# parts it stays below; far above it packing pays.
_UNPACKED_PRODUCT = 1_000_000
_MOST_PARTS = 4


@kernel
def product(gemm, A, is_a_transposed, B, is_b_transposed, out):
    """``out = op(A) @ op(B)``, where ``op`` transposes or not.

    Parameters
    ----------
    gemm : int
        See `address_of_product`.
    A, B, out : C-ordered matrices
    is_a_transposed, is_b_transposed : bool
    """
    n_rows, n_columns = out.shape
    n_inner = A.shape[0] if is_a_transposed else A.shape[1]
    most_rows = n_rows
    n_parts = -(-n_rows * n_columns * n_inner // _UNPACKED_PRODUCT)
    if 1 < n_parts <= _MOST_PARTS:
        most_rows = -(-n_rows // n_parts)
    # A C-ordered matrix is its transpose in Fortran's order, and the product of the
    # transposes, in the other order, is the transpose of the product.
    row_of_a = 1 if is_a_transposed else A.shape[1]
    for start in range(0, n_rows, most_rows):
        size = min(most_rows, n_rows - start)
        _gemm(
            gemm,
            out.dtype.type(1),
            (is_b_transposed, is_a_transposed),
            (n_columns, size, n_inner),
            B,
            vector(A, start * row_of_a, size),
            vector(out, start * n_columns, size),
            (B.shape[1], A.shape[1], n_columns),
        )
