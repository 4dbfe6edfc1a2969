"""What encoders keep and decoders give back, on hand-made and on real examples."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks_kinds.tiny import WORDS, encoder, task, tokenizer
from xanalysis.errors import InputError
from xanalysis.runner.models import open_model
from xanalysis.runner.spec import ModelSpec
from xanalysis.runner.training.features import Features
from xanalysis.runner.training.trainee import Trainee
from xanalysis.tasks.kinds import KINDS
from xanalysis.tasks.kinds.base import FlatBatch
from xanalysis.tasks.kinds.calibration import cut, threshold
from xanalysis.tasks.kinds.encoding import ragged
from xanalysis.tasks.kinds.extractive_qa import ExtractiveQA
from xanalysis.tasks.kinds.mlm import MaskedLM
from xanalysis.tasks.kinds.nearest import nearest
from xanalysis.tasks.kinds.retrieval import Retrieval
from xanalysis.tasks.kinds.spans import MAX_ANSWER, best_answer
from xanalysis.tasks.kinds.tagging import Tagging
from xanalysis.tasks.metrics import METRICS

TASKDATA = Path(__file__).parents[3] / "shared" / "taskdata"
needs_data = pytest.mark.skipif(not TASKDATA.is_dir(), reason="task data not beside the repository")


@pytest.fixture(scope="module")
def xlmr() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(open_model(ModelSpec()))


def test_long_sentences_are_split_and_no_word_is_lost() -> None:
    record = task("tagging", labels=("O", "B-X"))
    tokens = WORDS * 3
    examples: list[Any] = [
        {"id": "long", "tokens": tokens, "tags": ["O", "B-X"] * 90},
        {"id": "short", "tokens": ["w1"], "tags": ["B-X"]},
    ]
    table = Tagging().encode(examples, record, tokenizer(), max_length=20, training=True)
    assert max(len(ids) for ids in table["input_ids"].to_pylist()) <= 20 - 1
    assert table["example"].to_pylist() == [0] * 11 + [1]
    logits = [{"logits": np.eye(2, dtype=np.float32)[labels]} for labels in ragged(table["labels"])]
    found = Tagging().decode(logits, table, examples, record)
    assert [p["prediction"] for p in found] == [e["tags"] for e in examples]


def test_the_first_sub_word_of_each_word_is_tagged(xlmr: Any) -> None:
    record = task("tagging", labels=("O", "B-X"))
    tokens = ["Unbelievably", "‍", "東京", "ok"]  # the second leaves no sub-word
    table = Tagging().encode(
        [{"id": "a", "tokens": tokens, "tags": ["O"] * 4}], record, xlmr, max_length=64,
        training=True,
    )  # fmt: skip
    ids, places = table["input_ids"][0].as_py(), table["words"][0].as_py()
    pieces = xlmr.convert_ids_to_tokens([ids[place] for place in places])
    assert len(places) == 4
    assert pieces[1] == "<unk>"
    assert all(piece.startswith("▁") for piece in (pieces[0], pieces[2], pieces[3]))


def test_windows_advance_by_the_stride_and_cover_the_context() -> None:
    context = " ".join(WORDS * 8)
    example: Any = {
        "id": "a", "question": "w1", "context": context, "answers": [], "answer_starts": [],
    }  # fmt: skip
    table = ExtractiveQA().encode(
        [example], task("extractive_qa"), tokenizer(), max_length=300, training=False
    )
    firsts = table["window"].to_pylist()
    assert firsts == [0, 128, 256]
    covered = set()
    for first, starts in zip(firsts, ragged(table["char_starts"]), strict=True):
        covered |= set(range(first, first + len(starts)))
    assert covered == set(range(len(context.split())))


def test_long_questions_are_cut_to_64_tokens() -> None:
    example: Any = {
        "id": "a", "question": " ".join(WORDS * 3), "context": "w1 w2", "answers": ["w2"],
        "answer_starts": [3],
    }  # fmt: skip
    table = ExtractiveQA().encode(
        [example], task("extractive_qa"), tokenizer(), max_length=128, training=True
    )
    assert table["context"].to_pylist() == [1 + 64 + 2]
    assert len(table["input_ids"][0]) == 1 + 64 + 2 + 2 + 1


def test_an_answer_off_by_a_character_is_found_and_one_elsewhere_refused() -> None:
    def span(start: int) -> tuple[int, int]:
        example: Any = {
            "id": "q7", "question": "w1", "context": "w2 w3 w4 w5", "answers": ["w4"],
            "answer_starts": [start],
        }  # fmt: skip
        table = ExtractiveQA().encode(
            [example], task("extractive_qa"), tokenizer(), max_length=64, training=True
        )
        return table["start"][0].as_py(), table["end"][0].as_py()

    assert span(6) == span(5) == span(8) == (6, 6)
    with pytest.raises(InputError, match=r"'w4', the answer to question q7, .* character 0 of"):
        span(0)


def test_an_answer_outside_a_window_is_the_first_token_there() -> None:
    words = [*WORDS, *WORDS]
    context = " ".join(words)
    start = len(" ".join(words[:100])) + 1
    example: Any = {
        "id": "a", "question": "w1", "context": context,
        "answers": [" ".join(words[100:102])], "answer_starts": [start],
    }  # fmt: skip
    table = ExtractiveQA().encode(
        [example], task("extractive_qa"), tokenizer(), max_length=70, training=True
    )
    spans = list(
        zip(*(table[name].to_pylist() for name in ("window", "start", "end")), strict=True)
    )
    inside = [(w, s, e) for w, s, e in spans if s]
    assert inside
    shift = table["context"][0].as_py()
    assert all((w + s - shift, w + e - shift) == (100, 101) for w, s, e in inside)
    assert any(s == e == 0 for _, s, e in spans)


def test_spans_are_legal_and_take_the_window_with_most_context() -> None:
    def window(length: int, **high: tuple[int, float]) -> dict[str, np.ndarray]:
        found = {name: np.zeros(length + 1, np.float32) for name in ("start", "end")}
        for name, (place, value) in high.items():
            found[name][place + 1] = value
        return found

    chars = [np.arange(50) * 2, np.arange(50) * 2 + 60]
    outputs = [window(50, start=(40, 9.0), end=(45, 9.0)), window(50, start=(0, 5.0), end=(1, 5.0))]
    span, margin = best_answer(outputs, np.array([0, 30]), chars, [c + 1 for c in chars])
    # Token 40 has ten neighbours to the right in the second window, nine in the first.
    assert span != (80, 91)
    assert margin < 0
    lone = [window(50, start=(2, 9.0), end=(2 + MAX_ANSWER, 9.0))]
    (first, last), _ = best_answer(lone, np.array([0]), chars[:1], [chars[0] + 1])
    assert (last - 1 - first) // 2 + 1 <= MAX_ANSWER
    backwards = [window(50, start=(20, 9.0), end=(10, 9.0))]
    (first, last), _ = best_answer(backwards, np.array([0]), chars[:1], [chars[0] + 1])
    assert last > first


@needs_data
@pytest.mark.realdata
@pytest.mark.parametrize("language", ["en", "zh", "th", "ar", "hi", "ru"])
def test_gold_spans_decode_to_gold_answers(language: str, xlmr: Any) -> None:
    record = task("extractive_qa", metric="squad")
    data = json.loads((TASKDATA / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))
    examples: list[Any] = [
        {
            "id": asked["id"],
            "question": asked["question"],
            "context": paragraph["context"],
            "answers": [answer["text"] for answer in asked["answers"]],
            "answer_starts": [answer["answer_start"] for answer in asked["answers"]],
        }
        for article in data["data"]
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ][:200]
    kind = ExtractiveQA()
    table = kind.encode(examples, record, xlmr, max_length=384, training=True)
    outputs = []
    for row in table.to_pylist():
        start = np.zeros(len(row["char_starts"]) + 1, np.float32)
        end = start.copy()
        shift = row["context"] - 1 if row["start"] else 0
        start[row["start"] - shift] = end[row["end"] - shift] = 5.0
        outputs.append({"start": start, "end": end})
    found = kind.decode(outputs, table, examples, record)
    scores = METRICS["squad"](found, examples, record, language)
    # What is missing: a sub-word that runs over the edge of an answer.
    assert scores["exact_match"] >= 95
    assert scores["f1"] >= 97


@needs_data
@pytest.mark.realdata
@pytest.mark.parametrize("language", ["en", "ar", "ja", "bn", "my"])
def test_gold_tags_decode_to_gold_tags(language: str, xlmr: Any) -> None:
    labels = ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
    examples: list[Any] = [{"id": "0", "tokens": [], "tags": []}]
    with (TASKDATA / "panx" / f"dev-{language}.tsv").open(encoding="utf-8") as stream:
        for row in csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            if len(row) == 2:
                examples[-1]["tokens"].append(row[0].split(":", 1)[-1])
                examples[-1]["tags"].append(row[1])
            elif examples[-1]["tokens"]:
                examples.append({"id": str(len(examples)), "tokens": [], "tags": []})
    examples = [example for example in examples if example["tokens"]]
    assert len(examples) > 20
    record = task("tagging", labels=labels)
    table = Tagging().encode(examples, record, xlmr, max_length=32, training=True)
    logits = [{"logits": np.eye(7, dtype=np.float32)[row]} for row in ragged(table["labels"])]
    found = Tagging().decode(logits, table, examples, record)
    assert [p["prediction"] for p in found] == [e["tags"] for e in examples]


@pytest.mark.parametrize("name", ["pair_classification", "tagging", "extractive_qa", "retrieval"])
def test_a_padded_encoder_and_ours_give_the_same_outputs(name: str) -> None:
    """Heads see flat tokens; Hugging Face's own padded forward pass must say the same."""
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, size)) for size in (3, 9, 5)]
    made: dict[str, Any] = {
        "pair_classification": lambda t: {"text_a": t, "text_b": "w1 w2", "label": "a"},
        "tagging": lambda t: {"tokens": t.split(), "tags": ["a"] * len(t.split())},
        "extractive_qa": lambda t: {
            "question": "w3", "context": t, "answers": [], "answer_starts": [],
        },
        "retrieval": lambda t: {"text": t, "side": "query"},
    }  # fmt: skip
    examples = [{"id": str(i), **made[name](text)} for i, text in enumerate(texts)]
    record = task(name, labels=("a", "b"), train=None if name == "retrieval" else "tiny")
    kind = KINDS[name]()
    table = kind.encode(examples, record, tokenizer(), max_length=32, training=False)
    model, head = encoder().eval(), kind.head(32, record).eval()
    features = Features(table)
    batch = features.batch(np.arange(table.num_rows), "cpu")
    with torch.inference_mode():
        ours = kind.outputs(head, Trainee(model, {}, "fp32").encode(kind, batch, layers=True))
        rows = [torch.tensor(ids) for ids in table["input_ids"].to_pylist()]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=1)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(r) for r in rows], batch_first=True)
        theirs = model(padded, attention_mask=mask, output_hidden_states=True)
        flat = [layer[mask.bool()] for layer in theirs.hidden_states]
        offsets = torch.tensor(np.cumsum([0, *map(len, rows)]))
        wanted = kind.outputs(head, FlatBatch(flat[-1], offsets, batch.features, flat))
    for one, other in zip(ours, wanted, strict=True):
        for key in one:
            np.testing.assert_allclose(one[key], other[key], atol=1e-5)


