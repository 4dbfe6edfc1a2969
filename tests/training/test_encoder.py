from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from xanalysis.errors import InputError
from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.encoder import Encoder
from xanalysis.runner.training.layout import lay_out

SHAPE = {
    "vocab_size": 97,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
}
LENGTHS = [3, 3, 9, 4, 17, 17, 18, 5]


def model_of(family: str) -> torch.nn.Module:
    torch.manual_seed(1)
    if family == "bert":
        model = BertModel(BertConfig(**SHAPE, pad_token_id=0), add_pooling_layer=False)
    else:
        config = XLMRobertaConfig(**SHAPE, pad_token_id=1, type_vocab_size=1)
        model = XLMRobertaModel(config, add_pooling_layer=False)
    with torch.no_grad():  # so that biases and LayerNorms matter
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def sequences() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randint(2, 97, (length,), generator=generator) for length in LENGTHS]


def padded(model: torch.nn.Module, rows: list[torch.Tensor]) -> list[torch.Tensor]:
    """Every layer of the Hugging Face module's own padded forward pass, real tokens only."""
    pad = model.config.pad_token_id
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        mask[index, : len(row)] = 1
    output = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    return [layer[mask.bool()] for layer in output.hidden_states]


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("attention", ["compiled", "nested"])
def test_flat_and_padded_hidden_states_agree(family: str, attention: str) -> None:
    model, rows = model_of(family), sequences()
    with torch.no_grad():
        theirs = padded(model, rows)
        ours = Encoder(model, attention)(torch.cat(rows), lay_out(LENGTHS), all_layers=True)
    assert len(ours.layers) == len(theirs) == 4
    for mine, other in zip(ours.layers, theirs, strict=True):
        torch.testing.assert_close(mine, other, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(ours.hidden, theirs[-1], atol=2e-5, rtol=1e-4)


def test_xlm_r_positions_start_after_the_padding_id_in_every_segment() -> None:
    model, rows = model_of("xlm-roberta"), sequences()
    encoder = Encoder(model)
    assert encoder.first_position == 2
    assert encoder.max_length == 38
    with torch.no_grad():
        right = encoder(torch.cat(rows), lay_out(LENGTHS)).hidden
        encoder.first_position = 0
        wrong = encoder(torch.cat(rows), lay_out(LENGTHS)).hidden
    theirs = padded(model, rows)[-1].detach()
    assert (right - theirs).abs().max() < 1e-4 < 1e-2 < (wrong - theirs).abs().max()


@pytest.mark.parametrize("attention", ["compiled", "nested"])
def test_gradients_agree_with_the_padded_model(attention: str) -> None:
    model, rows = model_of("xlm-roberta"), sequences()
    weight = torch.randn(sum(LENGTHS), 32, generator=torch.Generator().manual_seed(3))
    (padded(model, rows)[-1] * weight).sum().backward()
    theirs = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    (Encoder(model, attention)(torch.cat(rows), lay_out(LENGTHS)).hidden * weight).sum().backward()
    ours = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, atol=2e-4, rtol=1e-3, msg=name)


def test_first_token_shortcut_changes_no_number() -> None:
    model, rows = model_of("bert"), sequences()
    layout = lay_out(LENGTHS)
    encoder = Encoder(model)
    with torch.no_grad():
        whole = encoder(torch.cat(rows), layout).hidden[layout.offsets[:-1]]
        short = encoder(torch.cat(rows), layout, first_only=True).hidden
    torch.testing.assert_close(short, whole, atol=1e-6, rtol=1e-6)


def test_order_of_sequences_does_not_matter() -> None:
    model, rows = model_of("bert"), sequences()
    order = list(np.argsort(LENGTHS, kind="stable"))
    with torch.no_grad():
        plain = Encoder(model)(torch.cat(rows), lay_out(LENGTHS)).hidden.split(LENGTHS)
        sizes = [LENGTHS[i] for i in order]
        ordered = Encoder(model)(torch.cat([rows[i] for i in order]), lay_out(sizes)).hidden
    for place, part in zip(order, ordered.split(sizes), strict=True):
        torch.testing.assert_close(part, plain[place], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("lengths", [LENGTHS, [5], [1, 90], [90, 1, 1]])
def test_parts_are_neighbours_and_about_even(lengths: list[int]) -> None:
    parts = lay_out(lengths).parts(2)
    assert [size for part in parts for size in part.sizes] == lengths
    assert len(parts) == min(2, len(lengths))
    if lengths is LENGTHS:
        assert max(part.sizes.sum() for part in parts) < 0.6 * sum(lengths)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_keeps_the_mean_and_repeats_by_seed(dtype: torch.dtype) -> None:
    values = torch.ones(4001, 50, dtype=dtype, requires_grad=True)
    first = Dropout(0.1, np.random.Generator(np.random.SFC64([1, 2])))(values)
    again = Dropout(0.1, np.random.Generator(np.random.SFC64([1, 2])))(values)
    other = Dropout(0.1, np.random.Generator(np.random.SFC64([1, 3])))(values)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    zeros = (first == 0).float().mean().item()
    assert zeros == pytest.approx(0.1, abs=0.003)  # 200,050 draws: standard error 0.0007
    assert first.float().mean().item() == pytest.approx(1, abs=0.006)
    first.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, first.detach())


def test_other_architectures_are_refused() -> None:
    model = GPT2Model(GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=10, n_positions=8))
    with pytest.raises(InputError, match="gpt2"):
        Encoder(model)
