/* [data-autosave] saves its form through htmx while somebody types. This module says what is going on ("Saving", "Not saved: …"),
   sends each save with the newest base, tries again when the server was away, and keeps people from leaving too early.
   [data-after-save] forms (Run flow) wait until everything is stored. */
import { mount } from "./mount.js";

const RETRY = [2000, 5000, 15000];
let typed = 0; // changes made so far
let stored = 0; // how many of them the server has answered for
let sending = 0;
let failures = 0;
let retry = 0;
const waiting = [];

const isOpen = () => stored < typed;

function say(words, sort) {
  const mark = document.getElementById("saved");
  if (!mark) return;
  mark.className = `saved saved--${sort}`;
  mark.textContent = words;
}

function saveNow() {
  for (const part of document.querySelectorAll("[data-autosave]")) part.dispatchEvent(new Event("change", { bubbles: true }));
}

function release() {
  if (isOpen()) return;
  for (const go of waiting.splice(0)) go();
}

document.addEventListener("input", (event) => {
  if (!event.target.closest?.("[data-autosave]") || event.target.matches("[type=search]")) return;
  typed += 1;
  say("Saving…", "saving");
});

document.addEventListener("htmx:before:request", (event) => {
  const { ctx } = event.detail;
  const part = ctx.sourceElement;
  if (!part.matches?.("[data-autosave]")) return;
  // The body was collected when the request was queued; the base it is compared with is the one on the page now.
  const base = part.closest("form")?.querySelector('[name="base"]');
  if (base && part.isConnected) ctx.request.body.set("base", base.value);
  sending = typed;
});

document.addEventListener("htmx:finally:request", (event) => {
  const { ctx } = event.detail;
  if (!ctx.sourceElement?.matches?.("[data-autosave]") && !ctx.sourceElement?.querySelector?.("[data-autosave]")) return;
  const status = ctx.response?.status;
  if (status && status < 500 && status !== 401 && status !== 403) {
    stored = Math.max(stored, sending);
    failures = 0;
    if (status === 409) stored = typed;
    release();
    return;
  }
  const wait = RETRY[Math.min(failures, RETRY.length - 1)];
  failures += 1;
  say(status ? "Not saved: the server refused it" : `Not saved: the server cannot be reached. Trying again in ${wait / 1000} s`, "failed");
  clearTimeout(retry);
  if (!status || status >= 500) retry = setTimeout(saveNow, wait);
});

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (!form.matches("[data-after-save], #sample-form") || !isOpen()) return;
    event.preventDefault();
    event.stopPropagation();
    const { submitter } = event;
    waiting.push(() => form.requestSubmit(submitter));
    saveNow();
  },
  true,
);

window.addEventListener("beforeunload", (event) => {
  if (isOpen()) event.preventDefault();
});

mount("time[data-clock]", (time) => {
  const moment = new Date(time.dateTime);
  if (Number.isNaN(moment.getTime())) return;
  time.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  time.title = moment.toLocaleString();
});
