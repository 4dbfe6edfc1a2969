"""``xanalysis run-grid RECIPE``: fine-tune and evaluate every intermediate/target pair."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from xanalysis.runner.engines.base import Run
    from xanalysis.runner.estimate import Estimate
    from xanalysis.runner.grid import Grid


@click.command("run-grid")
@click.argument("recipe")
@click.option("--data", metavar="DIR", help="Folder with task data files.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    help="Where examples are looked for, in order: files, hub, cldr (repeatable).",
)
@click.option("--model", metavar="NAME", help="Another pretrained model than the recipe's.")
@click.option("--engine", default="local", show_default=True, help="local or ray.")
@click.option("--address", default="", metavar="ADDRESS", help="Of the Ray cluster ('auto').")
@click.option("--workers", default=0, type=click.IntRange(min=0), help="Stages side by side.")
@click.option(
    "--devices", default="", metavar="LIST", help="cpu, cuda, or cuda:0,cuda:1 (default: all GPUs)."
)
@click.option("--store", metavar="DIR", help="Where finished stages are kept (default: runs/).")
@click.option(
    "--known",
    "tables",
    multiple=True,
    metavar="TABLE",
    help="A results table whose evaluations are done (CSV or Parquet; repeatable).",
)
@click.option("--seeds", default="", metavar="LIST", help="Only these of the recipe's seeds: 0,1.")
@click.option("--for", "time", default="", metavar="TIME", help="Stop after 45s, 90m or 1h30m.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and what it costs.")
@click.option(
    "--allow-partial", is_flag=True, help="Run what there are data for, and say what is missing."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(
    recipe: str,
    data: str | None,
    sources: tuple[str, ...],
    model: str | None,
    engine: str,
    address: str,
    workers: int,
    devices: str,
    store: str | None,
    tables: tuple[str, ...],
    seeds: str,
    time: str,
    dry_run: bool,
    allow_partial: bool,
    form: str,
) -> None:
    """Fine-tune and evaluate every intermediate/target pair of RECIPE.

    RECIPE is a name in runners/ (mini, stilts, xtreme-r, ...) or a YAML file. Finished stages are
    kept: stop with Ctrl-C and start again at any time, nothing is done twice. Where the store is
    gone, --known goes on from the results table alone.
    """
    from xanalysis.runner.grid import devices_at_hand, open_engine, open_grid

    seconds = parse_time(time)
    if dry_run:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a dry run fetches nothing
    else:
        needs_training_extra()
    grid = open_grid(
        recipe,
        store=store,
        model=model,
        data=data,
        sources=sources,
        allow_missing=True,
        check=not dry_run,
        known=tables,
        seeds=parse_seeds(seeds),
    )
    if not (allow_partial or dry_run):
        refuse_missing(grid)
    asked = tuple(name.strip() for name in devices.split(",") if name.strip())
    if dry_run:
        _dry_run(grid, devices_at_hand(asked)[0], form)
        return
    if not workers and engine == "local":
        workers = grid.workers(devices_at_hand(asked))
    slots = open_engine(engine, grid.job, workers=workers, devices=asked, address=address)
    from rich.console import Console

    console = Console(stderr=form == "json")
    run = run_with_bars(grid, slots, console, seconds)
    if form == "json":
        click.echo(json.dumps(_summary(grid, run), indent=1))
    for error in run.refused.values():
        raise error  # the first stands for all; the others were told
    if run.failed:
        sys.exit(1)


def refuse_missing(grid: Grid) -> None:
    """List the data that are not here, and where they can be had, and go no further.

    Raises:
        InputError: Some data are not here.
    """
    from xanalysis.runner.missing import absent, missing_lines

    if grid.plan.missing:
        for line in (*missing_lines(grid.plan, grid.data), *grid.plan.notes):
            click.echo(line, err=True)
        raise absent(grid.plan)


def parse_time(text: str) -> float | None:
    """Seconds of ``45s``, ``90m`` or ``1h30m``; None of an empty text.

    Raises:
        InputError: It is none of these.
    """
    from xanalysis.errors import InputError

    if not text:
        return None
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    seconds = sum(
        int(number or 0) * unit
        for number, unit in zip(found.groups() if found else (), (3600, 60, 1), strict=False)
    )
    if not seconds:
        raise InputError(f"--for '{text}' is no time", expected="45s, 90m, 2h or 1h30m")
    return float(seconds)


def parse_seeds(text: str) -> tuple[int, ...]:
    """The numbers of ``0,1``.

    Raises:
        InputError: Something else stands there.
    """
    from xanalysis.errors import InputError

    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if not re.fullmatch(r"\d+", word):
            raise InputError(f"--seeds: '{word}' is no seed", expected="whole numbers, as in 0,1")
    return tuple(dict.fromkeys(map(int, words)))


def needs_training_extra() -> None:
    """Refuse, in one line, when the packages for training are not installed."""
    from importlib.util import find_spec

    from xanalysis.errors import MissingExtraError

    if any(find_spec(name) is None for name in ("torch", "transformers", "safetensors")):
        raise MissingExtraError("run-grid", "train")


def run_with_bars(
    grid: Grid, engine: object, console: Console, seconds: float | None = None
) -> Run:
    """Run a grid with bars on ``console``, for so long; Ctrl-C says how to go on."""
    from xanalysis.runner.engines.base import Engine
    from xanalysis.runner.missing import missing_lines
    from xanalysis.runner.progress import Terminal, duration

    assert isinstance(engine, Engine)
    estimate = grid.estimate(engine.devices[0])
    todo = grid.todo()
    blocked = len(grid.plan.blocked)
    name = grid.recipe.name
    total = len(grid.plan.stages)
    first = f"{name}: {total} stages, {len(todo)} to do"
    # Workers that share a device share its pace.
    lanes = len(set(engine.devices)) if engine.local_devices else max(1, engine.workers)
    if estimate.seconds is not None and todo:
        first += f", about {duration(estimate.seconds / lanes)}"
    console.print(first, highlight=False)
    for line in known_lines(grid):
        console.print(line, highlight=False, soft_wrap=True)
    if grid.plan.missing:
        console.print(f"not here, and {blocked} stages with it:", style="yellow")
        for line in missing_lines(grid.plan, grid.data):
            console.print(f"  {line}", highlight=False, soft_wrap=True)
    for line in (*grid.plan.notes, *grid.left_out):
        console.print(line, style="yellow", highlight=False, soft_wrap=True)
    weights = {key: estimate.by_stage[key] for key in todo}
    try:
        with Terminal(console, weights) as terminal:
            run = grid.run(engine, terminal, seconds)
    except KeyboardInterrupt:
        console.print(
            f"stopped; finished stages are in {grid.store.root}. "
            f"The same command goes on from there: xanalysis run-grid {name}",
            highlight=False,
            soft_wrap=True,
        )
        raise
    for key, text in run.failed.items():
        last = text.strip().splitlines()[-1]
        title = grid.plan.stages[key].title
        console.print(f"failed: {title}: {last} (see {grid.failure(key)})", soft_wrap=True)
    for text, titles in _refusals(grid, run).items():
        more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
        console.print(f"refused: {titles[0]}{more}: {text}", soft_wrap=True, highlight=False)
    console.print(
        f"results: {results_file(grid)} ({len(run.done)} stages done, "
        f"{len(run.failed) + len(run.refused)} failed, "
        f"{len(run.skipped)} not run because of them)",
        highlight=False,
        soft_wrap=True,
    )
    if run.stopped:
        console.print(
            f"time is up; {_left(grid)} are left. The same command goes on with this store, or "
            "anywhere else with --known and the results table",
            highlight=False,
            soft_wrap=True,
        )
    return run


def _refusals(grid: Grid, run: Run) -> dict[str, list[str]]:
    """What was wrong with the input of stages, to the titles of those stages."""
    found: dict[str, list[str]] = {}
    for key, error in run.refused.items():
        found.setdefault(str(error), []).append(grid.plan.stages[key].title)
    return found


def _left(grid: Grid) -> str:
    left = grid.todo()
    scores = sum(grid.plan.stages[key].kind == "evaluate" for key in left)
    return f"{len(left)} stages ({scores} evaluations)"


def known_lines(grid: Grid) -> list[str]:
    """How many of the plan's evaluations each known table holds."""
    done = grid.known.done(grid.plan)
    total = grid.plan.count("evaluate")
    return [
        f"known: {len(keys & done)} of {total} evaluations, from {file}"
        for file, keys in grid.known.tables.items()
    ]


