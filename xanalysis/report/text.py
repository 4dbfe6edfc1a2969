"""Text and numbers as every renderer writes them: one way to round, one way to escape."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

MINUS = "\u2212"
DASH = "\u2013"  # what stands for a number that is not there

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # a bracket after a line end would be its argument
    "-": "-{}",  # no accidental dash ligatures
    "`": r"\textasciigrave{}",
    "'": "'{}",
    MINUS: r"$-$",
    DASH: "--",
    "\u2014": "---",
    "\u2026": r"\ldots{}",
    "\u00a0": "~",
    "\u202f": r"\,",
    "\u2009": r"\,",
    "×": r"$\times$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "✓": r"$\surd$",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "°": r"\textdegree{}",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "Δ": r"$\Delta$",
    "δ": r"$\delta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "ρ": r"$\rho$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "χ": r"$\chi$",
    "\u2018": "`",
    "\u2019": "'",
    "\u201c": "``",
    "\u201d": "''",
}


def number(value: float | int | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number as it is printed: rounded, with a real minus sign, a dash where there is none.

    Args:
        value: The number; ``None``, NaN and ``pd.NA`` print as a dash.
        digits: Decimals.
        sign: Print a plus before positive numbers (for gains and differences).
    """
    if value is None or value != value or type(value).__name__ == "NAType":
        return DASH
    value = float(value)
    if math.isinf(value):
        return ("+" if sign else "") + "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
        return text
    if text.startswith("-"):
        return MINUS + text[1:]
    return f"+{text}" if sign else text


def counted(number: int, one: str, several: str = "") -> str:
    """A number of things: ``1 language``, ``2,000 languages``."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def p_value(value: float | None) -> str:
    """A p-value: three decimals, ``< .001`` below that, no leading zero."""
    if value is None or value != value:
        return DASH
    if value < 0.001:
        return "< .001"
    text = f"{value:.3f}"
    return text.removeprefix("0") if value < 1 else text


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval, ``[low, high]``; a dash where a bound is missing."""
    if low is None or high is None or low != low or high != high:
        return DASH
    return f"[{number(low, digits)}, {number(high, digits)}]"


def cell(value: Any, digits: int = 2) -> str:
    """Any value of a frame as text: numbers rounded, missing values as a dash."""
    if value is None:
        return DASH
    kind = type(value).__name__
    if kind in ("bool", "bool_"):
        return "yes" if value else "no"
    if kind.startswith(("float", "Float")):
        return number(value, digits)
    if kind in ("NAType", "NaTType"):
        return DASH
    if isinstance(value, (list, tuple, set)):
        return ", ".join(cell(item, digits) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {cell(item, digits)}" for key, item in value.items())
    return str(value).replace("-", MINUS) if kind.startswith(("int", "Int")) else str(value)


def latex(text: str) -> str:
    r"""Plain text as LaTeX: every special character escaped, so that no command can stand in it.

    Characters pdfLaTeX has no letter for are written as their code point, ``[U+0627]``.
    """
    return "".join(_LATEX.get(letter) or _latin(letter) for letter in text)


def _latin(letter: str) -> str:
    if letter in "\n\t\r":
        return " "
    if " " <= letter <= "~":
        return letter
    point = ord(letter)
    # T1 and utf8 know Latin-1's letters and Latin Extended-A's.
    if 0xA1 <= point <= 0x17F and unicodedata.category(letter)[0] in "LP":
        return letter
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Mn"):
        return ""
    return f"{{[}}U+{point:04X}]\\allowbreak{{}}"


def markdown(text: str) -> str:
    """Plain text inside a Markdown table's cell: pipes, HTML and line breaks made inert."""
    for old, new in (
        ("\\", "\\\\"),
        ("&", "&amp;"),
        ("<", "&lt;"),
        ("|", "\\|"),
        ("`", "\\`"),
        ("*", "\\*"),
        ("_", "\\_"),
        ("[", "\\["),
    ):
        text = text.replace(old, new)
    return " ".join(text.split())
