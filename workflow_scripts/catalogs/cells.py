"""Cells of any stored type as numbers, as text that keeps every digit, or as classes; null is what is not known.

In columns of text only an empty cell is not known: "None" and "NA" are names like others.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workflow_scripts.catalogs.number_ranges import NumberRange
from workflow_scripts.errors import InputError

# From here on float64 skips integers.
_FLOAT_INTEGERS = 2.0**53
# How programs write floating-point numbers into text; the sign keeps hexadecimal ids (12e4567) apart.
_EXPONENT = r"^[+-]?\d+(?:\.\d*)?[eE][+-]\d+$"
_WHOLE = r"^([+-]?\d+)\.0*$"
_NUMBER = r"^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity))$"
_FORTRAN = r"^([+-]?(?:\d+\.?\d*|\.\d+))[dD]([+-]?\d+)$"
# Decimal commas, and commas between thousands.
_WITH_COMMAS = r"^[+-]?\d+(?:\.\d{3})*,\d+$|^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$"
_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
MOST_CLASSES = 1000
# Single precision holds a number to this part of it.
_SINGLE = 2e-7
# Numbers that stand for "not known" in many tables.
PLACEHOLDERS = (-9.0, -99.0, -99.9, -999.0, -9999.0, 99.0, 99.9, 999.0, 9999.0)
_SHOWN = 40


def as_numbers(cells: pa.Array, where: str) -> tuple[NDArray[np.float64], int]:
    """Cells as float64 (n,), NaN where there is no number, and how many are neither empty nor a number.

    Raises `InputError`, beginning with `where`, for cells of several values, and for dates.
    """
    cells = _plain(cells, where)
    kind = cells.type
    if _is_text(kind):
        texts = pc.utf8_trim_whitespace(cells)
        try:
            return _float_array(texts.cast(pa.float64())), 0
        except pa.ArrowInvalid:
            return _numbers_among_texts(texts, where)
    if pa.types.is_temporal(kind):
        raise InputError(f"{where} holds dates or times, expected numbers")
    # Whole numbers beyond 2^53 lose digits, as in any calculation.
    return _float_array(cells.cast(pa.float64(), safe=False)), 0


def _numbers_among_texts(texts: pa.Array, where: str) -> tuple[NDArray[np.float64], int]:
    """As `as_numbers`, of texts of which some are no numbers as they stand."""
    texts = pc.replace_substring(texts, "\u2212", "-")
    commas = texts.filter(pc.match_substring_regex(texts, _WITH_COMMAS))
    if len(commas):
        raise InputError(
            f"{where} holds numbers with commas such as {commas[0].as_py()}, expected a decimal point only"
        )
    texts = pc.replace_substring_regex(texts, _FORTRAN, r"\1e\2")
    number = pc.match_substring_regex(texts, _NUMBER)
    numbers = _float_array(pc.if_else(number, texts, pa.scalar(None, pa.string())).cast(pa.float64()))
    # `nan` is no text.
    other = pc.and_(pc.invert(number), pc.invert(pc.match_substring_regex(texts, r"^$|^(?i:[+-]?nan)$")))
    return numbers, pc.fill_null(other, False).true_count


def as_text(cells: pa.Array, where: str) -> pa.Array:
    """Cells as text without blanks around it, null where empty; whole numbers without a decimal point.

    Raises
    ------
    InputError
        (beginning with `where`) for floating-point numbers that are not whole or too large to be exact, also where
        they were written as text (`5.877E+17`): these no longer distinguish ids.
    """
    cells = _plain(cells, where)
    if pa.types.is_floating(cells.type):
        numbers = cells.cast(pa.float64())
        known = pc.is_finite(numbers)
        lossy = pc.or_(pc.greater_equal(pc.abs(numbers), _FLOAT_INTEGERS), pc.not_equal(numbers, pc.trunc(numbers)))
        _refuse(numbers.filter(pc.and_(known, lossy)), where)
        return pc.if_else(known, numbers, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(pa.string())
    if not _is_text(cells.type):
        return _number_text(cells)
    texts = _trimmed(cells)
    _refuse(texts.filter(pc.match_substring_regex(texts, _EXPONENT)), where)
    whole = pc.fill_null(pc.match_substring_regex(texts, _WHOLE), False)
    wholes = texts.filter(whole)
    _refuse(wholes.filter(pc.greater_equal(pc.abs(wholes.cast(pa.float64())), _FLOAT_INTEGERS)), where)
    return pc.if_else(whole, pc.replace_substring_regex(texts, _WHOLE, r"\1"), texts)


def as_classes(
    cells: pa.Array,
    where: str,
    ranges: Sequence[NumberRange] = (),
    not_known: Sequence[float] = (),
    most: int = MOST_CLASSES,
) -> pd.Categorical:
    """Cells as classes (texts), or, where there are ranges of numbers, the text of the range that holds each.

    Ranges share no number (`number_ranges.ranges_of`), and those that are `not_known` lie in none. There are `most`
    classes at most.

    Raises
    ------
    InputError
        (beginning with `where`) for more values than classes can have, for text where there are ranges, and for a
        number that lies in a range but looks like a placeholder.
    """
    if ranges:
        return _in_ranges(cells, where, ranges, not_known)
    encoded = cells if pa.types.is_dictionary(cells.type) else _plain(cells, where).dictionary_encode()
    values = _plain(encoded.dictionary, where)
    if len(values) > most:
        # Categories that do not occur.
        encoded = _plain(cells, where).dictionary_encode()
        values = encoded.dictionary
    if len(values) > most:
        # Groups are no ranges of numbers.
        advice = (
            ""
            if _is_text(values.type) or most < MOST_CLASSES
            else "; of numbers give ranges ('>= 0.5'), or take them for scores"
        )
        raise InputError(f"{where} has more than {most} values such as {values[0].as_py()}, expected classes{advice}")
    texts = (_float_text(values) if pa.types.is_floating(values.type) else as_text_of_class(values)).to_pylist()
    names = list(dict.fromkeys(text for text in texts if text is not None))
    places = np.array([-1 if text is None else names.index(text) for text in texts] + [-1], np.int64)
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), len(texts)).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(places[codes], categories=pd.Index(names, dtype=object))


def as_text_of_class(cells: pa.Array) -> pa.Array:
    """Names of classes: text without blanks around it, null where empty, whole numbers without a decimal point."""
    if not _is_text(cells.type):
        return _number_text(cells)
    return _without_point(_trimmed(cells))


def _without_point(texts: pa.Array) -> pa.Array:
    """`1` for `1.0`, and `0` for `-0.0`."""
    texts = pc.replace_substring_regex(texts, _WHOLE, r"\1")
    return pc.if_else(pc.equal(texts, "-0"), "0", texts)


def is_mostly_numbers(cells: pa.Array, where: str) -> bool:
    """Whether at least half of the cells that are not empty are numbers that float64 can hold."""
    cells = _plain(cells, where)
    if pa.types.is_temporal(cells.type):
        return False
    numbers, bad = as_numbers(cells, where)
    known = int(np.isfinite(numbers).sum()) + bad
    return known > 0 and bool((np.abs(numbers) < _FLOAT_INTEGERS).sum() >= 0.5 * known)


def joined_cells(pieces: Sequence[pa.Array], where: str) -> pa.Array:
    """The cells of all pieces of a column, as text where their types differ (files of a folder)."""
    if len({piece.type for piece in pieces}) > 1:
        pieces = [_plain(piece, where) for piece in pieces]
        # All digits of single precision.
        pieces = [piece.cast(pa.float64()) if pa.types.is_floating(piece.type) else piece for piece in pieces]
    if len({piece.type for piece in pieces}) > 1:
        pieces = [piece if _is_text(piece.type) else _number_text(piece) for piece in pieces]
    return pa.chunked_array(pieces).combine_chunks()


def shown_text(cells: pa.Array) -> str:
    """A cell that is no number, for messages."""
    texts = (str(cell).strip() for cell in cells.to_pylist() if cell is not None)
    return next((text[:_SHOWN] for text in texts if text and not re.fullmatch(_NUMBER, text)), "")


def _plain(cells: pa.Array, where: str) -> pa.Array:
    """Cells of one value each: numbers, logical values, text, dates."""
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if isinstance(cells.type, pa.UuidType):
        return pa.array((None if cell is None else str(cell) for cell in cells.to_pylist()), pa.string())
    if isinstance(cells, pa.ExtensionArray):
        cells = cells.storage
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    kind = cells.type
    if pa.types.is_nested(kind):
        raise InputError(f"{where} has several values in a cell, expected one")
    if any(is_bytes(kind) for is_bytes in _BYTES):
        cells = pa.array([None if cell is None else decoded(cell) for cell in cells.to_pylist()], pa.string())
    elif not pa.types.is_null(kind) and not _is_text(kind):
        return cells
    texts = cells.cast(pa.string())
    if pc.any(pc.match_substring(texts, "\0")).as_py():
        # Zeros fill up texts of one length.
        texts = pc.utf8_rtrim(texts, "\0")
        if pc.any(pc.match_substring(texts, "\0")).as_py():
            raise InputError(f"{where} holds zeros between characters, as no text does, expected numbers or text")
    return texts


def decoded(text: bytes) -> str:
    """Text of UTF-8, or of Latin-1 where it is not that."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _trimmed(cells: pa.Array) -> pa.Array:
    texts = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _float_array(cells: pa.Array) -> NDArray[np.float64]:
    return np.asarray(cells.to_numpy(zero_copy_only=False), np.float64)


