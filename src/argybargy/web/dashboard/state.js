// The page's state: rooms, waiting questions, keys, roster and messages, as signals.
// Frames of the stream change it (stream.js), and so do the answers to own requests and
// loaded history. Components only read it.
import { batch, computed, signal } from "./ui.js";
import { get, roomPath } from "./api.js";
import { setClock } from "./clock.js";
import { noteOwn } from "./own.js";
import { currentRoom } from "./route.js";

export const isLoaded = signal(false);
export const relayInfo = signal({ version: "", publicUrl: "", maxIdleSeconds: 0, commands: {} });
// Each frame replaces the rows that it names. A row that did not change stays the same
// object, so a memoised component does not render again.
const roomCards = signal(new Map());
const waitingRows = signal(new Map());
const codeRows = signal(new Map());
const rosterRows = signal(new Map());
/** The room whose roster the page holds: after a change of room, the previous one. */
export const rosterRoom = signal(null);

export const rooms = computed(() => [...roomCards.value.values()].sort(byLastMessage));
export const waiting = computed(() =>
  [...waitingRows.value.values()].sort((one, other) => one.since - other.since),
);
/** The questions that ask the operator, as the relay decides; the rest are between agents. */
export const asksYou = computed(() => waiting.value.filter((row) => row.asks_you));
export const codes = computed(() =>
  [...codeRows.value.values()].sort((one, other) => one.created.localeCompare(other.created)),
);
export const roster = computed(() =>
  rosterRoom.value === currentRoom.value ? [...rosterRows.value.values()] : [],
);

function byLastMessage(one, other) {
  if (one.last_ts !== other.last_ts) return (other.last_ts ?? "") < (one.last_ts ?? "") ? -1 : 1;
  return one.room.localeCompare(other.room);
}

export function cardOf(room) {
  return roomCards.value.get(room) ?? null;
}

export function roomNames() {
  return rooms.value.map((card) => card.room);
}

/** The key of a question on the whole relay. */
export const keyOf = ({ room, seq }) => `${room} ${seq}`;

// -- rows -------------------------------------------------------------------------
// Frames carry ages in seconds. They become times here, so that the ages on the page can
// grow without another frame.

function timeBefore(now, seconds) {
  return seconds == null ? null : Math.round(now - seconds * 1000);
}

function waitingRow(row, now) {
  return { ...row, since: timeBefore(now, row.waiting_seconds) };
}

function rosterRow(row, now) {
  return {
    ...row,
    seenAt: timeBefore(now, row.seconds_since_seen),
    spokeAt: timeBefore(now, row.last_message_seconds),
  };
}

/** Copy a map with some rows replaced and others removed; the same map if none are. */
function withRows(current, rows, removed, keyOf) {
  if (!rows?.length && !removed?.length) return current;
  const next = new Map(current);
  for (const key of removed ?? []) next.delete(key);
  for (const row of rows ?? []) next.set(keyOf(row), row);
  return next;
}

function mapBy(rows, keyOf) {
  return new Map(rows.map((row) => [keyOf(row), row]));
}

// -- frames -----------------------------------------------------------------------

export function applyHello(frame) {
  setClock(frame.now);
  relayInfo.value = {
    version: frame.relay_version,
    publicUrl: frame.public_url,
    maxIdleSeconds: frame.max_idle_seconds,
    commands: frame.commands ?? {},
  };
}

/** How a command for the relay's own machine begins there: the relay knows how it was started. */
export const localCommand = (verb) => relayInfo.value.commands[verb] ?? `argybargy ${verb}`;

export function applySnapshot(frame) {
  const now = Date.parse(frame.now);
  batch(() => {
    setClock(frame.now);
    roomCards.value = mapBy(frame.rooms, (card) => card.room);
    waitingRows.value = mapBy(
      frame.waiting.map((row) => waitingRow(row, now)),
      keyOf,
    );
    codeRows.value = mapBy(frame.codes, (row) => row.key_id);
    rosterRows.value = mapBy(
      frame.roster.map((row) => rosterRow(row, now)),
      (row) => row.name,
    );
    rosterRoom.value = frame.room;
    if (frame.room) messageLog(frame.room).reset(frame.messages);
    for (const room of logs.keys()) if (!roomCards.value.has(room)) logs.delete(room);
    isLoaded.value = true;
  });
}

