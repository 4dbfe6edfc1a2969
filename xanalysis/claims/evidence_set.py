"""A named set of scores with where each row comes from, indexed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from xanalysis.claims.provenance import Provenance
from xanalysis.errors import InputError
from xanalysis.results.schema import BASELINE, KEY, conform, variant_of

if TYPE_CHECKING:
    from xanalysis.claims.schema import Scope

Ids = npt.NDArray[np.int64]

AVERAGE = "avg"
LANGUAGE_COLUMNS = ("family", "genus", "script", "macroarea", "resource")
# Columns that follow from another one.
_FOLLOWS = {"variant": "recipe", "start": "intermediate"}
_FOLLOWS |= dict.fromkeys(LANGUAGE_COLUMNS, "language")


class EvidenceSet:
    """One set of numbers, with its provenance.

    Args:
        name: What verdicts call it.
        frame: Rows as in ``results.schema``; besides, ``line`` (in the file), ``half`` (how far
            rounding may have moved the score) and any of ``system``, ``setting``, ``table``.
        kind: ``published`` or ``results``.
        file: Where the rows were read from; empty for a frame.
        digest: SHA-256 of that file, or of the frame.
        provenance: Its record, where there is one.
        notes: What was left out of the set, and why.
    """

    def __init__(
        self,
        name: str,
        frame: pd.DataFrame,
        *,
        kind: str = "results",
        file: str = "",
        digest: str = "",
        provenance: Provenance | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.kind = kind
        self.file = file
        self.digest = digest
        self.provenance = provenance
        self.notes = tuple(notes)
        self.frame = frame
        self.score = frame["score"].to_numpy(dtype=np.float64)
        self.half = _floats(frame, "half", 0.0)
        self.se = _floats(frame, "se", np.nan)
        self.line = _floats(frame, "line", np.nan)
        self._codes: dict[str, tuple[npt.NDArray[np.int64], dict[str, int], list[str]]] = {}
        self._rows: dict[str, tuple[Ids, Ids]] = {}

    def __len__(self) -> int:
        return len(self.score)

    @cached_property
    def all_rows(self) -> Ids:
        """Every row."""
        return np.arange(len(self), dtype=np.int64)

    def has(self, column: str) -> bool:
        """Whether the set has a column."""
        return column in self.frame or _FOLLOWS.get(column) in self.frame

    def codes(self, column: str) -> npt.NDArray[np.int64]:
        """Values of a column as small integers."""
        return self._indexed(column)[0]

    def levels(self, column: str) -> list[str]:
        """The values that the integers stand for."""
        return self._indexed(column)[2]

    def known(self, column: str) -> Mapping[str, int]:
        """The values of a column, for looking one up."""
        return self._indexed(column)[1]

    def holds(self, cell: Mapping[str, str]) -> bool:
        """Whether there is a score of a cell; ``avg`` may be printed or follow from languages."""
        where = {k: v for k, v in cell.items() if (k, v) != ("language", AVERAGE)}
        return len(self.select(where)) > 0

    def select(self, where: Mapping[str, str | Sequence[str]]) -> Ids:
        """Rows whose columns have one of the given values, in file order."""
        rows: Ids | None = None
        for column, wanted in where.items():
            values = [wanted] if isinstance(wanted, str) else list(wanted)
            _, known, levels = self._indexed(column)
            codes = [known[value] for value in values if value in known]
            if rows is None:
                parts = [self._at(column, code) for code in codes]
                rows = np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)
            else:
                keep = np.zeros(len(levels), dtype=bool)
                keep[codes] = True
                rows = rows[keep[self.codes(column)[rows]]]
        return self.all_rows if rows is None else rows

    def in_scope(self, scope: Scope) -> bool | None:
        """Whether the rows are what a claim is about; None where only some of them are."""
        inside = len(self.select(self.restriction(scope)))
        return True if inside == len(self) else None if inside else False

    def restriction(self, scope: Scope) -> dict[str, str]:
        """The columns and values that a scope asks of this set."""
        wanted = {"study": scope.study, "split": scope.split}
        result = {column: value for column, value in wanted.items() if value is not None}
        if scope.model is not None:
            alike = [m for m in self.levels("model") if same_model(m, scope.model)]
            result["model"] = alike[0] if alike else scope.model
        return result

    def where_from(self, rows: Ids, most: int = 200) -> list[dict[str, Any]]:
        """File, line and value of rows, for the trail."""
        rows = rows[:most]
        lines = np.where(np.isfinite(self.line[rows]), self.line[rows], rows + 1).astype(np.int64)
        shown = {"file": [self.file or self.name] * len(rows), "line": lines.tolist()}
        for column in ("system", "model", "intermediate", "target", "language", "metric", "seed"):
            if column in self.frame:
                levels = self.levels(column)
                shown[column] = [levels[code] for code in self.codes(column)[rows]]
        shown["score"] = self.score[rows].tolist()
        return [
            dict(zip(shown, values, strict=True)) for values in zip(*shown.values(), strict=True)
        ]

    def _indexed(self, column: str) -> tuple[npt.NDArray[np.int64], dict[str, int], list[str]]:
        if column not in self._codes:
            if column in self.frame:
                series = self.frame[column]
                codes, found = pd.factorize(series, use_na_sentinel=False)
                levels = ["" if pd.isna(value) else str(value) for value in found]
            elif column in _FOLLOWS:
                source = _FOLLOWS[column]
                each = [_following(column, value) for value in self.levels(source)]
                levels = list(dict.fromkeys(each))
                lookup = np.array([levels.index(value) for value in each], dtype=np.int64)
                codes = lookup[self.codes(source)]
            else:
                codes, levels = np.zeros(len(self), dtype=np.int64), [""]
            known = {level: i for i, level in enumerate(levels)}
            self._codes[column] = codes.astype(np.int64), known, levels
        return self._codes[column]

    def _at(self, column: str, code: int) -> Ids:
        if column not in self._rows:
            codes, _, levels = self._indexed(column)
            order = np.argsort(codes, kind="stable")
            starts = np.searchsorted(codes[order], np.arange(len(levels) + 1))
            self._rows[column] = order, starts
        order, starts = self._rows[column]
        return order[starts[code] : starts[code + 1]]


def _following(column: str, value: str) -> str:
    """The value of a column that follows from another one's."""
    if column == "variant":
        return variant_of(value)
    if column == "start":
        return "pretrained" if value == BASELINE else "intermediate"
    return language_fact(value, column)


