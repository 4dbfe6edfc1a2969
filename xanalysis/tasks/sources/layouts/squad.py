"""SQuAD-like JSON, read article by article so that a large file needs little memory."""

from __future__ import annotations

import codecs
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from xanalysis.errors import InputError
from xanalysis.tasks.examples import Example
from xanalysis.tasks.sources.layouts.base import Layout
from xanalysis.tasks.task import Task

CHUNK = 1 << 20
MAX_HEADER = 16 * CHUNK  # characters before the articles
_DATA = re.compile(r'"data"\s*:\s*\[')
_ENTRY = re.compile(r"[^\s,]")  # its first character, or the end of the list


class _Text:
    """A file's text from ``place`` on, read as it is asked for; ``line`` is that of ``place``."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.buffer, self.place, self.line = "", 0, 1
        self._path, self._file, self._read = path, file, 1
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder()

    def more(self, chunks: int = 1) -> bool:
        """Read on; False at the end of the file."""
        raw = self._file.read(chunks * CHUNK)
        try:
            text = self._utf8.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            line = self._read + error.object.count(b"\n", 0, error.start)
            raise InputError(f"not UTF-8 ({error.reason})", file=self._path, line=line) from None
        self._read += text.count("\n")
        self.buffer, self.place = self.buffer[self.place :] + text, 0
        return bool(raw)

    def skip(self, place: int) -> None:
        """Go to a place of the buffer."""
        self.line += self.buffer.count("\n", self.place, place)
        self.place = place

    def fail(self, message: str, expected: str | None = None) -> InputError:
        """An error at this place."""
        return InputError(message, file=self._path, line=self.line, expected=expected)

    def article(self) -> dict[str, Any]:
        """The JSON object that begins here."""
        chunks = 1
        while True:
            try:
                found, end = self._json.raw_decode(self.buffer, self.place)
                break
            except json.JSONDecodeError as error:
                # It may go on in the next chunk; more each time, so that retries stay few.
                wrong = error.pos - self.place
                if not self.more(chunks):
                    self.skip(wrong)
                    raise self.fail(f"not valid JSON, or it ends early: {error.msg}") from None
                chunks *= 2
            except RecursionError:
                raise self.fail("nested too deeply") from None
        if not isinstance(found, dict):
            raise self.fail("an entry under 'data' is not an object", "an article")
        self.skip(end)
        return found


def articles(path: Path) -> Iterator[dict[str, Any]]:
    """The entries of the list under ``data``, one at a time.

    Raises:
        InputError: The file is not UTF-8, not JSON, has no such list, or ends early.
    """
    with path.open("rb") as file:
        text = _Text(path, file)
        while not (match := _DATA.search(text.buffer)):
            if len(text.buffer) > MAX_HEADER or not text.more():
                raise text.fail("no list under 'data'", "SQuAD JSON")
        text.skip(match.end())
        while True:
            found = _ENTRY.search(text.buffer, text.place)
            text.skip(found.start() if found else len(text.buffer))
            if found is None:
                if not text.more():
                    raise text.fail("the file ends inside the list under 'data'", "]")
            elif found[0] == "]":
                return
            else:
                yield text.article()


def paragraphs(path: Path) -> Iterator[dict[str, Any]]:
    """All paragraphs.

    Raises:
        InputError: As :func:`articles`, or a paragraph lacks its context or questions.
    """
    for number, article in enumerate(articles(path)):
        inner = article.get("paragraphs")
        if not isinstance(inner, list):
            raise InputError(f"article {number} has no list of paragraphs", file=path)
        for paragraph in inner:
            sound = isinstance(paragraph, dict) and isinstance(paragraph.get("qas"), list)
            if not sound or not isinstance(paragraph.get("context"), str):
                raise InputError(
                    f"article {number} has a paragraph without context or questions", file=path
                )
            yield paragraph


def _squad(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    for paragraph in paragraphs(path):
        context = str(paragraph["context"])
        for question in paragraph["qas"]:
            try:
                answers = [] if question.get("is_impossible") else question["answers"]
                # An empty answer text stands for a question whose passage gives no answer.
                kept = [a for a in answers if a["text"]]
                yield {
                    "id": str(question["id"]),
                    "question": str(question["question"]),
                    "context": context,
                    "answers": [str(a["text"]) for a in kept],
                    "answer_starts": [int(a["answer_start"]) for a in kept],
                }
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"question {str(question)[:60]!r} lacks or garbles {error}",
                    file=path,
                    expected="id, question, answers with text and answer_start",
                ) from None


def _lareqa(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """XQuAD-R: every question against every sentence of all contexts of its language."""
    candidates: list[Example] = []
    for number, paragraph in enumerate(paragraphs(path)):
        context = str(paragraph["context"])
        sentences: list[tuple[str, int, int]] = []
        try:
            for i, (start, end) in enumerate(paragraph["sentence_breaks"]):
                name = f"{language}-{number}-{i}"
                sentences.append((name, int(start), int(end)))
                text = context[int(start) : int(end)]
                candidates.append({"id": name, "text": text, "side": "candidate"})
            for question in paragraph["qas"]:
                begin = int(question["answers"][0]["answer_start"])
                yield {
                    "id": str(question["id"]),
                    "text": str(question["question"]),
                    "side": "query",
                    "gold": [name for name, start, end in sentences if start <= begin < end],
                }
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"paragraph {number} lacks or garbles {error}",
                file=path,
                expected="the layout of XQuAD-R: sentence_breaks, and qas with answers",
            ) from None
    yield from candidates


SQUAD = Layout(
    {
        "train": ["squad/train-v1.1.json", "squad_v1/train-v1.1.json"],
        "dev": [
            "squad/dev-v1.1.json",
            "squad_v1/dev-v1.1.json",
            "squad_v1/derived/dev-v1.1.subset.json",
        ],
    },
    _squad,
    get="https://rajpurkar.github.io/SQuAD-explorer/",
    translations=["squad/translate-train/squad.translate.train.en-{lang}.json"],
)
SQUAD_V2 = Layout(
    {
        "train": ["squad_v2/train-v2.0.json", "squad2/train-v2.0.json"],
        "dev": ["squad_v2/dev-v2.0.json", "squad2/dev-v2.0.json"],
    },
    _squad,
    get="https://rajpurkar.github.io/SQuAD-explorer/",
)
XQUAD = Layout(
    {"test": ["xquad/xquad.{lang}.json"]},
    _squad,
    get="https://github.com/google-deepmind/xquad",
)
MLQA = Layout(
    {
        split: [
            f"mlqa/MLQA_V1/{split}/{split}-context-{{lang}}-question-{{lang}}.json",
            f"MLQA_V1/{split}/{split}-context-{{lang}}-question-{{lang}}.json",
        ]
        for split in ("dev", "test")
    },
    _squad,
    get="https://github.com/facebookresearch/MLQA",
)
# How the questions' ids and the publisher's dev files name the languages.
TYDIQA_NAMES = {
    "arabic": "ar",
    "bengali": "bn",
    "english": "en",
    "finnish": "fi",
    "indonesian": "id",
    "korean": "ko",
    "russian": "ru",
    "swahili": "sw",
    "telugu": "te",
}


def _tydiqa(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """As SQuAD; the publisher's own files hold every language, told apart by the ids."""
    mixed = re.fullmatch(r"tydiqa-goldp-v1\.1-(train|dev)\.json", path.name)
    for question in _squad(path, task, language, split):
        if not mixed or TYDIQA_NAMES.get(question["id"].split("-")[0]) == language:
            yield question