export function applyDelta(frame) {
  const now = Date.parse(frame.now);
  const { rooms_gone, codes_gone, roster_gone, waiting_gone } = frame;
  batch(() => {
    // A tunnel was opened or closed.
    if (frame.public_url) relayInfo.value = { ...relayInfo.value, publicUrl: frame.public_url };
    roomCards.value = withRows(roomCards.value, frame.rooms, rooms_gone, (card) => card.room);
    waitingRows.value = withRows(
      waitingRows.value,
      frame.waiting?.map((row) => waitingRow(row, now)),
      waiting_gone?.map(keyOf),
      keyOf,
    );
    codeRows.value = withRows(codeRows.value, frame.codes, codes_gone, (row) => row.key_id);
    rosterRows.value = withRows(
      rosterRows.value,
      frame.roster?.map((row) => rosterRow(row, now)),
      roster_gone,
      (row) => row.name,
    );
    for (const room of rooms_gone ?? []) removeRoom(room);
    mergeMessages(frame.messages ?? []);
  });
}

/** Remove what was shown of a deleted room; one of the same name may come later. */
function removeRoom(room) {
  logs.delete(room);
  waitingRows.value = new Map([...waitingRows.value].filter(([, row]) => row.room !== room));
}

function mergeMessages(messages) {
  for (const room of new Set(messages.map((message) => message.room))) {
    // The subscription is for one room: those of another would leave gaps in its log.
    if (room !== currentRoom.value) continue;
    messageLog(room).merge(messages.filter((message) => message.room === room));
  }
}

/** Show an own message at once; the stream brings the same one again, and it is merged. */
export function applyOwnMessage(room, message) {
  noteOwn(room, message.seq);
  if (room !== currentRoom.peek()) return;
  messageLog(room).merge([{ expects_reply_resolved: message.expects_reply, ...message, room }]);
}

