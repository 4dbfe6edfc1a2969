"""Official metrics on predictions, without torch.

A metric takes predictions (``id``, ``prediction``), the examples they are for, the task and the
test language, and gives scores by name, the official one first; that one is from 0 to 100.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xanalysis.registry import Registry

if TYPE_CHECKING:
    from xanalysis.tasks.metrics.base import Metric

METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "accuracy": "xanalysis.tasks.metrics.accuracy:ACCURACY",
        "tag_accuracy": "xanalysis.tasks.metrics.tagging:TAG_ACCURACY",
        "seqeval_f1": "xanalysis.tasks.metrics.tagging:SEQEVAL_F1",
        "squad": "xanalysis.tasks.metrics.answers:SQUAD",
        "squad_v2": "xanalysis.tasks.metrics.answers:SQUAD_V2",
        "mlqa": "xanalysis.tasks.metrics.answers:MLQA",
        "retrieval_accuracy": "xanalysis.tasks.metrics.retrieval:ACCURACY",
        "bucc_f1": "xanalysis.tasks.metrics.retrieval:BUCC_F1",
        "masked_accuracy": "xanalysis.tasks.metrics.masked:MASKED_ACCURACY",
        "map_at_20": "xanalysis.tasks.metrics.retrieval:MAP_AT_20",
    },
)
