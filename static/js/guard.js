/* Loaded right after htmx and before the page is read: takes from htmx what we never want it to have.
   No expression in an attribute is ever evaluated (hx-on, js: values, trigger filters), and a <script> inside a fragment
   stays text. The content security policy refuses both as well; this keeps them from being tried. */
(() => {
  document.documentElement.dataset.js = "";

  const refused = () => ({
    call() {
      console.warn("Signalbox: an attribute asked htmx to evaluate an expression; refused.");
    },
  });
  const rules = { createHTML: (text) => text, createScript: () => "" };
  const policy = window.trustedTypes ? window.trustedTypes.createPolicy("signalbox", rules) : rules;

  function Refused() {
    return refused();
  }

  window.htmx.registerExtension("signalbox-guard", {
    init: (api) => api.initSecurity(policy, Refused, Refused),
    htmx_before_on_init: () => false,
  });
})();
