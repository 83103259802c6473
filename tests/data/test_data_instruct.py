"""Conversations claim what the annotation says, and nothing else."""

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from umind.cli.main import main
from umind.data.adapters.registry import open_dataset
from umind.data.conversation import NUMBERS, Finding, where
from umind.data.instruct import KINDS, Case, Said, about_choice, converse, options_of, overlap, record_of
from umind.data.phantom import phantom_sample
from umind.data.wording import WORDINGS, plural
from umind.geometry.caliper import diameters_of_mask
from umind.schema.sample import Exchange, Sample
from umind.tokens.vocabulary import TASK_TOKENS


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [phantom_sample(5_400_000 + seed, size=128) for seed in range(60)]


@pytest.fixture(scope="module")
def talks(samples: list[Sample]) -> list[list[Said]]:
    options = options_of(iter(samples))
    return [converse(sample, options, seed=seed, num_turns=len(KINDS)) for seed, sample in enumerate(samples)]


def names_in(text: str) -> set[str]:
    """Canonical names whose wordings stand in a text, the longest wording first."""
    found = set()
    wordings = [(phrase, name) for name, phrases in WORDINGS.items() for phrase in (name, *phrases)]
    for phrase, name in sorted(wordings, key=lambda pair: -len(pair[0])):
        for form in (plural(phrase), phrase):
            text, count = re.subn(rf"\b{re.escape(form)}\b", "", text)
            found |= {name} if count else set()
    return found


def test_every_kind_is_asked(talks: list[list[Said]]) -> None:
    assert {said.kind for talk in talks for said in talk} == set(KINDS)
    assert all(len({said.kind for said in talk}) == len(talk) for talk in talks)


def test_tokens_have_targets_that_are_there(samples: list[Sample], talks: list[list[Said]]) -> None:
    for sample, talk in zip(samples, talks, strict=True):
        for said in talk:
            tokens = [token for token in re.findall(r"\[[A-Z]+\]", said.answer) if token in TASK_TOKENS]
            assert len(tokens) == len(said.targets)
            assert all(sample.structure(name) or name in sample.measurements for name in said.targets)
            assert "[" not in said.question


def test_yes_and_no(samples: list[Sample], talks: list[list[Said]]) -> None:
    answers = set()
    for sample, talk in zip(samples, talks, strict=True):
        for said in talk:
            if said.kind == "yes or no":
                (name,) = names_in(said.question)
                answers.add(said.answer.partition(",")[0])
                assert said.answer.startswith("Yes" if sample.structure(name) else "No")
                assert sample.structure(name) or name in sample.absent
    assert answers == {"Yes", "No"}


def test_counts_places_and_sizes(samples: list[Sample], talks: list[list[Said]]) -> None:
    checked = set()
    for sample, talk in zip(samples, talks, strict=True):
        for said in talk:
            structure = sample.structure(said.targets[0]) if said.targets else None
            if said.kind == "counting":
                assert NUMBERS[len(structure.masks)] in said.answer.split()
            elif said.kind == "where":
                assert f"in the {where(structure.masks[0])} of" in said.answer
                assert len(structure.masks) == 1
            elif said.kind == "how big" and structure:
                lengths = [d.length(sample.image.spacing) for d in diameters_of_mask(structure.masks[0], sample.image.spacing)]
                assert [float(n) for n in re.findall(r"[\d.]+(?= mm)", said.answer)] == [round(x, 1) for x in lengths]
            elif said.kind == "how big":
                assert f"{sample.measurements[said.targets[0]]:.1f} mm" in said.answer
            else:
                continue
            checked.add((said.kind, structure is None))
    assert checked == {("counting", False), ("where", False), ("how big", False), ("how big", True)}