def results_file(grid: Grid) -> Path:
    """Where the results table lies."""
    return grid.store.root / "results" / f"{grid.recipe.name}.parquet"


def _summary(grid: Grid, run: Run) -> dict[str, object]:
    return {
        "recipe": grid.recipe.name,
        "store": str(grid.store.root),
        "results": str(results_file(grid)),
        "stages": len(grid.plan.stages),
        "done": len(run.done),
        "already": len(run.already),
        "known": len(grid.known.done(grid.plan)),
        "stopped": run.stopped,
        "left": len(grid.todo()),
        "failed": [grid.plan.stages[key].title for key in run.failed],
        "refused": _refusals(grid, run),
        "skipped": len(run.skipped),
        "missing": grid.plan.missing,
    }


def _dry_run(grid: Grid, device: str, form: str) -> None:
    from xanalysis.runner.cards import A100
    from xanalysis.runner.missing import missing_lines

    estimate = grid.estimate(device)
    if form == "json":
        content = {
            "recipe": grid.recipe.name,
            "device": device,
            **estimate.to_dict(),
            "known": len(grid.known.done(grid.plan)),
            "card": A100.name,
            "card_hours": A100.hours(estimate.flops),
            "card_hours_lacking": A100.hours(estimate.lacking_flops),
            "missing": missing_lines(grid.plan, grid.data),
        }
        click.echo(json.dumps(content, indent=1))
        return
    from rich.console import Console

    _print_estimate(Console(), grid, estimate, device)


