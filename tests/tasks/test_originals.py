"""The publishers' own files where they differ from what benchmarks make of them."""

from __future__ import annotations

import gzip
import json

import pytest

from xanalysis.errors import InputError
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.data import Data
from xanalysis.tasks.leakage import refuse_shared_rows


def put(folder, name, text):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return Data(["files"], folder)


def squad(*questions):
    """A SQuAD file with one question per (id, text)."""
    qas = [
        {"id": name, "question": text, "answers": [{"text": "c", "answer_start": 0}]}
        for name, text in questions
    ]
    return json.dumps({"version": "1", "data": [{"paragraphs": [{"context": "c d", "qas": qas}]}]})


XNLI_HEADER = "language\tgold_label\tsentence1_binary_parse\tsentence1\tsentence2\tpairID\n"


@pytest.mark.parametrize("name", ["xnli/xnli.dev.tsv", "XNLI-1.0/xnli.dev.tsv"])
def test_xnli_of_all_languages_in_one_file(tmp_path, name):
    rows = "ar\tneutral\t\ta\tb\t1\nsw\tentailment\t\tc\td\t1\nar\tcontradiction\t\te\tf\t2\n"
    data = put(tmp_path, name, XNLI_HEADER + rows)
    found = data.examples("xnli", "ar", "dev")
    assert [(e["id"], e["text_a"], e["text_b"], e["label"]) for e in found] == [
        ("1", "a", "b", "neutral"),
        ("2", "e", "f", "contradiction"),
    ]
    with pytest.raises(InputError, match=r"xnli.dev.tsv: xnli has no dev example in 'de'"):
        data.examples("xnli", "de", "dev")
    assert not data.available("xnli", "fi", "dev")  # not one of its languages


def test_machine_translated_mnli(tmp_path):
    data = put(
        tmp_path,
        "XNLI-MT-1.0/multinli/multinli.train.de.tsv",
        "premise\thypo\tlabel\na\tb\tcontradictory\n",
    )
    (example,) = data.examples("mnli", "de", "translated")
    assert not data.available("mnli", "de", "train")  # no German that a person wrote
    assert (example["text_b"], example["label"]) == ("b", "contradiction")


@pytest.mark.parametrize(
    "name",
    [
        "tydiqa/tydiqa-goldp-v1.1-train.json",
        "tydiqa/tydiqa-goldp-v1.1-train/tydiqa-goldp-v1.1-train.json",  # where XTREME moves it
    ],
)
def test_tydiqa_of_all_languages_in_one_file(tmp_path, name):
    data = put(tmp_path, name, squad(("bengali-7-1", "x"), ("english-8-0", "y")))
    assert [q["question"] for q in data.examples("tydiqa", "bn", "train")] == ["x"]
    assert [q["question"] for q in data.examples("tydiqa", "en", "train")] == ["y"]


def test_tydiqa_dev_files_named_by_language(tmp_path):
    name = "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-bengali.json"
    data = put(tmp_path, name, squad(("bengali-7-1", "x")))
    assert len(data.examples("tydiqa", "bn", "dev")) == 1
    assert not data.available("tydiqa", "fi", "dev")


@pytest.mark.parametrize("folder", ["bucc2018", "bucc2018/de-en"])
def test_bucc_sample_is_dev_and_training_is_test(tmp_path, folder):
    """As in XTREME's download script."""
    for split in ("sample", "training"):
        put(tmp_path, f"{folder}/de-en.{split}.de", f"de-1\t{split}\n")
        put(tmp_path, f"{folder}/de-en.{split}.en", "en-1\tone\n")
        data = put(tmp_path, f"{folder}/de-en.{split}.gold", "de-1\ten-1\n")
    assert data.examples("bucc2018", "de", "dev")[0]["text"] == "sample"
    assert data.examples("bucc2018", "de", "test")[0]["text"] == "training"


def test_quoting_of_a_csv_writer_is_taken_off_and_no_other(tmp_path):
    cells = [
        '"""Angel Eyes"" ist ein Lied"',  # a CSV writer's
        '"I think so," he said.',  # the text's own, as in MRPC
        '"Hello"',
        '"',
        'a ""b"" c',
    ]
    rows = "".join(f"{cell}\tx\t1\n" for cell in cells)
    found = put(tmp_path, "pawsx/dev-de.tsv", rows).examples("pawsx", "de", "dev")
    assert [e["text_a"] for e in found] == ['"Angel Eyes" ist ein Lied', *cells[1:]]


@pytest.mark.realdata
def test_no_doubled_quotation_marks_are_left(taskdata):
    data = Data(["files"], taskdata)
    for task, language, split in (
        ("sib200", "en", "train"),
        ("pawsx", "de", "test"),
        ("mnli", "en", "train"),
    ):
        texts = [e["text_a"] for e in data.examples(task, language, split)]
        assert any('"' in text for text in texts)
        assert not any(text.startswith('"""') for text in texts)


