"""The documentation site builds without a warning, and its pages request nothing from elsewhere."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

# What a browser fetches by itself; a link that the reader follows is none of it.
FETCHED = {"src", "srcset", "poster", "data", "background"}
FETCHED_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}
OUTSIDE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)

pytestmark = pytest.mark.long


class Requests(HTMLParser):
    """Collects the addresses that a page fetches."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        self.addresses += [value for name, value in given.items() if name in FETCHED]
        if tag == "link" and FETCHED_LINKS & set(given.get("rel", "").lower().split()):
            self.addresses.append(given.get("href", ""))
        self.addresses += styled(given.get("style", ""))


def styled(css: str) -> list[str]:
    """Addresses in a style sheet."""
    return re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""", css)


def outside(addresses: list[str]) -> list[str]:
    return [address for address in addresses if OUTSIDE.match(address)]


def built(root: Path, folder: Path, docs: Path) -> subprocess.CompletedProcess:
    command = [root / ".venv-site/bin/python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q"]
    return subprocess.run(
        [*command, "-d", folder / "doctrees", "-c", root / "website", docs, folder / "site"],
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module", autouse=True)
def _site_environment(repository):
    command = ["make", "--no-print-directory", "site-environment"]
    made = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=600)
    if made.returncode:
        pytest.skip(f"what the site needs could not be installed: {made.stderr.strip()[-300:]}")


@pytest.fixture(scope="module")
def site(repository, tmp_path_factory) -> Path:
    """The pages of `make site`."""
    folder = tmp_path_factory.mktemp("site")
    command = ["make", "--no-print-directory", "site", f"SITE={folder}"]
    made = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr[-3000:]
    return folder


def test_every_document_is_a_page(site, repository):
    documents = {path.stem for path in (repository / "docs").glob("*.md")}
    assert len(documents) > 25
    assert documents - {path.stem for path in site.glob("*.html")} == set()


def test_pages_request_nothing_from_elsewhere(site):
    found = {}
    for page in site.rglob("*.html"):
        requests = Requests()
        text = page.read_text(encoding="utf-8")
        requests.feed(text)
        requests.addresses += styled(" ".join(re.findall(r"<style.*?</style>", text, re.DOTALL)))
        assert len(requests.addresses) > 3, page.name
        found[page.name] = outside(requests.addresses)
    sheets = list(site.rglob("*.css"))
    assert sheets
    found |= {sheet.name: outside(styled(sheet.read_text(encoding="utf-8"))) for sheet in sheets}
    # Scripts name addresses in comments; none loads one.
    loads = re.compile(r"""(?:fetch|import|importScripts|open)\(\s*["'`]https?://|\.src\s*=\s*["'`]https?://""")
    found |= {script.name: loads.findall(script.read_text(encoding="utf-8")) for script in site.rglob("*.js")}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


def test_outside_addresses_are_seen():
    requests = Requests()
    requests.feed(
        '<img src="https://a.example/x.png"><link rel="preconnect" href="//b.example"><a href="https://c.example">c</a>'
        '<p style="background: url(http://d.example/y)">'
    )
    assert outside(requests.addresses) == ["https://a.example/x.png", "//b.example", "http://d.example/y"]


def test_formulas_are_drawn_by_the_browser(site):
    text = (site / "statistics.html").read_text(encoding="utf-8")
    assert text.count("<math") > 30
    assert "$" not in re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)


def test_a_broken_link_and_a_page_without_a_place_end_the_build(repository, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("index", "reruns"):
        shutil.copy(repository / "docs" / f"{name}.md", docs)
    (docs / "extra.md").write_text("# Extra\n\n[nowhere](nothing.md), [no heading](reruns.md#nothing)\n")
    failed = built(repository, tmp_path, docs)
    assert failed.returncode != 0
    for expected in (
        r"extra\.md: WARNING: document isn't included in any toctree",
        r"extra\.md:3: WARNING: .*not found: 'nothing\.md'",
        r"extra\.md:3: WARNING: local id not found in doc 'reruns': 'nothing'",
        r"index\.md.*nonexisting document 'tutorial'",
    ):
        assert re.search(expected, failed.stderr), failed.stderr
