// The build servers, live: shown anew whenever a run that the reader may see changes, and now and then, since nothing
// rings when a worker host falls silent or an administrator drains a server.
import { LivePart } from "./part.js";
import { followRuns } from "./follow-runs.js";

const NOW_AND_THEN = 15000;
const holder = document.querySelector("[data-servers]");
const part = new LivePart(holder, "now", { url: holder.dataset.servers }); // after a test, the address is another one

setInterval(() => document.hidden || part.refresh(), NOW_AND_THEN);
followRuns(part);
