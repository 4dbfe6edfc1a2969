"""Training speed of XLM-R large shapes on a GPU: tokens/s and share of the measured matmul rate.

    python benchmarks/training_cuda.py                       # on a machine with a CUDA GPU
    python benchmarks/training_cuda.py --device cpu --tiny   # smoke test: tiny shapes, any machine
    python benchmarks/training_cuda.py --grid-tokens 4e9     # and the hours for so many tokens

Weights and token ids are random, which changes no speed; lengths are drawn like those of MNLI pairs
and of SQuAD windows. The number of tokens of a grid is what
``xanalysis run-grid RECIPE --dry-run --format json`` prints as ``tokens``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Mean and spread of log length in XLM-R pieces, and the most: MNLI pairs as measured on TaxiNLI's
# selection of them; windows of 384 are mostly full.
LENGTHS = {"pairs of 40 tokens": (3.6, 0.45, 128), "windows of 384 tokens": (6.2, 0.4, 384)}
LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
         "intermediate_size": 4096, "vocab_size": 250002}  # fmt: skip
TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 128, "vocab_size": 5000}  # fmt: skip


def matmul_rate(device: Any, size: int) -> float:
    """Floating-point operations per second of a bfloat16 product of square matrices."""
    import torch

    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    b = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    seconds = []
    for _ in range(12):
        wait(device)
        began = time.perf_counter()
        a @ b
        wait(device)
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / statistics.median(seconds[2:])


def wait(device: Any) -> None:
    """Until the device has done what it was given."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def operations(config: Any, lengths: np.ndarray) -> float:
    """Floating-point operations of one training pass per token: linear layers and attention."""
    width, inner = config.hidden_size, config.intermediate_size
    linear = 6 * config.num_hidden_layers * (4 * width * width + 2 * width * inner)
    seen = float((lengths.astype(float) ** 2).sum() / lengths.sum())  # keys per query
    return linear + 12 * config.num_hidden_layers * width * seen


def features_of(lengths: np.ndarray, vocabulary: int, seed: int) -> Any:
    """Random sentences of these lengths whose words are as unevenly frequent as words are."""
    import pyarrow as pa

    from xanalysis.runner.training.features import Features

    random = np.random.default_rng(seed)
    ids = np.minimum(random.zipf(1.3, lengths.sum()) + 5, vocabulary - 1)
    parts = np.split(ids, np.cumsum(lengths)[:-1])
    return Features(
        pa.table(
            {
                "input_ids": pa.array([p.tolist() for p in parts], pa.list_(pa.int32())),
                "example": pa.array(range(len(parts)), pa.int32()),
                "label": pa.array(random.integers(0, 3, len(parts)), pa.int64()),
            }
        )
    )


def measure(name: str, args: Any, device: Any) -> dict[str, float]:
    """Tokens per second of full fine-tuning on batches of ``args.batch_size`` sequences."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    from xanalysis.runner.spec import DataSpec, TrainSpec
    from xanalysis.runner.training.checkpoint import Progress
    from xanalysis.runner.training.loop import Loop, Run, numerics
    from xanalysis.runner.training.streams import Order, Stream
    from xanalysis.runner.training.trainee import Trainee
    from xanalysis.tasks.kinds.pair_classification import PairClassification
    from xanalysis.tasks.task import Task

    mean, spread, most = LENGTHS[name]
    steps = args.steps + args.warmup
    drawn = np.random.default_rng(0).lognormal(mean, spread, steps * args.batch_size)
    lengths = np.clip(drawn.astype(int), 8, most)
    shape = TINY if args.tiny else LARGE
    config = XLMRobertaConfig(
        **shape, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1
    )
    task = Task(
        name="pairs",
        title="pairs",
        kind="pair_classification",
        task_type="classification",
        roles=("target",),
        metric="accuracy",
        labels=("a", "b", "c"),
    )
    kind = PairClassification()
    kind.first_only = False  # type: ignore[misc]  # as a tagging or QA head: every token counts
    features = features_of(lengths, config.vocab_size, 0)
    spec = TrainSpec(
        data=(DataSpec(task="pairs"),),
        max_steps=steps,
        batch_size=args.batch_size,
        max_length=most,
        token_budget=args.token_budget,
        deterministic=False,
    )
    torch.manual_seed(0)
    with torch.device(device):
        model = XLMRobertaModel(config, add_pooling_layer=False)
    trainee = Trainee(
        model, {"pairs": kind.head(config.hidden_size, task).to(device)}, "bf16", args.attention
    )
    if not args.no_trim:
        trainee.trim(features.used)
    stream = Stream("pairs", task, kind, [], features, "en")
    order = Order(spec, [stream], 0)
    clock: list[float] = []

    def tick(step: int, total: int, text: str = "") -> None:
        if step >= args.warmup:
            wait(device)
            clock.append(time.perf_counter())

    with numerics(False, str(device)):
        run = Loop(spec, trainee, [stream], order, Progress(None, {}), tick).run(
            Run(0, spec.token_budget)
        )
    tokens = sum(
        int(features.tokens_of(order.at(step)[1]).sum()) for step in range(args.warmup, steps)
    )
    rate = tokens / (clock[-1] - clock[0])
    found = {
        "tokens_per_second": rate,
        "operations_per_second": rate * operations(config, lengths),
        "token_budget": float(run.token_budget),
    }
    if device.type == "cuda":
        found["peak_gib"] = torch.cuda.max_memory_allocated(device) / 2**30
        torch.cuda.reset_peak_memory_stats(device)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes, to try the script out")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--token-budget", type=int, default=32768)
    parser.add_argument("--attention", choices=["auto", "nested", "compiled"], default="auto")
    parser.add_argument("--no-trim", action="store_true", help="train the whole embedding matrix")
    parser.add_argument("--grid-tokens", type=float, help="training tokens of a grid")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args(argv)

    import torch

    from xanalysis.runner.training.opening import usable

    device = usable(args.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    peak = matmul_rate(device, 512 if args.tiny else 8192)
    shape = "tiny shapes" if args.tiny else "XLM-R large shapes"
    print(f"{name}, torch {torch.__version__}, {shape}, batches of {args.batch_size}")
    print(f"bfloat16 matmul, measured: {peak / 1e12:,.2f} TFLOP/s\n")
    figures: dict[str, Any] = {"device": name, "torch": torch.__version__, "matmul": peak}
    print(f"{'sequences':24} {'tokens/s':>12} {'of matmul rate':>15} {'peak GiB':>9}")
    for kind in LENGTHS:
        found = measure(kind, args, device)
        share = found["operations_per_second"] / peak
        memory = f"{found['peak_gib']:.1f}" if "peak_gib" in found else ""
        print(f"{kind:24} {found['tokens_per_second']:12,.0f} {share:15.1%} {memory:>9}")
        figures[kind] = found | {"share": share}
    if args.grid_tokens:
        for kind in LENGTHS:
            hours = args.grid_tokens / figures[kind]["tokens_per_second"] / 3600
            print(f"{args.grid_tokens:,.0f} tokens as {kind}: {hours:,.1f} hours")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
