/* [data-insert="text" data-into="field id"]: puts the text at the cursor of that field, or of the code editor over it. */
document.addEventListener("click", (event) => {
  const chip = event.target.closest?.("[data-insert]");
  const field = chip && document.getElementById(chip.dataset.into);
  if (!field) return;
  const text = chip.dataset.insert;
  const ask = new CustomEvent("signalbox:insert", { detail: { text }, cancelable: true });
  if (!field.dispatchEvent(ask)) return;
  field.setRangeText(text, field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
