"""Numbers as Plotly's compact base64 arrays, which keep payloads small."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_CODES = {
    "float32": "f4", "float64": "f8", "int32": "i4", "int16": "i2", "uint8": "u1", "int8": "i1",
}


def packed(values: ArrayLike, dtype: str | None = None) -> Any:
    """A one- or two-dimensional array in the form that plotly.js decodes.

    ``dtype`` narrows the type; int64 becomes int32 when it fits, else float64.
    """
    array = np.asarray(values)
    if dtype is not None:
        array = array.astype(dtype)
    elif array.dtype == np.int64:
        fits = array.size == 0 or (abs(array.min()) < 2**31 and abs(array.max()) < 2**31)
        array = array.astype(np.int32 if fits else np.float64)
    elif array.dtype.name not in _CODES:
        array = array.astype(np.float64)
    result = {
        "dtype": _CODES[array.dtype.name],
        "bdata": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    }
    if array.ndim == 2:
        result["shape"] = f"{array.shape[0]}, {array.shape[1]}"
    return result
