"""A student notebook holds the chapter in plain Markdown, and nothing that gives an answer away."""

import base64
import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from course_gan import chapters
from course_gan.myst import tex
from course_gan.myst.fences import parse
from course_gan.myst.inline import Context, plain
from course_gan.myst.references import Numbering, read_bibliography
from course_gan.myst.render import render
from course_gan.student import student_notebook, write_text
from tests.notebooks.planted import FRONT_MATTER

CHAPTERS = chapters.all_chapters()
CONFIG = r"""
repository:
  url: https://example.org/course
  branch: main
sphinx:
  config:
    mathjax3_config:
      tex:
        macros:
          KL: ['D_{\mathrm{KL}}\!\left(#1\,\middle\|\,#2\right)', 2]
          E: '\mathbb{E}'
"""
CHAPTER = r"""
(planted)=
# Planted

A first look at $\KL{p}{q}$.
% a comment of the author

```{code-cell} ipython3
import math
```

## Theory

(sec-bound)=
### The bound

See {numref}`fig-curve`, {numref}`panel %s <fig-curve>`, {eq}`eq-kl`, {prf:ref}`thm-gibbs`, {ref}`sec-bound` and
{doc}`03-other`, {doc}`the next one <03-other>`, {term}`nats <nat>`, {download}`the file <x.py>`, {math}`\E[x]`.
{cite}`good2014` and {cite:t}`kingma2013`, {cite}`unknown1999`; [](#sec-bound); [the next](03-other.md).

```{math}
:label: eq-kl

\KL{p}{q} &= \sum_x p(x) \log\frac{p(x)}{q(x)} \\
          &\ge 0
```

````{prf:theorem} Gibbs, $\E$
:label: thm-gibbs

For all $p$:

```{math}
\KL{p}{q} \ge 0
```
````

:::{prf:proof}
By Jensen:

$$
\E[x] \ge 0
$$ (eq-jensen)
:::

````{prf:lemma}
1. First.
2. Second, by {eq}`eq-jensen`.
````

::::{note}
Outer.

:::{tip} Title of the tip
Inner.
:::

$$
a
= b
$$
::::

```{warning}
Hot.
```

```{code-cell} ipython3
---
tags: [hide-input]
mystnb:
  image:
    alt: >-
      a falling curve
  figure:
    caption: The curve, with $\KL{p}{q}$.
    name: fig-curve
---
x = 1
```

```{figure} picture.png
:name: fig-drawn
:alt: a picture

A drawn one.
```

```{literalinclude} ../course_gan/numerics.py
:pyobject: safe_sqrt
```

```{list-table} Names
:header-rows: 1

* - a
  - $\E$
* - 1
  - 2
```

```{some-unknown} An unknown title
:option: 3

Body of the unknown, {eq}`eq-kl`.
```

```python
text = "{eq}`eq-kl` and $\KL$ stay in code"
```

```{exercise-start} Write KL
:label: kl-divergence
```
●○○ · 5 minutes · 2 points

Write it.

```{dropdown} Hint
THE HINT
```

```{exercise-end}
```

```{code-cell} ipython3
:tags: [stub]

def kl_divergence(p, q):
    raise NotImplementedError("your turn")
```

```{solution-start} kl-divergence
:class: dropdown
```
THE WORDS OF THE SOLUTION

```{code-cell} ipython3
:tags: [solution]

def kl_divergence(p, q):
    return the_solution(p, q)
```

MORE WORDS OF THE SOLUTION

```{code-cell} ipython3
an_untagged_cell_of_the_solution = 1
```

```{solution-end}
```

```{code-cell} ipython3
:tags: [check]

check("kl-divergence", kl_divergence)
```

````{admonition} Question 1
Why? See {ref}`kl-divergence`.

```{dropdown} Answer
Because of {prf:ref}`thm-gibbs`.
```
````

```{toctree}
03-other
```
"""
BIB = r"""
@inproceedings{good2014, author = {Ian Goodfellow and Jean Pouget-Abadie and Yoshua Bengio},
  title = {Nets}, year = {2014}, url = {https://example.org/gan}}
@article{kingma2013, author = "Kingma, Diederik P. and M{\"u}ller, Max", year = 2013, eprint = {1312.6114}}
"""


