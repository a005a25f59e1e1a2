// The page of one run, live: the log grows, steps and head follow the run. The socket's frames are hints and lines;
// what the head and the steps say is rendered by the server, so there is one truth about states and buttons.
import { onKey } from "./keys.js";
import { LiveSocket } from "./live-socket.js";
import { LogMenu } from "./log-menu.js";
import { LogSearch } from "./log-search.js";
import { LogView, WINDOW, withInks } from "./log-view.js";
import { OpenLines } from "./open-lines.js";
import { exchange, LivePart } from "./part.js";
import { fetchText, Refusal } from "./server.js";
import { counted } from "./words.js";

const BARS_GROW = 5000;
const header = () => document.querySelector("main [data-run]");
let isLogSet = false; // what follows needs all of this module
const log = new LogView(document.querySelector("[data-log]"), {
  onChange: () => isLogSet && followLog(),
  onLines: (lines) => openLines.finish(lines),
});
const openLines = new OpenLines(log);
const runSeq = header().dataset.run;
const isActive = (state = header().dataset.runState) => ["CREATED", "RUNNING"].includes(state);

// Head and steps: the server reads them together, and they change together.
const live = new LivePart(document.querySelector("main"), "live", { place: showLive, onChange: followLive });
// An ended log is shown as the server shows it to one who comes later: where it opens, what is marked, what is sealed.
const ended = new LivePart(document.querySelector(".log"), "log", {
  place: async (nodes) => {
    await log.adopt(nodes.querySelector("[data-log]"));
    document.querySelector("[data-foot]").replaceWith(nodes.querySelector("[data-foot]"));
  },
});

let isOver = !isActive();
let said = document.querySelector("[data-word]").dataset.word;

const stateIn = (root) => JSON.stringify(root.querySelector("[data-run]").dataset);

// The steps change often, the head only with the run: a button that somebody is about to press stays where it is.
function showLive(nodes, asked) {
  const isHeadNew = asked.has("head") || stateIn(nodes) !== stateIn(document.querySelector("main"));
  log.keepPlace(() => {
    for (const part of isHeadNew ? ["[data-head]", "[data-steps]"] : ["[data-steps]"]) {
      exchange(document.querySelector(part), nodes.querySelector(part));
    }
  });
}

function followLive() {
  followState();
  followSteps();
  // Head and steps are newer than the log where lines come fast: the foot says how far the log is.
  log.hear(Number(document.querySelector("[data-stored-lines]").dataset.storedLines));
  if (!isActive()) finish();
}

// Title, favicon and the one live region follow the state, and only the state.
function followState() {
  const now = document.querySelector("[data-title]");
  document.title = now.dataset.title;
  document.querySelector("[data-favicon]").href = now.dataset.icon;
  if (now.dataset.word === said) return;
  said = now.dataset.word;
  document.querySelector("[data-said]").textContent = said;
  const isFree = document.activeElement === document.body || now.contains(document.activeElement);
  if (isFree) document.querySelector("#failure-title")?.focus({ preventScroll: true });
}

// The socket tells the end, or the head where the socket is away: the lines that are missing come by plain requests.
async function finish() {
  if (isOver) return;
  isOver = true;
  socket.stop();
  if (isActive()) live.refresh({ what: "head", atOnce: true });
  await log.catchUp();
  menu.learnSections();
  ended.refresh();
}

function followLog() {
  search.grown(log.total);
  const place = document.querySelector("[data-log-state]");
  if (!place) return;
  const isBehind = log.behind > (isActive() ? WINDOW : 0);
  const words = isBehind ? `Catching up: ${counted(log.behind, "line")} to come` : isActive() ? "Live" : "Complete";
  if (place.textContent !== words) place.textContent = words;
}

// What runs now stands in the head as well.
function followSteps() {
  const steps = document.querySelector("[data-steps]");
  log.maker.learnNames(steps);
  const running = [...steps.querySelectorAll('[data-vertex][data-step-state="RUNNING"]')].map((row) => row.querySelector(".tl__code").title);
  const doing = document.querySelector("[data-doing]");
  if (doing && running.length) doing.textContent = running.join(", ");
}

