"""The store: one folder per finished stage, published atomically, with checksums.

::

    runs/
      store.json               format of the store
      stages/<2>/<key>/        a finished stage; manifest.json has the checksums of its files
      scratch/<key>/           checkpoints inside a stage that is under way
      tmp/                     stages being written, not yet published
      leases/                  who is working on what
      results/<recipe>.parquet the tidy table of a recipe's last run

A stage folder appears by one rename, complete or not at all. Nothing in it is changed afterwards,
except that the weights of a checkpoint nobody needs any more may be dropped (``drop_weights``).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError
from xanalysis.runner.files import explained, occupied, sha256, sync, write_json
from xanalysis.runner.lease import Leases, Owner

FORMAT = 1
MANIFEST = "manifest.json"
_WEIGHTS = (".safetensors",)


@dataclass(frozen=True)
class Manifest:
    """What a published stage's ``manifest.json`` says.

    Attributes:
        key: The stage's content key.
        kind: Kind of the stage.
        title: For people.
        needs: Keys of the stages it was built on.
        files: Relative path to (SHA-256, bytes).
        facts: Spec, versions, seconds, device: whatever the stage recorded.
        dropped: Whether its weights were dropped after they had served.
    """

    key: str
    kind: str
    title: str
    needs: tuple[str, ...]
    files: Mapping[str, tuple[str, int]]
    facts: Mapping[str, Any]
    dropped: bool = False

    @property
    def bytes(self) -> int:
        """Size of all files that are still there."""
        return sum(
            size for name, (_, size) in self.files.items() if not (self.dropped and _weight(name))
        )


class Store:
    """A folder of finished stages.

    Args:
        root: The folder; made when something is written.
        ttl: Seconds without a heartbeat after which a worker's lease expires.

    Raises:
        InputError: The store was made by a newer version, or is not a store.
    """

    def __init__(self, root: str | Path, ttl: float | None = None) -> None:
        self.root = Path(root)
        self.leases = (
            Leases(self.root / "leases") if ttl is None else Leases(self.root / "leases", ttl)
        )
        self._verified: set[str] = set()
        self._check_format()

    # -- reading ---------------------------------------------------------------------------------

    def path(self, key: str) -> Path:
        """Where a stage is, or would be."""
        return self.root / "stages" / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether a stage is published."""
        return (self.path(key) / MANIFEST).is_file()

    def manifest(self, key: str) -> Manifest:
        """The manifest of a published stage.

        Raises:
            InputError: It is not there or cannot be read.
        """
        file = self.path(key) / MANIFEST
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            return Manifest(
                key=data["key"],
                kind=data["kind"],
                title=data["title"],
                needs=tuple(data["needs"]),
                files={name: (str(d), int(n)) for name, (d, n) in data["files"].items()},
                facts=data["facts"],
                dropped=(self.path(key) / "weights-dropped").exists(),
            )
        except FileNotFoundError:
            raise InputError("no such stage in the store", file=file) from None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise InputError(
                f"the manifest cannot be read ({type(error).__name__})",
                file=file,
                expected="a stage as it was published; `xanalysis store gc --broken` removes it",
            ) from None

    def published(self) -> list[str]:
        """Keys of all published stages."""
        return sorted(
            entry.name
            for shard in _folders(self.root / "stages")
            for entry in _folders(shard)
            if (entry / MANIFEST).is_file()
        )

    def complete(self, key: str) -> bool:
        """Whether a stage is published and its weights, if it has any, are still there."""
        return self.has(key) and not (self.path(key) / "weights-dropped").exists()

    def done(self, keys: Iterable[str]) -> set[str]:
        """Those of ``keys`` that are published and complete."""
        return {key for key in keys if self.complete(key)}

    def verify(self, key: str) -> list[str]:
        """Compare a stage's files with its manifest; one line per difference."""
        manifest = self.manifest(key)
        found = []
        for name, (digest, size) in manifest.files.items():
            file = self.path(key) / name
            if manifest.dropped and _weight(name):
                continue
            if not file.is_file():
                found.append(f"{name} is missing")
            elif file.stat().st_size != size:
                found.append(f"{name} has {file.stat().st_size} bytes, the manifest says {size}")
            elif sha256(file) != digest:
                found.append(f"{name} does not have the checksum of the manifest")
        return found

    def checkpoint(self, key: str) -> Path:
        """The folder of a published stage, its checksums verified once per process.

        Raises:
            InputError: A file is missing or altered.
        """
        if not self.complete(key):
            raise InputError(
                f"the checkpoint of stage {key[:12]} is not there (any more)",
                file=self.path(key),
                expected="a finished stage; run the same command again to do it anew",
            )
        if key not in self._verified:
            differences = self.verify(key)
            if differences:
                raise InputError(
                    f"stage {key[:12]} is damaged: {differences[0]}",
                    file=self.path(key),
                    expected="files as published; `xanalysis store gc --broken` removes damaged "
                    "stages so that the next run does them again",
                )
            self._verified.add(key)
        return self.path(key)

    # -- writing ---------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the store's folders and remove what dead workers left.

        Raises:
            InputError: The place is read-only or full.
        """
        with explained(self.root):
            try:
                self.root.mkdir(parents=True, exist_ok=True)
            except (FileNotFoundError, NotADirectoryError):
                raise InputError(
                    "the folder cannot be made", file=self.root, expected="another --store DIR"
                ) from None
            for name in ("stages", "tmp", "scratch", "leases", "results"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            if not (self.root / "store.json").exists():
                write_json(self.root / "store.json", {"format": FORMAT, "made_by": "xanalysis"})
            probe = self.root / "tmp" / f".probe-{os.getpid()}"
            probe.write_bytes(b"x" * 4096)
            probe.unlink()
            self.sweep()

    def scratch(self, key: str) -> Path:
        """Where a stage keeps its own checkpoints while it runs; survives a kill."""
        folder = self.root / "scratch" / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def writing(self, key: str, owner: Owner) -> Iterator[Path]:
        """A fresh folder to write a stage's files into; removed if it was not published."""
        folder = self.root / "tmp" / f"{key}.{owner.token}"
        record = _owner_file(folder)
        # The record comes first: a folder without one is litter, and may be swept at any moment.
        write_json(record, vars(owner))
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            record.unlink(missing_ok=True)

    def publish(
        self,
        folder: Path,
        *,
        key: str,
        kind: str,
        title: str,
        needs: tuple[str, ...],
        facts: Mapping[str, Any],
    ) -> bool:
        """Make a written folder a finished stage, in one rename.

        Returns:
            False when another worker had published the stage before; its files stay.
        """
        files = {}
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                files[file.relative_to(folder).as_posix()] = (sha256(file), file.stat().st_size)
                sync(file)
        manifest = {
            "format": FORMAT,
            "key": key,
            "kind": kind,
            "title": title,
            "needs": list(needs),
            "files": files,
            "facts": dict(facts),
        }
        write_json(folder / MANIFEST, manifest)
        for inner in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
            sync(inner)
        place = self.path(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        if self.has(key) and not self.complete(key):
            # Its weights had been dropped and were needed again: the old folder makes way.
            shutil.rmtree(place)
        try:
            os.rename(folder, place)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and self.has(key):
                return False
            raise
        sync(place.parent)
        self._verified.add(key)
        shutil.rmtree(self.root / "scratch" / key, ignore_errors=True)
        return True

    def drop_weights(self, key: str) -> None:
        """Remove a checkpoint's weights, keeping its manifest and records."""
        # The mark comes first: a kill in between must not leave a checkpoint that looks whole.
        (self.path(key) / "weights-dropped").touch()
        for file in self.weights(key):
            file.unlink(missing_ok=True)

    def weights(self, key: str) -> list[Path]:
        """The files of a checkpoint's weights that are there."""
        files = [self.path(key) / name for name in self.manifest(key).files if _weight(name)]
        return [file for file in files if file.exists()]

    def occupied(self) -> int:
        """Bytes of all published stages on the disk; what checkpoints share counts once."""
        folders = (self.path(key) for key in self.published())
        return occupied(file for folder in folders for file in folder.rglob("*") if file.is_file())

    def remove(self, key: str) -> None:
        """Remove a published stage; the manifest goes first, so that half a stage is none."""
        (self.path(key) / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.path(key), ignore_errors=True)
        self._verified.discard(key)

    def leftovers(self) -> list[Path]:
        """What dead workers left: unpublished folders, scratch of published stages, leases."""
        found: list[Path] = []
        for entry in sorted((self.root / "tmp").glob("*")):
            if entry.name.startswith("."):  # being written by somebody, if it is not old
                gone = _age(entry) > self.leases.ttl
            else:
                gone = _owner_gone(entry if entry.suffix == ".owner" else _owner_file(entry))
            if gone:
                found.append(entry)
        found += [s for s in _folders(self.root / "scratch") if self.has(s.name)]
        found += [self.leases.folder / f"{key}.json" for key in self.leases.expired()]
        return found

    def sweep(self) -> None:
        """Remove what dead workers left."""
        for path in self.leftovers():
            if path.parent == self.leases.folder:
                self.leases.drop(path.stem)
            elif path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _check_format(self) -> None:
        file = self.root / "store.json"
        if self.root.exists() and not self.root.is_dir():
            raise InputError("is not a folder", file=self.root, expected="a store")
        if not file.is_file():
            return
        try:
            version = int(json.loads(file.read_text())["format"])
        except (ValueError, KeyError, TypeError, OSError):
            raise InputError("cannot be read", file=file, expected='{"format": 1}') from None
        if version > FORMAT:
            raise InputError(
                f"the store has format {version}, this version of xanalysis knows {FORMAT}",
                file=file,
                expected="a newer xanalysis, or another --store",
            )


def _weight(name: str) -> bool:
    return name.endswith(_WEIGHTS)


def _folders(place: Path) -> list[Path]:
    return sorted(p for p in place.iterdir() if p.is_dir()) if place.is_dir() else []


def _owner_file(folder: Path) -> Path:
    return folder.with_name(folder.name + ".owner")


def _age(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0


def _owner_gone(file: Path) -> bool:
    try:
        return Owner(**json.loads(file.read_text())).gone()
    except (OSError, ValueError, TypeError):
        return True
