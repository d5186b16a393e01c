/* Event streams that leave the browser room for everything else. Over HTTP/1.1 a browser opens six connections to a
   server, whatever the number of tabs, so:
   - a hidden tab holds no run stream; when it is looked at again it goes on after the last event it has;
   - at most three tabs of a browser stream; the slots are Web Locks. A tab without one asks every two seconds;
   - hints for the person come through one stream of one tab, which passes them on to the others.

   follow(url, after, handlers) follows a run's events after a number and returns {stop, last}.
     url       answers a stream, with `?wait=0` what is stored by now; both take `?after=` and send `id:` lines
     handlers  types: names of events; event(type, data, seq); lost(), back(): connection; refused(status); reset()
   hints(url, key, heard) calls heard([{run, state}]) for every hint; `key` says whose they are. */
const SLOTS = 3;
const POLL = 2000;
const PATIENCE = 3000;
const LATER = 30_000;
const REFUSED = [400, 401, 403, 404];

/** A Web Lock for as long as wanted: a function that gives it back, or null when another tab has it. */
function lock(name, options) {
  return new Promise((resolve) => {
    navigator.locks
      .request(name, options, (held) => {
        if (!held) return resolve(null);
        return new Promise((release) => resolve(release));
      })
      .catch(() => resolve(null));
  });
}

/** A place among the tabs that stream. Without Web Locks (plain HTTP to another machine) every visible tab has one. */
async function slot() {
  if (!navigator.locks) return () => {};
  for (let number = 1; number <= SLOTS; number += 1) {
    const release = await lock(`signalbox-stream-${number}`, { ifAvailable: true });
    if (release) return release;
  }
  return null;
}

/** The frames of a finished answer: [{type, data, seq}]. */
function frames(text) {
  return text.split("\n\n").flatMap((part) => {
    const found = {};
    for (const line of part.split("\n")) {
      const at = line.indexOf(": ");
      if (at > 0) found[line.slice(0, at)] = line.slice(at + 2);
    }
    return found.data === undefined ? [] : [{ type: found.event, data: found.data, seq: found.id === undefined ? null : Number(found.id) }];
  });
}

class Follower {
  constructor(url, after, handlers) {
    Object.assign(this, { url, last: after, handlers, source: null, release: null, timer: 0, unease: 0, over: false, turn: 0 });
    this.seen = () => (document.hidden ? this.rest() : this.go());
    this.left = () => this.rest();
    document.addEventListener("visibilitychange", this.seen);
    window.addEventListener("pagehide", this.left);
    window.addEventListener("pageshow", this.seen);
    this.go();
  }

  address(more = "") {
    return `${this.url}?after=${this.last}${more}`;
  }

  /** Stream if there is a slot, else ask now and then. Every call makes the ones before it void. */
  async go() {
    this.rest();
    if (this.over || document.hidden) return;
    const turn = this.turn;
    const release = await slot();
    if (turn !== this.turn) return release?.();
    if (!release) return this.ask();
    this.release = release;
    this.stream();
  }

  /** Hold nothing: no connection, no slot, no timer. */
  rest() {
    this.turn += 1;
    this.source?.close();
    this.source = null;
    this.release?.();
    this.release = null;
    clearTimeout(this.timer);
    this.fine();
  }

  stop() {
    this.over = true;
    this.rest();
    document.removeEventListener("visibilitychange", this.seen);
    window.removeEventListener("pagehide", this.left);
    window.removeEventListener("pageshow", this.seen);
  }

  stream() {
    const source = new EventSource(this.address());
    this.source = source;
    source.onopen = () => this.fine();
    for (const type of [...this.handlers.types, "reset"]) {
      source.addEventListener(type, (event) => {
        // The wire has an event named "error", and so has the browser; its own carries no data.
        if (event.data === undefined) return;
        this.fine();
        this.take(type, event.data, event.lastEventId === "" || type === "reset" ? null : Number(event.lastEventId));
      });
    }
    source.onerror = (event) => {
      if (event.data !== undefined) return;
      this.uneasy();
      // The browser comes back by itself, with the last id, unless the server refused: then ask why.
      if (source.readyState === EventSource.CLOSED) {
        this.rest();
        this.uneasy();
        this.ask();
      }
    };
  }

  async ask() {
    const turn = this.turn;
    try {
      const answer = await fetch(this.address("&wait=0"), { headers: { Accept: "text/event-stream" }, cache: "no-store" });
      const text = await answer.text();
      if (turn !== this.turn) return;
      if (REFUSED.includes(answer.status)) {
        this.stop();
        this.handlers.refused(answer.status);
        return;
      }
      if (answer.ok) {
        this.fine();
        for (const { type, data, seq } of frames(text)) this.take(type, data, seq);
      } else this.uneasy();
    } catch {
      if (turn !== this.turn) return;
      this.uneasy();
    }
    if (!this.over && turn === this.turn) this.timer = setTimeout(() => this.askAgain(), POLL);
  }

  /** Another tab may have given up its slot by now. */
  async askAgain() {
    const turn = this.turn;
    const release = await slot();
    if (turn !== this.turn) return release?.();
    if (!release) return this.ask();
    this.release = release;
    this.stream();
  }

  take(type, data, seq) {
    if (this.over) return;
    if (type === "reset") return this.handlers.reset();
    if (seq !== null) {
      if (seq <= this.last) return;
      this.last = seq;
    }
    this.handlers.event(type, JSON.parse(data), seq);
  }

  uneasy() {
    this.unease ||= setTimeout(() => this.handlers.lost(), PATIENCE);
  }

  fine() {
    if (!this.unease) return;
    clearTimeout(this.unease);
    this.unease = 0;
    this.handlers.back();
  }
}

export function follow(url, after, handlers) {
  const follower = new Follower(url, after, handlers);
  return {
    stop: () => follower.stop(),
    get last() {
      return follower.last;
    },
  };
}

export function hints(url, key, heard) {
  const channel = new BroadcastChannel(`signalbox-live-${key}`);
  channel.onmessage = (event) => heard(event.data);
  const lead = async () => {
    const release = navigator.locks ? await lock(`signalbox-live-${key}`, {}) : () => {};
    const source = new EventSource(url);
    source.addEventListener("runs", (event) => {
      const news = JSON.parse(event.data);
      channel.postMessage(news);
      heard(news);
    });
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      release?.();
      setTimeout(lead, LATER);
    };
  };
  lead();
}
