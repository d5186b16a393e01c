/* The list of steps: drag with the handle, Alt and an arrow to move, and the focus and scroll stay where they were. */
import { mount } from "./mount.js";

let focused = ""; // key of the step that gets the focus back after the list was redrawn
let scrolled = 0;

const rowOf = (element) => element?.closest?.("[data-key-of]");

function send(values) {
  const form = document.getElementById("move-form");
  if (!form) return;
  for (const name of ["key", "by", "after"]) form.elements[name].value = values[name] ?? "";
  form.requestSubmit();
}

mount("[data-sortable]", (list) => {
  window.Sortable?.create(list, {
    handle: ".handle",
    animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
    // Its own pointer handling instead of the browser's drag and drop: the same on touch screens, and the row looks lifted.
    forceFallback: true,
    fallbackTolerance: 3,
    fallbackClass: "steps__row--lifted",
    ghostClass: "steps__row--ghost",
    onEnd: ({ item, oldIndex, newIndex }) => {
      if (oldIndex === newIndex) return;
      focused = item.dataset.keyOf;
      send({ key: item.dataset.keyOf, after: item.previousElementSibling?.dataset.keyOf });
    },
  });
});

document.addEventListener("keydown", (event) => {
  const row = rowOf(event.target);
  if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const last = event.key === "ArrowUp" ? !row.previousElementSibling : !row.nextElementSibling;
  if (last) return;
  focused = row.dataset.keyOf;
  send({ key: row.dataset.keyOf, by: event.key === "ArrowUp" ? "-1" : "1" });
});

document.addEventListener("click", (event) => {
  const row = rowOf(event.target);
  if (row && event.target.closest(".menu__item")) focused = row.dataset.keyOf;
});

document.addEventListener("htmx:before:swap", () => {
  scrolled = document.getElementById("steps-pane")?.scrollTop ?? 0;
});

document.addEventListener("htmx:after:swap", () => {
  const pane = document.getElementById("steps-pane");
  if (pane && pane.scrollTop !== scrolled) pane.scrollTop = scrolled;
  if (!focused) return;
  const row = document.querySelector(`[data-key-of="${CSS.escape(focused)}"]`);
  focused = "";
  row?.querySelector(".steps__link")?.focus({ preventScroll: false });
});
