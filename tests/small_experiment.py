"""A small experiment that runs to the end in a minute, for tests of the workflow as a whole; one that is only read."""

from typing import Any

MATCHING = {"per_class": 8, "bins": {}, "shortfall": "redistribute", "disjoint": False}
CONFIG = {
    "active_experiments": ["first"],
    "catalogs": {"sky": {"source": "simulated", "n_galaxies": 240, "seed": 3, "split": {"annotation_fraction": 0.4}}},
    "surveys": {
        "pixels": {
            "kind": "simulated",
            "catalog": "sky",
            "equal_tiles": 3,
            "cutout": {"size_px": 32, "pixel_scale_arcsec": 0.8},
        }
    },
    "recipes": {"small": {"size_px": 32}},
    "matchings": {"loose": dict(MATCHING), "other": dict(MATCHING)},
    "footprints": {
        "east": {"region": {"ra_range": [0, 180]}, "matching": "loose"},
        "west": {"region": {"ra_range": [180, 360]}, "matching": "loose"},
        "north": {"region": {"dec_range": [0, 90]}, "matching": "other"},
    },
    "networks": {"net": {"architecture": "lenet5", "recipe": "small", "epochs": 1, "batch_size": 8}},
    "experiments": {
        "first": {
            "survey": "pixels",
            "arms": {
                "halves": {"footprints": ["east", "west"], "networks": ["net"], "resamples": [0], "seeds": [0]},
                "control": {"footprints": ["north"], "networks": ["net"], "resamples": [0], "seeds": [0]},
            },
            "opposite": [["east", "west"]],
            # One training set a side: it runs, and answers nothing.
            "allow_unanswerable": True,
            "tests": {"permutations": 100},
        }
    },
}


def rotating_and_halves(arms: dict[str, Any], matching: dict[str, Any], **experiment: Any) -> dict[str, Any]:
    """A configuration that compares hemispheres, and two halves of the sky, in the `arms` of its experiment `main`."""
    return {
        "active_experiments": ["main"],
        "catalogs": {"sky": {"source": "simulated"}},
        "surveys": {"survey": {"kind": "simulated", "catalog": "sky"}},
        "recipes": {"rgb32": {}},
        "matchings": {"standard": matching},
        "footprints": {
            "rotating": {"region": {"rotating": "hemispheres"}, "matching": "standard"},
            "east": {"region": {"ra_range": [0, 180]}, "matching": "standard"},
            "west": {"region": {"ra_range": [180, 360]}, "matching": "standard"},
        },
        "networks": {"net": {"architecture": "lenet5", "recipe": "rgb32"}},
        "experiments": {"main": {"survey": "survey", "arms": arms, "opposite": [["east", "west"]], **experiment}},
    }
