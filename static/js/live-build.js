// The page of one build, live: its history and buttons follow its runs.
import { LiveSocket } from "./live-socket.js";
import { LivePart } from "./part.js";

const holder = document.querySelector("[data-body]");
const build = holder.querySelector("[data-build]").dataset.build;
const body = new LivePart(holder, "body");
let away = false;

// A reader who is typing a tag is not interrupted.
const refresh = () => document.activeElement?.id === "tagName" || body.refresh();

new LiveSocket(() => "/ws/builds", {
  onFrame: (frame) => frame.type === "run" && String(frame.run.buildSeq) === build && refresh(),
  onAway: () => { away = true; },
  onBack: () => {
    if (away) refresh();
    away = false;
  },
});
