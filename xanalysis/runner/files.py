"""Files that are whole or not there, and the file system's refusals in words."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError


class UnwritableError(InputError):
    """A store that cannot be written: no stage can be finished there."""


@contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn the file system's refusals into one line for people."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EROFS: "the file system is read-only",
            errno.EACCES: "no permission to write",
            errno.EPERM: "no permission to write",
        }
        if error.errno not in reasons:
            raise
        raise _unwritable(place, reasons[error.errno]) from None


def full_disk(place: Path) -> UnwritableError:
    """The error for a store whose disk is full."""
    return _unwritable(place, "the disk is full")


def _unwritable(place: Path, reason: str) -> UnwritableError:
    return UnwritableError(
        f"{reason}; what was finished before is kept",
        file=place,
        expected="a store that can be written (--store DIR)",
    )


def sha256(file: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def occupied(files: Iterable[Path]) -> int:
    """Bytes that files take up; a file that has several names counts once."""
    found = {(s.st_dev, s.st_ino): s.st_size for s in _stats(files)}
    return sum(found.values())


def freed(files: Iterable[Path]) -> int:
    """Bytes that removing files frees: of a file that keeps another name, nothing."""
    names: dict[tuple[int, int], int] = {}
    sizes: dict[tuple[int, int], int] = {}
    for stat in _stats(files):
        place = stat.st_dev, stat.st_ino
        names[place] = names.get(place, 0) + 1
        if names[place] == stat.st_nlink:
            sizes[place] = stat.st_size
    return sum(sizes.values())


def _stats(files: Iterable[Path]) -> Iterator[os.stat_result]:
    for file in files:
        with suppress(OSError):
            yield file.stat()


def write_json(file: Path, data: Any) -> None:
    """Write JSON whole or not at all, and make it durable."""
    write_text(file, json.dumps(data, indent=1, sort_keys=True) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write a file whole or not at all, and make it durable."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{time.monotonic_ns()}")
    temporary.write_text(text, encoding="utf-8")
    sync(temporary)
    os.replace(temporary, file)


def sync(path: Path) -> None:
    """Make a file or a folder's list of files durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
