// Requests to the relay, as the guest.

const TIMEOUT_MS = 20_000;

/** A response of 400 or above, with the relay's own message. */
export class Refusal extends Error {
  constructor(status, body) {
    const detail = body?.detail ?? {};
    const fields = (detail.errors ?? []).map((each) => `${each.field}: ${each.problem}`);
    super(fields.join("; ") || detail.detail || `The relay answered ${status}.`);
    this.status = status;
    this.code = detail.error ?? "";
    this.seconds = detail.retry_after ?? null;
  }
}

/** A request without a usable response: the relay is down, or the network. */
export class Unreachable extends Error {
  constructor() {
    super("The relay cannot be reached.");
  }
}

let code = null;

export function useCode(given) {
  code = given;
}

/**
 * Make a request; returns the decoded body.
 *
 * Throws a Refusal, Unreachable, or an AbortError if `signal` ended it.
 */
export async function call(method, path, { body, key, signal, seconds = 0 } = {}) {
  const headers = { Authorization: `Bearer ${code}` };
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, seconds * 1000 + TIMEOUT_MS);
  signal?.addEventListener("abort", abort);
  let response;
  let answer;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body ? JSON.stringify(body) : undefined,
      cache: "no-store",
      credentials: "omit",
      signal: controller.signal,
    });
    answer = await response.json().catch(() => null);
  } catch {
    signal?.throwIfAborted();
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
  signal?.throwIfAborted();
  if (!response.ok) throw new Refusal(response.status, answer);
  if (answer === null) throw new Unreachable(); // a proxy answered in the relay's place
  return answer;
}

export const get = (path, more) => call("GET", path, more);

/** The last message without a response, and its idempotency key. */
let unconfirmed = { content: "", key: "" };

/** Post a message; the same one after a lost response is stored once. */
export async function postMessage(body) {
  const content = JSON.stringify(body);
  if (unconfirmed.content !== content) {
    unconfirmed = { content, key: crypto.getRandomValues(new Uint32Array(4)).join("-") };
  }
  const { message } = await call("POST", "messages", { body, key: unconfirmed.key });
  unconfirmed = { content: "", key: "" };
  return message;
}
