"""The price of each remedy follows from shipped costs and the configuration."""

import copy

import pytest

from tests.small_experiment import CONFIG
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.remedy_runs import REMEDIES
from workflow_scripts.planning.remedy_prices import UNTREATED, remedy_prices
from workflow_scripts.planning.work import WorkSizes


def prices(remedies, galaxies=200_000, epochs=20):
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"]["n_galaxies"] = galaxies
    config["matchings"]["loose"]["per_class"] = config["matchings"]["other"]["per_class"] = 1000
    config["networks"]["net"]["epochs"] = epochs
    config["experiments"]["first"]["remedies"] = list(remedies)
    settings = load(config)
    return remedy_prices(settings, WorkSizes(settings), "first")


@pytest.fixture(scope="module")
def all_prices():
    return prices(REMEDIES)


def test_a_remedy_that_trains_as_much_costs_as_much(all_prices):
    assert set(all_prices) == {*REMEDIES, UNTREATED}
    own = all_prices[UNTREATED]
    assert all_prices["mixed_sky"] == all_prices["matched_imaging"] == pytest.approx(own, rel=0.2)
    assert all_prices["mixed_sky"] > own
    # Two networks, each on half of the galaxies and each annotating all.
    assert own < all_prices["strata"] < 2.5 * own
    # It draws no training sets, and each training costs more.
    long = prices(["degraded"], epochs=200)
    assert long["degraded"] > 1.1 * long[UNTREATED]
    assert all_prices["aligned"] > all_prices["degraded"]
    # Images of a recipe of their own.
    assert all_prices["homogenised"] > own + 100


def test_what_is_computed_from_annotations_costs_next_to_nothing(all_prices):
    computed = {all_prices[name] for name in ("ensemble", "templates", "prediction_powered")}
    assert len(computed) == 1
    assert computed.pop() < 0.1 * all_prices[UNTREATED]
    # Nothing is trained; eight times the annotations.
    assert all_prices["equivariant"] == prices(["equivariant"], epochs=200)["equivariant"]


def test_a_price_does_not_depend_on_the_other_remedies(all_prices):
    assert prices(["strata"])["strata"] == all_prices["strata"]
    assert prices([]) == {UNTREATED: all_prices[UNTREATED]}
