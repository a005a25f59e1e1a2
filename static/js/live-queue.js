// The queue, live: shown anew whenever a run that the reader may see changes; what was chosen and typed stays.
import { LivePart, exchange } from "./part.js";
import { followRuns } from "./follow-runs.js";

const holder = document.querySelector("[data-queue]");

function place(nodes) {
  const chosen = new Set([...holder.querySelectorAll("input:checked")].map((box) => box.value));
  const reason = holder.querySelector("#reason")?.value ?? "";
  exchange(holder, nodes);
  for (const box of holder.querySelectorAll("input[type=checkbox]")) box.checked = chosen.has(box.value);
  const field = holder.querySelector("#reason");
  if (field) field.value = reason;
}

const part = new LivePart(holder, "now", { url: holder.dataset.queue, place }); // after a refusal, the address is another one
followRuns(part);
