import pytest

from umind import Study


def test_its_images_in_their_order() -> None:
    study = Study(["a.png", "b.png"])
    assert study.images == tuple(study) == ("a.png", "b.png")
    assert len(study) == 2


@pytest.mark.parametrize("images", [(), [], "a.png", 3, None, (["a.png"],), (Study(["a.png"]), "b.png")])
def test_what_is_no_list_of_images_is_refused(images: object) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        Study(images)
