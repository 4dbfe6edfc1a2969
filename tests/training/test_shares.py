from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.training.test_encoder import LENGTHS, model_of, padded, sequences
from xanalysis.runner.training.cpu.attention import (
    attend,
    attend_first,
    attend_first_back,
    compiled_attention,
    places_of,
)
from xanalysis.runner.training.cpu.crew import Crew
from xanalysis.runner.training.cpu.product import Product
from xanalysis.runner.training.cpu.shares import can_share
from xanalysis.runner.training.dropout import NO_DROPOUT, Dropout
from xanalysis.runner.training.encoder import Encoder
from xanalysis.runner.training.layout import lay_out

Gradients = dict[str, torch.Tensor]


@pytest.fixture(params=[torch.float32, torch.bfloat16])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    assert torch.get_num_threads() == request.param
    torch.set_num_threads(before)


def model_with(dropout: float) -> torch.nn.Module:
    model = model_of("xlm-roberta").train()
    model.config.hidden_dropout_prob = dropout
    model.config.attention_probs_dropout_prob = dropout
    return model


def trained(
    encoder: Encoder, rows: list[torch.Tensor], dtype: torch.dtype, first: bool, seed: int = 0
) -> torch.Tensor:
    """One pass forward and backward; the encoder's model gets gradients."""
    sizes = [len(row) for row in rows]
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        hidden = encoder(
            torch.cat(rows),
            lay_out(sizes),
            generator=np.random.Generator(np.random.SFC64(seed)),
            first_only=first,
        ).hidden.float()
    (hidden * pull(hidden)).sum().backward()
    return hidden.detach()


def pull(hidden: torch.Tensor) -> torch.Tensor:
    return torch.randn(hidden.shape, generator=torch.Generator().manual_seed(3))


def gradients(model: torch.nn.Module) -> Gradients:
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def far(found: Gradients, expected: Gradients) -> float:
    """Largest relative distance of a tensor; a hundredth of all gradients' norm counts as nothing.

    (The gradient of the keys' biases is nothing but rounding.)
    """
    assert found.keys() == expected.keys()
    nothing = 0.01 * float(torch.stack([g.norm() for g in expected.values()]).norm())
    return max(
        float((found[name] - gradient).norm() / (gradient.norm() + nothing))
        for name, gradient in expected.items()
    )


@pytest.mark.parametrize("first", [False, True])
def test_gradients_are_those_of_the_padded_float32_model(
    threads: int, dtype: torch.dtype, first: bool
) -> None:
    model, rows = model_with(0.0), sequences()
    theirs = padded(model.eval(), rows)[-1]
    if first:
        theirs = theirs[lay_out(LENGTHS).offsets[:-1]]
    (theirs * pull(theirs)).sum().backward()
    expected = gradients(model)
    encoder = Encoder(model.train())
    ours = trained(encoder, rows, dtype, first)
    assert encoder._shared is not None
    assert encoder._shared.shares == threads
    assert encoder._shared.dtype == dtype
    exact = dtype == torch.float32  # bfloat16 has 8 bits
    atol, rtol = (1e-5, 1e-5) if exact else (0.05, 0.02)
    torch.testing.assert_close(ours, theirs.detach(), atol=atol, rtol=rtol)
    assert far(gradients(model), expected) < (1e-5 if exact else 0.03)


def product_of(modules: list[torch.nn.Linear]) -> Product:
    """Queries, keys and values as one product."""
    product = Product(modules, torch.float32)
    product.refresh()
    return product


