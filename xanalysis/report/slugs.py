"""Names as anchors."""

from __future__ import annotations

import re
import zlib


def slug(name: str) -> str:
    """A name as an anchor: short, unique, and nothing but letters, digits, ``_`` and ``-``.

    A name that is more than that gets a checksum, so that two names never share an anchor.
    """
    words = re.sub(r"[^a-z0-9_]+", "-", name.casefold()).strip("-")[:40]
    return words if words == name else f"{words}-{zlib.crc32(name.encode()):08x}".strip("-")


def row_anchor(row: str) -> str:
    """The anchor of all scores of an intermediate (as the grid calls it)."""
    return "scores-" + slug(row)


def anchor(row: str, target: str) -> str:
    """The anchor of the scores of an intermediate (as the grid calls it) on a target."""
    return f"rows-{slug(row)}--{slug(target)}"  # no slug has two hyphens in a row