def test_choices_name_the_annotated_value_and_questions_do_not_give_it_away(
    samples: list[Sample], talks: list[list[Said]]
) -> None:
    letters, classes = set(), set()
    for sample, talk in zip(samples, talks, strict=True):
        stated = {value for s in sample.structures for value in s.attributes.values()}
        for said in talk:
            if said.kind == "single choice":
                assert said.answer in stated
                before, found, _ = said.question.rpartition(f". {said.answer}")
                assert found
                assert said.question.count(". ") > 1
                letters.add(before[-1])
            if said.kind == "reasoning":
                assert said.question.count("benign") == said.question.count("malignant")
                classes.add(said.answer.rpartition("labelled ")[2])
    assert {"A", "B"} <= letters
    assert classes == {"benign.", "malignant."}


def test_without_spacing_there_are_no_sizes(samples: list[Sample]) -> None:
    for sample in samples[:20]:
        bare = replace(sample, image=replace(sample.image, spacing=None), measurements={})
        talk = converse(bare, options_of(iter([bare])), seed=0, num_turns=len(KINDS))
        assert not any(" mm " in said.answer or "[MEAS]" in said.answer for said in talk)


def test_exchanges_of_the_set_follow(samples: list[Sample]) -> None:
    own = Exchange("这是什么器官", answer="乳腺", language="zh")
    talk = converse(replace(samples[0], exchanges=(own,)), {}, seed=0, num_turns=1)
    assert (talk[-1].kind, talk[-1].question, talk[-1].answer, talk[-1].language) == ("own", own.question, own.answer, "zh")


def test_a_record_reads_back(samples: list[Sample], tmp_path: Path) -> None:
    sample = next(s for s in samples if s.structure("cyst"))
    talk = converse(sample, options_of(iter(samples)), seed=3)
    record = record_of(sample, "a.png", talk)
    cv2.imwrite(str(tmp_path / "a.png"), sample.image.pixels)
    (tmp_path / "talk.jsonl").write_text(json.dumps(record) + "\n", "utf-8")
    (back,) = open_dataset(tmp_path)
    assert [(e.question, e.answer) for e in back.exchanges] == [(said.question, said.answer) for said in talk]
    assert len(back.structure("cyst").boxes) == len(sample.structure("cyst").masks)
    assert back.split == "train"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "ours"
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        sample = phantom_sample(seed, size=64, scene="lesions")
        mask = sample.structures[0].masks[0]
        for folder, pixels in (("images", sample.image.pixels), ("masks", mask.astype(np.uint8) * 255)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / f"{name}.png"), pixels)
    rows = [
        "image,patient,group,split",
        *(f"images/{n},{n},{n},{p}" for n, p in (("a", "train"), ("b", "train"), ("c", "test"))),
    ]
    (root / "splits.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (root / "images" / "b.png").write_bytes(b"broken")
    out = tmp_path / "new" / "talks.jsonl"
    assert main(["data", "instruct", str(root), "--out", str(out), "--turns", "2"]) == 1
    told = capsys.readouterr()
    assert "images/b" in told.err
    (line,) = out.read_text("utf-8").splitlines()
    record = json.loads(line)
    assert record["images"] == ["ours/images/a.png"]
    assert len(record["conversations"]) == 4
    assert record["conversations"][0]["value"].startswith("<image>\n")
    once = out.read_bytes()
    assert main(["data", "instruct", str(root), "--out", str(out), "--turns", "2"]) == 1
    assert out.read_bytes() == once
    assert main(["data", "instruct", str(root), "--out", str(out), "--turns", "0"]) == 2


def test_no_option_is_a_part_of_the_true_one() -> None:
    assert overlap("well defined", "well defined smooth")
    assert overlap("well defined smooth", "well defined")
    assert not overlap("well defined", "well defined")  # the true one stays
    assert not overlap("benign", "malignant")
    mask = np.zeros((1, 32, 32), bool)
    mask[:, 8:20, 8:20] = True
    finding = Finding("thyroid nodule", mask, {"margin": "well defined smooth"})
    options = {("thyroid nodule", "margin"): ("ill defined", "well defined", "well defined smooth")}
    case = Case("thyroid", (finding,), (), {}, None, {}, options)
    (said,) = about_choice(case, np.random.default_rng(0))
    assert "ill defined" in said.question
    assert said.question.count("well defined") == 1