def _floats(frame: pd.DataFrame, column: str, default: float) -> npt.NDArray[np.float64]:
    if column not in frame:
        return np.full(len(frame), default)
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)


def language_fact(code: str, column: str) -> str:
    """Family, genus, script, macroarea or resource of a language; empty where it is not known."""
    if code == AVERAGE:
        return ""
    from xanalysis.languages import lookup

    try:
        value = getattr(lookup(code), column, None)
    except InputError:
        return ""
    return "" if value is None else str(value)


def same_model(one: str, other: str) -> bool:
    """Whether two model names mean the same one: hub owners and punctuation aside."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    plain = "".join(c for c in name.rpartition("/")[2].casefold() if c.isalnum())
    return plain.replace("xlmroberta", "xlmr")


def from_rows(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    kind: str,
    file: Path,
    digest: str,
    provenance: Provenance | None = None,
    notes: Sequence[str] = (),
) -> EvidenceSet:
    """Records with their lines as an evidence set.

    Raises:
        InputError: A score is not from 0 to 100, or one score stands twice; with its line.
    """
    frame = pd.DataFrame(list(rows))
    if frame.empty:
        raise InputError("there is no score in this file", file=file)
    key = [column for column in (*KEY, "system", "setting") if column in frame]
    for bad, what in (
        (~frame["score"].between(0, 100), "score is not from 0 to 100"),
        (frame.duplicated(key), "the same score stands twice"),
    ):
        if bad.any():
            raise InputError(what, file=file, line=int(frame["line"][bad].iloc[0]))
    # Two systems of one paper may be one model for us; only system and setting tell them apart.
    recipe = frame.get("recipe", "")
    frame["recipe"] = frame[key].astype(str).agg("|".join, axis=1) if "system" in frame else recipe
    tidy = conform(frame, str(file))
    tidy["recipe"] = recipe
    return EvidenceSet(
        name, tidy, kind=kind, file=shown(file), digest=digest, provenance=provenance, notes=notes
    )


def shown(file: Path) -> str:
    """A file's name in a trail: relative to where we are, if it lies below."""
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.as_posix()
