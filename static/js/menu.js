/* <details data-menu>: closes on a click elsewhere, on Escape and when focus leaves; arrows move between its items. */
const open = () => document.querySelectorAll("details[data-menu][open]");
const items = (menu) => [...menu.querySelectorAll(".menu__list :is(a, button, input):not([disabled])")];

function move(menu, key) {
  const all = items(menu);
  if (!all.length) return;
  const here = all.indexOf(document.activeElement);
  const next = { ArrowDown: here + 1, ArrowUp: here < 0 ? -1 : here - 1, Home: 0, End: -1 }[key];
  all.at(next % all.length).focus();
}

document.addEventListener("click", (event) => {
  for (const menu of open()) {
    if (!menu.contains(event.target)) menu.open = false;
    else if (event.target.closest(".menu__item:not([data-stay])")) setTimeout(() => (menu.open = false));
  }
});

document.addEventListener("focusin", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details[data-menu]");
  if (!menu) return;
  if (event.key === "Escape" && menu.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) || (menu.open && ["Home", "End"].includes(event.key))) {
    event.preventDefault();
    menu.open = true;
    move(menu, event.key);
  }
});
