"""The Ray engine on a real local cluster of two nodes, one of which is killed."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.runner.tiny import calm_grid, digests
from tests.runner.work import NoData, began, contents, pretend, run, small
from xanalysis.errors import InputError
from xanalysis.runner.store import Store

ray = pytest.importorskip("ray")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PRETEND_SECONDS", "0.4")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    memory = 100 * 2**20
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "object_store_memory": memory,
            "include_dashboard": False,
        },
    )
    made.second = made.add_node(num_cpus=1, object_store_memory=memory)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.slow
def test_two_nodes_one_killed(tmp_path: Path, cluster: Any) -> None:
    from xanalysis.runner.engines.ray import RayEngine

    made = small(keep="all")
    root = tmp_path / "runs"
    store = Store(root)
    store.prepare()
    with pytest.raises(InputError, match="the Ray cluster has no GPU"):
        RayEngine(NoData(root, ()), devices=["cuda"], address=cluster.address)
    engine = RayEngine(NoData(root, (), perform=pretend), address=cluster.address)
    assert engine.workers == 2
    killed: list[int] = []

    def kill() -> None:
        while len(store.published()) < 4:
            time.sleep(0.05)
        cluster.remove_node(cluster.second, allow_graceful=False)
        killed.append(len(store.published()))

    killer = threading.Thread(target=kill)
    killer.start()
    result = engine.run(made, made.needed([]), store)
    killer.join()
    assert 4 <= killed[0] < len(made.stages)
    assert sorted(result.done + result.already) == sorted(made.stages)
    assert sum(began(root).values()) <= len(made.stages) + 2
    run(made, tmp_path / "calm")
    assert contents(root) == contents(tmp_path / "calm")
    store.sweep()
    assert store.leftovers() == []


@pytest.mark.slow
def test_real_trainings_one_node_killed(tmp_path: Path, cluster: Any) -> None:
    from xanalysis.runner.engines.ray import RayEngine
    from xanalysis.runner.grid import open_grid

    folder = calm_grid(tmp_path)
    grid = open_grid(str(folder / "tiny.yaml"), store=folder / "cluster")
    job = replace(grid.job, checkpoint_seconds=0.0)  # a checkpoint after every step
    engine = RayEngine(job, address=cluster.address)
    killed: list[set[str]] = []

    def kill() -> None:
        while len(grid.store.published()) < 2 or len(under_way(grid.store)) < 2:
            time.sleep(0.05)
        cluster.remove_node(cluster.second, allow_graceful=False)
        killed.append(under_way(grid.store))

    killer = threading.Thread(target=kill)
    killer.start()
    run = grid.run(engine)
    killer.join()
    assert run.failed == {}
    assert killed[0]  # something was under way
    assert digests(folder / "cluster") == digests(folder / "calm")
    tables = [folder / name / "results" / "tiny.parquet" for name in ("cluster", "calm")]
    assert tables[0].read_bytes() == tables[1].read_bytes()


def under_way(store: Store) -> set[str]:
    """Keys of the stages that somebody alive works on."""
    keys = [file.stem for file in store.leases.folder.glob("*.json")]
    return {key for key in keys if store.leases.holder(key) is not None}


def test_no_cluster_at_the_address(tmp_path: Path) -> None:
    from xanalysis.runner.engines.ray import RayEngine

    with pytest.raises(InputError, match="no Ray cluster at"):
        RayEngine(NoData(tmp_path, ()), address="127.0.0.1:1")


if sys.platform == "win32":
    pytest.skip("Ray's local clusters need Linux or macOS", allow_module_level=True)
