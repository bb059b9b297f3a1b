// A box that is wider than its place scrolls: it gets a name and is reached by the keyboard. One that fits scrolls nothing,
// so that the head of a long table can stay in view.
(function () {
  "use strict";
  const boxes = document.querySelectorAll("main .table-scroll, main pre, main .equation");

  function name(box) {
    const table = box.querySelector("table");
    const caption = table && (table.caption || document.getElementById(table.getAttribute("aria-labelledby")));
    const figure = box.closest("figure");
    const said = caption || (figure && figure.querySelector("figcaption"));
    if (said) return said.textContent.trim();
    let place = box;
    while (place && place.tagName !== "MAIN") {
      for (let before = place.previousElementSibling; before; before = before.previousElementSibling) {
        if (/^H[1-6]$/.test(before.tagName)) return before.textContent.trim();
      }
      place = place.parentElement;
    }
    return document.title;
  }

  const taken = new Map();
  function fit(box) {
    const scrolls = box.scrollWidth > box.clientWidth + 1;
    box.classList.toggle("fits", !scrolls);
    if (!scrolls) {
      box.removeAttribute("tabindex");
      return;
    }
    box.tabIndex = 0;
    if (box.tagName === "PRE" || box.hasAttribute("role")) return;
    const own = name(box);
    taken.set(own, (taken.get(own) || 0) + 1);
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", taken.get(own) > 1 ? own + " (" + taken.get(own) + ")" : own);
  }

  const watch = new ResizeObserver((entries) => entries.forEach((entry) => fit(entry.target)));
  boxes.forEach((box) => {
    fit(box);
    watch.observe(box);
  });
})();
