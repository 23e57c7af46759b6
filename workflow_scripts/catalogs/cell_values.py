"""Cells of a table as text that keeps every digit, or as numbers."""

from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.errors import InputError

# From here on float64 skips integers.
_FLOAT_INTEGERS = 2.0**53
# How programs write floating-point numbers into text; the sign keeps hexadecimal ids (12e4567) apart.
_EXPONENT = r"[+-]?\d+(?:\.\d*)?[eE][+-]\d+"
_WHOLE = r"[+-]?\d+\.0*"


def as_numbers(cells: pd.Series) -> tuple[pd.Series, int]:
    """Cells as float64, NaN where there is no number; and how many are not empty and no number."""
    numbers = pd.to_numeric(_decoded(cells), errors="coerce").astype("float64")
    return numbers, int((numbers.isna() & ~_is_empty(cells)).sum())


def is_mostly_numbers(cells: pd.Series) -> bool:
    """Whether at least half of the cells that are not empty are numbers that float64 can hold."""
    known = cells[~_is_empty(cells)]
    numbers, _ = as_numbers(known)
    return len(known) > 0 and bool((numbers.abs() < _FLOAT_INTEGERS).mean() >= 0.5)


def as_text(cells: pd.Series, where: str) -> pd.Series:
    """Cells as text without blanks around it, None where empty; whole numbers without a decimal point.

    Raises
    ------
    InputError
        (beginning with `where`) for floating-point numbers that are not whole or too large to be exact, also where
        they were written as text (`5.877E+17`): these no longer tell ids apart.
    """
    if pd.api.types.is_float_dtype(cells):
        cells = cells.where(np.isfinite(cells.astype("float64")))
        _refuse(cells[(cells.abs() >= _FLOAT_INTEGERS) | (cells != np.trunc(cells)) & cells.notna()], where)
        cells = cells.astype("Int64")
    if _is_numeric(cells):
        text = cells.astype("string").astype(object)
    else:
        text = _decoded(cells).astype(object)
        _refuse(text[text.str.fullmatch(_EXPONENT).eq(True)], where)
        whole = text.str.fullmatch(_WHOLE).eq(True)
        _refuse(text[whole][text[whole].astype("float64").abs() >= _FLOAT_INTEGERS], where)
        text[whole] = text[whole].str.replace(r"\..*", "", regex=True)
    return text.where(~_is_empty(text), None)


def _refuse(lossy: pd.Series, where: str) -> None:
    if len(lossy):
        raise InputError(
            f"{where} holds floating-point numbers such as {lossy.iloc[0]}, expected integers or text, which keep"
            " every digit"
        )


def _is_numeric(cells: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)


def _decoded(cells: pd.Series) -> pd.Series:
    """Numbers as they are, anything else as text without blanks around it."""
    return cells if _is_numeric(cells) else cells.map(_one_text, na_action="ignore")


def _one_text(cell: Any) -> str:
    return (cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)).strip()


def _is_empty(cells: pd.Series) -> pd.Series:
    return cells.isna() | _decoded(cells).eq("")
