// Counting times and ages. The server's clock is the truth; the reader's zone is only for what hovers.
const SECOND = 1000;

const now = (() => {
  const told = Date.parse(document.querySelector('meta[name="buildhub-now"]')?.content ?? "");
  const ahead = Number.isNaN(told) ? 0 : Date.now() - told;
  return () => Date.now() - ahead;
})();

export function clockWords(milliseconds) {
  const seconds = Math.max(Math.floor(milliseconds / SECOND), 0);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

function ageWords(milliseconds) {
  const seconds = Math.max(milliseconds / SECOND, 0);
  if (seconds < 45) return "just now";
  for (const [unit, name] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name} ago`;
  }
  return "1 min ago";
}

// Only what changes is written, so that nothing is laid out again for the same word.
function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

const MOMENT = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" };

// Moments are rendered in UTC; the reader's own zone is known here only.
function zone(root) {
  for (const element of root.querySelectorAll("[data-moment]:not([data-zoned])")) {
    const moment = new Date(element.dateTime);
    const isFar = Math.abs(moment - now()) > 180 * 86400 * SECOND;
    element.textContent = moment.toLocaleString("en-GB", { ...MOMENT, ...(isFar && { year: "numeric" }) });
    element.title = moment.toLocaleString();
    element.dataset.zoned = "yes";
  }
}

export function tick(root = document) {
  zone(root);
  for (const element of root.querySelectorAll("[data-since]")) {
    write(element, clockWords(now() - Date.parse(element.dataset.since)));
  }
  for (const element of root.querySelectorAll("[data-ago]")) {
    write(element, ageWords(now() - Date.parse(element.dataset.ago)));
    if (!element.dataset.zoned) {
      element.title = new Date(element.dataset.ago).toLocaleString();
      element.dataset.zoned = "yes";
    }
  }
}

export function startClocks() {
  tick();
  setInterval(tick, SECOND);
}
