"""An experiment from tables alone: answers without images and training, and what one changed table repeats."""

import numpy as np
import pandas as pd
import pytest

from tests.planned import counted_by_snakemake
from tests.workflow_copy import WorkflowCopy
from workflow_scripts.sky.unit_vectors import unit_vectors

pytestmark = pytest.mark.slow

# Centres of the faces of an octahedron, about.
AXES = {
    f"at{number}": (ra, dec) for number, (dec, ra) in enumerate((d, r) for d in (35, -35) for r in (45, 135, 225, 315))
}
PLANTED = unit_vectors(120, 30)
SUMMARY = "results/bias/tables/summary.json"
CONFIG = {
    "active_experiments": ["tables"],
    "footprints": {name: {"axis": {"ra": ra, "dec": dec}} for name, (ra, dec) in AXES.items()},
    "experiments": {
        "tables": {
            "annotations": {"path": "given/{footprint}/seed{seed:02d}.csv", "source_id": "galaxy"},
            "arms": {"axes": {"footprints": list(AXES)}},
        }
    },
}


def annotations_of(axis, seed, n=1200):
    """Labels of a classifier whose fraction of spirals follows the axis of its footprint, by 0.1 from end to end."""
    sky, noise = np.random.default_rng(0), np.random.default_rng(seed)
    ra, dec = 360 * sky.random(n), np.degrees(np.arcsin(2 * sky.random(n) - 1))
    share = 0.5 + 0.05 * PLANTED @ unit_vectors(*axis) + noise.normal(0, 0.002)
    kind = np.where(sky.random(n) < share, "spiral", "elliptical")
    table = pd.DataFrame({"galaxy": [f"g{number}" for number in range(n)], "RA": ra, "Dec": dec, "label": kind})
    return table.sample(frac=1, random_state=seed)


@pytest.fixture
def tables(repository, tmp_path):
    """A copied workflow with the tables of an experiment, from which nothing is made yet."""
    workflow = WorkflowCopy(repository, tmp_path)
    workflow.write_config(CONFIG)
    for seed, (name, axis) in enumerate(AXES.items()):
        path = workflow.analysis / "given" / name / "seed00.csv"
        path.parent.mkdir(parents=True)
        annotations_of(axis, seed).to_csv(path, index=False)
    return workflow


def test_answers_come_from_tables_alone_and_a_changed_one_repeats_its_run(tables):
    planned = counted_by_snakemake(tables.snakemake("--dry-run").stdout)
    assert planned == {
        **{"make_catalog": 1, "list_galaxies": 1, "collect_annotations": len(AXES), "measure_bias": 1},
        **{"draw_runs": 1, "draw_sky_maps": 1, "write_verdict": 1, "all": 1, "total": len(AXES) + 7},
    }
    tables.snakemake(SUMMARY)
    summary = pd.read_json(tables.analysis / SUMMARY, typ="series")
    first = summary["answers"][0]
    assert first["question"] == "Does the training footprint change the annotated fraction?"
    assert first["answer"] == "yes"
    low, high = first["effect"]["ci95"]
    assert low < 0.1 < high
    response = next(test for test in summary["tests"] if test["name"] == "fraction_response")
    slope = np.array(response["estimate"])
    assert slope @ PLANTED / np.linalg.norm(slope) > 0.95
    changed = tables.analysis / "given" / "at3" / "seed00.csv"
    annotations_of(AXES["at3"], seed=99).to_csv(changed, index=False)
    repeated = tables.would_run()
    assert {path for rule, path in repeated if rule == "collect_annotations"} == {
        "results/inference/given/tables/at3/classifier/resample0_seed0/annotations.parquet"
    }
    after = {"measure_bias", "draw_runs", "draw_sky_maps", "write_verdict"}
    assert {rule for rule, _ in repeated} == {"collect_annotations", *after}


def test_a_correction_is_made_before_the_answers_and_a_changed_one_repeats_them_alone(tables):
    galaxies = pd.read_csv(tables.analysis / "given" / "at0" / "seed00.csv").drop(columns="label")
    galaxies["seeing"] = 1.2 + 0.1 * np.random.default_rng(5).normal(size=len(galaxies))
    galaxies.to_csv(tables.analysis / "galaxies.csv", index=False)
    columns = {"source_id": "galaxy", "ra": "RA", "dec": "Dec", "psf_fwhm_arcsec": "seeing"}
    experiment = CONFIG["experiments"]["tables"] | {"arms": {"axes": {"footprints": ["at0", "at6"]}}, "catalog": "seen"}

    def corrected(**keys):
        own = {**experiment, "allow_unanswerable": True, **keys}
        catalogs = {"seen": {"source": "file", "path": "galaxies.csv", "columns": columns}}
        tables.write_config(CONFIG | {"catalogs": catalogs, "experiments": {"tables": own}})
        return {rule for rule, _ in tables.would_run()}

    page = {"draw_runs", "draw_sky_maps", "write_verdict"}
    corrected(correction={"nside": 4})
    tables.snakemake(SUMMARY)
    last = pd.read_json(tables.analysis / SUMMARY, typ="series")["answers"][-1]
    assert (last["test"], last["answer"]) == ("corrected_dipole", "cannot tell")
    assert "2 training sets are too few" in last["because"][0]
    assert corrected(correction={"nside": 4}) == page
    assert corrected(correction={"nside": 8}) == {"correct_bias", "measure_bias"} | page
    assert corrected() == {"measure_bias"} | page