def test_masking_is_eighty_ten_ten_and_repeatable() -> None:
    words = tokenizer()
    random = np.random.default_rng(1)
    examples: list[Any] = [
        {"id": str(i), "text": " ".join(random.choice(WORDS, 60))} for i in range(80)
    ]
    kind = MaskedLM()
    table = kind.encode(examples, task("mlm"), words, max_length=64, training=True)
    assert table.equals(kind.encode(examples, task("mlm"), words, max_length=64, training=True))
    total = chosen = masked = kept = 0
    for ids, places, originals, example in zip(
        table["input_ids"].to_pylist(), ragged(table["places"]), ragged(table["originals"]),
        examples, strict=True,
    ):  # fmt: skip
        truth = words(example["text"])["input_ids"]
        restored = np.array(ids)
        restored[places] = originals
        assert restored.tolist() == truth
        now = np.array(ids)[places]
        total, chosen = total + len(truth) - 2, chosen + len(places)
        masked += int((now == words.mask_token_id).sum())
        kept += int((now == originals).sum())
    assert chosen / total == pytest.approx(0.15, abs=0.02)
    assert masked / chosen == pytest.approx(0.8, abs=0.05)
    assert kept / chosen == pytest.approx(0.1, abs=0.05)


def _retrieved(vectors: np.ndarray, metric: str, layer: float = 1.0) -> list[dict[str, Any]]:
    """Two queries and three candidates with these vectors, ``[5, layers, width]``."""
    examples: list[Any] = [
        {"id": "q0", "text": "", "side": "query", "gold": ["c0"]},
        {"id": "q1", "text": "", "side": "query", "gold": []},
        *({"id": f"c{i}", "text": "", "side": "candidate"} for i in range(3)),
    ]
    record = task("retrieval", metric=metric, train=None)
    outputs = [{"layers": row.astype(np.float32)} for row in vectors]
    table = Retrieval().encode(examples, record, tokenizer(), max_length=8, training=False)
    return Retrieval(layer).decode(outputs, table, examples, record)


