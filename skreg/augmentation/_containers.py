"""Rows in the container that the user gave.

pandas and polars are imported only when the user gives one of their objects. Unknown
containers, such as a memory map, come back as arrays.
"""

import numpy as np
from scipy import sparse


def _library(container):
    """The top-level package of the container's class."""
    return type(container).__module__.partition(".")[0]


def take_rows(container, rows):
    """Some rows of a container by position; the index of pandas begins at 0 again."""
    library = _library(container)
    if library == "pandas":
        return container.iloc[rows].reset_index(drop=True)
    if library == "polars":
        return container[rows]
    if sparse.issparse(container):
        return container.tocsr()[rows].asformat(container.format)
    if isinstance(container, (list, tuple)):
        return type(container)(container[row] for row in rows)
    return np.asarray(container)[rows]


def rows_like(values, container):
    """Put `values`, an array or CSR matrix of rows, into a container like `container`.

    Columns keep their names and dtypes. Values for integer columns are rounded to the
    nearest integer in the dtype's range.
    """
    library = _library(container)
    if library == "pandas":
        return _pandas_rows(values, container)
    if library == "polars":
        return _polars_rows(values, container)
    if sparse.issparse(container):
        values = sparse.csr_array(values)
        values.data = cast(values.data, container.dtype)
        values.eliminate_zeros()
        return type(container)(values.asformat(container.format))
    values = _dense(values)
    if isinstance(container, (list, tuple)):
        return type(container)(cast(values, np.asarray(container).dtype).tolist())
    return cast(values, np.asarray(container).dtype)


def target_like(values, container):
    """Put float targets, of shape (n,) or (n, n_outputs), into a container's type."""
    library = _library(container)
    if library == "pandas":
        import pandas as pd

        if values.ndim == 1:
            return pd.Series(values, name=container.name)
        return pd.DataFrame(values, columns=container.columns)
    if library == "polars":
        import polars as pl

        if values.ndim == 1:
            return pl.Series(container.name, values)
        return pl.DataFrame(values, schema=container.columns)
    return values.tolist() if isinstance(container, (list, tuple)) else values


def concatenate_rows(container, other):
    """The rows of `container` followed by those of `other`, which has the same type."""
    library = _library(container)
    if library == "pandas":
        import pandas as pd

        return pd.concat([container, other], ignore_index=True)
    if library == "polars":
        import polars as pl

        return pl.concat([container, other])
    if sparse.issparse(container):
        return type(container)(
            sparse.vstack([container, other], format=container.format)
        )
    if isinstance(container, (list, tuple)):
        return container + other
    return np.concatenate([np.asarray(container), other])


def cast(values, dtype):
    """`values` in `dtype`; for integers rounded and clipped rather than cut off."""
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        high = values.dtype.type(bounds.max)
        if int(high) > bounds.max:
            # The largest integers of 64 bits are between two floats.
            high = np.nextafter(high, values.dtype.type(0))
        return np.clip(np.rint(values), bounds.min, high).astype(dtype)
    if dtype.kind == "b":
        return values > 0.5
    return values.astype(dtype, copy=False)


def _dense(values):
    return values.toarray() if sparse.issparse(values) else values


def _pandas_rows(values, frame):
    import pandas as pd

    dtypes = list(frame.dtypes)
    if len(set(dtypes)) == 1 and getattr(dtypes[0], "kind", "O") == "f":
        # This usual case needs no loop over the columns, even if these are sparse.
        if sparse.issparse(values):
            rows = pd.DataFrame.sparse.from_spmatrix(values, columns=frame.columns)
        else:
            rows = pd.DataFrame(values, columns=frame.columns)
        return rows.astype(dtypes[0])
    values = _dense(values)
    columns = {
        position: pd.Series(_for_pandas(values[:, position], dtype)).astype(dtype)
        for position, dtype in enumerate(dtypes)
    }
    rows = pd.DataFrame(columns)
    rows.columns = frame.columns
    return rows


def _for_pandas(column, dtype):
    """Round values that are to become integers; pandas converts all others."""
    # Sparse and nullable dtypes name the NumPy dtype beneath.
    numpy_dtype = getattr(dtype, "subtype", getattr(dtype, "numpy_dtype", dtype))
    return cast(column, numpy_dtype) if isinstance(numpy_dtype, np.dtype) else column


def _polars_rows(values, frame):
    import polars as pl

    values = _dense(values)
    columns = [
        pl.Series(name, cast(values[:, i], frame[name].to_numpy().dtype)).cast(dtype)
        for i, (name, dtype) in enumerate(frame.schema.items())
    ]
    return pl.DataFrame(columns)
