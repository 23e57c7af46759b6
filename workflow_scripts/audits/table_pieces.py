"""The rows of a table as an audit needs them, in pieces, so that a catalog may be larger than memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from workflow_scripts.audits.groups import MOST_GROUPS
from workflow_scripts.audits.vocabulary import Vocabulary
from workflow_scripts.catalogs.number_ranges import NumberRange
from workflow_scripts.catalogs.readers import ROWS_A_PIECE, CatalogTable, Parts, TableOptions
from workflow_scripts.errors import InputError
from workflow_scripts.progress import Progress


@dataclass(frozen=True)
class AuditColumns:
    """Columns of a table by the part that they play; `ra` and `dec` are None where they are to be guessed.

    `labels` are the annotation columns, none where one is to be guessed; `ranges` has, by column ("" for one that is
    guessed), the ranges of numbers that are its classes. Columns that are not named are those of `like`, where the
    table has them. `threshold` is that from which scores are positive where they are the labels, too.
    """

    labels: tuple[str, ...]
    ra: str | None = None
    dec: str | None = None
    covariates: tuple[str, ...] = ()
    reference: str | None = None
    score: str | None = None
    source_id: str | None = None
    weight: str | None = None
    group: str | None = None
    threshold: float | None = None
    ranges: Mapping[str, Sequence[NumberRange]] = field(default_factory=dict)
    like: "AuditColumns | None" = None

    def parts(self, keys: Mapping[str, str]) -> Parts:
        """The parts as the reader of tables has them; `keys` are the options that name them."""
        classes: dict[str, str | None] = {f"annotation{n}": name for n, name in enumerate(self.labels or (None,))}
        classes |= {part: name for part, name in (("reference", self.reference), ("group", self.group)) if name}
        numbers = {part: name for part, name in (("score", self.score), ("weight", self.weight)) if name}
        numbers |= {f"covariate{number}": name for number, name in enumerate(self.covariates)}
        named = {part: keys[_NAMED_BY.get(part.rstrip("0123456789"), part)] for part in classes | numbers}
        if self.threshold is not None:
            named["annotation0"] = keys["score"]
        like = self.like
        defaults = {"ra": like.ra, "dec": like.dec, "annotation0": like.labels[0]} if like else {}
        return Parts(
            positions=(self.ra, self.dec),
            classes=classes,
            texts={"source_id": self.source_id} if self.source_id else {},
            numbers=numbers,
            keys={**keys, **named},
            ranges={part: self.ranges[name or ""] for part, name in classes.items() if (name or "") in self.ranges},
            defaults=defaults,
            most={"group": MOST_GROUPS},
        )

    def as_dict(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "ra": self.ra,
            "dec": self.dec,
            "label": list(self.labels),
            "covariates": list(self.covariates),
            "reference": self.reference,
            "score": self.score,
            "source_id": self.source_id,
            "weight": self.weight,
            "group": self.group,
        }


_NAMED_BY = {"annotation": "label", "covariate": "covariates"}
_OPTIONS = (
    *("ra", "dec", "label", "covariates", "reference", "score", "source_id", "weight", "group"),
    *("select", "hdu", "position_unit", "frame"),
)


def option_names(prefix: str = "") -> dict[str, str]:
    """The command-line option that sets each part or setting; `prefix` is `compare-` for a second catalog."""
    names = {name: f"--{prefix}{name.replace('_', '-')}" for name in _OPTIONS}
    return names | {"group": f"--{prefix}group-by", "hdu": f"--{prefix}table"}


@dataclass(frozen=True)
class LabelPlace:
    """Where a column of labels is: its file, its name there, and the prefix of the options that describe it."""

    path: str
    column: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.path}: column '{self.column}'"


@dataclass(frozen=True)
class TableSource:
    """A table and its columns, ready to be read.

    `hygiene` has the settings of `hygiene.clean`; `vocabularies` has what the user says of the values of each of
    `label_columns`, and `places` where each of these is.
    """

    path: str
    columns: AuditColumns
    hygiene: Mapping[str, Any]
    table: CatalogTable | None
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)
    places: Mapping[str, LabelPlace] = field(default_factory=dict)
    rows_a_piece: int = ROWS_A_PIECE
    held: pd.DataFrame | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        path: str,
        columns: AuditColumns,
        hygiene: Mapping[str, Any],
        options: TableOptions | None = None,
        prefix: str = "",
        vocabularies: Mapping[str, Vocabulary] | None = None,
        rows_a_piece: int = ROWS_A_PIECE,
    ) -> "TableSource":
        """Open a table; its columns get the names that they have in it.

        `prefix` is that of the options that describe it, and `vocabularies` those of the columns as the user names
        them, with "" for all others.

        Raises
        ------
        InputError
            as `CatalogTable.of`, and for a column that was given for two things.
        """
        keys = option_names(prefix)
        table = CatalogTable.of(path, columns.parts(keys), replace(options or TableOptions(), keys=keys))
        ra, dec = (column.name for column in table.positions.columns)
        real = {part: column.name for part, column in table.columns.items()}
        found = replace(
            columns,
            ra=ra,
            dec=dec,
            labels=tuple(name for part, name in real.items() if part.startswith("annotation")),
            covariates=tuple(name for part, name in real.items() if part.startswith("covariate")),
            reference=real.get("reference"),
            score=real.get("score"),
            source_id=real.get("source_id"),
            weight=real.get("weight"),
            group=real.get("group"),
        )
        roles = [ra, dec, *found.labels, *(name for name in (found.reference, found.weight) if name)]
        twice = next((name for name in roles if roles.count(name) > 1), None)
        if twice:
            raise InputError(f"{path}: column '{twice}' was given for two things, expected a column for each")
        given = {f"annotation{number}": name for number, name in enumerate(columns.labels or ("",))}
        given |= {"reference": columns.reference} if columns.reference else {}
        known = {part: (vocabularies or {}).get(name, Vocabulary()) for part, name in given.items()}
        places = {part: LabelPlace(path, real[part], prefix) for part in given}
        return cls(path, found, hygiene, table, known, places, rows_a_piece)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Names, in pieces, of the columns that hold classes."""
        names = tuple(f"annotation{number}" for number in range(len(self.columns.labels)))
        return names + (("reference",) if self.columns.reference else ())

    def pieces(self, what: str = "read the table") -> Iterator[pd.DataFrame]:
        """Selected rows as they are in the file; `what` is going on, for the progress that is shown.

        Columns `source_id` (number of the row where the table has none), `ra`, `dec` (ICRS degrees), a categorical of
        texts for each of `label_columns` and for `group`, and numbers for `score`, `weight` and covariates, each by
        `covariate:` and its name in the file.
        """
        if self.held is not None:
            yield self.held
            return
        assert self.table is not None
        with Progress(what, self.table.file.rows, "rows", rate=True) as progress:
            for piece in self.table.pieces(self.rows_a_piece):
                yield self._frame(piece)
                # Also those that were not selected.
                progress.add(self.table.rows - progress.done)

    def _frame(self, piece: dict[str, Any]) -> pd.DataFrame:
        """A piece of `CatalogTable.pieces` in the form of `pieces`."""
        ids = piece.pop("source_id", None)
        rows = piece.pop("row")
        for number, name in enumerate(self.columns.covariates):
            piece[f"covariate:{name}"] = piece.pop(f"covariate{number}")
        return pd.DataFrame({"source_id": rows if ids is None else ids.to_numpy(zero_copy_only=False), **piece})
