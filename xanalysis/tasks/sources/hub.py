"""Examples from the Hugging Face hub: Parquet only, pinned revisions, no remote code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from xanalysis.errors import InputError, MissingExtraError
from xanalysis.tasks.examples import Example
from xanalysis.tasks.sources.base import Source
from xanalysis.tasks.sources.hub_tables import PARTS, TABLES, Table
from xanalysis.tasks.task import Task


class HubSource(Source):
    """Data sets of the hub, through ``datasets`` at the record's revision."""

    name = "hub"

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)

    def available(self, task: Task, language: str, split: str) -> bool:
        """Whether the record names a data set with this split and ``datasets`` is installed.

        Nothing is fetched to find out.
        """
        if task.name in PARTS:
            return all(self.available(part, language, split) for part in _parts(task))
        table = TABLES.get(task.name)
        return (
            task.hub is not None
            and task.revision is not None
            and table is not None
            and split in table.splits
            and language in task.languages
            and find_spec("datasets") is not None
        )

    def examples(self, task: Task, language: str, split: str) -> Iterator[Example]:
        """The examples, in the hub's order.

        Raises:
            InputError: No network, no such data set, or a row that is not as it should be.
            MissingExtraError: ``datasets`` is not installed.
        """
        for part in _parts(task):
            for example in self._converted(part, language, split):
                if part is not task:
                    example["id"] = f"{part.name}/{example['id']}"
                yield example

    def _converted(self, task: Task, language: str, split: str) -> Iterator[Example]:
        table, where = TABLES[task.name], self.whence(task, language, split)
        rows = _load(task, table, language, split, where)
        names = _names(rows)
        translations: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            if table.keep is not None and not table.keep(row, language):
                continue
            try:
                example = table.convert({**row, "_names": names}, index, task)
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise InputError(f"row {index} of {where} is not as expected: {error!r}") from None
            if example is None:
                continue
            if "translation" in example:
                name = f"{language}-{example['id']}"
                text = example.pop("translation")
                translations.append({"id": name, "text": text, "side": "candidate"})
                example |= {"id": f"en-{example['id']}", "gold": [name]}
            yield cast(Example, example)
        yield from cast(list[Example], translations)

    def fingerprint(self, task: Task, language: str, split: str) -> str:
        """Digest of the revisions: a commit names the content, a branch its moving head."""
        facts = ";".join(
            f"{part.hub}@{part.revision}/{TABLES[part.name].named(language)}/{split}"
            for part in _parts(task)
        )
        return hashlib.sha256(facts.encode()).hexdigest()

    def whence(self, task: Task, language: str, split: str) -> str:
        """Repository, revision, configuration and split; "" where the hub has no such data."""
        if task.name in PARTS:
            ways = [self.whence(part, language, split) for part in _parts(task)]
            return " + ".join(ways) if all(ways) else ""
        table = TABLES.get(task.name)
        if task.hub is None or table is None or split not in table.splits:
            return ""
        pinned = f"@{task.revision}" if task.revision else ""
        return f"hub:{task.hub}{pinned} {table.named(language)} {table.splits[split]}"


def _parts(task: Task) -> list[Task]:
    from xanalysis.tasks.catalogue import TASKS

    return [TASKS[name] for name in PARTS.get(task.name, ())] or [task]


def _load(task: Task, table: Table, language: str, official: str, where: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("the source 'hub'", "train") from None
    revision = task.revision or "main"
    config, split = table.named(language), table.splits[official]
    try:
        if table.converted or revision.startswith("refs/"):
            root = f"hf://datasets/{task.hub}@{quote(revision, safe='')}/{config}"
            files = {part: f"{root}/{part}/*.parquet" for part in split.split("+")}
            return datasets.load_dataset("parquet", data_files=files, split=split)
        return datasets.load_dataset(task.hub, config, split=split, revision=revision)
    except Exception as error:  # the library raises what its network and parser layers raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{where} could not be had: {type(error).__name__}: {reason}",
            expected="a network, a filled cache (HF_HOME), or the files (--data)",
        ) from None


def _names(rows: Any) -> list[str] | None:
    """Names of the tags, where the data set declares them."""
    for column in ("pos_tags", "ner_tags"):
        feature = getattr(rows, "features", {}).get(column)
        inner = getattr(feature, "feature", None)
        if inner is not None and getattr(inner, "names", None):
            return list(inner.names)
    return None
