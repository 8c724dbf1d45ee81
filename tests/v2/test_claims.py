"""The extended paper's claims name arms, sets and sources that there are."""

from dataclasses import replace

import pytest

from vasolib.study import ROOT, Study
from vasolib.v2.claims import CLAIMS, ExtendedClaim
from vasolib.v2.published import ROWS
from vasolib.v2.scores import GUIDES, main_methods
from vasolib.v2.study import Extended


@pytest.fixture(scope="module")
def extended() -> Extended:
    return Extended.beside(Study.load(ROOT))


def test_ids_and_words_are_their_own():
    assert len({claim.id for claim in CLAIMS}) == len({claim.text for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_about_arms_that_are_run_on_its_tasks(claim: ExtendedClaim, extended: Extended):
    assert claim.source in {"", *ROWS}
    assert claim.where([s for task in claim.tasks for s in extended.params.sets[task]])
    for arm in {arm for pair in claim.pairs() for arm in pair}:
        if claim.id == "detection":
            assert arm in extended.params.detect.all
        elif claim.id == "labels":
            assert arm in extended.params.labels.all and 10 in extended.params.percents
        elif claim.id == "rank":
            assert arm in main_methods(extended)
        elif claim.id == "guides" and arm != "vasomim_v2":
            assert arm in GUIDES
        elif claim.id in ("published", "judge") and arm != "vasomim_v2":
            assert arm in {*extended.params.external, "distilled"} and arm not in extended.params.pretrain
        else:
            assert arm in (*extended.params.scratch, *extended.params.pretrain)
            assert set(claim.tasks) <= set(extended.tasks_of(arm))


def test_ranks_and_rivals_cover_the_main_table(extended: Extended):
    (claim,) = [claim for claim in CLAIMS if claim.id == "rank"]
    assert set(claim.better.split()) == set(main_methods(extended)) - {"vasomim_v2"}


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
def test_the_third_encoder_is_the_largest(extended: Extended, scale: str):
    widths = {name: values["embed_dim"] for name, values in extended.scale_named(scale).encoders.items()}
    own = extended.study.scale_named(scale).encoder.embed_dim
    assert widths["third"] > max(own, widths["second"])


def test_every_published_encoder_is_claimed_to_be_beaten_and_compared_once_it_is_there(extended: Extended):
    (claim,) = [claim for claim in CLAIMS if claim.id == "published"]
    assert set(claim.worse.split()) == set(extended.params.external)
    there = replace(extended, params=replace(extended.params, published=["rad_dino"]))
    assert set(main_methods(there)) - set(main_methods(extended)) == {"rad_dino"}
    assert main_methods(there)[-1] == "vasomim_v2"
