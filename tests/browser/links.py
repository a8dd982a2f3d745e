"""Which links of a folder of HTML pages lead nowhere, read from the files alone."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors that a page has, and the addresses that it names."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.addresses: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name in ("href", "src"):
                self.addresses.append(value)
            elif tag == "meta" and name == "content" and "url=" in value:
                self.addresses.append(value.split("url=", 1)[1].strip("'\" "))


def html_pages(folder: Path) -> list[Path]:
    """The pages, without what the theme ships as a file."""
    return sorted(path for path in folder.rglob("*.html") if "_static" not in path.relative_to(folder).parts)


def broken_links(folder: Path) -> dict[str, list[str]]:
    """For each page, relative to `folder`, the links that do not resolve."""
    pages = {path.resolve(): Page(path) for path in html_pages(folder)}
    broken = {}
    for path, page in pages.items():
        complaints = [f"{address}: {wrong}" for address in page.addresses if (wrong := problem(path, address, pages))]
        broken[path.relative_to(folder.resolve()).as_posix()] = complaints
    return broken


def problem(path: Path, address: str, pages: dict[Path, Page]) -> str | None:
    """What is wrong with an address on the page `path`; addresses elsewhere in the world are not looked at."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return "there is no such file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "the page has no such anchor"
    return None
