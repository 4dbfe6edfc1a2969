"""Target tasks of XTREME-R (Ruder et al. 2021): those it adds, and XTREME's with more languages."""

from __future__ import annotations

from xanalysis.tasks.catalogue import xtreme
from xanalysis.tasks.catalogue.text import codes
from xanalysis.tasks.task import Task

# The languages that the benchmark's scripts prepare beyond XTREME's 40 (download_data.sh and
# utils_preprocess.py, google-research/xtreme@0918248). XNLI, XQuAD, MLQA and TyDiQA-GoldP stay as
# they are in XTREME; PAWS-X and BUCC are not part of XTREME-R.
_MORE = {
    "udpos": codes("lt pl ro uk wo"),
    "panx": codes("az gu lt pa pl qu ro uk"),
    "tatoeba": codes("az lt pl ro uk"),
}
_SIZES = {"tatoeba": dict.fromkeys(_MORE["tatoeba"], 1000)}


def _wider(task: Task) -> Task:
    return task.model_copy(
        update={
            "name": f"{task.name}_r",
            "title": f"{task.title} (XTREME-R)",
            "languages": tuple(sorted({*task.languages, *_MORE[task.name]})),
            "test_sizes": task.test_sizes | _SIZES.get(task.name, {}),
            "citation": "ruder2021xtremer",
            # The hub's copy of XTREME stops at XTREME's own languages.
            "hub": None if task.hub == "google/xtreme" else task.hub,
        }
    )


XCOPA = codes("et ht id it qu sw ta th tr vi zh")

TASKS = (
    *(_wider(task) for task in xtreme.TASKS if task.name in _MORE),
    Task(
        name="copa",
        title="COPA",
        kind="multiple_choice",
        task_type="multiple_choice",
        roles=("intermediate",),
        metric="accuracy",
        train="copa",
        chance=50.0,
        splits=("train", "dev"),
        hub="aps/super_glue",
        revision="3de24cf8022e94f4ee4b9d55a6f539891524d646",
        layout="copa",
        licence="BSD 2-Clause",
        citation="roemmele2011copa",
        note="English; what XCOPA was translated from, row by row.",
    ),
    Task(
        name="xcopa",
        title="XCOPA",
        kind="multiple_choice",
        task_type="multiple_choice",
        roles=("target",),
        metric="accuracy",
        languages=XCOPA,
        train="siqa",
        then=("copa",),
        chance=50.0,
        splits=("dev", "test"),
        hub="cambridgeltl/xcopa",
        revision="042f78955ba48e6404616762fa6e05e839c3907a",
        layout="xcopa",
        licence="CC BY 4.0",
        citation="ponti2020xcopa",
        test_sizes=dict.fromkeys(XCOPA, 500),
        note="Trained on Social IQa, then on COPA, in XTREME-R.",
    ),
    Task(
        name="squad_sentences",
        title="SQuAD v1.1 sentences",
        kind="retrieval",
        task_type="retrieval",
        roles=("intermediate",),
        metric="map_at_20",
        train="squad_sentences",
        splits=("train", "dev"),
        layout="squad_sentences",
        licence="CC BY-SA 4.0",
        citation="rajpurkar2016squad",
        note=(
            "What LAReQA's dual encoder is trained on: SQuAD's questions and the sentences in "
            "which their answers begin, cut at full stops by rule."
        ),
    ),
    Task(
        name="lareqa",
        title="LAReQA",
        kind="retrieval",
        task_type="retrieval",
        roles=("target",),
        metric="map_at_20",
        languages=xtreme.XQUAD,
        train="squad_sentences",
        splits=("test",),
        layout="lareqa",
        licence="CC BY-SA 4.0",
        citation="roy2020lareqa",
        test_sizes=dict.fromkeys(xtreme.XQUAD, 1190),
        note=(
            "XQuAD-R with the candidate sentences of one language; the benchmark's code has no "
            "official scorer, so this is mAP@20 within each language."
        ),
    ),
    Task(
        name="mewslix",
        title="Mewsli-X",
        kind="retrieval",
        task_type="retrieval",
        roles=("target",),
        metric="map_at_20",
        languages=codes("ar de en es fa ja pl ro ta tr uk"),
        train=None,
        splits=("dev", "test"),
        layout="mewslix",
        licence="CC BY-SA 3.0",
        citation="ruder2021xtremer",
        note="With one gold entity per query, mAP@20 is MRR@20.",
    ),
)
