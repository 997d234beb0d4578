"""Mails in MJML look as the compiler of MJML's own authors draws them."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import jinja2
import pytest

from nurture.project.mjml import compile_mjml
from nurture.render.mail import compile_mail, render_mail
from tests.contracts.mjml_reading import jinja_tags, outlook_widths, reading
from tests.render.mails import ALLOWED, ENVELOPE, PARTIALS, VALUES, link_url, mail_of

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "reference" / "project-files.md"
SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in (HERE / "mjml").glob("*.mjml")}
GUIDE = HERE.parent / "render" / "guide.mjml"
SOURCES["guide"] = GUIDE.read_text(encoding="utf-8").replace('A "sensor"', "A sensor")
SOURCES["docs"] = DOCS.read_text(encoding="utf-8").split("```html mjml\n")[1].split("---\n")[2]
SOURCES["docs"] = SOURCES["docs"].split("```")[0]
OURS = {name: compile_mjml(source).html for name, source in SOURCES.items()}
ALIKE = sorted(SOURCES.keys() - {"differences"})
DRAWN = ("blocks", "columns", "manners")
WIDTHS = (600, 375)

PICTURE = "https://www.havelock-air.example/hall.png"
DRAWING = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='300' height='200'/%3E"
)
PROBE = """
<script>addEventListener('load', () => {
  const found = {};
  for (const frame of document.querySelectorAll('iframe')) {
    const page = frame.contentDocument, seen = [];
    const walk = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node; (node = walk.nextNode());) {
      const text = node.nodeType === 3 && node.textContent.trim().replace(/\\s+/g, ' ');
      if (!text && !['A', 'IMG', 'TH', 'TD'].includes(node.tagName)) continue;
      const range = page.createRange();
      if (text) range.selectNodeContents(node);
      const box = (text ? range : node).getBoundingClientRect();
      if (box.width > 0) seen.push([text || node.tagName, box.x, box.y, box.width, box.height]);
    }
    found[frame.id] = seen;
  }
  document.getElementById('found').textContent = JSON.stringify(found);
});</script><pre id=found></pre>
"""

# What stands where: a text or the name of an element, its left and upper edge, width and height.
Boxes = list[tuple[str, float, float, float, float]]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return their page for each source; they would refuse what is not MJML."""
    folder = tmp_path_factory.mktemp("mjml")
    for name, source in SOURCES.items():
        (folder / f"{name}.mjml").write_text(source, encoding="utf-8")
    command = ["node", str(HERE / "compile_mjml.cjs"), *map(str, sorted(folder.iterdir()))]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120)
    pages: dict[str, str] = json.loads(done.stdout)
    return pages


@pytest.fixture(scope="module")
def drawn(theirs: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Boxes]:
    """Return where a browser puts everything: ours as it is sent, theirs with the same values."""
    folder = tmp_path_factory.mktemp("drawn")
    pages = {f"{name}-theirs": _filled(theirs[name]) for name in DRAWN}
    pages |= {f"{name}-ours": _sent(OURS[name]) for name in DRAWN}
    frames = []
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page.replace(PICTURE, DRAWING), encoding="utf-8")
        frames += [
            f'<iframe id="{name}-{width}" src="{name}.html" width="{width}" height="900"></iframe>'
            for width in WIDTHS
        ]
    (folder / "page.html").write_text(f"<!doctype html>{''.join(frames)}{PROBE}")
    found: dict[str, Boxes] = json.loads(_dump(folder))
    return found


@pytest.mark.parametrize("name", ALIKE)
def test_a_reader_meets_the_same_texts_links_and_pictures(
    name: str, theirs: dict[str, str]
) -> None:
    assert reading(OURS[name]) == reading(theirs[name])


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_same_tags_of_jinja_come_through(name: str, theirs: dict[str, str]) -> None:
    assert jinja_tags(OURS[name]) == jinja_tags(theirs[name])
    written = re.sub(r"<!--.*?-->", "", SOURCES[name])
    assert set(jinja_tags(OURS[name])) == set(jinja_tags(written))


@pytest.mark.parametrize("name", ALIKE)
def test_outlook_is_given_the_same_widths(name: str, theirs: dict[str, str]) -> None:
    assert outlook_widths(OURS[name]) == pytest.approx(outlook_widths(theirs[name]), abs=1)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", DRAWN)
def test_a_browser_draws_it_in_the_same_places(
    name: str, width: int, drawn: dict[str, Boxes]
) -> None:
    ours, theirs = (drawn[f"{name}-{who}-{width}"] for who in ("ours", "theirs"))
    assert [box[0] for box in ours] == [box[0] for box in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=2), one[0]
    assert len(ours) > 10


def test_nothing_differs_but_what_the_documentation_tells(theirs: dict[str, str]) -> None:
    """When this fails, `DOCS` tells something that is over, or too little."""
    pairs = zip(reading(OURS["differences"]), reading(theirs["differences"]), strict=True)
    apart = [(one, other) for one, other in pairs if one != other]
    told = [
        ("<a href=https://www.havelock-air.example/night ", "title=Opens the page"),
        ("<a href=https://www.havelock-air.example/sensor>", "title=The sensor"),
        ('alt=A "sensor"', "alt=A  src"),
    ]
    for (one, other), (ours, reference) in zip(apart, told, strict=True):
        assert ours in one
        assert reference in other
        assert reference not in one


def _filled(page: str) -> str:
    environment = jinja2.Environment(autoescape=True)
    return environment.from_string(page).render(VALUES)


def _sent(page: str) -> str:
    template = compile_mail(mail_of(page), PARTIALS, allowed=ALLOWED)
    return render_mail(template, VALUES, envelope=ENVELOPE, link_url=link_url).html


def _dump(folder: Path) -> str:
    page = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--allow-file-access-from-files", f"--user-data-dir={folder}/data",
            "--virtual-time-budget=3000", "--dump-dom", f"file://{folder}/page.html",
        ],
        capture_output=True, check=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    return html.unescape(page.split('<pre id="found">')[1].split("</pre>")[0])
