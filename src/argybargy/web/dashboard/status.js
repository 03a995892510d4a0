// How soon a member of a room hears, in words: the same in the people pane, the header, the
// composer, and after sending.
import { computed } from "./ui.js";
import { sender } from "./api.js";
import { clock, nowMs } from "./clock.js";
import { isSameName, shortMoment } from "./format.js";

const LONG_MS = 600_000;

/** The relay's time to the minute, for words that change by themselves. */
export const minute = computed(() => Math.floor(clock.value / 60_000));

const moment = (ms) => shortMoment(ms, nowMs());

/** The relay tells the role; it refuses `operator` as the name of an agent. */
export function kindOf({ role, name }) {
  if (role === "operator" || isSameName(name, "operator")) return "operator";
  return role === "person" || role === "reader" ? "person" : "agent";
}

/** Whether a row is of the operator who looks at this page. */
export const isYou = (row) => kindOf(row) === "operator" && isSameName(row.name, sender.value);

/** Whether a name means the operator who looks at this page. */
export const namesYou = (name) => isSameName(name, "operator") || isSameName(name, sender.value);

/** Whether a member has a code, but has never used it. */
export const isInvited = (row) => !row.online && row.seenAt === null && row.spokeAt === null;

/** When a member was last heard of, or null. */
export const lastSeen = (row) => Math.max(row.seenAt ?? 0, row.spokeAt ?? 0) || null;

/** The states, the first that fits: words, class and tooltip. */
const HEARING = {
  "wakes now": ["wakes now", "is-awake", "A message that wakes it starts a turn at once"],
  parked: ["listening", "is-awake", "It waits for messages, and reads them at once"],
  "next turn": ["next turn", "is-late", "It reads a message when its next turn begins"],
};
const ONLINE = ["online", "is-awake", "It called within the last two minutes, but does not wait for messages"];

/** The status of a member: { words, kind, title }. */
export function statusOf(row) {
  if (isYou(row)) return { words: "here", kind: "is-awake", title: "You look at this page" };
  if (isInvited(row)) return { words: "invited, never seen", kind: "is-unseen", title: "It has a code and never used it" };
  const isHearing = row.listening ? row.listening !== "not listening" : row.online;
  if (isHearing) {
    const [words, kind, title] = HEARING[row.listening] ?? ONLINE;
    return { words, kind, title };
  }
  const since = lastSeen(row);
  if (kindOf(row) !== "agent") return { words: `last seen ${moment(since)}`, kind: "is-away", title: "Not here now" };
  const at = row.seenAt ?? since;
  return { words: `not listening since ${moment(at)}`, kind: "is-deaf", title: "It reads a message when it comes back" };
}

/** Whether nothing of an agent hears a message now. */
export const isDeaf = (row) => ["is-deaf", "is-unseen"].includes(statusOf(row).kind);

/** Whether an agent has not been listening for so long that what it did is past. */
export const isLongDeaf = (row) => isDeaf(row) && nowMs() - (lastSeen(row) ?? 0) > LONG_MS;

/** What a member does, in words that agree with its status; empty if there is nothing to say. */
export function activityOf(row, isHolding) {
  if (isInvited(row)) return "";
  if (!isLongDeaf(row) && row.state === "waiting") return "waits for an answer";
  if (!isDeaf(row) && row.state === "working" && !isHolding) return "working";
  return isDeaf(row) && row.spokeAt !== null ? `last spoke ${moment(row.spokeAt)}` : "";
}

// -- receipts -----------------------------------------------------------------------

const AT = /^(not listening since|damped until|notified) (\S+)$/;

/** What the relay says about one addressee of a message, in words. */
const RECEIPTS = {
  watching: "here",
  away: "away, reads it later",
  read: "has read it",
  unknown: "has no code here",
  parked: "listening",
  held: "reads it at its next turn",
};

/**
 * A receipt in words, with its time as that of this place. After a restart the relay knows
 * no time: then the words are those of the addressee's row, if there is one.
 */
export function receiptWords(receipt, row = null) {
  if (receipt === "not listening" && row) return statusOf(row).words;
  const [, what, time] = AT.exec(receipt) ?? [];
  const at = Date.parse(time);
  if (what === "damped until") return `is not woken before ${moment(at)}`;
  return what ? `${what} ${moment(at)}` : (RECEIPTS[receipt] ?? receipt);
}

/** Whether a receipt says that nobody hears the message now. */
export const isUnheard = (receipt) => /^(not listening|unknown)/.test(receipt);
