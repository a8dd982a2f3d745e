"""`python -m course_gan` is the command `course-gan`."""

from course_gan.cli import main

main()
