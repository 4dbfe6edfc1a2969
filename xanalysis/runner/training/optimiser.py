"""AdamW with a schedule, on parameters whose gradients are sums over an effective batch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from xanalysis.runner.spec import TrainSpec


def rate(spec: TrainSpec, step: int, total: int) -> float:
    """Learning rate of a step (0-based): linear warm-up, then linear decay to 0 or constant."""
    warmup = spec.warmup * total if spec.warmup < 1 else spec.warmup
    warmup = min(round(warmup), total)
    if step < warmup:
        return spec.learning_rate * (step + 1) / warmup
    if spec.schedule == "constant":
        return spec.learning_rate
    return spec.learning_rate * (total - step) / max(1, total - warmup)


def adamw(parameters: Iterable[nn.Parameter], spec: TrainSpec) -> torch.optim.AdamW:
    """Fused AdamW; biases and LayerNorms (parameters of one dimension) do not decay."""
    trained = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": spec.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=spec.learning_rate,
        eps=spec.adam_epsilon,
        fused=True,
    )


def update(optimiser: torch.optim.Optimizer, lr: float, terms: Tensor, clip: float) -> Tensor:
    """One step from gradients that are sums over ``terms`` loss terms; clears them.

    Args:
        optimiser: Whose parameters carry the gradients.
        lr: Learning rate of this step.
        terms: Number of loss terms the gradients were summed over.
        clip: Maximum norm of the mean gradient.

    Returns:
        Norm of the mean gradient before clipping.
    """
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm: Tensor = torch.linalg.vector_norm(
        torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
    )
    norm = norm / terms
    # Mean and clipping are one factor, which the fused optimiser applies on its way.
    scale = terms / torch.clamp(clip / (norm + 1e-6), max=1.0)
    optimiser.grad_scale = scale  # type: ignore[attr-defined]
    for group in optimiser.param_groups:
        group["lr"] = lr
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return norm
