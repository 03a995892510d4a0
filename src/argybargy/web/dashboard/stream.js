// The subscription to the relay's state: an NDJSON stream while one holds, polling where
// streams do not come through, and a growing back-off while the relay does not answer.
// `connection` tells the rest of the page which of these is the case.
//
// One loop (`run`) owns the connection, so there is never more than one stream or poll.
// Everybody else only aborts the active stream or ends the current pause.
import { computed, effect, signal, untracked } from "./ui.js";
import { auth, get, request } from "./api.js";
import { currentRoom } from "./route.js";
import { applyDelta, applyHello, applySnapshot, clearState } from "./state.js";

const HELLO_TIMEOUT_MS = 3_000;
const POLL_MS = 3_000;
const HIDDEN_POLL_MS = 30_000;
/** Time after which a polling page tries a stream again. */
const STREAM_RETRY_MS = 60_000;
/** A stream is stable once a frame arrives this long after its hello. */
const STABLE_MS = 5_000;
/** Number of unstable streams in a row after which the page polls. */
const MAX_UNSTABLE_STREAMS = 5;
const BACKOFF_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
/** Number of messages in a snapshot. */
const SNAPSHOT_MESSAGES = 60;

/**
 * `mode` is "idle", "connecting", "live", "polling" or "offline"; `retryAt` is the local
 * time of the next attempt while offline, `why` the reason for polling or being offline.
 */
export const connection = signal({ mode: "idle", retryAt: 0, why: "" });

/** A stream that was cut, fell silent, or brought a frame that could not be applied. */
class StreamError extends Error {
  constructor(why, hadHello = true) {
    super(why);
    this.hadHello = hadHello;
  }
}

// The mutable state of the subscription.
/** Where to resume: { room, epoch, version }, or null to begin with a snapshot. */
let resumePoint = null;
/** Attempts since the last delta, keepalive or poll: the index into the back-off. */
let failures = 0;
/** Streams in a row that ended before they were stable. */
let unstableStreams = 0;
/** Aborts the active stream. */
let activeStream = null;
/** Ends the current pause. */
let endPause = () => {};

function setConnection(mode, more = {}) {
  connection.value = { mode, retryAt: 0, why: "", ...more };
}

