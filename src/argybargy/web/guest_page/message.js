// A message, and how its question stands, in words.
import { cx, html, memo } from "../dashboard/ui.js";
import { fullTime, isToAll, recipients, timeOfDay } from "../dashboard/format.js";
import { Icon } from "../dashboard/icons.js";
import { Markdown } from "../dashboard/markdown.js";
import { Palette } from "../dashboard/palette.js";
import { asksMe, isMe, mayAnswer } from "./room.js";
import { answerTo, chooseAnswer, sendingChoice } from "./write.js";

function showMessage(seq) {
  const node = document.getElementById(`m-${seq}`);
  node?.scrollIntoView({ block: "center" });
  node?.focus({ preventScroll: true });
}

/** A number that leads to its message, if that is loaded. */
function Seq({ seq }) {
  return html`<button type="button" class="seq" title="Go to this message" onClick=${() => showMessage(seq)}>#${seq}</button>`;
}

const Name = ({ name }) => html`<bdi class="name">${isMe(name) ? "you" : name}</bdi>`;

/** Say to whom the question is put. */
function Asked({ message }) {
  const who = message.expects_reply;
  if (isMe(message.from)) return html`You ask <bdi>${who}</bdi>`;
  if (isMe(who)) return html`<b>Asks you</b>`;
  return html`Asks <bdi>${who}</bdi>`;
}

/** Say how the question stands. */
function Standing({ message }) {
  const { state, by, seq, reason } = message.question;
  const holder = by ?? message.claimed_by;
  const answerSeq = seq && html`, <${Seq} seq=${seq} />`;
  if (state === "answered") return html`answered${by && html` by <${Name} name=${by} />`}${answerSeq}`;
  if (state === "withdrawn") {
    return html`withdrawn${by && html` by <${Name} name=${by} />`}${reason && html`: <bdi>${reason}</bdi>`}`;
  }
  if (state === "claimed") {
    return isMe(holder) ? "you have taken it on" : html`<bdi class="name">${holder}</bdi> has taken it on`;
  }
  return asksMe(message) ? "waits for your answer" : "waits for an answer";
}

function Question({ message }) {
  const isMine = mayAnswer(message);
  return html`<p class=${cx("guest-question", `is-${message.question.state}`, isMine && "is-mine")} data-state=${message.question.state}>
    <${Icon} name=${message.question.state === "answered" ? "check" : "ask"} size=${16} />
    <span><${Asked} message=${message} /> · <${Standing} message=${message} /></span>
  </p>`;
}

function Choices({ message }) {
  const isBusy = sendingChoice.value === message.seq;
  return html`<div class="guest-choices" role="group" aria-label=${`Answers to message ${message.seq}`}>
    ${message.choices.map(
      (choice) => html`<button
        type="button"
        key=${choice}
        disabled=${isBusy}
        aria-label=${`Answer message ${message.seq}: ${choice}`}
        onClick=${() => chooseAnswer(message, choice)}
      >
        <bdi>${choice}</bdi>
      </button>`,
    )}
  </div>`;
}

/** The colours of the agents, the same for as long as the page is open. */
const palette = new Palette();

function Head({ message, at }) {
  const { seq, from, from_kind, to, reply_to } = message;
  const kind = isMe(from) ? "you" : from_kind === "agent" ? "" : from_kind;
  return html`<header class="guest-head">
    <span
      class=${cx("guest-dot", from_kind === "agent" && "is-hued")}
      style=${from_kind === "agent" ? { "--hue": palette.markOf(from).hue } : undefined}
      aria-hidden="true"
    ></span>
    <bdi class="name">${from}</bdi>
    ${kind && kind !== from && html`<span class="pill">${kind}</span>`}
    ${!isToAll(to) && html`<span class="meta">to <bdi>${isMe(recipients(to)) ? "you" : recipients(to)}</bdi></span>`}
    ${reply_to && html`<span class="meta">answers <${Seq} seq=${reply_to} /></span>`}
    <span class="spring"></span>
    <span class="meta">#${seq}</span>
    <time class="meta" datetime=${message.ts} title=${fullTime(at)}>${timeOfDay(at)}</time>
  </header>`;
}

/** A message. `isAble` is set if the guest may write. */
export const Message = memo(function Message({ message, isAble }) {
  const at = Date.parse(message.ts);
  if (message.from_kind === "system") {
    return html`<p class="guest-event" id=${`m-${message.seq}`} tabindex="-1">
      <span class="meta">#${message.seq} · <time datetime=${message.ts} title=${fullTime(at)}>${timeOfDay(at)}</time></span>
      <bdi>${message.text}</bdi>
    </p>`;
  }
  const isMine = isAble && mayAnswer(message);
  const label = isMine ? "Answer" : "Reply";
  return html`<article
    class=${cx("guest-message", isMe(message.from) && "is-own")}
    id=${`m-${message.seq}`}
    tabindex="-1"
    aria-label=${`Message ${message.seq} from ${message.from}, ${timeOfDay(at)}`}
  >
    <${Head} message=${message} at=${at} />
    <${Markdown} text=${message.text} />
    ${message.choice && message.choice !== message.text && html`<p class="meta">Choice: <bdi>${message.choice}</bdi></p>`}
    ${message.question && html`<${Question} message=${message} />`}
    ${isMine && message.choices && html`<${Choices} message=${message} />`}
    ${isAble &&
    html`<button
      type="button"
      class=${cx("guest-reply", isMine ? "is-mine" : "quiet")}
      aria-label=${`${label} to message ${message.seq}`}
      onClick=${() => answerTo(message)}
    >
      <${Icon} name="reply" size=${16} />${label}
    </button>`}
  </article>`;
});
