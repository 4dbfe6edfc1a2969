"""Sentence retrieval: Tatoeba, BUCC, Mewsli-X."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from xanalysis.errors import InputError
from xanalysis.tasks.examples import Example
from xanalysis.tasks.sources.layouts.base import Layout, field, json_lines, table, text_lines
from xanalysis.tasks.task import Task


def _tatoeba(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """LASER's pairs: ``X-eng.X`` beside ``X-eng.eng``, line i the translation of line i.

    English queries the foreign index, as in the benchmark's script. XTREME's own copies
    (``X-en.X``) have the English side in another order, so that nothing is known to be right.
    """
    paired = path.name.startswith("tatoeba.")
    english = path.with_suffix(".eng" if paired else ".en")
    if not english.is_file():
        raise InputError("no English side", file=path, expected=str(english))
    foreign: list[str] = []
    for (line, left), (_, right) in _both(english, path):
        foreign.append(right)
        gold = [f"{language}-{line}"] if paired else []
        yield {"id": f"en-{line}", "text": left, "side": "query", "gold": gold}
    for line, text in enumerate(foreign, start=1):
        yield {"id": f"{language}-{line}", "text": text, "side": "candidate"}


def _both(left: Path, right: Path) -> Iterator[tuple[tuple[int, str], tuple[int, str]]]:
    pairs = zip_longest(text_lines(left), text_lines(right))
    for number, (one, other) in enumerate(pairs, start=1):
        if one is None or other is None:
            short = left if one is None else right
            raise InputError(
                "the file ends early", file=short, line=number, expected="as many lines as its twin"
            )
        yield one, other


def _bucc(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """Ids and sentences of both sides, gold pairs: ``L-en.split.L``, ``.en`` and ``.gold``."""
    gold: dict[str, list[str]] = {}
    lines: dict[str, int] = {}  # of ids of the gold file that no sentence has had yet
    golds, english = path.with_suffix(".gold"), path.with_suffix(".en")
    if golds.is_file():
        for line, row in table(golds, header=False, columns=2):
            gold.setdefault(row["0"], []).append(row["1"])
            lines |= {row["0"]: line, row["1"]: line}
    for _, row in table(path, header=False, columns=2):
        lines.pop(row["0"], None)
        yield {
            "id": row["0"],
            "text": row["1"],
            "side": "query",
            "gold": gold.get(row["0"], []),
        }
    for _, row in table(english, header=False, columns=2):
        lines.pop(row["0"], None)
        yield {"id": row["0"], "text": row["1"], "side": "candidate"}
    for name, line in lines.items():
        raise InputError(
            f"gold sentence '{name}' is in neither file",
            file=golds,
            line=line,
            expected=f"an id of {path.name} or {english.name}",
        )


def _mewslix(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """Mentions in context against entity descriptions (``candidates.jsonl`` beside the folder)."""
    for line, row in json_lines(path):
        left, mention, right = (
            str(row.get(name, "")) for name in ("left_context", "mention", "right_context")
        )
        yield {
            "id": str(field(row, ("id", "mention_id"), path, line)),
            "text": f"{left} {mention} {right}".strip(),
            "side": "query",
            "gold": [str(field(row, ("entity_id", "entity_qid"), path, line))],
        }
    entities = path.parent / "candidates.jsonl"
    if not entities.is_file():
        raise InputError("no candidate entities", file=path, expected=str(entities))
    for line, row in json_lines(entities):
        yield {
            "id": str(field(row, ("id", "entity_id"), entities, line)),
            "text": str(field(row, ("description", "text"), entities, line)),
            "side": "candidate",
        }


TATOEBA = Layout(
    {"test": ["tatoeba/tatoeba.{lang}-eng.{lang}", "tatoeba/{lang}-en.{lang}"]},
    _tatoeba,
    get="https://github.com/facebookresearch/LASER/tree/main/data/tatoeba/v1",
)
BUCC = Layout(
    {
        # The organisers' sample is the benchmark's dev set, their training set its test set.
        split: [
            f"bucc2018/{folder}{{lang}}-en.{name}.{{lang}}"
            for name in (split, original)
            for folder in ("", "{lang}-en/")
        ]
        for split, original in {"dev": "sample", "test": "training"}.items()
    },
    _bucc,
    get="https://comparable.limsi.fr/bucc2018/bucc2018-task.html",
)
MEWSLIX = Layout(
    {split: [f"mewslix/{split}-{{lang}}.jsonl"] for split in ("dev", "test")},
    _mewslix,
    get="https://github.com/google-research/google-research/tree/master/dense_representations_for_entity_retrieval",
)
