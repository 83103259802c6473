import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from umind.tokens.slots import anchors, find_slots, layout, visible_to_last_block
from umind.tokens.vocabulary import KPT, OWN_IDS, REGION_TOKENS, SPECIAL_TOKENS

WORD = len(SPECIAL_TOKENS)
SEG, DET, POINT, MEAS = OWN_IDS.tasks
IMAGE_ID, PAD_ID, QUERY_ID = OWN_IDS.image, OWN_IDS.pad, OWN_IDS.query


def packed(rows: list[tuple[int, list[int]]], side: str) -> tuple[Tensor, Tensor]:
    """Ids and mask of rows of (image tokens, lengths of blocks), padded on one side."""
    sequences = [[IMAGE_ID] * images + [i for n in blocks for i in [QUERY_ID] + [WORD] * (n - 1)] for images, blocks in rows]
    length = max(map(len, sequences))
    ids, mask = torch.full((len(rows), length), PAD_ID), torch.zeros(len(rows), length, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        place = slice(length - len(sequence), None) if side == "left" else slice(len(sequence))
        ids[row, place], mask[row, place] = torch.tensor(sequence), 1
    return ids, mask


def test_block_ids_and_positions() -> None:
    ids, mask = packed([(2, [3, 2]), (2, [1])], "left")
    structure = layout(ids, mask)
    assert structure.block_ids.tolist() == [[0, 0, 1, 1, 1, 2, 2], [-1, -1, -1, -1, 0, 0, 1]]
    assert structure.position_ids[0].tolist() == [0, 1, 2, 3, 4, 2, 3]
    assert structure.position_ids[1, 4:].tolist() == [0, 1, 2]


def test_right_padding_gives_the_same() -> None:
    rows = [(2, [3, 2]), (2, [1])]
    (left_ids, left_mask), (right_ids, right_mask) = packed(rows, "left"), packed(rows, "right")
    left, right = layout(left_ids, left_mask), layout(right_ids, right_mask)
    for row in range(2):
        a, b = left_mask[row].bool(), right_mask[row].bool()
        assert torch.equal(left.block_ids[row, a], right.block_ids[row, b])
        assert torch.equal(left.position_ids[row, a], right.position_ids[row, b])
        assert torch.equal(left.visible[row, 0][a][:, a], right.visible[row, 0][b][:, b])


ROW = st.tuples(st.integers(0, 5), st.lists(st.integers(1, 6), min_size=1, max_size=4))


@settings(derandomize=True)
@given(st.lists(ROW, min_size=1, max_size=4), st.sampled_from(["left", "right"]))
def test_layout_equals_a_loop(rows: list[tuple[int, list[int]]], side: str) -> None:
    ids, mask = packed(rows, side)
    structure = layout(ids, mask)
    length = ids.shape[1]
    for row, (images, blocks) in enumerate(rows):
        real = [0] * images + [k for k, n in enumerate(blocks, 1) for _ in range(n)]
        where = [*range(images), *(images + i for n in blocks for i in range(n))]
        pad = length - len(real)
        block = [-1] * pad + real if side == "left" else real + [-1] * pad
        assert structure.block_ids[row].tolist() == block
        assert structure.position_ids[row, mask[row].bool()].tolist() == where
        for i in range(length):
            for j in range(length):
                sees = i == j or block[j] == 0 or (block[j] == block[i] > 0 and j <= i)
                assert bool(structure.visible[row, 0, i, j]) == sees


def test_a_mark_between_images_opens_no_block() -> None:
    ids = torch.tensor(
        [[PAD_ID, PAD_ID, IMAGE_ID, QUERY_ID, IMAGE_ID, QUERY_ID, WORD, QUERY_ID], [WORD, IMAGE_ID] * 2 + [QUERY_ID] * 4]
    )
    structure = layout(ids, (ids != PAD_ID).long())
    assert structure.block_ids.tolist() == [[-1, -1, 0, 0, 0, 1, 1, 2], [0, 0, 0, 0, 1, 2, 3, 4]]
    assert structure.position_ids[0, 2:].tolist() == [0, 1, 2, 3, 4, 3]


def test_continuation_sees_the_prefix_and_the_last_block() -> None:
    ids, mask = packed([(2, [3, 2]), (2, [1])], "left")
    assert visible_to_last_block(layout(ids, mask)).tolist() == [[1, 1, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1, 1]]


def test_slots_stand_row_by_row_left_to_right() -> None:
    ids = torch.tensor([[WORD, MEAS, POINT, SEG], [DET, WORD, SEG, POINT], [WORD] * 4])
    slots = find_slots(ids, REGION_TOKENS)
    assert len(slots) == 4
    assert slots.rows.tolist() == [0, 0, 1, 1]
    assert slots.columns.tolist() == [1, 3, 0, 2]
    assert slots.kinds.tolist() == [MEAS, SEG, DET, SEG]
    hidden = torch.arange(12.0).reshape(3, 4, 1)
    assert slots.states(hidden)[:, 0].tolist() == [1, 3, 4, 6]
    assert find_slots(ids, (KPT,)).columns.tolist() == [2, 3]


def test_a_point_is_anchored_to_the_last_region_before_it_in_its_block() -> None:
    ids = torch.tensor(
        [
            [QUERY_ID, SEG, POINT, POINT, DET, POINT, QUERY_ID, POINT],
            [QUERY_ID, POINT, WORD, WORD, QUERY_ID, MEAS, WORD, POINT],
        ]
    )
    points, regions = find_slots(ids, (KPT,)), find_slots(ids, REGION_TOKENS)
    assert anchors(points, regions, ids).tolist() == [0, 0, 1, -1, -1, 2]
    none = find_slots(ids[:, :1], REGION_TOKENS)
    assert anchors(points, none, ids).tolist() == [-1] * 6
    assert len(anchors(none, regions, ids)) == 0


def test_no_slots() -> None:
    slots = find_slots(torch.tensor([[WORD, WORD]]), REGION_TOKENS)
    assert len(slots) == 0
    assert slots.states(torch.zeros(1, 2, 5)).shape == (0, 5)
