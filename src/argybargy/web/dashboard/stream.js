// Keeps the state up to date: a stream while it can be had, polling while it cannot,
// and a growing pause while there is no answer at all. `connection` says which.
import { computed, effect, signal, untracked } from "./ui.js";
import { account, confirmSession, get, request } from "./api.js";
import { currentRoom } from "./route.js";
import { applyDelta, applyHello, applySnapshot, forgetAll } from "./state.js";

const HELLO_MS = 3_000;
const POLL_MS = 3_000;
const HIDDEN_POLL_MS = 30_000;
const STREAM_AGAIN_MS = 60_000;
/** A stream has held once it brought something this long after its hello. */
const HELD_MS = 5_000;
/** After this many streams in a row that did not hold, the page polls. */
const MOST_CUTS = 5;
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
const MESSAGES = 60;

/** `mode` is idle, connecting, live, polling, or offline; then `retryAt` says when. */
export const connection = signal({ mode: "idle", retryAt: 0, why: "" });

/** A stream that was cut, went silent, or brought what cannot be shown. */
class Trouble extends Error {
  constructor(why, isGreeted = true) {
    super(why);
    this.isGreeted = isGreeted;
  }
}

// Where to read on: { room, epoch, version }.
let place = null;
// Attempts since an update was taken: the pause grows with them.
let failures = 0;
// Streams in a row that were greeted and did not hold.
let cuts = 0;
// Aborts what is under way.
let current = null;
let wake = () => {};

function set(mode, more = {}) {
  connection.value = { mode, retryAt: 0, why: "", ...more };
}

