// The page of a guest: the messages of one room, live, and a box for a guest that speaks.
//
// The code arrives in the fragment of the link, which is never sent to a server. It is
// kept in this tab alone, and taken out of the address bar. Texts and names are set as
// textContent: nothing that somebody has written is parsed as markup.

const STORED = "argy_guest";
const MOST_SHOWN = 500;
const WAIT_SECONDS = 25;
const MOST_PAUSE_SECONDS = 30;

const page = Object.fromEntries(
  [
    ...["room", "me", "messages", "status", "speak", "answering", "answered"],
    ...["cancel", "to", "text", "problem", "send"],
  ].map((id) => [id, document.getElementById(id)]),
);
const shown = new Map(); // the <li> of each message, by seq
const open = new Set(); // seqs of the questions that are shown as open
let code = null;
let me = null;
let repliesTo = null; // the message that the box answers
let pending = null; // {body, key} of a message whose answer was lost

/** An answer of the relay that is an error. */
class Refusal extends Error {
  constructor(status, detail, seconds) {
    super(detail);
    this.status = status;
    this.seconds = seconds;
  }
}

function takeCode() {
  const given = new URLSearchParams(location.hash.slice(1)).get("code");
  if (given) history.replaceState(null, "", location.pathname);
  try {
    if (given) sessionStorage.setItem(STORED, given);
    return given ?? sessionStorage.getItem(STORED);
  } catch {
    return given; // storage is blocked: the code lasts until the page is reloaded
  }
}

function forgetCode() {
  try {
    sessionStorage.removeItem(STORED);
  } catch {
    // Blocked, so nothing was stored.
  }
}

async function call(method, path, body, key) {
  const headers = { Authorization: `Bearer ${code}` };
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const response = await fetch(path, {
    method,
    headers,
    body: body ? JSON.stringify(body) : undefined,
    cache: "no-store",
    credentials: "omit",
  });
  const answer = await response.json();
  if (response.ok) return answer;
  const problem = answer.detail ?? {};
  throw new Refusal(response.status, problem.detail ?? "", problem.retry_after);
}

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

