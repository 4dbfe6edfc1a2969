"""Published sizes: where each is from, and what is not known stays unknown."""

from __future__ import annotations

import csv

import pytest

from xanalysis.runner.estimate import steps, tokens
from xanalysis.runner.plan import Stage
from xanalysis.runner.sizes import Sizes
from xanalysis.runner.spec import DataSpec, EvalSpec, ModelSpec, TrainSpec
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.sizes import FOLDER, Size, published


def rows(name):
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stage(spec):
    return Stage("key", "evaluate", spec, ModelSpec(), None, (), "a stage")


def test_every_number_has_a_task_and_a_source():
    for row in rows("counts.csv"):
        assert row["task"] in TASKS
        assert int(row["examples"]) > 0
        assert len(row["source"]) > 10
    for row in rows("lengths.csv"):
        assert row["task"] in TASKS
        assert float(row["tokens"]) >= 3 * float(row["sequences"]) > 0, "two special tokens and one"
        assert row["measured_on"]


def test_a_sum_is_the_sum_of_its_parts():
    parts = [published(name, "en", "train").examples for name in ("snli", "mnli", "anli")]
    assert published("anli_plus", "en", "train").examples == sum(parts)


def test_what_is_known_and_what_is_not():
    assert published("mnli", "en", "train").examples == 392_702
    assert published("mnli", "tr", "translated").examples == 392_570
    assert published("mnli", "tr", "translated").tokens != published("mnli", "en", "train").tokens
    assert published("xnli", "sw", "test").examples == 5010, "from the catalogue"
    assert published("ccg", "en", "train").examples is None
    assert published("mewslix", "de", "test") == Size()
    # Commonsense questions have five choices, and each is read with its question.
    assert published("commonsenseqa", "en", "train").sequences == 5


def test_sequences_are_cut_one_by_one():
    size = Size(10, tokens=400.0, sequences=4.0)
    assert size.read(512) == 400
    assert size.read(50) == 200
    assert Size(10).read(50) is None


def test_real_lengths_are_near_the_table(taskdata):
    """The table is measured on the first examples: the same ones, encoded again."""
    transformers = pytest.importorskip("transformers")
    from xanalysis.runner.models.embedded import embedded
    from xanalysis.tasks.data import Data
    from xanalysis.tasks.kinds import KINDS

    tokenizer = transformers.AutoTokenizer.from_pretrained(embedded())
    for name, language in (("xnli", "sw"), ("xcopa", "et"), ("panx", "my")):
        task = TASKS[name]
        split = "dev" if "dev" in task.splits else "test"
        examples = Data(["files"], taskdata).examples(name, language, split)[:300]
        table = KINDS[task.kind]().encode(examples, task, tokenizer, max_length=512, training=False)
        measured = sum(map(len, table.column("input_ids").to_pylist())) / len(examples)
        assert published(name, language, split).tokens == pytest.approx(measured, abs=0.1)


def test_costs_without_data():
    sizes = Sizes(None)
    evaluation = EvalSpec(task="xnli", languages=("de", "sw"), split="test")
    expected = sum(5010 * published("xnli", code, "test").tokens for code in ("de", "sw"))
    assert tokens(stage(evaluation), sizes) == pytest.approx(expected)
    training = TrainSpec(data=(DataSpec(task="mnli"),), epochs=2, batch_size=32)
    assert steps(training, sizes) == -(-2 * 392_702 // 32)
    assert sizes.unknown == []
    assert set(sizes.elsewhere) == {"xnli", "mnli"}
    # A subset is no larger than the whole, and translations have lengths of their own.
    small = DataSpec(task="paws", size=10**6)
    assert steps(TrainSpec(data=(small,), epochs=1, batch_size=1), sizes) == 49_401
    turkish = DataSpec(task="mnli", language="tr", size=1000, translated=True)
    spec = TrainSpec(data=(turkish,), epochs=1, batch_size=10)
    length = published("mnli", "tr", "translated").tokens
    assert tokens(stage(spec), sizes) == pytest.approx(1000 * length)


def test_the_unknown_part_is_named_and_the_rest_is_costed():
    sizes = Sizes(None)
    both = TrainSpec(data=(DataSpec(task="ccg"), DataSpec(task="qqp")), epochs=1, batch_size=1)
    assert steps(both, sizes) == 363_846
    some = EvalSpec(task="udpos_r", languages=("de", "wo"), split="test")
    only = EvalSpec(task="udpos_r", languages=("de",), split="test")
    assert tokens(stage(some), sizes) == tokens(stage(only), sizes)
    assert sizes.unknown == [
        "number of ccg's train examples (en)",
        "number of udpos_r's test examples (wo)",
    ]
    assert tokens(stage(EvalSpec(task="mewslix", languages=("de",))), sizes) is None


def test_rows_that_stand_for_a_split_are_counted():
    sizes = Sizes(None, {"pawsx": {"test": "test[400:]", "dev": "test[:400]"}})
    assert sizes.of("pawsx", "de", "test", count=True).examples == 1600
    assert sizes.of("pawsx", "de", "dev", count=True).examples == 400


def test_what_lies_here_is_counted(taskdata):
    from xanalysis.tasks.data import Data

    sizes = Sizes(Data(["files"], taskdata))
    assert sizes.of("xnli", "de", "test", count=True).examples == 1200, "the file here is cut"
    assert "xnli" not in sizes.elsewhere
    assert sizes.of("tatoeba", "de", "test", count=True).examples == 1000, "queries, not sentences"