@pytest.fixture
def planted(tmp_path: Path) -> chapters.Chapter:
    book = tmp_path / "book"
    book.mkdir()
    (tmp_path / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (book / "references.bib").write_text(BIB, encoding="utf-8")
    (book / "picture.png").write_bytes(b"\x89PNG")
    (book / "03-other.md").write_text(FRONT_MATTER + "# The other\n", encoding="utf-8")
    (book / "02-planted.md").write_text(FRONT_MATTER + CHAPTER, encoding="utf-8")
    return chapters.read(book / "02-planted.md")


@pytest.fixture
def text(planted) -> str:
    return "\n\n".join(cell.source for cell in student_notebook(planted).cells)


def without_code(text: str) -> str:
    """The text less its fenced code and code spans, in which anything may stand."""
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", re.sub(r"(?ms)^[> ]*(`{3,})\w.*?^[> ]*\1$", "", text))


def leftovers(text: str) -> list[str]:
    """MyST that only a Sphinx page understands."""
    roles = re.findall(r"\{[a-z][\w:]*\}`", re.sub(r"(?ms)^[> ]*(`{3,})\w.*?^[> ]*\1$", "", text))
    rest = re.findall(r"[`~:]{3,}\s*\{[^}\n]*\}.*|:label:|^\([\w-]+\)=|^%.*|^:{3,}", without_code(text), re.MULTILINE)
    return roles + rest


def test_nothing_that_only_sphinx_understands_is_left(text):
    assert leftovers(text) == []


@pytest.mark.parametrize("text", ["see {eq}`x`", "```{note}\na\n```", ":::{note}", ":label: x", "(a-b)=\n", "% no"])
def test_the_search_for_leftovers_finds_them(text):
    assert leftovers(text)


def test_hints_and_solutions_are_left_out_and_stub_check_and_answers_stay(text):
    for secret in ("THE HINT", "SOLUTION", "the_solution", "an_untagged_cell_of_the_solution"):
        assert secret not in text
    for kept in ('NotImplementedError("your turn")', 'check("kl-divergence", kl_divergence)', "Write it."):
        assert kept in text
    assert "> <details>\n> <summary>Answer</summary>\n>\n> Because of Theorem 2.1.\n>\n> </details>" in text


def test_references_become_the_numbers_and_titles_of_what_they_point_at(text):
    assert "See Figure 2.1, panel 2.1, (2.1), Theorem 2.1, The bound and\n" in text
    assert "[The other](https://example.org/course/blob/main/book/03-other.md)" in text
    assert (
        "[the next one](https://example.org/course/blob/main/book/03-other.md), nats, the file, $\\mathbb{E}[x]$."
        in text
    )
    assert "; The bound; [the next](https://example.org/course/blob/main/book/03-other.md)" in text
    assert "> 2. Second, by (2.2)." in text
    assert "Why? See Exercise 2.1." in text


def test_citations_name_author_and_year_and_link_to_the_work(text):
    assert "[[Goodfellow et al. 2014](https://example.org/gan)]" in text
    assert "[Kingma and Müller (2013)](https://arxiv.org/abs/1312.6114)" in text
    assert "[unknown1999]" in text


def test_formulas_are_expanded_aligned_and_numbered(text):
    kl = r"D_{\mathrm{KL}}\!\left(p\,\middle\|\,q\right)"
    assert f"A first look at ${kl}$.\n\n" in text + "\n\n"
    expected = rf"""$$
\begin{{aligned}}
{kl} &= \sum_x p(x) \log\frac{{p(x)}}{{q(x)}} \\
&\ge 0
\end{{aligned}} \tag{{2.1}}
$$"""
    assert expected in text
    assert "$$\n\\mathbb{E}[x] \\ge 0 \\tag{2.2}\n$$\n\n∎" in text


def test_theorems_admonitions_and_exercises_are_plain_markdown(text):
    kl = r"D_{\mathrm{KL}}\!\left(p\,\middle\|\,q\right)"
    assert f"> **Theorem 2.1 (Gibbs, $\\mathbb{{E}}$).** For all $p$:\n>\n> $${kl} \\ge 0$$" in text
    assert "*Proof.* By Jensen:\n" in text
    assert "> **Lemma 2.1.**\n>\n> 1. First.\n" in text
    assert "> **Note**\n>\n> Outer.\n>\n> > **Tip: Title of the tip**\n> >\n> > Inner.\n>\n> $$a = b$$" in text
    assert "> **Warning**\n>\n> Hot." in text
    assert "### Exercise 2.1: Write KL\n\n●○○ · 5 minutes · 2 points\n\nWrite it." in text
    assert "> **Question 1**\n>\n> Why?" in text


def test_an_unknown_directive_keeps_its_title_and_its_words(text):
    assert "**An unknown title**\n\nBody of the unknown, (2.1)." in text
    assert ":option:" not in text


def test_source_code_that_a_chapter_shows_is_shown(text):
    assert re.search(r"```python\ndef safe_sqrt\(.*?\n```", text, flags=re.DOTALL)
    assert 'text = "{eq}`eq-kl` and $\\KL$ stay in code"' in text
    assert "**Names**\n\n| a | $\\mathbb{E}$ |\n| --- | --- |\n| 1 | 2 |" in text


def test_captions_stand_below_their_figures_and_pictures_travel_along(planted):
    cells = student_notebook(planted).cells
    drawing = next(n for n, cell in enumerate(cells) if cell.source == "x = 1")
    assert cells[drawing].metadata == {"jupyter": {"source_hidden": True}}
    kl = r"D_{\mathrm{KL}}\!\left(p\,\middle\|\,q\right)"
    assert cells[drawing + 1].source == f"*Figure 2.1. The curve, with ${kl}$.*"
    holder = next(cell for cell in cells if "attachment:picture.png" in cell.source)
    assert "![a picture](attachment:picture.png)\n\n*Figure 2.2. A drawn one.*" in holder.source
    assert base64.b64decode(holder.attachments["picture.png"]["image/png"]) == b"\x89PNG"


def test_the_first_code_cell_installs_the_package_only_where_it_is_missing(planted):
    code = [cell.source for cell in student_notebook(planted).cells if cell.cell_type == "code"]
    assert "try:\n    import course_gan\nexcept ImportError:\n    %pip install" in code[0]
    assert '"git+https://example.org/course"' in code[0]
    assert code[1] == "import math"


def test_the_title_cell_says_what_the_file_is_and_how_to_check_it(planted):
    first = student_notebook(planted).cells[0].source
    assert first.startswith("# Planted\n\n> ")
    assert "[the course](https://example.org/course)" in first
    assert "`course-gan check 02-planted.ipynb`" in first


def test_the_notebook_is_valid_and_the_same_bytes_on_each_run(planted):
    notebook = student_notebook(planted)
    nbformat.validate(notebook)
    assert write_text(notebook) == write_text(student_notebook(planted.path))
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.course_gan.chapter == "02-planted"
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert all(set(cell.metadata) <= {"tags", "jupyter"} for cell in notebook.cells)


def test_a_solution_that_never_ends_is_an_error_not_an_empty_rest(planted):
    planted.path.write_text(FRONT_MATTER + CHAPTER.replace("```{solution-end}\n```", ""), encoding="utf-8")
    with pytest.raises(ValueError, match="solution-end"):
        student_notebook(planted)


# --- the pieces --------------------------------------------------------------------------------------------------


def myst(source: str) -> str:
    blocks = parse(source)
    numbering = Numbering()
    numbering.read(blocks)
    return render(blocks, Context(Path("x.md"), targets=numbering.targets))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("````{note}\n```{tip}\na\n```\nb\n````", "> **Note**\n>\n> > **Tip**\n> >\n> > a\n>\n> b"),
        ("- item\n\n  ```{note}\n  a\n  ```", "- item\n\n  > **Note**\n  >\n  > a"),
        ("~~~{note}\na\n~~~", "> **Note**\n>\n> a"),
        ("```{note}\n---\nclass: x\n---\na\n```", "> **Note**\n>\n> a"),
        ("```python\na\n\n\nb\n```", "```python\na\n\n\nb\n```"),
        ("```{code-block} bash\n:caption: x\nls\n```", "```bash\nls\n```"),
        ("```{code-block} markdown\n~~~\n````", "```markdown\n~~~\n```"),
        ("```{dropdown} Details\na\n```", "<details>\n<summary>Details</summary>\n\na\n\n</details>"),
        (":::\nboxed\n:::", "boxed"),
        ("```{image} https://example.org/a.png\n:alt: A\n```", "![A](https://example.org/a.png)"),
        ("```{image} nowhere.png\n:alt: A\n```", "*(Picture: A)*"),
        ("```{math} a = b\n```", "$$\na = b\n$$"),
        ("$$a$$ (one) and {eq}`one`", "$$\na \\tag{1}\n$$ and (1)"),
        ("costs 3$ and 4$", "costs 3$ and 4$"),
        ("`{eq}` is a role", "`{eq}` is a role"),
        ("{kbd}`A`, {sub}`2`, {func}`f <g.f>`, {abbr}`KL`", "<kbd>A</kbd>, <sub>2</sub>, `f`, KL"),
        ("{eq}`nowhere`, {ref}`some-place`", "(the formula), some place"),
        ("\\begin{align*}\na &= b\n\\end{align*}", "$$\n\\begin{aligned}\na &= b\n\\end{aligned}\n$$"),
    ],
)
def test_myst_becomes_plain_markdown(source, expected):
    assert myst(source) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\KL{p}{q}", r"D(p\|q)"),
        (r"\KL pq", r"D(p\|q)"),
        (r"\KL{\KL{a}{b}}{q_{1}}", r"D(D(a\|b)\|q_{1})"),
        (r"\KL\alpha q", r"D(\alpha\|q)"),
        (r"\EE x", r"\mathbb E x"),
        (r"2\half x", r"2\frac12 x"),
        (r"\sum\half\R", r"\sum\frac12\mathbb{R}"),
        (r"\log\cdots\name", r"\log\cdots x"),
        (r"\op{y}\op[z]{y}", r"[x]y[z]y"),
        (r"\KLx \unknown{a} \\ \{", r"\KLx \unknown{a} \\ \{"),
    ],
)
def test_macros_are_written_out_with_their_arguments(formula, expected):
    table = {"KL": [r"D(#1\|#2)", 2], "EE": r"\mathbb E", "half": r"\frac12", "R": r"\mathbb{R}", "name": "x"}
    assert tex.expand(formula, tex.macros_from(table | {"op": ["[#1]#2", 2, "x"]})) == expected


