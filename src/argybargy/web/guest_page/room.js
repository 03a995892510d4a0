// The room of the guest: who the guest is, the messages, and the poll that keeps them live.
//
// One loop (`follow`) polls. Opening another link ends it and starts the next one, so there
// is never more than one.
import { batch, computed, effect, signal, untracked } from "../dashboard/ui.js";
import { isSameName } from "../dashboard/format.js";
import { forgetCode, keep, takeCode, visit } from "./link.js";
import { get, Refusal, Unreachable, useCode } from "./relay.js";

const WAIT_SECONDS = 25;
const PAGE = 60;
const MAX_MESSAGES = 2_000;
/** Most messages that are read again in one request, for the questions among them. */
const MAX_SPAN = 100;
const MAX_SPANS = 3;
const CLOSED_PAUSE_SECONDS = 20;
/** What can be sent as a code. Anything else is a damaged link. */
const PRINTABLE = /^[\x21-\x7e]+$/;
const BACKOFF_SECONDS = [1, 2, 4, 8, 15, 30];

/**
 * The state of the link. `state` is "opening", "live", "retrying" (`at` is the local time of
 * the next attempt), "closed" (`by`), or one of those at the end: "missing", "ended"
 * (`why`: "late", "gone" or "unknown").
 */
export const link = signal({ state: "opening" });
/** Name, room and role of the guest, and `until`, the end of the link. */
export const me = signal(null);
export const messages = signal([]);
export const hasOlder = signal(false);
export const isLoadingOlder = signal(false);
/** Names that the guest may write to, the operator last. */
export const people = signal([]);
/** Whether the log is scrolled to its end, and follows new messages. */
export const isAtEnd = signal(true);
export const isHidden = signal(document.hidden);
/** The last message that was in view; what others say after it is unread. */
const seen = signal(0);
/** The message before the mark of unread ones; Infinity without a mark. */
export const readBefore = signal(Infinity);

export const speaks = computed(() => me.value?.role === "person");
export const mayWrite = computed(() => speaks.value && !["closed", "ended"].includes(link.value.state));
export const unread = computed(
  () => messages.value.filter(({ seq, from }) => seq > seen.value && !isMe(from)).length,
);

export const isMe = (name) => isSameName(name, me.peek()?.name);

// -- questions ----------------------------------------------------------------------

export const isOpen = ({ question }) => question?.state === "open" || question?.state === "claimed";

/** Tell whether the guest is asked: by name, or with everybody else. */
export function asksMe(message) {
  return Boolean(message.question) && !isMe(message.from) &&
    (isMe(message.expects_reply) || message.expects_reply.toLowerCase() === "anyone");
}

/** Tell whether the guest may answer: nobody else has taken the question on. */
export function mayAnswer(message) {
  if (!speaks.value || !asksMe(message) || !isOpen(message)) return false;
  return message.question.state === "open" || isMe(message.question.by ?? message.claimed_by);
}

// -- messages -------------------------------------------------------------------

function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Merge messages by seq. One that did not change stays the same object: it is not redrawn. */
export function merge(incoming) {
  const bySeq = new Map(messages.peek().map((message) => [message.seq, message]));
  let isChanged = false;
  for (const message of incoming) {
    const known = bySeq.get(message.seq);
    if (known && isSame(known, { ...known, ...message })) continue;
    bySeq.set(message.seq, { ...known, ...message });
    isChanged = true;
  }
  if (!isChanged) return;
  const sorted = [...bySeq.values()].sort((one, other) => one.seq - other.seq);
  batch(() => {
    if (sorted.length > MAX_MESSAGES) hasOlder.value = true;
    messages.value = sorted.slice(-MAX_MESSAGES);
  });
}

/** Load a page of earlier messages; throws what the request was refused with. */
export async function loadOlder() {
  if (isLoadingOlder.peek()) return;
  isLoadingOlder.value = true;
  try {
    const [{ seq }] = messages.peek();
    const page = await get(`history?limit=${PAGE}&before=${seq}`);
    batch(() => {
      hasOlder.value = page.more;
      merge(page.messages);
    });
  } finally {
    isLoadingOlder.value = false;
  }
}

/**
 * Ask how the questions stand that are shown as open.
 *
 * A poll brings new messages only. A question ends by a message that names it, by one that
 * does not (the asked peer writes to the asker, the holder of a claim says anything), or by
 * no message at all (a claim that ran out): only the relay knows.
 */
export async function refreshQuestions(signal) {
  for (const [first, last] of spans(messages.peek().filter(isOpen).map(({ seq }) => seq))) {
    const limit = last - first + 1;
    const page = await get(`history?limit=${limit}&before=${last + 1}`, { signal });
    merge(page.messages.filter(({ seq }) => messages.peek().some((each) => each.seq === seq)));
  }
}

/**
 * Load the messages after `since` up to `last` that no poll brings: those that the guest has
 * written in another tab or on another device.
 */
async function fillIn(since, last, signal) {
  const known = messages.peek().filter(({ seq }) => seq > since && seq <= last).length;
  if (known === last - since) return;
  const limit = Math.min(last - since, MAX_SPAN);
  const page = await get(`history?limit=${limit}&before=${last + 1}`, { signal });
  merge(page.messages.filter(({ seq }) => seq > since));
}

