"""The code cells of a submission as plain Python: what only Jupyter understands is taken out, line numbers stay."""

import ast
import json
import re
import textwrap

CELL_MAGIC = re.compile(r"\s*%%(\w+)([^\n]*)\n?")
# Other cell magics hold another language, or run their cell in another process: none of their names is left behind.
RUN_THE_CELL = ("time", "timeit", "capture", "prun", "memit", "mprun", "debug", "snakeviz", "scalene", "wandb")
TIMED = re.compile(r"^(\s*(?:[^=\n]+=\s*)?)%time\s+(\S.*)$")
ASSIGNED = re.compile(r"^(\s*[\w.,\[\]'\" ()*]+?\s*=\s*)([%!]).*$")
ALONE = re.compile(r"^(\s*)(?:[%!?].*|.*[\w)\]*]\?{1,2}\s*)$")
COMMAND = re.compile(r"^(\s*)(?:pip3?|conda|mamba|cd|ls|mkdir|cat)\s.*$")  # Jupyter runs these even without a `!`


def code_cells(data: bytes, name: str) -> list[str]:
    """The sources of the code cells of a notebook file, by the ending of its name."""
    text = data.decode("utf-8-sig")
    if not name.endswith(".ipynb"):
        import jupytext

        found = jupytext.reads(text, fmt="md" if name.endswith(".md") else "py")
        return [cell.source for cell in found.cells if cell.cell_type == "code"]
    notebook = json.loads(text)
    sheets = [notebook] if "cells" in notebook else notebook["worksheets"]  # worksheets: before version 4 of the format
    cells = [cell for sheet in sheets for cell in sheet["cells"] if cell.get("cell_type") == "code"]
    sources = [cell.get("source", cell.get("input", "")) for cell in cells]
    return [source if isinstance(source, str) else "".join(source) for source in sources]


def without_magics(source: str) -> str:
    """The cell as plain Python: magics, shell escapes and questions out, what `%%time` and `%time` run kept.

    Only lines that Python itself stumbles over are touched: one that begins with % may be the rest of a sum or of a
    text, and one that ends with ? a comment.
    """
    if magic := CELL_MAGIC.match(source):
        if magic[1] in ("writefile", "file"):
            return _written(magic[2], source[magic.end() :])
        if magic[1] not in RUN_THE_CELL:
            return ""
        source = "\n" * magic[0].count("\n") + source[magic.end() :]
    if (place := _stumble(source)) is None:
        return source
    lines = textwrap.dedent(source).split("\n")
    while (place := _stumble("\n".join(lines))) is not None:
        if not 0 < place <= len(lines) or not _replace(lines, place - 1):
            break
    else:
        return "\n".join(lines)
    for number, line in enumerate(lines):  # a quote or bracket in a shell command can hide where it began
        if line.lstrip().startswith(("%", "!")):
            _replace(lines, number)
    return "\n".join(lines)


def _stumble(source: str) -> int | None:
    """The number of the line that Python cannot read; 0 if it does not say; None if there is none."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        return error.lineno or 0
    return None


def _replace(lines: list[str], number: int) -> bool:
    """Put plain Python in the place of a line, and of those that continue it; whether that changed anything."""
    line, made = lines[number], None
    if timed := TIMED.match(line):
        made = timed[1] + timed[2]
    elif assigned := ASSIGNED.match(line):
        made = assigned[1] + ("[]" if assigned[2] == "!" else "None")
    elif alone := ALONE.match(line) or COMMAND.match(line):
        made = alone[1] + "pass"
    if made is None:
        return False
    while lines[number].endswith("\\") and number + 1 < len(lines):
        lines[number], made = made, ""
        number += 1
    lines[number] = made
    return True


def _written(arguments: str, text: str) -> str:
    """`%%writefile` as a statement: a later cell may import what this one wrote."""
    *options, file = arguments.split() or [""]
    mode = "a" if "-a" in options else "w"
    return f"with open({file!r}, {mode!r}, encoding='utf-8') as _file: _file.write({text!r})" if file else ""
