/* <dialog id> opened by [data-opens="id"] and closed by [data-closes], by Escape, or by a click beside it. */
document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.opens)?.showModal();
    return;
  }
  if (event.target.closest?.("[data-closes]")) event.target.closest("dialog")?.close();
  else if (event.target.matches?.("dialog.dialog") && outside(event.target, event)) event.target.close();
});

function outside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  const keyboard = event.clientX === 0 && event.clientY === 0;
  return !keyboard && (event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom);
}

/** A dialog built by a module: the same classes as one from the server. */
export function make(id, name, title) {
  const dialog = document.createElement("dialog");
  dialog.id = id;
  dialog.className = `dialog ${name}`;
  dialog.setAttribute("aria-label", title);
  document.body.append(dialog);
  return dialog;
}
