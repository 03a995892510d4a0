// A message, and the badge with the state of a question: as the relay gives it.
import { cx, html, memo } from "./ui.js";
import { nowMs, Timer } from "./clock.js";
import { replyTo } from "./drafts.js";
import {
  briefTime,
  fullTime,
  hueOf,
  isSameName,
  isToAll,
  recipients,
  shortMoment,
  timeOfDay,
} from "./format.js";
import { Avatar, Icon } from "./icons.js";
import { Markdown } from "./markdown.js";
import { addressOf, showRoom } from "./route.js";
import { isQuestion } from "./state.js";
import { CopyButton } from "./widgets.js";

/** The agent that should answer, resolved by the relay where "anyone" is only one. */
function expectedReplier(message) {
  const who = message.expects_reply_resolved ?? message.expects_reply;
  return who === "none" ? message.expects_reply : who;
}

function LeaseEnd({ message }) {
  if (!message.claimed_until) return null;
  return html`<span class="until">until ${shortMoment(Date.parse(message.claimed_until), nowMs())}</span>`;
}

export function Badge({ message }) {
  const { state, by } = message.question ?? {};
  const since = Date.parse(message.ts);
  if (state === "answered" || state === "withdrawn") {
    return html`<span class="badge is-answered" data-state=${state}>
      <${Icon} name="check" size=${14} />${state}${by && html` · <bdi>${by}</bdi>`}
    </span>`;
  }
  if (state === "claimed") {
    return html`<span class="badge is-claimed" data-state="claimed">
      <${Icon} name="person" size=${14} />claimed · <bdi>${message.claimed_by}</bdi>
      <${LeaseEnd} message=${message} /><${Timer} since=${since} />
    </span>`;
  }
  if (state === "open") {
    return html`<span class="badge is-open" data-state="open">
      <${Icon} name="ask" size=${14} />expects · <bdi>${expectedReplier(message)}</bdi>
      <${Timer} since=${since} />
    </span>`;
  }
  return null;
}

// -- a message ------------------------------------------------------------------

function Head({ message, at }) {
  const isOperator = message.from_kind === "operator";
  return html`<div class="msg-head">
    <bdi class="name">${message.from}</bdi>
    ${isOperator && html`<span class="pill operator">operator</span>`}
    <time datetime=${message.ts} title=${fullTime(at)}>${timeOfDay(at)}</time>
  </div>`;
}

function Quote({ message, quoted, room }) {
  const text = quoted ? quoted.text : "an older message";
  return html`<button
    type="button"
    class="quote"
    title="Go to the message that this one replies to"
    onClick=${() => showRoom(room, message.reply_to)}
  >
    <${Icon} name="reply" size=${14} />
    <bdi class="name">${quoted ? quoted.from : `#${message.reply_to}`}</bdi>
    <span>${text}</span>
  </button>`;
}

function To({ to, peer }) {
  if (isToAll(to) || (peer && isSameName(recipients(to), peer))) return null;
  return html`<span class=${`to hue-${hueOf(recipients(to))}`}>→ <bdi>${recipients(to)}</bdi></span>`;
}

function Actions({ message, room }) {
  const link = location.origin + addressOf({ room, seq: message.seq });
  return html`<div class="msg-actions">
    <button type="button" class="quiet" aria-label="Reply" title="Reply (r)" onClick=${() => replyTo(message)}>
      <${Icon} name="reply" size=${16} />Reply
    </button>
    <${CopyButton} text=${message.text} label="Copy" what="text" quiet />
    <${CopyButton} text=${link} label="Link" what="to this message" quiet />
  </div>`;
}

function accessibleName(message) {
  const kind = message.from_kind === "agent" ? "" : ` (${message.from_kind})`;
  return `${message.from}${kind}, ${timeOfDay(Date.parse(message.ts))}`;
}

/** A message; `isFirst` is set on the first of a group by one sender. */
export const Message = memo(function Message(props) {
  const { message, room, isFirst, isMarked, quoted, peer } = props;
  const at = Date.parse(message.ts);
  if (message.from_kind === "system") {
    return html`<div class="event" id=${`m-${message.seq}`} data-seq=${message.seq} tabindex="-1">
      <time datetime=${message.ts} title=${fullTime(at)}>${briefTime(at)}</time>
      <span>${message.text}</span>
    </div>`;
  }
  return html`<article
    class=${cx("msg", isFirst && "is-first", isMarked && "is-marked", `from-${message.from_kind}`, `by-${hueOf(message.from)}`)}
    id=${`m-${message.seq}`}
    data-seq=${message.seq}
    data-from=${message.from}
    aria-label=${accessibleName(message)}
    tabindex="-1"
  >
    <div class="gutter">
      ${isFirst
        ? html`<${Avatar} name=${message.from} kind=${message.from_kind} />`
        : html`<time datetime=${message.ts} title=${fullTime(at)}>${briefTime(at)}</time>`}
    </div>
    <div class="msg-body">
      ${isFirst && html`<${Head} message=${message} at=${at} />`}
      ${message.reply_to && html`<${Quote} message=${message} quoted=${quoted} room=${room} />`}
      <${To} to=${message.to} peer=${peer} />
      <${Markdown} text=${message.text} />
      ${isQuestion(message) && html`<${Badge} message=${message} />`}
    </div>
    <${Actions} message=${message} room=${room} />
  </article>`;
});
