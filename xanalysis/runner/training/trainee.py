"""The model being trained: encoder, heads, and what of them is trained."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xanalysis.runner.precision import Precision
from xanalysis.runner.training.encoder import Encoder
from xanalysis.runner.training.features import Batch
from xanalysis.runner.training.vocabulary import TrimmedVocabulary
from xanalysis.tasks.kinds.base import FlatBatch, Kind

MLM = "mlm"  # name of the task and of the kind


class Trainee:
    """An encoder with the heads of its tasks.

    Args:
        model: The Hugging Face module.
        heads: Task name to head.
        precision: ``bf16`` runs the forward pass under autocast; weights stay float32.
        attention: See ``Encoder``.
    """

    def __init__(
        self,
        model: nn.Module,
        heads: Mapping[str, nn.Module],
        precision: Precision,
        attention: str = "auto",
    ) -> None:
        self.model = model
        self.heads = nn.ModuleDict(dict(heads))
        self.precision = precision
        self.encoder = Encoder(model, attention)
        self.vocabulary: TrimmedVocabulary | None = None

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.encoder.device

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        modules = (("model", self.model), ("heads", self.heads))
        return {
            f"{prefix}.{name}": parameter
            for prefix, module in modules
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        }

    def train(self, mode: bool = True) -> None:
        """Switch dropout on or off."""
        self.model.train(mode)
        self.heads.train(mode)

    def encode(
        self,
        kind: Kind,
        batch: Batch,
        *,
        generator: np.random.Generator | None = None,
        layers: bool = False,
    ) -> FlatBatch:
        """Run the encoder; the result is what the kind's head reads.

        Args:
            kind: Of the task.
            batch: Its sequences.
            generator: Dropout's, in training.
            layers: Keep every layer.
        """
        ids = batch.input_ids if self.vocabulary is None else self.vocabulary(batch.input_ids)
        first_only = kind.first_only and not layers
        with self._autocast():
            encoded = self.encoder(
                ids,
                batch.layout,
                generator=generator,
                all_layers=layers,
                first_only=first_only,
            )
        offsets = batch.layout.offsets
        if first_only:
            offsets = torch.arange(len(offsets), device=offsets.device)
        model: Any = self.model
        return FlatBatch(
            encoded.hidden.float(),
            offsets,
            batch.features,
            encoded.layers,
            model.embeddings.word_embeddings.weight,
        )

    def loss(
        self, name: str, kind: Kind, batch: Batch, generator: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Sum of the losses of a batch and the number of terms."""
        flat = self.encode(kind, batch, generator=generator)
        # Heads are small and run in float32; not so the whole vocabulary as a decoder.
        with self._autocast() if kind.name == MLM else contextlib.nullcontext():
            return kind.loss(self.heads[name], flat)

    def trim(self, used: np.ndarray) -> None:
        """Train only these ids' embedding rows until ``untrim``."""
        self.vocabulary = TrimmedVocabulary(self.model, used)

    def untrim(self, decay: float) -> None:
        """Put the whole embedding matrix back; see ``TrimmedVocabulary.restore``."""
        if self.vocabulary is not None:
            self.vocabulary.restore(decay)
            self.vocabulary = None

    def _autocast(self) -> Any:
        if self.precision != "bf16":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)
