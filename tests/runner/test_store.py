"""The store: published whole or not at all, checked before use, shared by several processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xanalysis.cli import main
from xanalysis.errors import InputError
from xanalysis.runner.files import freed
from xanalysis.runner.lease import Leases, Owner
from xanalysis.runner.store import Store

KEY = "ab" * 32


def _publish(store: Store, key: str = KEY, text: str = "weights") -> bool:
    owner = Owner.me()
    with store.writing(key, owner) as folder:
        (folder / "heads").mkdir()
        (folder / "model.safetensors").write_text(text)
        (folder / "heads" / "x.json").write_text("{}")
        return store.publish(folder, key=key, kind="target", title="t", needs=(), facts={"a": 1})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "runs")
    made.prepare()
    return made


def test_publish_and_read(store: Store) -> None:
    assert not store.has(KEY)
    assert _publish(store)
    manifest = store.manifest(KEY)
    assert set(manifest.files) == {"model.safetensors", "heads/x.json"}
    assert manifest.facts == {"a": 1}
    assert store.verify(KEY) == []
    assert store.checkpoint(KEY) == store.path(KEY)
    assert store.published() == [KEY]
    assert list((store.root / "tmp").iterdir()) == []


def test_the_first_to_publish_wins(store: Store) -> None:
    assert _publish(store, text="first")
    assert not _publish(store, text="second")
    assert (store.path(KEY) / "model.safetensors").read_text() == "first"
    assert list((store.root / "tmp").iterdir()) == []


def test_an_unpublished_folder_is_not_a_stage(store: Store) -> None:
    def interrupted() -> None:
        with store.writing(KEY, Owner.me()) as folder:
            (folder / "model.safetensors").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert store.published() == []
    assert list((store.root / "tmp").iterdir()) == []


@pytest.mark.parametrize("how", ["change", "cut", "remove"])
def test_a_damaged_checkpoint_is_refused(store: Store, how: str) -> None:
    _publish(store)
    file = store.path(KEY) / "model.safetensors"
    if how == "change":
        file.write_text("weighty")
    elif how == "cut":
        file.write_text("wei")
    else:
        file.unlink()
    with pytest.raises(InputError, match=r"is damaged: model\.safetensors"):
        Store(store.root).checkpoint(KEY)
    assert store.manifest(KEY).files["model.safetensors"]  # nothing was overwritten


def test_a_damaged_manifest_is_refused(store: Store) -> None:
    _publish(store)
    (store.path(KEY) / "manifest.json").write_text('{"key": ')
    with pytest.raises(InputError, match="manifest cannot be read"):
        store.manifest(KEY)


def test_dropped_weights_leave_the_record(store: Store) -> None:
    _publish(store)
    store.drop_weights(KEY)
    assert store.weights(KEY) == []
    assert store.has(KEY)
    assert not store.complete(KEY)
    assert store.verify(KEY) == []
    with pytest.raises(InputError, match="not there"):
        store.checkpoint(KEY)
    assert _publish(store)  # done anew when it is needed again
    assert store.complete(KEY)


def test_what_checkpoints_share_counts_once(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frozen word embeddings are one file with a name in every checkpoint."""
    keys = [letter * 64 for letter in "abc"]
    shared = tmp_path / "words"
    shared.write_text("w" * 1000)
    for key in keys:
        with store.writing(key, Owner.me()) as folder:
            os.link(shared, folder / "words.safetensors")
            (folder / "rest.safetensors").write_text("r" * 10)
            store.publish(folder, key=key, kind="target", title="t", needs=(), facts={})
    manifests = sum((store.path(key) / "manifest.json").stat().st_size for key in keys)
    assert store.occupied() == 1000 + 3 * 10 + manifests
    assert freed(store.weights(keys[0])) == 10
    every = [file for key in keys for file in store.weights(key)]
    assert freed(every) == 3 * 10  # the shared file has another name outside the store
    shared.unlink()
    assert freed(every) == 1000 + 3 * 10
    with pytest.raises(SystemExit):
        main(["store", "gc", "--checkpoints", "--dry-run", "--store", str(store.root)])
    assert "1.0 KB would be freed" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["store", "gc", "--checkpoints", "--store", str(store.root)])
    assert "1.0 KB freed" in capsys.readouterr().out
    assert freed(every) == 0
    assert store.occupied() == manifests


