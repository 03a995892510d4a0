// The relay's API: signing in, and requests. Only this module calls `fetch`.
import { signal } from "./ui.js";
import { localStore, onStored, persistedSignal, sessionStore } from "./storage.js";

// -- signing in -----------------------------------------------------------------
// The admin token and sign-in codes are never stored: both are exchanged for a session at
// once. Half of its secret is in an HttpOnly cookie, which no script can read; the other
// half is in the storage of this origin, and opens nothing alone. All tabs share both.
// Only a browser that refuses cookies gets the whole secret, into this tab's storage.

const KEY = "argy_session";
const ID_KEY = "argy_session_id";
const SIGN_OUT_KEY = "argy_signed_out";
/** The reason for being signed out after `signOut`. */
export const SIGNED_OUT = "You signed out.";

/**
 * Whether the operator is signed in. `status` is "in" or "out", `token` is what this page
 * keeps of the session's secret, `why` is the reason for being signed out.
 */
export const auth = signal(initialAuth());

function initialAuth() {
  const token = sessionStore.get(KEY) ?? localStore.get(KEY);
  return { status: token ? "in" : "out", token, why: "" };
}

/** Drop the session in all tabs. */
export function forgetSession(why) {
  // Before the session, so that the other tabs know why that is gone.
  if (why === SIGNED_OUT) localStore.set(SIGN_OUT_KEY, newKey());
  for (const store of [sessionStore, localStore]) {
    store.set(KEY, null);
    store.set(ID_KEY, null);
  }
  showSignedOut(why);
}

/** "ended" never replaces a better reason: requests under way at a sign-out are refused. */
function showSignedOut(why) {
  if (why === "ended" && auth.peek().status === "out") return;
  auth.value = { status: "out", token: null, why };
}

/** Sign out after a 401, unless another tab has signed in again meanwhile. */
function endSession(token) {
  const stored = localStore.get(KEY);
  if (auth.peek().token !== token) return;
  if (stored && stored !== token) auth.value = { status: "in", token: stored, why: "" };
  else forgetSession("ended");
}

/** Keep a new session in place of an earlier one of this browser, and end that. */
function keepSession({ session, cookie, id }) {
  const [store, other] = cookie ? [localStore, sessionStore] : [sessionStore, localStore];
  const earlier = store.get(ID_KEY);
  other.set(KEY, null);
  store.set(KEY, session);
  store.set(ID_KEY, id);
  auth.value = { status: "in", token: session, why: "" };
  if (earlier) remove(`admin/sessions/${earlier}`).catch(() => null); // it may have ended
}

/** Follow the other tabs: they sign in and out together. */
function followTabs() {
  onStored(SIGN_OUT_KEY, () => {
    sessionStore.set(KEY, null);
    showSignedOut(SIGNED_OUT);
  });
  onStored(KEY, (token) => {
    if (token) auth.value = { status: "in", token, why: "" };
    else if (!sessionStore.get(KEY)) showSignedOut("ended");
  });
}

/** Exchange a token or a code for a session. */
async function openSession(headers, body) {
  const fields = { ...body, cookie: navigator.cookieEnabled };
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

const WRONG_TOKEN = "This is not the admin token of this relay. Run argybargy token on its machine.";
const USED_LINK = "This sign-in link has been used, or is older than ten minutes: each works once.";
const NEW_LINK = "Run argybargy open on the relay's machine for a new one.";

/** Exchange a credential for a session; returns { ok, text } to show. */
async function outcomeOf(headers, body, ifRefused) {
  try {
    const { status, detail } = await openSession(headers, body);
    if (status < 300) return { ok: true, text: "Accepted." };
    if (status === 401) return { ok: false, text: ifRefused };
    return { ok: false, text: detail || `The relay answered ${status}.` };
  } catch {
    return { ok: false, text: "No answer: the relay cannot be reached." };
  }
}

const CODE = /^argy_o\d+_/;
const codeIn = (fragment) => new URLSearchParams(fragment).get("code");

/** Sign in with what was pasted: a sign-in link, its code, or the admin token. */
export async function signInWith(pasted) {
  const text = pasted.trim();
  if (!text) return { ok: false, text: "Paste a sign-in link or the admin token first." };
  const code = CODE.test(text) ? text : codeIn(text.split("#")[1] ?? "");
  if (code) return outcomeOf({}, { code }, `${USED_LINK} ${NEW_LINK}`);
  if (!/^[\x21-\x7e]+$/.test(text)) {
    return { ok: false, text: "This is not a sign-in link, a code or a token. Run argybargy open." };
  }
  return outcomeOf({ "X-Admin-Token": text }, {}, WRONG_TOKEN);
}

/** Exchange the sign-in code in the address, removing it before anything can leak it. */
async function signInFromAddress() {
  const code = codeIn(location.hash.slice(1));
  if (!code) return;
  history.replaceState(null, "", location.pathname + location.search);
  const outcome = await outcomeOf({}, { code }, USED_LINK);
  if (!outcome.ok && auth.peek().status !== "in") forgetSession(outcome.text);
}

/** Sign in by the address, now and when another link is opened in this tab. */
export function startSigningIn() {
  followTabs();
  window.addEventListener("hashchange", signInFromAddress);
  return signInFromAddress();
}

/** What must reach the relay before the session ends. */
let finish = async () => {};

export function beforeSigningOut(act) {
  finish = act;
}

/** End the session here and at the relay. */
export async function signOut() {
  await finish();
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

function headersFor(session, body, key, extra) {
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
export async function request(method, path, { body, key, headers, signal, keepalive } = {}) {
  let response;
  const { token } = auth.peek();
  try {
    response = await fetch(path, {
      method,
      signal: signal ?? AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      keepalive,
      headers: headersFor(token, body, key, headers),
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
  if (response.status === 401 && !headers) endSession(token);
  throw error;
}

export async function get(path) {
  return (await request("GET", path)).json();
}

export async function post(path, body = {}) {
  return (await request("POST", path, { body })).json();
}

/** Make an idempotency key. */
export function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** Post a message as the operator; `isLeaving` lets the request outlive the page. */
export async function say(body, key, isLeaving = false) {
  const said = { ...body, new: false }; // a room that was deleted meanwhile stays deleted
  const response = await request("POST", "admin/say", { body: said, key, keepalive: isLeaving });
  return response.json();
}

/** Withdraw a question: nobody needs to answer it. */
export function withdraw(room, seq, isLeaving = false) {
  return request("DELETE", roomPath(room, `messages/${seq}/question`), { keepalive: isLeaving });
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
    unconfirmed = { content, key: newKey() };
  }
  const answer = await say(body, unconfirmed.key);
  unconfirmed = { content: "", key: "" };
  return answer;
}

export async function remove(path) {
  return (await request("DELETE", path)).json().catch(() => null);
}

/** The path of a room's endpoint. */
export function roomPath(room, what) {
  return `admin/rooms/${encodeURIComponent(room)}/${what}`;
}
