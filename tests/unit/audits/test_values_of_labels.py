"""Which values count as positive, negative or neither; whatever could be read in two ways is refused."""

import numpy as np
import pytest

from tests.unit.audits.audited import galaxies, message
from workflow_scripts import audit
from workflow_scripts.audits.audit_options import audited_sources, check_audit_options
from workflow_scripts.audits.galaxy_pieces import overview
from workflow_scripts.audits.suite import meanings_of
from workflow_scripts.errors import InputError

_BAR = np.resize(["None", "Weak", "Strong", "None"], 120)
_EARLY = np.resize(["E", "S"], 120)


@pytest.fixture
def taken(tmp_path):
    """What the values of columns are taken for, by part: `taken({"k": values}, "--label", "k")`."""

    def read(columns: dict, *options: str) -> dict[str, dict[str, str]]:
        galaxies(120).assign(**columns).to_csv(tmp_path / "c.csv", index=False)
        arguments = audit.parser.parse_args([str(tmp_path / "c.csv"), "--output", str(tmp_path / "o"), *options])
        check_audit_options(arguments)
        source, _ = audited_sources(arguments)
        classes = overview(source).classes
        meanings = meanings_of(source, classes)
        return {part: {value: meanings[part].taken_for(value) for value in classes[part]} for part in meanings}

    return read


@pytest.mark.parametrize(
    ("values", "options", "positive", "negative"),
    [
        (_EARLY, [], ["S"], ["E"]),
        (_EARLY, ["--positive", " E "], ["E"], ["S"]),
        (np.resize([1.0, 0.0, np.nan], 120), ["--positive", "+1"], ["1"], ["0"]),
        (np.resize(["+1", "1", "0"], 120), [], ["+1", "1"], ["0"]),
        (np.resize(["E", "e", "S"], 120), ["--positive", "E", "e"], ["E", "e"], ["S"]),
        (_BAR, ["--positive", "Strong", "--rest"], ["Strong"], ["None", "Weak"]),
        (_BAR, ["--positive", "Strong", "--negative", "None"], ["Strong"], ["None"]),
        (_BAR, ["--positive", "Strong", "--missing", "None"], ["Strong"], ["Weak"]),
        (np.resize(["E", "--", "S"], 120), ["--missing=--"], ["S"], ["E"]),
        (np.resize(["E", "--", "S"], 120), ["--positive", "S", "--negative", "E", "--negative=--"], ["S"], ["--", "E"]),
        (np.arange(120) / 120, ["--positive", ">= 0.5", "--rest"], [">= 0.5"], ["< 0.5"]),
        (np.arange(120) % 16 - 5, ["--positive", ">= 1", "--negative", "< -3"], [">= 1"], ["< -3"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_values(taken, values, options, positive, negative):
    found = taken({"k": values}, "--label", "k", *options)["annotation0"]
    assert sorted(value for value, what in found.items() if what == "positive") == positive
    assert sorted(value for value, what in found.items() if what == "negative") == negative


def test_columns_with_words_of_their_own(taken):
    columns = {"k": _EARLY, "one": np.resize([0, 1], 120), "bar": _BAR}
    found = taken(columns, "--label", "k", "one", "--positive", "k=E", "one=0")
    assert found == {
        "annotation0": {"E": "positive", "S": "negative"},
        "annotation1": {"0": "positive", "1": "negative"},
    }
    found = taken(columns, "--label", "bar", "one", "--positive", "bar=Strong", "one=1", "--rest", "bar")
    assert found["annotation1"] == {"0": "negative", "1": "positive"}
    assert found["annotation0"]["Weak"] == "negative"


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        (_BAR, ["--positive", "strong"], "has no class 'strong' (--positive), expected one of None 60, Strong 30"),
        (_BAR, ["--positive", "Strong"], "has 3 classes (None 60, Strong 30, Weak 30), expected two, or the meaning"),
        (_BAR, ["--positive", "Strong", "Weak", "None"], "are of one kind"),
        (np.resize(["E", "e", "S"], 120), ["--positive", "E"], "'e' differs from another one in upper and lower case"),
        (np.resize(["E", "e", "S"], 120), ["--positive", "E", "--rest"], "'e' differs from another one"),
        (np.resize(["1", "+1"], 120), [], "has one class only (+1, 1)"),
        (np.arange(120) / 120, ["--positive", ">= 0.5"], "of numbers, both --positive and --negative are ranges"),
        (np.arange(120) / 120, ["--positive", ">= 0.5", "< 0.1", "--rest"], "expected --negative with the ranges"),
        (np.arange(120) / 120, [], "classes of numbers are ranges (--positive '>= 0.5')"),
        (np.arange(120) / 120, ["--positive", "k=0.5", "other=3"], "'other=3', which is for none of the columns k"),
        *((np.resize(["E", hole, "S"], 120), ["--positive", "S", "--rest"], f"as --missing='{hole}' or as --negative")
          for hole in ("--", "\\N", "-999", "nan", "N/A", "null", "unknown")),
        *((np.resize(["E", "E", hole], 120), [], f"'{hole}' looks like a placeholder") for hole in ("NA", "99", "?")),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_could_mean_two_things_is_refused(taken, values, options, expected):
    with pytest.raises(InputError) as stopped:
        taken({"k": values}, "--label", "k", *options)
    assert expected in str(stopped.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--score", "score", "--positive", ">= .8"], "--positive needs --label; of scores alone, --threshold says"),
        (["--score", "score", "--threshold", "0.9"], "all 120 scores are < 0.9, expected some on either side"),
        (["--score", "label"], "'label' (--score) holds"),
        (["--compare-positive", "x"], "--compare-positive needs --compare"),
        (["--label", "label", "--reference", "second", "--reference-positive", "x"], "(--reference-positive)"),
        (["--label", "label", "second", "--positive", "Sp"], "--positive 'label=VALUE' is for this column alone"),
    ],
)
def test_the_option_that_settles_it_is_named(taken, options, expected):
    with pytest.raises(InputError) as stopped:
        taken({}, *options)
    assert expected in str(stopped.value)


def test_a_second_column_with_other_words_has_no_guessed_meaning(tmp_path):
    table = galaxies(60)
    table["machine"] = np.where(table["second"] == "spiral", "disk", "spheroid")
    table.to_csv(tmp_path / "c.csv", index=False)
    sentence = message(tmp_path / "c.csv", tmp_path / "out", "--label", "label", "machine")
    assert "column 'machine' has classes of its own" in sentence
    assert "--positive machine=VALUE" in sentence
