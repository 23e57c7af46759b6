"""What is rendered into docs/ is as the program that it is rendered from."""

import re

import pytest

from website import command_lines, stage_diagram
from workflow_scripts import __main__ as command


def test_command_lines_are_those_of_the_parsers():
    page = command_lines.rendered_page()
    assert command_lines.DOCUMENT.read_text(encoding="utf-8") == page, "run `make docs`"
    for name in command._BY_HAND:
        assert f"\n## skybias {name}\n" in page, f"{name}: website/command_lines.py lacks a command that people start"
    assert "| `--expected FRACTION` | expected fraction of the positive class" in page
    # What two commands share stands once.
    assert page.count("| `--largest-loss SHARE`") == 1


def test_the_picture_of_the_workflow_is_that_of_its_rules():
    arrows = stage_diagram.rule_graph()
    assert len(arrows) > 40
    picture = stage_diagram.PICTURE.read_text(encoding="utf-8")
    assert picture == stage_diagram.drawing(arrows), "run `make pictures`"
    assert len(picture) < 200_000


def test_the_gallery_shows_every_kind_of_page_in_pictures_of_at_most_200_kb():
    gallery = (command.ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"\(pictures/([a-z_]+\.png)\)", gallery)
    assert shown == ["experiment_page.png", "audit_page.png", "plan_page.png"]
    pictures = sorted((command.ROOT / "docs" / "pictures").glob("*.png"))
    assert set(shown) < {picture.name for picture in pictures}
    assert all(picture.stat().st_size < 200_000 for picture in pictures)


def test_a_rule_without_a_place_in_the_picture_is_an_error():
    with pytest.raises(KeyError, match="new_rule"):
        stage_diagram.drawing({("train", "new_rule")})


def test_arrows_that_others_imply_are_left_out():
    arrows = {("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d")}
    assert stage_diagram.without_implied(arrows) == {("a", "b"), ("b", "c"), ("c", "d")}
