"""How large the data of a plan are: what lies here, else what was published or measured before."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from xanalysis.errors import InputError
from xanalysis.tasks.data import parse_rows
from xanalysis.tasks.sizes import Size, published

if TYPE_CHECKING:
    from xanalysis.tasks.data import Data

# Characters per XLM-R token in running English text (measured on the CLDR and MNLI examples).
CHARACTERS_PER_TOKEN = 3.6
_SAMPLE = 64


class Sizes:
    """How large the data are, looked up once per task, language and split.

    Args:
        data: Examples that lie here; None where there are none.
        splits: By task, rows of an official split that stand for another (``Recipe.splits``).

    Attributes:
        elsewhere: Tasks whose numbers of examples are published ones, not counted here.
    """

    def __init__(
        self, data: Data | None, splits: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self.data = data
        self.splits = splits or {}
        self._known: dict[tuple[str, str, str, bool], Size] = {}
        self._gaps: dict[str, dict[str, None]] = {}
        self.elsewhere: dict[str, None] = {}

    def of(self, task: str, language: str, split: str, *, count: bool) -> Size:
        """Number of examples (counted here only if ``count``: it reads them all) and lengths."""
        place = (task, language, split, count)
        if place not in self._known:
            self._known[place] = self._look(task, language, split, count)
        return self._known[place]

    def gap(self, what: str, language: str) -> None:
        """Note that something of a language's data is known neither way."""
        self._gaps.setdefault(what, {})[language] = None

    @property
    def unknown(self) -> list[str]:
        """What is known neither way, one line each."""
        return [f"{what} ({', '.join(of)})" for what, of in self._gaps.items()]

    def _look(self, task: str, language: str, split: str, count: bool) -> Size:
        official, rows = parse_rows(self.splits.get(task, {}).get(split, split))
        stated = published(task, language, official)
        if rows != slice(None):
            # Half-open rows are as many as they say; open ones need the whole's number.
            whole = stated.examples if rows.stop is None else rows.stop
            many = None if whole is None else len(range(whole)[rows])
            stated = Size(many, stated.tokens, stated.sequences)
        found = self._here(task, language, split, count, stated)
        if found is None:
            found = stated
            if stated.examples is not None:
                self.elsewhere[task] = None
        return found

    def _here(self, task: str, language: str, split: str, count: bool, stated: Size) -> Size | None:
        """What the data that lie here say; None without them."""
        if self.data is None or not self.data.available(task, language, split):
            return None
        known = stated.tokens is not None
        if known and not count:
            return stated
        try:
            stream = iter(self.data.iter(task, language, split))
            sample = list(islice(stream, _SAMPLE))
            side = "side" in sample[0] if sample else False
            number = sum(example.get("side", "query") == "query" for example in sample)
            if count:
                number += sum(example.get("side", "query") == "query" for example in stream)
        except InputError:
            return None
        if not sample:
            return Size(0, 0.0)
        if known:
            return Size(number if count else None, stated.tokens, stated.sequences)
        # Of retrieval, a query and as many candidates as there are queries, roughly.
        many = 2.0 if side else 1.0
        mean = sum(example_tokens(example) for example in sample) / len(sample)
        return Size(number if count else None, many * mean, many)


def example_tokens(example: Mapping[str, Any]) -> float:
    """Roughly how many tokens an example has."""
    characters = sum(_characters(value) for name, value in example.items() if name != "id")
    return 3 + characters / CHARACTERS_PER_TOKEN


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_characters(item) + 1 for item in value if isinstance(item, str))
    return 0
