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
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
const MESSAGES = 60;

/** `mode` is idle, connecting, live, polling, or offline; then `retryAt` says when. */
export const connection = signal({ mode: "idle", retryAt: 0, why: "" });

/** Nothing came for too long: before the hello, or after it. */
class Silent extends Error {
  constructor(isGreeted = false) {
    super("it went silent");
    this.isGreeted = isGreeted;
  }
}

let place = null; // where to read on: { room, epoch, version }
let failures = 0;
let current = null; // aborts what is under way
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

/** Read one stream to its end; returns how long it asked us to wait. */
async function readStream() {
  const body = wish();
  const guard = new AbortController();
  current = guard;
  let patienceMs = HELLO_MS;
  let isGreeted = false;
  let timer = setTimeout(() => guard.abort(new Silent()), patienceMs);
  try {
    const response = await request("POST", "admin/stream", { body, signal: guard.signal });
    for await (const line of linesOf(response.body)) {
      const frame = JSON.parse(line);
      if (frame.keepalive_seconds) patienceMs = frame.keepalive_seconds * 2_500;
      isGreeted ||= frame.type === "hello";
      clearTimeout(timer);
      timer = setTimeout(() => guard.abort(new Silent()), patienceMs);
      if (frame.type === "bye") return frame;
      take(frame, body);
    }
    return { reason: "cut" };
  } catch (error) {
    throw guard.signal.reason instanceof Silent ? new Silent(isGreeted) : error;
  } finally {
    clearTimeout(timer);
    guard.abort();
  }
}

/** The hello moves no place: what it announces may never come. */
function take(frame, { room, resume }) {
  if (frame.type === "hello") {
    applyHello(frame);
    confirmSession();
    place = { room, epoch: frame.epoch, version: frame.resumed ? resume.version : null };
    failures = 0;
    set("live");
  } else if (frame.type === "snapshot") applySnapshot(frame);
  else if (frame.type === "delta") applyDelta(frame);
  if (frame.type !== "hello") place.version = frame.version;
}

// -- polling ----------------------------------------------------------------------

async function pollForAWhile() {
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
    set("polling");
    if (room !== scope()) continue; // the first answer chose a room
    await pause(document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }
}

// -- the loop ---------------------------------------------------------------------

/** Whether something on the way holds streams back, or the relay has none. */
function isNoStream(error) {
  if (error instanceof Silent) return !error.isGreeted;
  return error.status === 404 || error.status === 405 || error.code === "busy";
}

const isSettled = (error) => error.name === "AbortError" || account.peek().is === "out";

async function connectOnce() {
  try {
    const bye = await readStream();
    if (bye.reason === "session_ended") await get("admin/session");
    else if (bye.retry_after) await waitOffline(bye.retry_after * 1_000, "the relay is stopping");
    else if (bye.reason === "cut") await backOff("the connection was cut");
  } catch (error) {
    if (isSettled(error)) return;
    if (!isNoStream(error)) throw error;
    await pollForAWhile();
  }
}

async function waitOffline(ms, why) {
  set("offline", { retryAt: Date.now() + ms, why });
  await pause(ms);
}

async function backOff(why, leastMs = 0) {
  const ms = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] * (0.8 + 0.4 * Math.random());
  failures += 1;
  await waitOffline(Math.max(ms, leastMs), why);
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
