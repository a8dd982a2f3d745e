"""The package behind the course: what the chapters import, what the exercises check, and the command `course-gan`."""

__version__ = "0.1.0"
