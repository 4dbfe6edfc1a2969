"""``xanalysis store ls | verify | gc``: look into the store of finished stages."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from xanalysis.runner.store import Store

_FOLDER = click.option("--store", "folder", metavar="DIR", help="The store (default: runs/).")
_FORMAT = click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")


@click.group("store")
def command() -> None:
    """Look into the store of finished stages."""


@command.command("ls")
@_FOLDER
@_FORMAT
def ls(folder: str | None, form: str) -> None:
    """List finished stages and the ones under way."""
    from rich.console import Console
    from rich.table import Table

    from xanalysis.runner.progress import size

    store = _open(folder)
    manifests = [store.manifest(key) for key in store.published()]
    manifests.sort(key=lambda m: float(m.facts.get("started", 0)))
    if form == "json":
        rows = [
            {
                "key": m.key,
                "kind": m.kind,
                "title": m.title,
                "bytes": m.bytes,
                "seconds": m.facts.get("seconds"),
                "weights_dropped": m.dropped,
            }
            for m in manifests
        ]
        content = {"store": str(store.root), "bytes_on_disk": store.occupied(), "stages": rows}
        click.echo(json.dumps(content, indent=1))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("key", "kind", "stage", "seconds", "size"):
        right = heading in ("seconds", "size")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for m in manifests:
        seconds = f"{float(m.facts.get('seconds', 0)):.1f}"
        table.add_row(m.key[:12], m.kind, m.title[:38], seconds, size(m.bytes))
    console = Console()
    console.print(table)
    total = size(store.occupied())
    console.print(f"{len(manifests)} stages, {total} on disk in {store.root}", highlight=False)


@command.command("verify")
@_FOLDER
@_FORMAT
def verify(folder: str | None, form: str) -> None:
    """Compare every file with its checksum; exit code 1 if one differs."""
    store = _open(folder)
    differences = {key: found for key in store.published() if (found := _differences(store, key))}
    if form == "json":
        click.echo(json.dumps({"stages": len(store.published()), "damaged": differences}, indent=1))
    else:
        for key, found in differences.items():
            for line in found:
                click.echo(f"{key[:12]}: {line}")
        click.echo(f"{len(store.published())} stages, {len(differences)} damaged")
    if differences:
        sys.exit(1)


@command.command("gc")
@_FOLDER
@click.option("--checkpoints", is_flag=True, help="Also the weights of target trainings.")
@click.option("--broken", is_flag=True, help="Also stages whose checksums fail.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def gc(folder: str | None, checkpoints: bool, broken: bool, dry_run: bool) -> None:
    """Remove what dead workers left; scores and predictions of finished stages always stay."""
    from xanalysis.runner.files import explained, freed
    from xanalysis.runner.progress import size

    store = _open(folder)
    leftovers = store.leftovers()
    damaged = [key for key in store.published() if broken and _differences(store, key)]
    served = [
        key
        for key in store.published()
        if checkpoints
        and key not in damaged
        and store.complete(key)
        and store.manifest(key).kind == "target"
    ]
    gone = [file for path in [*leftovers, *map(store.path, damaged)] for file in _files(path)]
    total = freed([*gone, *(file for key in served for file in store.weights(key))])
    verb = "would remove" if dry_run else "removed"
    for path in leftovers:
        click.echo(f"{verb} {path}")
    for key in damaged:
        click.echo(f"{verb} damaged stage {key[:12]}")
    if not dry_run:
        with explained(store.root):
            store.sweep()
            for key in damaged:
                store.remove(key)
            for key in served:
                store.drop_weights(key)
    click.echo(f"{size(total)} {'would be freed' if dry_run else 'freed'}")


def _open(folder: str | None) -> Store:
    from xanalysis.errors import InputError
    from xanalysis.runner.store import Store
    from xanalysis.study import Study

    place = Path(folder) if folder else Study.here().store
    if not place.is_dir():
        raise InputError("no such store", file=place, expected="a folder `run-grid` has filled")
    return Store(place)


def _differences(store: Store, key: str) -> list[str]:
    from xanalysis.errors import InputError

    try:
        return store.verify(key)
    except InputError as error:
        return [str(error)]


def _files(path: Path) -> list[Path]:
    files = path.rglob("*") if path.is_dir() else [path]
    return [file for file in files if file.is_file()]