def test_the_official_layer_is_a_fraction_of_the_depth_and_all_are_told() -> None:
    first = np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1], [-1, -1]], float)
    last = np.array([[1, 0], [0, 1], [0.1, 1], [1, 0.1], [-1, -1]], float)
    vectors = np.stack([first, last], axis=1)
    found = _retrieved(vectors, "retrieval_accuracy", layer=1.0)
    assert [p["prediction"] for p in found[:2]] == [["c1", "c0", "c2"], ["c0", "c1", "c2"]]
    assert [p["layers"] for p in found[:2]] == [["c0", "c1"], ["c1", "c0"]]
    assert _retrieved(vectors, "retrieval_accuracy", layer=0.0)[0]["prediction"][0] == "c0"


def test_mined_pairs_are_one_to_one_and_cut_at_the_dev_threshold() -> None:
    vectors = np.array([[1, 0.1], [0.8, 0.7], [1, 0], [0.1, 1], [0.3, 0.9]], float)[:, None]
    found = _retrieved(vectors, "bucc_f1")
    pairs = [p["prediction"][0] for p in found[:2] if p["prediction"]]
    assert pairs[0] == "c0"
    assert len(set(pairs)) == len(pairs)
    examples: list[Any] = [
        {"id": "q0", "side": "query", "text": "", "gold": ["c0"]},
        {"id": "q1", "side": "query", "text": "", "gold": []},
        *({"id": f"c{i}", "side": "candidate", "text": ""} for i in range(3)),
    ]
    least = threshold(found, examples)
    kept = cut(found, least)
    assert [p["prediction"] for p in kept[:2]] == [["c0"], []]
    assert METRICS["bucc_f1"](kept, examples, task("retrieval"), "de")["f1"] == 100


def test_nearest_is_the_sorted_product() -> None:
    random = np.random.default_rng(0)
    queries, candidates = random.normal(size=(50, 8)), random.normal(size=(70, 8))
    places, cosines = nearest(queries, candidates, 5)
    products = queries @ candidates.T
    order = np.argsort(-products, axis=1, kind="stable")[:, :5]
    assert (places == order).all()
    np.testing.assert_allclose(cosines, np.take_along_axis(products, order, 1), rtol=1e-5)
    assert nearest(queries, candidates[:3], 5)[0].shape == (50, 3)
