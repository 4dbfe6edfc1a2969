"""How the data sets of the hub are read: one record per task, rows to examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xanalysis import languages
from xanalysis.tasks.sources.layouts.choices import COPA
from xanalysis.tasks.sources.layouts.squad import TYDIQA_NAMES
from xanalysis.tasks.task import Task

Row = Mapping[str, Any]
Convert = Callable[[Row, int, Task], dict[str, Any] | None]

# The data sets' own codes; ours are found by reading them (``languages.canonical``).
_AMERICAS = "aym bzd cni gn hch nah oto quy shp tar"
_MASAKHANE = "bam bbj ewe fon hau ibo kin lug luo mos nya pcm sna swa tsn twi wol xho yor zul"
_TATOEBA = (
    "afr ara ben bul cmn deu ell est eus fin fra heb hin hun ind ita jav jpn kat kaz kor mal mar "
    "nld pes por rus spa swh tam tel tgl tha tur urd vie"
)
_FLORES = """
ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab
arb_Arab arb_Latn ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn
bak_Cyrl bam_Latn ban_Latn bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn
bug_Latn bul_Cyrl cat_Latn ceb_Latn ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn
dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn ewe_Latn fao_Latn fij_Latn
fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr
hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn
isl_Latn ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor
kaz_Cyrl kbp_Latn kea_Latn khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kmr_Latn knc_Arab
knc_Latn kon_Latn kor_Hang lao_Laoo lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn
lua_Latn lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Arab min_Latn
mkd_Cyrl mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nqo_Nkoo
nso_Latn nus_Latn nya_Latn oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn
pol_Latn por_Latn prs_Arab quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Olck scn_Latn
shn_Mymr sin_Sinh slk_Latn slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn
srp_Cyrl ssw_Latn sun_Latn swe_Latn swh_Latn szl_Latn tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu
tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tpi_Latn tsn_Latn tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn
tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn war_Latn wol_Latn xho_Latn
ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zsm_Latn zul_Latn
"""


@dataclass(frozen=True)
class Table:
    """How a data set of the hub is read.

    Attributes:
        config: Configuration name; ``{lang}`` stands for the language's code, ``{name}`` for its
            English name.
        convert: A row, its number and the task to an example; None leaves the row out.
        splits: Official split to the hub's (``a+b``: one after the other).
        codes: The data set's own language codes, where they are not ours.
        keep: Whether a row belongs to a language, where a configuration holds several.
        converted: The pinned commit is one of the hub's own Parquet branch, which has a folder for
            each configuration but no card that declares them.
    """

    config: str
    convert: Convert
    splits: Mapping[str, str]
    codes: str = ""
    keep: Callable[[Row, str], bool] | None = None
    converted: bool = False

    def named(self, language: str) -> str:
        """The configuration of a language."""
        code = _own(self.codes).get(language, language)
        name = languages.lookup(language).name if "{name}" in self.config else ""
        return self.config.format(lang=code, name=name)


@lru_cache(maxsize=8)
def _own(codes: str) -> dict[str, str]:
    return {languages.canonical(code): code for code in codes.split()}


def _pair(first: str, second: str | None, key: str = "idx", label: str = "label") -> Convert:
    def convert(row: Row, index: int, task: Task) -> dict[str, Any] | None:
        gold = row[label]
        if not isinstance(gold, str):
            if int(gold) < 0:  # no majority label (SNLI, MNLI): left out officially, too
                return None
            gold = task.labels[int(gold)]
        elif gold not in task.labels:
            raise ValueError(f"unknown label '{gold}'")
        return {
            "id": str(row.get(key, index)),
            "text_a": row[first],
            "text_b": None if second is None else row[second],
            "label": gold,
        }

    return convert


def _squad(row: Row, index: int, task: Task) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "question": row["question"],
        "context": row["context"],
        "answers": list(row["answers"]["text"]),
        "answer_starts": list(row["answers"]["answer_start"]),
    }


def _tags(column: str) -> Convert:
    def convert(row: Row, index: int, task: Task) -> dict[str, Any]:
        names = row["_names"] or task.labels
        tags = [tag if isinstance(tag, str) else names[tag] for tag in row[column]]
        # MasakhaNER's dates: PAN-X, whose English data train that target, knows none.
        kept = ["O" if tag.endswith("-DATE") and tag not in task.labels else tag for tag in tags]
        return {"id": str(index), "tokens": list(row["tokens"]), "tags": kept}

    return convert


def _choice(
    context: str,
    question: str,
    choices: str | tuple[str, ...],
    label: str,
    key: str = "",
    base: int = 0,
) -> Convert:
    """Columns by name; ``base`` is the number of the first choice in the label column."""

    def convert(row: Row, index: int, task: Task) -> dict[str, Any]:
        gold = str(row[label])
        texts = row[choices] if isinstance(choices, str) else [row[name] for name in choices]
        return {
            "id": str(row[key]) if key else str(index),
            "context": row[context],
            "question": row[question] if question else "",
            "choices": list(texts),
            "label": int(gold) - base if gold not in ("", "-1") else None,
        }

    return convert


def _commonsenseqa(row: Row, index: int, task: Task) -> dict[str, Any]:
    letters = list(row["choices"]["label"])
    gold = row["answerKey"]
    return {
        "id": str(row["id"]),
        "context": "",
        "question": row["question"],
        "choices": list(row["choices"]["text"]),
        "label": letters.index(gold) if gold else None,
    }


def _xcopa(row: Row, index: int, task: Task) -> dict[str, Any]:
    return {
        "id": str(row["idx"]),
        "context": row["premise"],
        "question": COPA[row["question"]],
        "choices": [row["choice1"], row["choice2"]],
        "label": int(row["label"]),
    }


def _translations(row: Row, index: int, task: Task) -> dict[str, Any]:
    """Both sides of a pair; the source makes a query and a candidate of it."""
    sides = {row["source_lang"]: row["source_sentence"], row["target_lang"]: row["target_sentence"]}
    english = sides.pop("eng")
    ((_, foreign),) = sides.items()
    return {"id": str(index + 1), "text": english, "translation": foreign, "side": "query"}


def _of_language(row: Row, language: str) -> bool:
    return TYDIQA_NAMES.get(str(row["id"]).split("-")[0]) == language


_DEV = "validation"
_USUAL = {"train": "train", "dev": _DEV, "test": "test"}
_TRAIN_DEV = {"train": "train", "dev": _DEV}
_DEV_TEST = {"dev": _DEV, "test": "test"}
TABLES: Mapping[str, Table] = {
    "mnli": Table(
        "default", _pair("premise", "hypothesis"), {"train": "train", "dev": "validation_matched"}
    ),
    "snli": Table("plain_text", _pair("premise", "hypothesis"), _USUAL),
    "anli": Table(
        "plain_text",
        _pair("premise", "hypothesis", "uid"),
        {split: "+".join(f"{split}_r{n}" for n in (1, 2, 3)) for split in ("train", "dev", "test")},
    ),
    "qqp": Table("qqp", _pair("question1", "question2"), _TRAIN_DEV),
    "mrpc": Table("mrpc", _pair("sentence1", "sentence2"), {"train": "train", "test": "test"}),
    "sick": Table("default", _pair("sentence_A", "sentence_B", "id"), _USUAL),
    "paws": Table("labeled_final", _pair("sentence1", "sentence2", "id"), _USUAL),
    "xnli": Table("{lang}", _pair("premise", "hypothesis"), _DEV_TEST),
    "pawsx": Table("{lang}", _pair("sentence1", "sentence2", "id"), _USUAL),
    "americasnli": Table("{lang}", _pair("premise", "hypothesis"), _DEV_TEST, codes=_AMERICAS),
    "sib200": Table("{lang}", _pair("text", None, "index_id", "category"), _USUAL, codes=_FLORES),
    "squad_v1": Table("plain_text", _squad, _TRAIN_DEV),
    "squad_v2": Table("squad_v2", _squad, _TRAIN_DEV),
    "xquad": Table("xquad.{lang}", _squad, {"test": _DEV}),
    "mlqa": Table("MLQA.{lang}.{lang}", _squad, _DEV_TEST),
    # XTREME tests on the official dev set: the official test set is not public.
    "tydiqa": Table("secondary_task", _squad, _TRAIN_DEV | {"test": _DEV}, keep=_of_language),
    "udpos": Table("udpos.{name}", _tags("pos_tags"), _USUAL),
    "panx": Table("{lang}", _tags("ner_tags"), _USUAL, converted=True),
    "panx_r": Table("{lang}", _tags("ner_tags"), _USUAL, converted=True),
    "masakhaner": Table("{lang}", _tags("ner_tags"), _USUAL, codes=_MASAKHANE),
    "hellaswag": Table("default", _choice("ctx", "", "endings", "label", "ind"), _USUAL),
    "cosmosqa": Table(
        "default",
        _choice("context", "question", tuple(f"answer{i}" for i in range(4)), "label", "id"),
        _USUAL,
        converted=True,
    ),
    "siqa": Table(
        "default",
        _choice("context", "question", ("answerA", "answerB", "answerC"), "label", base=1),
        _TRAIN_DEV,
        converted=True,
    ),
    "commonsenseqa": Table("default", _commonsenseqa, _USUAL),
    "copa": Table("copa", _xcopa, _TRAIN_DEV),
    "xcopa": Table("{lang}", _xcopa, _DEV_TEST),
    "tatoeba": Table("tatoeba.{lang}", _translations, {"test": _DEV}, codes=_TATOEBA),
}
# Tasks that are several data sets under one head.
PARTS: Mapping[str, tuple[str, ...]] = {"anli_plus": ("snli", "mnli", "anli")}
