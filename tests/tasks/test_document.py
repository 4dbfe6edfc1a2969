"""docs/tasks.md says what the catalogue says, and the catalogue says enough of every task."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xanalysis.languages import canonical
from xanalysis.tasks.catalogue import GROUPS, TASKS, get, group
from xanalysis.tasks.document import document, read_all, trained, tried
from xanalysis.tasks.metrics import METRICS
from xanalysis.tasks.sources.layouts import LAYOUTS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_document_is_current():
    written = (DOCS / "tasks.md").read_text(encoding="utf-8")
    assert written == document(tried(DOCS), trained(DOCS)), "run python -m xanalysis.tasks.document"


@pytest.mark.slow
@pytest.mark.realdata
def test_the_files_noted_down_are_those_that_can_be_read(taskdata):
    assert read_all(taskdata) == tried(DOCS)


def test_every_task_the_field_means_is_there():
    """Phang et al. 2020 and their neighbours, XTREME, XTREME-R, and three beyond."""
    wanted = (
        "anli_plus mnli qqp squad_v1 squad_v2 hellaswag ccg cosmosqa commonsenseqa mrpc sick snli "
        "siqa paws xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba xcopa lareqa mewslix "
        "americasnli masakhaner sib200"
    )
    assert set(wanted.split()) <= set(TASKS)
    assert len(TASKS) == sum(len(group(name)) for name in GROUPS)
    assert len(get("sib200").languages) == 205


def test_numbers_of_languages_are_the_benchmarks():
    """XTREME's evaluate.py; XTREME-R's download script."""
    sizes = {
        "xnli": 15,
        "pawsx": 7,
        "udpos": 33,
        "panx": 40,
        "xquad": 11,
        "mlqa": 7,
        "tydiqa": 9,
        "bucc2018": 4,
        "tatoeba": 36,
        "udpos_r": 38,
        "panx_r": 48,
        "tatoeba_r": 41,
        "xcopa": 11,
        "lareqa": 11,
        "mewslix": 11,
    }
    assert {name: len(TASKS[name].languages) for name in sizes} == sizes


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_records_are_sound(task):
    assert len(set(task.languages)) == len(task.languages)
    assert [canonical(code) for code in task.languages] == list(task.languages)
    assert set(task.test_sizes) <= set(task.languages)
    assert set(task.splits) <= {"train", "dev", "test"}
    assert task.train is None or "train" in TASKS[task.train].splits or task.train == task.name
    assert task.licence != "unknown"
    assert task.layout is None or task.layout in LAYOUTS
    assert task.metric in METRICS
    if task.kind in ("pair_classification", "multiple_choice"):
        assert 0 < task.chance <= 50
    if task.kind == "pair_classification":
        assert task.chance == pytest.approx(100 / len(task.labels))


def test_every_citation_has_its_entry():
    text = (ROOT / "xanalysis" / "tasks" / "citations.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{(\w+),$", text, re.MULTILINE)
    assert len(keys) == len(set(keys))
    cited = {
        task.citation
        for name in GROUPS
        if name not in ("cldr", "modelling")
        for task in group(name)
    }
    assert None not in cited
    assert cited <= set(keys)
