// The page of one build, live: its history and buttons follow its runs.
import { LiveSocket } from "./live-socket.js";
import { exchange, LivePart } from "./part.js";
import { startUploading } from "./upload.js";

const build = document.querySelector("[data-build]").dataset.build;
const press = document.querySelector("[data-press]");

// Parameters that are being typed stay; they can be sent only while the head offers Build.
const showPress = () => { if (press) press.hidden = !document.getElementById("press"); };
const head = new LivePart(document.querySelector("[data-head]"), "head", { onChange: showPress });
const body = new LivePart(document.querySelector("[data-body]"), "body");

const card = document.querySelector("[data-files]");
const files = card && new LivePart(card, "files", { place: showFiles });

// What is uploaded now, and the choice of a press: what somebody has chosen there stays while it is offered.
function showFiles(nodes) {
  for (const part of ["[data-files-now]", "[data-press-files]"]) {
    const holder = document.querySelector(part);
    if (!holder) continue;
    const chosen = holder.querySelector("select")?.value;
    exchange(holder, nodes.querySelector(part));
    const select = holder.querySelector("select");
    if ([...(select?.options ?? [])].some((option) => option.value === chosen)) select.value = chosen;
  }
  card.hidden = !card.querySelector("form, [data-context]:not([data-context=''])");
}

const upload = document.querySelector("[data-upload]");
if (upload) startUploading(upload, { onStored: () => files.refresh({ atOnce: true }) });

function refresh() {
  body.refresh();
  files?.refresh();
  if (document.activeElement?.id !== "tagName") head.refresh(); // a reader who is typing a tag is not interrupted
}

// A build that was created just now is told of as soon as the socket is open: its buttons stay as they are then.
function follow(frame) {
  if (frame.type === "build") String(frame.buildSeq) === build && files?.refresh();
  else if (String(frame.run?.buildSeq) === build) refresh();
}

new LiveSocket(() => "/ws/builds", {
  onFrame: follow,
  onBack: refresh,
});
