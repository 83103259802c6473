"""A manifest: one line an image, with its checksum, so that a training can be repeated on the very same files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem
from umind.data.adapters.own_folder import OwnFolder
from umind.data.adapters.splits import Record
from umind.data.quality.reading import Watch, read_each, silent
from umind.schema.errors import ImageReadError
from umind.schema.sample import Sample

BLOCK = 2**20


@dataclass(frozen=True)
class Entry:
    """An image and what is known of it; JSON-safe.

    Args:
        dataset: Name of the set.
        key: Identifier inside the set.
        path: Its file, below the folder that holds the set's folder, with forward slashes. Slices of a volume share a file.
        sha256: Of that file, in hexadecimal digits.
        split: train, val or test.
        patient: Patient identifier; None when the set names none.
        group: Joins one patient's images and near-duplicates.
        height: Rows.
        width: Columns.
        spacing: Millimetres per pixel, rows first; None when unknown.
        organ: What is scanned; empty when the set does not say.
        structures: Number of instances by name.
        absent: Names known not to be there.
        attributes: Facts about the whole image, and about a structure as ``"breast lesion: class"``.
    """

    dataset: str
    key: str
    path: str
    sha256: str
    split: str
    patient: str | None
    group: str
    height: int
    width: int
    spacing: tuple[float, float] | None
    organ: str
    structures: Mapping[str, int]
    absent: tuple[str, ...]
    attributes: Mapping[str, str]


def entries(adapter: Adapter, watch: Watch = silent) -> Iterator[Entry]:
    """Entries of the images of a set that can be read."""
    sums: dict[Path, str] = {}
    for reading in read_each(adapter, watch):
        if reading.sample is None:
            continue
        path = source_of(adapter, reading.record)
        if path not in sums:
            sums[path] = sha256_of(path)
        yield entry_of(reading.sample, path.absolute().relative_to(adapter.root.absolute().parent).as_posix(), sums[path])


def source_of(adapter: Adapter, record: Record) -> Path:
    """The file that holds the image of a record: of this stem, with the suffix of a picture or else with any.

    What follows a ``#`` in the stem is the number of a video's frame.

    Raises:
        ImageReadError: There is none.
    """
    if isinstance(adapter, OwnFolder):
        return adapter.source(record)
    folder, stem = adapter.root / record.folder, record.stem.partition("#")[0]
    try:
        return find_by_stem(folder, stem)
    except ImageReadError:
        found = sorted(path for path in folder.glob("*") if path.is_file() and path.name.startswith(f"{stem}."))
        if not found:
            raise
        return found[0]


def entry_of(sample: Sample, path: str, sha256: str) -> Entry:
    """The entry of an image."""
    spacing = sample.image.spacing
    described = {f"{s.name}: {name}": value for s in sample.structures for name, value in s.attributes.items()}
    return Entry(
        sample.dataset,
        sample.key,
        path,
        sha256,
        sample.split,
        sample.patient,
        sample.group,
        sample.image.height,
        sample.image.width,
        (spacing.dy, spacing.dx) if spacing else None,
        sample.organ,
        {s.name: len(s.masks) + len(s.boxes) for s in sample.structures},
        sample.absent,
        dict(sample.attributes) | described,
    )


def write_manifest(path: Path, items: Iterable[Entry]) -> int:
    """Write entries to a file, one JSON object a line, whole or not at all; gives their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    with unfinished.open("w", encoding="utf-8") as stream:
        number = sum(bool(stream.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")) for item in items)
    unfinished.replace(path)
    return number


def read_manifest(path: Path, root: Path) -> tuple[Entry, ...]:
    """Entries of a manifest, after comparing every file with its checksum.

    Args:
        path: What `write_manifest` wrote.
        root: Folder that holds the sets' folders.

    Raises:
        ValueError: A line is no entry, or files are missing or not those of the manifest; the message names them.
    """
    items = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            said = json.loads(line)
            spacing = said.pop("spacing")
            absent = tuple(said.pop("absent"))
            items.append(Entry(**said, spacing=tuple(spacing) if spacing else None, absent=absent))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}, line {number}: no entry of a manifest ({error})") from error
    sums = {item.path: item.sha256 for item in items}
    changed = [name for name, known in sums.items() if not (root / name).is_file() or sha256_of(root / name) != known]
    if changed:
        shown = ", ".join(changed[:5]) + (" ..." if len(changed) > 5 else "")
        raise ValueError(f"{len(changed)} of {len(sums)} files are missing or changed since {path} was written: {shown}")
    return tuple(items)


def sha256_of(path: Path) -> str:
    """Checksum of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
