"""Training speed: xanalysis's core against Hugging Face's Trainer, same model, same data, one run.

    python benchmarks/training.py                    # speed, as ratios (about 5 minutes on 2 cores)
    python benchmarks/training.py --accuracy         # and whole trainings: the accuracy both reach
                                                     # (about 10 minutes more a seed)
    python benchmarks/training_cuda.py               # XLM-R large shapes on a GPU

The Trainer runs as its own text-classification example sets it up (padding to ``max_length``,
float32), with bfloat16, with dynamic padding grouped by length, and with both. A processor without
instructions for bfloat16 is spared the settings that need them: they take a minute a step there.
Settings alternate in short rounds, so that a busy machine slows all of them; ratios are of medians
over steps. Tokens are real tokens, padding counts for nobody. All parameters are trained.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MNLI = Path(__file__).resolve().parents[2] / "shared/taskdata/mnli_taxinli/taxinli10k.tsv"
LABELS = ("entailment", "neutral", "contradiction")
SETTINGS = {
    "trainer, max_length, fp32": {"padding": "max_length", "bf16": False},
    "trainer, dynamic grouped, fp32": {"padding": "longest", "bf16": False},
    "trainer, max_length, bf16": {"padding": "max_length", "bf16": True},
    "trainer, dynamic grouped, bf16": {"padding": "longest", "bf16": True},
}
OURS = "xanalysis, unpadded"


@dataclass
class Held:
    """Examples in memory, as ``xanalysis.tasks.data.Data`` gives them."""

    splits: dict[str, list[dict[str, Any]]]

    def examples(self, task: str, language: str, split: str) -> list[dict[str, Any]]:
        """The examples of a split."""
        return self.splits[split]

    def fingerprint(self, task: str, language: str, split: str) -> str:
        """Good enough for a cache that is thrown away."""
        return f"{split} {len(self.splits[split])}"


@dataclass
class Measured:
    """Seconds and real tokens of single optimiser steps."""

    seconds: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Real tokens per second at median speed: of a few steps on a machine that is disturbed."""
        return statistics.median(t / s for t, s in zip(self.tokens, self.seconds, strict=True))

    @property
    def throughput(self) -> float:
        """Real tokens per second over all steps: of a whole training."""
        return sum(self.tokens) / sum(self.seconds)


def read_pairs(source: str) -> tuple[str, Held]:
    """Sentence pairs, shuffled, the last 1,000 held out."""
    import numpy as np

    if source == "mnli":
        with MNLI.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
        found: list[dict[str, Any]] = [
            {"id": str(i), "text_a": r["prem"], "text_b": r["hyp"], "label": r["label"]}
            for i, r in enumerate(rows)
            if r["label"] in LABELS
        ]
        name = "MNLI (TaxiNLI's selection)"
    else:
        from xanalysis.tasks.data import Data

        found = [dict(e) for e in Data(("cldr",)).examples("cldr-paraphrase", "en", "train")]
        name = "CLDR paraphrases"
    order = np.random.default_rng(0).permutation(len(found))
    shuffled = [found[i] for i in order]
    return f"{name}, {len(found):,} pairs", Held(
        {"train": shuffled[:-1000], "dev": shuffled[-1000:]}
    )


def labels_of(data: Held) -> tuple[str, ...]:
    return tuple(sorted({example["label"] for example in data.splits["dev"]}))


def run_trainer(
    folder: Path, data: Held, padding: str, bf16: bool, args: Any, steps: int, seed: int = 0
) -> tuple[Measured, Any, Any]:
    """Train with Hugging Face's Trainer; measured steps, the model and its tokenizer."""
    import torch
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
        default_data_collator,
    )

    labels = labels_of(data)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(labels), dtype=torch.float32
    )
    examples = data.splits["train"]
    encoded = tokenizer(
        [e["text_a"] for e in examples],
        [e["text_b"] for e in examples],
        truncation=True,
        max_length=args.max_length,
        padding="max_length" if padding == "max_length" else False,
    )
    from datasets import Dataset

    columns = {
        "input_ids": encoded["input_ids"],
        "attention_mask": encoded["attention_mask"],
        "labels": [labels.index(e["label"]) for e in examples],
    }
    measured = Measured()
    collate = (
        default_data_collator if padding == "max_length" else DataCollatorWithPadding(tokenizer)
    )
    pending: list[int] = []

    def counted(rows: list[Any]) -> Any:
        batch = collate(rows)
        pending.append(int(batch["attention_mask"].sum()))
        return batch

    class Clock(TrainerCallback):
        def on_train_begin(self, *given: Any, **named: Any) -> None:
            self.last = args.clock()

        def on_step_end(self, *given: Any, **named: Any) -> None:
            now = args.clock()
            measured.seconds.append(now - self.last)
            measured.tokens.append(pending[len(measured.tokens)])
            self.last = now

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=args.batch_size,
            max_steps=steps,
            learning_rate=args.learning_rate,
            warmup_steps=round(0.1 * steps),
            bf16=bf16,
            use_cpu=True,
            train_sampling_strategy="random" if padding == "max_length" else "group_by_length",
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            seed=seed,
            dataloader_num_workers=0,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(columns),
            data_collator=counted,
            callbacks=[Clock()],
        )
        trainer.train()
    return measured, model, tokenizer


