"""Formulas in lme4's notation: ``gain ~ family * task_type + (1|language) + (1 + x | target)``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from formulaic import Formula
from formulaic.errors import FormulaicError
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.types import Token

from xanalysis.errors import InputError

# A formula may come from a claim file: it may transform columns, and do nothing else.
TRANSFORMS = frozenset(
    {"C", "I", "bs", "center", "cs", "exp", "exp10", "exp2", "log", "log10"}
    | {"log2", "poly", "scale", "standardize"}
    | {"contr.treatment", "contr.sum", "contr.helmert", "contr.poly", "contr.diff"}
)


@dataclass(frozen=True)
class RandomTerm:
    """One ``(columns | group)``: coefficients that vary between the levels of a group.

    Attributes:
        columns: What varies, a one-sided formula such as ``1 + distance``.
        factors: The columns whose combined values are the levels: ``("target", "language")``.
    """

    columns: str
    factors: tuple[str, ...]

    @property
    def group(self) -> str:
        """Name of the group, as lme4 writes it: ``target:language``."""
        return ":".join(self.factors)


@dataclass(frozen=True)
class MixedFormula:
    """A formula taken apart.

    Attributes:
        text: The formula as given.
        response: Left-hand side.
        fixed: Fixed part of the right-hand side.
        random: Random terms, nested and uncorrelated ones written out.
    """

    text: str
    response: str
    fixed: str
    random: tuple[RandomTerm, ...]

    def response_columns(self) -> list[str]:
        """Names of the data columns on the left-hand side."""
        return list(_names(self.response, self.text))

    def columns(self) -> list[str]:
        """Names of the data columns that the formula uses, in order of appearance."""
        found: dict[str, None] = {}
        for part in (self.response, self.fixed, *(term.columns for term in self.random)):
            found.update(dict.fromkeys(_names(part, self.text)))
        for term in self.random:
            found.update(dict.fromkeys(term.factors))
        return list(found)


def parse(text: str) -> MixedFormula:
    """Read a formula in lme4's notation.

    Args:
        text: ``response ~ fixed + (columns | group)``, with ``||`` for uncorrelated columns,
            ``a/b`` for b nested in a and ``a:b`` for combinations.

    Returns:
        Its parts.

    Raises:
        InputError: It is not such a formula, or calls something that is no known transform.
    """
    if not isinstance(text, str) or text.count("~") != 1:
        raise InputError(
            f"'{text}' is no formula", expected="'response ~ fixed + (columns | group)'"
        )
    left, right = (side.strip() for side in text.split("~"))
    if not left:
        raise InputError(f"formula '{text}' has no response left of '~'")
    left, right = _translated(left), _translated(right)
    fixed, bars = _take_bars(right, text)
    random: list[RandomTerm] = []
    for bar in bars:
        for term in _expand(bar, text):
            if term in random:
                raise InputError(f"({term.columns} | {term.group}) stands twice in '{text}'")
            random.append(term)
    if "|" in fixed:
        raise InputError(
            f"'|' outside parentheses in formula '{text}'", expected="(columns | group)"
        )
    for part in (left, fixed, *(term.columns for term in random)):
        _check(part, text)
    return MixedFormula(text, left, fixed, tuple(random))


def _translated(side: str) -> str:
    """R's ``x^2`` and numpy's ``np.log(x)`` in this notation."""
    return re.sub(r"\b(np|numpy)\.(?=(log|exp)\d*\()", "", side).replace("^", "**")


def _take_bars(right: str, text: str) -> tuple[str, list[str]]:
    """Split off every parenthesis that holds a bar; what remains is the fixed part."""
    fixed, bars, depth, start = "", [], 0, 0
    for i, char in enumerate(right):
        if char == "(":
            depth += 1
            if depth == 1:
                start = i
        elif char == ")":
            depth -= 1
            if depth < 0:
                raise InputError(f"unbalanced ')' in formula '{text}'")
            if depth == 0:
                inside = right[start : i + 1]
                if "|" not in inside:
                    fixed += inside
                elif fixed.rstrip() and not fixed.rstrip().endswith("+"):
                    raise InputError(
                        f"{inside} does not follow a '+' in formula '{text}'",
                        expected="random terms that are added",
                    )
                else:
                    bars.append(inside[1:-1])
                    fixed = fixed.rstrip().removesuffix("+")
                continue
        if depth == 0:
            fixed += char
    if depth:
        raise InputError(f"unbalanced '(' in formula '{text}'")
    return fixed.strip().removeprefix("+").strip() or "1", bars


def _expand(bar: str, text: str) -> Iterator[RandomTerm]:
    parts = [part.strip() for part in re.split(r"\|+", bar)]
    if len(parts) != 2 or not all(parts) or "|||" in bar:
        raise InputError(
            f"({bar}) in formula '{text}' is no random term",
            expected="(columns | group) or (columns || group)",
        )
    columns, group = parts
    for factors in _groups(group, text):
        if "||" in bar:
            yield from (RandomTerm(c, factors) for c in _uncorrelated(columns, text))
        else:
            yield RandomTerm(columns, factors)


def _groups(group: str, text: str) -> Iterator[tuple[str, ...]]:
    """``a/b`` is a and a:b; ``a:b`` one group of combinations."""
    outer: tuple[str, ...] = ()
    for step in group.split("/"):
        names = tuple(name.strip().strip("`") for name in step.split(":"))
        if not all(re.fullmatch(r"[^\W\d]\w*(\.\w+)*", n) or f"`{n}`" in step for n in names):
            raise InputError(
                f"'{group}' in formula '{text}' is no group",
                expected="columns joined by ':' (combinations) or '/' (nested)",
            )
        outer = tuple(dict.fromkeys(outer + names))
        yield outer


def _uncorrelated(columns: str, text: str) -> list[str]:
    """The terms of ``1 + x``, each as a formula of its own."""
    terms = [str(term) for term in _formula(columns, text)]
    return ["1" if term == "1" else f"0 + {term}" for term in terms]


def _formula(part: str, text: str) -> Formula:
    try:
        return Formula(part)
    except (FormulaicError, SyntaxError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"cannot read '{part}' in formula '{text}': {reason}") from error


def _tokens(part: str, text: str) -> list[Token]:
    try:
        return list(DefaultFormulaParser().get_tokens(part))
    except (FormulaicError, SyntaxError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"cannot read '{part}' in formula '{text}': {reason}") from error


def _python(token: Token, text: str) -> ast.expr:
    try:
        return ast.parse(str(token.token), mode="eval").body
    except SyntaxError as error:
        raise InputError(f"cannot read '{token.token}' in formula '{text}'") from error


def _check(part: str, text: str) -> None:
    """Refuse all Python in a formula but arithmetic and the known transforms of columns."""
    for token in _tokens(part, text):
        if str(token.token) == ".":
            raise InputError(f"'.' in formula '{text}'", expected="the columns by name")
        if token.kind is not Token.Kind.PYTHON:
            continue
        for node in ast.walk(_python(token, text)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name not in TRANSFORMS:
                    raise InputError(
                        f"formula '{text}' calls '{name}'",
                        expected=f"one of {', '.join(sorted(TRANSFORMS))}",
                    )
            elif isinstance(node, ast.Attribute):
                if ast.unparse(node) not in TRANSFORMS:
                    raise InputError(f"'{ast.unparse(node)}' has no place in formula '{text}'")
            elif not isinstance(
                node,
                ast.Name
                | ast.Constant
                | ast.BinOp
                | ast.UnaryOp
                | ast.Compare
                | ast.cmpop
                | ast.operator
                | ast.unaryop
                | ast.keyword
                | ast.expr_context
                | ast.List
                | ast.Tuple,
            ):
                raise InputError(f"'{token.token}' has no place in formula '{text}'")
    _formula(part, text)


def _names(part: str, text: str) -> Iterator[str]:
    for token in _tokens(part, text):
        if token.kind is Token.Kind.NAME:
            yield str(token.token)
        elif token.kind is Token.Kind.PYTHON:
            tree = _python(token, text)
            called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
            inner = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and id(node) not in called | inner:
                    yield node.id
