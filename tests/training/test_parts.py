from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from tests.training.conftest import TASKS, ToyData, tokenizer
from xanalysis.runner.spec import DataSpec, MlmSpec, TrainSpec
from xanalysis.runner.training import degenerate
from xanalysis.runner.training.cache import encoded
from xanalysis.runner.training.features import Features
from xanalysis.runner.training.layout import LINEAR, lay_out
from xanalysis.runner.training.optimiser import adamw, rate, update
from xanalysis.runner.training.streams import Order, open_streams, subset
from xanalysis.runner.training.vocabulary import Rows


def spec(**changes: object) -> TrainSpec:
    given: dict[str, object] = {"data": (DataSpec(task="pairs"),), "epochs": 2, "max_length": 40}
    return TrainSpec.model_validate(given | changes)


def order_of(asked: TrainSpec, data: ToyData, seed: int = 0) -> Order:
    return Order(asked, open_streams(asked, data, TASKS, tokenizer(), None), seed)


def test_sizes_are_nested_by_seed(data: ToyData) -> None:
    def ids(size: int, seed: int) -> list[str]:
        return [e["id"] for e in subset(DataSpec(task="pairs", size=size), data, seed)]

    assert ids(10, 3) == ids(40, 3)[:10]
    assert ids(10, 3) != ids(10, 4)
    assert len(set(ids(40, 3))) == 40
    assert len(ids(1000, 3)) == 60  # all there are


def test_every_epoch_sees_every_example_once_in_another_order(data: ToyData) -> None:
    order = order_of(spec(batch_size=16), data)
    assert order.total == 2 * math.ceil(60 / 16)
    steps = [order.at(step)[1].tolist() for step in range(order.total)]
    first, second = [i for s in steps[:4] for i in s], [i for s in steps[4:] for i in s]
    assert sorted(first) == sorted(second) == list(range(60))
    assert first != second
    # A function of the step alone: no need to have come by the steps before.
    assert order_of(spec(batch_size=16), data).at(6)[1].tolist() == steps[6]


def test_tasks_are_drawn_in_proportion_to_their_examples(data: ToyData) -> None:
    data.sizes |= {"pairs": 300, "other": 100}
    parts = (DataSpec(task="pairs"), DataSpec(task="other"))
    proportional = order_of(spec(data=parts, epochs=100, batch_size=10), data)
    drawn = [proportional.at(step)[0] for step in range(proportional.total)]
    assert proportional.total == 4000
    assert np.mean(drawn) == pytest.approx(0.25, abs=0.03)
    uniform = order_of(spec(data=parts, epochs=100, batch_size=10, sampling="uniform"), data)
    assert np.mean([uniform.at(s)[0] for s in range(4000)]) == pytest.approx(0.5, abs=0.03)


def test_masked_text_comes_on_top_of_the_epochs(data: ToyData) -> None:
    mlm = MlmSpec(languages=("de", "fi"), probability=0.2)
    order = order_of(spec(mlm=mlm, epochs=20, batch_size=10), data)
    assert order.total == 150  # 120 of the task are four fifths
    assert order.streams[1].name == "mlm"
    share = np.mean([order.at(step)[0] for step in range(order.total)])
    assert share == pytest.approx(0.2, abs=0.08)


def test_languages_of_one_task_share_its_head_and_batches(data: ToyData) -> None:
    parts = (DataSpec(task="pairs"), DataSpec(task="pairs", language="de", size=8))
    (mixed,) = open_streams(spec(data=parts), data, TASKS, tokenizer(), None)
    assert len(mixed.features) == 68
    apart = open_streams(spec(data=parts), data, TASKS, tokenizer(), None, by_language=True)
    assert [stream.language for stream in apart] == ["en", "de"]