def _tydiqa_files(split: str) -> list[str]:
    folder = f"tydiqa/tydiqa-goldp-v1.1-{split}"
    return [
        f"{folder}/tydiqa.goldp.{{lang}}.{split}.json",
        f"{folder}/tydiqa-goldp-{split}-{{lang}}.json",
        f"tydiqa/tydiqa.{{lang}}.{split}.json",
        f"tydiqa/tydiqa-goldp-v1.1-{split}.json",
        f"{folder}/tydiqa-goldp-v1.1-{split}.json",
    ]


TYDIQA = Layout(
    # XTREME tests on the official dev set: the official test set is not public.
    {
        split: _tydiqa_files("dev" if split == "test" else split)
        for split in ("train", "dev", "test")
    },
    _tydiqa,
    mixed=True,
    names=TYDIQA_NAMES,
    get="XTREME's scripts/download_data.sh, or https://github.com/google-research-datasets/tydiqa",
    translations=["tydiqa/translate-train/tydiqa.translate.train.en-{lang}.json"],
)
_SENTENCE_END = re.compile(r"""(?<=[.!?])["')\]]*\s+(?=["'(\[]?[A-Z0-9])""")


def _sentences(path: Path, task: Task, language: str, split: str) -> Iterator[Example]:
    """SQuAD for a dual encoder: a question's gold is the sentence in which its answer begins."""
    for number, paragraph in enumerate(paragraphs(path)):
        context = str(paragraph["context"])
        starts = [0, *(match.end() for match in _SENTENCE_END.finditer(context))]
        for i, (start, end) in enumerate(pairwise([*starts, len(context)])):
            yield {
                "id": f"{language}-{number}-{i}",
                "text": context[start:end].strip(),
                "side": "candidate",
                "context": context,
            }
        for question in paragraph["qas"]:
            try:
                begin = int(question["answers"][0]["answer_start"])
                yield {
                    "id": str(question["id"]),
                    "text": str(question["question"]),
                    "side": "query",
                    "gold": [f"{language}-{number}-{bisect_right(starts, begin) - 1}"],
                    "context": context,
                }
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"question {str(question)[:60]!r} lacks or garbles {error}",
                    file=path,
                    expected="id, question, answers with answer_start",
                ) from None


SENTENCES = Layout(SQUAD.patterns, _sentences, get=SQUAD.get)
LAREQA = Layout(
    {"test": ["lareqa/xquad-r/{lang}.json"]},
    _lareqa,
    get="https://github.com/google-research-datasets/lareqa",
)
