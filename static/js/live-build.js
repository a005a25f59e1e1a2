// The page of one build, live: its history and buttons follow its runs.
import { LiveSocket } from "./live-socket.js";
import { LivePart } from "./part.js";

const build = document.querySelector("[data-build]").dataset.build;
const press = document.querySelector("[data-press]");

// Parameters that are being typed stay; they can be sent only while the head offers Build.
const showPress = () => { if (press) press.hidden = !document.getElementById("press"); };
const head = new LivePart(document.querySelector("[data-head]"), "head", { onChange: showPress });
const body = new LivePart(document.querySelector("[data-body]"), "body");

function refresh() {
  body.refresh();
  if (document.activeElement?.id !== "tagName") head.refresh(); // a reader who is typing a tag is not interrupted
}

new LiveSocket(() => "/ws/builds", {
  onFrame: (frame) => frame.type === "run" && String(frame.run.buildSeq) === build && refresh(),
  onBack: refresh,
});