@pytest.mark.realdata
def test_burmese_rows_are_xnlis(taskdata):
    data = Data(["files"], taskdata)
    burmese = data.examples("myxnli", "my", "dev")
    english = data.examples("xnli", "en", "dev")
    assert [e["label"] for e in burmese] == [e["label"] for e in english]
    assert burmese[0]["text_a"].startswith("ထို့နောက်")


@pytest.mark.realdata
def test_requests_of_an_evaluation_are_its_examples(taskdata, tmp_path):
    (tmp_path / "hellaswag").mkdir()
    requests = "hellaswag/requests.jsonl.gz"
    (tmp_path / requests).symlink_to(taskdata / requests)
    found = Data(["files"], tmp_path).examples("hellaswag", "en", "dev")
    assert found == Data(["files"], taskdata).examples("hellaswag", "en", "dev")


def test_a_broken_archive(tmp_path):
    file = tmp_path / "hellaswag" / "requests.jsonl.gz"
    file.parent.mkdir()
    row = json.dumps({"doc": {"ind": 1, "query": "a: b", "choices": ["x", "y"], "gold": 0}})
    whole = gzip.compress((row + "\n").encode())
    for broken in (whole[:-9], b"no gzip at all", whole[:12] + b"xxxx" + whole[16:]):
        file.write_bytes(broken)
        with pytest.raises(InputError, match=r"requests.jsonl.gz:\d+: not valid"):
            Data(["files"], tmp_path).examples("hellaswag", "en", "dev")
    file.write_bytes(gzip.compress(b'{"doc": {"ind": 1}}\n'))
    with pytest.raises(InputError, match=r":1: the request's doc lacks or garbles 'query'"):
        Data(["files"], tmp_path).examples("hellaswag", "en", "dev")


def test_rows_of_a_selection_may_stand_later_in_the_source():
    """AmericasNLI leaves out some of XNLI's rows: its row 500 is XNLI's 500 or a later one."""
    xnli, americas, burmese = TASKS["xnli"], TASKS["americasnli"], TASKS["myxnli"]
    first, last = {"train": "dev[:500]"}, {"train": "dev[500:]"}
    tested = {"americasnli": {"test": "dev[:400]"}, "myxnli": {"test": "dev[:400]"}}
    late = {"americasnli": {"test": "dev[500:]"}}
    refuse_shared_rows(xnli, "train", americas, "test", Data(splits={"xnli": first, **late}))
    refuse_shared_rows(xnli, "train", burmese, "test", Data(splits={"xnli": last, **tested}))
    with pytest.raises(InputError, match="would train on translations of the americasnli rows"):
        refuse_shared_rows(xnli, "train", americas, "test", Data(splits={"xnli": last, **tested}))
    data = Data(splits={"myxnli": first, "xnli": {"test": "dev[499:]"}})
    with pytest.raises(InputError, match="would train on translations of the xnli rows"):
        refuse_shared_rows(burmese, "train", xnli, "test", data)


def test_bucc_gold_pairs_of_unknown_sentences(tmp_path):
    put(tmp_path, "bucc2018/de-en.dev.de", "de-1\teins\n")
    put(tmp_path, "bucc2018/de-en.dev.en", "en-1\tone\n")
    data = put(tmp_path, "bucc2018/de-en.dev.gold", "de-1\ten-1\nde-2\ten-1\n")
    with pytest.raises(InputError, match=r"dev.gold:2: gold sentence 'de-2' is in neither file"):
        data.examples("bucc2018", "de", "dev")


def test_the_line_of_what_is_wrong_in_a_long_file(tmp_path, monkeypatch):
    """Chunks of a few characters: articles, characters and lines cross their borders."""
    article = '{"paragraphs": [{"context": "çdé", "qas": []}]}'
    monkeypatch.setattr("xanalysis.tasks.sources.layouts.squad.CHUNK", 7)
    name = "xquad/xquad.de.json"
    whole = '{"version": "1",\n"data": [\n' + f"{article},\n" * 20
    data = put(tmp_path, name, whole + article + "]}")
    with pytest.raises(InputError, match=r"xquad has no test example in 'de'"):
        data.examples("xquad", "de", "test")
    (tmp_path / name).write_bytes(whole.encode() + b'{"paragraphs":\n "\xe9"}]}')
    with pytest.raises(InputError, match=r"xquad.de.json:24: not UTF-8"):
        data.examples("xquad", "de", "test")
    put(tmp_path, name, whole + '{"paragraphs":\n [x]}]}')
    with pytest.raises(InputError, match=r"xquad.de.json:24: not valid JSON"):
        data.examples("xquad", "de", "test")
    put(tmp_path, name, whole)
    with pytest.raises(InputError, match=r"xquad.de.json:23: the file ends inside the list"):
        data.examples("xquad", "de", "test")
    monkeypatch.setattr("xanalysis.tasks.sources.layouts.squad.MAX_HEADER", 10)
    put(tmp_path, name, whole)
    with pytest.raises(InputError, match=r"xquad.de.json:1: no list under 'data'"):
        data.examples("xquad", "de", "test")
