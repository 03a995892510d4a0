// Drafts: what is written at a place and was not sent, and whom it is to.
import { computed, signal } from "./ui.js";
import { isToAll } from "./format.js";
import { view } from "./route.js";
import { passing, readJson } from "./storage.js";

const KEY = "argy_drafts";
export const DEFAULT = "default";

/**
 * By place, which is a room, an agent in it, or a question in the inbox: the text, whom
 * it is to, who should answer, what it answers.
 */
const drafts = signal(readJson(passing, KEY, {}));
const EMPTY = { text: "", to: "all", expects: DEFAULT, replyTo: null };

export const place = computed(() => {
  const { room, peer } = view.value;
  return peer ? `${room}/${peer}` : room;
});

export const draft = computed(() => ({ ...EMPTY, ...drafts.value[place.value] }));

export function change(at, fields) {
  drafts.value = { ...drafts.value, [at]: { ...EMPTY, ...drafts.value[at], ...fields } };
  const texts = Object.entries(drafts.value).filter(([, each]) => each.text);
  passing.set(KEY, JSON.stringify(Object.fromEntries(texts.map(([key, { text }]) => [key, { text }]))));
}

/** What is written at a place and was not sent. */
export const textAt = (at) => drafts.value[at]?.text ?? "";

export function forgetDrafts() {
  drafts.value = {};
  passing.set(KEY, null);
}

export function focusComposer() {
  requestAnimationFrame(() => document.getElementById("composer")?.focus());
}

export function replyTo({ seq, from, from_kind, to: heard, text }) {
  const { replyTo: answered, to: chosen } = draft.peek();
  const to = isToAll(heard) ? "all" : from_kind === "agent" ? from : heard;
  const before = answered ? answered.before : chosen;
  change(place.peek(), { replyTo: { seq, from, text: text.slice(0, 200), before }, to });
  focusComposer();
}

/** Without the reply, and the addressee that came with it. */
export const unreplied = ({ replyTo: answered, to }) => ({ replyTo: null, to: answered?.before ?? to });

/** An addressee belongs to a room: leaving the room forgets it. */
export function forgetAddressee(room) {
  for (const at of Object.keys(drafts.peek())) {
    if (at.split("/")[0] === room) change(at, { to: "all", expects: DEFAULT, replyTo: null });
  }
}
