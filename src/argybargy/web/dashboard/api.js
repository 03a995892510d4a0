// The relay: who is signed in, and requests to it. Nothing else on the page calls `fetch`.
import { signal } from "./ui.js";
import { passing, remembered } from "./storage.js";

// -- signing in -----------------------------------------------------------------
// The admin token and sign-in codes pass through and are never kept: both are traded for
// a session at once. A session lives in sessionStorage, or behind https in a cookie that
// no script can read.

const KEY = "argy_session";
/** Why one is out who wished to be. */
export const LEFT = "You signed out.";
const isSecure = location.protocol === "https:";

/**
 * `is` is "in", "out" or "unknown" (a cookie that only the relay can see), `token` is
 * the session's where it is not in a cookie, `why` says how one came to be out.
 */
export const account = signal(atStart());

function atStart() {
  const token = passing.get(KEY);
  if (token) return { is: "in", token, why: "" };
  return { is: isSecure ? "unknown" : "out", token: null, why: "" };
}

/** Sign out here; `ended` is what the relay says, and gives way to any other reason. */
export function forgetSession(why) {
  passing.set(KEY, null);
  const { is } = account.peek();
  if (why === "ended" && is === "out") return;
  if (why === "ended" && is === "unknown") why = ""; // nobody had signed in
  account.value = { is: "out", token: null, why };
}

/** The relay has let a request pass: whatever the cookie is, it is good. */
export function confirmSession() {
  if (account.peek().is === "unknown") account.value = { is: "in", token: null, why: "" };
}

function keep(answer) {
  const token = answer.session ?? null;
  if (token) passing.set(KEY, token);
  account.value = { is: "in", token, why: "" };
}

async function trade(headers, body) {
  const wish = isSecure ? { ...body, cookie: true } : body;
  const response = await fetch("admin/session", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(wish),
    credentials: "same-origin",
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) keep(answer);
  return { status: response.status, detail: answer.detail?.detail ?? "" };
}

function explain({ status, detail }, whatToDo) {
  if (status < 300) return { ok: true, text: "Accepted." };
  if (status === 401) return { ok: false, text: `Rejected: the relay answered 401. ${whatToDo}` };
  return { ok: false, text: detail || `The relay answered ${status}.` };
}

/** Trade the admin token for a session; say how it went. */
export async function signInWithToken(token) {
  if (!token.trim()) return { ok: false, text: "Paste the admin token first." };
  if (!/^[\x21-\x7e]+$/.test(token.trim())) {
    return { ok: false, text: "Rejected: this cannot be a token. Run argybargy token." };
  }
  try {
    const outcome = await trade({ "X-Admin-Token": token.trim() }, {});
    return explain(outcome, "Run argybargy token on the relay's machine.");
  } catch {
    return { ok: false, text: "No answer: the relay cannot be reached." };
  }
}

/** Trade a sign-in code out of the address, which forgets it at once. */
async function signInFromAddress() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (!code) return;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    const outcome = await trade({}, { code });
    const told = explain(outcome, "Sign-in links work once and for ten minutes.");
    if (!told.ok && account.peek().is !== "in") forgetSession(told.text);
  } catch {
    forgetSession("No answer: the relay cannot be reached.");
  }
}

/** Sign in by the address, now and whenever a link is opened in this same tab. */
export function startSigningIn() {
  window.addEventListener("hashchange", signInFromAddress);
  return signInFromAddress();
}

/** End the session here and at the relay. */
export async function signOut() {
  const { token } = account.peek();
  const headers = token ? { "X-Admin-Session": token } : {};
  forgetSession(LEFT);
  await fetch("admin/session", { method: "DELETE", headers }).catch(() => null);
}

// -- the name to speak under ----------------------------------------------------
// The name that the operator speaks under. It is only a name: that the human speaks is
// marked by the relay.

export const sender = remembered(passing, "argy_sender", "operator");

// -- requests -------------------------------------------------------------------

const PATIENCE_MS = 20_000;

/** A refusal, with the relay's own words. */
export class ApiError extends Error {
  constructor(status, body) {
    const detail = body?.detail ?? {};
    const fields = (detail.errors ?? []).map((each) => `${each.field}: ${each.problem}`);
    super(fields.length ? fields.join("; ") : detail.detail || `The relay answered ${status}.`);
    this.status = status;
    this.code = detail.error ?? "";
    this.retryAfter = detail.retry_after ?? null;
  }
}

/** No answer at all. */
export class Unreachable extends Error {
  constructor() {
    super("The relay does not answer.");
    this.status = 0;
  }
}

function headersFor(body, key, extra) {
  const session = account.peek().token;
  return {
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    ...(session ? { "X-Admin-Session": session } : {}),
    ...(key ? { "Idempotency-Key": key } : {}),
    ...extra,
  };
}

/** Make a request and return the response, or throw what went wrong. */
export async function request(method, path, { body, key, headers, signal } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      signal: signal ?? AbortSignal.timeout(PATIENCE_MS),
      headers: headersFor(body, key, headers),
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "same-origin",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable();
  }
  if (response.ok) return response;
  const refusal = new ApiError(response.status, await response.json().catch(() => null));
  if (response.status === 401 && !headers) forgetSession("ended");
  throw refusal;
}

export async function get(path) {
  return (await request("GET", path)).json();
}

export async function post(path, body = {}) {
  return (await request("POST", path, { body })).json();
}

/** What was said last without an answer, and the key that says it once however often. */
let unsure = { words: "", key: "" };

/** Speak as the human. What the relay may have heard is not said twice. */
export async function speak(body) {
  const words = JSON.stringify(body);
  if (unsure.words !== words) {
    unsure = { words, key: crypto.getRandomValues(new Uint32Array(4)).join("-") };
  }
  const response = await request("POST", "admin/say", { body, key: unsure.key });
  unsure = { words: "", key: "" };
  return response.json();
}

export async function remove(path) {
  return (await request("DELETE", path)).json().catch(() => null);
}

/** The path of a room's endpoint. */
export function roomPath(room, what) {
  return `admin/rooms/${encodeURIComponent(room)}/${what}`;
}
