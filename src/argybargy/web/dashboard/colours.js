// The colour and the letters of a name: no two of a room are the same. They are derived
// from the name and prove nothing.
import { untracked } from "./ui.js";
import { Palette } from "./palette.js";
import { currentRoom } from "./route.js";
import { codes } from "./state.js";

const palettes = new Map();

/** The names with a code for a room, the oldest first: the same order in every browser. */
function namesOf(room) {
  const rows = untracked(() => codes.value).filter((row) => row.room === room);
  return rows.map((row) => row.name); // `codes` is sorted by the time of creation
}

/** The { hue, letters } of a name in a room; that in view if none is given. */
export function markOf(name, room = currentRoom.peek()) {
  let palette = palettes.get(room);
  if (!palette) palettes.set(room, (palette = new Palette(namesOf(room))));
  return palette.markOf(name);
}

/** The style that carries the hue of a name to the stylesheet. */
export const hueStyle = (name, room) => ({ "--hue": markOf(name, room).hue });
