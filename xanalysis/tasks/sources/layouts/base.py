"""What a layout is, and readers that never skip a line silently."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError
from xanalysis.tasks.examples import Example
from xanalysis.tasks.task import Task

# The split of machine translations of the English training data.
TRANSLATED = "translated"
Reader = Callable[[Path, Task, str, str], Iterator[Example]]


@dataclass(frozen=True)
class Layout:
    """Where a task's files lie below the data folder, and how one is read.

    Attributes:
        patterns: Split to path patterns, the first with files wins; ``{lang}`` stands for the
            data's own language code, ``*`` for anything within a name.
        read: Path, task, language and split to examples.
        every: All files that the pattern matches are read, one after the other (ANLI's rounds).
        mixed: A file whose path names no language holds all of the task's, and ``read`` keeps the
            rows of one. Elsewhere such a file is English.
        names: What stands for ``{lang}`` and is no language code, with the code.
        get: The address or command that gets the data.
        parts: Layouts that are read one after the other under one task, all of them needed.
        translations: Path patterns of published machine translations of the training data.
    """

    patterns: Mapping[str, Sequence[str]]
    read: Reader
    every: bool = False
    mixed: bool = False
    names: Mapping[str, str] = dataclass_field(default_factory=dict)
    get: str = ""
    parts: Mapping[str, Layout] = dataclass_field(default_factory=dict)
    translations: Sequence[str] = ()

    def paths(self, split: str) -> list[str]:
        """Path patterns of a split.

        Machine translations (the split ``translated``) lie where they are published, or below
        ``translated/LANGUAGE/`` under the names of the training files they were made from.
        """
        if split != TRANSLATED:
            return list(self.patterns.get(split, ()))
        own = [f"translated/{{lang}}/{pattern}" for pattern in self.patterns.get("train", ())]
        return [*self.translations, *own]


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without line ends, decoded one by one; ``.gz`` is decompressed.

    Raises:
        InputError: A line is not UTF-8, or the file is not gzip where its name says so.
    """
    number = 0
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        try:
            for number, raw in enumerate(file, start=1):
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                yield number, text.rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"not UTF-8 at byte {error.start} of the line", file=path, line=number
            ) from None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(f"not valid gzip ({error})", file=path, line=number + 1) from None


def table(
    path: Path, *, separator: str = "\t", header: bool = True, columns: int | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a table without quoting, as in most NLP data sets.

    Without a header the columns are named "0", "1", …. Cells with quotation marks that a CSV writer
    has quoted all the same (XTREME's scripts, SIB-200) are as they were before it.

    Raises:
        InputError: A row has another number of cells than the header, or than ``columns``.
    """
    names: list[str] | None = None
    for number, line in text_lines(path):
        if not line.strip():
            continue
        cells = line.split(separator)
        if names is None:
            names = [c.strip() for c in cells] if header else [str(i) for i in range(len(cells))]
            if columns is not None and len(names) != columns:
                raise _width(path, number, len(cells), columns)
            if header:
                continue
        if len(cells) != len(names):
            raise _width(path, number, len(cells), len(names))
        yield number, dict(zip(names, map(_unquoted, cells), strict=True))


def _unquoted(cell: str) -> str:
    """A cell without the marks that a CSV writer puts around it where it has some of its own."""
    inner = cell[1:-1]
    # One that has none of its own, or one alone, nobody has quoted: the marks are the text's.
    quoted = cell[:1] == cell[-1:] == '"' and '""' in inner and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if quoted else cell


def _width(path: Path, line: int, found: int, expected: int) -> InputError:
    return InputError(f"{found} columns", file=path, line=line, expected=f"{expected}")


def quoted_table(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV with quoting (line breaks may stand inside quotes).

    Raises:
        InputError: A row has another number of cells than the header, or is not CSV.
    """
    reader = csv.reader((line + "\n" for _, line in text_lines(path)), strict=True)
    names: list[str] | None = None
    try:
        for cells in reader:
            if names is None:
                names = cells
            elif len(cells) != len(names):
                raise _width(path, reader.line_num, len(cells), len(names))
            else:
                yield reader.line_num, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"not valid CSV: {error}", file=path, line=reader.line_num) from None


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """One JSON object per line.

    Raises:
        InputError: A line is not a JSON object.
    """
    for number, line in text_lines(path):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"not valid JSON: {error}", file=path, line=number) from None
        if not isinstance(content, dict):
            raise InputError("not a JSON object", file=path, line=number)
        yield number, content


def field(row: Mapping[str, Any], names: Sequence[str], path: Path, line: int) -> Any:
    """The value under the first of several names.

    Raises:
        InputError: None of them is there.
    """
    for name in names:
        if name in row:
            return row[name]
    raise InputError(
        f"'{names[0]}' is missing", file=path, line=line, expected="one of " + ", ".join(names)
    )


def label(value: object, task: Task, path: Path, line: int) -> str:
    """A label of the task.

    Raises:
        InputError: The task has no such label.
    """
    text = str(value).strip()
    if text not in task.labels:
        raise InputError(
            f"unknown label '{text[:60]}'",
            file=path,
            line=line,
            expected="one of " + ", ".join(task.labels),
        )
    return text


def choice(value: object, count: int, path: Path, line: int) -> int:
    """Number of the right choice, from 0.

    Raises:
        InputError: It is not a number below ``count``.
    """
    text = str(value).strip()
    if not re.fullmatch(r"\d+", text) or int(text) >= count:
        raise InputError(
            f"label is '{text[:60]}'", file=path, line=line, expected=f"0 to {count - 1}"
        )
    return int(text)
