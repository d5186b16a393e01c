/* Small behaviours of the editor's forms: fields that show only for some values of another, the JSON box of a choice, the
   menu's search, wrong fields, and code that follows the draft. */
import { mount } from "./mount.js";

function valueOf(form, name) {
  const control = form.elements[name] ?? form.elements[`${name}_0`];
  return control?.type === "checkbox" ? String(control.checked) : (control?.value ?? "");
}

mount("[data-shown-name]", (part) => {
  const form = part.closest("form");
  const values = part.dataset.shownValues.split(" ");
  const decide = () => {
    part.hidden = !values.includes(valueOf(form, part.dataset.shownName));
  };
  form.addEventListener("input", decide);
  form.addEventListener("change", decide);
  decide();
});

mount("[data-choice]", (choice) => {
  const select = choice.querySelector("select");
  const other = choice.querySelector(".choice__other");
  const decide = () => {
    other.hidden = select.value !== "other";
  };
  select.addEventListener("change", decide);
  decide();
});

mount("[data-filters]", (search) => {
  const list = document.getElementById(search.dataset.filters);
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const group of list.querySelectorAll("[data-filter-group]")) {
      let here = 0;
      for (const item of group.querySelectorAll("[data-filter-text]")) {
        item.hidden = !words.every((word) => item.dataset.filterText.toLowerCase().includes(word));
        here += item.hidden ? 0 : 1;
      }
      group.hidden = here === 0;
      found += here;
    }
    list.querySelector("[data-filter-none]").hidden = found > 0;
  };
  search.addEventListener("input", filter);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    [...list.querySelectorAll("[data-filter-text]")].find((item) => !item.hidden && !item.closest("[hidden]"))?.click();
  });
  search.closest("details")?.addEventListener("toggle", (event) => {
    if (event.target.open) search.focus();
  });
});

document.addEventListener("htmx:after:swap", () => {
  for (const slot of document.querySelectorAll("#form-pane .field__problems")) {
    const wrong = Boolean(slot.querySelector('.field__error'));
    const field = slot.closest(".field");
    field?.classList.toggle("field--error", wrong);
    for (const control of field?.querySelectorAll("input, select, textarea, .cm-content") ?? []) {
      if (wrong) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }
});

/* A code field that shows the draft is brought up to date after each save, unless somebody is in the middle of editing it. */
mount("textarea[data-follows]", (field) => {
  let following = false;
  let dirty = Boolean(field.getAttribute("aria-invalid")) || Boolean(document.getElementById("payload-diff"));
  field.addEventListener("input", () => {
    if (!following) dirty = true;
  });
  const follow = () => {
    const source = document.getElementById(field.dataset.follows);
    if (!field.isConnected) document.removeEventListener("htmx:after:swap", follow);
    if (!field.isConnected || !source || dirty || field.value === source.textContent) return;
    following = true;
    const scroller = field.previousElementSibling?.querySelector?.(".cm-scroller");
    const top = scroller?.scrollTop ?? 0;
    field.value = source.textContent;
    field.dispatchEvent(new CustomEvent("signalbox:set", { detail: { text: source.textContent } }));
    if (scroller) scroller.scrollTop = top;
    following = false;
  };
  document.addEventListener("htmx:after:swap", follow);
});
