// Speaking in the room in view: a draft per room, to whom, and who should answer.
import { computed, html, signal, useLayoutEffect, useRef, useState } from "./ui.js";
import { sender } from "./account.js";
import { speak } from "./api.js";
import { isSameName, isToAll } from "./format.js";
import { Icon } from "./icons.js";
import { view } from "./route.js";
import { cardOf, roster, takeOwnMessage } from "./state.js";
import { passing, readJson } from "./storage.js";
import { refresh } from "./stream.js";
import { follow } from "./timeline.js";

const KEY = "argy_drafts";
const SENDER_CHARS = 16;
const DEFAULT = "default";

/** By room: the text, whom it is to, who should answer, what it answers. */
const drafts = signal(readJson(passing, KEY, {}));
const EMPTY = { text: "", to: "all", expects: DEFAULT, replyTo: null };

const place = computed(() => view.value.room);
const draft = computed(() => ({ ...EMPTY, ...drafts.value[place.value] }));

function change(room, fields) {
  drafts.value = { ...drafts.value, [room]: { ...EMPTY, ...drafts.value[room], ...fields } };
  const texts = Object.entries(drafts.value).filter(([, each]) => each.text);
  passing.set(KEY, JSON.stringify(Object.fromEntries(texts.map(([key, { text }]) => [key, { text }]))));
}

/** Whom the next message in this room is to; the open direct view decides. */
function addressee() {
  return view.value.peer ?? draft.value.to;
}

/** Who is expected to answer if nothing is chosen; the relay decides the same. */
function defaultExpects(to) {
  return to === "all" ? "none" : to;
}

export function focusComposer() {
  requestAnimationFrame(() => document.getElementById("composer")?.focus());
}

export function replyTo(room, message) {
  const { seq, from, text } = message;
  const isAgent = message.from_kind === "agent";
  const to = isAgent && !isToAll(message.to) ? from : "all";
  change(room, { replyTo: { seq, from, text: text.slice(0, 200) }, to });
  focusComposer();
}

/** An addressee belongs to a room: leaving the room forgets it. */
export function forgetAddressee(room) {
  if (drafts.peek()[room]) change(room, { to: "all", expects: DEFAULT, replyTo: null });
}

function bodyOf(room) {
  const { text, expects, replyTo: answered } = draft.peek();
  return {
    text,
    room,
    to: view.peek().peer ?? draft.peek().to,
    sender: sender.value,
    ...(expects === DEFAULT ? {} : { expects_reply: expects }),
    ...(answered ? { reply_to: answered.seq } : {}),
  };
}

function options(rows, prefix) {
  return rows.map((row) => html`<option key=${row.name} value=${row.name}>${prefix}${row.name}</option>`);
}

function ToChoice({ room }) {
  const { peer } = view.value;
  const to = addressee();
  if (peer) return html`<span class="choice is-set" title="The direct view decides">to: ${peer}</span>`;
  const online = roster.value.filter((row) => row.online);
  const away = roster.value.filter((row) => !row.online);
  const isGone = to !== "all" && !roster.value.some((row) => isSameName(row.name, to));
  return html`<select
    class=${to === "all" ? "choice" : "choice is-set"}
    aria-label="To whom"
    value=${to}
    onChange=${(event) => change(room, { to: event.target.value, expects: DEFAULT })}
  >
    <option value="all">to: everyone</option>
    ${online.length > 0 && html`<optgroup label="Online">${options(online, "to: ")}</optgroup>`}
    ${away.length > 0 && html`<optgroup label="Away">${options(away, "to: ")}</optgroup>`}
    ${isGone && html`<option value=${to}>to: ${to}</option>`}
  </select>`;
}

function ExpectsChoice({ room }) {
  const to = addressee();
  const { expects } = draft.value;
  const names = to === "all" ? roster.value.map((row) => row.name) : [to];
  const isSet = expects !== DEFAULT;
  const usual = defaultExpects(to);
  return html`<select
    class=${isSet ? "choice is-set" : "choice"}
    aria-label="Who should answer"
    value=${expects}
    onChange=${(event) => change(room, { expects: event.target.value })}
  >
    <option value=${DEFAULT}>expects: ${usual === "none" ? "no reply" : usual}</option>
    <option value="anyone">expects: anyone</option>
    ${names.filter((name) => name !== usual).map(
      (name) => html`<option key=${name} value=${name}>expects: ${name}</option>`,
    )}
    ${usual !== "none" && html`<option value="none">expects: no reply</option>`}
  </select>`;
}

