"""A grid from a recipe's name to its results table: what `run-grid` does, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xanalysis.errors import InputError, unknown_name
from xanalysis.runner import models
from xanalysis.runner.engines import ENGINES
from xanalysis.runner.engines.base import Engine, Reporter, Run
from xanalysis.runner.engines.local import available_cores
from xanalysis.runner.estimate import Estimate, estimate
from xanalysis.runner.known import Known, read_known
from xanalysis.runner.load import load_recipe
from xanalysis.runner.plan import Plan, Stage
from xanalysis.runner.planner import make_plan
from xanalysis.runner.recipe import Recipe
from xanalysis.runner.sizes import Sizes
from xanalysis.runner.spec import ModelSpec, TrainSpec
from xanalysis.runner.stages import Job
from xanalysis.runner.store import Store
from xanalysis.study import Study

if TYPE_CHECKING:
    from xanalysis.tasks.data import Data


MOST_WORKERS = 8  # on the CPU; more is asked for with --workers


@dataclass
class Grid:
    """A recipe that is planned and has a store.

    Attributes:
        recipe: The recipe, with what the command line changed.
        plan: Its stages.
        store: Where they are kept.
        job: What workers are told.
        data: The examples.
        left_out: Training examples on contexts that a target tests, one line each.
        known: Evaluations that other results tables hold.
        seeds: The recipe's seeds that are asked for; all where it is empty.
    """

    recipe: Recipe
    plan: Plan
    store: Store
    job: Job
    data: Data
    left_out: tuple[str, ...] = ()
    known: Known = field(default_factory=Known)
    seeds: tuple[int, ...] = ()

    def done(self) -> set[str]:
        """Keys of the stages that are done, here or as rows of a known table."""
        return self.store.done(self.plan.stages) | self.known.done(self.plan)

    def todo(self) -> list[str]:
        """Keys of the stages that must run, in order."""
        return self.plan.needed(self.done(), self.seeds)

    def estimate(self, device: str = "cpu") -> Estimate:
        """What is left to run costs, and what sharing saved.

        Sizes are counted in data that lie here, or published ones; nothing is fetched to know
        them.
        """
        here = [name for name in self.job.sources if name != "hub"]
        data = replace(self.job, sources=tuple(here), protect=()).open_data() if here else None
        done = self.done()
        todo = self.plan.needed(done, self.seeds)
        sizes = Sizes(data, self.recipe.splits)
        return estimate(self.plan, self.store, sizes, device=device, done=done, todo=todo)

    def workers(self, devices: Sequence[str]) -> int:
        """How many stages to run side by side: one per GPU; on the CPU as many as memory allows."""
        if tuple(devices) != ("cpu",):
            return len(devices)
        need = max(_memory(stage) for stage in self.plan.stages.values())
        return max(1, min(available_cores(), MOST_WORKERS, int(available_memory() // need)))

    def run(
        self, engine: Engine, reporter: Reporter | None = None, seconds: float | None = None
    ) -> Run:
        """Run what is left and write the results table of what is there.

        Args:
            engine: Runs the stages.
            reporter: Is told what happens.
            seconds: Stop after so long, without an error; the same call later goes on.

        Raises:
            InputError: Input at fault; what was finished before is kept.
        """
        from xanalysis.runner.collect import write_results

        self.store.prepare()
        try:
            done = self.done()
            todo = self.plan.needed(done, self.seeds)
            later = set(self.plan.needed(done)).difference(todo)
            run = engine.run(self.plan, todo, self.store, reporter, seconds=seconds, later=later)
            for key, text in run.failed.items():
                log = self.failure(key)
                log.parent.mkdir(exist_ok=True)
                log.write_text(text, encoding="utf-8")
        finally:
            # A run that was stopped leaves a table too, of what it finished.
            write_results(self.plan, self.store, self.known)
        return run

    def failure(self, key: str) -> Path:
        """Where the traceback of a stage that failed is kept."""
        return self.store.root / "failed" / f"{key[:12]}.log"


def open_grid(
    name: str,
    *,
    study: Study | None = None,
    store: str | Path | None = None,
    model: str | None = None,
    data: str | Path | None = None,
    sources: Sequence[str] = (),
    allow_missing: bool = False,
    check: bool = True,
    known: Sequence[str | Path] = (),
    seeds: Sequence[int] = (),
) -> Grid:
    """Load a recipe, apply what the caller changes, and plan it.

    Args:
        name: A recipe's name, or a file.
        study: Where recipes are looked for and the store lies; the one around the current folder.
        store: The store's folder; the study's own where it is left out.
        model: Another pretrained model than the recipe's.
        data: Folder with files of examples.
        sources: Where examples are looked for; the recipe's where it is empty.
        allow_missing: Plan over data that are not there.
        check: Read training and test data and look for leaks between them; a dry run does not.
        known: Results tables whose evaluations are done.
        seeds: Run only the grids of these of the recipe's seeds.

    Raises:
        InputError: Anything wrong with the recipe, the store or the data.
    """
    from xanalysis.tasks.catalogue import TASKS
    from xanalysis.tasks.leakage import shared_contexts
    from xanalysis.tasks.sources import SOURCES

    study = study or Study.here()
    recipe = load_recipe(study.find("runners", name))
    if model is not None:
        layers = recipe.model.layers
        recipe = recipe.model_copy(update={"model": ModelSpec(name=model, layers=layers)})
    _check_seeds(recipe, seeds)
    used = tuple(sources) or recipe.sources or tuple(SOURCES)
    for source in used:
        if source not in SOURCES:
            raise unknown_name("source", source, SOURCES)
    if data is not None and not Path(data).is_dir():
        raise InputError("no such folder", file=data, expected="a folder with task data")
    folder = None if data is None else Path(data)
    job = Job(
        Path(store) if store is not None else study.store,
        used,
        folder,
        splits=recipe.splits,
        protect=recipe.targets,
    )
    examples = job.open_data()
    if check:
        _refuse_leaks(recipe, examples)
    opened = Store(job.store)
    prints = {
        setup.model.name: models.fingerprint(setup.model) for setup in recipe.setups().values()
    }
    plan = make_plan(recipe, TASKS, examples, model_fingerprint=prints, allow_missing=allow_missing)
    drops = shared_contexts(examples, _trained(plan)) if check else []
    left_out = tuple(str(drop) for drop in drops)
    tables = read_known(known)
    return Grid(recipe, plan, opened, job, examples, left_out, tables, tuple(seeds))


def _check_seeds(recipe: Recipe, asked: Sequence[int]) -> None:
    """Refuse seeds the recipe does not have: its results would not be the recipe's."""
    have = sorted({seed for setup in recipe.setups().values() for seed in setup.seeds})
    for seed in asked:
        if seed not in have:
            raise InputError(
                f"recipe '{recipe.name}' has no seed {seed}",
                expected="some of " + ", ".join(map(str, have)),
            )