function pause(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    endPause = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** Reconnect now instead of waiting for the back-off to end. */
export function retryNow() {
  endPause();
}

/** Poll now, to show the effect of an own request. A live stream brings it by itself. */
export function refresh() {
  if (connection.peek().mode === "polling") endPause();
}

// -- streaming --------------------------------------------------------------------

const ROOM_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** The room to subscribe to; null while the address holds an invalid room name. */
function subscribedRoom() {
  const room = currentRoom.peek();
  return room && ROOM_NAME.test(room) ? room : null;
}

/** The body of the subscription: with a resume point only for the same room. */
function subscription() {
  const room = subscribedRoom();
  const canResume = resumePoint && resumePoint.room === room && resumePoint.version !== null;
  const resume = canResume ? { epoch: resumePoint.epoch, version: resumePoint.version } : null;
  return { room, messages: SNAPSHOT_MESSAGES, resume };
}

/**
 * Read one stream to its end; returns the relay's bye frame.
 *
 * Throws an AbortError when the page gave up the stream (another room, signed out), a
 * StreamError when it was cut or silent, and whatever the request was refused with.
 */
async function readStream() {
  const body = subscription();
  const controller = new AbortController();
  activeStream = controller;
  let silenceMs = HELLO_TIMEOUT_MS;
  let helloAt = 0;
  let hasResponse = false;
  // A connection can die silently (a sleeping laptop, a NAT that forgot it), and
  // fetch then waits without end: the missing keepalives are the only sign.
  const onSilence = () => controller.abort(new StreamError("it went silent", helloAt > 0));
  let timer = setTimeout(onSilence, silenceMs);
  try {
    const response = await request("POST", "admin/stream", { body, signal: controller.signal });
    hasResponse = true;
    for await (const line of linesOf(response.body)) {
      const frame = applyLine(line, body);
      // Two keepalives may be missing before the stream counts as dead.
      if (frame.keepalive_seconds) silenceMs = frame.keepalive_seconds * 2_500;
      if (frame.type === "hello") helloAt = performance.now();
      clearTimeout(timer);
      timer = setTimeout(onSilence, silenceMs);
      if (frame.type === "bye") return frame;
      if (performance.now() - helloAt >= STABLE_MS) unstableStreams = 0;
    }
    throw new StreamError("the connection was cut");
  } catch (error) {
    // Browsers differ in what they throw for an aborted body, so the reason decides.
    const { reason } = controller.signal;
    if (reason instanceof StreamError) throw reason;
    if (!hasResponse || isIntended(error) || error instanceof StreamError) throw error;
    throw new StreamError("the connection was cut");
  } finally {
    clearTimeout(timer);
    // Without this, a body that was not read to its end keeps its connection open.
    controller.abort();
  }
}

/** Parse and apply one line of the stream; returns the frame. */
function applyLine(line, subscribed) {
  try {
    const frame = JSON.parse(line);
    applyFrame(frame, subscribed);
    return frame;
  } catch (error) {
    // Resuming before this frame would bring it again: begin with a snapshot instead.
    resumePoint = null;
    throw new StreamError(`an update could not be shown (${error.message})`);
  }
}

/**
 * Apply one frame and advance the resume point.
 *
 * A hello does not advance it, since the frames it announces may never arrive. Neither a
 * hello nor its snapshot resets the back-off: a proxy that cuts every stream at once
 * delivers both every time, and the page would reconnect in a tight loop.
 */
function applyFrame(frame, { room, resume }) {
  if (frame.type === "hello") {
    applyHello(frame);
    resumePoint = { room, epoch: frame.epoch, version: frame.resumed ? resume.version : null };
    setConnection("live");
  } else if (frame.type === "snapshot") applySnapshot(frame);
  else if (frame.type === "delta") applyDelta(frame);
  if (frame.type === "delta" || frame.type === "keepalive") failures = 0;
  if (frame.type !== "hello") resumePoint.version = frame.version ?? resumePoint.version;
}

// -- polling ----------------------------------------------------------------------

/** Poll until it is time to try a stream again, or the operator is signed out. */
async function poll(why) {
  const end = Date.now() + STREAM_RETRY_MS;
  resumePoint = null;
  while (auth.peek().status !== "out" && Date.now() < end) {
    const room = subscribedRoom();
    const state = await get(`admin/state${room ? `?room=${encodeURIComponent(room)}` : ""}`);
    // Another room was chosen during the request.
    if (room !== subscribedRoom()) continue;
    const frame = snapshotOf(state, room);
    const { public_url, commands } = state;
    applyHello({ ...frame, relay_version: state.version, public_url, commands });
    applySnapshot(frame);
    failures = 0;
    setConnection("polling", { why });
    // The first list of rooms made the page choose one: load it at once.
    if (room !== subscribedRoom()) continue;
    await pause(document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }
}

// -- the connection loop ------------------------------------------------------------

/** Whether a proxy holds back the stream, or the relay has no stream to give. */
function isStreamUnavailable(error) {
  const isRefused = error.status === 404 || error.status === 405 || error.code === "busy";
  return isRefused || error instanceof StreamError;
}

/** Whether the page itself ended the connection: no failure, and no back-off. */
const isIntended = (error) => error.name === "AbortError" || auth.peek().status === "out";

/** Stream or poll once. Every path that leads to a retry pauses first. */
async function connectOnce() {
  try {
    const bye = await readStream();
    if (bye.reason === "session_ended") await get("admin/session");
    await backOff(`the relay says ${bye.reason}`, (bye.retry_after ?? 0) * 1_000);
  } catch (error) {
    if (isIntended(error)) return;
    if (error.hadHello) await afterUnstableStream(error.message);
    else if (isStreamUnavailable(error)) await poll("no stream comes through");
    else throw error;
  }
}

/** Back off, or poll when one stream after the other is cut. */
async function afterUnstableStream(why) {
  unstableStreams = Math.min(unstableStreams + 1, MAX_UNSTABLE_STREAMS);
  if (unstableStreams < MAX_UNSTABLE_STREAMS) await backOff(why);
  else await poll(why);
}

/** Go offline for the next back-off, with jitter so that tabs do not return in step. */
async function backOff(why, minMs = 0) {
  const jitter = 0.8 + 0.4 * Math.random();
  const ms = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] * jitter;
  const waitMs = Math.max(ms, minMs);
  failures += 1;
  setConnection("offline", { retryAt: Date.now() + waitMs, why });
  await pause(waitMs);
}

/** Wait until a condition on signals holds. */
function waitUntil(isTrue) {
  return new Promise((resolve) => {
    let stop = null;
    stop = effect(() => {
      if (!isTrue()) return;
      resolve();
      // The first run happens before `effect` has returned: `stop` is not set yet.
      queueMicrotask(() => stop());
    });
  });
}

async function run() {
  for (;;) {
    if (auth.peek().status === "out") {
      setConnection("idle");
      resumePoint = null;
      clearState();
      await waitUntil(() => auth.value.status !== "out");
    }
    if (connection.peek().mode === "idle") setConnection("connecting");
    try {
      await connectOnce();
    } catch (error) {
      if (isIntended(error)) continue;
      await backOff(error.message, (error.retryAfter ?? 0) * 1_000);
    }
  }
}

/** Keep the state up to date for as long as the page is open. */
export function startStream() {
  const isSignedOut = computed(() => auth.value.status === "out");
  effect(() => {
    // A subscription is for one room: another room, or signing out, ends it.
    currentRoom.value;
    isSignedOut.value;
    untracked(() => {
      activeStream?.abort();
      endPause();
    });
  });
  window.addEventListener("online", retryNow);
  document.addEventListener("visibilitychange", () => {
    const { mode } = connection.peek();
    if (!document.hidden && (mode === "offline" || mode === "polling")) endPause();
  });
  run();
}

// -- polled state as a snapshot -------------------------------------------------
// Translate the answer of `GET /admin/state` into the snapshot frame of a stream, so
// that the rest of the page knows only one form.

/** Whether an agent has been in a room, and hears nothing now. */
function isGoneDeaf({ role, sources, listening, online }) {
  return role === "agent" && String(sources) !== "code" && (listening ? listening === "not listening" : !online);
}

function roomCard(state, status, row) {
  const members = state.roster[status.name] ?? [];
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
    damped: status.damped,
    online: members.filter((each) => each.online).length,
    not_listening: status.status === "closed" ? [] : members.filter(isGoneDeaf).map((each) => each.name),
    members: members.length,
  };
}

/** The relay's clock, derived from the age of a row: the answer has no `now`. */
function relayTime(state) {
  const [row] = state.rooms;
  const ms = row ? Date.parse(row.last_ts) + row.seconds_since_last * 1000 : Date.now();
  return new Date(ms).toISOString();
}

export function snapshotOf(state, room) {
  const rows = new Map(state.rooms.map((row) => [row.room, row]));
  const statuses = Object.values(state.room_status);
  return {
    type: "snapshot",
    now: relayTime(state),
    max_idle_seconds: state.max_idle_seconds,
    room,
    rooms: statuses.map((status) => roomCard(state, status, rows.get(status.name))),
    waiting: state.waiting,
    codes: state.codes,
    roster: room ? (state.roster[room] ?? []) : [],
    messages: state.messages,
  };
}

// -- lines ----------------------------------------------------------------------

/** Split a streamed body into lines; chunks may end anywhere, even inside a character. */
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
