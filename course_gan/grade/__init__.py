"""Marks that cannot be forged: a class's submissions, run out of process in a box, judged by what they return."""
