// Drafts: unsent text, its recipient and its reply target, one for each place to write.
import { computed, signal } from "./ui.js";
import { isToAll, reaches } from "./format.js";
import { replyRecipients } from "./posting.js";
import { showRoom, view } from "./route.js";
import { readJson, sessionStore } from "./storage.js";

const KEY = "argy_drafts";
export const DEFAULT = "default";

/**
 * Drafts by key: "room" for a room, "room/agent" for a direct view, "room seq" for an
 * answer, in the inbox or in a thread. Only texts are stored; a reload resets the recipient,
 * so that a forgotten choice sends nothing to the wrong agent.
 */
const drafts = signal(readJson(sessionStore, KEY, {}));
const EMPTY = { text: "", to: "all", expects: DEFAULT, replyTo: null, choices: null, mention: null };

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
 * `before` keeps the chosen recipient and who is asked, to restore both when the reply is
 * cancelled.
 */
export function replyTo(message) {
  const { seq, from, text } = message;
  const { room, peer } = view.peek();
  // The view of somebody who would not read it has no composer.
  if (peer && !document.getElementById("composer")) showRoom(room);
  const current = draft.peek();
  const { to, expects } = current;
  const before = current.replyTo?.before ?? { to, expects };
  updateDraft(draftKey.peek(), {
    replyTo: { seq, from, text: text.slice(0, 200), before },
    ...withRecipient(current, replyRecipients(message)),
  });
  focusComposer();
}

/** Whether the draft is a question that has been worked on. */
const isStartedQuestion = ({ text, expects, choices }) =>
  expects !== "none" && Boolean(choices || (text.trim() && expects !== DEFAULT));

/**
 * The fields of a draft with another recipient. A question that has been started stays one:
 * of whom it asks if the recipient allows it, else of the recipient.
 */
export function withRecipient(current, to) {
  if (!isStartedQuestion(current)) return { to, expects: current.choices ? current.expects : DEFAULT };
  const isOfOne = current.expects === DEFAULT && !current.replyTo && !isToAll(current.to);
  const asked = isOfOne ? [current.to].flat()[0] : current.expects;
  const reached = view.peek().peer ?? to;
  const isPossible = asked === "anyone" || (asked !== DEFAULT && reaches(reached, asked));
  return { to, expects: isPossible ? asked : isToAll(reached) ? "anyone" : [reached].flat()[0] };
}

/**
 * The fields of a draft with a new text. A text that begins with a completed `@name` is for
 * that agent; deleting the name restores the recipient of before.
 */
export function withText(current, text) {
  const { mention } = current;
  if (!mention || text.startsWith(`@${mention.name}`)) return { text };
  return { text, mention: null, ...withRecipient(current, mention.before) };
}

/** The fields of a draft whose text has got an `@name` at its beginning. */
export function withMention(current, text, name) {
  const { to, replyTo: reply, mention } = current;
  if (reply) return { text }; // a reply keeps its recipient
  return { text, ...withRecipient(current, name), mention: { name, before: mention?.before ?? to } };
}

/** The message that the composer of the thread replies to; null for the thread's own. */
export const threadTarget = signal(null);

/** The fields of a draft that cancel its reply and restore whom it is to and whom it asks. */
export const withoutReply = ({ replyTo: reply, to, expects }) => ({ replyTo: null, ...(reply?.before ?? { to, expects }) });

/** Reset the recipients of a room's drafts when the operator leaves the room. */
export function resetAddressee(room) {
  for (const key of Object.keys(drafts.peek())) {
    if (key.split("/")[0] === room) updateDraft(key, { ...EMPTY, text: draftText(key), choices: drafts.peek()[key].choices ?? null });
  }
}
