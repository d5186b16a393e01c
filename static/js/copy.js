/* [data-copy="text"] copies that text; [data-copy-from="id"] copies the text of that element exactly as it is. */
function textOf(button) {
  const id = button.dataset.copyFrom;
  if (!id) return button.dataset.copy;
  const source = document.getElementById(id);
  return source ? (source.value ?? source.textContent) : "";
}

function copyTheOldWay(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "vh";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

async function write(text) {
  // The clipboard interface exists on https and on this machine only; a server in the local network has neither.
  if (!navigator.clipboard) return copyTheOldWay(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyTheOldWay(text);
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-copy-from]");
  if (!button) return;
  event.preventDefault();
  const label = button.getAttribute("aria-label");
  const done = await write(textOf(button));
  button.dataset.copied = done ? "yes" : "no";
  button.setAttribute("aria-label", done ? "Copied" : "Could not copy");
  setTimeout(() => {
    delete button.dataset.copied;
    if (label) button.setAttribute("aria-label", label);
    else button.removeAttribute("aria-label");
  }, 1600);
});
