// What the page knows of the relay. Frames of the stream are the only thing that
// changes it, but for messages that a look back or an own post brought.
import { batch, computed, signal } from "./ui.js";
import { get, roomPath } from "./api.js";
import { setClock } from "./clock.js";
import { isSameName, isToAll } from "./format.js";
import { currentRoom } from "./route.js";

export const isLoaded = signal(false);
export const facts = signal({ version: "", publicUrl: "", maxIdleSeconds: 0 });
/** Cards by room, rows by key: what a frame names is replaced, the rest is kept. */
const cards = signal(new Map());
const waitingRows = signal(new Map());
const codeRows = signal(new Map());
const rosterRows = signal(new Map());
/** The room whose roster that is. */
export const rosterRoom = signal(null);

export const rooms = computed(() => [...cards.value.values()].sort(byLatest));
export const waiting = computed(() =>
  [...waitingRows.value.values()].sort((one, other) => one.since - other.since),
);
export const codes = computed(() =>
  [...codeRows.value.values()].sort((one, other) => one.created.localeCompare(other.created)),
);
export const roster = computed(() =>
  rosterRoom.value === currentRoom.value ? [...rosterRows.value.values()] : [],
);

/** The relay lists no more than this many questions. */
const MOST_WAITING = 50;

function byLatest(one, other) {
  if (one.last_ts !== other.last_ts) return (other.last_ts ?? "") < (one.last_ts ?? "") ? -1 : 1;
  return one.room.localeCompare(other.room);
}

export function cardOf(room) {
  return cards.value.get(room) ?? null;
}

export function roomNames() {
  return rooms.value.map((card) => card.room);
}

const waitingKey = (row) => `${row.room} ${row.seq}`;

/** Whether the relay says that a question waits; `null` where its list is cut off. */
export function isWaiting(room, seq) {
  if (waitingRows.value.has(`${room} ${seq}`)) return true;
  return waitingRows.value.size < MOST_WAITING ? false : null;
}

// -- rows: ages become moments, so that they can grow without another frame -------

function momentOf(now, seconds) {
  return seconds == null ? null : Math.round(now - seconds * 1000);
}

function waitingRow(row, now) {
  return { ...row, since: momentOf(now, row.waiting_seconds) };
}

function rosterRow(row, now) {
  return {
    ...row,
    seenAt: momentOf(now, row.seconds_since_seen),
    spokeAt: momentOf(now, row.last_message_seconds),
  };
}

function withRows(kept, rows, gone, keyOf) {
  if (!rows?.length && !gone?.length) return kept;
  const next = new Map(kept);
  for (const key of gone ?? []) next.delete(key);
  for (const row of rows ?? []) next.set(keyOf(row), row);
  return next;
}

function keyed(rows, keyOf) {
  return new Map(rows.map((row) => [keyOf(row), row]));
}

// -- frames -----------------------------------------------------------------------

export function applyHello(frame) {
  setClock(frame.now);
  facts.value = {
    version: frame.relay_version,
    publicUrl: frame.public_url,
    maxIdleSeconds: frame.max_idle_seconds,
  };
}

export function applySnapshot(frame) {
  const now = Date.parse(frame.now);
  batch(() => {
    setClock(frame.now);
    cards.value = keyed(frame.rooms, (card) => card.room);
    waitingRows.value = keyed(
      frame.waiting.map((row) => waitingRow(row, now)),
      waitingKey,
    );
    codeRows.value = keyed(frame.codes, (row) => row.key_id);
    rosterRows.value = keyed(
      frame.roster.map((row) => rosterRow(row, now)),
      (row) => row.name,
    );
    rosterRoom.value = frame.room;
    if (frame.room) log(frame.room).restart(frame.messages);
    for (const room of logs.keys()) if (!cards.value.has(room)) logs.delete(room);
    isLoaded.value = true;
  });
}

export function applyDelta(frame) {
  const now = Date.parse(frame.now);
  const { rooms_gone, codes_gone, roster_gone, waiting_gone } = frame;
  batch(() => {
    // A tunnel has opened, or is gone.
    if (frame.public_url) facts.value = { ...facts.value, publicUrl: frame.public_url };
    cards.value = withRows(cards.value, frame.rooms, rooms_gone, (card) => card.room);
    waitingRows.value = withRows(
      waitingRows.value,
      frame.waiting?.map((row) => waitingRow(row, now)),
      waiting_gone?.map(waitingKey),
      waitingKey,
    );
    codeRows.value = withRows(codeRows.value, frame.codes, codes_gone, (row) => row.key_id);
    rosterRows.value = withRows(
      rosterRows.value,
      frame.roster?.map((row) => rosterRow(row, now)),
      roster_gone,
      (row) => row.name,
    );
    takeMessages(frame.messages ?? []);
  });
}

