// The one-use invites that the relay keeps. The stream does not bring them.
import { signal } from "./ui.js";
import { get } from "./api.js";
import { nowMs } from "./clock.js";
import { minute } from "./status.js";

/** The invites, oldest first; null before they are loaded. */
export const invites = signal(null);

/** Load the invites. */
export async function loadInvites() {
  invites.value = (await get("admin/invites")).invites;
}

/** The invites to a room that can still be used. */
export function openInvites(room) {
  minute.value; // they expire by themselves
  const isOpen = (row) => row.room === room && row.state === "open" && Date.parse(row.expires_at) > nowMs();
  return (invites.value ?? []).filter(isOpen);
}
