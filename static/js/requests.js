/* Says in words when a request of htmx did not reach its end. Nothing on the page is replaced by an error page:
   the htmx settings of base.html keep answers 401, 403, 404 and 5xx out of the page. Forms (422) and conflicts (409) swap. */
const WORDS = {
  401: ["You are signed out.", "Sign in again in a new tab, then repeat what you did here. Nothing on this page is lost."],
  403: ["This was refused.", "Your role may not do this, or the page is too old. Copy what you wrote, then reload the page."],
  404: ["This no longer exists.", "Somebody may have deleted it, or you may not see it any more. Reload the page."],
  413: ["This is too large.", "Shorten it and send it again."],
  429: ["Too many requests.", "Wait a moment, then try again."],
};
const BROKEN = ["The server could not do this.", "What you wrote is still here. Try again; if it happens twice, tell whoever runs this server."];
const AWAY = ["The server cannot be reached.", "What you wrote is still here. Check the connection, then try again."];

function tell([title, text]) {
  const region = document.getElementById("notices");
  if (!region) return;
  const notice = document.createElement("div");
  notice.className = "notice notice--error";
  notice.setAttribute("role", "alert");
  notice.dataset.request = "";
  const body = document.createElement("div");
  body.className = "notice__body";
  for (const [name, words] of [["notice__title", title], ["", text]]) {
    const line = document.createElement("p");
    line.className = name;
    line.textContent = words;
    body.append(line);
  }
  notice.append(document.createElement("span"), body);
  region.querySelector("[data-request]")?.remove();
  region.prepend(notice);
}

function signedOut(ctx) {
  const signIn = document.body.dataset.signIn;
  const raw = ctx?.response?.raw;
  return Boolean(signIn && raw?.redirected && new URL(raw.url).pathname === signIn && location.pathname !== signIn);
}

document.addEventListener("htmx:before:swap", (event) => {
  if (!signedOut(event.detail.ctx)) return;
  event.preventDefault();
  tell(WORDS[401]);
});
document.addEventListener("htmx:response:error", (event) => {
  const status = event.detail.ctx.response.status;
  if (status in WORDS) tell(WORDS[status]);
  else if (status >= 500) tell(BROKEN);
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx && !event.detail.ctx.response) tell(AWAY);
});
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.response?.status < 400) document.querySelector("#notices > [data-request]")?.remove();
});