def test_attention_of_first_tokens_only_changes_no_number() -> None:
    torch.manual_seed(4)
    modules = [torch.nn.Linear(32, 32) for _ in range(3)]
    layout, first = lay_out(LENGTHS), lay_out(LENGTHS).offsets[:-1]
    drawn, pull = torch.randn(sum(LENGTHS), 32), torch.randn(len(LENGTHS), 32)

    rows = drawn.clone().requires_grad_()
    qkv = torch.cat([module(rows) for module in modules], dim=1)
    whole = compiled_attention(qkv, layout, 4, NO_DROPOUT)[first]
    whole.backward(pull)

    product = product_of(modules)
    short = torch.empty_like(pull)
    kept = attend_first(drawn, product, layout, 4, NO_DROPOUT, Crew(1), short)
    of_rows, of_firsts, of_weight, of_bias = attend_first_back(pull, kept, Crew(1))
    of_rows[first] += of_firsts

    for found, expected in (
        (short, whole),
        (of_rows, rows.grad),
        (of_weight, torch.cat([module.weight.grad for module in modules])),
        (of_bias, torch.cat([module.bias.grad for module in modules])),
    ):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_dropout_in_attention_keeps_the_mean() -> None:
    torch.manual_seed(5)
    product = product_of([torch.nn.Linear(32, 32) for _ in range(3)])
    layout, rows = lay_out([9, 12]), torch.randn(21, 32)
    generator = np.random.Generator(np.random.SFC64(0))

    def of_first(dropout: Dropout) -> torch.Tensor:
        result = torch.empty(2, 32)
        attend_first(rows, product, layout, 4, dropout, Crew(1), result)
        return result

    def of_all(dropout: Dropout) -> torch.Tensor:
        result = torch.empty_like(rows)
        weights = torch.empty(int(places_of(layout, 4)[-1]))
        qkv = product(rows, torch.empty(len(rows), 96))
        attend(qkv, product.bias, layout, 4, dropout, Crew(1), result, weights)
        return result

    for attention in (of_first, of_all):
        still = attention(NO_DROPOUT)
        found = torch.stack([attention(Dropout(0.2, generator)) for _ in range(600)])
        error = found.std(0) / len(found) ** 0.5
        assert float(error.min()) > 0
        assert float(((found.mean(0) - still) / error).abs().max()) < 4.5


def test_micro_batches_add_up(threads: int, dtype: torch.dtype) -> None:
    model, rows = model_with(0.0), sequences()
    encoder = Encoder(model)
    parts = [rows[:3], rows[3:], rows[:1]]  # the last one is too short to be shared
    expected: Gradients = {}
    for part in parts:
        trained(encoder, part, dtype, True)
        for name, gradient in gradients(model).items():
            expected[name] = expected.get(name, 0) + gradient
    for part in parts:
        trained(encoder, part, dtype, True)
    assert far(gradients(model), expected) < 1e-6


def test_equal_seeds_are_equal_bit_for_bit(threads: int, dtype: torch.dtype) -> None:
    model, rows = model_with(0.3), sequences()
    encoder = Encoder(model)
    found = [(trained(encoder, rows, dtype, False, seed), gradients(model)) for seed in (1, 1, 2)]
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])
    assert not torch.equal(found[0][0], found[2][0])
    again = trained(Encoder(model), rows, dtype, False, 1)
    assert torch.equal(again, found[0][0])


def test_shares_draw_different_dropout(dtype: torch.dtype) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    model, row = model_with(0.5), sequences()[0]
    first, second = trained(Encoder(model), [row, row], dtype, False).split(len(row))
    torch.set_num_threads(before)
    assert (first - second).abs().max() > 0.1


def test_what_cannot_be_shared() -> None:
    model = model_with(0.0)
    assert can_share(model, training=True)
    model.config.hidden_act = "relu"
    assert not can_share(model, training=False)
    model.config.hidden_act = "gelu"
    model.encoder.layer[0].output.dense.weight.requires_grad_(False)
    assert not can_share(model, training=True)
    assert can_share(model, training=False)
    model.encoder.requires_grad_(True)
    model.encoder.layer[1].attention.self.key = torch.nn.Sequential(torch.nn.Linear(32, 32))
    assert not can_share(model, training=False)


@pytest.mark.parametrize("first", [False, True])
def test_reading_is_what_the_padded_model_does(
    threads: int, dtype: torch.dtype, first: bool
) -> None:
    model, rows = model_of("xlm-roberta"), sequences()
    layout = lay_out(LENGTHS)
    with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        encoder = Encoder(model)
        found = encoder(torch.cat(rows), layout, all_layers=not first, first_only=first)
    assert encoder._shared is not None
    expected = padded(model, rows)
    atol, rtol = (1e-5, 1e-5) if dtype == torch.float32 else (0.05, 0.02)
    if first:
        expected, found.layers = expected[-1:], [found.hidden]
        expected[0] = expected[0][layout.offsets[:-1]]
    assert len(found.layers) == len(expected)
    for ours, theirs in zip(found.layers, expected, strict=True):
        torch.testing.assert_close(ours.float(), theirs.detach(), atol=atol, rtol=rtol)