function SenderChoice() {
  const [isOpen, setOpen] = useState(false);
  const button = useRef(null);
  const commit = (event) => {
    sender.value = event.target.value.trim() || sender.value;
    setOpen(false);
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      commit(event);
    }
    if (event.key === "Escape") {
      event.stopPropagation();
      setOpen(false);
    }
  };
  if (isOpen) {
    return html`<input
      class="choice sender"
      aria-label="Speak as"
      maxlength=${SENDER_CHARS}
      defaultValue=${sender.value}
      ref=${(node) => node?.select()}
      onBlur=${commit}
      onKeyDown=${onKeyDown}
    />`;
  }
  return html`<button
    type="button"
    class="choice"
    aria-label=${`as ${sender.value}`}
    title="Change the name you speak under"
    ref=${button}
    onClick=${() => setOpen(true)}
  >
    <span class="as">as </span><b>${sender.value}</b>
  </button>`;
}

function Replying({ room }) {
  const { replyTo: answered } = draft.value;
  if (!answered) return null;
  return html`<p class="replying">
    <${Icon} name="reply" size=${14} />
    <span>Answering <bdi class="name">${answered.from}</bdi>: ${answered.text}</span>
    <button
      type="button"
      class="plain"
      aria-label="Do not answer that message"
      onClick=${() => change(room, { replyTo: null })}
    >
      <${Icon} name="close" size=${14} />
    </button>
  </p>`;
}

function grow(node) {
  if (!node) return;
  node.style.height = "auto";
  node.style.height = `${Math.min(node.scrollHeight, innerHeight * 0.4)}px`;
}

function describe(error) {
  return error.status
    ? `Send failed — ${error.message}`
    : "Send failed — the relay does not answer. Your text is kept. Try again.";
}

function useSend(room) {
  const [problem, setProblem] = useState({ room, text: "" });
  const [isBusy, setBusy] = useState(false);
  const send = async (event) => {
    event?.preventDefault();
    if (isBusy || !draft.peek().text.trim()) return;
    setBusy(true);
    setProblem({ room, text: "" });
    try {
      const { message } = await speak(bodyOf(room));
      change(room, { text: "", replyTo: null, expects: DEFAULT });
      takeOwnMessage(room, message);
      follow.value += 1;
      refresh();
    } catch (error) {
      setProblem({ room, text: describe(error) });
    }
    setBusy(false);
    focusComposer();
  };
  return { send, isBusy, problem: problem.room === room ? problem.text : "" };
}

export function Composer() {
  const { room, peer } = view.value;
  const box = useRef(null);
  const { send, isBusy, problem } = useSend(room);
  const { text } = draft.value;
  const isClosed = cardOf(room)?.status === "closed";
  useLayoutEffect(() => grow(box.current), [text, room]);
  const onKeyDown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
    if (event.key === "Escape" && draft.peek().replyTo) change(room, { replyTo: null });
  };
  const hint = `Message ${peer ? `@${peer}` : `#${room}`}${isClosed ? " (closed: only you can speak)" : ""}`;
  return html`<form class="composer" onSubmit=${send}>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <${Replying} room=${room} />
    <div class="composer-box">
      <textarea
        id="composer"
        ref=${box}
        rows="1"
        aria-label=${hint}
        placeholder=${hint}
        enterkeyhint="send"
        value=${text}
        onInput=${(event) => change(room, { text: event.target.value })}
        onKeyDown=${onKeyDown}
      ></textarea>
      <div class="composer-foot">
        <${SenderChoice} />
        <${ToChoice} room=${room} />
        <${ExpectsChoice} room=${room} />
        <span class="spring"></span>
        <span class="composer-hint">Shift+Enter for a new line</span>
        <button
          type="submit"
          class=${text.trim() ? "send is-ready" : "send"}
          aria-label="Send"
          disabled=${isBusy}
        >
          <${Icon} name="send" />
        </button>
      </div>
    </div>
  </form>`;
}