def test_macros_that_call_one_another_without_end_are_an_error():
    with pytest.raises(ValueError, match="without end"):
        tex.expand(r"\a", tex.macros_from({"a": r"\b", "b": r"\a"}))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a", "$$\na\n$$"),
        ("a % why\n= b", "$$\na\n= b\n$$"),
        (r"a \\ b", "$$\n\\begin{aligned}\na \\\\ b\n\\end{aligned}\n$$"),
        (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", "$$\n\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}\n$$"),
        (r"\begin{equation} a \end{equation}", "$$\na\n$$"),
    ],
)
def test_display_formulas_are_aligned_where_they_need_it(formula, expected):
    assert tex.display(formula) == expected


def test_the_bibliography_reads_accents_braces_and_organizations(tmp_path):
    bib = tmp_path / "references.bib"
    bib.write_text(
        "@book{a, author = {{\\'E}va Csisz{\\'a}r}, year = {1967}, doi = {10.1/2}}\n"
        "@misc{b, author={Erd{\\H o}s, P. and {\\O}re, O.}, date = {2001-05}}\n@misc{c, title={no author}}\n",
        encoding="utf-8",
    )
    works = read_bibliography(bib)
    assert works["a"].short == "Csiszár 1967"
    assert works["a"].address == "https://doi.org/10.1/2"
    assert works["b"].year == "2001"
    assert works["c"].short == "c"
    assert read_bibliography(tmp_path / "none.bib") == {}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (":lines: 2-3", "b = 2\nc = 3"),
        (":start-at: b =\n:end-before: d =", "b = 2\nc = 3"),
        (":start-after: b =\n:end-at: c =", "c = 3"),
    ],
)
def test_a_part_of_a_file_can_be_shown(tmp_path, options, expected):
    (tmp_path / "code.py").write_text("a = 1\nb = 2\nc = 3\nd = 4\n", encoding="utf-8")
    blocks = parse(f"```{{literalinclude}} code.py\n{options}\n```")
    assert render(blocks, Context(tmp_path / "x.md")) == f"```python\n{expected}\n```"


