"""Reading a page of the reports back: what is in it, and what a browser would have to guess."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "line", "rect"}  # of the elements that the pages use
APART = {"td", "th", "dt", "dd", "title", "desc", "text"}  # what a reader sees apart from what follows
UNQUOTED = re.compile(r"=\s*[^\s\"']")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """All elements of a page in their order, each with the text inside it, and what is wrong with the HTML."""

    source: str
    elements: list[Element] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.inside: list[Element] = []
        self.feed(self.source)
        self.close()
        self.wrong += [f"never closed: <{element.tag}>" for element in self.inside]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        written = re.sub(r'"[^"]*"', '""', self.get_starttag_text() or "")
        if UNQUOTED.search(written):
            self.wrong.append(f"an attribute without quotes: {written}")
        names = [attribute for attribute, _ in attrs]
        if len(set(names)) < len(names):
            self.wrong.append(f"an attribute twice: {written}")
        self.elements.append(Element(tag, {attribute: value or "" for attribute, value in attrs}))
        if tag not in VOID:
            self.inside.append(self.elements[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.inside or self.inside[-1].tag != tag:
            self.wrong.append(f"</{tag}> closes {[element.tag for element in self.inside]}")
        else:
            self.inside.pop()
            if tag in APART:
                self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self.inside:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def text(self, tag: str = "main") -> str:
        """The text of the first element of this tag, with single spaces."""
        return " ".join(self.all(tag)[0].text.split())


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def complaints(page: Page) -> list[str]:
    """What must not be in any page of ours."""
    wrong = list(page.wrong)
    wrong += [f"<{element.tag}>" for element in page.elements if element.tag in ("script", "img", "iframe", "link")]
    wrong += [f"{a} on <{e.tag}>" for e in page.elements for a in e.attributes if a.startswith("on")]
    wrong += re.findall(
        r"(?:href|src)=\"(?!#|feedback/[a-z0-9-]+\.html\")[^\"]*\"|url\(|@import|https?://", page.source
    )
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    wrong += [f"twice: id {one}" for one in sorted(set(ids)) if ids.count(one) > 1]
    named = {one for e in page.elements for one in e.attributes.get("aria-labelledby", "").split()}
    named |= {e.attributes["href"][1:] for e in page.all("a") if e.attributes["href"].startswith("#")}
    wrong += [f"no element has the id {one}" for one in sorted(named - set(ids))]
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch("h[1-6]", e.tag)]
    wrong += [f"h{after} comes after h{before}" for before, after in zip([0, *levels], levels) if after > before + 1]
    if levels.count(1) != 1:
        wrong.append(f"{levels.count(1)} headings of the first level")
    if page.all("html")[0].attributes.get("lang") != "en" or not page.text("title"):
        wrong.append("no language, or no title")
    for table in re.findall(r"<table>.*?</table>", page.source, re.DOTALL):
        if not table.startswith("<table>\n<caption>") or re.search(r"<th(?! scope=)", table.replace("<thead", "<")):
            wrong.append(f"a table without a caption, or a heading without a scope: {table[:80]}")
    return wrong
