// The list of builds, live: a row follows its last run, counters move, the search answers while it is typed.
import { LiveSocket } from "./live-socket.js";
import { tick } from "./clock.js";
import { fetchPart, nodesOf, Refusal, sendForm, showBanner } from "./server.js";

const SEARCH_WAIT = 200;
const list = document.querySelector("[data-list]");
const busy = new Map(); // build -> whether it changed again while its row was fetched

const rowOf = (build) => list.querySelector(`tr[data-build="${CSS.escape(String(build))}"]`);

async function loadRow(build) {
  if (!rowOf(build)) return;
  const html = await fetchPart(`/builds/${build}`, "row");
  const row = rowOf(build);
  if (!row) return;
  const focused = row.contains(document.activeElement) ? document.activeElement.dataset.action : "";
  row.replaceWith(nodesOf(html));
  if (focused) (rowOf(build).querySelector(`[data-action="${focused}"]`) ?? rowOf(build).querySelector("a")).focus();
  tick();
}

async function refreshRow(build) {
  if (busy.has(build)) {
    busy.set(build, true);
    return;
  }
  do {
    busy.set(build, false);
    await loadRow(build).catch(() => {});
  } while (busy.get(build));
  busy.delete(build);
}

async function refreshList() {
  list.replaceChildren(nodesOf(await fetchPart(location.href, "list")));
  tick();
}

function showCounts(frame) {
  for (const place of document.querySelectorAll("[data-count]")) {
    const count = frame[place.dataset.count];
    if (count !== undefined) place.textContent = count;
  }
}

const frames = {
  run: (frame) => refreshRow(String(frame.run.buildSeq)),
  counts: showCounts,
};

// Build and Cancel of a row: sent from here, so that the row changes where it stands.
async function onSubmit(event) {
  const form = event.target.closest("[data-in-place]");
  if (!form) return;
  event.preventDefault();
  const button = event.submitter;
  if (button?.getAttribute("aria-busy") === "true") return;
  button?.setAttribute("aria-busy", "true");
  const build = form.closest("[data-build]")?.dataset.build ?? asked;
  try {
    await sendForm(form, button);
    showBanner("");
  } catch (error) {
    showBanner(error instanceof Refusal ? error.message : "BuildHub does not answer; try again.");
  }
  button?.removeAttribute("aria-busy");
  form.closest("dialog")?.close();
  if (build) refreshRow(build);
}

let asked = ""; // the build whose question is open
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-ask]");
  if (link) asked = link.closest("[data-build]")?.dataset.build ?? "";
});
document.addEventListener("submit", onSubmit);

let typing = 0;
document.querySelector("[data-filter]").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const address = new URL(location.href);
    address.searchParams.delete("after");
    address.searchParams.set("search", event.target.value);
    if (!event.target.value) address.searchParams.delete("search");
    history.replaceState(null, "", address);
    refreshList().catch(() => {});
  }, SEARCH_WAIT);
});

new LiveSocket(() => "/ws/builds", {
  onFrame: (frame) => frames[frame.type]?.(frame),
  onBack: () => refreshList().catch(() => {}),
});
