"""Planning and scheduling a grid of 100,000 stages.

    python benchmarks/planning.py [--stages 100000] [--workers 512]

Plans a recipe that large, writes down processor time (it runs on one core) and memory, then lets
the scheduler hand its stages to simulated workers (no training: a stage lasts as long as its kind
usually does on a simulated clock) and checks that no stage is given out before its parents, or
twice. The baseline is planning the same grid one cell at a time, as a script without shared stages
would.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import json
import time
import tracemalloc

from xanalysis.runner.plan import Plan
from xanalysis.runner.planner import make_plan
from xanalysis.runner.recipe import Recipe
from xanalysis.runner.schedule import Schedule
from xanalysis.tasks.task import Task

DURATIONS = {"adapt": 300.0, "intermediate": 3600.0, "target": 1200.0, "evaluate": 60.0}
TARGETS = 9


class Prints:
    """Every data set is there and never changes."""

    def fingerprint(self, task: str, language: str, split: str) -> str:
        """A digest that only the name decides."""
        return f"{task}/{language}/{split}"


def catalogue(intermediates: int) -> dict[str, Task]:
    """As many made-up intermediate tasks, and nine targets of which two share a training."""
    tasks = {}
    for i in range(intermediates):
        tasks[f"task{i}"] = _task(f"task{i}", f"task{i}")
    for i in range(TARGETS):
        train = None if i >= 7 else f"target{5 if i == 6 else i}"
        tasks[f"target{i}"] = _task(f"target{i}", train)
    return tasks


def _task(name: str, train: str | None) -> Task:
    return Task(
        name=name,
        title=name,
        kind="pair_classification",
        task_type="classification",
        roles=("intermediate", "target"),
        metric="accuracy",
        languages=tuple(f"l{i}" for i in range(40)),
        train=train,
    )


def recipe(intermediates: int, seeds: int) -> Recipe:
    return Recipe(
        name="large",
        profile="quick",
        intermediates=tuple(f"task{i}" for i in range(intermediates)),
        targets=tuple(f"target{i}" for i in range(TARGETS)),
        seeds=tuple(range(seeds)),
        intermediate_seeds="paired",
    )


def simulate(plan: Plan, workers: int) -> tuple[float, float, float]:
    """Hand all stages to simulated workers.

    Returns:
        Simulated makespan in seconds, share of it the workers were busy, and the real processor
        seconds.
    """
    began = time.process_time()
    schedule = Schedule(plan, plan.needed(()), workers)
    clock, busy = 0.0, 0.0
    running: list[tuple[float, str]] = []
    done: set[str] = set()
    while schedule.left:
        while len(running) < workers and (key := schedule.pop()) is not None:
            stage = plan.stages[key]
            if key in done or any(parent not in done for parent in stage.needs):
                raise AssertionError(f"stage {stage.title} was given out wrongly")
            busy += DURATIONS[stage.kind]
            heapq.heappush(running, (clock + DURATIONS[stage.kind], key))
        clock, key = heapq.heappop(running)
        done.add(key)
        schedule.finish(key)
    if len(done) != len(plan.stages):
        raise AssertionError("stages were lost")
    return clock, busy / (clock * workers), time.process_time() - began


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=512)
    given = parser.parse_args()
    seeds = 20
    per_seed = 1 + 6 + TARGETS
    intermediates = max(1, given.stages // (per_seed * seeds) + 1)
    tasks = catalogue(intermediates)
    asked = recipe(intermediates, seeds)

    gc.collect()
    began = time.process_time()
    plan = make_plan(asked, tasks, Prints())
    planning = time.process_time() - began
    count = len(plan.stages)

    makespan, busy, scheduling = simulate(plan, given.workers)
    trainings = plan.count("adapt", "intermediate", "target")
    naive_trainings = sum(n for kind, n in plan.naive.items() if kind != "evaluate")
    del plan
    gc.collect()
    tracemalloc.start()
    plan = make_plan(asked, tasks, Prints())
    memory, peak = tracemalloc.get_traced_memory()
    assert len(plan.stages) == count
    schedule = Schedule(plan, plan.needed(()), given.workers)
    scheduler = tracemalloc.get_traced_memory()[0] - memory
    assert len(schedule.left) == count
    print(
        json.dumps(
            {
                "stages": count,
                "planning_seconds": round(planning, 2),
                "scheduling_seconds": round(scheduling, 2),
                "microseconds_per_stage": round(1e6 * (planning + scheduling) / count, 1),
                "plan_megabytes": round(memory / 1e6, 1),
                "peak_megabytes": round(peak / 1e6, 1),
                "scheduler_megabytes": round(scheduler / 1e6, 1),
                "workers": given.workers,
                "simulated_hours": round(makespan / 3600, 1),
                "workers_busy": round(busy, 4),
                "trainings": trainings,
                "trainings_without_sharing": naive_trainings,
                "sharing_ratio": round(naive_trainings / trainings, 2),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
