"""COCO: what CVAT, Label Studio, Roboflow and most detection tools write."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image
from pycocotools import mask as run_length

from umind.data.adapters.files import read_pixels
from umind.data.adapters.own_folder import OwnFolder, noun
from umind.data.adapters.splits import Listed, Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

PLACES = ("*.json", "annotations/*.json", "*/*.coco.json")
PARTS: Mapping[str, Split] = {"train": "train", "val": "val", "valid": "val", "test": "test"}

Annotation = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Category:
    """A kind of thing.

    Args:
        name: As a phrase in lower case.
        keypoints: Names of its points, in the order of the annotations; empty without points.
    """

    name: str
    keypoints: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Listing:
    """An image of an annotation file.

    Args:
        path: Its picture.
        shape: Rows and columns that the file claims.
        annotations: What is marked in it, crowds included.
        categories: All that was looked for in the file, by number.
        patient: As the file says; None where it does not.
        split: Part that the file's own name says; None where it says none.
    """

    path: Path
    shape: tuple[int, int]
    annotations: tuple[Annotation, ...]
    categories: Mapping[int, Category]
    patient: str | None
    split: Split | None


class COCO(OwnFolder):
    """Boxes, polygons, run lengths and keypoints of any number of categories.

    Layout: ``annotations/*.json`` or ``*.json`` with ``images``, ``annotations`` and ``categories``; pictures beside it, in the
    set's folder, or in a folder of it. Where the files' names say train, val or test (``instances_train2017.json``,
    ``valid/_annotations.coco.json``) that is the split. ``patient`` or ``patient_id`` of an image is taken where it is there.
    https://cocodataset.org/#format-data; a name of a category becomes a phrase in lower case.
    Licence: unknown.
    Faults: an annotation with ``iscrowd`` marks a region of things that nobody told apart; it is no instance and is left out,
    and its category is no negative in that image. A category without any annotation in an image is a negative there, since
    COCO marks every instance of its categories. A missing or broken picture, or one of another size than the file says, is
    listed in ``skipped``. An outline without a single pixel counts by its box. Coordinates need no shift: COCO counts from
    the top-left corner of the top-left pixel, as this library does.
    """

    name: ClassVar[str] = "COCO"

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        self._listings = read_listings(Path(root))
        super().__init__(root, splits=splits)
        reasons = {record.key: self._fault(record.key) for record in self.records}
        self.records = tuple(record for record in self.records if not reasons[record.key])
        self.skipped = tuple((key, reason) for key, reason in reasons.items() if reason)

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether one of the folder's JSON files has COCO's three lists."""
        return any(True for _ in annotation_files(root))

    def listed(self) -> Iterable[Listed]:
        """Images of the annotation files."""
        return (Listed(key, listing.patient, listing.split) for key, listing in self._listings.items())

    def source(self, record: Record) -> Path:
        """The picture of a record."""
        return self._listings[record.key].path

    def read(self, record: Record) -> Sample:
        """The image with its instances; outlined ones before boxed ones."""
        listing = self._listings[record.key]
        pixels = read_pixels(listing.path)
        marked: dict[int, list[Annotation]] = defaultdict(list)
        for annotation in listing.annotations:
            if not annotation.get("iscrowd"):
                marked[annotation["category_id"]].append(annotation)
        looked_at = {annotation["category_id"] for annotation in listing.annotations}
        try:
            structures = [structure_of(listing.categories[number], marked[number], pixels.shape[:2]) for number in marked]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ImageReadError(f"{listing.path}: an annotation cannot be read: {error}") from error
        absent = tuple(category.name for number, category in listing.categories.items() if number not in looked_at)
        image = UltrasoundImage(pixels, name=record.key)
        return self.sample(record, image, structures=tuple(structures), absent=absent)

    def _fault(self, key: str) -> str:
        if key not in self._listings:
            return "no annotation file lists it"
        listing = self._listings[key]
        unknown = {annotation["category_id"] for annotation in listing.annotations} - set(listing.categories)
        if unknown:
            return f"annotated with unknown categories {sorted(unknown)}"
        try:
            with Image.open(listing.path) as picture:
                shape = (picture.height, picture.width)
        except (OSError, SyntaxError, ValueError) as error:
            return f"{listing.path.name} is missing or broken: {error}"
        return "" if shape == listing.shape else f"{listing.path.name} is {shape}, its annotations are of {listing.shape}"


def annotation_files(root: Path) -> Iterable[tuple[Path, Mapping[str, Any]]]:
    """Every COCO file of a folder with its content."""
    for path in sorted({path for place in PLACES for path in root.glob(place)}):
        try:
            content = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and all(isinstance(content.get(k), list) for k in ("images", "annotations", "categories")):
            yield path, content


def read_listings(root: Path) -> dict[str, Listing]:
    """Images of all COCO files of a folder by their keys.

    Raises:
        ImageReadError: A file lacks a field, or two of them name one image.
    """
    listings: dict[str, Listing] = {}
    for path, content in annotation_files(root):
        annotations: dict[int, list[Annotation]] = defaultdict(list)
        try:
            categories = {
                entry["id"]: Category(noun(entry["name"]), tuple(map(noun, entry.get("keypoints", ()))))
                for entry in content["categories"]
            }
            for annotation in content["annotations"]:
                annotations[annotation["image_id"]].append(annotation | {"category_id": annotation["category_id"]})
            for entry in content["images"]:
                picture = find_picture(root, path, entry["file_name"])
                key = picture.relative_to(root).with_suffix("").as_posix()
                if key in listings:
                    raise ImageReadError(f"{path}: {key} is listed twice")
                person = entry.get("patient", entry.get("patient_id"))
                listings[key] = Listing(
                    picture,
                    (int(entry["height"]), int(entry["width"])),
                    tuple(annotations[entry["id"]]),
                    categories,
                    None if person is None else str(person),
                    part_said(path.relative_to(root)),
                )
        except (KeyError, TypeError) as error:
            raise ImageReadError(f"{path}: a field is missing or of a wrong type: {error}") from error
    return listings


def find_picture(root: Path, listing: Path, name: str) -> Path:
    """Path of a picture that a file beside it, above it or in ``annotations/`` names; where it should be when there is none."""
    part = part_said(listing.relative_to(root)) or ""
    folders = (listing.parent, root, root / "images", root / part, root / "images" / part, *filter(Path.is_dir, root.iterdir()))
    inside = (path for folder in folders if (path := (folder / name).resolve()).is_relative_to(root.resolve()))
    found = next((path for path in inside if path.is_file()), None)
    return root / found.relative_to(root.resolve()) if found else root / Path(name).name


def part_said(path: Path) -> Split | None:
    """Part of a set that the name of an annotation file or of its folder says."""
    words = path.with_suffix("").as_posix().lower().replace("/", "_").replace("-", "_").replace(".", "_").split("_")
    return next((PARTS[bare] for word in words if (bare := word.rstrip("0123456789")) in PARTS), None)


def structure_of(category: Category, annotations: Sequence[Annotation], shape: tuple[int, int]) -> Structure:
    """All instances of a category in an image.

    Raises:
        ValueError: An annotation has neither an outline nor a box.
    """
    outlines = [outline_of(annotation, shape) for annotation in annotations]
    outlined = [(mask, annotation) for mask, annotation in zip(outlines, annotations, strict=True) if mask is not None]
    boxed = [annotation for mask, annotation in zip(outlines, annotations, strict=True) if mask is None]
    boxes = [xyxy_of(annotation) for annotation in boxed]
    ordered = [annotation for _, annotation in outlined] + boxed
    return Structure(
        category.name,
        masks=np.stack([mask for mask, _ in outlined]) if outlined else np.zeros((0, *shape), bool),
        boxes=np.stack(boxes) if boxes else np.zeros((0, 4), np.float32),
        keypoints=keypoints_of(category, ordered),
    )


def outline_of(annotation: Annotation, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"] | None:
    """Mask of polygons or run lengths; None where there are none, or none that covers a pixel."""
    said = annotation.get("segmentation")
    if not said:
        return None
    if isinstance(said, list):
        code = run_length.merge(run_length.frPyObjects([polygon for polygon in said if len(polygon) >= 6], *shape))
    else:
        if tuple(said["size"]) != shape:
            raise ValueError(f"run lengths of {tuple(said['size'])} for an image of {shape}")
        code = run_length.frPyObjects(said, *shape) if isinstance(said["counts"], list) else dict(said)
    mask: Bool[np.ndarray, "h w"] = run_length.decode(code).astype(bool)
    return mask if mask.any() else None


def xyxy_of(annotation: Annotation) -> Float[np.ndarray, "4"]:
    """Box on pixel edges, from COCO's x, y, width, height.

    Raises:
        ValueError: There is no box, or one without area.
    """
    x, y, width, height = map(float, annotation.get("bbox") or (0, 0, 0, 0))
    if not (width > 0 and height > 0):
        raise ValueError(f"annotation {annotation.get('id')} has neither an outline nor a box")
    return np.array([x, y, x + width, y + height], np.float32)


def keypoints_of(category: Category, annotations: Sequence[Annotation]) -> dict[str, Float[np.ndarray, "m 2"]]:
    """Positions xy of each named point, one for each instance; NaN where its flag says that it is not labelled."""
    if not any(annotation.get("keypoints") for annotation in annotations):
        return {}
    count = len(category.keypoints)
    triples = np.full((len(annotations), count, 3), np.nan, np.float32)
    for row, annotation in enumerate(annotations):
        if annotation.get("keypoints"):
            triples[row] = np.asarray(annotation["keypoints"], np.float32).reshape(count, 3)
    points = np.where(triples[..., 2:] > 0, triples[..., :2], np.float32(np.nan))
    return {name: points[:, place] for place, name in enumerate(category.keypoints)}