def test_code_that_is_not_there_is_an_error(tmp_path):
    for directive in ("../course_gan/nowhere.py", "../course_gan/cli.py\n:pyobject: nothing"):
        with pytest.raises(ValueError, match=r"nowhere\.py|no function or class 'nothing'"):
            render(parse(f"```{{literalinclude}} {directive}\n```"), Context(tmp_path / "x.md"))


def test_a_role_with_two_backticks_and_a_link_with_attributes_are_read():
    context = Context(Path("x.md"))
    assert plain("{math}``a``, [w](https://example.org){.c}", context) == "$a$, [w](https://example.org)"


# --- the book ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.id)
def test_no_chapter_leaves_anything_that_only_sphinx_understands(chapter):
    notebook = student_notebook(chapter)
    nbformat.validate(notebook)
    assert {
        cell.id: found for cell in notebook.cells if cell.cell_type == "markdown" and (found := leftovers(cell.source))
    } == {}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.id)
def test_no_line_of_a_solution_and_no_hint_is_in_a_student_notebook(chapter):
    source = chapter.path.read_text(encoding="utf-8")
    solutions = re.findall(r"```\{solution-start\}.*?```\n(.*?)```\{solution-end\}", source, flags=re.DOTALL)
    hints = re.findall(r"```\{dropdown\} Hint\n(.*?)```", source, flags=re.DOTALL)
    assert len(solutions) == source.count("{solution-start}")
    open_parts = re.sub(
        r"```\{(solution-start)\}.*?```\{solution-end\}|```\{dropdown\} Hint\n.*?```", "", source, flags=re.DOTALL
    )
    allowed = {line.strip() for line in open_parts.split("\n")}
    secret = {
        line.strip() for part in solutions + hints for line in part.split("\n") if len(line.strip()) > 12
    } - allowed
    secret = {line for line in secret if not line.startswith(("```", ":tags:"))}
    shown = {line.strip("> ") for cell in student_notebook(chapter).cells for line in cell.source.split("\n")}
    assert shown & secret == set()
    assert len(secret) >= len(solutions)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.id)
def test_the_student_notebook_keeps_every_other_code_cell_stubs_and_checks_included(chapter):
    kept = [cell.source for cell in student_notebook(chapter).cells if cell.cell_type == "code"]
    cells = [cell for cell in jupytext.read(chapter.path).cells if cell.cell_type == "code"]
    tagged = {tag: [cell.source for cell in cells if tag in cell.metadata.get("tags", [])] for tag in ("stub", "check")}
    cards = chapters.exercise_cards(chapter)
    assert len(tagged["stub"]) == len(tagged["check"]) == len(cards)
    assert [source for source in kept if source in tagged["stub"]] == tagged["stub"]
    assert [source for source in kept if source in tagged["check"]] == tagged["check"]
