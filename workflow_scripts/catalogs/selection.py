"""A selection of rows, `redshift < 0.1 and petroMag_r < 17.8`: compared, calculated and joined, nothing else.

A row whose values leave open whether it is meant, because one is not known, is not selected.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workflow_scripts.errors import InputError

_COMPARE = {
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
}
_CALCULATE = {ast.Add: pc.add, ast.Sub: pc.subtract, ast.Mult: pc.multiply, ast.Div: pc.divide}
# `a column of any name`, as in pandas.
_QUOTED = re.compile(r"`([^`]+)`")

# How others write selections -> what is meant here.
_OTHER_LANGUAGES = (
    (r"(?<![<>=!])=(?!=)", "'=' is written '=='"),
    (r"<>", "'<>' is written '!='"),
    (r"\b(?:AND|OR|NOT|IN)\b|&&|\|\||[&|]", "'and', 'or', 'not' and 'in' are written in small letters"),
    (r"(?i:\bbetween\b)", "'x between 1 and 2' is written '1 <= x <= 2'"),
    (r"(?i:\bis\s+(?:not\s+)?null\b)", "rows without a value are not selected, whatever is compared"),
    (r"(?i:\blike\b)", "texts are compared as a whole"),
)


@dataclass(frozen=True)
class Selection:
    """A parsed selection: `texts` and `numbers` are the columns that it compares with texts, and the others."""

    text: str
    key: str
    tree: ast.expr
    aliases: Mapping[str, str]
    texts: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def of(cls, text: str, key: str) -> "Selection":
        """Parse a selection; `key` is where the user wrote it. Raises `InputError` for what is none."""
        aliases: dict[str, str] = {}

        def alias(match: re.Match[str]) -> str:
            name = f"_column{len(aliases)}"
            aliases[name] = match[1]
            return name

        try:
            tree = ast.parse(_QUOTED.sub(alias, text).strip(), mode="eval").body
            _check(tree)
            if not isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp):
                raise ValueError("it compares nothing")
        except (SyntaxError, ValueError, RecursionError) as error:
            reason = _hint(text) or (error.msg if isinstance(error, SyntaxError) else str(error))
            raise InputError(
                f"{key}: '{text}' cannot be read ({reason}), expected comparisons such as"
                " 'redshift < 0.1 and kind == \"S\"'"
            ) from None
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        texts = {name for node in ast.walk(tree) if isinstance(node, ast.Compare) for name in _compared_with_text(node)}

        def real(chosen: set[str]) -> frozenset[str]:
            return frozenset(aliases.get(name, name) for name in chosen)

        return cls(text, key, tree, aliases, real(texts), real(names - texts))

    def rows(self, columns: Mapping[str, pa.Array]) -> pa.BooleanArray:
        """Which rows (n,) are selected; `columns` has numbers (float64, null where not known) and texts (n,)."""
        return pc.fill_null(self._value(self.tree, columns), False)

    def _value(self, node: ast.expr, columns: Mapping[str, pa.Array]) -> Any:
        match node:
            case ast.Name(id=name):
                return columns[self.aliases.get(name, name)]
            case ast.Constant(value=value):
                # Logical values are 1 and 0.
                return pa.scalar(value if isinstance(value, str) else float(value))  # type: ignore[arg-type]
            case ast.BinOp(left=left, op=sign, right=right):
                return _CALCULATE[type(sign)](self._value(left, columns), self._value(right, columns))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return pc.invert(self._value(operand, columns))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return pc.negate(self._value(operand, columns))
            case ast.BoolOp(op=joint, values=values):
                join = pc.and_kleene if isinstance(joint, ast.And) else pc.or_kleene
                found = self._value(values[0], columns)
                for other in values[1:]:
                    found = join(found, self._value(other, columns))
                return found
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                found, before = None, left
                for op, after in zip(ops, comparators, strict=True):
                    one = self._compared(before, op, after, columns)
                    found, before = one if found is None else pc.and_kleene(found, one), after
                return found
        raise AssertionError(ast.dump(node))

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr, columns: Mapping[str, pa.Array]) -> Any:
        value = self._value(left, columns)
        if isinstance(op, ast.In | ast.NotIn):
            assert isinstance(right, ast.List | ast.Tuple)
            among = [self._value(item, columns).as_py() for item in right.elts]
            inside = pc.is_in(value, pa.array(among, value.type))
            inside = pc.if_else(pc.is_valid(value), inside, pa.scalar(None, pa.bool_()))
            return inside if isinstance(op, ast.In) else pc.invert(inside)
        return _COMPARE[type(op)](value, self._value(right, columns))


def _hint(text: str) -> str:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "", text)
    return "; ".join(meant for pattern, meant in _OTHER_LANGUAGES if re.search(pattern, bare))


def _check(node: ast.expr) -> None:
    """Raise `ValueError` for anything but comparisons, arithmetic, `and`, `or`, `not`, names, numbers and texts."""
    match node:
        case ast.Name() | ast.Constant(value=str() | int() | float()):
            return
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
            parts = [left, right]
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            parts = [operand]
        case ast.BoolOp(values=values):
            if not all(isinstance(part, ast.Compare | ast.BoolOp | ast.UnaryOp) for part in values):
                raise ValueError("and, or join comparisons")
            parts = values
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            parts = [left]
            for op, right in zip(ops, comparators, strict=True):
                if isinstance(op, ast.In | ast.NotIn):
                    if not (isinstance(right, ast.List | ast.Tuple) and right.elts):
                        raise ValueError("'in' needs a list of values")
                    if not all(isinstance(item, ast.Constant) for item in right.elts):
                        raise ValueError("'in' needs a list of values")
                elif type(op) in _COMPARE:
                    parts.append(right)
                else:
                    raise ValueError("'is' compares no values")
        case _:
            raise ValueError(f"'{ast.unparse(node)}' is no comparison")
    for part in parts:
        _check(part)


def _compared_with_text(node: ast.Compare) -> set[str]:
    sides = [node.left, *node.comparators]
    items = [item for side in sides for item in (side.elts if isinstance(side, ast.List | ast.Tuple) else [side])]
    if not any(isinstance(item, ast.Constant) and isinstance(item.value, str) for item in items):
        return set()
    return {item.id for item in items if isinstance(item, ast.Name)}
