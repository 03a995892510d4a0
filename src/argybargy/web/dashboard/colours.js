// The colour and the letters of a name: the same in every room and in the inbox, and no two
// names of the relay have the same. They are derived from the name and prove nothing.
import { untracked } from "./ui.js";
import { Palette } from "./palette.js";
import { codes } from "./state.js";

const palette = new Palette();
/** The codes whose names the palette has. */
let known = null;

const isAgent = ({ role }) => role === "agent";

/**
 * Give the names with a code their marks, the oldest code first, guests after the agents:
 * the same order in every browser. Names without a code follow as they are met.
 */
function learn() {
  const rows = untracked(() => codes.value); // sorted by the time of creation
  if (rows === known) return;
  known = rows;
  for (const row of rows.filter(isAgent)) palette.markOf(row.name);
  for (const row of rows) palette.markOf(row.name);
}

/** The { hue, letters } of a name. */
export function markOf(name) {
  learn();
  return palette.markOf(name);
}

/** Whether the names of this kind of sender have a hue; the operator and the relay have none. */
export const hasHue = (kind) => kind === "agent" || kind === "person";

/** The style that carries the hue of a name to the stylesheet. */
export const hueStyle = (name) => ({ "--hue": markOf(name).hue });
