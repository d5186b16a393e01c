/* figure[data-json="levels"]: draws the JSON of its <pre> as a tree that folds and can be searched. The <pre> stays as the
   source of copying; text that is not JSON, or too large to draw, stays as text and can still be searched. */
import { mount } from "./mount.js";

const LARGEST = 300_000;
const PAGE = 200;

function piece(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

const kind = (value) => (typeof value === "string" ? "string" : typeof value === "number" ? "number" : "word");

function size(value) {
  const count = Array.isArray(value) ? value.length : Object.keys(value).length;
  const word = Array.isArray(value) ? "item" : "field";
  return `${Array.isArray(value) ? "[…]" : "{…}"} ${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

function fill(box, entries, depth, from = 0) {
  for (const [key, value] of entries.slice(from, from + PAGE)) box.append(draw(key, value, depth));
  const rest = entries.length - from - PAGE;
  if (rest <= 0) return;
  const more = piece("button", "btn btn--link", `Show ${Math.min(rest, PAGE)} more of ${rest.toLocaleString("en")}`);
  more.type = "button";
  more.addEventListener("click", () => {
    more.remove();
    fill(box, entries, depth, from + PAGE);
  });
  box.append(more);
}

function draw(key, value, depth) {
  const label = key === null ? [] : [piece("span", "json__key", String(key)), ": "];
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0) {
    const row = piece("div", "json__row");
    const leaf = value !== null && typeof value === "object" ? "word" : kind(value);
    row.append(...label, piece("span", `json__${leaf}`, JSON.stringify(value)));
    return row;
  }
  const fold = piece("details");
  const head = piece("summary");
  const box = piece("div");
  head.append(...label, piece("span", "json__size", size(value)));
  fold.append(head, box);
  const entries = Object.entries(value);
  const unfold = () => box.childNodes.length || fill(box, entries, depth - 1);
  fold.addEventListener("toggle", () => fold.open && unfold());
  fold.addEventListener("signalbox:unfold", unfold);
  if (depth > 0) {
    unfold();
    fold.open = true;
  }
  return fold;
}

function unfoldAll(tree) {
  for (let folds = [...tree.querySelectorAll("details")]; folds.length; ) {
    const fold = folds.shift();
    fold.dispatchEvent(new Event("signalbox:unfold"));
    folds = folds.concat([...fold.querySelectorAll(":scope > div > details")].filter((inner) => !folds.includes(inner)));
  }
}

function clear(box) {
  for (const mark of box.querySelectorAll("mark")) mark.replaceWith(mark.textContent);
  box.normalize();
}

function highlight(box, wanted) {
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (let node of nodes) {
    for (let at = node.data.toLowerCase().indexOf(wanted); at >= 0; at = node.data.toLowerCase().indexOf(wanted)) {
      const hit = node.splitText(at);
      node = hit.splitText(wanted.length);
      const mark = piece("mark", "", hit.data);
      hit.replaceWith(mark);
    }
  }
  return [...box.querySelectorAll("mark")];
}

function searchable(figure, box) {
  const field = figure.querySelector(".code__search");
  const count = figure.querySelector(".code__count");
  if (!field) return;
  let hits = [];
  let at = -1;
  const go = (step) => {
    hits[at]?.classList.remove("is-current");
    at = (at + step + hits.length) % hits.length;
    hits[at].classList.add("is-current");
    for (let fold = hits[at].closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    hits[at].scrollIntoView({ block: "nearest" });
    count.textContent = `${at + 1}/${hits.length}`;
  };
  field.addEventListener("input", () => {
    clear(box);
    const wanted = field.value.trim().toLowerCase();
    hits = [];
    at = -1;
    count.textContent = "";
    if (!wanted) return;
    if (box.classList.contains("json")) unfoldAll(box);
    hits = highlight(box, wanted);
    if (hits.length) go(1);
    else count.textContent = "none";
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (hits.length) go(event.shiftKey ? -1 : 1);
  });
}

function parsed(text) {
  if (text.length > LARGEST) return null;
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

mount("figure[data-json]", (figure) => {
  const source = figure.querySelector("pre");
  const value = parsed(source.textContent);
  if (value === null) return searchable(figure, source);
  const tree = piece("div", "json");
  tree.tabIndex = 0;
  tree.setAttribute("role", "region");
  tree.setAttribute("aria-label", source.getAttribute("aria-label") ?? "JSON");
  tree.append(draw(null, value, Number(figure.dataset.json) || 0));
  source.hidden = true;
  source.after(tree);
  searchable(figure, tree);
});