def _refuse_leaks(recipe: Recipe, data: Data) -> None:
    """Refuse training on rows whose translations are tested."""
    from xanalysis.tasks.catalogue import TASKS
    from xanalysis.tasks.leakage import refuse_shared_rows

    for setup in recipe.setups().values():
        targets = [TASKS[name] for name in setup.targets]
        trained = {name for target in targets for name in setup.trained_on(target)}
        trained |= {name for mixture in setup.mixtures() for name in mixture.tasks}
        for target in targets:
            for name in sorted(trained):
                refuse_shared_rows(TASKS[name], "train", target, setup.split, data)


def _trained(plan: Plan) -> list[str]:
    """Tasks that some stage of the plan trains on."""
    specs = [stage.spec for stage in plan.stages.values() if isinstance(stage.spec, TrainSpec)]
    return sorted({part.task for spec in specs for part in spec.data})


def open_engine(
    name: str, job: Job, *, workers: int = 0, devices: Sequence[str] = (), address: str = ""
) -> Engine:
    """An engine by name, its devices checked.

    Raises:
        InputError: Unknown engine, or a device that is not there.
    """
    kind = ENGINES[name]
    used = devices_at_hand(devices) if kind.local_devices else tuple(devices)
    return kind(job, workers=workers, devices=used, address=address)


def _memory(stage: Stage) -> float:
    """Bytes a worker needs for a stage on the CPU: libraries, weights, gradients, AdamW's state."""
    shape = models.shape(stage.model)
    layers, embeddings = models.parameters(shape) if shape is not None else (0, 0)
    trains = isinstance(stage.spec, TrainSpec)
    frozen = not trains or stage.spec.freeze_embeddings or stage.spec.adapter is not None  # type: ignore[union-attr]
    return 0.7e9 + (16 if trains else 4) * layers + (8 if frozen else 16) * embeddings


def available_memory() -> float:
    """Bytes that can be used now."""
    try:
        import psutil
    except ModuleNotFoundError:
        return 4e9
    return float(psutil.virtual_memory().available)


def devices_at_hand(asked: Sequence[str] = ()) -> tuple[str, ...]:
    """The devices that are asked for, or the GPUs of this machine, or its CPU.

    Raises:
        InputError: A device that is asked for is not there.
    """
    if list(asked) == ["cpu"]:
        return ("cpu",)
    try:
        import torch

        there = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            there.append("mps")
    except ModuleNotFoundError:
        there = []
    for device in asked:
        if device != "cpu" and device not in there and device not in ("cuda", "gpu"):
            raise InputError(
                f"there is no device '{device}' here",
                expected="one of " + ", ".join(["cpu", *there]),
            )
        if device in ("cuda", "gpu") and not there:
            raise InputError("there is no GPU here", expected="--devices cpu")
    if any(device in ("cuda", "gpu") for device in asked):
        return tuple(there)
    return tuple(asked) or tuple(there) or ("cpu",)
