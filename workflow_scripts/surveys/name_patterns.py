"""Names of image files made of columns of a catalog: `{field}/{asset_id}.jpg`. Read by the configuration too."""

import re
import string

from workflow_scripts.errors import InputError

# A catalog need not have this column; one of another name it must have.
DEFAULT_FILE_COLUMN = "file"
DEFAULT_FILE_PATTERN = "{source_id}.jpg"
# Of the text between the braces: zeros in front of a whole number, as in {number:06d}.
_WIDTH = re.compile(r"0?[1-9]\d?d?")


def pattern_columns(pattern: str) -> list[str]:
    """Columns of the catalog that a pattern such as `{field}/{asset_id}.jpg` names.

    Raises `InputError` for one that cannot be read, or that names no column and so has one name for all galaxies.
    """
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise InputError(f"is '{pattern}', which is no pattern of file names: {error}") from None
    columns = []
    for _, name, width, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or conversion or (width and not _WIDTH.fullmatch(width)):
            shown = name + (f"!{conversion}" if conversion else "") + (f":{width}" if width else "")
            raise InputError(
                f"is '{pattern}', with {{{shown}}}, expected {{column}} or, with zeros in front, {{column:06d}}"
            )
        columns.append(name)
    if not columns:
        raise InputError(
            f"is '{pattern}', which names no column, expected one in braces, such as {DEFAULT_FILE_PATTERN}"
        )
    return list(dict.fromkeys(columns))
