// The page of one run, live: the log grows, steps and head follow the run. The socket's frames are hints and lines;
// what the head and the steps say is rendered by the server, so there is one truth about states and buttons.
import { onKey } from "./keys.js";
import { LiveSocket } from "./live-socket.js";
import { LogView, WINDOW } from "./log-view.js";
import { LivePart } from "./part.js";
import { fetchText, Refusal } from "./server.js";

const BARS_GROW = 5000;
const header = () => document.querySelector("main [data-run]");
const log = new LogView(document.querySelector("[data-log]"), { onChange: followLog });
const runSeq = header().dataset.run;
const isActive = () => ["CREATED", "RUNNING"].includes(header().dataset.runState);

const head = new LivePart(document.querySelector("[data-head]"), "head", { onChange: followState });
const steps = new LivePart(document.querySelector("[data-steps]"), "steps", { onChange: followSteps });
// An ended log is shown as the server shows it to one who comes later: where it opens, what is marked, what is sealed.
const ended = new LivePart(document.querySelector(".log"), "log", {
  place: async (nodes) => {
    await log.adopt(nodes.querySelector("[data-log]"));
    document.querySelector("[data-foot]").replaceWith(nodes.querySelector("[data-foot]"));
  },
});

let isOver = !isActive();
let said = document.querySelector("[data-word]").dataset.word;

// Title, favicon and the one live region follow the state, and only the state.
function followState(part) {
  const now = part.querySelector("[data-title]");
  document.title = now.dataset.title;
  document.querySelector("[data-favicon]").href = now.dataset.icon;
  hearOfLines(part);
  if (!isActive()) finish();
  if (now.dataset.word === said) return;
  said = now.dataset.word;
  document.querySelector("[data-said]").textContent = said;
  if (part.querySelector("[data-failure]")) part.querySelector("#failure-title").focus({ preventScroll: true });
}

// The socket tells the end, or the head where the socket is away: the lines that are missing come by plain requests.
async function finish() {
  if (isOver) return;
  isOver = true;
  socket.stop();
  for (const part of [head, steps]) part.refresh();
  await log.catchUp();
  ended.refresh();
}

// Head and steps are newer than the log where lines come fast: the foot says how far the log is.
function hearOfLines(part) {
  log.hear(Number(part.querySelector("[data-stored-lines]").dataset.storedLines));
}

function followLog() {
  const place = document.querySelector("[data-log-state]");
  if (!place) return;
  const isBehind = log.behind > (isActive() ? WINDOW : 0);
  const words = isBehind ? `Catching up: ${log.behind} lines to come` : isActive() ? "Live" : "Complete";
  if (place.textContent !== words) place.textContent = words;
}

// What runs now stands in the head as well.
function followSteps(part) {
  hearOfLines(part);
  log.maker.learnNames(part);
  const running = [...part.querySelectorAll('[data-vertex][data-step-state="RUNNING"]')].map((row) => row.querySelector(".tl__code").title);
  const doing = document.querySelector("[data-doing]");
  if (doing && running.length) doing.textContent = running.join(", ");
}

const frames = {
  run: () => head.refresh(),
  steps: (frame) => {
    log.maker.learnSteps(frame.steps);
    log.relabel();
    steps.refresh();
  },
  lines: (frame) => log.take(frame.lines),
  skipped: (frame) => log.catchUp(frame.to),
  end: finish,
};

function back() {
  for (const part of [head, steps]) part.refresh();
}

function gone() {
  log.catchUp().then(() => head.refresh()); // plain requests may still get through
}

// Opens the log at the lines of a link, #L10 or #L10-L14; says whether the address names any.
function openAtHash() {
  const range = /^#L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(location.hash);
  if (!range) return false;
  const [first, last] = [range[1], range[2] ?? range[1]].map(Number).sort((one, other) => one - other);
  log.open(first, last);
  return true;
}

const says = document.querySelector("[data-log-says]");

// A link to lines moves the log also where the address has them already. An instruction's first line is asked for.
async function onClick(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest('a[href^="#L"], a[data-first-line]');
  if (!link) return;
  says.textContent = "";
  if (!link.dataset.firstLine) {
    if (link.hash === location.hash) openAtHash();
    return;
  }
  event.preventDefault();
  try {
    const told = await fetchText(link.href);
    if (!/^\d+$/.test(told)) says.textContent = told;
    else if (location.hash === `#L${told}`) openAtHash();
    else location.hash = `L${told}`;
  } catch (error) {
    says.textContent = error instanceof Refusal ? error.message : "BuildHub does not answer; try again.";
  }
}

function startControls() {
  const follow = document.querySelector("[data-follow]");
  const wrap = document.querySelector("[data-wrap]");
  follow.hidden = false;
  wrap.hidden = false;
  follow.addEventListener("click", () => log.toggleFollow());
  wrap.addEventListener("click", () => {
    const wraps = log.root.classList.toggle("log__view--long") === false;
    wrap.setAttribute("aria-pressed", String(wraps));
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest('main .run [data-action="LOG"]')) log.root.focus();
  });
  document.addEventListener("click", onClick);
  onKey({
    f: () => log.toggleFollow(),
    g: () => log.toStart(),
    G: () => !log.following && log.toggleFollow(),
    e: () => log.maker.errorLine && log.show(log.maker.errorLine),
  });
  addEventListener("hashchange", openAtHash);
}

log.maker.learnNames(document.querySelector("[data-steps]"));
startControls();
if (!openAtHash()) {
  if (log.maker.errorLine) {
    log.show(log.maker.errorLine);
    document.querySelector("#failure-title")?.focus({ preventScroll: true });
  } else if (isActive()) log.follow(true);
  else log.root.scrollTop = log.root.scrollHeight;
}
// An ended run may have ended between its rendering and now; only one that was active has anything to wait for.
const socket = isActive()
  ? new LiveSocket(() => `/ws/runs/${runSeq}?after=${log.total}`, {
      onFrame: (frame) => frames[frame.type]?.(frame),
      onAway: gone,
      onBack: back,
    })
  : null;
// A long instruction says nothing, and its bar grows all the same.
setInterval(() => isActive() && !document.hidden && steps.refresh(), BARS_GROW);
