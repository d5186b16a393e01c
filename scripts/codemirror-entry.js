/* What static/js/editor.js needs of CodeMirror, bundled into one file by scripts/vendor.py. */
export { basicSetup, EditorView } from "codemirror";
export { Compartment, EditorState, Prec } from "@codemirror/state";
export { Decoration, keymap, MatchDecorator, placeholder, ViewPlugin } from "@codemirror/view";
export { autocompletion, startCompletion } from "@codemirror/autocomplete";
export { indentWithTab } from "@codemirror/commands";
export { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
export { linter, lintGutter } from "@codemirror/lint";
export { html } from "@codemirror/lang-html";
export { javascript } from "@codemirror/lang-javascript";
export { json, jsonParseLinter } from "@codemirror/lang-json";
export { markdown } from "@codemirror/lang-markdown";
export { tags } from "@lezer/highlight";