def _number_text(cells: pa.Array) -> pa.Array:
    """Whole numbers, decimals, logical values and dates as text; decimals without zeros at their end."""
    if pa.types.is_boolean(cells.type):
        return pc.if_else(cells, "True", "False")
    if pa.types.is_decimal(cells.type) and cells.type.scale > 0:
        texts = pa.array((None if cell is None else f"{cell:f}" for cell in cells.to_pylist()), pa.string())
        return pc.replace_substring_regex(texts, r"\.?0+$", "")
    return cells.cast(pa.string())


def _float_text(cells: pa.Array) -> pa.Array:
    """Floating-point numbers as short as identifies them: 0.9, and 1 for 1.0."""
    texts = _without_point(cells.cast(pa.string()))
    return pc.if_else(pc.is_finite(cells), texts, pa.scalar(None, pa.string()))


def _refuse(lossy: pa.Array, where: str) -> None:
    if len(lossy):
        raise InputError(
            f"{where} holds floating-point numbers such as {lossy[0].as_py()}, expected integers or text, which keep"
            " every digit"
        )


def equals_any(numbers: NDArray[np.float64], others: Sequence[float]) -> NDArray[np.bool_]:
    """Which numbers (n,) are one of others, also where they were stored in single precision."""
    found = np.zeros(np.shape(numbers), bool)
    for other in others:
        found |= np.abs(numbers - other) <= _SINGLE * abs(other)
    return found


