// What the style sheet cannot do: boxes that scroll are reached with the keyboard, and buttons are called what they show.
(() => {
  const boxes = 'mjx-container[display="true"], .course-check, .bd-article pre, .pst-scrollable-table-container';

  // Which boxes scroll depends on the width of the window; what does not scroll needs no stop of the tab key.
  function update() {
    for (const box of document.querySelectorAll(boxes)) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else if (box.matches("mjx-container")) box.removeAttribute("tabindex");
    }
  }

  for (const button of document.querySelectorAll(".search-button-field")) button.removeAttribute("aria-label");
  for (const button of document.querySelectorAll(".theme-switch-button")) {
    // its icons, of which one is shown, are called so
    button.setAttribute("aria-label", "Color mode: Light, Dark or System Settings");
  }

  // A folded box has no width: look again when it is opened.
  document.addEventListener("toggle", update, true);
  document.addEventListener("click", () => setTimeout(update, 50));
  addEventListener("resize", update);
  addEventListener("load", async () => {
    await globalThis.MathJax?.startup?.promise;
    update();
  });
})();
