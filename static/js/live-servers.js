// The build servers, live: shown anew whenever a run that the reader may see changes, and now and then, since nothing
// rings when a worker host falls silent or an administrator drains a server.
import { LivePart } from "./part.js";
import { LiveSocket } from "./live-socket.js";

const NOW_AND_THEN = 15000;
const holder = document.querySelector("[data-servers]");
const part = new LivePart(holder, "now", { url: holder.dataset.servers }); // after a test, the address is another one
const frames = { run: () => part.refresh(), counts: () => part.refresh() };

setInterval(() => document.hidden || part.refresh(), NOW_AND_THEN);
new LiveSocket(() => "/ws/builds", {
  onFrame: (frame) => frames[frame.type]?.(frame),
  onBack: () => part.refresh({ atOnce: true }),
});