def run_ours(
    folder: Path, data: Held, args: Any, steps: int, out: Path, seed: int = 0
) -> tuple[Measured, dict[str, Any]]:
    """Train with xanalysis's core; measured steps and its report."""
    from xanalysis.runner.spec import DataSpec, TrainSpec
    from xanalysis.runner.training import train
    from xanalysis.runner.training.opening import open_tokenizer
    from xanalysis.runner.training.streams import Order, open_streams

    tasks = {"pairs": task_of(data)}
    measured = Measured()
    spec = TrainSpec(
        data=(DataSpec(task="pairs"),),
        max_steps=steps,
        batch_size=args.batch_size,
        max_length=args.max_length,
        learning_rate=args.learning_rate,
        seed=seed,
        token_budget=8192,
    )
    clock = [args.clock()]

    def tick(step: int, total: int, text: str = "") -> None:
        now = args.clock()
        if step == 0:  # told before the first step, as the Trainer's clock is
            clock[0] = now
            return
        measured.seconds.append(now - clock[0])
        clock[0] = now

    report = train(
        spec,
        start=folder,
        out=out,
        data=data,
        progress=tick,
        device="cpu",
        scratch=None,
        tasks=tasks,
    )
    streams = open_streams(spec, data, tasks, open_tokenizer(folder), None)
    order = Order(spec, streams, seed)
    measured.tokens = [
        int(streams[0].features.tokens_of(order.at(i)[1]).sum()) for i in range(steps)
    ]
    return measured, report


def task_of(data: Held) -> Any:
    from xanalysis.tasks.task import Task

    return Task(
        name="pairs",
        title="sentence pairs",
        kind="pair_classification",
        task_type="classification",
        roles=("intermediate",),
        metric="accuracy",
        labels=labels_of(data),
        train="pairs",
    )


def speed(folder: Path, data: Held, args: Any) -> dict[str, Measured]:
    """Steps of every setting, in alternating rounds; the first step of each run is not counted."""
    total: dict[str, Measured] = {name: Measured() for name in (*SETTINGS, OURS)}
    for turn in range(args.rounds):
        for name in total:
            with tempfile.TemporaryDirectory() as scratch:
                if name == OURS:
                    found, _ = run_ours(folder, data, args, args.steps + 1, Path(scratch), turn)
                else:
                    setting = SETTINGS[name]
                    found, _, _ = run_trainer(
                        folder, data, **setting, args=args, steps=args.steps + 1, seed=turn
                    )
            total[name].seconds += found.seconds[1:]
            total[name].tokens += found.tokens[1:]
            print(f"  round {turn + 1}, {name}: {found.rate:,.0f} tokens/s", flush=True)
    return total


@dataclass
class Trained:
    """Whole trainings of one setting, by seed: accuracy on the dev examples, tokens per second."""

    accuracy: list[float] = field(default_factory=list)
    throughput: list[float] = field(default_factory=list)

    def add(self, accuracy: float, measured: Measured) -> None:
        """Note one training."""
        self.accuracy.append(accuracy)
        self.throughput.append(measured.throughput)


