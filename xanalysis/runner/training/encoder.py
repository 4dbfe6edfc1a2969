"""BERT and XLM-R encoders on concatenated tokens: no padding in any linear layer.

The weights stay those of the Hugging Face module, so a checkpoint saved from it is an ordinary
one; only the forward pass is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xanalysis.errors import InputError
from xanalysis.runner.training.attention import nested_attention
from xanalysis.runner.training.cpu.attention import compiled_attention
from xanalysis.runner.training.cpu.shares import SharedLayers, can_share
from xanalysis.runner.training.dropout import NO_DROPOUT, Dropout
from xanalysis.runner.training.layout import Layout

Attention = Callable[[Tensor, Layout, int, Dropout], Tensor]
FAMILIES = {"bert": 0, "xlm-roberta": 1, "roberta": 1}


@dataclass
class Encoded:
    """What the encoder returns.

    Attributes:
        hidden: Last hidden layer, ``[tokens, width]``.
        layers: All hidden layers, embeddings first; empty unless asked for.
    """

    hidden: Tensor
    layers: list[Tensor]


class Encoder:
    """Runs a ``BertModel`` or an ``XLMRobertaModel`` on flat batches.

    Args:
        model: The Hugging Face module, with or without PEFT layers in it.
        attention: ``compiled`` (kernels for CPUs), ``nested`` (jagged tensors) or ``auto``:
            nested on CUDA, compiled elsewhere.

    Raises:
        InputError: The architecture is another one.
    """

    def __init__(self, model: nn.Module, attention: str = "auto") -> None:
        config: Any = model.config
        if config.model_type not in FAMILIES:
            raise InputError(
                f"models of type '{config.model_type}' cannot be trained here",
                expected="one of " + ", ".join(sorted(FAMILIES)),
            )
        self.model = model
        self.config = config
        # RoBERTa's positions count from the one after the padding token's id, BERT's from 0.
        offset = int(config.pad_token_id) + 1 if FAMILIES[config.model_type] else 0
        self.first_position = offset
        self.max_length = int(config.max_position_embeddings) - offset
        self._attention = attention
        self._shared: SharedLayers | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def __call__(
        self,
        input_ids: Tensor,
        layout: Layout,
        *,
        generator: np.random.Generator | None = None,
        all_layers: bool = False,
        first_only: bool = False,
    ) -> Encoded:
        """Encode.

        Args:
            input_ids: ``[tokens]``, sequences one after the other.
            layout: Their layout, on the same device.
            generator: Dropout's; None and a module in training mode draws from PyTorch.
            all_layers: Keep every layer's output.
            first_only: Compute the last layer's output for the first token of each sequence only
                (the same numbers, less work); ``hidden`` is then ``[sequences, width]``.

        Returns:
            The hidden layers.
        """
        modules: Any = self.model
        embeddings = modules.embeddings
        training = self.model.training
        drop = self._dropout(self.config.hidden_dropout_prob, generator, training)
        drop_scores = self._dropout(self.config.attention_probs_dropout_prob, generator, training)
        attend = self._attend()

        hidden = (
            embeddings.word_embeddings(input_ids)
            + embeddings.token_type_embeddings.weight[0]
            + F.embedding(
                layout.places + self.first_position, embeddings.position_embeddings.weight
            )
        )
        hidden = drop(embeddings.LayerNorm(hidden))
        if torch.is_autocast_enabled(hidden.device.type):
            hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
        layers = [hidden] if all_layers else []
        if training and generator is not None and not all_layers and self._can_share(True):
            shared = self._shared_layers(hidden.dtype)
            return Encoded(shared(hidden, layout, generator, first_only), [])
        if not training and not torch.is_grad_enabled() and self._can_share(False):
            shared = self._shared_layers(hidden.dtype)
            found = shared.read(hidden, layout, first_only, all_layers)
            return Encoded(found[-1], layers + found if all_layers else [])
        last = len(modules.encoder.layer) - 1
        for index, layer in enumerate(modules.encoder.layer):
            rows = layout.offsets[:-1] if first_only and index == last else None
            mixed = attend(
                _project(layer.attention.self, hidden),
                layout,
                self.config.num_attention_heads,
                drop_scores,
            )
            if rows is not None:
                mixed, hidden = mixed[rows], hidden[rows]
            output = layer.attention.output
            hidden = output.LayerNorm(hidden + drop(output.dense(mixed)))
            wide = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(hidden))
            hidden = layer.output.LayerNorm(hidden + drop(layer.output.dense(wide)))
            if all_layers:
                layers.append(hidden)
        return Encoded(hidden, layers)

    def _can_share(self, training: bool) -> bool:
        return self._attention != "nested" and can_share(self.model, training)

    def _shared_layers(self, dtype: torch.dtype) -> SharedLayers:
        shared, wanted = self._shared, (torch.get_num_threads(), dtype)
        if shared is None or (shared.threads, shared.dtype) != wanted:
            with torch.inference_mode(False):  # its buffers are written outside it too
                shared = self._shared = SharedLayers(self.model, dtype)
        return shared

    def _attend(self) -> Attention:
        kind = self._attention
        if kind == "auto":
            kind = "nested" if self.device.type == "cuda" else "compiled"
        if kind == "compiled" and self.device.type != "cpu":
            raise InputError(
                f"compiled attention does not run on {self.device}", expected="nested, or auto"
            )
        return nested_attention if kind == "nested" else compiled_attention

    @staticmethod
    def _dropout(rate: float, generator: np.random.Generator | None, training: bool) -> Dropout:
        return Dropout(rate, generator) if training and rate > 0 else NO_DROPOUT


def _project(attention: Any, hidden: Tensor) -> Tensor:
    """Queries, keys and values side by side, in one product where the layers are plain."""
    parts = (attention.query, attention.key, attention.value)
    if all(type(part) is nn.Linear for part in parts):
        weight = torch.cat([part.weight for part in parts])
        bias = torch.cat([part.bias for part in parts])
        return F.linear(hidden, weight, bias)
    return torch.cat([part(hidden) for part in parts], dim=-1)
