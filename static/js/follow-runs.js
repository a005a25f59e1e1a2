// Shows a part of the page anew whenever a run that the reader may see changes, or the counts of them do.
import { LiveSocket } from "./live-socket.js";

export function followRuns(part) {
  const frames = { run: () => part.refresh(), counts: () => part.refresh() };
  return new LiveSocket(() => "/ws/builds", {
    onFrame: (frame) => frames[frame.type]?.(),
    onBack: () => part.refresh({ atOnce: true }),
  });
}
