/* Give behaviour to elements that are there now and to those that htmx brings later. */
const mounted = new WeakMap();

function visit(root, selector, start) {
  if (!root?.querySelectorAll) return;
  const found = [...root.querySelectorAll(selector)];
  if (root.matches?.(selector)) found.unshift(root);
  for (const element of found) {
    const done = mounted.get(element) ?? new Set();
    if (done.has(start)) continue;
    mounted.set(element, done.add(start));
    start(element);
  }
}

/** Call start(element) once for every element that matches, now or after a swap. */
export function mount(selector, start) {
  const here = () => visit(document, selector, start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", here);
  else here();
  for (const name of ["htmx:after:process", "htmx:after:settle"]) {
    document.addEventListener(name, (event) => visit(event.target, selector, start));
  }
}

/** True when the person is writing, so that single keys are text and not commands. */
export function isWriting(target) {
  return Boolean(target?.closest?.("input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable], .cm-editor"));
}
