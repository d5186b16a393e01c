/* Ctrl-K: go to, run, create. Entries are the links of the rail, every [data-command] of the page (its value is the group,
   its text or data-command-label the name), and what the address in <body data-palette> answers: {"items": [{label, url, group}]}. */
import { make } from "./dialog.js";

const MOST = 40;

function words(element) {
  return (element.dataset.commandLabel ?? element.getAttribute("aria-label") ?? element.textContent).replace(/\s+/g, " ").trim();
}

function local() {
  const links = [...document.querySelectorAll(".rail__nav .rail__link")].map((link) => ({ label: words(link.querySelector("span") ?? link), group: "Go to", run: () => link.click() }));
  const commands = [...document.querySelectorAll("[data-command]")].filter((e) => !e.disabled).map((e) => ({ label: words(e), group: e.dataset.command || "Do", run: () => e.click() }));
  return [...commands, ...links];
}

function fits(label, query) {
  let from = 0;
  const text = label.toLowerCase();
  return query.split(/\s+/).every((part) => {
    const at = text.indexOf(part, part && from);
    from = at + part.length;
    return at >= 0;
  });
}

async function remote(query, signal) {
  const address = document.body.dataset.palette;
  if (!address || !query) return [];
  const response = await fetch(`${address}?q=${encodeURIComponent(query)}`, { signal, headers: { Accept: "application/json" } });
  if (!response.ok || response.redirected) return [];
  const { items = [] } = await response.json();
  return items
    .map((item) => ({ ...item, to: new URL(item.url, location.href) }))
    .filter((item) => item.to.origin === location.origin)
    .map((item) => ({ label: String(item.label), group: String(item.group ?? ""), run: () => location.assign(item.to) }));
}

function row(item, index, chosen, choose) {
  const element = document.createElement("div");
  element.id = `palette-${index}`;
  element.className = "palette__item";
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", String(index === chosen));
  element.append(item.label, Object.assign(document.createElement("span"), { className: "palette__group", textContent: item.group }));
  element.addEventListener("click", () => choose(item));
  return element;
}

function field() {
  const input = Object.assign(document.createElement("input"), { className: "palette__input", type: "text", placeholder: "Go to, run, create", autocomplete: "off", spellcheck: false });
  for (const [name, value] of [["role", "combobox"], ["aria-label", "Go to, run, create"], ["aria-expanded", "true"], ["aria-controls", "palette-list"], ["aria-autocomplete", "list"]]) input.setAttribute(name, value);
  return input;
}

function open() {
  if (document.querySelector("dialog[open]")) return;
  const dialog = make("palette", "palette", "Commands");
  const input = field();
  const list = Object.assign(document.createElement("div"), { className: "palette__list", id: "palette-list" });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Results");
  const here = local();
  let items = [];
  let chosen = 0;
  let asking = new AbortController();

  const choose = (item) => {
    dialog.close();
    item?.run();
  };
  const draw = () => {
    list.replaceChildren(...items.map((item, index) => row(item, index, chosen, choose)));
    if (!items.length) list.append(Object.assign(document.createElement("p"), { className: "palette__empty", textContent: "Nothing has that name." }));
    input.setAttribute("aria-activedescendant", items.length ? `palette-${chosen}` : "");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const search = async () => {
    const query = input.value.trim().toLowerCase();
    items = here.filter((item) => fits(item.label, query)).slice(0, MOST);
    chosen = 0;
    draw();
    asking.abort();
    asking = new AbortController();
    try {
      const found = await remote(query, asking.signal);
      if (found.length) {
        items = [...items, ...found].slice(0, MOST);
        draw();
      }
    } catch (problem) {
      if (problem.name !== "AbortError") console.warn("Signalbox: the palette could not search.", problem.message);
    }
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && items.length) {
      event.preventDefault();
      chosen = (chosen + by + items.length) % items.length;
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(items[chosen]);
    }
  });
  dialog.append(input, list);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  input.focus();
  search();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    open();
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-opens-palette]")) open();
});
