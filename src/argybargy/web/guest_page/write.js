// Writing: the box, its draft, answers to questions and choices.
import { computed, html, signal } from "../dashboard/ui.js";
import { isToAll, recipients } from "../dashboard/format.js";
import { Icon } from "../dashboard/icons.js";
import { isSendKey, isTouch } from "../dashboard/widgets.js";
import { keep, visit } from "./link.js";
import { Unreachable, postMessage } from "./relay.js";
import { clearMark, isMe, loadPeople, me, merge, messages, people, refreshQuestions } from "./room.js";

const ALL = "all";
const NO_DRAFT = { text: "", to: ALL, replyTo: null, isAsking: null };

/** Text, recipient and reply target of what is being written, and whether it asks. */
export const draft = signal({ ...NO_DRAFT, text: visit.draft ?? "", replyTo: visit.answers ?? null });
/** The question whose choice is being sent. */
export const sendingChoice = signal(null);
const problem = signal("");
const isSending = signal(false);
/** What was sent last, for screen readers and for eyes. */
const told = signal("");

const target = computed(() => messages.value.find(({ seq }) => seq === draft.value.replyTo) ?? null);

function update(fields) {
  draft.value = { ...draft.value, ...fields };
  keep({ draft: draft.value.text, answers: draft.value.replyTo });
}

/** Start over with the draft of another link. */
export function resetDraft() {
  draft.value = { ...NO_DRAFT, text: visit.draft ?? "", replyTo: visit.answers ?? null };
  problem.value = "";
  told.value = "";
}

/** Return where an answer to a message goes: to all, or to those that it was between. */
function placeOf(message) {
  if (isToAll(message.to)) return ALL;
  return isMe(message.from) ? message.to : message.from;
}

/** Make the draft an answer to a message. */
export function answerTo(message) {
  update({ replyTo: message.seq, to: placeOf(message), isAsking: false });
  document.getElementById("text")?.focus();
}

function cancelReply() {
  update({ replyTo: null, to: ALL, isAsking: null });
  document.getElementById("text")?.focus();
}

const whyLost = (error) =>
  error instanceof Unreachable
    ? "The relay cannot be reached. Your text is kept. Send it again: it will not be doubled."
    : error.message;

/** Post a message and show it; returns whether the relay has it. */
async function post(body) {
  problem.value = "";
  told.value = "";
  try {
    const message = await postMessage(body);
    merge([message]);
    clearMark();
    told.value = `Sent as #${message.seq}.`;
  } catch (error) {
    problem.value = whyLost(error);
    return false;
  }
  // The message is stored. If this fails, the next poll brings how the questions stand.
  await refreshQuestions().catch(() => {});
  return true;
}

export async function chooseAnswer(message, choice) {
  if (sendingChoice.peek() !== null) return;
  sendingChoice.value = message.seq;
  await post({ to: placeOf(message), reply_to: message.seq, choice });
  sendingChoice.value = null;
}

/** Whether the draft asks for an answer: as chosen, else if it is to one peer. */
const isAsking = computed(() => {
  const { isAsking: chosen, to, replyTo } = draft.value;
  return chosen ?? (replyTo === null && to !== ALL);
});

async function send(event) {
  event?.preventDefault();
  const { text, to, replyTo } = draft.peek();
  if (!text.trim() || isSending.peek()) return;
  isSending.value = true;
  const asked = to === ALL || Array.isArray(to) ? "anyone" : to;
  const body = { text, to, expects_reply: isAsking.peek() ? asked : "none" };
  if (replyTo !== null) body.reply_to = replyTo;
  // What is typed while it is under way stays.
  if ((await post(body)) && draft.peek().text === text) update(NO_DRAFT);
  isSending.value = false;
}

function Replying() {
  const { replyTo } = draft.value;
  if (replyTo === null) return null;
  const message = target.value;
  return html`<p class="guest-replying">
    <${Icon} name="reply" size=${16} />
    <span>Answers #${replyTo}${message && html` of <bdi class="name">${message.from}</bdi>: <bdi>${message.text.slice(0, 200)}</bdi>`}</span>
    <button type="button" class="quiet" aria-label="Cancel the answer" onClick=${cancelReply}>Cancel</button>
  </p>`;
}

function To() {
  const { to } = draft.value;
  const names = people.value;
  const isOther = to !== ALL && !names.includes(to);
  return html`<span class="guest-to">
    <label for="to">To</label>
    <select
      id="to"
      value=${recipients(to)}
      onFocus=${() => loadPeople().catch(() => {}) /* the names known so far stay */}
      onChange=${(event) => update({ to: event.target.value, isAsking: null })}
    >
      <option value=${ALL}>everyone</option>
      ${isOther && html`<option value=${recipients(to)}>${recipients(to)}</option>`}
      ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select>
  </span>`;
}

/** The box to write in. */
export function WriteBox() {
  const { text } = draft.value;
  const rows = Math.min(8, Math.max(2, Math.ceil(text.length / 60), text.split("\n").length));
  const onKeyDown = (event) => {
    if (event.key === "Escape" && draft.peek().replyTo !== null) cancelReply();
    if (!isSendKey(event)) return;
    event.preventDefault();
    send();
  };
  return html`<form class="guest-write" aria-label="Write" onSubmit=${send}>
    <${Replying} />
    <div class="guest-options">
      <${To} />
      <label class="guest-ask">
        <input
          type="checkbox"
          checked=${isAsking.value}
          onChange=${(event) => update({ isAsking: event.target.checked })}
        />
        I need an answer
      </label>
    </div>
    <div class="guest-text">
      <textarea
        id="text"
        rows=${rows}
        maxlength="8000"
        dir="auto"
        aria-label="Message"
        placeholder=${`Write as ${me.value.name}`}
        value=${text}
        onInput=${(event) => update({ text: event.target.value })}
        onKeyDown=${onKeyDown}
      ></textarea>
      <button class="primary" disabled=${isSending.value || !text.trim()}>Send</button>
    </div>
    <p class="problem" role="alert">${problem.value}</p>
    <p class="hint" role="status">${told.value || (isTouch() ? "" : "Enter sends, Shift+Enter starts a new line.")}</p>
  </form>`;
}
