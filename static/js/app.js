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
mount("textarea[data-code]", async (field) => {
  const { edit } = await import("./editor.js");
  edit(field);
});
