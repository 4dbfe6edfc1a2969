"""The training core: batches, optimiser, evaluation; the home of torch."""

from xanalysis.runner.training.evaluate import evaluate
from xanalysis.runner.training.train import train

__all__ = ["evaluate", "train"]