def _refuse_placeholders(numbers: NDArray[np.float64], where: str, ranges: Sequence[NumberRange]) -> None:
    """Refuse a number such as -99 or 99 that lies in a range, far from all others."""
    for value in PLACEHOLDERS:
        same = equals_any(numbers, (value,))
        others = numbers[~same & np.isfinite(numbers)]
        if not same.any() or not len(others) or not any(one.holds(np.array([value])).any() for one in ranges):
            continue
        gap = min(abs(others - value))
        # Far from all others, or the one beyond a gap in whole numbers that have none (a type of -9 below -5 to 10).
        distinct = np.unique(others)
        whole = len(distinct) > 2 and (np.diff(distinct) == 1).all()
        if gap > 0.5 * (others.max() - others.min()) or (whole and gap >= 3):
            raise InputError(
                f"{where} has {int(same.sum())} cells of {value:g}, far from all others ({others.min():g} to"
                f" {others.max():g}), which look like 'not known'; expected them to be named as missing"
                f" (`missing: [{value:g}]`, --missing={value:g}),"
                " or ranges that leave them out"
            )


def _in_ranges(
    cells: pa.Array, where: str, ranges: Sequence[NumberRange], not_known: Sequence[float]
) -> pd.Categorical:
    numbers, bad = as_numbers(cells, where)
    numbers = np.where(equals_any(numbers, not_known), np.nan, numbers)
    _refuse_placeholders(numbers, where, ranges)
    if bad:
        raise InputError(f"{where} holds {bad} cells of text, expected numbers for the ranges of classes")
    codes: NDArray[np.int64] = np.full(len(numbers), -1)
    for place, one in enumerate(ranges):
        codes[one.holds(numbers)] = place
    return pd.Categorical.from_codes(codes, categories=pd.Index([one.text for one in ranges], dtype=object))
