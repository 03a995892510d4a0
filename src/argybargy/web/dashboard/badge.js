// What became of a question, in three states that look different: open, claimed, and
// answered.
import { html } from "./ui.js";
import { nowMs, Timer } from "./clock.js";
import { shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { stateOf } from "./questions.js";
import { isWaiting } from "./state.js";

function expected(message) {
  const who = message.expects_reply_resolved ?? message.expects_reply;
  return who === "none" ? message.expects_reply : who;
}

function Until({ message }) {
  if (!message.claimed_until) return null;
  return html`<span class="until">until ${shortMoment(Date.parse(message.claimed_until), nowMs())}</span>`;
}

export function Badge({ message, answer = null, room }) {
  const state = stateOf(message, answer, isWaiting(room, message.seq));
  const since = Date.parse(message.ts);
  if (state === "answered") {
    const by = answer?.from ?? message.claimed_by;
    return html`<span class="badge is-answered" data-state="answered">
      <${Icon} name="check" size=${14} />answered · <bdi>${by}</bdi>
    </span>`;
  }
  if (state === "claimed") {
    return html`<span class="badge is-claimed" data-state="claimed">
      <${Icon} name="person" size=${14} />claimed · <bdi>${message.claimed_by}</bdi>
      <${Until} message=${message} /><${Timer} since=${since} />
    </span>`;
  }
  if (state === "open") {
    return html`<span class="badge is-open" data-state="open">
      <${Icon} name="ask" size=${14} />expects · <bdi>${expected(message)}</bdi>
      <${Timer} since=${since} />
    </span>`;
  }
  return null;
}
