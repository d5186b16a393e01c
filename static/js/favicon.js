/* The tab shows the state of the page: <anything data-page-state="running|waiting|failed|..."> badges icon and title. */
const MARKS = { running: "◐", waiting: "◆", sleeping: "◇", attention: "▲", failed: "▲", completed: "●", cancelled: "■" };
const COLOURS = {
  running: "#2f6fec", waiting: "#b86e00", sleeping: "#b86e00", attention: "#b86e00", failed: "#cf222e", completed: "#1a7f4b", cancelled: "#6a737d",
};
const SHAPES = {
  running: '<circle cx="23" cy="23" r="7"/>',
  completed: '<circle cx="23" cy="23" r="7"/>',
  waiting: '<path d="M23 14l9 9-9 9-9-9z"/>',
  sleeping: '<path d="M23 14l9 9-9 9-9-9z"/>',
  failed: '<path d="M23 14l9 16H14z"/>',
  attention: '<path d="M23 14l9 16H14z"/>',
  cancelled: '<path d="M16 16h14v14H16z"/>',
};
const link = document.querySelector("link[rel=icon]");
const plain = link?.getAttribute("href");
let written = "";

function picture(state) {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="1" y="1" width="26" height="26" rx="6" fill="#1d2430"/>' +
    '<circle cx="10" cy="10" r="4" fill="#5b9bff"/>' +
    `<g fill="${COLOURS[state]}" stroke="#fff" stroke-width="2">${SHAPES[state]}</g></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function bareTitle() {
  const mark = written && document.title.startsWith(`${written} `) ? written : "";
  return mark ? document.title.slice(mark.length + 1) : document.title;
}

export function show() {
  const state = document.querySelector("[data-page-state]")?.dataset.pageState;
  const mark = MARKS[state] ?? "";
  const title = bareTitle();
  written = mark;
  const wanted = mark ? `${mark} ${title}` : title;
  if (document.title !== wanted) document.title = wanted;
  const href = mark ? picture(state) : plain;
  if (link && href && link.getAttribute("href") !== href) link.setAttribute("href", href);
}

new MutationObserver(show).observe(document.documentElement, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["data-page-state"],
});
show();
