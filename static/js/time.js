/* Keeps times fresh. <time data-when datetime> shows how long ago, like the filter `when`;
   <time data-elapsed datetime> shows how long since, like the filter `duration`, and ticks. */
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

export function relative(moment, now) {
  const seconds = (now - moment) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  if (size >= 30 * DAY) return null;
  const [unit, name] = [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"], [1, "s"]].find(([length]) => size >= length);
  const text = `${Math.floor(size / unit)} ${name}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

function two(whole, big, bigName, small, smallName) {
  const rest = Math.floor((whole % big) / small);
  return `${Math.floor(whole / big)} ${bigName}${rest ? ` ${rest} ${smallName}` : ""}`;
}

export function duration(seconds) {
  if (!(seconds > 0)) return "0 s";
  if (seconds < 0.0995) return `${Math.max(Math.round(seconds * 1000), 1)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < HOUR) return two(whole, MINUTE, "min", 1, "s");
  if (whole < DAY) return two(whole, HOUR, "h", MINUTE, "min");
  return two(whole, DAY, "d", HOUR, "h");
}

function write(element, text) {
  if (text !== null && element.textContent !== text) element.textContent = text;
}

function each(selector, show) {
  if (document.hidden) return;
  const now = Date.now();
  for (const element of document.querySelectorAll(selector)) {
    const moment = Date.parse(element.dateTime);
    if (!Number.isNaN(moment)) write(element, show(moment, now));
  }
}

const refresh = () => each("time[data-when]", relative);
const tick = () => each("time[data-elapsed]", (moment, now) => duration((now - moment) / 1000));

setInterval(refresh, 10_000);
setInterval(tick, 1000);
document.addEventListener("visibilitychange", () => (refresh(), tick()));
tick();
