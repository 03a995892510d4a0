// What the page knows of the relay. Frames of the stream are the only thing that
// changes it, but for messages that a look back or an own post brought.
import { batch, computed, signal } from "./ui.js";
import { setClock } from "./clock.js";
import { hasRoom, log, logs } from "./log.js";
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
  const byRoom = Map.groupBy(messages, (message) => message.room);
  for (const [room, some] of byRoom) {
    if (room === currentRoom.value || hasRoom(room)) log(room).take(some);
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