function takeMessages(messages) {
  for (const room of new Set(messages.map((message) => message.room))) {
    if (room !== currentRoom.value && !logs.has(room)) continue;
    log(room).take(messages.filter((message) => message.room === room));
  }
}

/** Take what the relay answered to an own act, before the stream says it. */
export function takeOwnMessage(room, message) {
  log(room).take([{ expects_reply_resolved: message.expects_reply, ...message, room }]);
}

export function takeRoomStatus(status) {
  const card = cards.value.get(status.name);
  const fresh = {
    room: status.name,
    messages: 0,
    first_seq: 1,
    last_seq: 0,
    last_ts: null,
    created_at: null,
    online: 0,
    members: 0,
  };
  const { closed_at, closed_by } = status;
  const next = { ...fresh, ...card, status: status.status, closed_at, closed_by };
  cards.value = withRows(cards.value, [next], [], (each) => each.room);
}

/** Forget everything, as after signing out. */
export function forgetAll() {
  batch(() => {
    for (const rows of [cards, waitingRows, codeRows, rosterRows]) rows.value = new Map();
    rosterRoom.value = null;
    logs.clear();
    isLoaded.value = false;
  });
}

// -- messages -------------------------------------------------------------------
// The messages of one room as far as they are loaded: always one stretch without gaps,
// which ends at the newest unless somebody went far back.

const PAGE = 100;
const MOST_AT_ONCE = 400;
/** A tab may be open for weeks: beyond this, the oldest go and can be loaded again. */
const MOST_KEPT = 4_000;

const logs = new Map();
/** Whether the reader follows what comes; there is one timeline. */
export const isAtEnd = signal(true);
/** Set to have the timeline go to its end. */
export const follow = signal(0);

export function log(room) {
  let found = logs.get(room);
  if (!found) logs.set(room, (found = new Log(room)));
  return found;
}

/** Put what came among what is there: by seq, each once, the later word holding. */
function merged(kept, some) {
  const last = kept.at(-1)?.seq ?? 0;
  if (some.every((message, at) => message.seq > (some[at - 1]?.seq ?? last))) {
    return [...kept, ...some];
  }
  const bySeq = new Map(kept.map((message) => [message.seq, message]));
  for (const message of some) bySeq.set(message.seq, { ...bySeq.get(message.seq), ...message });
  return [...bySeq.values()].sort((one, other) => one.seq - other.seq);
}

class Log {
  constructor(room) {
    this.room = room;
    this.messages = signal([]);
    this.answers = computed(() => answersOf(this.messages.value));
    this.isKnown = signal(false);
    this.hasMore = signal(false);
    this.isPast = signal(false);
    this.newest = 0;
    this.isLoading = signal(false);
    this.problem = signal("");
  }

  /** Begin again with the newest; what was loaded stays if it joins on. */
  restart(newest) {
    const kept = this.messages.peek();
    const first = newest[0]?.seq ?? Infinity;
    this.isKnown.value = true;
    this.newest = newest.at(-1)?.seq ?? 0;
    const isOlder = kept.length && kept[0].seq <= first && kept.at(-1).seq <= this.newest;
    if (isOlder && this.isPast.peek()) return;
    const isJoined = isOlder && kept.at(-1).seq >= first - 1;
    // Or another database.
    this.isPast.value = false;
    this.messages.value = isJoined ? merged(kept, newest) : newest;
    if (!isJoined) this.hasMore.value = newest.length > 0 && first > 1;
  }

  take(some) {
    const kept = this.messages.peek();
    const last = this.isPast.peek() ? kept.at(-1).seq : Infinity;
    const isNear = ({ seq }) => seq >= kept[0].seq && seq <= last;
    const wanted = kept.length ? some.filter(isNear) : some;
    this.newest = Math.max(this.newest, ...some.map((each) => each.seq));
    if (wanted.length) this.keep(merged(kept, wanted));
    if (!kept.length && wanted.length) this.hasMore.value = wanted[0].seq > 1;
  }

