"""What the pages of a graded class share: one HTML file each, no script, no request, the reader's light or dark.

A policy in the page itself forbids scripts and requests, so that a submission's text could not start one even if it
got through the escaping.
"""

import html
import re
import textwrap

from course_gan.grade.text import clean, one_line

# Stands near the top of every page, and tells a page of ours from a file that somebody else put there.
MARKER = '<meta name="generator" content="course-gan grade">'

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
VERBATIM = "    "  # a block that begins like this shows values or code, as in the messages of `check`

# Text and ground are at least 7 to 1, links and faint text at least 4.5 to 1, in light and in dark.
STYLE = """
:root{color-scheme:light dark;--text:#222832;--faint:#525b6a;--ground:#fff;--card:#f6f7f9;--line:#c9ced6;
--link:#0a4fa8;--bar:#0072b2;--warn:#8f2f00;--warn-ground:#fff3ea}
@media (prefers-color-scheme:dark){:root{--text:#dfe5ec;--faint:#a9b4c2;--ground:#14181e;--card:#1c222a;--line:#434c59;
--link:#7cb8f0;--bar:#56b4e9;--warn:#ffb38a;--warn-ground:#2c1a10}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);overflow-wrap:anywhere;
font:1rem/1.6 -apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif}
main{max-width:46rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.9rem;line-height:1.25;margin:.1rem 0 .6rem}
h2{font-size:1.35rem;line-height:1.3;margin:2.6rem 0 .8rem}
h3{font-size:1.1rem;line-height:1.35;margin:0 0 .3rem}
h4{font-size:1rem;margin:1.4rem 0 .2rem}
p,ul,pre{margin:.5rem 0}
ul{padding-left:1.3rem}
li{margin:.25rem 0}
a{color:var(--link);text-underline-offset:.15em}
a:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:.2rem}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.9em}
code{background:var(--card);border:1px solid var(--line);border-radius:.25rem;padding:.05em .3em}
pre{white-space:pre-wrap;background:var(--ground);border:1px solid var(--line);border-radius:.3rem;padding:.6rem .8rem}
.above{color:var(--faint);margin:0;font-size:.95rem}
.faint{color:var(--faint)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.2rem;margin:1rem 0}
.card>:last-child{margin-bottom:0}
.warning{background:var(--warn-ground);color:var(--warn);border:2px solid currentColor;border-radius:.5rem;
padding:.8rem 1.2rem;margin:1.2rem 0}
.warning p{margin:.2rem 0}
.warning code{background:none;border-color:currentColor}
table{border-collapse:collapse;width:100%;margin:.8rem 0}
caption{text-align:left;color:var(--faint);padding-bottom:.4rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--line);
font-weight:inherit}
thead th{font-weight:600;overflow-wrap:normal}
.whole{white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
.right{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.mark{display:inline-block;width:1.5em;text-align:center;font-weight:700}
.total td,.total th{font-weight:700;border-bottom:0}
svg{display:block;width:100%;overflow:visible}
svg text{fill:var(--text);font-size:13px}
@media (max-width:30rem){main{padding:1.4rem 1rem 3rem}h1{font-size:1.5rem}.card{padding:.8rem .9rem}
th,td{padding-right:.6rem}}
@media print{:root{color-scheme:light;--text:#000;--faint:#333;--ground:#fff;--card:#fff;--line:#888;--link:#000;
--bar:#0072b2;--warn:#000;--warn-ground:#fff}main{max-width:none;padding:0}
.card,tr,figure{break-inside:avoid}h2,h3,h4,caption{break-after:avoid}
svg,.swatch{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def page(title: str, body: str, style: str = "") -> str:
    """A whole page; `body` is HTML; `title` is text, in one clean line."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{MARKER}\n"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def escaped(text: str) -> str:
    """One line of text, cleaned, as HTML."""
    return html.escape(one_line(text))


def name(text: str) -> str:
    """A name from outside, in one line, which cannot turn the text around it."""
    return f"<bdi>{escaped(text)}</bdi>"


def with_code(text: str) -> str:
    """One line of text in which backticks mark code."""
    return _code(escaped(text))


def blocks(text: str) -> str:
    """A message as paragraphs, with what is indented as it stands; the look of a check's verdict."""
    return "\n".join(_block(block) for block in re.split(r"\n{2,}", clean(text)) if block.strip())


def verbatim(text: str) -> str:
    """Values or code as they stand."""
    return f"<pre>{html.escape(textwrap.dedent(clean(text)).strip())}</pre>"


def _block(block: str) -> str:
    return verbatim(block) if block.startswith(VERBATIM) else f"<p>{_code(html.escape(block))}</p>"


def _code(text: str) -> str:
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text)


def bullets(items: list[str]) -> str:
    """A list; the items are HTML."""
    return "<ul>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>"