def _print_estimate(console: Console, grid: Grid, estimate: Estimate, device: str) -> None:
    from rich.table import Table

    from xanalysis.runner.cards import A100
    from xanalysis.runner.missing import missing_lines
    from xanalysis.runner.progress import count, duration, size

    recipe = grid.recipe
    console.print(f"[bold]{recipe.name}[/]: {recipe.title or 'a grid'}", highlight=False)
    table = Table(box=None, pad_edge=False)
    states = ("done", "to_do", "not_needed", "lacking_data")
    for heading in ("stages", *(s.replace("_", " ") for s in states), "if nothing were shared"):
        table.add_column(heading, justify="left" if heading == "stages" else "right")
    for kind, counts in estimate.stages.items():
        if any(counts.values()) or estimate.naive[kind]:
            numbers = [*(counts[state] for state in states), estimate.naive[kind]]
            table.add_row(kind, *(f"{number:,}" for number in numbers))
    console.print(table)
    for line in known_lines(grid):
        console.print(line, highlight=False, soft_wrap=True)
    part = "" if not estimate.unknown else " at least (some sizes are unknown)"

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    say(f"trainings: {estimate.trainings:,}; each cell on its own: {estimate.naive_trainings:,}")
    say(f"to read: {count(estimate.tokens)} tokens, {estimate.flops:.2e} FLOP{part}")
    if estimate.seconds is None:
        say(f"time on {device}: unknown")
    else:
        hours = f"{estimate.seconds / 3600:,.2f} device-hours"
        pace = f"at {estimate.rate / 1e9:,.0f} GFLOP/s: {estimate.basis}"
        say(f"time on {device}: about {duration(estimate.seconds)}{part} ({hours}, {pace})")
        if estimate.naive_seconds:
            say(f"without sharing, from nothing: about {duration(estimate.naive_seconds)}")
    lacking = estimate.lacking_flops
    if lacking:
        say(f"stages that lack data: {lacking:.2e} FLOP{part} on top")
    if device == "cpu" and A100.hours(estimate.flops + lacking) >= 0.1:
        both = f", of these {A100.hours(lacking):,.1f} for stages that lack data" if lacking else ""
        say(
            f"on an {A100.name}: about {A100.hours(estimate.flops + lacking):,.1f} "
            f"GPU-hours{part}{both} ({A100.basis})"
        )
    if estimate.elsewhere:
        say(f"numbers of examples as published, not counted here: {', '.join(estimate.elsewhere)}")
    say(
        f"checkpoints on disk: {size(estimate.disk)} in the end (keep: {recipe.keep}), "
        f"{size(estimate.peak_disk)} if all were kept"
    )
    for line in estimate.unknown[:10]:
        say(f"unknown: {line}")
    if len(estimate.unknown) > 10:
        say(f"unknown: … and {len(estimate.unknown) - 10} more (--format json lists them)")
    for line in (*grid.plan.notes, *grid.left_out):
        say(line)
    for line in missing_lines(grid.plan, grid.data):
        say(f"not here: {line}")
