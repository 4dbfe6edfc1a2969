"""XTREME's own golden scores, and a test for every trap on the way to them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from xanalysis.cli import cli
from xanalysis.errors import InputError
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.metrics import METRICS
from xanalysis.tasks.metrics.answers import by_language, english
from xanalysis.tasks.metrics.tagging import chunks
from xanalysis.tasks.score import NINE, score_submission

# google-research/xtreme@838c13b, the scores its own test expects on its mock data.
GOLDEN = {
    ("pawsx", "accuracy"): 51.42857142857143,
    ("xnli", "accuracy"): 30.666666666666668,
    ("panx", "f1"): 57.50793650793652,
    ("panx", "precision"): 54.729166666666664,
    ("panx", "recall"): 62.750000000000014,
    ("udpos", "f1"): 70.21746048354693,
    ("udpos", "precision"): 71.02232625883823,
    ("udpos", "recall"): 69.54982073976082,
    ("bucc2018", "f1"): 55.0,
    ("tatoeba", "accuracy"): 53.611111111111114,
    ("xquad", "exact_match"): 77.27272727272727,
    ("xquad", "f1"): 79.9586776859504,
    ("mlqa", "exact_match"): 57.142857142857146,
    ("mlqa", "f1"): 81.76870748299321,
    ("tydiqa", "exact_match"): 88.88888888888889,
    ("tydiqa", "f1"): 97.22222222222223,
    ("mewslix", "map@20"): 14.39025156130419,
}


@pytest.fixture(scope="module")
def scores(mock):
    return score_submission(mock / "predictions", mock / "labels")


@pytest.mark.realdata
@pytest.mark.parametrize(("task", "metric"), GOLDEN)
def test_golden_scores(scores, task, metric):
    assert scores[task][metric] == pytest.approx(GOLDEN[task, metric], abs=1e-9)


@pytest.mark.realdata
def test_the_average_is_over_nine_tasks_not_four_groups(scores):
    qa = ("xquad", "mlqa", "tydiqa")
    main = {
        t: (scores[t]["f1"] + scores[t]["exact_match"]) / 2
        if t in qa
        else next(iter(scores[t].values()))
        for t in NINE
    }
    assert scores["average"] == pytest.approx(np.mean(list(main.values())), abs=1e-9)
    assert abs(scores["average"] - np.mean(list(scores["groups"].values()))) > 0.1


@pytest.mark.realdata
def test_the_command_prints_the_same_as_json(mock):
    args = ["score", str(mock / "predictions"), str(mock / "labels"), "--format", "json"]
    result = CliRunner().invoke(cli, args, catch_exceptions=False)
    content = json.loads(result.output)
    assert content["tatoeba"]["accuracy"] == pytest.approx(53.611111111111114, abs=1e-9)
    assert set(content["xnli"]["languages"]) == set(TASKS["xnli"].languages)


def tagged(gold, guess, metric="seqeval_f1"):
    examples = [{"id": "0", "tokens": list(gold), "tags": list(gold)}]
    predictions = [{"id": "0", "prediction": list(guess)}]
    return METRICS[metric](predictions, examples, TASKS["udpos"], "en")


def test_part_of_speech_is_chunk_f1_and_adjacent_equal_tags_merge():
    scores = tagged(["NOUN", "NOUN", "VERB"], ["NOUN", "VERB", "VERB"])
    assert scores["accuracy"] == pytest.approx(200 / 3)
    assert scores["f1"] == 0.0  # neither the two-word noun nor the one-word verb is found
    assert len(chunks(["NOUN", "NOUN", "VERB"])) == 2


def test_cconj_is_not_sconj():
    # seqeval 1.2.2 drops a tag's first letter, which makes these two the same.
    assert tagged(["CCONJ"], ["SCONJ"])["f1"] == 0.0


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-PER", "I-PER", "O", "B-LOC"], {("PER", 0, 1), ("LOC", 3, 3)}),
        (["I-PER", "I-PER"], {("PER", 0, 1)}),
        (["B-PER", "B-PER"], {("PER", 0, 0), ("PER", 1, 1)}),
        (["B-PER", "I-LOC"], {("PER", 0, 0), ("LOC", 1, 1)}),
        (["O", "O"], set()),
    ],
)
def test_chunks(tags, expected):
    assert chunks(tags) == expected


def test_only_mlqa_knows_the_articles_of_its_language():
    assert english("The der Mann") == ["der", "mann"]
    assert by_language("The der Mann", "de") == ["the", "mann"]
    assert by_language("أكل التفاحة", "ar") != english("أكل التفاحة")


def test_chinese_is_scored_by_character_in_mlqa_only():
    assert by_language("在北京。", "zh") == ["在", "北", "京"]
    assert english("在北京。") == ["在北京。"]


def test_mlqa_strips_all_punctuation_squad_only_ascii():
    assert by_language("«да»", "hi") == ["да"]
    assert english("«да»") == ["«да»"]


def answered(metric, guess, answers):
    example = {"id": "0", "question": "", "context": "", "answers": answers, "answer_starts": []}
    task = TASKS["squad_v2"]
    return METRICS[metric]([{"id": "0", "prediction": guess}], [example], task, "en")


def test_no_answer_can_be_right_in_squad_v2():
    assert answered("squad_v2", "", [])["exact_match"] == 100.0
    assert answered("squad_v2", "x", [])["f1_em"] == 0.0
    assert answered("squad_v2", "", ["x"])["f1_em"] == 0.0
    assert answered("squad", "", ["x"])["f1_em"] == 0.0


def test_the_best_gold_answer_counts():
    scores = answered("squad", "Carolina Panthers", ["the Panthers", "Carolina Panthers!"])
    assert scores == {"f1_em": 100.0, "f1": 100.0, "exact_match": 100.0}


def test_qa_score_is_the_mean_of_f1_and_exact_match():
    scores = answered("squad", "Carolina Panthers won", ["Carolina Panthers"])
    assert scores["f1"] == pytest.approx(80.0)
    assert scores["f1_em"] == pytest.approx(40.0)


def test_average_precision_with_one_gold_is_reciprocal_rank():
    example = {"id": "q", "text": "", "side": "query", "gold": ["c"]}
    ranked = [{"id": "q", "prediction": ["a", "b", "c"]}]
    score = METRICS["map_at_20"](ranked, [example], TASKS["mewslix"], "en")
    assert score["map@20"] == pytest.approx(100 / 3)
    late = [{"id": "q", "prediction": [*map(str, range(20)), "c"]}]
    assert METRICS["map_at_20"](late, [example], TASKS["mewslix"], "en")["map@20"] == 0.0


@pytest.mark.parametrize("name", METRICS)
def test_a_bootstrap_can_recompute_every_metric_from_its_counts(name):
    metric = METRICS[name]
    kind = {"accuracy": "label", "tag_accuracy": "tags", "seqeval_f1": "tags"}.get(name, "other")
    if kind == "label":
        examples = [{"id": str(i), "text_a": "", "text_b": None, "label": "0"} for i in range(4)]
        guesses = [{"id": str(i), "prediction": str(i % 2)} for i in range(4)]
    elif kind == "tags":
        gold = ["B-PER", "I-PER", "O"]
        examples = [{"id": str(i), "tokens": gold, "tags": gold} for i in range(4)]
        guesses = [{"id": str(i), "prediction": gold if i else ["O"] * 3} for i in range(4)]
    elif name in ("squad", "squad_v2", "mlqa"):
        examples = [
            {"id": str(i), "question": "", "context": "", "answers": ["a b"], "answer_starts": [0]}
            for i in range(4)
        ]
        guesses = [{"id": str(i), "prediction": ["a b", "b", "", "c"][i]} for i in range(4)]
    elif name == "masked_accuracy":
        examples = [{"id": str(i), "text": "a"} for i in range(4)]
        guesses = [{"id": str(i), "prediction": 0.5, "terms": 3, "hits": i % 2} for i in range(4)]
    else:
        examples = [{"id": str(i), "text": "", "side": "query", "gold": [str(i)]} for i in range(4)]
        guesses = [{"id": str(i), "prediction": [str(i // 2)]} for i in range(4)]
    task = TASKS["pawsx"]
    whole = metric(guesses, examples, task, "en")
    counts = metric.counts(guesses, examples, task, "en")
    assert counts.shape[0] == 4
    assert metric.score(counts.sum(axis=0)) == whole
    each = metric.per_example(guesses, examples, task, "en")
    if each is not None:
        assert np.mean(each) == pytest.approx(next(iter(whole.values())))


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("xnli/test-de.tsv", lambda t: t + "neutral\n", r"11 labels; expected 10"),
        ("xnli/test-de.tsv", lambda t: "2\n" + t.split("\n", 1)[1], r":1: unknown label '2'"),
        ("panx/test-af.tsv", lambda t: t.replace("O\n", "", 1), r":1: sentence has 11 tags"),
        ("panx/test-af.tsv", lambda t: t.replace("O\n", "Q\n", 1), r":\d+: unknown label 'Q'"),
        ("xquad/test-de.json", lambda t: '{"1": null}', r"'1' has 'None'; expected a text"),
        ("mewslix/test-de.json", lambda t: '{"1": "Q2"}', r"'1' has 'Q2'; expected a list of ids"),
        ("xquad/test-de.json", lambda t: t[:-3], r"not valid JSON"),
        ("bucc2018/test-de.tsv", lambda t: "one\n" + t, r":1: line has 1 columns"),
    ],
)
def test_broken_predictions_name_the_file(mock, tmp_path, file, change, message):
    shutil.copytree(mock / "predictions", tmp_path / "p")
    broken = tmp_path / "p" / file
    broken.write_text(change(broken.read_text()))
    with pytest.raises(InputError, match=message) as caught:
        score_submission(tmp_path / "p", mock / "labels")
    assert str(broken) in str(caught.value)


@pytest.mark.realdata
def test_an_incomplete_submission_has_no_average_and_says_what_lacks(mock, tmp_path):
    shutil.copytree(mock / "predictions", tmp_path / "p")
    (tmp_path / "p" / "xnli" / "test-sw.tsv").unlink()
    scores = score_submission(tmp_path / "p", mock / "labels")
    assert scores["xnli"]["missing"] == ["sw"]
    assert "average" not in scores
    assert "sentence_pair" not in scores["groups"]
    assert "question_answering" in scores["groups"]


@pytest.mark.realdata
def test_languages_the_benchmark_does_not_have_are_in_no_mean(mock, tmp_path, scores):
    for side in ("predictions", "labels"):
        shutil.copytree(mock / side, tmp_path / side)
        (tmp_path / side / "xnli" / "test-pl.tsv").write_text("neutral\n")
    wider = score_submission(tmp_path / "predictions", tmp_path / "labels")
    assert wider["xnli"]["languages"]["pl"] == {"accuracy": 100.0}
    assert wider["xnli"]["accuracy"] == scores["xnli"]["accuracy"]
    assert wider["average"] == scores["average"]
