"""One sentence of report for a labelled image."""

from __future__ import annotations

from umind.schema.sample import Sample, Structure

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
POSTERIOR = {"enhancement": "posterior enhancement", "shadowing": "shadowing"}


def describe(sample: Sample) -> str:
    """What is in the image, in one plain sentence: count, descriptors, and measurements in millimetres.

    Example:
        ``"Two hypoechoic solid lesions with spiculated margins and shadowing."``
    """
    phrases = [_phrase(structure, sample) for structure in sample.structures]
    if not phrases:
        return "No focal lesion."
    sentence = " and ".join(phrases) if len(phrases) < 3 else ", ".join(phrases[:-1]) + " and " + phrases[-1]
    return sentence[0].upper() + sentence[1:] + "."


def _phrase(structure: Structure, sample: Sample) -> str:
    count, attributes = len(structure.masks), structure.attributes
    one = count == 1
    number = NUMBERS[count] if count < len(NUMBERS) else str(count)
    words = [number, attributes.get("shape", ""), attributes.get("echogenicity", ""), structure.name + ("" if one else "s")]
    phrase = " ".join(word for word in words if word)
    tails = []
    if "margin" in attributes:
        tails.append(f"a {attributes['margin']} margin" if one else f"{attributes['margin']} margins")
    if attributes.get("posterior features") in POSTERIOR:
        tails.append(POSTERIOR[attributes["posterior features"]])
    circumference = sample.measurements.get("head circumference")
    if structure.name == "fetal head" and circumference is not None:
        tails.append(f"a head circumference of {circumference:.0f} mm")
    return phrase + (" with " + " and ".join(tails) if tails else "")
