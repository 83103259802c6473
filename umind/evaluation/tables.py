"""Cards as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

from umind.evaluation.language_tables import report_tables, vqa_table, wording_table
from umind.evaluation.markdown import Card, interval, number, percent, table


def card_tables(card: Card) -> str:
    """All tables of a card."""
    parts = [
        make(card[name])
        for name, make in (
            ("segmentation", segmentation_table),
            ("detection", detection_table),
            ("keypoints", keypoint_table),
            ("presence", presence_table),
            ("diagnosis", diagnosis_table),
            ("measurement", measurement_table),
            ("report", report_tables),
            ("vqa", vqa_table),
            ("wording", wording_table),
            ("phantoms", phantom_tables),
        )
        if card.get(name)
    ]
    return "\n\n".join(parts)


def percent_interval(value: Card) -> str:
    """A share in percent with its interval; n/a for none."""
    hundredfold = {end: None if value[end] is None else 100 * value[end] for end in ("value", "lower", "upper")}
    return number(None) if value["value"] is None else f"{interval(hundredfold, 1)} %"


def counted(num: int, num_missed: int) -> str:
    """Images, and how many of them gave nothing."""
    return f"{num} ({num_missed} missed)"


def segmentation_table(scores: Sequence[Card]) -> str:
    """Overlap and outlines, set by set."""
    rows = [
        [
            f"{s['dataset']}, {s['phrase']}",
            str(s["num_images"]),
            str(s["num_missed"]),
            f"{interval(s['dice'])} ± {number(s['dice_sd'], 2)}",
            interval(s["iou"]),
            f"{interval(s['hd95'], 1)} {s['length_unit']}",
            f"{interval(s['nsd'])}, {number(s['tolerance'], 0)} {s['length_unit']}",
            f"{percent_interval(s['empty']['specificity'])} of {s['empty']['num_images']}" if s["empty"] else "n/a",
        ]
        for s in scores
    ]
    heading = ("Set", "Images", "Missed", "Dice ± SD", "IoU", "HD95", "NSD, tolerance", "Left empty where absent")
    return table("Masks, by phrase; a missed structure counts as 0, and as the image's diagonal in HD95", heading, rows)


def detection_table(scores: Sequence[Card]) -> str:
    """Boxes, set by set."""
    rows = [
        [
            f"{s['dataset']}, {s['phrase']}",
            f"{s['num_images']} / {s['num_without']}",
            str(s["num_instances"]),
            interval(s["ap"]),
            number(s["ap50"]),
            number(s["ap75"]),
            number(s["ar"]),
            interval(s["f1_50"]),
            interval(s["f1_25"]),
        ]
        for s in scores
    ]
    heading = ("Set", "Images with / without", "Boxes", "AP", "AP50", "AP75", "AR", "F1 at IoU 0.5", "F1 at IoU 0.25")
    return table("Boxes, by phrase; AP over every candidate, F1 at the calibrated threshold", heading, rows)


def keypoint_table(scores: Sequence[Card]) -> str:
    """Axis ends, set by set."""
    rows = [
        [
            f"{s['dataset']}, {s['phrase']}",
            counted(s["num_images"], s["num_missed"]),
            interval(s["mre_px"], 1),
            interval(s["mre_mm"], 2),
            percent_interval(s["nme"]),
            percent(s["within_5"]),
            percent(s["within_10"]),
            interval(s["oks_ap"]),
        ]
        for s in scores
    ]
    heading = ("Set", "Images", "MRE, px", "MRE, mm", "NME", "SDR at 5 %", "SDR at 10 %", "OKS-AP")
    return table("Axis ends; NME and SDR in percent of the long axis, a missed structure fails SDR and AP", heading, rows)


def presence_table(scores: Sequence[Card]) -> str:
    """Is it there?"""
    rows = [
        [
            s["name"],
            f"{s['num_there']} / {s['num_absent']}",
            interval(s["auroc"]),
            percent_interval(s["specificity"]),
            number(s["calibration_error"]),
            percent(s["found"]),
            percent(s["false_alarms"]),
        ]
        for s in scores
    ]
    heading = ("Set", "There / absent", "AUROC", "Specificity at 95 % sensitivity", "ECE", "Found", "False alarms")
    return table("Presence: what is asked for is there, or not", heading, rows)


def diagnosis_table(scores: Sequence[Card]) -> str:
    """Classes of lesions."""
    rows = [
        [
            f"{s['dataset']}, {s['structure']}",
            " / ".join(map(str, s["counts"].values())),
            interval(s["auroc"]),
            percent_interval(s["balanced_accuracy"]),
            interval(s["macro_f1"]),
            number(s["quadratic_kappa"]),
            number(s["calibration_error"]),
            number(s["calibration_slope"], 2),
        ]
        for s in scores
    ]
    heading = ("Set", "Lesions", "AUROC", "Balanced accuracy", "Macro F1", "Quadratic κ", "ECE", "Calibration slope")
    return table("Benign / malignant, and sets with more classes", heading, rows)


def measurement_table(scores: Sequence[Card]) -> str:
    """Millimetres."""
    rows = []
    for s in scores:
        a = s["agreement"]
        rows.append(
            [
                f"{s['dataset']}, {s['name']}",
                counted(a["num_cases"] + a["num_missed"], a["num_missed"]),
                interval(s["mae"], 2),
                "n/a" if a["mae_percent"] is None else f"{number(a['mae_percent'], 1)} %",
                number(a["bias"], 2),
                f"{number(a['lower'], 1)} to {number(a['upper'], 1)}",
                interval(s["icc"]),
                f"{percent_interval(s['within'])} within {percent(s['tolerance'])}",
            ]
        )
    heading = (
        "Measurement",
        "Images",
        "MAE, mm",
        "MAE",
        "Bias, mm",
        "95 % limits of agreement, mm",
        "ICC(2,1)",
        "In tolerance",
    )
    return table("Measurements; a miss is outside the tolerance, and in no other figure", heading, rows)


def phantom_tables(scores: Card) -> str:
    """Exact truth."""
    instances = [
        [
            s["phrase"],
            f"{s['num_instances']} in {s['num_images']}",
            number(s["ap50"]),
            number(s["mask_ap50"]),
            percent(s["exact_count"]),
            number(s["mask_dice"]),
        ]
        for s in scores["instances"]
    ]
    calipers = [
        [s["phrase"], counted(s["num_images"], s["num_missed"]), *(percent(s[name]) for name in ("mean", "median", "coverage"))]
        for s in scores["calipers"]
    ]
    measured = [(s["num_images"] - s["num_missed"], s["coverage"] or 0.0) for s in scores["calipers"]]
    held = sum(num * coverage for num, coverage in measured) / max(sum(num for num, _ in measured), 1)
    axes = [
        [s["phrase"], counted(s["num_images"], s["num_missed"]), number(s["mean"], 2), percent(s["within_2"])]
        for s in scores["axes"]
    ]
    presence = presence_table(scores["presence"])
    a = scores["answers"]
    answers = [[str(a["num_questions"]), percent(a["right"]), percent(a["right_there"]), percent(a["right_absent"])]]
    return "\n\n".join(
        [
            table(
                "Phantoms: instances",
                ("Phrase", "Instances in images", "AP50, boxes", "AP50, masks' boxes", "Exact count", "Dice of each instance"),
                instances,
            ),
            table(
                f"Phantoms: measurements, a miss counts as 100 %; {percent(held)} of all 95 % intervals hold the truth",
                ("Measurement", "Images", "Mean error", "Median error", "Truth in the interval"),
                calipers,
            ),
            table("Phantoms: axis ends, in percent of the diagonal", ("Structure", "Images", "Mean error", "Within 2 %"), axes),
            table('Phantoms: "Is there a ...?"', ("Questions", "Right", "Right when there", "Right when absent"), answers),
            presence,
        ]
    )
