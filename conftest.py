"""Plugins of all tests: the collector of chapters, and pytest's own tool for testing plugins."""

pytest_plugins = ["tests.notebooks.collector", "pytester"]