/** Cover numbers with few ranges, the newest first. */
function spans(seqs) {
  const found = [];
  for (const seq of [...seqs].reverse()) {
    const span = found.at(-1);
    if (span && span[1] - seq < MAX_SPAN) span[0] = seq;
    else found.push([seq, seq]);
  }
  return found.slice(0, MAX_SPANS);
}

// -- reading ------------------------------------------------------------------------

const isReading = computed(() => !isHidden.value && isAtEnd.value);

function setSeen(seq) {
  seen.value = seq;
  keep({ seen: seq });
}

/** Put the mark before messages that come while nobody reads, if there is none. */
function markUnread() {
  if (!isReading.peek() && readBefore.peek() === Infinity) readBefore.value = seen.peek();
}

export function clearMark() {
  readBefore.value = Infinity;
}

/** Note what is read, and take the mark away once the reader leaves with all of it read. */
export function startReading() {
  document.addEventListener("visibilitychange", () => (isHidden.value = document.hidden));
  effect(() => {
    const last = messages.value.at(-1)?.seq ?? 0;
    if (isReading.value && last > seen.peek()) untracked(() => setSeen(last));
  });
  effect(() => {
    if (isHidden.value && !unread.peek()) clearMark();
  });
}

// -- people -------------------------------------------------------------------------

const isFromNewcomer = ({ from, from_kind }) =>
  from_kind !== "system" && !isMe(from) && !people.peek().includes(from);

export async function loadPeople(signal) {
  const { peers } = await get("peers", { signal });
  const names = peers.filter((peer) => peer.role !== "reader" && !isMe(peer.name)).map((peer) => peer.name);
  people.value = [...names.sort((one, other) => one.localeCompare(other)), "operator"];
}

// -- following ----------------------------------------------------------------------

let endPause = () => {};
let current = null;

function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    endPause = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", endPause, { once: true });
  });
}

/** Try again now instead of at the end of the pause. */
export function retryNow() {
  endPause();
}

async function open(signal) {
  const [who, resume] = await Promise.all([get("whoami", { signal }), get("resume", { signal })]);
  const page = await get(`history?limit=${PAGE}`, { signal });
  const last = page.messages.at(-1)?.seq ?? 0;
  batch(() => {
    me.value = { ...who, until: resume.expires };
    hasOlder.value = page.more;
    messages.value = page.messages;
    // As before a reload. Above the last one it is of another database.
    const read = visit.seen <= last ? visit.seen : last;
    readBefore.value = read < last ? read : Infinity;
    setSeen(read);
    setStatus(page.room_status);
  });
  keep({ room: who.room, until: resume.expires, ended: undefined });
  if (speaks.peek()) await loadPeople(signal);
  return last;
}

function setStatus(room) {
  const state = room.status === "closed" ? "closed" : "live";
  const next = { state, by: room.closed_by ?? undefined };
  if (!isSame(link.peek(), next)) link.value = next;
}

async function follow(signal) {
  let cursor = null;
  let failures = 0;
  let wait = 0; // the first answer, and the first after a failure, comes at once
  while (!signal.aborted) {
    try {
      if (cursor === null) cursor = await open(signal);
      const began = performance.now();
      const poll = await get(`messages?since=${cursor}&wait=${wait}`, { signal, seconds: wait });
      if (poll.reset) messages.value = []; // the database of the relay is another one
      if (poll.messages.some(({ from }) => !isMe(from))) markUnread();
      merge(poll.messages);
      if (!poll.reset) await fillIn(cursor, poll.cursor, signal);
      cursor = poll.cursor;
      if (speaks.peek() && poll.messages.some(isFromNewcomer)) await loadPeople(signal);
      await refreshQuestions(signal);
      failures = 0;
      setStatus(poll.room);
      const isEarly = wait && !poll.messages.length && performance.now() - began < 1000;
      // An answer without news that comes at once would be asked for again at once.
      const seconds = poll.retry_after ?? (poll.room_closed ? CLOSED_PAUSE_SECONDS : isEarly ? 5 : 0);
      if (seconds) await pause(seconds, signal);
      wait = WAIT_SECONDS;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
      if (error.status === 401 || error.code === "room_not_found") return end();
      wait = 0;
      const usual = BACKOFF_SECONDS[Math.min(failures, BACKOFF_SECONDS.length - 1)];
      const seconds = Math.max(error.seconds ?? 0, usual);
      failures += 1;
      link.value = { state: "retrying", at: Date.now() + seconds * 1000, why: error.message };
      await pause(seconds, signal);
    }
  }
}

/** Stop: the code opens nothing any more. */
function end() {
  const isLate = visit.until && Date.parse(visit.until) <= Date.now() + 2_000;
  const why = isLate ? "late" : me.peek() || visit.room ? "gone" : "unknown";
  forgetCode();
  keep({ ended: why });
  link.value = { state: "ended", why };
}

/** Open the room of the link in the address or of this tab. */
export function start() {
  current?.abort();
  current = new AbortController();
  const code = takeCode();
  batch(() => {
    me.value = null;
    messages.value = [];
    people.value = [];
    readBefore.value = Infinity;
    link.value = { state: "opening" };
  });
  if (!code) {
    link.value = visit.ended ? { state: "ended", why: visit.ended } : { state: "missing" };
    return Promise.resolve();
  }
  if (!PRINTABLE.test(code)) {
    end();
    return Promise.resolve();
  }
  useCode(code);
  return follow(current.signal);
}