def test_examples_are_tokenised_once(data: ToyData, tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> pa.Table:
        made.append(1)
        return pa.table({"input_ids": pa.array([[1, 2]], pa.list_(pa.int32()))})

    first = encoded(tmp_path, {"a": 1}, make)
    again = encoded(tmp_path, {"a": 1}, make)
    encoded(tmp_path, {"a": 2}, make)
    assert first.equals(again)
    assert len(made) == 2
    assert {file.suffix for file in tmp_path.iterdir()} == {".arrow"}


def test_micro_batches_hold_the_budget_and_never_part_an_example() -> None:
    lengths = [5, 5, 30, 4, 9, 9, 9, 60]
    owner = [0, 0, 1, 2, 3, 3, 3, 4]
    table = pa.table(
        {
            "input_ids": pa.array([[7] * n for n in lengths], pa.list_(pa.int32())),
            "example": pa.array(owner, pa.int32()),
        }
    )
    features = Features(table)
    assert len(features) == 5
    parts = [rows.tolist() for rows in features.micro_batches(np.arange(5), 40)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(8))
    assert parts == [[3, 0, 1], [4, 5, 6], [2], [7]]
    assert len(list(features.micro_batches(np.arange(5), 40, whole=True))) == 1
    assert len(Features(table, by_row=True)) == 8
    batch = features.batch(np.array([3, 0]), "cpu")
    assert batch.layout.offsets.tolist() == [0, 4, 9]
    assert batch.features["example"].tolist() == [2, 0]


def test_schedule_is_linear_with_warm_up() -> None:
    asked = spec(learning_rate=1.0, warmup=0.1)
    rates = [rate(asked, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert rates[10:] == pytest.approx((100 - np.arange(10, 100)) / 90)
    assert rate(spec(learning_rate=1.0, warmup=4), 1, 100) == pytest.approx(0.5)
    assert rate(spec(learning_rate=1.0, schedule="constant"), 99, 100) == 1.0


def test_update_is_adamw_on_the_clipped_mean_gradient() -> None:
    torch.manual_seed(0)
    asked = spec(learning_rate=0.01, weight_decay=0.1, clip=0.5, warmup=0.0)
    ours, theirs = torch.nn.Linear(5, 3), torch.nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    groups = [
        {"params": [theirs.weight], "weight_decay": 0.1},
        {"params": [theirs.bias], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.01, eps=1e-8)
    schedule = LambdaLR(reference, lambda step: (20 - step) / 20)
    mine = adamw(ours.parameters(), asked)
    for step in range(20):
        inputs, targets = torch.randn(8, 5), torch.randn(8, 3)
        loss = torch.nn.functional.mse_loss(theirs(inputs), targets)
        reference.zero_grad()
        loss.backward()
        expected = torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        reference.step()
        schedule.step()
        # Two micro-batches of summed losses are one batch of mean loss.
        for half in (slice(0, 3), slice(3, 8)):
            ((ours(inputs[half]) - targets[half]) ** 2).sum().backward()
        norm = update(mine, rate(asked, step, 20), torch.tensor(24), 0.5)
        assert norm.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(ours.weight, theirs.weight, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours.bias, theirs.bias, atol=1e-6, rtol=1e-5)


GOLD = [{"label": "yes" if i % 3 else "no"} for i in range(60)]  # two thirds "yes"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["yes"] * 60, ["one label", "majority class"]),
        ([g["label"] for g in GOLD], []),
        (["yes" if i % 2 else "no" for i in range(60)], ["majority class"]),
    ],
)
def test_collapse_is_seen_in_the_predictions(said: list[str], expected: list[str]) -> None:
    predictions = [{"prediction": label} for label in said]
    assert degenerate.reasons(GOLD, predictions, [0.5]) == expected


def test_collapse_of_taggers_and_of_losses() -> None:
    gold = [{"tags": ["O", "B-LOC", "O"]}] * 10
    blind = [{"prediction": ["O", "O", "O"]}] * 10
    assert degenerate.reasons(gold, blind, [1.0]) == ["one label", "majority class"]
    assert degenerate.reasons(gold, [{"prediction": g["tags"]} for g in gold], [1.0]) == []
    assert degenerate.reasons([], [], [1.0, math.nan]) == ["non-finite loss"]
    assert degenerate.reasons(gold[:2], blind[:2], [1.0]) == []  # six tags tell nothing
    assert degenerate.seed_of(1, 2) == 2001


def test_kept_gradients_of_rows_are_those_of_an_embedding() -> None:
    torch.manual_seed(0)
    theirs = torch.nn.Embedding(50, 8)
    ours = Rows(torch.nn.Parameter(theirs.weight.detach().clone()))
    for _step in range(3):
        for _ in range(2):  # micro-batches add up
            ids, pull = torch.randint(0, 50, (12,)), torch.randn(12, 8)
            for module in (theirs, ours):
                (module(ids) * pull).sum().backward()
        assert ours.weight.grad is not None
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
        for module in (theirs, ours):
            module.weight.data -= 0.1 * module.weight.grad
            module.zero_grad(set_to_none=True)
    torch.testing.assert_close(ours(ids), theirs(ids))


def test_parts_of_a_batch_are_about_as_much_work() -> None:
    sizes = np.sort(np.random.default_rng(0).integers(8, 200, 64))
    first, second = lay_out(sizes).parts(2)
    assert [*first.sizes, *second.sizes] == sizes.tolist()
    assert first.sizes.sum() > second.sizes.sum()  # short sequences cost less a token
    work = [(part.sizes * (LINEAR + part.sizes)).sum() for part in (first, second)]
    assert abs(work[0] - work[1]) < 0.1 * sum(work)
