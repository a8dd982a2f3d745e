"""Reading the MyST Markdown of the chapters, and writing it as plain Markdown that every notebook program shows."""
