// A message: its text, the state of its question, and what can be done with it.
import { cx, html, memo, useState } from "./ui.js";
import { sender } from "./api.js";
import { Avatar } from "./avatar.js";
import { nowMs, Timer } from "./clock.js";
import { hasHue, hueStyle } from "./colours.js";
import { replyTo, threadTarget } from "./drafts.js";
import {
  briefTime,
  fullTime,
  isSameName,
  isToAll,
  plural,
  recipients,
  shortMoment,
  timeOfDay,
} from "./format.js";
import { Icon } from "./icons.js";
import { linkOf, linkToEarlier, SeqLink } from "./links.js";
import { Inline, linesOf, Markdown } from "./markdown.js";
import { queueAnswer, rowOf } from "./outbox.js";
import { openThread } from "./panes.js";
import { isPending, Pending, Refused } from "./pending.js";
import { showPeer, showRoom } from "./route.js";
import { backAt, isSnoozed } from "./snooze.js";
import { isQuestion, isWaiting } from "./state.js";
import { namesYou } from "./status.js";
import { CopyButton } from "./widgets.js";

const FOLDED_LINES = 30;
const LONG_NAME = 18;
/** A quote is one line; the widest shows no more. */
const QUOTED_CHARS = 300;

// -- the state of a question ------------------------------------------------------

/** The one that should answer, resolved by the relay where "anyone" is only one. */
function askedOne(message) {
  const who = message.expects_reply_resolved ?? message.expects_reply;
  return who === "none" ? message.expects_reply : who;
}

/** Who is asked, in words. */
function Asked({ message }) {
  const who = askedOne(message);
  if (namesYou(who)) return "asks you";
  if (who.startsWith("can:")) return html`asks who can <bdi>${who.slice(4)}</bdi>`;
  return html`asks <bdi>${who}</bdi>`;
}

const STATES = {
  putOff: ({ until }) => html`<${Icon} name="clock" size=${14} /><span>put off until ${shortMoment(until, nowMs())}</span>`,
  open: ({ message, since }) => html`<${Icon} name="ask" size=${14} />
    <span>open · <${Asked} message=${message} /><span class="since"> · since ${shortMoment(since, nowMs())}</span></span>
    <${Timer} since=${since} />`,
  claimed: ({ message, question }) => {
    const until = question.until ?? message.claimed_until;
    return html`<${Icon} name="person" size=${14} />
      <span>
        claimed by <bdi>${question.by ?? message.claimed_by}</bdi>${until && ` until ${shortMoment(Date.parse(until), nowMs())}`}
      </span>`;
  },
  answered: ({ question, room }) => html`<${Icon} name="check" size=${14} />
    <span>
      answered${question.by && html` by <bdi>${question.by}</bdi>`}${question.seq && html` · <${SeqLink} room=${room} seq=${question.seq} />`}
    </span>`,
  withdrawn: ({ question }) => html`<${Icon} name="close" size=${14} />
    <span>
      withdrawn${question.by && html` by <bdi>${question.by}</bdi>`}${question.reason && html`: <bdi>${question.reason}</bdi>`}
    </span>`,
};

/** The state of a question in words, as the relay gives it. */
function Badge({ message, room }) {
  const { question } = message;
  const row = { room, seq: message.seq };
  const isPutOff = isWaiting(message) && isSnoozed(row);
  const State = STATES[isPutOff ? "putOff" : question?.state];
  if (!State) return null;
  return html`<span class=${`badge is-${isPutOff ? "put-off" : question.state}`} data-state=${question.state}>
    <${State} message=${message} question=${question} room=${room} since=${Date.parse(message.ts)} until=${backAt(row)} />
  </span>`;
}

function asksMe({ expects_reply: who, from_kind }) {
  if (from_kind === "operator") return false;
  return who.startsWith("can:") || isSameName(who, "anyone") || namesYou(who);
}

