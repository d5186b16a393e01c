/* What every page loads: one small module per behaviour. A page's own modules come after, through the block `head`. */
import "./copy.js";
import "./dialog.js";
import "./favicon.js";
import "./follow.js";
import "./insert.js";
import "./json.js";
import "./keys.js";
import "./menu.js";
import "./palette.js";
import "./requests.js";
import "./theme.js";
import "./time.js";
import { mount } from "./mount.js";

// What scrolls sideways must be reachable by the keyboard, and Markdown carries no attributes to say so.
mount(".prose :is(pre, table)", (element) => (element.tabIndex = 0));

// CodeMirror is six times the rest together, so only pages with a code field load it.
async function editors() {
  const fields = document.querySelectorAll("textarea[data-code]");
  if (!fields.length) return;
  const { edit } = await import("./editor.js");
  for (const field of fields) if (field.isConnected) edit(field);
}
// Again after every swap: a morph keeps the textarea and takes away the editor that the server knows nothing of.
document.addEventListener("htmx:after:settle", editors);
editors();
