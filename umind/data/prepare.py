"""From folders of data sets to the stores and the tokenizer that training reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from umind.data.adapters.base import Adapter
from umind.data.adapters.registry import ADAPTERS, adapter_of
from umind.data.corpus import corpus
from umind.data.labelled import MAX_INSTANCES
from umind.data.phantom.scene import Scene, phantom_sample
from umind.data.quality.division import open_divided
from umind.data.quality.manifest import Entry, entries, write_manifest
from umind.data.quality.reading import UNREADABLE, read_each
from umind.data.store import EmptyStoreError, Store
from umind.schema.sample import Sample, Split
from umind.tokens.tokenizer import train_tokenizer

Watch = Callable[[str, int, int], None]
"""Told the name of a store, how many of its samples are done, and how many there are."""


def silent(name: str, done: int, total: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True)
class Phantoms:
    """A store of phantoms.

    Args:
        name: Of the store, without its split.
        split: Part of the data that it belongs to.
        seed: Of the first one; the next ones count on.
        sizes: Sides, in turn.
        scene: What all of them show; None draws it.
    """

    name: str
    split: Split
    seed: int
    sizes: tuple[int, ...]
    scene: Scene | None = None


PHANTOMS = (
    Phantoms("phantom", "train", 1_000_000, (256, 320)),
    Phantoms("phantom_lesions", "train", 3_000_000, (256, 320), "lesions"),
    Phantoms("phantom", "val", 2_000_000, (256,)),
)


@dataclass(frozen=True)
class LeftOut:
    """Something that is not in the stores.

    Args:
        what: Set, or set and key of an image.
        reason: Why not.
        expected: It is left out by a rule or by what the set itself is known to lack, not because reading failed.
    """

    what: str
    reason: str
    expected: bool = False


@dataclass(frozen=True, eq=False)
class Prepared:
    """What ``prepare`` made or found.

    Args:
        stores: Number of images of each store, by its name ``<set>-<split>``.
        left_out: Sets and images that could not be read, or that may not be used.
    """

    stores: Mapping[str, int]
    left_out: tuple[LeftOut, ...]


def prepare(
    root: Path | None,
    folder: Path,
    *,
    size: int = 320,
    num_phantoms: int = 5000,
    num_val_phantoms: int = 200,
    num_examples: int = 3000,
    splits: Sequence[Split] = ("train", "val"),
    all_sets: bool = False,
    manifest: Path | None = None,
    watch: Watch = silent,
) -> Prepared:
    """Decode every known data set below a folder, draw the phantoms, and train the tokenizer on questions to them.

    Known are the sets by their names, and folders of any name whose content is of a known format. A set without ``splits.csv``
    is divided by patient and near-duplicates, with a warning; who goes where is kept in ``<folder>/<set>-divided/splits.csv``.

    Finished stores and a finished tokenizer stay as they are, so a call that was interrupted is repeated and goes on. An image
    that cannot be read is left out and listed.

    Args:
        root: Holds the data sets, each in a folder of its own; None for the phantom alone.
        folder: Where the stores go, as ``<folder>/<set>-<split>``, and the tokenizer, as ``<folder>/tokenizer``.
        size: Side of the square canvas, in pixels.
        num_phantoms: Phantoms of each store to train on: of any scene, and of lesions alone.
        num_val_phantoms: Phantoms to validate on.
        num_examples: Examples whose questions the tokenizer learns from.
        splits: Parts of the data sets to decode.
        all_sets: Also sets whose licence forbids giving away weights that were trained on them.
        manifest: File to list the images in that the stores are made of, with their checksums; it needs them read once more.
        watch: Called after each sample.

    Raises:
        ValueError: ``root`` is no folder.
    """
    if root is not None and not root.is_dir():
        raise ValueError(f"{root} is no folder; wanted is one that holds any of {', '.join(ADAPTERS)}")
    lengths: dict[str, int] = {}
    left_out: list[LeftOut] = []
    used = []
    for place, kind in known_sets(root).items() if root else ():
        if not (all_sets or kind.may_ship):
            left_out.append(
                LeftOut(place.name, "its licence forbids giving away weights trained on it, or is not known", expected=True)
            )
            continue
        used.append(place)
        for part in splits:
            made = set_store(place, part, folder / f"{place.name}-{part}", size, left_out, watch)
            lengths |= {made.folder.name: len(made)} if made else {}
    for phantoms in PHANTOMS:
        drawn = phantom_store(phantoms, num_phantoms if phantoms.split == "train" else num_val_phantoms, folder, size, watch)
        lengths |= {drawn.folder.name: len(drawn)}
    make_tokenizer(folder, num_examples)
    if manifest is not None:
        list_images(manifest, used, folder, tuple(splits), watch)
    return Prepared(MappingProxyType(lengths), tuple(left_out))


def known_sets(root: Path) -> dict[Path, type[Adapter]]:
    """Folders below a folder that hold a data set, official names first, and what reads each."""
    official = [root / name for name in ADAPTERS if (root / name).is_dir()]
    others = sorted(path for path in root.iterdir() if path.is_dir() and path.name not in ADAPTERS)
    return {place: kind for place in (*official, *others) if (kind := adapter_of(place))}


def list_images(path: Path, places: Iterable[Path], folder: Path, splits: tuple[Split, ...], watch: Watch) -> None:
    """Write the manifest of the images of some sets, without the sets that cannot be opened."""

    def listed() -> Iterator[Entry]:
        for place in places:
            try:
                adapter = open_divided(place, folder / f"{place.name}-divided", splits)
            except UNREADABLE:
                continue
            yield from entries(adapter, partial(watch, f"{place.name} in {path.name}"))

    write_manifest(path, listed())


def set_store(root: Path, split: Split, target: Path, size: int, left_out: list[LeftOut], watch: Watch) -> Store | None:
    """Decode one split of one data set, unless that has been done; None when it has no image that can be read."""
    if Store.finished(target):
        return Store(target)
    try:
        adapter = open_divided(root, target.parent / f"{root.name}-divided", (split,))
    except UNREADABLE as error:
        left_out.append(LeftOut(target.name, str(error)))
        return None
    known = [LeftOut(f"{root.name} {key}", reason, expected=True) for key, reason in adapter.skipped]
    left_out += [item for item in known if item not in left_out]
    if not len(adapter):
        return None
    try:
        samples = watched(readable(adapter, left_out), target.name, len(adapter), watch)
        return Store.write(target, samples, len(adapter), size)
    except EmptyStoreError:
        shutil.rmtree(target)
        left_out.append(LeftOut(target.name, "none of its images could be read"))
        return None


def readable(adapter: Adapter, left_out: list[LeftOut]) -> Iterator[Sample]:
    """Samples of a set; those that cannot be read or stored are put on the list."""
    for reading in read_each(adapter):
        reason = reading.reason
        if reading.sample is not None:
            total = sum(len(structure.masks) for structure in reading.sample.structures)
            if total <= MAX_INSTANCES:
                yield reading.sample
                continue
            reason = f"{total} instances, and a store numbers {MAX_INSTANCES}"
        left_out.append(LeftOut(f"{adapter.root.name} {reading.record.key}", reason))


def phantom_store(phantoms: Phantoms, num: int, folder: Path, size: int, watch: Watch) -> Store:
    """Draw phantoms, unless that has been done."""
    target = folder / f"{phantoms.name}-{phantoms.split}"
    if Store.finished(target):
        return Store(target)

    def draw(index: int) -> Sample:
        side = phantoms.sizes[index % len(phantoms.sizes)]
        return replace(phantom_sample(phantoms.seed + index, size=side, scene=phantoms.scene), split=phantoms.split)

    samples = map(draw, range(num))
    return Store.write(target, watched(samples, target.name, num, watch), num, size)


def watched(samples: Iterable[Sample], name: str, total: int, watch: Watch) -> Iterator[Sample]:
    """The same samples, with a word after each."""
    for done, sample in enumerate(samples, start=1):
        yield sample
        watch(name, done, total)


def make_tokenizer(folder: Path, num_examples: int) -> None:
    """Learn the vocabulary from the training images of the real sets and from the phantoms for validation.

    That is what umind-tiny's vocabulary was made of, in this order; the 5000 phantoms for training would ask nothing new.
    """
    target = folder / "tokenizer"
    if (target / "tokenizer.json").exists():
        return
    real = [path for path in sorted(folder.glob("*-train")) if not path.name.startswith("phantom") and Store.finished(path)]
    stores = [Store(path) for path in (*real, folder / "phantom-val")]
    train_tokenizer(corpus(stores, num_examples=num_examples, size=256, seed=0)).save_pretrained(target)
