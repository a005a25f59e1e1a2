// Talks to the server as the page's own script: the header tells parts of pages from whole ones.
const OWN = { "X-Requested-With": "buildhub" };
const PATIENCE = 10000; // a line that is frozen would else hold up everything that waits its turn
const PATIENCE_OF_TRIES = 30000; // longer than the server itself waits for what it tries

export class Refusal extends Error {}

export async function fetchPart(url, part) {
  const address = new URL(url, location.href);
  address.hash = "";
  address.searchParams.set("part", part);
  const answer = await fetch(address, { headers: OWN, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Refusal(String(answer.status));
  return answer.text();
}

export async function sendForm(form, submitter) {
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form, submitter), headers: OWN });
  if (!answer.ok) throw new Refusal(await refusalText(answer));
}

// Sends a form to where the button leads and returns the part of a page that comes back.
export async function postPart(form, button, part) {
  const address = new URL(button.formAction);
  address.searchParams.set("part", part);
  const body = new FormData(form, button);
  const answer = await fetch(address, { method: "POST", body, headers: OWN, redirect: "manual", signal: AbortSignal.timeout(PATIENCE_OF_TRIES) });
  if (!answer.ok) throw new Refusal(await refusalText(answer));
  return answer.text();
}

// Sends fields with a file, which may take as long as it likes; `onProgress` is told how many bytes of how many are sent.
export function sendWithProgress(url, fields, { signal, onProgress }) {
  const request = new XMLHttpRequest(); // fetch tells of no progress
  return new Promise((done, fail) => {
    request.open("POST", url);
    for (const [name, value] of Object.entries(OWN)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = async () => {
      const answer = { headers: { get: (name) => request.getResponseHeader(name) }, text: async () => request.responseText };
      if (request.status === 204) done(); // no other answer stands for it: a redirect may have led elsewhere
      else fail(new Refusal(await refusalText(answer)));
    };
    request.onerror = () => fail(new TypeError("cut"));
    request.onabort = () => fail(signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.send(fields);
  });
}

async function refusalText(answer) {
  const isText = (answer.headers.get("Content-Type") ?? "").startsWith("text/plain");
  return isText ? answer.text() : "BuildHub did not accept this; load the page again.";
}

// Returns what the server says in one sentence, also where it refuses.
export async function fetchText(url) {
  const answer = await fetch(url, { headers: OWN, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  const text = await refusalText(answer);
  if (!answer.ok) throw new Refusal(text);
  return text;
}

export async function fetchJson(url) {
  const headers = { ...OWN, Accept: "application/json" };
  const answer = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Refusal(String(answer.status));
  return answer.json();
}

// Turns a part that the server rendered into nodes. Scripts within would not run, and the policy forbids them anyway.
export function nodesOf(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

export function showBanner(sentence) {
  const banner = document.querySelector("[data-banner]");
  if (!banner) return;
  banner.querySelector("[data-banner-text]").textContent = sentence;
  banner.hidden = !sentence;
}
