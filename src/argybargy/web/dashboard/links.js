// Links to messages by their number.
import { html, untracked } from "./ui.js";
import { addressOf, showRoom } from "./route.js";
import { cardOf } from "./state.js";

/** The permalink of a message. */
export const linkOf = (room, seq) => location.origin + addressOf({ room, seq });

/** The number of a message, which leads to it. */
export function SeqLink({ room, seq, title = `Go to message ${seq}` }) {
  const go = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // a new tab
    event.preventDefault();
    showRoom(room, seq);
  };
  return html`<a class="seq" href=${linkOf(room, seq)} title=${title} onClick=${go}>#${seq}</a>`;
}

/** Link a number in the text of message `before`, if an earlier message has it still. */
export function linkToEarlier(room, before, seq) {
  const first = untracked(() => cardOf(room)?.first_seq ?? 1);
  return room && seq >= first && seq < before ? html`<${SeqLink} room=${room} seq=${seq} />` : null;
}
