"""What a training or an evaluation is told: plain, hashable settings (no paths, no devices).

Everything that can change a number stands here, because the content key of a stage is the hash of
its spec, its parents' keys, its data's fingerprints and the code version. What cannot change a
number (device, worker count, progress) does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from xanalysis.runner.precision import Asked


class Spec(BaseModel):
    """Base: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSpec(Spec):
    """The pretrained model.

    Attributes:
        name: ``embedded/e5-small``, a hub name or a local checkpoint folder.
        revision: Hub commit.
        layers: Keep the first so many layers; None keeps all.
    """

    name: str = "embedded/e5-small"
    revision: str | None = None
    layers: int | None = Field(default=None, ge=1)


class DataSpec(Spec):
    """Training examples of one task in one language.

    Attributes:
        task: Task name of the catalogue.
        language: Language of the examples.
        split: Official split they come from.
        size: Use so many examples (nested: the first ``size`` of one permutation per seed); None
            uses all.
        translated: They are machine translations of the English examples; these are a split of
            their own (see ``tasks.sources.layouts.base.Layout.paths``), and their dev examples
            are the English ones.
    """

    task: str
    language: str = "en"
    split: str = "train"
    size: int | None = Field(default=None, ge=1)
    translated: bool = False

    @property
    def read_split(self) -> str:
        """The split under which the data are found."""
        return "translated" if self.translated else self.split

    @property
    def dev(self) -> tuple[str, str]:
        """Task and language of the dev examples that select a checkpoint."""
        return self.task, "en" if self.translated else self.language


class MlmSpec(Spec):
    """Masked-language-modelling batches mixed into the training.

    Attributes:
        languages: Languages of the running text.
        probability: Share of steps that are MLM steps.
        mask: Share of tokens masked.
    """

    languages: tuple[str, ...]
    probability: float = Field(default=0.2, gt=0, le=1)
    mask: float = Field(default=0.15, gt=0, lt=1)


class AdapterSpec(Spec):
    """Parameter-efficient training through PEFT.

    Attributes:
        method: ``lora`` trains one low-rank adapter; ``language_task`` stacks a task adapter on a
            language adapter trained by MLM, swapped for the test language's at evaluation.
        rank: Rank of the adapters.
        language_steps: MLM steps of each language adapter.
    """

    method: Literal["lora", "language_task"] = "lora"
    rank: int = Field(default=8, ge=1)
    language_steps: int = Field(default=200, ge=1)


class TrainSpec(Spec):
    """One training: an intermediate stage, a target stage, or a language adapter.

    Attributes:
        data: One entry per task and language; several are mixed.
        sampling: ``proportional`` draws tasks by their number of examples, ``uniform`` evenly.
        epochs: Passes over the data (of the mixture); None where ``max_steps`` rules.
        max_steps: Optimiser steps; the smaller of the two wins when both are given.
        batch_size: Effective number of examples per optimiser step.
        max_length: Tokens per sequence, special tokens included.
        learning_rate: Peak.
        weight_decay: Decoupled (AdamW), not on biases and LayerNorms.
        adam_epsilon: AdamW's.
        warmup: Share of the steps (below 1) or their number (1 and above).
        schedule: After the warm-up.
        clip: Maximum norm of the gradient.
        select: Which parameters are kept: best on the first ``dev_examples`` dev examples, or last.
        dev_examples: See ``select``.
        evaluate_every: Steps between dev evaluations.
        patience: Stop after so many evaluations without gain; None never stops early.
        mlm: Masked text mixed in.
        adapter: Train an adapter in place of all parameters.
        freeze_embeddings: Leave the embedding matrix as it was.
        seed: Of heads, order of examples, dropout, masking.
        precision: Of the forward pass; master weights are float32. ``auto`` is bfloat16 where the
            device multiplies it fast, else float32 (see ``runner.precision``).
        token_budget: Real tokens per micro-batch.
        deterministic: Bit-for-bit repeatable on one device.
        reseed: How often a degenerate run is tried again with the next seed.
        head_from: Task whose head in the starting checkpoint the heads begin as; None begins anew.
    """

    data: tuple[DataSpec, ...]
    sampling: Literal["proportional", "uniform"] = "proportional"
    epochs: float | None = Field(default=None, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=32, ge=1)
    max_length: int = Field(default=128, ge=8, le=8192)
    learning_rate: float = Field(default=2e-5, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    adam_epsilon: float = Field(default=1e-8, gt=0)
    warmup: float = Field(default=0.1, ge=0)
    schedule: Literal["linear", "constant"] = "linear"
    clip: float = Field(default=1.0, gt=0)
    select: Literal["best", "last"] = "last"
    dev_examples: int = Field(default=500, ge=1)
    evaluate_every: int = Field(default=1000, ge=1)
    patience: int | None = Field(default=None, ge=1)
    mlm: MlmSpec | None = None
    adapter: AdapterSpec | None = None
    freeze_embeddings: bool = False
    seed: int = 0
    precision: Asked = "auto"
    token_budget: int = Field(default=4096, ge=64)
    deterministic: bool = True
    reseed: int = Field(default=0, ge=0)
    head_from: str | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the task data."""
        return tuple(dict.fromkeys(part.language for part in self.data))


class EvalSpec(Spec):
    """One evaluation: a trained (or only pretrained) model on one target in many languages.

    Attributes:
        task: Target task.
        languages: Test languages.
        split: Official split.
        limit: So many examples per language, of retrieval so many queries, drawn as
            ``training.evaluate.sample`` says; None evaluates all.
        candidates: Of retrieval: how many sentences the queries search, the ones they should find
            among them; None is all.
        max_length: Tokens per sequence.
        layer: For retrieval: the layer that counts, as a fraction of the depth (14/24 for XLM-R
            large); every layer is scored.
        precision: Of the forward pass, as for a training.
        token_budget: Real tokens per batch.
        head: Task whose head is used; None is the one that trains the target.
    """

    task: str
    languages: tuple[str, ...]
    split: str = "test"
    limit: int | None = Field(default=None, ge=1)
    candidates: int | None = Field(default=None, ge=1)
    max_length: int = Field(default=128, ge=8, le=8192)
    layer: float = Field(default=14 / 24, ge=0, le=1)
    precision: Asked = "auto"
    token_budget: int = Field(default=16384, ge=64)
    head: str | None = None


# Fields that came later: where they are left out, keys are what they were before.
_LATER = frozenset({"head", "head_from", "candidates"})
# Keys are older than the choice of precision. What is left to the device is called what the default
# was called then; the device is no part of a key.
_PRECISION = {"auto": "bf16", "bf16": "bf16 everywhere", "fp32": "fp32"}


def settings(spec: TrainSpec | EvalSpec) -> dict[str, object]:
    """A spec as JSON, as it goes into a stage's content key."""
    content = spec.model_dump(mode="json")
    content["precision"] = _PRECISION[spec.precision]
    return {k: v for k, v in content.items() if v is not None or k not in _LATER}


def reads(spec: TrainSpec | EvalSpec) -> Iterator[tuple[str, str, str]]:
    """Task, language and split of everything a stage reads."""
    if isinstance(spec, EvalSpec):
        for language in spec.languages:
            yield spec.task, language, spec.split
            if spec.task == "bucc2018" and spec.split != "dev":
                yield spec.task, language, "dev"  # its threshold is chosen there
        return
    for part in spec.data:
        yield part.task, part.language, part.read_split
    if spec.select == "best":
        for name, language in dict.fromkeys(part.dev for part in spec.data):
            yield name, language, "dev"
    if spec.mlm is not None:
        for language in spec.mlm.languages:
            yield "mlm", language, "train"
