"""The page of the whole class: how the points are distributed, what was right, which mistakes were made.

Names stand only in its last section, which is closed when the page opens and is not printed unless it was opened.
"""

import statistics
from collections import Counter
from collections.abc import Sequence

from course_gan.exercises import EXERCISES
from course_gan.grade import rules
from course_gan.grade.charts import Part, bins, divided_bar, histogram, small_bar
from course_gan.grade.model import Assignment, Mark, Status, Task
from course_gan.grade.pages import bullets, name, page, with_code
from course_gan.grade.rows import Row
from course_gan.grade.text import counted, number, one_line

MOST_MISTAKES = 5  # of one exercise

# The book's palette; black text on any of these is at least 5 to 1.
COLORS: dict[Status, str] = {
    "right": "#009E73",
    "partly right": "#56B4E9",
    "not yet": "#E69F00",
    "not written": "#BBBBBB",
    "missing": "#999999",
    "failed": "#D55E00",
    "stopped": "#CC79A7",
    "not graded": "#DDDDDD",
}

STYLE = """
.facts{display:grid;grid-template-columns:repeat(3,1fr);gap:.8rem;padding:0;margin:1.2rem 0}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .9rem}
.facts dt{color:var(--faint);font-size:.92rem}
.facts dd{margin:0;font-size:1.5rem;font-weight:700;line-height:1.3;font-variant-numeric:tabular-nums}
figure{margin:1rem 0}
figcaption{margin-top:.5rem;color:var(--faint)}
.bar{fill:var(--bar)}
.axis{stroke:var(--text)}
.part{stroke:var(--text)}
svg text.on{fill:#000;font-weight:700}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:0;margin:.6rem 0}
.swatch{display:inline-block;width:1.5em;line-height:1.35;text-align:center;margin-right:.45em;color:#000;
border:1px solid var(--text);border-radius:.2rem;font-weight:700;font-size:.85em}
.count{width:30%}
.small{margin-top:.2rem}
summary{cursor:pointer;padding:.3rem 0}
details h3{margin-top:1.4rem}
@media (max-width:30rem){.facts{grid-template-columns:repeat(2,1fr)}}
"""


def class_page(assignment: Assignment, rows: Sequence[Row], box: str, notes: Sequence[str]) -> str:
    """The whole page."""
    parts = [
        f'<p class="above">Class report</p>\n<h1>{with_code(assignment.title)}</h1>',
        _warning(box),
        _facts(assignment, rows),
        _points(assignment, rows),
        "<h2>Exercises</h2>",
        *(_exercise(task, i, [row.marks[i] for row in rows]) for i, task in enumerate(assignment.tasks)),
        _rules(assignment, rows, box),
        _names(rows, notes),
    ]
    return page(f"Class report – {one_line(assignment.title)}", "\n".join(part for part in parts if part), STYLE)


def _warning(box: str) -> str:
    if rules.isolated(box):
        return ""
    return (
        '<div class="warning" role="note">\n<p><strong>⚠ Not isolated: do not rely on these marks.</strong></p>\n'
        f"<p>{with_code(rules.box_rule(box))}</p>\n</div>"
    )


def _facts(assignment: Assignment, rows: Sequence[Row]) -> str:
    totals = [row.graded.total for row in rows]
    facts = {
        "submissions": str(len(rows)),
        "points possible": number(assignment.possible),
        "mean": number(statistics.fmean(totals)) if totals else "–",
        "median": number(statistics.median(totals)) if totals else "–",
        "late": str(sum(row.graded.late_days > 0 for row in rows)),
        "with a problem": str(sum(bool(row.problems) for row in rows)),
    }
    items = "\n".join(f"<div><dt>{what}</dt><dd>{value}</dd></div>" for what, value in facts.items())
    return f'<dl class="facts">\n{items}\n</dl>'


def _points(assignment: Assignment, rows: Sequence[Row]) -> str:
    if not rows:
        return "<h2>Points</h2>\n<p>No submission was graded.</p>"
    bars = [(number(low), count) for low, count in bins([row.graded.total for row in rows], assignment.possible)]
    told = ", ".join(f"{counted(count, 'student')} from {low}" for low, count in bars if count)
    plot = histogram(bars, "Distribution of the totals", f"By points: {told}.", "totals")
    lines = "\n".join(f'<tr><th scope="row">{low}</th><td class="right">{count}</td></tr>' for low, count in bars)
    return (
        f"<h2>Points</h2>\n<figure>\n{plot}\n<figcaption>How many students have how many points. A bar counts the "
        "totals from its number up to the next one; the last bar goes up to all points. What being late costs is taken "
        "off.</figcaption>\n</figure>\n<details>\n<summary>The same as a table</summary>\n<table>\n"
        '<caption>Distribution of the totals</caption>\n<thead><tr><th scope="col">Points from</th>'
        f'<th scope="col" class="right">Students</th></tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>\n</details>'
    )


def _exercise(task: Task, i: int, marks: Sequence[Mark]) -> str:
    title = EXERCISES[task.exercise].title if task.exercise in EXERCISES else task.exercise
    title = marks[0].title if marks else title
    key = f"exercise-{i + 1}"
    lines = [f'<section class="card" aria-labelledby="{key}">', f'<h3 id="{key}">{with_code(title)}</h3>']
    if marks:
        mean = statistics.fmean(mark.points for mark in marks)
        lines.append(f'<p class="faint">On average {number(mean)} of {counted(task.points, "point")}</p>')
        lines.append(_outcomes(title, key, marks))
        lines.append(_mistakes(task, marks))
    else:
        lines.append(f'<p class="faint">{counted(task.points, "point")}</p>')
    return "\n".join(line for line in [*lines, "</section>"] if line)


