// One message: who, when, to whom, in answer to what, and what became of it.
import { cx, html, memo } from "./ui.js";
import { Avatar } from "./avatar.js";
import { Badge } from "./badge.js";
import { replyTo } from "./composer.js";
import { CopyButton } from "./copy.js";
import { addressed, fullTime, hueOf, isSameName, isToAll, timeOfDay } from "./format.js";
import { Icon } from "./icons.js";
import { Markdown } from "./markdown.js";
import { isQuestion } from "./questions.js";
import { addressOf, showRoom } from "./route.js";

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
    title="Go to the message that this answers"
    onClick=${() => showRoom(room, message.reply_to)}
  >
    <${Icon} name="reply" size=${14} />
    <bdi class="name">${quoted ? quoted.from : `#${message.reply_to}`}</bdi>
    <span>${text}</span>
  </button>`;
}

function To({ to, peer }) {
  if (isToAll(to) || (peer && isSameName(addressed(to), peer))) return null;
  return html`<span class=${`to hue-${hueOf(addressed(to))}`}>→ <bdi>${addressed(to)}</bdi></span>`;
}

function Actions({ message, room }) {
  const link = location.origin + addressOf({ room, seq: message.seq });
  return html`<div class="msg-actions">
    <button type="button" class="quiet" aria-label="Reply" title="Reply (r)" onClick=${() => replyTo(room, message)}>
      <${Icon} name="reply" size=${16} />Reply
    </button>
    <${CopyButton} text=${message.text} label="Copy" what="text" quiet />
    <${CopyButton} text=${link} label="Link" what="to this message" quiet />
  </div>`;
}

function label(message) {
  const kind = message.from_kind === "agent" ? "" : ` (${message.from_kind})`;
  return `${message.from}${kind}, ${timeOfDay(Date.parse(message.ts))}`;
}

/** A message; `isFirst` begins a group of one sender. */
export const Message = memo(function Message(props) {
  const { message, room, isFirst, isMarked, answer, quoted, peer } = props;
  const at = Date.parse(message.ts);
  if (message.from_kind === "system") {
    return html`<div class="event" id=${`m-${message.seq}`} data-seq=${message.seq} tabindex="-1">
      <time datetime=${message.ts} title=${fullTime(at)}>${timeOfDay(at)}</time>
      <span>${message.text}</span>
    </div>`;
  }
  return html`<article
    class=${cx("msg", isFirst && "is-first", isMarked && "is-marked", `from-${message.from_kind}`, `by-${hueOf(message.from)}`)}
    id=${`m-${message.seq}`}
    data-seq=${message.seq}
    data-from=${message.from}
    aria-label=${label(message)}
    tabindex="-1"
  >
    <div class="gutter">
      ${isFirst
        ? html`<${Avatar} name=${message.from} kind=${message.from_kind} />`
        : html`<time datetime=${message.ts} title=${fullTime(at)}>${timeOfDay(at)}</time>`}
    </div>
    <div class="msg-body">
      ${isFirst && html`<${Head} message=${message} at=${at} />`}
      ${message.reply_to && html`<${Quote} message=${message} quoted=${quoted} room=${room} />`}
      <${To} to=${message.to} peer=${peer} />
      <${Markdown} text=${message.text} />
      ${isQuestion(message) && html`<${Badge} message=${message} answer=${answer} room=${room} />`}
    </div>
    <${Actions} message=${message} room=${room} />
  </article>`;
});