/** Show the new status of a room at once, before the stream brings its card. */
export function applyRoomStatus(status) {
  const known = roomCards.value.get(status.name);
  const empty = {
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
  const next = { ...empty, ...known, status: status.status, closed_at, closed_by };
  roomCards.value = withRows(roomCards.value, [next], [], (each) => each.room);
}

/** Drop all data of the relay, after signing out. */
export function clearState() {
  batch(() => {
    for (const rows of [roomCards, waitingRows, codeRows, rosterRows]) rows.value = new Map();
    rosterRoom.value = null;
    logs.clear();
    isLoaded.value = false;
  });
}

// -- messages -------------------------------------------------------------------

const PAGE = 100;
/** A message this far before the loaded ones is reached by loading all in between. */
const MAX_BRIDGED_GAP = 400;
/** Bound on the messages of a room in memory, as a tab may be open for weeks. */
const MAX_MESSAGES = 4_000;

const logs = new Map();
/** Whether the timeline is scrolled to its end, and follows new messages. */
export const isAtEnd = signal(true);
/** Incremented to make the timeline scroll to its end. */
export const scrollToEnd = signal(0);

/** The message log of a room, created on first use. */
export function messageLog(room) {
  let log = logs.get(room);
  if (!log) logs.set(room, (log = new MessageLog(room)));
  return log;
}

/** Merge two lists by seq; the later version of a message wins. */
function merged(current, incoming) {
  const last = current.at(-1)?.seq ?? 0;
  // The usual case, new messages at the end, needs neither a map nor a sort.
  if (incoming.every((message, at) => message.seq > (incoming[at - 1]?.seq ?? last))) {
    return [...current, ...incoming];
  }
  const bySeq = new Map(current.map((message) => [message.seq, message]));
  for (const message of incoming) bySeq.set(message.seq, { ...bySeq.get(message.seq), ...message });
  return [...bySeq.values()].sort((one, other) => one.seq - other.seq);
}

/**
 * The loaded messages of one room: always one range without gaps.
 *
 * The range ends at the newest message, unless it is detached: after going to a message far
 * back, it ends there, and new messages are only counted (`newest`) until it reaches them.
 */
class MessageLog {
  constructor(room) {
    this.room = room;
    this.messages = signal([]);
    /** Whether a snapshot has arrived: before, an empty list means nothing. */
    this.isLoaded = signal(false);
    this.hasOlder = signal(false);
    this.isDetached = signal(false);
    /** The seq of the newest message of the room, loaded or not. */
    this.newest = 0;
    this.isLoading = signal(false);
    /** Why the last load failed. */
    this.problem = signal("");
  }

  /** Apply the newest messages of a snapshot; loaded older ones stay if they adjoin. */
  reset(newest) {
    const current = this.messages.peek();
    const first = newest[0]?.seq ?? Infinity;
    this.isLoaded.value = true;
    this.newest = newest.at(-1)?.seq ?? 0;
    // If the current range ends above the newest message, it is of another database.
    const isOlder =
      current.length && current[0].seq <= first && current.at(-1).seq <= this.newest;
    if (isOlder && this.isDetached.peek()) return;
    const isAdjoining = isOlder && current.at(-1).seq >= first - 1;
    this.isDetached.value = false;
    this.messages.value = isAdjoining ? merged(current, newest) : newest;
    if (!isAdjoining) this.hasOlder.value = newest.length > 0 && first > 1;
  }

  /** Merge new or changed messages that belong to the loaded range. */
  merge(incoming) {
    const current = this.messages.peek();
    const last = this.isDetached.peek() ? current.at(-1).seq : Infinity;
    const isInRange = ({ seq }) => seq >= current[0].seq && seq <= last;
    const accepted = current.length ? incoming.filter(isInRange) : incoming;
    this.newest = Math.max(this.newest, ...incoming.map((each) => each.seq));
    if (accepted.length) this.replace(merged(current, accepted));
    if (!current.length && accepted.length) this.hasOlder.value = accepted[0].seq > 1;
  }

  /** Set the messages; above the bound, drop the older half unless it may be in view. */
  replace(messages) {
    const isTooMany = messages.length > MAX_MESSAGES && isAtEnd.peek();
    this.messages.value = isTooMany ? messages.slice(-MAX_MESSAGES / 2) : messages;
    if (isTooMany) this.hasOlder.value = true;
  }

  /** Join a page of history to the range, or replace the range if they do not adjoin. */
  insertPage({ messages, more }) {
    const current = this.messages.peek();
    const [first, last] = [messages[0].seq, messages.at(-1).seq];
    const isAdjoining =
      current.length && first <= current.at(-1).seq + 1 && last >= current[0].seq - 1;
    if (!isAdjoining || first < current[0].seq) this.hasOlder.value = more;
    this.messages.value = isAdjoining ? merged(current, messages) : messages;
    this.isDetached.value = this.messages.peek().at(-1).seq < this.newest;
  }

  /** Load the page before a seq; ignore it if `required` is given and not in it. */
  async load(before, limit = PAGE, required = null) {
    this.isLoading.value = true;
    this.problem.value = "";
    try {
      const path = roomPath(this.room, "history");
      const page = await get(`${path}?limit=${limit}&before=${before}`);
      const { messages } = page;
      const isUseful = required ? messages.some(({ seq }) => seq === required) : messages.length;
      if (isUseful) this.insertPage(page);
    } catch (error) {
      this.problem.value = error.message;
    }
    this.isLoading.value = false;
  }

  /** Load a page of older messages, if there are any. */
  async loadOlder() {
    if (this.hasOlder.peek() && !this.isLoading.peek()) {
      await this.load(this.messages.peek()[0].seq);
    }
  }

  /** Load a page of newer messages, if the range is detached. */
  async loadNewer() {
    if (this.isDetached.peek() && !this.isLoading.peek()) {
      await this.load(this.messages.peek().at(-1).seq + PAGE + 1);
    }
  }

  /** Load a message and those around it; false if the relay does not have it. */
  async ensureLoaded(seq) {
    const isThere = () => this.messages.peek().some((each) => each.seq === seq);
    if (isThere()) return true;
    const [{ seq: first }] = this.messages.peek();
    const gap = first - seq;
    const isNear = gap > 0 && gap < MAX_BRIDGED_GAP;
    await this.load(isNear ? first : seq + PAGE / 2, isNear ? gap + PAGE / 2 : PAGE, seq);
    return isThere();
  }
}

// -- questions ------------------------------------------------------------------

/** Whether a message asks for an answer: the relay gives the state of each question. */
export function isQuestion(message) {
  return Boolean(message.question);
}

/** Whether a question still waits for its answer. */
export const isWaiting = ({ question }) => question?.state === "open" || question?.state === "claimed";
