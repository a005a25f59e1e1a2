// Keys: b builds, c cancels (asks first), / searches, ? lists them all. The log has its own (live-run.js).
const TYPING = "input, textarea, select, [contenteditable]";

const acts = {
  b: () => document.querySelector('main .run [data-action="BUILD"]')?.click(),
  c: () => document.querySelector('main .run [data-action="CANCEL"]')?.click(),
  "/": () => document.querySelector("[data-search], [data-log-search]")?.select(),
  "?": () => document.querySelector("[data-keys]")?.togglePopover(),
};

export function onKey(handlers) {
  document.addEventListener("keydown", (event) => {
    const busy = event.ctrlKey || event.metaKey || event.altKey || event.repeat;
    if (busy || event.target.closest(TYPING) || document.querySelector("dialog:modal")) return;
    const act = handlers[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

export function startKeys() {
  onKey(acts);
}
