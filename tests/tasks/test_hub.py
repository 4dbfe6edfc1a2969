"""The hub source, on local folders laid out as the hub's data sets are (there is no network)."""

from __future__ import annotations

import re

import pytest

from xanalysis.errors import InputError
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.data import Data
from xanalysis.tasks.sources import hub
from xanalysis.tasks.sources.hub_tables import PARTS, TABLES

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("hub"))


def publish(folder, config, split, rows, features=None):
    """Write rows as Parquet with a card that declares the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_list(rows, features=features).to_parquet(
        folder / config / f"{split}-00000-of-00001.parquet"
    )
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: {config}\n  data_files:\n"
        f"  - split: {split}\n    path: {config}/{split}-*\n---\n"
    )
    return str(folder)


def test_rows_of_a_pinned_data_set(tmp_path):
    rows = [
        {"premise": "p", "hypothesis": "h", "label": 2},
        {"premise": "p", "hypothesis": "h", "label": -1},
        {"premise": "q", "hypothesis": "i", "label": 0},
    ]
    place = publish(tmp_path / "snli", "plain_text", "train", rows)
    task = TASKS["snli"].model_copy(update={"hub": place})
    found = Data(["hub"]).examples(task, "en", "train")
    assert [(e["text_a"], e["label"]) for e in found] == [
        ("p", "contradiction"),
        ("q", "entailment"),
    ]
    with pytest.raises(InputError, match=r"validation could not be had.*--data"):
        Data(["hub"]).examples(task, "en", "dev")


def test_tag_names_come_from_the_data_set(tmp_path):
    names = ["O", "B-PER", "I-PER", "B-DATE"]
    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=names)),
        }
    )
    rows = [{"tokens": ["A", "B", "C"], "ner_tags": [1, 2, 3]}]
    place = publish(tmp_path / "ner", "yor", "test", rows, features)
    task = TASKS["masakhaner"].model_copy(update={"hub": place, "revision": "a" * 40})
    (example,) = Data(["hub"]).examples(task, "yo", "test")
    assert example["tags"] == ["B-PER", "I-PER", "O"]


def test_a_row_that_is_not_as_expected(tmp_path):
    place = publish(tmp_path / "snli", "plain_text", "train", [{"premise": "p", "label": 1}])
    task = TASKS["snli"].model_copy(update={"hub": place})
    with pytest.raises(InputError, match=r"row 0 of hub:.*KeyError\('hypothesis'\)"):
        Data(["hub"]).examples(task, "en", "train")


def test_tydiqa_and_tatoeba_rows(tmp_path):
    answer = {"text": ["x"], "answer_start": [0]}
    rows = [
        {"id": "finnish-1", "question": "q", "context": "x", "answers": answer},
        {"id": "telugu-1", "question": "q", "context": "x", "answers": answer},
        {"id": "bengali-1", "question": "q", "context": "x", "answers": answer},
    ]
    place = publish(tmp_path / "tydi", "secondary_task", "validation", rows)
    task = TASKS["tydiqa"].model_copy(update={"hub": place})
    assert [e["id"] for e in Data(["hub"]).examples(task, "fi", "dev")] == ["finnish-1"]
    assert [e["id"] for e in Data(["hub"]).examples(task, "bn", "dev")] == ["bengali-1"]

    rows = [
        {
            "source_sentence": "Hallo",
            "source_lang": "deu",
            "target_sentence": "Hello",
            "target_lang": "eng",
        }
    ]
    place = publish(tmp_path / "tatoeba", "tatoeba.deu", "validation", rows)
    task = TASKS["tatoeba"].model_copy(update={"hub": place, "revision": "a" * 40})
    query, candidate = Data(["hub"]).examples(task, "de", "test")
    assert (query["text"], query["side"], query["gold"]) == ("Hello", "query", [candidate["id"]])
    assert (candidate["text"], candidate["side"]) == ("Hallo", "candidate")


def test_the_parquet_branch_is_read_by_its_files(monkeypatch):
    asked = {}

    def load_dataset(*args, **options):
        asked.update(options, args=args)
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(InputError, match="could not be had: ConnectionError: offline"):
        Data(["hub"]).examples("sib200", "fa", "test")
    assert asked["args"] == ("parquet",)
    assert asked["data_files"] == {
        "test": "hf://datasets/Davlan/sib200@refs%2Fconvert%2Fparquet/pes_Arab/test/*.parquet"
    }
    with pytest.raises(InputError, match="offline"):  # a commit of that branch
        Data(["hub"]).examples("cosmosqa", "en", "dev")
    root = "hf://datasets/allenai/cosmos_qa@ed50fe83db62b355759053b1cd5eef344ee371e0/default"
    assert asked["data_files"] == {"validation": f"{root}/validation/*.parquet"}
    asked.clear()
    with pytest.raises(InputError, match="offline"):  # a commit with a card
        Data(["hub"]).examples("udpos", "fa", "test")
    assert asked["args"] == ("google/xtreme", "udpos.Persian")
    assert len(asked["revision"]) == 40


def test_the_own_codes_of_the_data_sets():
    source = hub.HubSource()
    assert source.whence(TASKS["sib200"], "zh-Hant", "test").endswith(" zho_Hant test")
    assert source.whence(TASKS["americasnli"], "ay", "test").endswith(" aym test")
    assert source.whence(TASKS["tatoeba"], "fa", "test").endswith(" tatoeba.pes validation")
    for name in ("sib200", "masakhaner", "americasnli", "tatoeba"):
        table = TABLES[name]
        assert {table.named(code) for code in TASKS[name].languages} == {
            table.config.format(lang=own) for own in table.codes.split()
        }


def test_every_hub_record_is_pinned_and_can_be_read():
    for task in TASKS.values():
        if task.hub is None:
            continue
        assert task.name in TABLES
        assert task.revision == "refs/convert/parquet" or re.fullmatch(
            "[0-9a-f]{40}", task.revision
        )
    assert all(part in TABLES for parts in PARTS.values() for part in parts)
