"""Attributes that the standard requires (Type 1 and 2 of the mandatory modules, PS3.3), as highdicom's tables list them."""

from __future__ import annotations

from highdicom._standard_utils import get_iod_module_map, get_module_attribute_map, get_sop_class_iod_map
from pydicom.dataset import Dataset


def faults(data: Dataset) -> list[str]:
    """Every required attribute that an object lacks, or has empty where it must not be.

    Functional groups and the content tree are left out: what they require depends on which groups and value types there are.
    """
    found = []
    for module in get_iod_module_map()[get_sop_class_iod_map()[data.SOPClassUID]]:
        if module["usage"] != "M" or module["key"].endswith(("functional-groups", "sr-document-content")):
            continue
        for attribute in get_module_attribute_map()[module["key"]]:
            keyword, kind = str(attribute["keyword"]), str(attribute["type"])
            for item in items_at(data, attribute["path"]) if kind in ("1", "2") else ():
                empty = keyword in item and item[keyword].is_empty
                if keyword not in item or (kind == "1" and empty):
                    found.append(f"{module['key']}: {'.'.join([*attribute['path'], keyword])} (Type {kind})")
    return found


def items_at(data: Dataset, path: list[str]) -> list[Dataset]:
    """The items below a path of sequences, all of those that are there."""
    items = [data]
    for keyword in path:
        items = [child for item in items for child in item.get(keyword, ())]
    return items
