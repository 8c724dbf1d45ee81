import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from tests.reference_names import load_unext
from vasolib import segmentor
from vasolib.errors import UserError


def test_logits_of_the_released_network(reference):
    stored = np.load(reference / "unext.npz")
    model = load_unext(segmentor.UNeXt(), reference / "unext.npz").eval()
    logits = model(torch.from_numpy(stored["input"]))
    assert torch.allclose(logits, torch.from_numpy(stored["logits"]), atol=1e-5)


def test_parameter_count():
    assert sum(p.numel() for p in segmentor.UNeXt().parameters()) == 253_561


def test_shift_moves_groups_and_fills_with_zeros():
    x = torch.arange(1.0, 6).repeat(5, 1).view(1, 5, 5, 1)
    got = segmentor.shift_channels(x, dim=2)[0, :, :, 0]
    want = torch.tensor([[3, 4, 5, 0, 0], [2, 3, 4, 5, 0], [1, 2, 3, 4, 5], [0, 1, 2, 3, 4], [0, 0, 1, 2, 3]])
    assert torch.equal(got, want.float())


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shifting_equals_slicing_bit_by_bit(dim, dtype):
    x = torch.randn(2, 14, 7, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    padded = F.pad(x, (2, 2, 2, 2))[:, :, 2:-2] if dim == 3 else F.pad(x, (2, 2, 2, 2))[..., 2:-2]
    want = [padded.narrow(dim, 2 - s, x.shape[dim])[:, 3 * i : 3 * i + 3] for i, s in enumerate((-2, -1, 0, 1, 2))]
    assert torch.equal(segmentor.shift_channels(x, dim), torch.cat(want, dim=1))


def test_loss_against_hand_count():
    logits = torch.tensor([[[[20.0, -20.0], [-20.0, 20.0]]]])
    target = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    # two of four pixels wrong by 20 logits: cross-entropy 10; overlap 1 of 2 + 2: Dice 0.5
    assert torch.isclose(segmentor.segmentor_loss(logits, target), torch.tensor(0.5 * 10 + 0.5 * 0.5), atol=1e-3)


def test_freezing_changes_no_logit():
    model = segmentor.UNeXt()
    for _ in range(3):  # statistics that are not those of the start
        model(torch.rand(4, 3, 64, 64) * 2 + 1)
    x = torch.rand(2, 3, 64, 64)
    want = model.eval()(x)
    frozen = segmentor.freeze(model)
    assert torch.allclose(frozen(x), want, atol=1e-4)
    assert not [m for m in frozen.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_frozen_model_passes_gradients_to_its_input_only():
    model = segmentor.freeze(segmentor.UNeXt())
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    model(x).sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("share", [0, 1])
def test_a_segmentor_that_sees_nothing_or_vessel_everywhere_is_refused_and_the_images_listed(share, tmp_path):
    maps, ids, listed = np.full((3, 8, 8), 0.2 + 0.6 * share), ["a", "NA", "007"], tmp_path / "suspects.csv"
    with pytest.raises(UserError, match=rf"marks {100 * share} % of the pixels of 3 images as vessel.*more epochs"):
        segmentor.check_sighted(maps, ids, listed)
    table = pd.read_csv(listed, dtype={"image": str}, keep_default_na=False)
    assert table["image"].tolist() == ids and (table["marked"] == 100 * share).all()
    listed.unlink()
    maps[1, 2:4] = 1 - maps[1, 2:4]  # 16 of 192
    if share:
        with pytest.raises(UserError, match=rf"expected 0\.1 to 50 %.*listed in {listed}"):
            segmentor.check_sighted(maps, ids, listed)
        assert pd.read_csv(listed)["marked"].tolist() == [100, 75, 100]
    else:
        segmentor.check_sighted(maps, ids, listed)
        assert not listed.exists()
