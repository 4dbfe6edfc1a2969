"""Where a results table comes from: ``<recipe>.provenance.json`` beside it.

One entry per stage behind the table's rows (evaluations, by the rows' ``run_key``, and the
trainings they stand on); what many stages have in common stands once:

.. code-block:: json

    {"recipe": "mini",
     "notes": ["mini: xcopa is trained on siqa, not on siqa, then copa"],
     "models": {"embedded/e5-small": "<fingerprint>"},
     "data": {"xnli/de/test": "<fingerprint>"},
     "environments": [{"xanalysis": "0.1.0", "torch": "...", "hardware": "..."}],
     "reads": [["mnli/en/train", "mnli/en/dev"]],
     "stages": {"<key>": {"kind": "target", "title": "...", "needs": ["<key>"], "reads": 0,
                          "environment": 0, "seconds": 12.3}}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError
from xanalysis.runner.plan import Plan
from xanalysis.runner.spec import reads
from xanalysis.runner.store import Store

Environment = dict[str, Any]


@dataclass
class Provenance:
    """How stages were run, of which no store is at hand.

    Attributes:
        runs: Content key to (environment, seconds).
    """

    runs: dict[str, tuple[Environment, float]] = field(default_factory=dict)

    def read(self, table: Path) -> None:
        """Add what the file beside a results table says; a table may have none.

        Raises:
            InputError: It is there and cannot be read.
        """
        file = beside(table)
        if not file.is_file():
            return
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            for key, stage in content["stages"].items():
                if "environment" in stage:
                    run = content["environments"][stage["environment"]], float(stage["seconds"])
                    self.runs.setdefault(key, run)
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise InputError(
                f"cannot be read ({type(error).__name__})",
                file=file,
                expected="the file as `run-grid` wrote it beside its table, or none",
            ) from None


def beside(table: Path) -> Path:
    """The file that tells the provenance of a results table."""
    return table.with_name(f"{table.stem}.provenance.json")


def describe(plan: Plan, keys: Iterable[str], store: Store, known: Provenance) -> dict[str, Any]:
    """The provenance of some evaluations of a plan.

    Args:
        plan: The plan.
        keys: Content keys of evaluations.
        store: Has the manifests of what was run here.
        known: Tells of what was run elsewhere.

    Returns:
        As in the module's example; always in the plan's order.
    """
    wanted = _lines(plan, keys)
    environments, lists = _Once(), _Once()
    used: dict[tuple[str, str, str], None] = {}
    stages: dict[str, dict[str, Any]] = {}
    for key, stage in plan.stages.items():
        if key not in wanted:
            continue
        places = list(dict.fromkeys(reads(stage.spec)))
        used.update(dict.fromkeys(places))
        entry: dict[str, Any] = {"kind": stage.kind, "title": stage.title}
        if stage.needs:
            entry["needs"] = list(stage.needs)
        entry["reads"] = lists(["/".join(place) for place in places])
        run = _run(key, store, known)
        if run is not None:
            entry["environment"], entry["seconds"] = environments(run[0]), round(run[1], 2)
        stages[key] = entry
    names = dict.fromkeys(plan.stages[key].model.name for key in stages)
    return {
        "recipe": plan.recipe.name,
        "notes": [*filter(None, [plan.recipe.note]), *plan.notes],
        "models": {name: plan.models.get(name, "") for name in names},
        "data": {"/".join(place): plan.prints.get(place) for place in used},
        "environments": environments.values,
        "reads": lists.values,
        "stages": stages,
    }


def text(content: Mapping[str, Any]) -> str:
    """JSON with a line for each entry, so that two versions of the file can be compared."""
    parts = []
    for name, value in content.items():
        if isinstance(value, dict):
            rows = [f"{_json(key)}: {_json(entry)}" for key, entry in value.items()]
            parts.append(f"{_json(name)}: {{\n" + ",\n".join(rows) + "\n}")
        elif isinstance(value, list):
            parts.append(f"{_json(name)}: [\n" + ",\n".join(map(_json, value)) + "\n]")
        else:
            parts.append(f"{_json(name)}: {_json(value)}")
    return "{" + ",\n".join(parts) + "}\n"


class _Once:
    """Values that stand once and are called by their number."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def __call__(self, value: Any) -> int:
        name = _json(value)
        if name not in self._numbers:
            self._numbers[name] = len(self.values)
            self.values.append(value)
        return self._numbers[name]


def _run(key: str, store: Store, known: Provenance) -> tuple[Environment, float] | None:
    if not store.has(key):
        return known.runs.get(key)
    facts = store.manifest(key).facts
    environment = {**facts.get("versions", {}), **facts.get("machine", {})}
    # Which of several equal GPUs it was makes no difference.
    environment["device"] = str(facts.get("device", "")).partition(":")[0]
    return environment, float(facts.get("seconds", 0.0))


def _lines(plan: Plan, keys: Iterable[str]) -> set[str]:
    """The stages and everything they stand on."""
    wanted: set[str] = set()
    stack = list(keys)
    while stack:
        key = stack.pop()
        if key not in wanted:
            wanted.add(key)
            stack.extend(plan.stages[key].needs)
    return wanted


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