def test_a_newer_store_is_refused(store: Store) -> None:
    (store.root / "store.json").write_text(json.dumps({"format": 99}))
    before = sorted(p.name for p in store.root.rglob("*"))
    with pytest.raises(InputError, match="format 99"):
        Store(store.root)
    assert sorted(p.name for p in store.root.rglob("*")) == before


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(InputError, match="not a folder"):
        Store(tmp_path / "runs")


@pytest.fixture
def small_disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_keeps_what_was_finished(small_disk: Path) -> None:
    from xanalysis.runner.files import explained

    store = Store(small_disk / "runs")
    store.prepare()
    assert _publish(store)
    with (
        pytest.raises(InputError, match="the disk is full; what was finished before is kept"),
        explained(store.root),
    ):
        _publish(store, "cd" * 32, "x" * 400_000)
    assert store.published() == [KEY]
    assert store.verify(KEY) == []
    assert list((store.root / "tmp").iterdir()) == []


def test_a_read_only_store_is_refused(small_disk: Path) -> None:
    store = Store(small_disk / "runs")
    store.prepare()
    _publish(store)
    remounted = subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], capture_output=True)
    if remounted.returncode:
        pytest.skip("remounting is not allowed here")
    with pytest.raises(InputError, match="read-only"):
        Store(store.root).prepare()
    assert Store(store.root).checkpoint(KEY)  # reading still works


def test_one_lease_at_a_time(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    mine = leases.take(KEY)
    assert mine is not None
    assert leases.take(KEY) is None
    leases.give_back(KEY, mine)
    assert leases.take(KEY) is not None


def test_a_dead_workers_lease_expires_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, os, signal\n"
        "from pathlib import Path\n"
        "from xanalysis.runner.lease import Leases\n"
        f"assert Leases(Path(sys.argv[1])).take({KEY!r})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    leases = Leases(tmp_path)
    assert (tmp_path / f"{KEY}.json").exists()
    assert leases.expired() == [KEY]
    assert leases.take(KEY) is not None


def test_a_lease_on_another_machine_expires_without_heartbeat(tmp_path: Path) -> None:
    leases = Leases(tmp_path, ttl=0.5)
    other = Owner("elsewhere/boot", 1, 1, "token")
    leases._write(KEY, other)
    assert leases.take(KEY) is None
    assert leases.renew(KEY, other)
    time.sleep(0.6)
    mine = leases.take(KEY)
    assert mine is not None
    assert not leases.renew(KEY, other)  # the other one notices that it was replaced


def test_a_lease_is_kept_alive_and_its_loss_is_noticed(tmp_path: Path) -> None:
    leases = Leases(tmp_path, ttl=0.4)
    mine = leases.take(KEY)
    assert mine is not None
    with leases.held(KEY, mine) as lost:
        time.sleep(0.8)
        assert leases.take(KEY) is None
        leases._write(KEY, Owner("elsewhere/boot", 1, 1, "token"))
        assert lost.wait(2)
    assert leases._read(KEY) is not None  # somebody else's lease is left alone


def test_many_processes_take_a_lease_once(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from xanalysis.runner.lease import Leases\n"
        "leases = Leases(Path(sys.argv[1]))\n"
        "got = [k for k in map(str, range(40)) if leases.take(k)]\n"
        "print(' '.join(got), flush=True)\n"
        "sys.stdin.read()\n"  # stay alive until everybody has tried
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    lines = [w.stdout.readline().split() for w in workers if w.stdout]
    for worker in workers:
        worker.communicate()
    taken = [key for line in lines for key in line]
    assert sorted(taken) == sorted(map(str, range(40)))


def test_leftovers_of_dead_workers(store: Store) -> None:
    _publish(store)
    gone = Owner(Owner.me().host, 2**22 + 1, 1, "dead")
    for owner, key in ((gone, "cd" * 32), (Owner.me(), "ef" * 32)):
        folder = store.root / "tmp" / f"{key}.{owner.token}"
        folder.mkdir()
        folder.with_name(folder.name + ".owner").write_text(json.dumps(vars(owner)))
        store.leases._write(key, owner)
    store.scratch(KEY)
    store.scratch("ef" * 32)
    names = sorted(os.path.basename(p) for p in store.leftovers())
    dead = "cd" * 32
    assert names == sorted([f"{dead}.dead", f"{dead}.dead.owner", f"{dead}.json", KEY])
