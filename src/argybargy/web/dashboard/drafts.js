// Drafts: unsent text, its recipient and its reply target, one for each place to write.
import { computed, signal } from "./ui.js";
import { isToAll } from "./format.js";
import { view } from "./route.js";
import { readJson, sessionStore } from "./storage.js";

const KEY = "argy_drafts";
export const DEFAULT = "default";

/**
 * Drafts by key: "room" for a room, "room/agent" for a direct view, "room seq" for a
 * question in the inbox. Only texts are stored; a reload resets the recipient, so that a
 * forgotten choice sends nothing to the wrong agent.
 */
const drafts = signal(readJson(sessionStore, KEY, {}));
const EMPTY = { text: "", to: "all", expects: DEFAULT, replyTo: null };

/** The key of the draft in the composer. */
export const draftKey = computed(() => {
  const { room, peer } = view.value;
  return peer ? `${room}/${peer}` : room;
});

export const draft = computed(() => ({ ...EMPTY, ...drafts.value[draftKey.value] }));

export function updateDraft(key, fields) {
  drafts.value = { ...drafts.value, [key]: { ...EMPTY, ...drafts.value[key], ...fields } };
  const texts = Object.entries(drafts.value).filter(([, each]) => each.text);
  sessionStore.set(KEY, JSON.stringify(Object.fromEntries(texts.map(([each, { text }]) => [each, { text }]))));
}

/** The unsent text of a draft. */
export const draftText = (key) => drafts.value[key]?.text ?? "";

export function clearDrafts() {
  drafts.value = {};
  sessionStore.set(KEY, null);
}

export function focusComposer() {
  requestAnimationFrame(() => document.getElementById("composer")?.focus());
}

/**
 * Make the draft a reply: to the sender, or to the same recipients for an own message.
 * `before` keeps the chosen recipient, to restore it when the reply is cancelled.
 */
export function replyTo({ seq, from, from_kind, to: recipients, text }) {
  const { replyTo: previous, to: chosen } = draft.peek();
  const to = isToAll(recipients) ? "all" : from_kind === "agent" ? from : recipients;
  const before = previous ? previous.before : chosen;
  updateDraft(draftKey.peek(), { replyTo: { seq, from, text: text.slice(0, 200), before }, to });
  focusComposer();
}

/** The fields of a draft that cancel its reply and restore the recipient. */
export const withoutReply = ({ replyTo: reply, to }) => ({ replyTo: null, to: reply?.before ?? to });

/** Reset the recipients of a room's drafts when the operator leaves the room. */
export function resetAddressee(room) {
  for (const key of Object.keys(drafts.peek())) {
    if (key.split("/")[0] === room) updateDraft(key, { to: "all", expects: DEFAULT, replyTo: null });
  }
}
