"""What `course-gan check` runs inside of a learner's notebook: judge one function and hand the verdict out."""

from collections.abc import Callable
from typing import Any

MIME = "application/vnd.course-gan.result+json"


def harvest(exercise_id: str, answer: Callable[[], Any], nonce: str) -> None:
    """Judge the function that `answer()` gives.  The verdict leaves the kernel as an output with the nonce."""
    from IPython import display

    publish: Any = display.publish_display_data  # untyped
    publish({MIME: {"nonce": nonce, "row": _row(exercise_id, answer)}})


def keep_kernel() -> None:
    """Make `exit()` raise SystemExit, as in a program: a kernel would end a moment later, while another cell runs."""
    from IPython import get_ipython

    def ask_exit() -> None:
        raise SystemExit("exit")

    shell: Any = get_ipython()
    shell.ask_exit = ask_exit


def _row(exercise_id: str, answer: Callable[[], Any]) -> dict[str, Any]:
    from course_gan.check import evaluate
    from course_gan.exercises import get

    try:
        exercise = get(exercise_id)
    except ValueError as error:
        return {"status": "wrong", "sentence": str(error)}
    row: dict[str, Any] = {"title": exercise.title, "possible": exercise.points}
    try:
        function = answer()
    except Exception as error:  # whatever the learner's expression does
        sentence = f"There is no such function ({type(error).__name__}: {error}). Did the cell that defines it raise?"
        return row | {"status": "wrong", "sentence": sentence}
    result = evaluate(exercise, function)
    if result.passed:
        return row | {"status": "passed", "sentence": result.message, "points": exercise.points}
    status = "not started" if _is_stub(exercise, function) else "wrong"
    return row | {"status": status, "sentence": _sentence(result), "message": result.message}


def _is_stub(exercise: Any, function: Any) -> bool:
    from course_gan.exercises.judge import observe

    return callable(function) and observe(exercise, function, exercise.seeded_cases(0)[0]).unwritten


def _sentence(result: Any) -> str:
    """What to tell in one cell of a table: what follows the case and its numbers."""
    paragraphs = result.message.split("\n\n")
    told = ""
    for paragraph in paragraphs[2:] or paragraphs:
        text = " ".join(paragraph.split())
        told += f" ({text})" if paragraph.startswith(" ") else f"{_stop(told)} {text}"
    return _stop(told).strip()


def _stop(text: str) -> str:
    return text if not text or text.endswith((".", "?", "!", ":")) else text + "."
