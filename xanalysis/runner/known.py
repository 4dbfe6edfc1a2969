"""Evaluations that a results table already holds: a grid goes on elsewhere from its table alone.

A row's ``run_key`` is the content key of its evaluation, which says everything that could have
changed the score. So a committed table stands for the stages behind it, whatever recipe they were
run for and wherever their checkpoints went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError
from xanalysis.runner.plan import Plan
from xanalysis.runner.provenance import Provenance
from xanalysis.runner.spec import EvalSpec


@dataclass(frozen=True)
class Known:
    """The rows of finished evaluations.

    Attributes:
        rows: Content key to language to row, as in :mod:`xanalysis.results.schema`.
        tables: File to the keys that stand in it.
        provenance: What stood beside the tables about where they come from.
    """

    rows: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)

    def done(self, plan: Plan) -> set[str]:
        """Keys of the plan's evaluations of which a row of every language is known."""
        return {
            key
            for key, rows in self.rows.items()
            if (stage := plan.stages.get(key)) is not None
            and isinstance(stage.spec, EvalSpec)
            and set(stage.spec.languages) <= set(rows)
        }


def read_known(files: Iterable[str | Path]) -> Known:
    """Read results tables whose evaluations need not be done again.

    Args:
        files: CSV or Parquet files as :func:`xanalysis.results.write_results` makes them.

    Raises:
        InputError: No such file, not a results table, a table without a single run key, or two
            different scores of one evaluation.
    """
    from xanalysis.results.read import read_table

    rows: dict[str, dict[str, dict[str, Any]]] = {}
    origin: dict[tuple[str, str], Path] = {}
    tables: dict[str, frozenset[str]] = {}
    provenance = Provenance()
    for file in map(Path, files):
        if not file.is_file():
            raise InputError(
                "there is no such results table",
                file=file,
                expected="a CSV or Parquet file as `run-grid` writes it",
            )
        found = list(_rows(read_table(file).to_dict("records")))
        if not found:
            raise InputError(
                "no row says which evaluation it is from",
                file=file,
                expected="a results table with the column 'run_key', as `run-grid` writes it",
            )
        for key, language, row in found:
            before = rows.setdefault(key, {}).setdefault(language, row)
            first = origin.setdefault((key, language), file)
            if before["score"] != row["score"]:
                raise InputError(
                    f"evaluation {key[:12]} has the score {row['score']} in {language}, "
                    f"in {first} it has {before['score']}",
                    file=file,
                    expected="one of the two tables only",
                )
        tables[str(file)] = frozenset(key for key, _, _ in found)
        provenance.read(file)
    return Known(rows, tables, provenance)


def _rows(records: Iterable[dict[Any, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for row in records:
        if row["run_key"]:
            yield row["run_key"], row["language"], row