const frames = {
  run: (frame) => live.refresh({ what: "head", atOnce: !isActive(frame.run.runState) }),
  steps: (frame) => {
    log.maker.learnSteps(frame.steps);
    log.relabel();
    menu.learnSections();
    live.refresh({ what: "steps" });
  },
  lines: (frame) => log.take(withInks(frame)),
  open: (frame) => openLines.take(frame),
  skipped: (frame) => log.catchUp(frame.to),
  end: finish,
};

function back() {
  live.refresh({ what: "head" });
}

function gone() {
  log.catchUp().then(back); // plain requests may still get through
}

// Opens the log at the lines of a link, #L10 or #L10-L14; says whether the address names any.
function openAtHash() {
  const range = /^#L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(location.hash);
  if (!range) return false;
  const [first, last] = [range[1], range[2] ?? range[1]].map(Number).sort((one, other) => one - other);
  const missing = [first, last].find((n) => n < 1 || (n > log.total && !isActive()));
  if (missing !== undefined) log.say(`There is no line ${missing}: this log has ${counted(log.total, "line")}.`);
  if (first === missing) {
    log.mark(0, 0);
    menu.sayMarked();
    log.intoSight();
    return false;
  }
  log.open(first, last);
  menu.sayMarked();
  return true;
}

// A line whose number is pressed is seen already: it is marked, or all from the marked one on, and nothing moves.
function markUpTo(n, isRange) {
  const from = isRange && log.maker.marked[0] ? log.maker.marked[0] : n;
  const [first, last] = [from, n].sort((one, other) => one - other);
  log.mark(first, last);
  menu.sayMarked();
  history.pushState(null, "", first === last ? `#L${first}` : `#L${first}-L${last}`);
}

// A link to lines moves the log also where the address has them already. An instruction's first line is asked for.
async function onClick(event) {
  if (event.ctrlKey || event.metaKey || event.button) return;
  const number = event.target.closest("a.log__n[href]");
  if (number) {
    event.preventDefault();
    markUpTo(Number(number.hash.slice(2)), event.shiftKey);
    return;
  }
  if (event.shiftKey) return;
  const link = event.target.closest('a[href^="#L"], a[data-first-line]');
  if (!link) return;
  log.say("");
  if (!link.dataset.firstLine) {
    if (link.hash === location.hash) openAtHash();
    return;
  }
  event.preventDefault();
  try {
    const told = await fetchText(link.href);
    if (!/^\d+$/.test(told)) log.say(told);
    else if (location.hash === `#L${told}`) openAtHash();
    else location.hash = `L${told}`;
  } catch (error) {
    log.say(error instanceof Refusal ? error.message : "BuildHub does not answer; try again.");
  }
}

function startControls() {
  const follow = document.querySelector("[data-follow]");
  follow.hidden = false;
  follow.addEventListener("click", () => log.toggleFollow());
  document.addEventListener("click", (event) => {
    if (event.target.closest('main .run [data-action="LOG"]')) log.root.focus();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-log-find]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    search.find(link.dataset.logFind);
  });
  document.addEventListener("click", onClick);
  // The log may be higher once it is drawn.
  const inSight = (act) => async () => {
    const drawn = act();
    log.intoSight();
    await drawn;
    log.intoSight();
  };
  onKey({
    f: inSight(() => log.toggleFollow()),
    g: inSight(() => log.toStart()),
    G: inSight(() => log.toEnd({ follows: isActive() })),
    l: () => menu.openAtLine(),
    n: () => search.next(),
    N: () => search.previous(),
    h: () => search.toggleFilter(),
    e: inSight(() => log.maker.errorLine && log.show(log.maker.errorLine)),
  });
  addEventListener("hashchange", openAtHash);
  const plain = document.querySelector("[data-log-plain]");
  plain.addEventListener("click", () => { // it opens at the place that is read
    plain.search = `?after=${Math.max((log.maker.marked[0] || log.seenLine) - 1, 0)}`;
  });
}

const search = new LogSearch(log, { onHit: () => menu.sayMarked() });
const menu = new LogMenu(log);
isLogSet = true;
log.maker.learnNames(document.querySelector("[data-steps]"));
menu.learnSections();
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
setInterval(() => isActive() && !document.hidden && live.refresh({ what: "steps" }), BARS_GROW);
