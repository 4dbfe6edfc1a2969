"""The rows behind the numbers: scores by language and seed, and the run or source of each."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from xanalysis.report import text
from xanalysis.report.claimsets import claim_sets
from xanalysis.report.material import Material
from xanalysis.report.rowsets import RowSet, row_sets
from xanalysis.report.slugs import anchor, row_anchor
from xanalysis.results.schema import BASELINE

_WHAT = ("study", "model", "recipe", "intermediate", "target", "seed")
_MOST_LINKS = 5000


@dataclass(frozen=True)
class RowGroup:
    """The scores of one intermediate on one target.

    Attributes:
        id: Anchor that numbers link to.
        title: What they are.
        heads: Heading and run anchor ("" for none) per column of scores.
        lines: Language, one score per column, and the source where a column has several.
    """

    id: str
    title: str
    heads: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, tuple[str, ...], str], ...]


@dataclass(frozen=True)
class ScoreSet:
    """The scores of one intermediate.

    Attributes:
        id: Anchor.
        title: The intermediate.
        groups: One per target.
        baseline: Anchor of the scores that gains are measured from; "" for the baseline itself.
    """

    id: str
    title: str
    groups: tuple[RowGroup, ...]
    baseline: str


@dataclass(frozen=True)
class LanguageGroup:
    """One language's gain in every cell.

    Attributes:
        id: Anchor.
        title: The language.
        heads: Targets.
        lines: Intermediate, anchor of its scores, and a gain and its anchor ("" for none) per
            target.
    """

    id: str
    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True)
class Run:
    """One evaluation run, or one source that several scores are from; `what` as in `Rows.told`."""

    id: str
    key: str
    source: str
    what: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """Everything that numbers link to.

    Attributes:
        scores: Scores by intermediate and target.
        languages: Gains by language.
        runs: Runs and sources.
        sets: What else numbers are made of.
        told: What runs are told apart by.
        common: What all runs have in common.
    """

    scores: tuple[ScoreSet, ...] = ()
    languages: tuple[LanguageGroup, ...] = ()
    runs: tuple[Run, ...] = ()
    sets: tuple[RowSet, ...] = ()
    told: tuple[str, ...] = ()
    common: str = ""

    @property
    def kinds(self) -> dict[str, list[RowSet]]:
        """The sets by kind, in order."""
        found: dict[str, list[RowSet]] = {}
        for one in self.sets:
            found.setdefault(one.kind, []).append(one)
        return found


def collect(material: Material) -> Rows:
    """Group the results of the metrics that the report shows."""
    results = material.results
    if results.empty:
        return Rows(sets=claim_sets(material))
    chosen = results[results["metric"] == results["target"].map(material.metrics)]
    chosen = chosen.assign(
        row=material.row_names(chosen),
        origin=chosen["run_key"].where(chosen["run_key"] != "", chosen["source"]),
    )
    per_origin = chosen.groupby("origin").size()
    shared = {str(name) for name, n in per_origin.items() if n > 1 and name}
    names: Mapping[str, str] = {}
    if material.has_gains:
        languages = material.languages
        names = dict(zip(languages["language"], languages["name"], strict=True))
    told = tuple(name for name in _WHAT if chosen[name].nunique(dropna=False) > 1)
    return Rows(
        tuple(_scores(chosen, shared, names)),
        tuple(_languages(material)),
        tuple(_runs(chosen, shared, told)),
        row_sets(material) + claim_sets(material),
        told,
        " · ".join(
            f"{name} {chosen[name].iloc[0]}"
            for name in _WHAT
            if name not in told and str(chosen[name].iloc[0]) not in ("", "<NA>", "nan")
        ),
    )


def _scores(chosen: pd.DataFrame, shared: set[str], names: Mapping[str, str]) -> Iterator[ScoreSet]:
    # One pass over plain values: a pandas operation per cell would take a second per thousand.
    cells: dict[str, dict[str, dict[str, dict[str, list[str]]]]] = {}
    origins: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    sources: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    intermediate: dict[str, str] = {}
    columns = ["row", "target", "language", "seed", "score", "degenerate", "origin", "intermediate"]
    for row, target, code, seed, score, bad, origin, what in zip(
        *(chosen[name].tolist() for name in columns), strict=True
    ):
        column = "score" if pd.isna(seed) else f"seed {seed}"
        by_language = cells.setdefault(row, {}).setdefault(target, {}).setdefault(code, {})
        by_language.setdefault(column, []).append(text.number(score) + "†" * bool(bad))
        origins[row, target][column].add(str(origin))
        sources[row, target, code].add(str(origin))
        intermediate[row] = what
    sets = {row_anchor(row) for row in cells}
    for row in sorted(cells):
        groups = []
        for target, by_code in sorted(cells[row].items()):
            runs = origins[row, target]
            heads = sorted(runs, key=_natural)
            single = {h: next(iter(runs[h])) for h in heads if len(runs[h]) == 1}
            single = {head: origin for head, origin in single.items() if origin in shared}
            # A column from several sources says them line by line.
            scattered = any(head not in single and any(runs[head]) for head in heads)
            lines = tuple(
                (
                    names.get(code, code),
                    tuple(" / ".join(shown.get(head, [text.DASH])) for head in heads),
                    "; ".join(sorted(sources[row, target, code])) if scattered else "",
                )
                for code, shown in sorted(by_code.items())
            )
            titled = tuple((h, _run_id(single[h]) if h in single else "") for h in heads)
            title = f"{row} → {target}"
            groups.append(RowGroup(anchor(row, target), title, titled, lines))
        what = intermediate[row]
        base = "" if what == BASELINE else row_anchor(BASELINE + row.removeprefix(what))
        yield ScoreSet(row_anchor(row), row, tuple(groups), base if base in sets else "")


def _languages(material: Material) -> Iterator[LanguageGroup]:
    if not material.has_gains:
        return
    means = material.cells.groupby(["language", "row", "target"])["gain"].mean()
    titles = dict(zip(material.languages["language"], material.languages["name"], strict=True))
    linked = len(means) <= _MOST_LINKS  # otherwise a line leads to its intermediate's scores
    found: dict[str, dict[str, dict[str, float]]] = {}
    for code, row, target, gain in means.reset_index().itertuples(index=False):
        found.setdefault(code, {}).setdefault(row, {})[target] = gain
    for code in sorted(found):
        by_row = found[code]
        heads = [t for t in material.targets if any(t in gains for gains in by_row.values())]
        lines = tuple(
            (
                row,
                row_anchor(row),
                tuple(
                    (
                        text.number(by_row[row].get(target), sign=True),
                        anchor(row, target) if linked and target in by_row[row] else "",
                    )
                    for target in heads
                ),
            )
            for row in material.rows
            if row in by_row
        )
        yield LanguageGroup(f"lang-{code}", f"{titles[code]} ({code})", tuple(heads), lines)


def _runs(chosen: pd.DataFrame, shared: set[str], names: Sequence[str]) -> Iterator[Run]:
    seen: dict[str, dict[str, dict[str, None]]] = {}
    first: dict[str, tuple[str, str]] = {}
    for origin, key, source, *values in zip(
        *(chosen[name].tolist() for name in ("origin", "run_key", "source", *names)), strict=True
    ):
        if origin not in shared:
            continue
        first.setdefault(origin, (str(key), str(source)))
        there = seen.setdefault(origin, {name: {} for name in names})
        for name, value in zip(names, values, strict=True):
            if not pd.isna(value) and str(value):
                there[name][str(value)] = None
    for origin in sorted(seen):
        key, source = first[origin]
        what = tuple(_few(told) for told in seen[origin].values())
        # A run that names itself by its key says nothing new.
        said = "" if key and source.removeprefix("run ") in ("", key, key[:12]) else source
        yield Run(_run_id(origin), key, said, what)


def _run_id(origin: str) -> str:
    return f"run-{zlib.crc32(origin.encode()):08x}"


def _few(values: Iterable[str]) -> str:
    given = list(values)
    return ", ".join(given[:3] or [text.DASH]) + (f", … ({len(given)})" if len(given) > 3 else "")


def _natural(name: str) -> tuple[int, str]:
    number = name.removeprefix("seed ")
    return (int(number), "") if number.lstrip("-").isdigit() else (-1, name)
