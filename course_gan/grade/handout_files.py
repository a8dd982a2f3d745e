"""The other files of an assignment: README, the workflows that check each push, and what the packages need."""

from course_gan.grade.dates import in_words, late_rule
from course_gan.grade.handout import PUBLIC_FILE, Handout, public_text
from course_gan.grade.handout_notebook import allowed, assignment_notebook, card_of, totals
from course_gan.student import write_text

PYTHON = "3.12"
MINUTES = 20  # of a check in a workflow, the installation of torch included
# A word in capitals stands for what differs between assignments; a workflow is full of braces.
GITHUB = """\
# Checks the notebook on each push and shows a table in the summary of the run.
#
# This is feedback and no mark: it runs the notebook where whoever pushes can change everything, this file too.
# It needs no secrets and may only read.  The job fails unless all exercises are right; the summary is written anyway.
name: check

on:
  push:
  workflow_dispatch:

permissions:
  contents: read

concurrency:
  group: check-${{ github.ref }}
  cancel-in-progress: true

jobs:
  check:
    runs-on: ubuntu-latest
    timeout-minutes: MINUTES
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "PYTHON"
          cache: pip
          cache-dependency-path: requirements.txt
      - name: Install the course
        run: python -m pip install -r requirements.txt
      - name: Check the exercises
        run: course-gan check NOTEBOOK --summary "$GITHUB_STEP_SUMMARY"
"""
GITLAB = """\
# Checks the notebook on each push; the table is in the log of the job, and as summary.md among its artifacts.
#
# This is feedback and no mark: it runs the notebook where whoever pushes can change everything, this file too.
# It needs no secrets.  The job fails unless all exercises are right; the summary is written anyway.
check:
  image: python:PYTHON
  timeout: MINUTES minutes
  interruptible: true
  rules:
    - if: $CI_PIPELINE_SOURCE == "push" || $CI_PIPELINE_SOURCE == "web"
  variables:
    PIP_CACHE_DIR: "$CI_PROJECT_DIR/.cache/pip"
  cache:
    key:
      files: [requirements.txt]
    paths: [.cache/pip]
  script:
    - python -m pip install -r requirements.txt
    - course-gan check NOTEBOOK --summary summary.md
  artifacts:
    when: always
    paths: [summary.md]
    expire_in: 4 weeks
"""
IGNORED = """\
.venv/
.cache/
.ipynb_checkpoints/
__pycache__/
summary.md
*.backup-*
"""


def files(handout: Handout) -> dict[str, str]:
    """All files of the folder, by their paths in it."""
    return {
        handout.notebook: write_text(assignment_notebook(handout)),
        PUBLIC_FILE: public_text(handout),
        "README.md": readme(handout),
        "requirements.txt": f"{requirement(handout.source)}\n",
        ".github/workflows/check.yml": _filled(GITHUB, handout),
        ".gitlab-ci.yml": _filled(GITLAB, handout),
        ".gitignore": IGNORED,
    }


def requirement(source: str) -> str:
    """The package as a line of a requirements file."""
    return f"course-gan @ {source}" if "+" in source.split(":")[0] else source


def readme(handout: Handout) -> str:
    """What a student reads first."""
    notebook, due = handout.notebook, f"**Due {in_words(handout.due)}.**\n" if handout.due else ""
    rows = "\n".join(
        f"| {number} | {card_of(exercise).title} | {card_of(exercise).points} | "
        f"{'graded only' if exercise in handout.variants else 'yes'} |"
        for number, exercise in enumerate(handout.exercises, start=1)
    )
    late = f"{late_rule(handout.late)}\n" if handout.due else ""
    return f"""# {handout.title}

{due}{totals(handout.exercises)}

| | exercise | points | can be checked |
|---|---|---|---|
{rows}

## Start

On your own machine, with Python 3.11 or newer, in this folder:

```sh
python -m venv .venv
source .venv/bin/activate        # on Windows: .venv\\Scripts\\activate
pip install -r requirements.txt jupyterlab
jupyter lab {notebook}
```

Without installing anything: open [Colab](https://colab.research.google.com), upload `{notebook}`, and run its cells in
order; the first one installs the course.
At the end download the notebook (File → Download → Download .ipynb), and put it here in the place of the old one.

## Check

The cell below each exercise says at once how your function does.
For all of them together, save the notebook and type

```sh
course-gan check {notebook}
```

Whenever you push, the same is done for you.
On GitHub look under *Actions* for the summary of the latest run, on GitLab for `summary.md` among the job's artifacts.

All of this is feedback only.
A right answer to a check is a good sign, but no mark.

## Hand in

Save the notebook, commit `{notebook}` under this name, and push it before the due date.
If you were told another way to hand it in, take that one.
Only the notebook counts.
{late}
## How it is graded

Your marks come from secret inputs, in a box, after the due date.
The workflow gives feedback only.

- The notebook is run from top to bottom, with no network.
  A cell that raises does not keep the others from running, but what it would have defined is missing.
- Then each function is called with inputs that are not those of the checks, and what it does is compared with what is
  right.
  A function that is right in all cases earns all points of its exercise, and one that is right in at least half of them
  a part.
- Keep the names and the arguments of the functions.
  Helper functions in cells of your own are welcome; files beside the notebook are not there.
- Only Python's own library, {allowed()} can be imported, and of `course_gan` only `course_gan.check`:
  write the formulas yourself.
"""


def _filled(template: str, handout: Handout) -> str:
    values = {"MINUTES": str(MINUTES), "PYTHON": PYTHON, "NOTEBOOK": handout.notebook}
    for word, value in values.items():
        template = template.replace(word, value)
    return template
