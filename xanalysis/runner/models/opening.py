"""A model of a recipe as a local checkpoint folder."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError
from xanalysis.runner.models.cache import cached
from xanalysis.runner.models.embedded import NAME as EMBEDDED
from xanalysis.runner.models.embedded import embedded
from xanalysis.runner.models.shards import WORDS, save_shards
from xanalysis.runner.spec import ModelSpec

_LAYER = re.compile(r"(?:^|\.)encoder\.layer\.(\d+)\.")
# Neither pickled weights nor code of the model's author: safetensors and JSON only.
_WANTED = ["config.json", "model*.safetensors", "model.safetensors.index.json", "tokenizer*.json"]


def open_model(spec: ModelSpec) -> Path:
    """A local Hugging Face checkpoint of the model, with its tokenizer.

    Args:
        spec: ``embedded/e5-small``, a local folder or a hub name, and how many layers to keep.

    Returns:
        A folder with ``config.json``, ``*.safetensors`` and ``tokenizer.json``. Do not write
        into it: it may be the user's own or shared.

    Raises:
        InputError: There is no such model, it has no safetensors, or fewer layers.
    """
    if spec.name == EMBEDDED:
        return embedded(_within(spec, 12))
    folder = Path(spec.name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(spec)
    config = _config(folder)
    layers = _within(spec, int(config["num_hidden_layers"]))
    if not list(folder.glob("*.safetensors")):
        raise InputError(
            f"model '{spec.name}' has no weights in safetensors format",
            file=folder,
            expected="model.safetensors (pickled weights are never loaded)",
        )
    if layers is None:
        return folder
    return cached(
        f"models/pruned-{_identity(folder)[:16]}-{layers}layers-v2",
        lambda target: prune(folder, target, layers),
    )


def _within(spec: ModelSpec, depth: int) -> int | None:
    """Layers to keep; None for all."""
    if spec.layers is not None and spec.layers > depth:
        raise InputError(
            f"model '{spec.name}' has {depth} layers, not {spec.layers}",
            expected=f"layers: a number from 1 to {depth}",
        )
    return None if spec.layers == depth else spec.layers


def _from_hub(spec: ModelSpec) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        found = snapshot_download(spec.name, revision=spec.revision, allow_patterns=_WANTED)
    except HFValidationError:
        reason = "neither a folder nor a hub name"
    # Every way the network and the hub can fail comes to the same for the user.
    except Exception as error:
        reason = f"not a folder, and the hub says: {str(error).strip().splitlines()[0]}"
    else:
        return Path(found)
    raise InputError(
        f"cannot open model '{spec.name}' ({reason})",
        expected=f"{EMBEDDED}, a checkpoint folder or a hub name",
    )


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        int(config["num_hidden_layers"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a checkpoint's configuration ({error})", file=file) from None
    return dict(config)


def _identity(folder: Path) -> str:
    """Digest of a checkpoint's files, by name, size and time for the large ones."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for file in sorted(folder.glob("*.safetensors")):
        facts = file.stat()
        digest.update(f"{file.resolve()} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()


def prune(source: Path, target: Path, layers: int) -> None:
    """Copy a checkpoint without the layers after the first ``layers``.

    Args:
        source: Checkpoint folder.
        target: Empty folder.
        layers: Layers to keep.

    Raises:
        InputError: It has no word embeddings under their usual name.
    """
    from safetensors import safe_open

    tensors = {}
    for file in sorted(source.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 (not a dict)
                layer = _LAYER.search(name)
                if layer is None or int(layer[1]) < layers:
                    tensors[name] = opened.get_tensor(name)
    # Names of the encoder's own, as `from_pretrained` of a model without a head writes them.
    base = next((name.removesuffix(WORDS) for name in tensors if name.endswith(WORDS)), None)
    if base is None:
        raise InputError("has no word embeddings", file=source, expected=f"a tensor {WORDS}")
    own = {name.removeprefix(base): tensor for name, tensor in tensors.items()}
    save_shards(target, own.pop(WORDS), own)
    config = _config(source) | {"num_hidden_layers": layers}
    (target / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    for file in source.glob("tokenizer*.json"):
        shutil.copy(file, target / file.name)
