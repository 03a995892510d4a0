// Answers that are sent five seconds late, so that they can be undone, wherever they are
// given: in the inbox, the room, or a thread.
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
 * isTold, isLate, undone, failed, isBelow }.
 * `said` is the answer, null for a withdrawal.
 * `status` is "waiting" while it can be undone, until `dueAt`; "sending", "sent" until its
 * question has left and it was read, "failed". `seq` is the number of the sent answer,
 * `isTold` whether it was shown for a moment, `isLate` whether it need not wait for its
 * question to leave. `undone` and `failed` put the text of a composer back; without them
 * it is a draft of the question. `isBelow` is set if the composer of the room sent it.
 */
export const outbox = signal(new Map());
const timers = new Map();
/** The last answer without a response: sent again, it keeps its idempotency key. */
let unconfirmed = { content: "", key: "" };

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

/** The row of a question: that of the inbox, or made of the message. */
export function rowOf(room, message) {
  const row = waiting.peek().find((each) => each.room === room && each.seq === message.seq);
  return row ?? { ...message, room, since: Date.parse(message.ts), asks_you: true };
}

function queue(row, said, send, { undone, failed, isBelow = false } = {}) {
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
    undone,
    failed,
    isBelow,
  });
  clearTimeout(timers.get(key));
  timers.set(key, setTimeout(deliver, UNDO_MS, key));
}

/**
 * Send an answer in five seconds: `content` is { text } or { choice }. A composer gives as
 * well what to do when it is `sent`, with the relay's answer, or `undone`, or has `failed`.
 */
export function queueAnswer(row, content, sender, { sent, ...composer } = {}) {
  const body = {
    to: row.to === "all" ? "all" : row.from,
    ...content,
    room: row.room,
    sender,
    reply_to: row.seq,
    expects_reply: "none",
  };
  const asText = JSON.stringify(body);
  const idempotencyKey = unconfirmed.content === asText ? unconfirmed.key : newKey();
  const send = async (isLeaving) => {
    unconfirmed = { content: asText, key: idempotencyKey };
    const answer = await say(body, idempotencyKey, isLeaving);
    unconfirmed = { content: "", key: "" };
    applyOwnMessage(row.room, answer.message);
    sent?.(answer);
    return answer.message.seq;
  };
  queue(row, content.choice ?? content.text, send, composer);
}

/** Withdraw a question in five seconds: it needs no answer, and its asker is told. */
export function queueWithdrawal(row) {
  queue(row, null, (isLeaving) => withdrawQuestion(row.room, row.seq, isLeaving));
}

/** Take back what has not been sent. Its draft is still there. */
export function undo(key) {
  const entry = outbox.peek().get(key);
  if (entry?.status !== "waiting") return;
  clearTimeout(timers.get(key));
  timers.delete(key);
  dropEntry(key);
  entry.undone?.();
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
    if (!entry.failed) return patch(key, { status: "failed", problem: error.message });
    dropEntry(key);
    return entry.failed(error);
  }
  if (!entry.undone) updateDraft(key, { text: "" });
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

/** Send now what waits in a room: what is said next must not come before it. */
export function sendWaiting(room) {
  const keys = [...outbox.peek()].filter(([, { row }]) => row.room === room).map(([key]) => key);
  return Promise.all(keys.map((key) => deliver(key)));
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