/** The answers that a question offers: buttons while it asks the operator. */
function Choices({ message, room, chosen }) {
  const isMine = isWaiting(message) && asksMe(message);
  if (!isMine) {
    return html`<ul class="msg-choices" aria-label="Choices">
      ${message.choices.map((each) => {
        const isChosen = each === chosen;
        return html`<li key=${each} class=${cx("choice-mark", isChosen && "is-chosen")}>
          ${isChosen && html`<${Icon} name="check" size=${14} />`}<bdi>${each}</bdi>
          ${isChosen && html`<span class="offscreen">chosen</span>`}
        </li>`;
      })}
    </ul>`;
  }
  return html`<div class="msg-choices" role="group" aria-label=${`Answer ${message.from}`}>
    ${message.choices.map(
      (each) => html`<button type="button" key=${each} disabled=${isPending(room, message.seq)} onClick=${() => queueAnswer(rowOf(room, message), { choice: each }, sender.value)}>
        <bdi>${each}</bdi>
      </button>`,
    )}
  </div>`;
}

// -- a message ------------------------------------------------------------------

function Head({ message, at, room }) {
  const kind = message.from_kind;
  // The label says who it is; the name only if it is another.
  const isPlain = kind === "operator" && isSameName(message.from, "operator");
  return html`<div class="msg-head">
    ${isPlain
      ? html`<span class="pill operator name">operator</span>`
      : hasHue(kind)
        ? html`<button
            type="button"
            class="name is-hued"
            title=${`What ${message.from} does, holds and asks`}
            style=${hueStyle(message.from)}
            onClick=${() => showPeer(message.from, room)}
          >
            <bdi>${message.from}</bdi>
          </button>`
        : html`<bdi class="name">${message.from}</bdi><span class="pill operator">operator</span>`}
    ${kind === "person" && html`<span class="pill" title="A person with a guest link">guest</span>`}
    <time datetime=${message.ts} title=${fullTime(at)}>${timeOfDay(at)}</time>
    <${SeqLink} room=${room} seq=${message.seq} title=${`Link to message ${message.seq}`} />
  </div>`;
}

