/* The live page of one run. Text is appended as it comes, as text. For every other event the server is asked, a moment
   later, for the pieces of the page that changed; each says up to which event it was made (data-seq), so that nothing is
   shown twice and nothing is lost when a piece and the stream overtake each other. */
import { follow, hints } from "./streams.js";

const GATHER = 60;
const EVENTS_TAB = 1000;
const LATER = 2000;
const AT_ONCE = 40;
const MOVING = ["queued", "running"];
const ENDS = ["execution_complete", "execution_error"];
const SAYS = {
  401: "You are signed out. Sign in again to see the rest.",
  403: "You may not see this run any more.",
  404: "This run is gone, or you may not see it any more.",
};

const root = document.getElementById("run");
const connection = document.getElementById("run-connection");
const get = (id) => document.getElementById(id);
const head = () => get("run-head");
const seqOf = (element) => Number(element?.dataset.seq ?? -1);

// Open blocks by id: {kind, step (key), pieces: [[seq, text]], done (seq of its end)}.
const blocks = new Map();
let openStep = head().dataset.open;
const drawn = new Map();
let frame = 0;

// Steps that are over, by id.
const ended = new Set();

/** A step's id as part of an element's id; the server does the same (`key_of`). */
const keyOf = (id) => id.replace(/[^A-Za-z0-9-]/gu, (letter) => `_${letter.codePointAt(0).toString(16)}`);

const stepElement = (key) => get(`step-${key}`);
const place = (id) => document.querySelector(`[data-block="${CSS.escape(id)}"]`);

/* --- text ------------------------------------------------------------------------------------------------------ */

function span(id) {
  const element = document.createElement("span");
  element.className = "block__text";
  element.dataset.block = id;
  return element;
}

/** The element that takes a block's text, made when the server has not drawn it yet. */
function target(id, block) {
  const found = place(id);
  if (found) return found;
  const list = stepElement(block.step)?.querySelector("[data-blocks]");
  if (!list) return null;
  const text = span(id);
  const body = Object.assign(document.createElement("div"), { className: "block__body" });
  const box = Object.assign(document.createElement("div"), { className: `block block--live${block.kind === "reasoning" ? " block--claim" : ""}` });
  body.append(text);
  box.append(body);
  if (block.kind === "reasoning") {
    const fold = Object.assign(document.createElement("details"), { className: "block__fold", id: `fold-${block.step}-${id}` });
    fold.append(Object.assign(document.createElement("summary"), { textContent: "Reasoning, still going on" }), box);
    list.append(fold);
  } else list.append(box);
  return text;
}

/** Append what a block's element does not have yet: pieces newer than the step's piece of page and than what was drawn. */
function draw(id) {
  const block = blocks.get(id);
  if (!block) return;
  const since = Math.max(seqOf(stepElement(block.step)), Number(place(id)?.dataset.drawn ?? -1));
  const fresh = block.pieces.filter(([seq]) => seq > since);
  const element = fresh.length ? target(id, block) : null;
  if (!element) return;
  const text = fresh.map(([, piece]) => piece).join("");
  if (element.lastChild?.nodeType === Node.TEXT_NODE) element.lastChild.appendData(text);
  else element.append(text);
  element.dataset.drawn = fresh.at(-1)[0];
}

function drawSoon(id) {
  drawn.set(id, true);
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const ids = [...drawn.keys()];
    drawn.clear();
    ids.forEach(draw);
  });
}

/* --- pieces of the page ------------------------------------------------------------------------------------------ */

const wanted = new Set();
let inspectorWanted = false;
let newest = Number(root.dataset.seq);
let asking = false;
let gone = false;
let timer = 0;
let eventsTimer = 0;

function refresh(key, wait = GATHER) {
  if (key !== undefined) wanted.add(key);
  timer ||= setTimeout(ask, wait);
}

/** A step that the page does not have yet gets an empty place at the end, which its piece then takes. */
function makePlace(key) {
  if (stepElement(key)) return;
  const element = Object.assign(document.createElement("article"), { className: "block run__step", id: `step-${key}` });
  element.dataset.seq = "-1";
  const list = document.createElement("div");
  list.className = "stack";
  list.dataset.blocks = "";
  element.append(list);
  get("transcript").append(element);
}

function address(keys, withInspector) {
  const query = new URLSearchParams(location.search);
  for (const key of keys) query.append("part", key);
  query.set("state", head().dataset.state);
  if (withInspector) query.set("inspector", "");
  return `${root.dataset.parts}?${query}`;
}

async function ask() {
  timer = 0;
  if (asking) return void (timer = setTimeout(ask, GATHER));
  asking = true;
  const before = seqOf(head());
  const keys = [...wanted].slice(0, AT_ONCE);
  const withInspector = inspectorWanted && !get("inspector").hasAttribute("data-still");
  for (const key of keys) wanted.delete(key);
  inspectorWanted = false;
  let answered = false;
  try {
    const swapped = () => (answered = true);
    document.addEventListener("htmx:after:swap", swapped, { once: true });
    await htmx.ajax("GET", address(keys, withInspector), { source: "#run", target: "#run", swap: "none" });
    document.removeEventListener("htmx:after:swap", swapped);
  } finally {
    asking = false;
  }
  if (!answered) for (const key of keys) wanted.add(key);
  settle(answered && seqOf(head()) > before);
}