function say(text) {
  if (page.status.textContent !== text) page.status.textContent = text;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

const nameOf = (name) => make("bdi", "name", name);

function show(message) {
  const before = shown.get(message.seq);
  const item = document.createElement("li");
  const head = make("div", "guest-head", "");
  head.append(nameOf(message.from));
  if (message.from_kind !== "agent") head.append(make("span", "pill", message.from_kind));
  const to = [message.to].flat();
  if (to.join() !== "all") head.append(make("span", "meta", "to"), ...to.map(nameOf));
  const time = make("time", "meta", new Date(message.ts).toLocaleTimeString());
  time.dateTime = message.ts;
  head.append(make("span", "meta", `#${message.seq}`), time);
  if (message.reply_to) head.append(make("span", "meta", `answers #${message.reply_to}`));
  if (message.question) head.append(...asks(message));
  if (me.role === "person" && message.from_kind !== "system") head.append(replyButton(message));
  const text = make("p", "guest-text", message.text);
  text.dir = "auto";
  item.append(head, text);
  if (mayChoose(message)) item.append(choicesOf(message));
  if (isOpen(message)) open.add(message.seq);
  else open.delete(message.seq);
  if (before) before.replaceWith(item);
  else place(message.seq, item);
  shown.set(message.seq, item);
}

const isOpen = ({ question }) => ["open", "claimed"].includes(question?.state);

/** Return who is asked, and how the question stands. */
function asks(message) {
  const { state, by } = message.question;
  const said = state === "open" ? [] : [make("span", "meta", by ? `${state} by` : state)];
  if (said.length && by) said.push(nameOf(by));
  const tone = isOpen(message) ? "guest-asks" : "meta";
  return [make("span", tone, "asks"), nameOf(message.expects_reply), ...said];
}

/** Tell whether this guest is asked, and may take one of the answers offered. */
function mayChoose(message) {
  const asked = message.expects_reply.toLowerCase();
  const isMine = asked === "anyone" || asked === me.name.toLowerCase();
  const isOthers = message.question?.state === "claimed" && message.claimed_by !== me.name;
  return me.role === "person" && message.choices && isMine && isOpen(message) && !isOthers;
}

function choicesOf(message) {
  const row = make("div", "guest-choices", "");
  for (const choice of message.choices) {
    const button = make("button", "quiet", choice);
    button.type = "button";
    button.setAttribute("aria-label", `Answer message ${message.seq}: ${choice}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await post({ to: placeOf(message), reply_to: message.seq, choice });
      button.disabled = false;
    });
    row.append(button);
  }
  return row;
}

/** Ask how questions stand that are still shown as open, and that got a reply. */
async function refresh(messages) {
  for (const seq of new Set(messages.map((message) => message.reply_to))) {
    if (!open.has(seq)) continue;
    const thread = await call("GET", `messages/${seq}`);
    show(thread.message);
  }
}

function place(seq, item) {
  const list = page.messages;
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const later = [...shown.keys()].filter((other) => other > seq);
  const next = later.length ? shown.get(Math.min(...later)) : null;
  list.insertBefore(item, next);
  while (list.childElementCount > MOST_SHOWN) {
    const oldest = Math.min(...shown.keys());
    shown.get(oldest).remove();
    shown.delete(oldest);
    open.delete(oldest);
  }
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

function replyButton(message) {
  const button = make("button", "quiet", "Reply");
  button.type = "button";
  button.setAttribute("aria-label", `Reply to message ${message.seq}`);
  button.addEventListener("click", () => answer(message));
  return button;
}

function answer(message) {
  repliesTo = message;
  page.answering.hidden = message === null;
  if (message === null) return;
  page.answered.replaceChildren(`Answers #${message.seq} of `, nameOf(message.from));
  offer([message.from]);
  page.to.value = placeOf(message);
  page.text.focus();
}

/** Return whom an answer to a message goes to. */
const placeOf = (message) => ([message.to].flat().join() === "all" ? "all" : message.from);

function offer(names) {
  const known = new Set([...page.to.options].map((option) => option.value));
  for (const name of names) {
    if (known.has(name) || name === me.name) continue;
    page.to.append(new Option(name, name));
    known.add(name);
  }
}

async function offerPeers() {
  const { peers } = await call("GET", "peers");
  const names = peers.filter((peer) => peer.role !== "reader").map((peer) => peer.name);
  offer([...names, "operator"]);
}

async function send(event) {
  event.preventDefault();
  const body = { text: page.text.value, to: page.to.value };
  if (repliesTo !== null) body.reply_to = repliesTo.seq;
  if (!(await post(body))) return;
  page.text.value = "";
  answer(null);
}

/** Post a message, show it, and return whether the relay has it. */
async function post(body) {
  const same = pending && JSON.stringify(pending.body) === JSON.stringify(body);
  pending = same ? pending : { body, key: newKey() };
  page.send.disabled = true;
  page.problem.textContent = "";
  try {
    const { message } = await call("POST", "messages", body, pending.key);
    pending = null;
    show(message);
    page.messages.scrollTop = page.messages.scrollHeight;
    await refresh([message]).catch(() => {}); // the message itself is stored
    return true;
  } catch (error) {
    const isLost = !(error instanceof Refusal);
    page.problem.textContent = isLost
      ? "The relay cannot be reached. Send again; it will not be doubled."
      : error.message;
    return false;
  } finally {
    page.send.disabled = false;
  }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function follow(since) {
  let cursor = since;
  let failures = 0;
  let wait = 0; // the first answer, and the first after a failure, comes at once
  for (;;) {
    const began = performance.now();
    try {
      const poll = await call("GET", `messages?since=${cursor}&wait=${wait}`);
      cursor = poll.cursor;
      failures = 0;
      poll.messages.forEach(show);
      await refresh(poll.messages);
      const closed = poll.room_closed;
      say(closed ? `The room was closed by ${poll.room.closed_by}.` : "Live");
      page.send.disabled = closed;
      if (poll.retry_after) await pause(poll.retry_after);
      // An answer without news that comes at once would be asked for again at once.
      if (wait && !poll.messages.length && performance.now() - began < 1000) await pause(5);
      wait = WAIT_SECONDS;
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) throw error;
      failures += 1;
      wait = 0;
      say("The relay cannot be reached. Trying again …");
      const seconds = error.seconds ?? 2 ** Math.min(failures, 5);
      await pause(Math.min(seconds, MOST_PAUSE_SECONDS));
    }
  }
}

async function start() {
  code = takeCode();
  if (!code) {
    say("Open the link that you were given: it has the key to a room.");
    return;
  }
  me = await call("GET", "whoami");
  page.room.textContent = me.room;
  document.title = `${me.room} · Argybargy`;
  const speaks = me.role !== "reader";
  page.me.replaceChildren(speaks ? "You are " : "You are reading as ", nameOf(me.name));
  const { messages } = await call("GET", "history?limit=50");
  messages.forEach(show);
  page.messages.scrollTop = page.messages.scrollHeight;
  page.messages.ariaLive = "polite"; // from now on: the history is not read out
  if (speaks) {
    page.speak.hidden = false;
    page.speak.addEventListener("submit", send);
    page.cancel.addEventListener("click", () => answer(null));
    page.to.addEventListener("focus", () => offerPeers().catch(() => {}));
    await offerPeers();
  }
  await follow(messages.at(-1)?.seq ?? 0);
}

start().catch((error) => {
  page.speak.hidden = true;
  if (error instanceof Refusal && error.status === 401) {
    forgetCode();
    say("This link has ended, or was revoked. Ask for a new one.");
  } else {
    say(error.message || "The relay cannot be reached. Reload the page to try again.");
  }
});
