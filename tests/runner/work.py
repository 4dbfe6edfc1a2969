"""A small grid, and a quick stand-in for training, so that engines can be tested by the hundred.

What it writes is a function of the stage, its parents' files and how often it was told to step,
like a deterministic training; it keeps its place in the scratch folder, like a training does.
"""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError
from xanalysis.runner.engines.local import LocalEngine
from xanalysis.runner.plan import Plan, Stage
from xanalysis.runner.planner import make_plan
from xanalysis.runner.recipe import Recipe
from xanalysis.runner.spec import EvalSpec
from xanalysis.runner.stages import Job
from xanalysis.runner.store import Store
from xanalysis.tasks.task import Task

STEPS = 4
_held: list[Any] = []


def _task(name: str, kind: str, train: str | None, languages: tuple[str, ...]) -> Task:
    return Task.model_validate(
        {
            "name": name,
            "title": name,
            "kind": kind,
            "task_type": "classification",
            "roles": ("intermediate", "target"),
            "metric": "accuracy",
            "languages": languages,
            "train": train,
        }
    )


TASKS = {
    t.name: t
    for t in (
        _task("xnli", "pair_classification", "mnli", ("en", "de", "sw")),
        _task("mnli", "pair_classification", "mnli", ("en",)),
        _task("squad_v1", "extractive_qa", "squad_v1", ("en",)),
        _task("xquad", "extractive_qa", "squad_v1", ("en", "de")),
        _task("mlqa", "extractive_qa", "squad_v1", ("en", "de")),
        _task("tatoeba", "retrieval", None, ("de", "sw")),
        _task("panx", "tagging", "panx", ("en", "de", "sw")),
    )
}


class Prints:
    """Fingerprints that can be changed or be missing."""

    def __init__(self, changed: str = "", missing: str = "") -> None:
        self.changed, self.lacking = changed, missing

    def fingerprint(self, task: str, language: str, split: str) -> str:
        place = f"{task}/{language}/{split}"
        if place == self.lacking:
            raise InputError(f"{place} is not there")
        return place + ("!" if place == self.changed else "")


def plan(prints: Prints | None = None, allow_missing: bool = False, **changes: Any) -> Plan:
    given: dict[str, Any] = {
        "name": "small",
        "profile": "quick",
        "intermediates": ["mnli", "squad_v1"],
        "targets": ["xnli", "xquad", "mlqa", "tatoeba"],
        "seeds": [0, 1],
    }
    recipe = Recipe.model_validate(given | changes)
    return make_plan(recipe, TASKS, prints or Prints(), allow_missing=allow_missing)


class NoData(Job):
    """A job whose stages read no examples."""

    def open_data(self) -> Any:
        return None


def small(**changes: Any) -> Plan:
    return plan(targets=["xnli", "panx", "tatoeba"], **changes)


def run(made: Plan, root: Path, perform: Any = None, workers: int = 1) -> Any:
    store = Store(root)
    store.prepare()
    engine = LocalEngine(NoData(root, (), perform=perform or pretend), workers=workers)
    return engine.run(made, made.needed(store.done(made.stages)), store)


def contents(root: Path) -> Mapping[str, str]:
    """Key and file name to what every stage holds."""
    store = Store(root)
    return {
        f"{key}/{name}": (store.path(key) / name).read_text()
        for key in store.published()
        for name in store.manifest(key).files
        if (store.path(key) / name).exists()
    }


def began(root: Path) -> Counter[str]:
    return Counter(line.split()[0] for line in (root / "log.txt").read_text().splitlines())


def pretend(
    stage: Stage, store: Store, data: Any, folder: Path, scratch: Path, device: str, progress: Any
) -> Mapping[str, Any]:
    """Hash the parents' files and some steps into a file; log that the stage began."""
    with (store.root / "log.txt").open("a") as log:
        log.write(f"{stage.key} {os.getpid()}\n")
    place = scratch / "place.json"
    state = json.loads(place.read_text()) if place.exists() else {"step": 0, "hash": ""}
    if state["step"] == 0:
        for parent in stage.needs:
            text = (store.checkpoint(parent) / "model.safetensors").read_text()
            state["hash"] = _hash(state["hash"] + text)
    while state["step"] < STEPS:
        time.sleep(float(os.environ.get("PRETEND_SECONDS", "0")) / STEPS)
        state = {"step": state["step"] + 1, "hash": _hash(state["hash"] + stage.key)}
        temporary = place.with_suffix(".new")
        temporary.write_text(json.dumps(state))
        os.replace(temporary, place)
        progress(state["step"], STEPS, "")
    name = "scores.json" if stage.kind == "evaluate" else "model.safetensors"
    (folder / name).write_text(state["hash"])
    return {}


def pretend_scores(stage: Stage, store: Store, data: Any, folder: Path, *rest: Any) -> Any:
    """As ``pretend``, but evaluations write scores as the training core does."""
    pretend(stage, store, data, folder, *rest)
    if isinstance(stage.spec, EvalSpec):
        languages = {
            language: {
                "score": int(_hash(stage.key + language)[:8], 16) / 2**32 * 100,
                "n_examples": 50,
                "se": 1.5,
            }
            for language in stage.spec.languages
        }
        content = {"official": "accuracy", "split": stage.spec.split, "languages": languages}
        (folder / "scores.json").write_text(json.dumps(content))
    else:
        (folder / "training.json").write_text('{"degenerate": false}')
    return {"versions": {"torch": "0"}, "machine": {"hardware": "a stand-in"}}


def fail_on_panx(stage: Stage, *rest: Any) -> Mapping[str, Any]:
    """As ``pretend``, but trainings on panx raise."""
    if stage.kind == "target" and "panx" in stage.title:
        raise ZeroDivisionError("made to fail")
    return pretend(stage, *rest)


def refuse(stage: Stage, *rest: Any) -> Mapping[str, Any]:
    """As ``pretend``, but the input of trainings on panx is at fault."""
    if stage.kind == "target" and "panx" in stage.title:
        raise InputError("made to refuse", file="data.tsv", line=3)
    return pretend(stage, *rest)


def fill_the_disk(stage: Stage, *rest: Any) -> Mapping[str, Any]:
    """As ``pretend``, but trainings on panx find the disk full."""
    if stage.kind == "target" and "panx" in stage.title:
        raise OSError(errno.ENOSPC, "No space left on device")
    return pretend(stage, *rest)


def die_once(stage: Stage, store: Store, *rest: Any) -> Mapping[str, Any]:
    """As ``pretend``, but the first worker that trains panx is killed."""
    mark = store.root / "died"
    if stage.kind == "target" and "panx" in stage.title and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return pretend(stage, store, *rest)


def die_evaluating(stage: Stage, store: Store, *rest: Any) -> Mapping[str, Any]:
    """As ``pretend``, but the first two workers that evaluate are killed before they begin."""
    for mark in (store.root / "died", store.root / "died again"):
        if stage.kind == "evaluate" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return pretend(stage, store, *rest)


def die(stage: Stage, *rest: Any) -> Mapping[str, Any]:
    """As ``pretend``, but every worker that trains the intermediate SQuAD is killed."""
    if stage.kind == "intermediate" and "squad_v1" in stage.title:
        os.kill(os.getpid(), signal.SIGKILL)
    return pretend(stage, *rest)


def hold_a_semaphore(stage: Stage, *rest: Any) -> Mapping[str, Any]:
    """As ``pretend``, but with a lock between processes, as progress bars of libraries have."""
    _held.append(multiprocessing.get_context("spawn").Lock())
    return pretend(stage, *rest)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