/** After a swap: text that is newer than the pieces goes back in, blocks that are whole are forgotten. */
function settle(moved) {
  for (const [id, block] of blocks) {
    if (block.done !== undefined && seqOf(stepElement(block.step)) >= block.done) blocks.delete(id);
    else drawSoon(id);
  }
  if (gone) return;
  if (wanted.size || seqOf(head()) < newest) refresh(undefined, moved ? GATHER : LATER);
  else if (head().dataset.moving === "0") finish();
}

function keepOpen() {
  const open = [...document.querySelectorAll("#run details[open][id], #run-actions details[open][id]")].map((fold) => fold.id);
  const focused = document.activeElement?.id;
  const restore = () => {
    for (const id of open) {
      const fold = get(id);
      if (fold && !fold.open) fold.open = true;
    }
    if (focused && document.activeElement === document.body) get(focused)?.focus({ preventScroll: true });
  };
  document.addEventListener("htmx:after:swap", restore, { once: true });
}
document.addEventListener("htmx:before:swap", keepOpen);

/* --- events ------------------------------------------------------------------------------------------------------ */

function begin(kind, data) {
  const owner = data.stepId && [...document.querySelectorAll("[data-key-of]")].findLast((step) => step.dataset.keyOf === data.stepId);
  const step = owner ? owner.id.slice("step-".length) : openStep;
  blocks.set(data.id, { kind, step, pieces: [] });
}

/** Blocks that were open when the page was made are known by their elements only. */
function known(id, kind) {
  if (!blocks.has(id)) {
    const step = place(id)?.closest(".run__step");
    if (!step) return null;
    blocks.set(id, { kind, step: step.id.slice("step-".length), pieces: [] });
  }
  return blocks.get(id);
}

const on = {
  text_start: (data) => begin("text", data),
  reasoning_start: (data) => begin("reasoning", data),
  text_delta: (data, seq) => add("text", data, seq),
  reasoning_delta: (data, seq) => add("reasoning", data, seq),
  text_complete: close,
  reasoning_complete: close,
  step_start: stepNews,
  step_skip: stepNews,
  step_complete: (data) => {
    ended.add(data.id);
    refresh(keyOf(data.id));
  },
  ping: () => {},
};

function add(kind, data, seq) {
  const block = known(data.id, kind);
  if (!block) return;
  block.pieces.push([seq, data.delta]);
  drawSoon(data.id);
}

function close(data, seq) {
  const block = known(data.id, "text");
  if (block) block.done = seq;
  refresh(block?.step ?? openStep);
}

function stepNews(data) {
  // The same id twice without another attempt: the server numbers such steps, so let it draw them.
  if (ended.has(data.id) && !data.attempt) return location.reload();
  openStep = keyOf(data.id);
  makePlace(openStep);
  refresh(openStep);
}

function heard(type, data, seq) {
  const quiet = type.endsWith("_delta") || type === "ping" || type.endsWith("_start") && type !== "step_start" && type !== "execution_start";
  if (!quiet) newest = Math.max(newest, seq);
  (on[type] ?? (() => refresh(openStep || undefined)))(data, seq);
  const tab = get("inspector").dataset.tab;
  if (!quiet && tab !== "events") inspectorWanted = true;
  if (tab === "events") eventsTimer ||= setTimeout(() => {
    eventsTimer = 0;
    inspectorWanted = true;
    refresh();
  }, EVENTS_TAB);
  if (ENDS.includes(type)) {
    inspectorWanted = true;
    for (const step of document.querySelectorAll(".run__step:has(.block--live)")) refresh(step.id.slice("step-".length));
    following.stop();
  }
}

function finish() {
  following?.stop();
  get("run-follow").dataset.follow = "off";
  connection.textContent = "";
}

/* --- to begin with ------------------------------------------------------------------------------------------------ */

let following = null;
if (head().dataset.moving === "1") {
  following = follow(root.dataset.events, newest, {
    types: root.dataset.types.split(" "),
    event: heard,
    lost: () => (connection.textContent = "Reconnecting"),
    back: () => (connection.textContent = ""),
    refused: (status) => {
      gone = true;
      connection.textContent = SAYS[status] ?? "The server does not send this run's events any more. Reload the page.";
    },
    reset: () => location.reload(),
  });
  // A hidden tab holds no stream; a hint is enough for it to show how the run stands. A run that waited may go on again.
  hints(root.dataset.live, root.dataset.liveKey, (news) => {
    const state = news.findLast(({ run }) => run === root.dataset.run)?.state;
    if (state && document.hidden) refresh();
    else if (MOVING.includes(state) && head().dataset.moving === "0") location.reload();
  });
}

// A row opens its step in the tab that is open now, which may not be the one it was drawn for. Before htmx reads the row.
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("[data-goes-to]");
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const tab = `tab=${get("inspector").dataset.tab}`;
  for (const name of ["href", "hx-get", "hx-push-url"]) row.setAttribute(name, row.getAttribute(name).replace(/tab=\w+/, tab));
  for (const other of document.querySelectorAll("#run-tree [aria-current]")) other.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
  get(row.dataset.goesTo)?.scrollIntoView({ block: "start" });
}, { capture: true });
