"""Opening local checkpoints; the cache they are published in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertModel

from xanalysis.errors import InputError
from xanalysis.runner.models import open_model
from xanalysis.runner.models.cache import cached
from xanalysis.runner.models.shards import link_words
from xanalysis.runner.spec import ModelSpec


def save_tiny(folder: Path, kind: type[Any] = BertModel) -> Path:
    config = BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=20,
    )
    kind(config).save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XANALYSIS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_local_folder_is_used_as_it_is(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    assert open_model(ModelSpec(name=str(folder))) == folder
    assert open_model(ModelSpec(name=str(folder), layers=2)) == folder


def test_pruning_keeps_the_first_layers_and_changes_no_weight(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    pruned = open_model(ModelSpec(name=str(folder), layers=1))
    whole, part = BertModel.from_pretrained(folder), BertModel.from_pretrained(pruned)
    assert part.config.num_hidden_layers == 1
    assert torch.equal(
        whole.encoder.layer[0].output.dense.weight, part.encoder.layer[0].output.dense.weight
    )
    assert (pruned / "tokenizer.json").is_file()
    assert len(BertModel.from_pretrained(folder).encoder.layer) == 2


@pytest.mark.parametrize("kind", [BertModel, BertForMaskedLM])
def test_a_pruned_model_has_its_word_embeddings_in_a_file_of_their_own(
    tmp_path: Path, kind: type[Any]
) -> None:
    """So that checkpoints that leave them as they are can share it; hub models bring a head."""
    folder = save_tiny(tmp_path / "model", kind)
    pruned = open_model(ModelSpec(name=str(folder), layers=1))
    whole, part = kind.from_pretrained(folder), BertModel.from_pretrained(pruned)
    words = whole.get_input_embeddings().weight
    assert torch.equal(part.get_input_embeddings().weight, words)
    rest = {"query": torch.zeros(1)}
    (tmp_path / "next").mkdir()
    assert link_words(pruned, tmp_path / "next", words.detach(), rest)


def test_two_checkpoints_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    first = open_model(ModelSpec(name=str(folder), layers=1))
    config = BertConfig.from_pretrained(folder)
    BertModel(config).save_pretrained(folder)
    assert open_model(ModelSpec(name=str(folder), layers=1)) != first


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="no weights in safetensors format"):
        open_model(ModelSpec(name=str(folder)))


def test_a_folder_without_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json.*not a checkpoint's configuration"):
        open_model(ModelSpec(name=str(tmp_path)))
    (tmp_path / "config.json").write_text(json.dumps(["no"]))
    with pytest.raises(InputError, match="not a checkpoint's configuration"):
        open_model(ModelSpec(name=str(tmp_path)))


def test_neither_folder_nor_hub_name() -> None:
    with pytest.raises(InputError, match=r"cannot open model 'no such/model/at all'"):
        open_model(ModelSpec(name="no such/model/at all"))


def test_the_cache_publishes_whole_folders_only(cache: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        cached("models/x", fails)
    assert not (cache / "models" / "x").exists()
    assert [file.name for file in (cache / "models").iterdir() if file.is_dir()] == []
    assert (cached("models/x", lambda folder: None)).is_dir()


WORKER = """
import sys, time
from xanalysis.runner.models.cache import cached
from xanalysis.runner.models.shards import link_words

def build(folder):
    time.sleep(0.2)
    with (folder.parent.parent / "built").open("a") as stream:
        stream.write("x")

print(cached("models/shared", build))
"""


def test_of_many_processes_one_builds(cache: Path) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    found = {worker.communicate(timeout=120)[0].strip() for worker in workers}
    assert found == {str(cache / "models" / "shared")}
    assert (cache / "built").read_text() == "x"