function Quote({ message, quoted, room }) {
  const text = quoted ? quoted.text.slice(0, QUOTED_CHARS) : "an older message";
  return html`<button
    type="button"
    class="quote"
    title="Go to the message that this one replies to"
    onClick=${() => showRoom(room, message.reply_to)}
  >
    <${Icon} name="reply" size=${14} />
    <bdi class="name">${quoted ? quoted.from : `#${message.reply_to}`}</bdi>
    <span><${Inline} text=${text} /></span>
  </button>`;
}

function To({ to, peer }) {
  if (isToAll(to) || (peer && isSameName(recipients(to), peer))) return null;
  const name = recipients(to);
  const isOne = !Array.isArray(to) || to.length === 1;
  // Beside a long name there is no room for words.
  const isLong = name.length > LONG_NAME;
  return html`<span class=${cx("to", isLong && "is-long")} style=${isOne ? hueStyle(name) : undefined}>→ <bdi>${name}</bdi></span>`;
}

/** A long text begins folded; the browser's own search unfolds it where it finds something. */
function Text({ message, room }) {
  const [isOpen, setOpen] = useState(false);
  const isFolded = !isOpen && linesOf(message.text) > FOLDED_LINES;
  const text = html`<${Markdown} text=${message.text} room=${room} before=${message.seq} toNumber=${linkToEarlier} />`;
  const onScroll = ({ currentTarget }) => currentTarget.scrollTop > 0 && setOpen(true);
  if (!isFolded && !isOpen) return text;
  return html`<div class=${cx("long-text", isFolded && "is-folded")} onScroll=${isFolded ? onScroll : undefined}>
      ${text}
    </div>
    <button type="button" class="quiet unfold" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      ${isOpen ? "Show less" : "Show more"}
    </button>`;
}

function replyInThread(message) {
  threadTarget.value = message;
  // The composer for another message is another one, and rendered first.
  requestAnimationFrame(() => document.getElementById("thread-composer")?.focus());
}

function Actions({ message, room, at, isFirst, inThread }) {
  return html`<div class="msg-actions">
    ${!isFirst && html`<time datetime=${message.ts} title=${fullTime(at)}>${briefTime(at)}</time>`}
    <button
      type="button"
      class="quiet"
      aria-label="Reply"
      title=${inThread ? "Reply" : "Reply (r)"}
      onClick=${() => (inThread ? replyInThread(message) : replyTo(message))}
    >
      <${Icon} name="reply" size=${16} /><span>Reply</span>
    </button>
    ${!inThread &&
    html`<button
      type="button"
      class="quiet"
      title="Show this message with its replies"
      onClick=${() => openThread(room, message.seq)}
    >
      <${Icon} name="thread" size=${16} /><span>Thread</span>
    </button>`}
    <${CopyButton} text=${message.text} label="Copy" what="text" quiet />
    <${CopyButton} text=${linkOf(room, message.seq)} label="Link" what="to this message" icon="link" quiet />
  </div>`;
}

/**
 * The text of a system message, without what it tells agents to call: the operator has
 * buttons for that. The relay's own text stays as it is, for agents and for copies of it.
 */
function systemText(text) {
  return text
    .replace(/ ?\b(?:POST|GET|PUT|DELETE) \/\S*[^.]*\.(?=\s|$)/g, "")
    .trim();
}

function accessibleName(message) {
  const kind = message.from_kind === "agent" ? "" : ` (${message.from_kind})`;
  return `${message.from}${kind}, ${timeOfDay(Date.parse(message.ts))}, message ${message.seq}`;
}

/**
 * A message; `isFirst` is set on the first of a group by one sender, `replies` is the
 * number of replies in its thread, and `chosen` the choice that answered its question.
 */
export const Message = memo(function Message(props) {
  const { message, room, isFirst, isMarked, quoted, peer, replies = 0, chosen, inThread = false } = props;
  const at = Date.parse(message.ts);
  const id = `${inThread ? "t" : "m"}-${message.seq}`;
  if (message.from_kind === "system") {
    return html`<div class="event" id=${id} data-seq=${message.seq} tabindex="-1">
      <time datetime=${message.ts} title=${fullTime(at)}>${briefTime(at)}</time>
      <span>${systemText(message.text)} <${SeqLink} room=${room} seq=${message.seq} title=${`Link to message ${message.seq}`} /></span>
    </div>`;
  }
  return html`<article
    class=${cx("msg", isFirst && "is-first", isMarked && "is-marked", `from-${message.from_kind}`)}
    id=${id}
    data-seq=${message.seq}
    data-from=${message.from}
    aria-label=${accessibleName(message)}
    tabindex="-1"
  >
    <div class="gutter">
      ${isFirst
        ? html`<${Avatar} name=${message.from} kind=${message.from_kind} />`
        : html`<${SeqLink} room=${room} seq=${message.seq} title=${fullTime(at)} />`}
    </div>
    <div class="msg-body">
      ${isFirst && html`<${Head} message=${message} at=${at} room=${room} />`}
      ${message.reply_to && !inThread && html`<${Quote} message=${message} quoted=${quoted} room=${room} />`}
      <${To} to=${message.to} peer=${peer} />
      <${Text} message=${message} room=${room} />
      ${message.choices && html`<${Choices} message=${message} room=${room} chosen=${chosen} />`}
      ${isQuestion(message) && html`<${Badge} message=${message} room=${room} />`}
      ${isWaiting(message) &&
      html`<${Pending} room=${room} seq=${message.seq} /><${Refused} room=${room} seq=${message.seq} />`}
      ${replies > 0 &&
      html`<button type="button" class="quiet replies" onClick=${() => openThread(room, message.seq)}>
        <${Icon} name="reply" size=${14} />${plural(replies, "reply", "replies")}
      </button>`}
    </div>
    <${Actions} message=${message} room=${room} at=${at} isFirst=${isFirst} inThread=${inThread} />
  </article>`;
});
