"""A multilingual encoder small enough to train in a second, and a grid on it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from xanalysis.runner.store import Store

ROOT = Path(__file__).parents[2]
RECIPE = """\
model: {model}
profile: quick
intermediates: [cldr-paraphrase]
targets: [cldr-pairs, cldr-retrieval]
languages: [en, de, ja]
seeds: [0, 1]
sources: [cldr]
keep: all
intermediate_size: 48
target_size: 48
train: {{max_steps: 8, batch_size: 8, max_length: 64, precision: fp32, select: best,
  evaluate_every: 4, dev_examples: 16, patience: 5}}
evaluate: {{limit: 8, precision: fp32}}
"""
SCRIPT = """\
import sys
from dataclasses import replace
from pathlib import Path
from xanalysis.runner.grid import open_engine, open_grid

if __name__ == "__main__":
    grid = open_grid(sys.argv[1], store=sys.argv[2])
    job = replace(grid.job, checkpoint_seconds=0.0)  # a checkpoint after every step
    engine = open_engine("local", job, workers=int(sys.argv[3]), devices=["cpu"])
    run = grid.run(engine)
    assert not run.failed, run.failed
"""


def make_model(folder: Path) -> Path:
    """Write a checkpoint folder of two layers, 16 wide: random weights, bytes as pieces."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: i for i, piece in enumerate([*specials, *alphabet, "<mask>"])}
    pieces = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    pieces.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=512,
    )
    config = XLMRobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    model = XLMRobertaModel(config, add_pooling_layer=False)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder


def calm_grid(folder: Path) -> Path:
    """Lay out a small real grid and run it undisturbed, in the store ``calm``."""
    model = make_model(folder / "model")
    (folder / "tiny.yaml").write_text(RECIPE.format(model=model))
    (folder / "grid.py").write_text(SCRIPT)
    calm = start(folder, "calm", workers=1)
    assert calm.wait(240) == 0
    return folder


def start(folder: Path, store: str, workers: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "grid.py", "tiny.yaml", store, str(workers)]
    return subprocess.Popen(command, cwd=folder, env=environment)


def digests(root: Path) -> dict[str, str]:
    """Checksum of everything a stage holds, but for the clock's own file."""
    store = Store(root)
    found = {}
    for key in store.published():
        assert store.verify(key) == []
        for name in store.manifest(key).files:
            if name != "timing.json":
                data = (store.path(key) / name).read_bytes()
                found[f"{key}/{name}"] = hashlib.sha256(data).hexdigest()
    return found
