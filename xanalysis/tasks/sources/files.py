"""Examples from files in the layouts their publishers gave them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from xanalysis import languages
from xanalysis.errors import InputError
from xanalysis.tasks.examples import Example
from xanalysis.tasks.sources.base import Source
from xanalysis.tasks.sources.layouts import LAYOUTS
from xanalysis.tasks.sources.layouts.base import TRANSLATED, Layout
from xanalysis.tasks.task import Task


class FilesSource(Source):
    """Files below one folder: XTREME's download folder, or the publishers' own repositories.

    Args:
        folder: Where the files lie; None has nothing.
    """

    name = "files"

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self._found: dict[tuple[int, str], dict[str, list[Path]]] = {}

    def available(self, task: Task, language: str, split: str) -> bool:
        """Whether the layout's files are there."""
        return bool(self._pieces(task, language, split))

    def paths(self, task: Task, language: str, split: str) -> list[Path]:
        """The files of a task's language and split, [] where there are none."""
        return [path for _, _, path in self._pieces(task, language, split)]

    def examples(self, task: Task, language: str, split: str) -> Iterator[Example]:
        """The examples of all the files, in their order.

        Raises:
            InputError: The files are not there, malformed (file, line), or hold no example.
        """
        pieces = self._pieces(task, language, split)
        if not pieces:
            raise InputError(
                f"no files of {task.name} ({split}, {language})",
                file=self.folder,
                expected=self.whence(task, language, split),
            )
        seen: dict[str, int] = {}
        for layout, prefix, path in pieces:
            for example in layout.read(path, task, language, split):
                name = prefix + example["id"]
                # Some publishers use an id twice (MNLI pairs annotated again): keep both rows.
                seen[name] = seen.get(name, 0) + 1
                example["id"] = name if seen[name] == 1 else f"{name}#{seen[name]}"
                yield example
        if not seen:
            raise InputError(
                f"{task.name} has no {split} example in '{language}'", file=pieces[0][2]
            )

    def _pieces(self, task: Task, language: str, split: str) -> list[tuple[Layout, str, Path]]:
        """Layout, prefix of the ids and path of every file; [] where one of several parts lacks."""
        if self.folder is None or task.layout is None:
            return []
        layout = LAYOUTS[task.layout]
        parts = layout.parts or {"": layout}
        pieces = []
        for name, part in parts.items():
            files = self._files(self.folder, part, task, language, split)
            if not files:
                return []
            several = len(files) > 1
            for file in files:
                folders = [name] * bool(name) + [file.parent.name] * several
                pieces.append((part, "".join(f"{folder}/" for folder in folders), file))
        return pieces

    def _files(
        self, folder: Path, layout: Layout, task: Task, language: str, split: str
    ) -> list[Path]:
        place = (id(layout), split)
        if place not in self._found:
            self._found[place] = _search(folder, layout, split)
        found = self._found[place]
        unnamed = language in task.languages if layout.mixed else language == "en"
        return found.get(language) or (found.get("", []) if unnamed else [])

    def fingerprint(self, task: Task, language: str, split: str) -> str:
        """Digest of the names and contents of everything that is read."""
        digest = hashlib.sha256()
        for path in self.paths(task, language, split):
            for file in _read_with(path):
                digest.update(file.name.encode())
                digest.update(_digest(file))
        return digest.hexdigest()

    def whence(self, task: Task, language: str, split: str) -> str:
        """The files, or which ones are looked for and where they can be had."""
        files = self.paths(task, language, split)
        if files:
            return ", ".join(str(file) for file in files)
        if task.layout is None:
            return ""
        layout = LAYOUTS[task.layout]
        patterns = layout.paths(split) or [
            part.paths(split)[0] for part in layout.parts.values() if part.paths(split)
        ]
        if not patterns:
            return f"{task.title} has no {split} split in its original files"
        if split == TRANSLATED:
            own = [pattern for pattern in patterns if pattern.startswith("translated/")]
            wanted = " and ".join(own if layout.parts else own[:1]).format(lang=language)
            if layout.translations:  # as they are published
                wanted = f"{layout.translations[0].format(lang=language)} or {wanted}"
            return f"--data FOLDER with machine translations in {wanted}"
        wanted = " and ".join(patterns if layout.parts else patterns[:1]).format(lang=language)
        return f"--data FOLDER with {wanted} (get it: {layout.get})"


def _search(folder: Path, layout: Layout, split: str) -> dict[str, list[Path]]:
    """Canonical language code ("" where the layout has none) to files; earlier patterns win."""
    found: dict[str, list[Path]] = {}
    for pattern in layout.paths(split):
        here: dict[str, list[Path]] = {}
        for path in sorted(folder.glob(re.sub(r"\{lang\}", "*", pattern))):
            code = _code(path.relative_to(folder).as_posix(), pattern, layout.names)
            if code is not None:
                here.setdefault(code, []).append(path)
        for code, paths in here.items():
            found.setdefault(code, paths if layout.every else paths[:1])
    return found


def _code(path: str, pattern: str, names: Mapping[str, str]) -> str | None:
    """Canonical code of the language in a path that matches a pattern."""
    if "{lang}" not in pattern:
        return ""
    first, *rest = re.split(r"(\{lang\})", pattern)
    parts = [_literal(first)]
    named = False
    for piece in rest:
        if piece == "{lang}":
            code = "|".join([*names, "[A-Za-z]{2,3}(?:[_-][A-Za-z]{2,4})?"])
            parts.append("(?P=lang)" if named else f"(?P<lang>{code})")
            named = True
        else:
            parts.append(_literal(piece))
    match = re.fullmatch("".join(parts), path)
    if match is None:
        return None
    try:
        return languages.canonical(names.get(match["lang"], match["lang"]))
    except InputError:
        return None


def _literal(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")


def _read_with(path: Path) -> list[Path]:
    """A file and what is read together with it (gold pairs, the English side, labels)."""
    together = [path.with_suffix(s) for s in (".gold", ".en", ".eng")]
    together += [path.parent / "derived" / "test.labels", path.parent / "test.labels"]
    together += [path.parent / "candidates.jsonl"]
    return [path, *(file for file in together if file.is_file() and file != path)]


_digests: dict[tuple[str, int, int], bytes] = {}


def _digest(file: Path) -> bytes:
    """SHA-256 of a file, remembered while its size and time do not change."""
    stat = os.stat(file)
    place = (str(file), stat.st_size, stat.st_mtime_ns)
    if place not in _digests:
        with file.open("rb") as content:
            _digests[place] = hashlib.file_digest(content, "sha256").digest()
    return _digests[place]