  keep(messages) {
    const isTooMany = messages.length > MOST_KEPT && isAtEnd.peek();
    this.messages.value = isTooMany ? messages.slice(-MOST_KEPT / 2) : messages;
    if (isTooMany) this.hasMore.value = true;
  }

  /** Put a stretch to what is there, or in its place where the two do not meet. */
  put({ messages, more }) {
    const kept = this.messages.peek();
    const [first, last] = [messages[0].seq, messages.at(-1).seq];
    const isMeeting = kept.length && first <= kept.at(-1).seq + 1 && last >= kept[0].seq - 1;
    if (!isMeeting || first < kept[0].seq) this.hasMore.value = more;
    this.messages.value = isMeeting ? merged(kept, messages) : messages;
    this.isPast.value = this.messages.peek().at(-1).seq < this.newest;
  }

  /** Load what lies before a message, unless `sought` is not in it. */
  async load(before, limit = PAGE, sought = null) {
    this.isLoading.value = true;
    this.problem.value = "";
    try {
      const path = roomPath(this.room, "history");
      const page = await get(`${path}?limit=${limit}&before=${before}`);
      const { messages } = page;
      if (sought ? messages.some(({ seq }) => seq === sought) : messages.length) this.put(page);
    } catch (error) {
      this.problem.value = error.message;
    }
    this.isLoading.value = false;
  }

  /** Load a page of older messages, if there are any. */
  async loadOlder() {
    if (this.hasMore.peek() && !this.isLoading.peek()) await this.load(this.messages.peek()[0].seq);
  }

  /** Load a page of newer messages, if there are any. */
  async loadNewer() {
    if (this.isPast.peek() && !this.isLoading.peek()) {
      await this.load(this.messages.peek().at(-1).seq + PAGE + 1);
    }
  }

  /** Have a message there, with what lies around it; false if it cannot be had. */
  async reach(seq) {
    const isThere = () => this.messages.peek().some((each) => each.seq === seq);
    if (isThere()) return true;
    const [{ seq: first }] = this.messages.peek();
    const gap = first - seq;
    const isNear = gap > 0 && gap < MOST_AT_ONCE;
    await this.load(isNear ? first : seq + PAGE / 2, isNear ? gap + PAGE / 2 : PAGE, seq);
    return isThere();
  }
}

// -- questions ------------------------------------------------------------------
// What became of a question: open, claimed, or answered. The relay's own list of who
// waits has the last word; this is for what that list does not hold, such as the
// operator's own questions and those of closed rooms.

export function isQuestion(message) {
  return message.from_kind !== "system" && message.expects_reply !== "none";
}

/** Every human answers to `operator`, whatever name they speak under. */
function goesBy({ from, from_kind }, name) {
  return isSameName(from, name) || (from_kind === "operator" && isSameName("operator", name));
}

function isPutTo({ from, to, expects_reply }, answer) {
  if (goesBy(answer, from)) return false;
  if (goesBy(answer, expects_reply)) return true;
  if (expects_reply !== "anyone") return false;
  if (isToAll(to) || answer.from_kind === "operator") return true;
  return [to].flat().some((name) => goesBy(answer, name));
}

/** A reply answers what it replies to; other words all whose asker hears them. */
function isAnswered(question, answer) {
  if (!isPutTo(question, answer)) return false;
  if (answer.reply_to) return answer.reply_to === question.seq;
  return isToAll(answer.to) || [answer.to].flat().some((name) => isSameName(name, question.from));
}

/** Map each answered question's seq to the message that answered it. */
function answersOf(messages) {
  const answers = new Map();
  let open = [];
  for (const message of messages) {
    if (message.from_kind !== "system") {
      open = open.filter((question) => {
        if (!isAnswered(question, message)) return true;
        answers.set(question.seq, message);
        return false;
      });
    }
    if (isQuestion(message)) open.push(message);
  }
  return answers;
}

/**
 * The state of a question, for a badge.
 *
 * @param {boolean|null} isWaiting what the relay says, `null` if it does not say
 */
export function stateOf(message, answer, isWaiting) {
  if (!isQuestion(message)) return null;
  const isTold = message.from_kind === "agent" && isWaiting !== null;
  if (isTold && isWaiting) return message.claimed_by ? "claimed" : "open";
  if (answer) return "answered";
  return message.claimed_by ? "claimed" : "open";
}
