// Answers that are sent five seconds late, so that they can be undone.
//
// A closed tab does not lose one: it is sent as the page goes. Its draft stays until the
// relay has accepted it, and its idempotency key makes a second attempt harmless.
import { effect, signal } from "./ui.js";
import { beforeSigningOut, newKey, say, withdraw } from "./api.js";
import { updateDraft } from "./drafts.js";
import { applyOwnMessage, waiting } from "./state.js";
import { refresh } from "./stream.js";
import { isTouch } from "./widgets.js";

export const UNDO_MS = 5_000;
/** Time after which a sent answer leaves even if its question is still open. */
const LINGER_MS = 10_000;

/**
 * What is on its way, by question: { row, told, send, status, problem }. `status` is
 * "waiting" while it can be undone, "sending", "sent" until its question leaves, "failed".
 */
export const outbox = signal(new Map());
const timers = new Map();

export const keyOf = (row) => `${row.room} ${row.seq}`;

function patch(key, fields) {
  const entry = outbox.peek().get(key);
  if (entry) outbox.value = new Map(outbox.peek()).set(key, { ...entry, ...fields });
}

export function dropEntry(key) {
  const next = new Map(outbox.peek());
  if (next.delete(key)) outbox.value = next;
}

function queue(row, told, send) {
  const key = keyOf(row);
  outbox.value = new Map(outbox.peek()).set(key, { row, told, send, status: "waiting", problem: "" });
  clearTimeout(timers.get(key));
  timers.set(key, setTimeout(deliver, UNDO_MS, key));
}

/** Send an answer in five seconds: `content` is { text } or { choice }. */
export function queueAnswer(row, content, sender) {
  const body = {
    ...content,
    room: row.room,
    sender,
    reply_to: row.seq,
    to: row.to === "all" ? "all" : row.from,
    expects_reply: "none",
  };
  const idempotencyKey = newKey();
  queue(row, "Sent", async (isLeaving) => {
    const { message } = await say(body, idempotencyKey, isLeaving);
    applyOwnMessage(row.room, message);
  });
}

/** Mark a question as done in five seconds: it is withdrawn, and nobody waits any more. */
export function queueDone(row) {
  queue(row, "Marked as done", (isLeaving) => withdraw(row.room, row.seq, isLeaving));
}

/** Take back what has not been sent. Its draft is still there. */
export function undo(key) {
  if (outbox.peek().get(key)?.status !== "waiting") return;
  clearTimeout(timers.get(key));
  timers.delete(key);
  dropEntry(key);
}

async function deliver(key, isLeaving = false) {
  const entry = outbox.peek().get(key);
  clearTimeout(timers.get(key));
  timers.delete(key);
  if (entry?.status !== "waiting") return;
  patch(key, { status: "sending" });
  try {
    await entry.send(isLeaving === true);
  } catch (error) {
    return patch(key, { status: "failed", problem: error.message });
  }
  updateDraft(key, { text: "" });
  patch(key, { status: "sent" });
  timers.set(key, setTimeout(dropEntry, LINGER_MS, key));
  refresh();
}

/** Send everything now. */
function flush(isLeaving = false) {
  const keys = [...outbox.peek().keys()];
  return Promise.all(keys.map((key) => deliver(key, isLeaving)));
}

/** Forget what was sent once its question has left; and send the rest as the page goes. */
export function startOutbox() {
  effect(() => {
    const open = new Set(waiting.value.map(keyOf));
    for (const [key, { status }] of outbox.value) {
      if (status === "sent" && !open.has(key)) dropEntry(key);
    }
  });
  addEventListener("pagehide", () => flush(true));
  // A phone may end a hidden page without another event.
  document.addEventListener("visibilitychange", () => document.hidden && isTouch() && flush(true));
  beforeSigningOut(() => flush());
}
