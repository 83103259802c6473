"""The peers on the images of a run: each gets its card, and the specialists are compared with the model of the run.

Where a peer cannot be asked, because it was not trained here, its checked-in answers under ``results/peers`` stand for it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from benchmarks.cards import card_name, note_test_run, write_card
from benchmarks.images import Images
from benchmarks.peers.compare import compare_kept
from benchmarks.peers.network import MissingPeerError, build_network
from benchmarks.peers.organs import ORGANS
from benchmarks.peers.record import FACTS, WEIGHTS
from benchmarks.peers.specialist import Specialists
from benchmarks.peers.text import Precedents
from benchmarks.provenance import RESULTS, answering_code, checksum, provenance
from umind.data.store import FACTS as STORED
from umind.data.store import Store
from umind.evaluation.predictions import MissingPredictionError, Predictions
from umind.evaluation.suites import GROUPS, run_suites
from umind.evaluation.tables import card_tables
from umind.evaluation.verbs import Verbs


@dataclass(frozen=True)
class Sources:
    """Where the peers come from.

    Args:
        specialists: Folder of the specialists, one folder an organ.
        stores: Folder of the stores; precedents are taken from those of train.
        predictions: Folder to keep answers in, apart for each checksum.
        device: Where to run.
        checked_in: Folder with answers of peers that cannot be asked here.
    """

    specialists: Path
    stores: Path
    predictions: Path
    device: str = "cpu"
    checked_in: Path = RESULTS / "peers"


@dataclass(frozen=True)
class Peer:
    """Somebody to compare with.

    Args:
        name: Of its card.
        suites: Those that ask for nothing that it lacks.
        files: What it is made from, for some images; raises `MissingPeerError` where that is not there.
        build: Makes it from the files of the same sources.
    """

    name: str
    suites: tuple[str, ...]
    files: Callable[[Sources, Images], list[Path]]
    build: Callable[[Sources, list[Path]], Verbs]

    def known(self, suite: str) -> list[str]:
        """The suites of a run that it can be asked."""
        return [name for name in GROUPS[suite] if name in self.suites]

    def answers(self, sources: Sources, images: Images) -> Predictions:
        """Its answers, kept as a model's are, or those that are checked in.

        Raises:
            MissingPeerError: There are neither.
        """
        try:
            files = self.files(sources, images)
            model = self.build(sources, files)
        except MissingPeerError:
            checked_in = sources.checked_in / f"{self.name}-{images.split}.tsv.gz"
            if not checked_in.is_file():
                raise
            return Predictions(checked_in)
        code = sorted(Path(__file__).parent.glob("*.py"))
        kept = f"{self.name}-{checksum([*files, *code, *answering_code()])}"
        return Predictions(sources.predictions / kept / f"{images.split}.tsv", model)


def specialist_files(sources: Sources, images: Images) -> list[Path]:
    """Facts and weights of the network of each organ.

    Raises:
        MissingPeerError: An organ has none.
    """
    lacking = [name for name in ORGANS if not (sources.specialists / name / FACTS).is_file()]
    if lacking:
        raise MissingPeerError(f"{sources.specialists} lacks {', '.join(lacking)}: run python -m benchmarks.peers.train")
    return [sources.specialists / name / part for name in ORGANS for part in (FACTS, WEIGHTS)]


def build_specialists(sources: Sources, files: list[Path]) -> Verbs:
    """One network for each organ."""
    return cast(Verbs, Specialists(sources.specialists, sources.device))


def precedent_files(sources: Sources, images: Images) -> list[Path]:
    """What is known of the training images of the same sets.

    Raises:
        MissingPeerError: There is no store of them.
    """
    places = [sources.stores / f"{name}-train" for name in images.portions]
    files = [place / STORED for place in places if Store.finished(place)]
    if not files:
        raise MissingPeerError(f"{sources.stores} holds no training images: run umind data prepare")
    return files


def build_precedents(sources: Sources, files: list[Path]) -> Verbs:
    """The report of the nearest training image, in ImageNet features, and the most frequent class.

    Raises:
        MissingPeerError: There is no ImageNet.
    """
    encoder = build_network(imagenet=True).get_submodule("encoder").to(sources.device)
    return cast(Verbs, Precedents([Store(file.parent) for file in files], encoder))


SPECIALISTS = Peer("specialists", ("segmentation", "presence", "detection"), specialist_files, build_specialists)
PEERS = (SPECIALISTS, Peer("precedents", ("diagnosis", "report"), precedent_files, build_precedents))


def check_in(peer: Peer, sources: Sources, answers: Predictions, split: str, folder: Path) -> None:
    """Write answers, and how the specialists were trained, to where git keeps them.

    Args:
        peer: Whose answers.
        sources: Where it came from.
        answers: To every question of the suites.
        split: Part of the sets that was asked about.
        folder: Made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{peer.name}-{split}.tsv.gz").write_bytes(gzip.compress(answers.path.read_bytes(), mtime=0))
    if peer is SPECIALISTS:
        facts = {name: json.loads((sources.specialists / name / FACTS).read_text("utf-8")) for name in ORGANS}
        (folder / "specialists.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def score_peer(peer: Peer, sources: Sources, images: Images, suite: str, results: Path) -> Predictions | None:
    """Score one peer, write its card, print; its answers to all suites and images are checked in.

    Args:
        peer: Which.
        sources: Where it comes from.
        images: What to ask about.
        suite: Name of the suites, of `GROUPS`.
        results: Folder to write to.

    Returns:
        Its answers; None where nothing could be asked.

    Raises:
        MissingPeerError: What it is made from is not there.
        MissingPredictionError: What is checked in does not answer everything.
    """
    suites: Sequence[str] = peer.known(suite)
    if not suites:
        return None
    card: dict[str, Any] = provenance(sources.device) | {"model": peer.name} | images.facts
    answers = peer.answers(sources, images)
    card |= run_suites(answers, images.samples, suites)
    if answers.model and suite == "all" and images.limit is None and not images.with_twins:
        check_in(peer, sources, answers, images.split, results / "peers")
    name = card_name(f"{peer.name}-{images.split}", suite=suite, limit=images.limit, with_twins=images.with_twins)
    path = write_card(results, name, card)
    if images.split == "test":
        note_test_run(results / "test_runs.csv", card)
    print(f"{card_tables(card)}\n\nwritten: {path}")
    return answers


def score_beside(sources: Sources, images: Images, suite: str, *, ours: Path, results: Path) -> None:
    """Score every peer and compare the specialists with a model; a peer that is missing costs a line.

    Args:
        sources: Where the peers come from.
        images: What to ask about.
        suite: Name of the suites, of `GROUPS`.
        ours: File with the model's answers, in a folder of its name and checksum.
        results: Folder to write to.
    """
    for peer in PEERS:
        try:
            answers = score_peer(peer, sources, images, suite, results)
            if answers is not None and peer is SPECIALISTS and "segmentation" in peer.known(suite):
                names = (ours.parent.name.rpartition("-")[0], peer.name)
                compare_kept(images, (ours, answers.path), names, results)
        except (MissingPeerError, MissingPredictionError) as error:
            print(f"{peer.name} are not scored: {error}")
