"""Catalogs of services in the configuration: their mistakes, their defaults, and what each step reads of them."""

import re

import pytest
import yaml

from tests.unit.configuration.test_validation_sentences import BASE, merged, sentence
from workflow_scripts.configuration.loading import load

ZOO = """
catalogs:
  zoo:
    source: skyserver
    query: galaxy_zoo_1
    columns: {source_id: objid, ra: ra, dec: dec}
    label_votes: {elliptical: {p_el_debiased: 0.8}, spiral: {p_cs_debiased: 0.8}}
"""
DIGEST = "0123456789abcdef" * 4
FILE = f"source: url, url: 'https://example.org/a/zoo.csv.gz?x=1', sha256: {DIGEST}, columns: {{ra: ra, dec: dec}}"


def configuration(*overlays: str):
    config = yaml.safe_load(BASE)
    for overlay in overlays:
        config = merged(config, yaml.safe_load(overlay))
    return load(config)


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ("{query: galaxy_zoo_3}", "'galaxy_zoo_3'; did you mean 'galaxy_zoo_.'"),
        ("{sql: SELECT a FROM b, key: a}", "has both query and sql, expected one of them"),
        ("{query: null}", "has neither query nor sql"),
        ("{query: null, sql: SELECT a FROM b}", "zoo.key is expected with sql, and only with it"),
        ("{query: null, sql: SELECT a FROM b, key: a; drop}", "'a; drop', expected a letter followed by"),
        ("{url: skyserver.sdss.org}", "'skyserver.sdss.org', expected an address with http"),
        ("{queries_per_minute: 60}", "is 60, expected at most 50"),
        ("{columns: {label: spiral}}", "label_votes is given beside columns.label, expected one of them"),
        ("{label_votes: {spirals: {a: 1}}}", "is 'spirals'.*did you mean 'spiral'"),
        ("{classes: [elliptical, merger]}", "is 'spiral', which is not in catalogs.zoo.classes"),
        ("{label_votes: {spiral: {p_cs_debiased: high}}}", "is 'high', expected a number"),
    ],
)
def test_mistakes_are_one_sentence(overlay, words):
    mistake = yaml.safe_dump(merged(yaml.safe_load(ZOO), {"catalogs": {"zoo": yaml.safe_load(overlay)}}))
    assert re.search(words, sentence(mistake))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("source: url, url: 'https://example.org/zoo', sha256: 00, columns: {ra: ra, dec: dec}", "expected text"),
        (FILE.replace(DIGEST, "z" * 64), "expected 64 hex digits"),
        (FILE.replace(".csv.gz", ".php"), "format is null, and the address does not show it"),
        ("source: tap, url: 'ftp://a', sql: SELECT a FROM b, columns: {ra: ra, dec: dec}", "expected an address with"),
    ],
)
def test_mistakes_in_tables_of_the_web(entry, words):
    assert words in sentence(f"catalogs: {{web: {{{entry}}}}}")


def test_where_the_rows_come_from():
    tap = "catalogs: {tap: {source: tap, url: 'https://a/tap', sql: SELECT 1, columns: {ra: ra, dec: dec}}}"
    settings = configuration(ZOO, f"catalogs: {{web: {{{FILE}}}}}", tap)
    assert settings.catalog_source("zoo") == "results/catalog/zoo/answer.parquet"
    assert settings.catalog_source("tap") == "results/catalog/tap/answer.parquet"
    assert settings.catalog_source("web") == "results/catalog/web/download.csv.gz"
    assert settings.catalog_source("table") == "galaxies.csv"
    assert settings.catalog_source("sky") == "results/catalog/sky/truth.parquet"


def test_a_hygiene_edit_asks_nothing_and_another_pace_changes_nothing():
    before = configuration(ZOO)
    cleaned = configuration(ZOO, "catalogs: {zoo: {hygiene: {radius_arcsec: 5}, label_votes: {spiral: {nvote: 9}}}}")
    assert cleaned.query_parameter("zoo") == before.query_parameter("zoo")
    assert cleaned.catalog_parameter("zoo") != before.catalog_parameter("zoo")
    slower = configuration(ZOO, "catalogs: {zoo: {queries_per_minute: 5, page_rows: 1000}}")
    assert slower.query_parameter("zoo") == before.query_parameter("zoo")
    assert slower.catalog_parameter("zoo") == before.catalog_parameter("zoo")
    assert slower.query_limits("zoo") == ["--page-rows", "1000", "--queries-per-minute", "5"]
    other = configuration(ZOO, "catalogs: {zoo: {query: galaxy_zoo_2}}")
    assert other.query_parameter("zoo") != before.query_parameter("zoo")
    assert other.catalog_parameter("zoo") == before.catalog_parameter("zoo")


def test_training_sets_of_a_sample_are_smaller_where_they_say_so():
    sized = "matchings: {loose: {per_class: 900, per_class_of_sample: 5}}"
    assert configuration(sized).footprint("north")["matching"]["per_class"] == 900
    assert configuration(sized, "sample: 2000").footprint("north")["matching"]["per_class"] == 5
    assert configuration("sample: 2000").footprint("north")["matching"]["per_class"] == 600
    assert "per_class_of_sample" not in configuration(sized).footprint("north")["matching"]
