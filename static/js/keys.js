/* Keys of the page. [data-key="a"] or [data-key="g r"] is clicked (or focused, when it is a field) by that key;
   lists marked [data-list] with rows [data-row] move with j and k, open with Enter and select with x; ? shows them all. */
import { make } from "./dialog.js";
import { isWriting } from "./mount.js";

const PATIENCE = 900;
let before = "";
let forget = 0;

const visible = (element) => element.checkVisibility?.() ?? element.offsetParent !== null;
const scope = () => document.querySelector("dialog[open]") ?? document;
const keyed = (key) => [...scope().querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((e) => visible(e) && !e.disabled);

function press(element) {
  if (element.matches("input:not([type=checkbox]), textarea, select")) element.focus();
  else element.click();
}

function rows() {
  return [...document.querySelectorAll("[data-list] [data-row]")].filter(visible);
}

function step(by) {
  const all = rows();
  if (!all.length) return false;
  const here = all.findIndex((row) => row.classList.contains("is-current") || row.contains(document.activeElement));
  const next = all[Math.min(Math.max(here + by, 0), all.length - 1)];
  for (const row of all) row.classList.toggle("is-current", row === next);
  const target = next.matches("a, button, [tabindex]") ? next : next.querySelector("a");
  (target ?? next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function current() {
  return rows().find((row) => row.classList.contains("is-current"));
}

const LIST = {
  j: () => step(1),
  k: () => step(-1),
  x: () => {
    const box = current()?.querySelector("input[type=checkbox]");
    box?.click();
    return Boolean(box);
  },
  Enter: () => {
    const link = current()?.querySelector(".list__link, .table__link, a") ?? (current()?.matches("a") ? current() : null);
    if (!link || document.activeElement === link) return false;
    link.click();
    return true;
  },
};

function lines() {
  const seen = new Map();
  if (rows().length) for (const [key, text] of [["j", "Next row"], ["k", "Previous row"], ["Enter", "Open the row"], ["x", "Select the row"]]) seen.set(key, text);
  for (const element of document.querySelectorAll("[data-key]")) {
    const text = element.dataset.keyLabel ?? element.getAttribute("aria-label") ?? element.textContent;
    if (!seen.has(element.dataset.key)) seen.set(element.dataset.key, text.replace(/\s+/g, " ").trim().replace(new RegExp(` ${element.dataset.key}$`), ""));
  }
  seen.set("Ctrl K", "Go to, run, create").set("?", "Show these keys");
  return seen;
}

function help() {
  document.getElementById("keys")?.remove();
  const dialog = make("keys", "", "Keys of this page");
  const head = document.createElement("div");
  head.className = "dialog__head";
  head.append(Object.assign(document.createElement("h2"), { textContent: "Keys of this page" }));
  const body = document.createElement("dl");
  body.className = "dialog__body keys";
  for (const [key, text] of lines()) {
    const term = document.createElement("dt");
    key.split(" ").forEach((part, index) => term.append(index ? " " : "", Object.assign(document.createElement("kbd"), { textContent: part })));
    body.append(term, Object.assign(document.createElement("dd"), { textContent: text }));
  }
  const foot = document.createElement("div");
  foot.className = "dialog__foot";
  const close = Object.assign(document.createElement("button"), { className: "btn", type: "button", textContent: "Close" });
  close.dataset.closes = "";
  foot.append(close);
  dialog.append(head, body, foot);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}

function handle(key) {
  const pair = before ? keyed(`${before} ${key}`) : null;
  const element = pair ?? keyed(key);
  before = key;
  clearTimeout(forget);
  forget = setTimeout(() => (before = ""), PATIENCE);
  if (element) {
    before = "";
    press(element);
    return true;
  }
  if (document.querySelector("dialog[open]")) return false;
  if (key === "?") {
    help();
    return true;
  }
  return LIST[key]?.() ?? false;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isWriting(event.target)) return;
  // A focused control keeps its own Enter: approving by accident must not be possible.
  if (event.key === "Enter" && event.target.closest?.("a, button, summary")) return;
  if (handle(event.key)) event.preventDefault();
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-shows-keys]")) help();
});
