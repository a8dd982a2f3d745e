"""The HTML of a training film: its style, its script, and the places of both in the page.

Nothing is fetched.  Without JavaScript, in print, and where a reader asks for less motion, a strip of stills is shown.
No element has an id, and the script looks for films that have not been set up yet, so that many fit on one page.
"""

from html import escape

STYLE = """
.course-film{margin:0 0 1rem;max-width:26rem;color:inherit}
.course-film svg{display:block;width:100%;height:auto;color:inherit}
.course-film-box{fill:none;stroke:currentColor;stroke-width:3;opacity:.55}
.course-film-real,.course-film-fake{fill:none;stroke:#2b8cc8;stroke-width:13;stroke-linecap:round;opacity:.85}
.course-film-fake{stroke:#D55E00;stroke-width:5;stroke-linecap:butt;opacity:1}
.course-film image{image-rendering:pixelated}
.course-film-stage,.course-film-controls{display:none}
.course-film-controls{gap:.6rem;align-items:center;flex-wrap:wrap;margin-top:.4rem}
.course-film-controls button{font:inherit;color:inherit;background:none;border:1px solid currentColor;
border-radius:.4rem;min-width:4.5rem;min-height:2.2rem;cursor:pointer}
.course-film-controls input{flex:1 1 8rem;min-width:8rem;min-height:2.2rem;accent-color:#2b8cc8}
.course-film-step{min-width:6rem;font-variant-numeric:tabular-nums}
.course-film-strip{display:grid;grid-template-columns:repeat(3,1fr);gap:.4rem}
.course-film-strip span{display:block;font-size:.85em;text-align:center}
.course-film-key{font-size:.9em;margin:.2rem 0}
.course-film-key b{color:#2b8cc8}
.course-film-key i{color:#BF5200;font-style:normal}
html[data-theme="dark"] .course-film-key i{color:#D55E00}
.course-film[data-ready] .course-film-stage{display:block}
.course-film[data-ready] .course-film-controls{display:flex}
.course-film[data-ready] .course-film-strip{display:none}
@media (prefers-reduced-motion:reduce){.course-film[data-ready] .course-film-strip{display:grid;margin-top:.6rem}
.course-film-controls button{display:none}}
@media print{.course-film[data-ready] .course-film-strip{display:grid}.course-film{break-inside:avoid}
.course-film[data-ready] .course-film-stage,.course-film[data-ready] .course-film-controls{display:none}}
html[data-theme="dark"] .bd-content .bd-article div.cell_output .text_html:has(.course-film){background:none;
color:inherit;padding:0}
"""

# A frame of points is a string of four letters a point: 12 bits across, 12 bits down, six bits a letter.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

SCRIPT = """
(function () {
  const letters = "LETTERS";
  function crosses(code) {
    let path = "";
    const at = (k) => 64 * letters.indexOf(code[k]) + letters.indexOf(code[k + 1]);
    for (let k = 0; k < code.length; k += 4) path += `M${at(k) - 8} ${at(k + 2) - 8}l16 16m0-16l-16 16`;
    return path;
  }
  for (const film of document.querySelectorAll(".course-film:not([data-ready])")) {
    film.dataset.ready = "";
    const frames = film.dataset.frames.split(" "), steps = film.dataset.steps.split("|");
    const marks = film.querySelector("[data-marks]"), slider = film.querySelector("input");
    const button = film.querySelector("button"), label = film.querySelector(".course-film-step");
    let timer = null;
    function show(k) {
      slider.value = k;
      if (marks.tagName === "image") marks.setAttribute("y", frames[k]);
      else marks.setAttribute("d", crosses(frames[k]));
      label.textContent = steps[k];
      slider.setAttribute("aria-valuetext", steps[k]);
    }
    function stop() { clearInterval(timer); timer = null; button.textContent = "Play"; }
    function play() {
      if (+slider.value >= frames.length - 1) show(0);
      button.textContent = "Pause";
      timer = setInterval(() => {
        if (!film.isConnected || +slider.value >= frames.length - 1) stop();
        else show(+slider.value + 1);
      }, +film.dataset.pause);
    }
    button.addEventListener("click", () => (timer === null ? play() : stop()));
    slider.addEventListener("input", () => { stop(); show(+slider.value); });
    show(frames.length - 1);
  }
})();
""".replace("LETTERS", LETTERS)


def svg(size: tuple[int, int], content: str, alt: str | None = None) -> str:
    """A picture; one without alternative text is hidden from those who do not see it."""
    said = 'aria-hidden="true"' if alt is None else f'role="img" aria-label="{escape(alt)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" {said}>{content}</svg>'


def fragment(
    *,
    size: tuple[int, int],
    stage: str,
    stills: list[tuple[str, str]],
    frames: list[str],
    steps: list[str],
    key: str,
    alt: str,
    pause: int,
) -> str:
    """The film as a piece of a page: the stage with its controls, and the strip of stills (caption, content)."""
    last = len(frames) - 1
    strip = "".join(f"<div>{svg(size, content)}<span>{escape(caption)}</span></div>" for caption, content in stills)
    return (
        f'<style>{STYLE}</style><figure class="course-film" data-frames="{" ".join(frames)}" '
        f'data-steps="{escape("|".join(steps))}" data-pause="{pause}">'
        f'<div class="course-film-stage">{svg(size, stage, alt)}</div>'
        f'<div class="course-film-controls"><button type="button">Play</button>'
        f'<input type="range" min="0" max="{last}" step="1" value="{last}" aria-label="Frame of the film" '
        f'aria-valuetext="{escape(steps[-1])}"><span class="course-film-step" aria-hidden="true">{escape(steps[-1])}'
        f'</span></div><div class="course-film-strip" role="img" aria-label="{escape(alt)}">{strip}</div>'
        f'<figcaption class="course-film-key">{key}</figcaption></figure><script>{SCRIPT}</script>'
    )


def page(film: str, title: str) -> str:
    """A page of its own around a film."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"</head><body>{film}</body></html>\n"
    )
