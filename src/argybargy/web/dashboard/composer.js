// Speaking in the room in view: a draft per room and agent, to whom, and who should
// answer.
import { html, useLayoutEffect, useRef, useState } from "./ui.js";
import { sender, speak } from "./api.js";
import { change, DEFAULT, draft, focusComposer, place, textAt, unreplied } from "./drafts.js";
import { addressed, isSameName, isToAll } from "./format.js";
import { Icon } from "./icons.js";
import { view } from "./route.js";
import { cardOf, follow, roster, takeOwnMessage } from "./state.js";
import { refresh } from "./stream.js";
import { isSendKey } from "./widgets.js";

const SENDER_CHARS = 16;

/** Whom the next message in this room is to; the open direct view decides. */
function addressee() {
  return view.value.peer ?? draft.value.to;
}

/** Who is expected to answer if nothing is chosen; the relay decides the same. */
function defaultExpects(to) {
  return isToAll(to) || Array.isArray(to) ? "none" : to;
}

/** Who may be asked to answer, besides nobody. */
function askable(to) {
  return isToAll(to) ? roster.value.map((row) => row.name) : [to].flat();
}

/** Who is chosen to answer, if that can be. */
function expectation() {
  const { expects } = draft.value;
  return ["anyone", "none", ...askable(addressee())].includes(expects) ? expects : DEFAULT;
}

function bodyOf(room) {
  const { text, replyTo: answered } = draft.peek();
  const expects = expectation();
  return {
    text,
    room,
    to: addressee(),
    sender: sender.value,
    ...(expects === DEFAULT ? {} : { expects_reply: expects }),
    ...(answered ? { reply_to: answered.seq } : {}),
  };
}

function options(rows, prefix) {
  return rows.map((row) => html`<option key=${row.name} value=${row.name}>${prefix}${row.name}</option>`);
}

function ToChoice() {
  const { peer } = view.value;
  const to = addressed(addressee());
  if (peer) return html`<span class="choice is-set" title="The direct view decides">to: ${peer}</span>`;
  const online = roster.value.filter((row) => row.online);
  const away = roster.value.filter((row) => !row.online);
  const isGone = to !== "all" && !roster.value.some((row) => isSameName(row.name, to));
  const choose = ({ target }) => {
    const answered = draft.peek().replyTo;
    const replyTo = answered && { ...answered, before: target.value };
    change(place.peek(), { to: target.value, expects: DEFAULT, replyTo });
  };
  return html`<select
    class=${to === "all" ? "choice" : "choice is-set"}
    aria-label="To whom"
    value=${to}
    onChange=${choose}
  >
    <option value="all">to: everyone</option>
    ${online.length > 0 && html`<optgroup label="Online">${options(online, "to: ")}</optgroup>`}
    ${away.length > 0 && html`<optgroup label="Away">${options(away, "to: ")}</optgroup>`}
    ${isGone && html`<option value=${to}>to: ${to}</option>`}
  </select>`;
}

function ExpectsChoice() {
  const to = addressee();
  const expects = expectation();
  const isSet = expects !== DEFAULT;
  const usual = defaultExpects(to);
  return html`<select
    class=${isSet ? "choice is-set" : "choice"}
    aria-label="Who should answer"
    value=${expects}
    onChange=${(event) => change(place.peek(), { expects: event.target.value })}
  >
    <option value=${DEFAULT}>expects: ${usual === "none" ? "no reply" : usual}</option>
    <option value="anyone">expects: anyone</option>
    ${askable(to).filter((name) => name !== usual).map(
      (name) => html`<option key=${name} value=${name}>expects: ${name}</option>`,
    )}
    ${usual !== "none" && html`<option value="none">expects: no reply</option>`}
  </select>`;
}

function SenderChoice() {
  const [isOpen, setOpen] = useState(false);
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
      event.target.value = ""; // which leaving the field takes for no change
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
    onClick=${() => setOpen(true)}
  >
    <span class="as">as </span><b>${sender.value}</b>
  </button>`;
}

function Replying() {
  const { replyTo: answered } = draft.value;
  if (!answered) return null;
  return html`<p class="replying">
    <${Icon} name="reply" size=${14} />
    <span>Answering <bdi class="name">${answered.from}</bdi>: ${answered.text}</span>
    <button
      type="button"
      class="plain"
      aria-label="Do not answer that message"
      onClick=${() => change(place.peek(), unreplied(draft.peek()))}
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
    const mine = draft.peek();
    if (isBusy || !mine.text.trim()) return;
    const at = place.peek();
    setBusy(true);
    setProblem({ room, text: "" });
    const body = bodyOf(room);
    change(at, { ...unreplied(mine), text: "", expects: DEFAULT });
    try {
      const { message } = await speak(body);
      takeOwnMessage(room, message);
      if (place.peek() === at) follow.value += 1;
      refresh();
    } catch (error) {
      change(at, { ...mine, text: [mine.text, textAt(at)].filter(Boolean).join("\n") });
      setProblem({ room, text: describe(error) });
    }
    setBusy(false);
    if (document.activeElement.matches("body, #composer, .send")) focusComposer();
  };
  return { send, isBusy, problem: problem.room === room ? problem.text : "" };
}

export function Composer() {
  const { room, peer } = view.value;
  const box = useRef(null);
  const { send, isBusy, problem } = useSend(room);
  const { text } = draft.value;
  const isClosed = cardOf(room)?.status === "closed";
  useLayoutEffect(() => grow(box.current), [text, room, peer]);
  const onKeyDown = (event) => {
    if (isSendKey(event)) send(event);
    if (event.key === "Escape" && draft.peek().replyTo) change(place.peek(), unreplied(draft.peek()));
  };
  const hint = `Message ${peer ? `@${peer}` : `#${room}`}${isClosed ? " (closed: only you can speak)" : ""}`;
  return html`<form class="composer" onSubmit=${send}>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <${Replying} />
    <div class="composer-box">
      <textarea
        id="composer"
        ref=${box}
        rows="1"
        aria-label=${hint}
        placeholder=${hint}
        value=${text}
        onInput=${(event) => change(place.peek(), { text: event.target.value })}
        onKeyDown=${onKeyDown}
      ></textarea>
      <div class="composer-foot">
        <${SenderChoice} />
        <${ToChoice} />
        <${ExpectsChoice} />
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
