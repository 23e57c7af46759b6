"""The page: plain in a pipe, in colour on a terminal, and short."""

import io
import re

import pytest

from workflow_scripts.answers.design_report import expected_findings
from workflow_scripts.planning.plan_page import console_for, print_page

STAGE = {
    "done": 1,
    "to_do": 2,
    "shared": 1,
    "why": {"new": 1, "parameters": 1},
    "changes": ["epochs: 1 -> 2"],
    "core_seconds": 90.0,
    "gpu_seconds": 0.0,
    "disk_bytes": 5_000_000,
    "from_records": False,
}
PLAN = {
    "config_files": ["config.yaml"],
    "directory": "analysis",
    "groups": {"experiment first": {"training": STAGE}},
    "total": STAGE,
    "target_rules": 1,
    "cores": 2,
    "slots": None,
    "wall_seconds": 45.0,
    "memory_mb": {"largest_job": 500.0, "at_once": 900.0, "machine": 8000.0, "requests_too_little": {}},
    "download": {"requests": 0, "bytes": 0},
    "disk": {"written_bytes": 5_000_000, "replaced_bytes": 0, "free_bytes": 10**12},
    "unknown_catalogs": [],
    "labelled": {},
    "unknown_downloads": [],
    "designs": {},
    "controls": {},
    "why": {},
    "remedies": {},
    "estimates": [
        {"kind": "train lenet5", "records": 0, "measured": "a laptop"},
        {"kind": "annotate lenet5", "records": 7, "measured": "a laptop"},
    ],
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def page(stream=None, **changes):
    stream = io.StringIO() if stream is None else stream
    print_page(PLAN | changes, console_for(stream))
    return stream.getvalue()


@pytest.fixture(autouse=True)
def a_terminal_with_colours(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_plain_in_a_pipe_and_coloured_on_a_terminal(monkeypatch):
    assert "\x1b[" not in page()
    assert "\x1b[3" in page(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in page(Terminal())


def test_what_is_estimated_without_records_is_marked():
    text = page()
    assert "~2 minutes" in text
    assert "time      ~45 s on 2 cores" in text
    assert text.endswith(
        "\nestimates by 7 jobs that ran in this folder: 1 of 2 kinds of work\n"
        "          marked ~ as shipped, measured on another machine: 1 of 2 kinds of work\n"
    )
    assert "by 7 jobs" not in page(estimates=PLAN["estimates"][:1])
    assert "as shipped" not in page(estimates=PLAN["estimates"][1:])


def test_long_lines_go_on_below_their_beginning_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    catalogs = {"unknown_catalogs": ["zoo"]}
    lines = re.sub(r"\x1b\[[\d;]*m", "", page(Terminal(), **catalogs)).splitlines()
    start = next(number for number, line in enumerate(lines) if "all numbers here are too low" in line)
    assert lines[start + 1].startswith(" " * 10)
    assert lines[start + 1][10:11].strip()
    assert max(map(len, lines)) <= 60
    # In a pipe it is one line.
    assert any("too low" in line and line.endswith("fetched") for line in page(**catalogs).splitlines())


def test_why_is_given_with_counts_and_keys():
    assert "new 1, parameters 1 (epochs: 1 -> 2)" in page()
    assert "2 to do (Snakemake counts 1 more, which names targets), 1 done" in page()


def test_too_little_disk_and_memory_are_named():
    assert "too little" in page(disk=PLAN["disk"] | {"free_bytes": 1000})
    assert "more than this machine has" in page(memory_mb=PLAN["memory_mb"] | {"machine": 600.0})
    assert "more than" not in page(slots=10, memory_mb=PLAN["memory_mb"] | {"machine": 600.0})


def test_jobs_that_request_too_little_memory_are_named():
    assert "requests" not in page()
    text = page(memory_mb=PLAN["memory_mb"] | {"requests_too_little": {"train": [3000.0, 2000]}})
    assert "train (3.15 GB, requests 2.1 GB)" in text


def test_catalogs_of_unknown_size_are_named():
    text = page(unknown_catalogs=["zoo"], unknown_downloads=["sdss_images"])
    assert "all numbers here are too low: the number of galaxies of zoo is not known" in text
    assert "not known yet; the head of the experiment file gives it for sdss_images" in text


def test_how_many_galaxies_have_a_label_is_stated_where_the_others_are_dropped():
    assert "unlabelled" not in page()
    text = page(labelled={"zoo": 12_500, "large": None})
    assert "\ngalaxies  of zoo only those with a label (unlabelled: drop): 12,500\n" in text
    assert "of large only those with a label (unlabelled: drop): not counted before the catalog is made" in text


def test_downloads_are_counted():
    assert "\ndownload  nothing\n" in page()
    assert "1200 requests, 3 MB" in page(download={"requests": 1200, "bytes": 3_000_000})


def test_what_is_known_of_a_design_stands_below_its_table():
    row = {"name": "fraction_contrast", "network": "net", "compared": "6 + 6 training sets of a and b"}
    design = {
        "problems": ["a and b have the same region"],
        "galaxies": ["footprints.a, class spiral: 3 galaxies"],
        "notes": ["a and b have 20% of the smaller region in common"],
        "tests": [{**row, "smallest_p_adjusted": 0.004, "power": [0.5, 0.75], "scatter": None}],
        "effect": 0.05,
    }
    lines = page(designs={"first": design}).splitlines()
    start = lines.index("design    cannot answer: a and b have the same region")
    assert start < lines.index(next(line for line in lines if line.startswith("jobs")))
    assert [line.strip() for line in lines[start + 1 : start + 5]] == [
        "footprints.a, class spiral: 3 galaxies",
        "a and b have 20% of the smaller region in common",
        "fraction_contrast (6 + 6 training sets of a and b): power 0.50 to 0.75 for a change of the fraction by 0.05",
        expected_findings(design)[1],
    ]
    # Without a catalog nobody knows.
    uncounted = "whether there are enough galaxies for every training set is checked once the cutouts are there"
    assert [uncounted in page(designs={"first": design | {"galaxies": known}}) for known in (None, [])] == [True, False]
    # Other experiments have no design of theirs to show.
    assert "cannot answer" not in page(designs={"second": design})


def test_controls_are_named_with_what_they_add():
    done = STAGE | {"to_do": 0, "done": 3}
    lines = page(controls={"first": {"dose": STAGE, "placebo": done}}).splitlines()
    start = lines.index("controls  dose adds 3 jobs, 2 to do: core time ~2 minutes, disk 5 MB")
    assert lines[start + 1].strip() == "placebo adds 3 jobs, all done"
    assert "controls" not in page(controls={"second": {"dose": STAGE}})


def test_remedies_are_named_with_what_they_add():
    one = STAGE | {"to_do": 1, "done": 0}
    lines = page(remedies={"first": {"mixed_sky": STAGE, "ensemble": one}}).splitlines()
    start = lines.index("remedies  mixed_sky adds 3 jobs, 2 to do: core time ~2 minutes, disk 5 MB")
    assert lines[start + 1].strip().startswith("ensemble adds 1 job, 1 to do")