def _outcomes(title: str, key: str, marks: Sequence[Mark]) -> str:
    counts = Counter(mark.status for mark in marks)
    parts = [Part(status, rules.SYMBOLS[status], COLORS[status], counts[status]) for status in COLORS if counts[status]]
    told = [f"{part.label} {part.count} ({round(100 * part.count / len(marks))} %)" for part in parts]
    legend = "\n".join(
        f'<li><span class="swatch" style="background:{part.color}" aria-hidden="true">{part.symbol}</span>{words}</li>'
        for part, words in zip(parts, told)
    )
    plot = divided_bar(parts, f"Outcomes of {one_line(title)}", ", ".join(told) + ".", f"{key}-outcomes")
    return f'{plot}\n<ul class="legend">\n{legend}\n</ul>'


def _mistakes(task: Task, marks: Sequence[Mark]) -> str:
    known = Counter(mark.misconception for mark in marks if mark.misconception)
    wrong = sum(mark.status in ("partly right", "not yet") for mark in marks)
    unknown = wrong - sum(bool(mark.misconception) and mark.status in ("partly right", "not yet") for mark in marks)
    other = ""
    if unknown:
        answers = "wrong answer is" if unknown == 1 else "wrong answers are"
        other = f'<p class="faint">{unknown} {answers} none of the known mistakes.</p>'
    if not known:
        return other
    ordered = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    lines = "\n".join(
        f'<tr><td class="count">{counted(count, "student")}{small_bar(count / len(marks))}</td>'
        f"<td>{with_code(sentence_of(task.exercise, mistake, marks))}</td></tr>"
        for mistake, count in ordered[:MOST_MISTAKES]
    )
    rest = len(ordered) - MOST_MISTAKES
    more = (
        f'<p class="faint">{counted(rest, "further mistake")} made more rarely: see results.json.</p>'
        if rest > 0
        else ""
    )
    return (
        "<table>\n<caption>The commonest mistakes; a full bar would be the whole class</caption>\n<thead><tr>"
        '<th scope="col">Made by</th><th scope="col">What the student was told</th></tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody>\n</table>\n{more}{other}"
    )


def sentence_of(exercise: str, mistake: str, marks: Sequence[Mark]) -> str:
    """The sentence of a known mistake, as the exercise has it, or else as it was told most often."""
    if exercise in EXERCISES:
        for misconception in EXERCISES[exercise].misconceptions:
            if misconception.name == mistake:
                return misconception.sentence
    told = Counter(mark.sentences[0] for mark in marks if mark.misconception == mistake and mark.sentences)
    return min(told, key=lambda sentence: (-told[sentence], sentence), default=mistake)


def _rules(assignment: Assignment, rows: Sequence[Row], box: str) -> str:
    shown = {
        "full": "Students see outcomes, sentences, and the numbers of the first wrong case.",
        "sentences": "Students see outcomes and sentences, but no hidden number.",
        "verdict": "Students see outcomes and points only.",
    }
    variants = [f"{task.exercise}: {rules.variant_rule(task)}" for task in assignment.tasks if task.variant]
    said = [
        rules.box_rule(box),
        rules.trials_rule(assignment),
        rules.partial_rule(assignment),
        rules.late_rule(assignment),
        rules.duplicates_rule([row.graded for row in rows]),
        shown[assignment.feedback],
        *variants,
    ]
    return "<h2>How it was graded</h2>\n" + bullets([with_code(rule) for rule in said])


def _names(rows: Sequence[Row], notes: Sequence[str]) -> str:
    problems = [(row, with_code(" ".join(row.problems))) for row in rows if row.problems]
    late = [
        (row, f"{counted(row.graded.late_days, 'day')}, {counted(row.graded.deduction, 'point')} off")
        for row in rows
        if row.graded.late_days > 0
    ]
    noted = [(row, with_code("; ".join(row.notes))) for row in rows if row.notes]
    sections = [
        _named("Could not be run, or not to the end", "Reason", problems),
        _named("Late", "What it cost", late),
        _named("Notes on single submissions", "Note", noted),
        "<h3>Notes on the class</h3>\n" + bullets([with_code(note) for note in notes]) if notes else "",
    ]
    inside = "\n".join(section for section in sections if section)
    inside = inside or "<p>Nothing to report: every submission was run, none was late.</p>"
    return (
        "<h2>With names</h2>\n<details>\n<summary>Problems, late ones and notes, with the students’ names</summary>\n"
        f"{inside}\n</details>"
    )


def _named(title: str, what: str, entries: Sequence[tuple[Row, str]]) -> str:
    if not entries:
        return ""
    lines = "\n".join(
        f'<tr><th scope="row"><a href="feedback/{row.page}">{name(row.student)}</a></th><td>{text}</td></tr>'
        for row, text in entries
    )
    return (
        f"<h3>{title}</h3>\n<table>\n<caption>{counted(len(entries), 'student')}</caption>\n"
        f'<thead><tr><th scope="col">Student</th><th scope="col">{what}</th></tr></thead>\n<tbody>\n{lines}\n'
        "</tbody>\n</table>"
    )
