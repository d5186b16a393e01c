/* Home: its lists are read again when a run changes its state. */
import { hints } from "./streams.js";

const GATHER = 400;
const home = document.getElementById("home");
let timer = 0;

async function read() {
  timer = 0;
  if (document.hidden) return;
  await htmx.ajax("GET", location.pathname, { source: "#home", target: "#home-lists", select: "#home-lists", swap: "outerHTML" });
}

hints(home.dataset.live, home.dataset.liveKey, () => (timer ||= setTimeout(read, GATHER)));
document.addEventListener("visibilitychange", () => document.hidden || (timer ||= setTimeout(read, GATHER)));
