"""What a plan's data lack, one line per task and split, with where to get it."""

from __future__ import annotations

from xanalysis.errors import InputError
from xanalysis.runner.plan import Plan
from xanalysis.tasks.data import Data
from xanalysis.tasks.sources import SOURCES

_SHOWN = 6


def missing_lines(plan: Plan, data: Data) -> list[str]:
    """Task, split and languages of the examples that no source has, and where they can be had."""
    absent: dict[tuple[str, str], list[str]] = {}
    for (task, language, split), found in plan.prints.items():
        if found is None:
            absent.setdefault((task, split), []).append(language)
    lines = []
    for (task, split), languages in absent.items():
        names = ", ".join(languages[:_SHOWN])
        if len(languages) > _SHOWN:
            names += f", … ({len(languages)} languages)"
        lines.append(
            f"{task}, {split} examples in {names}: {_how(data, task, languages[0], split)}"
        )
    return lines


def _how(data: Data, task: str, language: str, split: str) -> str:
    """Where the examples can be had: of the sources that are asked, else of any."""
    ways = data.missing(task, language, split)
    if ways is None:  # an unreadable file counts as missing, too
        return _why(data, task, language, split)
    if not ways.startswith("no source"):
        return ways
    others = [name for name in SOURCES if name not in data.names]
    found = Data(others).missing(task, language, split) if others else None
    return f"with --source files: {found}" if found and "--data" in found else ways


def _why(data: Data, task: str, language: str, split: str) -> str:
    try:
        data.fingerprint(task, language, split)
    except InputError as error:
        return str(error)
    return "unreadable when the plan was made"


def absent(plan: Plan) -> InputError:
    """The error that refuses a plan whose data are not all there."""
    gone = sorted({task for (task, _, _), found in plan.prints.items() if found is None})
    return InputError(
        f"data of {len(gone)} task{'s' if len(gone) > 1 else ''} are not here: {', '.join(gone)}",
        expected="them, or --allow-partial to run the rest",
    )
