"""The peers on the images of a run: each gets its card, and the specialists are compared with the model of the run."""

from __future__ import annotations

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
from benchmarks.provenance import answering_code, checksum, provenance
from umind.data.store import Store
from umind.evaluation.predictions import Predictions
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
    """

    specialists: Path
    stores: Path
    predictions: Path
    device: str = "cpu"

    def kept(self, images: Images) -> Path:
        """File with the answers of the specialists.

        Raises:
            MissingPeerError: An organ has none.
        """
        lacking = [name for name in ORGANS if not (self.specialists / name / FACTS).is_file()]
        if lacking:
            raise MissingPeerError(f"{self.specialists} lacks {', '.join(lacking)}: run python -m benchmarks.peers.train")
        files = [self.specialists / name / part for name in ORGANS for part in (FACTS, WEIGHTS)]
        code = sorted(Path(__file__).parent.glob("*.py"))
        return self.predictions / f"specialists-{checksum([*files, *code, *answering_code()])}" / f"{images.split}.tsv"


@dataclass(frozen=True)
class Peer:
    """Somebody to compare with.

    Args:
        name: Of its card.
        suites: Those that ask for nothing that it lacks.
        open: Makes it, for some images.
    """

    name: str
    suites: tuple[str, ...]
    open: Callable[[Sources, Images], Verbs]

    def known(self, suite: str) -> list[str]:
        """The suites of a run that it can be asked."""
        return [name for name in GROUPS[suite] if name in self.suites]


def open_specialists(sources: Sources, images: Images) -> Verbs:
    """One network for each organ, its answers kept.

    Raises:
        MissingPeerError: An organ has none.
    """
    kept = sources.kept(images)
    return Predictions(kept, cast(Verbs, Specialists(sources.specialists, sources.device)))


def open_precedents(sources: Sources, images: Images) -> Verbs:
    """The report of the nearest training image of the same sets, in ImageNet features, and the most frequent class.

    Raises:
        MissingPeerError: There is no store of them, or no ImageNet.
    """
    places = [sources.stores / f"{name}-train" for name in images.portions]
    stores = [Store(place) for place in places if Store.finished(place)]
    if not stores:
        raise MissingPeerError(f"{sources.stores} holds no training images: run umind data prepare")
    encoder = build_network(imagenet=True).get_submodule("encoder").to(sources.device)
    return cast(Verbs, Precedents(stores, encoder))


SPECIALISTS = Peer("specialists", ("segmentation", "presence", "detection"), open_specialists)
PEERS = (SPECIALISTS, Peer("precedents", ("diagnosis", "report"), open_precedents))


def score_peer(peer: Peer, sources: Sources, images: Images, suite: str, results: Path) -> None:
    """Score one peer, write its card, print; where nothing can be asked, do nothing.

    Args:
        peer: Which.
        sources: Where it comes from.
        images: What to ask about.
        suite: Name of the suites, of `GROUPS`.
        results: Folder to write to.

    Raises:
        MissingPeerError: What it is made from is not there.
    """
    suites: Sequence[str] = peer.known(suite)
    if not suites:
        return
    card: dict[str, Any] = provenance(sources.device) | {"model": peer.name} | images.facts
    card |= run_suites(peer.open(sources, images), images.samples, suites)
    name = card_name(f"{peer.name}-{images.split}", suite=suite, limit=images.limit, with_twins=images.with_twins)
    path = write_card(results, name, card)
    if images.split == "test":
        note_test_run(results / "test_runs.csv", card)
    print(f"{card_tables(card)}\n\nwritten: {path}")


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
            score_peer(peer, sources, images, suite, results)
            if peer is SPECIALISTS and "segmentation" in peer.known(suite):
                names = (ours.parent.name.rpartition("-")[0], peer.name)
                compare_kept(images, (ours, sources.kept(images)), names, results)
        except MissingPeerError as error:
            print(f"{peer.name} are not scored: {error}")
