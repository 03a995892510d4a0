// Answers that are sent five seconds late, so that they can be undone.
//
// A closed tab does not lose one: it is sent as the page goes. Its draft stays until the
// relay has accepted it, and its idempotency key makes a second attempt harmless.
import { effect, signal } from "./ui.js";
import { beforeSigningOut, newKey, say } from "./api.js";
import { updateDraft } from "./drafts.js";
import { withdrawQuestion } from "./posting.js";
import { view } from "./route.js";
import { applyOwnMessage, keyOf, waiting } from "./state.js";
import { refresh } from "./stream.js";
import { isTouch } from "./widgets.js";

const UNDO_MS = 5_000;
/** Time for which an answer says that it was sent; on a touch screen a card keeps its place so long. */
const TOLD_MS = 2_000;
const TOLD_TOUCH_MS = 5_000;
/** Time after which a sent answer leaves even if its question is still open. */
const LINGER_MS = 10_000;

/**
 * What is on its way, by question: { row, isAnswer, said, send, status, problem, dueAt, seq,
 * isTold, isLate }.
 * `said` is the answer, null for a withdrawal.
 * `status` is "waiting" while it can be undone, until `dueAt`; "sending", "sent" until its
 * question has left and it was read, "failed". `seq` is the number of the sent answer,
 * `isTold` whether it was shown for a moment, `isLate` whether it need not wait for its
 * question to leave.
 */
export const outbox = signal(new Map());
const timers = new Map();

/** Keys of the cards that stay because of the pointer: if one left, others would move under it. */
export const held = signal(new Set());

function patch(key, fields) {
  const entry = outbox.peek().get(key);
  if (entry) outbox.value = new Map(outbox.peek()).set(key, { ...entry, ...fields });
}

export function dropEntry(key) {
  const next = new Map(outbox.peek());
  if (next.delete(key)) outbox.value = next;
}

function queue(row, said, send) {
  const key = keyOf(row);
  outbox.value = new Map(outbox.peek()).set(key, {
    row,
    isAnswer: said !== null,
    said,
    send,
    status: "waiting",
    problem: "",
    dueAt: Date.now() + UNDO_MS,
    isTold: false,
    isLate: false,
  });
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
  queue(row, content.choice ?? content.text, async (isLeaving) => {
    const { message } = await say(body, idempotencyKey, isLeaving);
    applyOwnMessage(row.room, message);
    return message.seq;
  });
}

/** Withdraw a question in five seconds: it needs no answer, and its asker is told. */
export function queueWithdrawal(row) {
  queue(row, null, (isLeaving) => withdrawQuestion(row.room, row.seq, isLeaving));
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
  let seq = null;
  try {
    seq = await entry.send(isLeaving);
  } catch (error) {
    return patch(key, { status: "failed", problem: error.message });
  }
  updateDraft(key, { text: "" });
  patch(key, { status: "sent", seq });
  const toldMs = isTouch() ? TOLD_TOUCH_MS : TOLD_MS;
  timers.set(key, setTimeout(told, toldMs, key));
  refresh();
}

/** Let a sent answer leave, which was shown for a moment. */
function told(key) {
  patch(key, { isTold: true });
  timers.set(key, setTimeout(patch, LINGER_MS, key, { isLate: true }));
}

/** Send everything now. */
function flush(isLeaving = false) {
  const keys = [...outbox.peek().keys()];
  return Promise.all(keys.map((key) => deliver(key, isLeaving)));
}

/**
 * Forget what was sent once its question has left, it was read, and no card would move under
 * the pointer or a finger: on the inbox page all keep their places until one leaves it. And
 * send the rest as the page goes.
 */
export function startOutbox() {
  effect(() => {
    const open = new Set(waiting.value.map(keyOf));
    for (const [key, { status, isTold, isLate }] of outbox.value) {
      const canLeave = status === "sent" && isTold && !held.value.has(key) && view.value.place !== "inbox";
      if (canLeave && (isLate || !open.has(key))) dropEntry(key);
    }
  });
  addEventListener("pagehide", () => flush(true));
  // A phone may end a hidden page without another event.
  document.addEventListener("visibilitychange", () => document.hidden && isTouch() && flush(true));
  beforeSigningOut(() => flush());
}
