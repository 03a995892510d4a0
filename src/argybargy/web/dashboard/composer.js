// The composer: text, recipient, and who should answer.
import { html, useLayoutEffect, useRef, useState } from "./ui.js";
import { postMessage, sender } from "./api.js";
import {
  DEFAULT,
  draft,
  draftKey,
  draftText,
  focusComposer,
  updateDraft,
  withoutReply,
} from "./drafts.js";
import { isSameName, isToAll, recipients } from "./format.js";
import { Icon } from "./icons.js";
import { view } from "./route.js";
import { applyOwnMessage, cardOf, roster, scrollToEnd } from "./state.js";
import { refresh } from "./stream.js";
import { isSendKey } from "./widgets.js";

const SENDER_CHARS = 16;

/** The recipient of the next message: the agent of the direct view, else the draft's. */
function recipient() {
  return view.value.peer ?? draft.value.to;
}

/** The expected replier if none is chosen; the relay applies the same default. */
function defaultExpects(to) {
  return isToAll(to) || Array.isArray(to) ? "none" : to;
}

/** The agents that can be expected to answer. */
function possibleRepliers(to) {
  return isToAll(to) ? roster.value.map((row) => row.name) : [to].flat();
}

/** The chosen replier; the default once the choice no longer fits the recipient. */
function chosenReplier() {
  const { expects } = draft.value;
  return ["anyone", "none", ...possibleRepliers(recipient())].includes(expects) ? expects : DEFAULT;
}

function bodyOf(room) {
  const { text, replyTo: reply } = draft.peek();
  const expects = chosenReplier();
  return {
    text,
    room,
    to: recipient(),
    sender: sender.value,
    ...(expects === DEFAULT ? {} : { expects_reply: expects }),
    ...(reply ? { reply_to: reply.seq } : {}),
  };
}

function options(rows, prefix) {
  return rows.map((row) => html`<option key=${row.name} value=${row.name}>${prefix}${row.name}</option>`);
}

function ToChoice() {
  const { peer } = view.value;
  const to = recipients(recipient());
  if (peer) return html`<span class="choice is-set" title="Set by the direct view">to: ${peer}</span>`;
  const online = roster.value.filter((row) => row.online);
  const away = roster.value.filter((row) => !row.online);
  const isGone = to !== "all" && !roster.value.some((row) => isSameName(row.name, to));
  const choose = ({ target }) => {
    const reply = draft.peek().replyTo;
    const replyTo = reply && { ...reply, before: target.value };
    updateDraft(draftKey.peek(), { to: target.value, expects: DEFAULT, replyTo });
  };
  return html`<select
    class=${to === "all" ? "choice" : "choice is-set"}
    aria-label="Recipient"
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
  const to = recipient();
  const expects = chosenReplier();
  const isSet = expects !== DEFAULT;
  const usual = defaultExpects(to);
  return html`<select
    class=${isSet ? "choice is-set" : "choice"}
    aria-label="Who should answer"
    value=${expects}
    onChange=${(event) => updateDraft(draftKey.peek(), { expects: event.target.value })}
  >
    <option value=${DEFAULT}>expects: ${usual === "none" ? "no reply" : usual}</option>
    <option value="anyone">expects: anyone</option>
    ${possibleRepliers(to).filter((name) => name !== usual).map(
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
      event.target.value = ""; // the blur that follows commits an empty name as no change
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
    title="Change the name on your messages"
    onClick=${() => setOpen(true)}
  >
    <span class="as">as </span><b>${sender.value}</b>
  </button>`;
}

function Replying() {
  const { replyTo: reply } = draft.value;
  if (!reply) return null;
  return html`<p class="replying">
    <${Icon} name="reply" size=${14} />
    <span>Replying to <bdi class="name">${reply.from}</bdi>: ${reply.text}</span>
    <button
      type="button"
      class="plain"
      aria-label="Cancel the reply"
      onClick=${() => updateDraft(draftKey.peek(), withoutReply(draft.peek()))}
    >
      <${Icon} name="close" size=${14} />
    </button>
  </p>`;
}

/** Grow the text field with its text, up to two fifths of the window. */
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
    const sent = draft.peek();
    if (isBusy || !sent.text.trim()) return;
    const at = draftKey.peek();
    setBusy(true);
    setProblem({ room, text: "" });
    const body = bodyOf(room);
    // Clear the field before the request, so that typing can go on during a slow one.
    updateDraft(at, { ...withoutReply(sent), text: "", expects: DEFAULT });
    try {
      const { message } = await postMessage(body);
      applyOwnMessage(room, message);
      if (draftKey.peek() === at) scrollToEnd.value += 1;
      refresh();
    } catch (error) {
      // Put the text back, in front of what was typed in the meantime.
      updateDraft(at, { ...sent, text: [sent.text, draftText(at)].filter(Boolean).join("\n") });
      setProblem({ room, text: describe(error) });
    }
    setBusy(false);
    // The disabled button lost the focus; leave it alone if the operator has moved on.
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
    if (event.key === "Escape" && draft.peek().replyTo) updateDraft(draftKey.peek(), withoutReply(draft.peek()));
  };
  const hint = `Message ${peer ? `@${peer}` : `#${room}`}${isClosed ? " (closed: only you can post)" : ""}`;
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
        onInput=${(event) => updateDraft(draftKey.peek(), { text: event.target.value })}
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