def whole(folder: Path, data: Held, best: str, args: Any) -> dict[str, Trained]:
    """The Trainer with ``best`` settings and ours, trained to the end on as many examples."""
    found = {best: Trained(), OURS: Trained()}
    steps = args.accuracy_steps
    for seed in range(args.seeds):
        measured, model, tokenizer = run_trainer(
            folder, data, **SETTINGS[best], args=args, steps=steps, seed=seed
        )
        found[best].add(_trainer_accuracy(model, tokenizer, data, args), measured)
        with tempfile.TemporaryDirectory() as scratch:
            measured, _ = run_ours(folder, data, args, steps, Path(scratch), seed)
            found[OURS].add(_our_accuracy(Path(scratch), data, args), measured)
        for name, trained in found.items():
            said = f"accuracy {trained.accuracy[-1]:.1f}, {trained.throughput[-1]:,.0f} tokens/s"
            print(f"  seed {seed}, {name}: {said}", flush=True)
    return found


def _trainer_accuracy(model: Any, tokenizer: Any, data: Held, args: Any) -> float:
    import torch

    labels, dev, right = labels_of(data), data.splits["dev"], 0
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(dev), 32):
            part = dev[start : start + 32]
            encoded = tokenizer(
                [e["text_a"] for e in part],
                [e["text_b"] for e in part],
                truncation=True,
                max_length=args.max_length,
                padding=True,
                return_tensors="pt",
            )
            said = model(
                input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]
            ).logits.argmax(-1)
            gold = [labels.index(e["label"]) for e in part]
            right += int((said == torch.tensor(gold)).sum())
    return 100 * right / len(dev)


def _our_accuracy(checkpoint: Path, data: Held, args: Any) -> float:
    from xanalysis.runner.spec import EvalSpec
    from xanalysis.runner.training import evaluate

    out = checkpoint / "scores"
    evaluate(
        EvalSpec(task="pairs", languages=("en",), split="dev", max_length=args.max_length),
        checkpoint=checkpoint,
        out=out,
        data=data,
        progress=lambda done, total, text: None,
        device="cpu",
        tasks={"pairs": task_of(data)},
    )
    return float(json.loads((out / "scores.json").read_text())["languages"]["en"]["score"])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", choices=["mnli", "cldr"], default="mnli" if MNLI.exists() else "cldr"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="counted steps per setting and round")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--only", nargs="*", help="settings whose name contains one of these")
    parser.add_argument("--accuracy", action="store_true", help="also train both to the end")
    parser.add_argument("--accuracy-steps", type=int, default=280)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--busy",
        action="store_true",
        help="other programs are running: one thread, CPU time in place of wall-clock time",
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args(argv)

    import torch
    import transformers

    args.clock = time.process_time if args.busy else time.perf_counter
    if args.busy:
        torch.set_num_threads(1)

    from xanalysis.runner.models import open_model
    from xanalysis.runner.precision import chosen, has_bfloat16
    from xanalysis.runner.spec import ModelSpec

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    folder = open_model(ModelSpec())
    name, data = read_pairs(args.data)
    for setting, given in list(SETTINGS.items()):
        unasked = args.only and not any(part in setting for part in args.only)
        if unasked or (given["bf16"] and not has_bfloat16("cpu")):
            del SETTINGS[setting]
    print(f"{name}; embedded/e5-small, batches of {args.batch_size}, max_length {args.max_length}")
    print(f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}, ", end="")
    print(f"transformers {transformers.__version__}" + (", CPU time" if args.busy else ""))
    instructions = "with" if has_bfloat16("cpu") else "without"
    print(f"ours in {chosen('auto', 'cpu')}, {instructions} instructions for bfloat16")
    measured = speed(folder, data, args)
    ours = measured[OURS].rate
    print(f"\n{'setting':34} {'tokens/s':>9} {'ours is faster by':>18}")
    for setting, found in measured.items():
        ratio = "" if setting == OURS else f"{ours / found.rate:.2f}x"
        print(f"{setting:34} {found.rate:9,.0f} {ratio:>18}")
    figures: dict[str, Any] = {"tokens_per_second": {k: v.rate for k, v in measured.items()}}
    if args.accuracy:
        best = max(SETTINGS, key=lambda setting: measured[setting].rate)
        trained = whole(folder, data, best, args)
        print(f"\n{'whole trainings, mean over seeds':34} {'accuracy':>9} {'tokens/s':>9}")
        for setting, each in trained.items():
            mean, speed_of = statistics.mean(each.accuracy), statistics.mean(each.throughput)
            print(f"{setting:34} {mean:9.1f} {speed_of:9,.0f}")
        figures["whole"] = {setting: vars(each) for setting, each in trained.items()}
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))
    return 0


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
