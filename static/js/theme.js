/* [data-theme-choice="light|dark|"]: keeps the choice in a cookie, so that the server sends the next page in it already. */
const root = document.documentElement;
const YEAR = 365 * 24 * 3600;

function show() {
  const chosen = root.dataset.theme ?? "";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-theme-choice]");
  if (!button) return;
  const chosen = button.dataset.themeChoice;
  if (chosen) root.dataset.theme = chosen;
  else delete root.dataset.theme;
  document.cookie = `theme=${chosen}; path=/; max-age=${chosen ? YEAR : 0}; samesite=lax`;
  show();
});

show();
