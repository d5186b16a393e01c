/* CodeMirror over <textarea data-code="json|javascript|markdown|html|text">. The textarea stays the form's value: every
   change is written back and announced with an input event, so autosave and plain submits need not know of the editor.
   data-vars="id" names an element whose text is a JSON list of variable names, offered after {{ and checked in the text. */
import {
  autocompletion, basicSetup, Decoration, EditorState, EditorView, HighlightStyle, html, javascript, json, jsonParseLinter, keymap, linter, markdown, MatchDecorator, placeholder, syntaxHighlighting, tags, ViewPlugin,
} from "../vendor/codemirror/codemirror.js";

const LANGUAGES = { json, javascript, markdown, html };
const jsonProblems = jsonParseLinter();
/** A field that was left empty holds no wrong JSON. */
const jsonUnlessEmpty = (view) => (view.state.doc.toString().trim() ? jsonProblems(view) : []);
const VARIABLE = /\{\{[^{}\n]*\}\}/g;

const look = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "var(--text)", fontSize: "var(--t12)", maxHeight: "60vh" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { padding: "6px 0", caretColor: "var(--text)", minHeight: "72px" },
  ".cm-line": { padding: "0 10px" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--muted)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "var(--sunken)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-wash)" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-tooltip": { border: "0", borderRadius: "6px", backgroundColor: "var(--surface)", color: "var(--text)", boxShadow: "var(--shadow)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--selected)", color: "var(--text)" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--hover)", outline: "1px solid var(--line-strong)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--hover)", border: "0", color: "var(--muted)" },
  ".cm-var": { backgroundColor: "var(--accent-wash)", color: "var(--accent)", borderRadius: "3px", padding: "1px 0" },
  ".cm-var *": { color: "inherit" },
  ".cm-var--unknown": { backgroundColor: "var(--red-wash)", color: "var(--red)" },
});

const violet = "light-dark(oklch(0.45 0.17 300), oklch(0.8 0.1 300))";
const teal = "light-dark(oklch(0.42 0.09 200), oklch(0.82 0.08 195))";
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.bool, tags.null, tags.number], color: violet },
  { tag: [tags.string, tags.special(tags.string), tags.attributeValue], color: teal },
  { tag: [tags.comment, tags.meta, tags.processingInstruction], color: "var(--muted)" },
  { tag: [tags.propertyName, tags.attributeName, tags.tagName], color: "var(--text)" },
  { tag: [tags.heading, tags.strong], fontWeight: "600" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: [tags.link, tags.url], color: "var(--accent)" },
  { tag: tags.invalid, color: "var(--red)" },
]);

function namesFor(field) {
  const source = document.getElementById(field.dataset.vars ?? "");
  if (!source) return null;
  try {
    const names = JSON.parse(source.textContent);
    return Array.isArray(names) ? names.map(String) : null;
  } catch {
    return null;
  }
}

function known(names, path) {
  // Below a name whose own parts are listed only those are known; below any other name everything may be.
  const isOpen = (name) => !names.some((other) => other.startsWith(`${name}.`));
  const isBelow = (name) => path.startsWith(`${name}.`) || path.startsWith(`${name}[`);
  return names.some((name) => path === name || name.startsWith(`${path}.`) || (isBelow(name) && isOpen(name)));
}

function variables(field) {
  const matcher = new MatchDecorator({
    regexp: VARIABLE,
    decoration: ([text]) => {
      const names = namesFor(field);
      const path = text.slice(2, -2).trim();
      const unknown = names && !path.includes(":") && !known(names, path);
      return Decoration.mark({ class: unknown ? "cm-var cm-var--unknown" : "cm-var" });
    },
  });
  return ViewPlugin.define(
    (view) => ({
      marks: matcher.createDeco(view),
      update(update) {
        this.marks = matcher.updateDeco(update, this.marks);
      },
    }),
    { decorations: (plugin) => plugin.marks },
  );
}

function completions(field) {
  return (context) => {
    const typed = context.matchBefore(/\{\{\s*[\w.[\]-]*/);
    const names = typed && namesFor(field);
    if (!names) return null;
    const from = typed.from + typed.text.match(/^\{\{\s*/)[0].length;
    const close = context.state.sliceDoc(context.pos, context.pos + 2) === "}}" ? "" : "}}";
    return { from, options: names.map((name) => ({ label: name, type: "variable", apply: name + close })), validFor: /^[\w.[\]-]*$/ };
  };
}

function labelOf(field) {
  return field.getAttribute("aria-label") ?? field.labels?.[0]?.firstChild?.textContent?.trim() ?? "Code";
}

function extensions(field) {
  const language = LANGUAGES[field.dataset.code];
  const described = field.getAttribute("aria-describedby");
  const attributes = { tabindex: "0", "aria-label": labelOf(field), ...(described && { "aria-describedby": described }), ...(field.getAttribute("aria-invalid") && { "aria-invalid": "true" }) };
  const writeBack = EditorView.updateListener.of((update) => {
    if (!update.docChanged) return;
    field.value = update.state.doc.toString();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const leave = EditorView.domEventHandlers({ blur: () => void field.dispatchEvent(new Event("change", { bubbles: true })) });
  const isText = !language || field.dataset.code === "markdown";
  return [
    basicSetup, look, syntaxHighlighting(colours), EditorView.lineWrapping, EditorView.contentAttributes.of(attributes), writeBack, leave, variables(field),
    autocompletion({ override: field.dataset.vars || isText ? [completions(field)] : null }),
    // Tab leaves the field, as everywhere else on the page; Escape then Tab is not needed. Ctrl-Enter submits the form.
    keymap.of([{ key: "Mod-Enter", run: () => (field.form?.requestSubmit(), true) }]),
    ...(language ? [language()] : []),
    ...(field.dataset.code === "json" && !("template" in field.dataset) ? [linter(jsonUnlessEmpty)] : []),
    ...(field.placeholder ? [placeholder(field.placeholder)] : []),
    ...(field.readOnly || field.disabled ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : []),
    ...(isText ? [EditorView.theme({ ".cm-gutters": { display: "none" } })] : []),
  ];
}

const listening = new WeakMap();

/** Put an editor before the textarea and hide the textarea. Does nothing where there is one already. */
export function edit(field) {
  if (field.previousElementSibling?.classList.contains("editor")) return;
  listening.get(field)?.abort();
  const { signal } = listening.set(field, new AbortController()).get(field);
  // A hidden field that is required would stop the form from being sent without a word; the server checks it anyway.
  field.required = false;
  const box = document.createElement("div");
  box.className = "editor";
  field.before(box);
  const view = new EditorView({ parent: box, state: EditorState.create({ doc: field.value, extensions: extensions(field) }) });
  const set = (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  const on = (target, name, act) => target?.addEventListener(name, act, { signal });
  on(field, "signalbox:insert", (event) => {
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.detail.text));
    view.focus();
  });
  on(field, "signalbox:set", (event) => set(event.detail.text));
  on(field, "focus", () => view.focus());
  on(field.form, "reset", () => setTimeout(() => set(field.value)));
  for (const label of field.labels ?? []) on(label, "click", (event) => (event.preventDefault(), view.focus()));
}