function pause(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** Try again now, whatever the pause. */
export function retryNow() {
  wake();
}

/** Ask at once for what an own act changed, where nothing is pushed. */
export function refresh() {
  if (connection.peek().mode === "polling") wake();
}

// -- streaming --------------------------------------------------------------------

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** The room in view; none while the address names what cannot be one. */
function scope() {
  const room = currentRoom.peek();
  return room && NAME.test(room) ? room : null;
}

function wish() {
  const room = scope();
  const canResume = place && place.room === room && place.version !== null;
  const resume = canResume ? { epoch: place.epoch, version: place.version } : null;
  return { room, messages: MESSAGES, resume };
}

/** Read one stream to its end; returns the relay's bye. */
async function readStream() {
  const body = wish();
  const guard = new AbortController();
  current = guard;
  let patienceMs = HELLO_MS;
  let greetedAt = 0;
  let isAnswered = false;
  const giveUp = () => guard.abort(new Trouble("it went silent", greetedAt > 0));
  let timer = setTimeout(giveUp, patienceMs);
  try {
    const response = await request("POST", "admin/stream", { body, signal: guard.signal });
    isAnswered = true;
    for await (const line of linesOf(response.body)) {
      const frame = take(line, body);
      if (frame.keepalive_seconds) patienceMs = frame.keepalive_seconds * 2_500;
      if (frame.type === "hello") greetedAt = performance.now();
      clearTimeout(timer);
      timer = setTimeout(giveUp, patienceMs);
      if (frame.type === "bye") return frame;
      if (performance.now() - greetedAt >= HELD_MS) cuts = 0;
    }
    throw new Trouble("the connection was cut");
  } catch (error) {
    const { reason } = guard.signal;
    if (reason instanceof Trouble) throw reason;
    if (!isAnswered || isSettled(error) || error instanceof Trouble) throw error;
    throw new Trouble("the connection was cut");
  } finally {
    clearTimeout(timer);
    guard.abort();
  }
}

/** Apply a frame. Resuming before one that fails would only bring it again. */
function take(line, asked) {
  try {
    const frame = JSON.parse(line);
    apply(frame, asked);
    return frame;
  } catch (error) {
    place = null;
    throw new Trouble(`an update could not be shown (${error.message})`);
  }
}

/**
 * The hello moves no place: what it announces may never come. Nor does it end the
 * growing of the pauses, and the snapshot that belongs to it does not either: both can
 * be had from a connection that is cut at once, every time.
 */
function apply(frame, { room, resume }) {
  if (frame.type === "hello") {
    applyHello(frame);
    confirmSession();
    place = { room, epoch: frame.epoch, version: frame.resumed ? resume.version : null };
    set("live");
  } else if (frame.type === "snapshot") applySnapshot(frame);
  else if (frame.type === "delta") applyDelta(frame);
  if (frame.type === "delta" || frame.type === "keepalive") failures = 0;
  if (frame.type !== "hello") place.version = frame.version ?? place.version;
}

// -- polling ----------------------------------------------------------------------

async function pollForAWhile(why) {
  const until = Date.now() + STREAM_AGAIN_MS;
  place = null;
  while (account.peek().is !== "out" && Date.now() < until) {
    const room = scope();
    const state = await get(`admin/state${room ? `?room=${encodeURIComponent(room)}` : ""}`);
    if (room !== scope()) continue;
    const frame = snapshotOf(state, room);
    applyHello({ ...frame, relay_version: state.version, public_url: state.public_url });
    applySnapshot(frame);
    confirmSession();
    failures = 0;
    set("polling", { why });
    // The first answer chose a room.
    if (room !== scope()) continue;
    await pause(document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }
}

// -- the loop ---------------------------------------------------------------------

/** Whether something on the way holds streams back, or the relay has none. */
function isNoStream(error) {
  const isRefused = error.status === 404 || error.status === 405 || error.code === "busy";
  return isRefused || error instanceof Trouble;
}

const isSettled = (error) => error.name === "AbortError" || account.peek().is === "out";

/** Every way out of here that tries again has paused first. */
async function connectOnce() {
  try {
    const bye = await readStream();
    if (bye.reason === "session_ended") await get("admin/session");
    await backOff(`the relay says ${bye.reason}`, (bye.retry_after ?? 0) * 1_000);
  } catch (error) {
    if (isSettled(error)) return;
    if (error.isGreeted) await afterCut(error.message);
    else if (isNoStream(error)) await pollForAWhile("no stream comes through");
    else throw error;
  }
}

/** Pause, or poll where one stream after the other does not hold. */
async function afterCut(why) {
  cuts = Math.min(cuts + 1, MOST_CUTS);
  if (cuts < MOST_CUTS) await backOff(why);
  else await pollForAWhile(why);
}

async function backOff(why, leastMs = 0) {
  const ms = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] * (0.8 + 0.4 * Math.random());
  const waitMs = Math.max(ms, leastMs);
  failures += 1;
  set("offline", { retryAt: Date.now() + waitMs, why });
  await pause(waitMs);
}

/** Wait until a signal is as wanted. */
function until(isSo) {
  return new Promise((resolve) => {
    let stop = null;
    stop = effect(() => {
      if (!isSo()) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

async function run() {
  for (;;) {
    if (account.peek().is === "out") {
      set("idle");
      place = null;
      forgetAll();
      await until(() => account.value.is !== "out");
    }
    if (connection.peek().mode === "idle") set("connecting");
    try {
      await connectOnce();
    } catch (error) {
      if (isSettled(error)) continue;
      await backOff(error.message, (error.retryAfter ?? 0) * 1_000);
    }
  }
}

/** Keep the state up to date for as long as the page is open. */
export function startStream() {
  const isOut = computed(() => account.value.is === "out");
  effect(() => {
    currentRoom.value;
    isOut.value;
    untracked(() => {
      current?.abort();
      wake();
    });
  });
  window.addEventListener("online", retryNow);
  document.addEventListener("visibilitychange", () => {
    const { mode } = connection.peek();
    if (!document.hidden && (mode === "offline" || mode === "polling")) wake();
  });
  run();
}

// -- polled state as a frame ----------------------------------------------------
// What `GET /admin/state` answers, as the frame of a stream that says the same.

function cardOf(state, status, row) {
  const people = state.roster[status.name] ?? [];
  return {
    messages: 0,
    first_seq: 1,
    last_seq: 0,
    last_ts: null,
    created_at: null,
    ...row,
    room: status.name,
    status: status.status,
    closed_at: status.closed_at,
    closed_by: status.closed_by,
    online: people.filter((each) => each.online).length,
    members: people.length,
  };
}

/** The relay's time, as the rows' ages tell it. */
function timeOf(state) {
  const [row] = state.rooms;
  const ms = row ? Date.parse(row.last_ts) + row.seconds_since_last * 1000 : Date.now();
  return new Date(ms).toISOString();
}

export function snapshotOf(state, room) {
  const rows = new Map(state.rooms.map((row) => [row.room, row]));
  const statuses = Object.values(state.room_status);
  return {
    type: "snapshot",
    now: timeOf(state),
    max_idle_seconds: state.max_idle_seconds,
    room,
    rooms: statuses.map((status) => cardOf(state, status, rows.get(status.name))),
    waiting: state.waiting,
    codes: state.codes,
    roster: room ? (state.roster[room] ?? []) : [],
    messages: state.messages,
  };
}

// -- lines ----------------------------------------------------------------------
// Newline-delimited text out of a body that comes in pieces.

export async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield line;
  }
}
