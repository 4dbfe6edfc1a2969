"""The fonts that the report brings along, and what they can write.

The PDF and the figures use only these (and those inside Typst), never the machine's own, so that a
report looks the same, byte for byte, wherever it is made. See ``assets/fonts/README.md``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_NAMES = {
    "NotoSansCJKjp": "Noto Sans CJK JP",
    "NotoSansNKo": "Noto Sans NKo",
    "NotoSansOlChiki": "Noto Sans Ol Chiki",
    "NotoSansMeeteiMayek": "Noto Sans MeeteiMayek",
    "NotoSansSymbols2": "Noto Sans Symbols2",
}
_TEXT = re.compile(r"(<text[^>]*>)([^<]+)</text>")
FOLDER = Path(__file__).parent / "assets" / "fonts"


@cache
def _coverage() -> dict[str, frozenset[int]]:
    """Family to the code points that it can write, the Latin one first."""
    found = {}
    for line in (FOLDER / "coverage.txt").read_text(encoding="ascii").splitlines():
        stem, _, ranges = line.partition(": ")
        points: set[int] = set()
        for item in ranges.split():
            first, _, last = item.partition("-")
            points.update(range(int(first, 16), int(last or first, 16) + 1))
        found[_spaced(stem)] = frozenset(points)
    return {name: found[name] for name in families()}


@cache
def covered() -> frozenset[int]:
    """The code points that at least one of the fonts can write."""
    return frozenset().union(*_coverage().values())


@cache
def family(letter: str) -> str:
    """The font that writes a letter; the Latin one where there is none."""
    have = (name for name, points in _coverage().items() if ord(letter) in points)
    return next(have, families()[0])


def spelled(drawing: str) -> str:
    """An SVG whose texts say the font of every letter.

    What draws SVG in PDF and PNG takes one font for a whole text, and boxes for what that lacks.
    """
    return _TEXT.sub(lambda found: found[1] + _runs(found[2]) + "</text>", drawing)


def _runs(content: str) -> str:
    """A text with a ``tspan`` around what the Latin font cannot write."""
    runs: list[tuple[str, str]] = []
    for letter in content:
        name = family(letter)
        if runs and letter == " " and 0x20 in _coverage()[runs[-1][0]]:
            name = runs[-1][0]
        before = runs.pop() if runs and runs[-1][0] == name else (name, "")
        runs.append((name, before[1] + letter))
    return "".join(
        part if name == families()[0] else f'<tspan font-family="{name}">{part}</tspan>'
        for name, part in runs
    )


def writable(text: str) -> bool:
    """Whether every character of ``text`` can be written."""
    return all(ord(letter) in covered() or letter.isspace() for letter in text)


def written(text: str) -> str:
    """``text`` with every character that no font can write given by its code point."""
    return "".join(
        letter if ord(letter) in covered() or letter.isspace() else f"[U+{ord(letter):04X}]"
        for letter in text
    )


@cache
def families() -> tuple[str, ...]:
    """Names of the font families, the Latin one first."""
    stems = {file.stem.partition("-")[0] for file in FOLDER.glob("*.?tf")}
    names = sorted(map(_spaced, stems))
    return ("Noto Sans", *(name for name in names if name != "Noto Sans"))


def _spaced(stem: str) -> str:
    return _NAMES.get(stem) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem)
