"""Left and right change places as words, and as nothing else."""

import pytest

from umind.data.augment import mirror_words


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("A mass in the left breast.", "A mass in the right breast."),
        ("Left-sided, leftmost; RIGHT and Right.", "Right-sided, rightmost; LEFT and Left."),
        ("the left's rightward edge, left-hand", "the right's leftward edge, right-hand"),
        ("right/left", "left/right"),
        ("bright, upright, copyright, leftover, cleft, righteous", None),
        ("at right angles; right-angled; all right; right away", None),
        ("left ventricle and right atrial wall, left-heart", None),
        ("left and right ventricles, left/right atrium", None),
        ("left and right lobes", "right and left lobes"),
        ("the left lobe beside the left ventricle", "the right lobe beside the left ventricle"),
        ("左侧乳腺,右叶", "右侧乳腺,左叶"),
        ("大小约5mm左右", None),
        ("左心室、右心房、左室、右旋、座右铭", None),
        ("左右两侧,左、右叶", "左右两侧,右、左叶"),
        ("", None),
    ],
)
def test_words(text: str, mirrored: str | None) -> None:
    assert mirror_words(text) == (text if mirrored is None else mirrored)
    assert mirror_words(mirror_words(text)) == text
