import math

import pytest
import torch

from vasolib.ssl import blocks


def rectangle(idx: list[int], grid: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the smallest rectangle around patches."""
    rows, cols = [i // grid for i in idx], [i % grid for i in idx]
    return min(rows), min(cols), max(rows) - min(rows) + 1, max(cols) - min(cols) + 1


@pytest.mark.parametrize("grid", [8, 14])
@pytest.mark.parametrize(
    ("scale", "aspect"),
    [(blocks.TARGET_SCALE, blocks.TARGET_ASPECT), (blocks.CONTEXT_SCALE, blocks.CONTEXT_ASPECT)],
)
def test_block_sizes_lie_in_the_published_ranges_up_to_rounding(grid, scale, aspect, generator):
    sizes = [blocks.block_size(grid, scale, aspect, generator=generator) for _ in range(200)]
    for height, width in sizes:
        # before rounding, sides have the published area, less a part of a patch, and ratio
        low, high = math.sqrt((grid**2 * scale[0] - 1) * aspect[0]), math.sqrt(grid**2 * scale[1] * aspect[1])
        assert low - 0.5 <= height <= min(grid, high + 0.5)
        low, high = math.sqrt((grid**2 * scale[0] - 1) / aspect[1]), math.sqrt(grid**2 * scale[1] / aspect[0])
        assert low - 0.5 <= width <= min(grid, high + 0.5)
    area = sum(h * w for h, w in sizes) / len(sizes) / grid**2
    assert scale[0] - 0.03 < area < scale[1] + 0.03
    if aspect[0] != aspect[1]:
        assert min(h / w for h, w in sizes) < 1 < max(h / w for h, w in sizes)
    else:
        assert all(h == w for h, w in sizes)


def test_fill_equals_a_slow_loop(generator):
    grid = 6
    sizes = torch.randint(1, 5, (7, 3, 2), generator=generator)
    corners = torch.randint(0, 3, (7, 3, 2), generator=generator)
    filled = blocks.fill(grid, corners.float(), sizes)
    for i in range(7):
        for j in range(3):
            (top, left), (height, width) = corners[i, j].tolist(), sizes[i, j].tolist()
            want = [top <= row < top + height and left <= col < left + width for row in range(6) for col in range(6)]
            assert filled[i, j].tolist() == want


def test_common_patches_equal_a_slow_loop(generator):
    member = torch.rand(9, 30, generator=generator) < 0.4
    rows = [[i for i, inside in enumerate(row) if inside] for row in member.tolist()]
    count = min(len(row) for row in rows)
    assert blocks.common_patches(member).tolist() == [row[:count] for row in rows]


def slow_layouts(batch: int, grid: int, generator: torch.Generator):
    """What `draw_blocks` should give, image by image and set by set, from the same random numbers."""
    target = blocks.block_size(grid, blocks.TARGET_SCALE, blocks.TARGET_ASPECT, generator=generator)
    context = blocks.block_size(grid, blocks.CONTEXT_SCALE, blocks.CONTEXT_ASPECT, generator=generator)
    draw = torch.rand(batch, blocks.LAYOUTS, 5, 2, generator=generator).tolist()
    contexts, targets = [], []
    for layouts in draw:
        found = []
        for layout in layouts:
            sets = []
            for (u, v), (height, width) in zip(layout, [target] * 4 + [context], strict=True):
                top, left = int(u * (grid - height + 1)), int(v * (grid - width + 1))
                sets.append({r * grid + c for r in range(top, top + height) for c in range(left, left + width)})
            hidden = set().union(*sets[:4])
            found.append((sets[4] - hidden, hidden))
        enough = [pair for pair in found if len(pair[0]) > blocks.MIN_KEEP]
        seen, hidden = enough[0] if enough else max(found, key=lambda pair: len(pair[0]))
        contexts.append(sorted(seen))
        targets.append(sorted(hidden))
    return [[row[: min(map(len, rows))] for row in rows] for rows in (contexts, targets)]


@pytest.mark.parametrize("grid", [4, 8, 14])
def test_draws_equal_a_slow_reference(grid):
    for seed in range(5):
        fast = blocks.draw_blocks(12, grid, generator=torch.Generator().manual_seed(seed))
        slow = slow_layouts(12, grid, torch.Generator().manual_seed(seed))
        assert [fast.idx_context.tolist(), fast.idx_target.tolist()] == slow


@pytest.mark.parametrize("grid", [4, 8, 14])
def test_contexts_and_targets_are_disjoint_sets_of_equal_size_in_the_grid(grid, generator):
    for _ in range(10):
        drawn = blocks.draw_blocks(16, grid, generator=generator)
        together = torch.cat(drawn, dim=1)
        assert together.min() >= 0 and together.max() < grid**2
        assert drawn.idx_context.shape[1] > 0 and drawn.idx_target.shape[1] > 0
        assert all(len(set(row)) == len(row) for row in together.tolist())
        assert len(together) == 16


def test_contexts_are_rich_where_the_grid_allows_it(generator):
    for _ in range(20):
        assert blocks.draw_blocks(32, 14, generator=generator).idx_context.shape[1] > blocks.MIN_KEEP


def test_one_block_size_per_batch_and_its_own_places_per_image(monkeypatch, generator):
    monkeypatch.setattr(blocks, "TARGETS", 1)
    drawn = blocks.draw_blocks(32, 14, generator=generator)
    boxes = [rectangle(row, 14) for row in drawn.idx_target.tolist()]
    assert len({box[2:] for box in boxes}) == 1
    assert boxes[0][2] * boxes[0][3] == drawn.idx_target.shape[1]
    assert len({box[:2] for box in boxes}) > 16


def test_same_generator_same_blocks():
    draws = [blocks.draw_blocks(4, 8, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*draws, strict=True))
    assert not torch.equal(draws[0].idx_target[0], draws[0].idx_target[1])


def test_a_grid_too_small_for_blocks_is_refused(generator):
    with pytest.raises(ValueError, match="found 3"):
        blocks.draw_blocks(2, 3, generator=generator)
