"""Due dates and the rule for late work in words, the same in every locale."""

from datetime import datetime, timedelta

from course_gan.grade.model import LatePolicy

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def in_words(when: datetime) -> str:
    """The point in time as "Tuesday, December 1, 2026, 23:59 (UTC+01:00)"."""
    zone = f"{when:%z}"
    zone = "UTC" if zone in ("", "+0000") else f"UTC{zone[:3]}:{zone[3:5]}"
    return f"{DAYS[when.weekday()]}, {MONTHS[when.month - 1]} {when.day}, {when.year}, {when:%H:%M} ({zone})"


def late_rule(late: LatePolicy) -> str:
    """What being late costs, in one or two sentences."""
    grace = _minutes(late.grace)
    start = f"Up to {grace} late costs nothing" if late.grace else "Work that comes after the due date is late"
    if late.most_days == 0 or late.per_day >= 1:
        return f"{start}; after that there are no points."
    after = f"More than {_count(late.most_days, 'day')} late, there are no points."
    if late.per_day == 0:
        return f"{start}, nor do the days after it. {after}" if late.grace else f"{start}, which costs nothing. {after}"
    return f"{start}; each day begun after that takes {100 * late.per_day:g} % off the points. {after}"


def _minutes(span: timedelta) -> str:
    return _count(round(span.total_seconds() / 60), "minute")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
