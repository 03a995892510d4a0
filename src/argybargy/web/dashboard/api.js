// Requests to the relay. Nothing else on the page calls `fetch`.
import { account, forgetSession } from "./account.js";

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
