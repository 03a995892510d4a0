// The relay's API: signing in, and requests. Only this module calls `fetch`.
import { signal } from "./ui.js";
import { persistedSignal, sessionStore } from "./storage.js";

// -- signing in -----------------------------------------------------------------
// The admin token and sign-in codes are never stored: both are exchanged for a session at
// once. The session is kept in sessionStorage, or over https in an HttpOnly cookie.

const KEY = "argy_session";
/** The reason for being signed out after `signOut`. */
export const SIGNED_OUT = "You signed out.";
const isSecure = location.protocol === "https:";

/**
 * Whether the operator is signed in. `status` is "in", "out" or "unknown" (over https at
 * the start: only the relay can see the cookie), `token` is the session unless a cookie
 * holds it, `why` is the reason for being signed out.
 */
export const auth = signal(initialAuth());

function initialAuth() {
  const token = sessionStore.get(KEY);
  if (token) return { status: "in", token, why: "" };
  return { status: isSecure ? "unknown" : "out", token: null, why: "" };
}

/**
 * Drop the session in this tab. "ended" is the reason after a 401; it never replaces a
 * better one, because requests that were under way at a sign-out are refused after it.
 */
export function forgetSession(why) {
  sessionStore.set(KEY, null);
  const { status } = auth.peek();
  if (why === "ended" && status === "out") return;
  if (why === "ended" && status === "unknown") why = ""; // there was no cookie
  auth.value = { status: "out", token: null, why };
}

/** Note that the relay accepted a request: the cookie, if unknown, is valid. */
export function confirmSession() {
  if (auth.peek().status === "unknown") auth.value = { status: "in", token: null, why: "" };
}

function keepSession(answer) {
  const token = answer.session ?? null;
  if (token) sessionStore.set(KEY, token);
  auth.value = { status: "in", token, why: "" };
}

/** Exchange a token or a code for a session. */
async function openSession(headers, body) {
  const fields = isSecure ? { ...body, cookie: true } : body;
  const response = await fetch("admin/session", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(fields),
    credentials: "same-origin",
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) keepSession(answer);
  return { status: response.status, detail: answer.detail?.detail ?? "" };
}

function outcomeOf({ status, detail }, whatToDo) {
  if (status < 300) return { ok: true, text: "Accepted." };
  if (status === 401) return { ok: false, text: `Rejected: the relay answered 401. ${whatToDo}` };
  return { ok: false, text: detail || `The relay answered ${status}.` };
}

/** Exchange the admin token for a session; returns { ok, text } to show. */
export async function signInWithToken(token) {
  if (!token.trim()) return { ok: false, text: "Paste the admin token first." };
  if (!/^[\x21-\x7e]+$/.test(token.trim())) {
    return { ok: false, text: "Rejected: this is not a token. Run argybargy token." };
  }
  try {
    const outcome = await openSession({ "X-Admin-Token": token.trim() }, {});
    return outcomeOf(outcome, "Run argybargy token on the relay's machine.");
  } catch {
    return { ok: false, text: "No answer: the relay cannot be reached." };
  }
}

/** Exchange the sign-in code in the address, removing it before anything can leak it. */
async function signInFromAddress() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (!code) return;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    const answer = await openSession({}, { code });
    const outcome = outcomeOf(answer, "Sign-in links work once and for ten minutes.");
    if (!outcome.ok && auth.peek().status !== "in") forgetSession(outcome.text);
  } catch {
    forgetSession("No answer: the relay cannot be reached.");
  }
}

/** Sign in by the address, now and when another link is opened in this tab. */
export function startSigningIn() {
  window.addEventListener("hashchange", signInFromAddress);
  return signInFromAddress();
}

/** End the session here and at the relay. */
export async function signOut() {
  const { token } = auth.peek();
  const headers = token ? { "X-Admin-Session": token } : {};
  forgetSession(SIGNED_OUT);
  await fetch("admin/session", { method: "DELETE", headers }).catch(() => null);
}

// -- the operator's name --------------------------------------------------------
// The name shown with the operator's messages. It proves nothing: the relay itself marks
// them with `"from_kind": "operator"`.

export const sender = persistedSignal(sessionStore, "argy_sender", "operator");

// -- requests -------------------------------------------------------------------

const REQUEST_TIMEOUT_MS = 20_000;

/** A response of 400 or above, with the relay's own message. */
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

/** A request without a response: the relay is down, or the network. */
export class Unreachable extends Error {
  constructor() {
    super("The relay does not answer.");
    this.status = 0;
  }
}

function headersFor(body, key, extra) {
  const session = auth.peek().token;
  return {
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    ...(session ? { "X-Admin-Session": session } : {}),
    ...(key ? { "Idempotency-Key": key } : {}),
    ...extra,
  };
}

/**
 * Make a request; returns the response.
 *
 * Throws an ApiError for a refusal, Unreachable without a response, and an AbortError if
 * the caller's signal aborted it. A 401 signs the tab out, unless the request carried a
 * credential of its own: then that one is wrong, not the session.
 */
export async function request(method, path, { body, key, headers, signal } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      signal: signal ?? AbortSignal.timeout(REQUEST_TIMEOUT_MS),
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
  const error = new ApiError(response.status, await response.json().catch(() => null));
  if (response.status === 401 && !headers) forgetSession("ended");
  throw error;
}

export async function get(path) {
  return (await request("GET", path)).json();
}

export async function post(path, body = {}) {
  return (await request("POST", path, { body })).json();
}

/** The last message without a response, and its idempotency key. */
let unconfirmed = { content: "", key: "" };

/**
 * Post a message as the operator. The same message after a lost response is sent with the
 * same idempotency key, so the relay stores it once.
 */
export async function postMessage(body) {
  const content = JSON.stringify(body);
  if (unconfirmed.content !== content) {
    unconfirmed = { content, key: crypto.getRandomValues(new Uint32Array(4)).join("-") };
  }
  const said = { ...body, new: false }; // a room that was deleted meanwhile stays deleted
  const response = await request("POST", "admin/say", { body: said, key: unconfirmed.key });
  unconfirmed = { content: "", key: "" };
  return response.json();
}

export async function remove(path) {
  return (await request("DELETE", path)).json().catch(() => null);
}

/** The path of a room's endpoint. */
export function roomPath(room, what) {
  return `admin/rooms/${encodeURIComponent(room)}/${what}`;
}
