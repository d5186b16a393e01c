/* The list of runs: rows are read again when their run changes its state; new runs are counted, never pushed in. */
import { hints } from "./streams.js";

const GATHER = 150;
const list = document.getElementById("runs");
const link = document.querySelector("#runs-news a");
const fresh = new Set();
const changed = new Set();
let timer = 0;

function tell() {
  if ("olderPage" in list.dataset || !link) return;
  link.querySelector("span").textContent = `${fresh.size} new run${fresh.size === 1 ? "" : "s"}`;
  link.hidden = false;
}

async function read() {
  timer = 0;
  const query = new URLSearchParams([...changed].map((run) => ["run", run]));
  changed.clear();
  await htmx.ajax("GET", `${list.dataset.rows}?${query}`, { source: "#runs", target: "#runs", swap: "none" });
}

hints(list.dataset.live, list.dataset.liveKey, (news) => {
  for (const { run } of news) {
    if (document.getElementById(`row-${run}`)) changed.add(run);
    else fresh.add(run);
  }
  if (fresh.size) tell();
  if (changed.size) timer ||= setTimeout(read, GATHER);
});

for (const field of document.querySelectorAll(".filters input[type=search]")) {
  field.addEventListener("search", () => field.form.requestSubmit());
}
