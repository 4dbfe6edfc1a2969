"""Running text for masked language modelling, read by MLM co-training and language adapters."""

from __future__ import annotations

from xanalysis.tasks.sources.cldr.languages import LANGUAGES
from xanalysis.tasks.task import Task

TASKS: tuple[Task, ...] = (
    Task(
        name="mlm",
        title="Masked language modelling",
        kind="mlm",
        task_type="language_modelling",
        roles=(),
        metric="masked_accuracy",
        languages=LANGUAGES,
        train="mlm",
        splits=("train",),
        layout="text",
        licence="of the text that is given; Unicode-3.0 of CLDR's",
        note="Text that trainings mix in, and that language adapters are trained on. Scored where "
        "rows are kept for it (splits: {mlm: {train: 'train[:900]', test: 'train[900:]'}}): share "
        "of masked tokens guessed, and their perplexity. CLDR's text is short lists of names and "
        "times, enough to try the mechanics; give real text as files.",
    ),
)
