"""Sphinx extension: under each chapter's title, what it covers, how long it takes, and where to run it."""

import posixpath
from html import escape
from pathlib import Path
from typing import Any

import runs
from docutils import nodes
from local_mathjax import ASSETS
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config

from course_gan.chapters import Chapter, all_chapters
from course_gan.student import student_notebook, write_text

# The release workflow writes the student notebooks to the root of this branch.
BRANCH = "notebooks"


def write_student_notebooks(app: Sphinx, config: Config) -> None:
    """Derive each chapter's student notebook and put it where the page's download link points."""
    folder = Path(app.srcdir) / ASSETS / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in all_chapters(Path(app.srcdir) / "book"):
        (folder / f"{chapter.id}.ipynb").write_text(write_text(student_notebook(chapter)), encoding="utf-8")


def launch_addresses(repository: str, notebook: str) -> dict[str, str]:
    """The pages that open the student notebook on a machine in the cloud."""
    project = repository.removeprefix("https://github.com/").strip("/")
    return {
        "Open in Colab": f"https://colab.research.google.com/github/{project}/blob/{BRANCH}/{notebook}",
        "Open in Binder": f"https://mybinder.org/v2/gh/{project}/{BRANCH}?labpath={notebook}",
    }


def facts(chapter: Chapter, root: Path) -> nodes.paragraph:
    """Line one: the lecture items (linked to the map), the minutes, the run."""
    line = nodes.paragraph(classes=["chapter-facts"])
    line += nodes.Text(f"Chapter {chapter.number} · covers ")
    for number, item in enumerate(chapter.lectures):
        if number:
            line += nodes.Text(", ")
        link = addnodes.pending_xref(
            refdomain="std", reftype="ref", reftarget=f"lecture-{item.lower()}", refexplicit=True, refwarn=True
        )
        link += nodes.inline(text=item)
        line += link
    line += nodes.Text(f" of the lectures · {chapter.minutes} minutes to read")
    record = runs.read_record(chapter.id, root)
    if record is not None:
        line += nodes.Text(f" · {record.sentence()}")
    return line


def buttons(chapter: Chapter, docname: str, repository: str) -> nodes.raw:
    """Line two: the student notebook, as a file and in the cloud."""
    notebook = f"{chapter.id}.ipynb"
    download = posixpath.relpath(f"_static/notebooks/{notebook}", posixpath.dirname(docname))
    links = [f'<a href="{escape(download)}" download>Student notebook</a>']
    links += [f'<a href="{escape(url)}">{text}</a>' for text, url in launch_addresses(repository, notebook).items()]
    return nodes.raw("", f'<p class="chapter-buttons">{" ".join(links)}</p>', format="html")


def add_header(app: Sphinx, doctree: nodes.document) -> None:
    """Insert both lines after the title, and note that the page depends on the record of its run."""
    root, docname = Path(app.srcdir), app.env.docname
    chapter = next((one for one in all_chapters(root / "book") if one.id == posixpath.basename(docname)), None)
    title = next(doctree.findall(nodes.title), None)
    if chapter is None or title is None:
        return
    app.env.note_dependency(f"_build/runs/{chapter.id}.json")
    repository = app.config.html_theme_options["repository_url"]
    section, place = title.parent, title.parent.index(title) + 1
    section.insert(place, [facts(chapter, root), buttons(chapter, docname, repository)])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", write_student_notebooks, priority=110)
    app.connect("doctree-read", add_header)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
