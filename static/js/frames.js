// Long work on the page, cut so that every frame is painted in time.
const BUDGET = 8; // milliseconds of a frame that such work may take where it lays nothing out
const LONGEST_WAIT = 250; // a page that nobody sees is not painted, and goes on all the same

export function nextFrame() {
  return new Promise((done) => {
    requestAnimationFrame(done);
    setTimeout(done, LONGEST_WAIT);
  });
}

// Calls `act` with each of these; goes on in the next frame whenever this one's share is used up. `afterSlice` is called
// once behind what was done in a frame: for what lays the page out, and takes part of the frame too.
export async function eachInFrames(parts, act, afterSlice = () => {}, budget = BUDGET) {
  let began = performance.now();
  for (const part of parts) {
    if (performance.now() - began > budget) {
      afterSlice();
      await nextFrame();
      began = performance.now();
    }
    act(part);
  }
  afterSlice();
}
