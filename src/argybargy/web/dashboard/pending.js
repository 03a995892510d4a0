// What the room and the thread say of an answer that is on its way and can be undone.
import { cx, html } from "./ui.js";
import { secondsUntil } from "./clock.js";
import { outbox, undo } from "./outbox.js";
import { keyOf } from "./state.js";

const ON_ITS_WAY = ["waiting", "sending"];

function entryOf(room, seq) {
  const entry = outbox.value.get(keyOf({ room, seq }));
  return entry && ON_ITS_WAY.includes(entry.status) ? entry : null;
}

/** Whether an answer to a question, or its withdrawal, is on its way. */
export const isPending = (room, seq) => entryOf(room, seq) !== null;

/** The seconds until something is sent; the only part that subscribes to the clock. */
export function Countdown({ dueAt }) {
  return html`<span class="timer">in ${Math.ceil(secondsUntil(dueAt))} s</span>`;
}

export function Pending({ room, seq }) {
  const entry = entryOf(room, seq);
  if (!entry) return null;
  const canUndo = entry.status === "waiting";
  return html`<p class=${cx("pending", canUndo && "is-undoable")}>
    <span role="status">${entry.isAnswer ? "Your answer is being sent" : "The asker is told that it needs no answer"}</span>
    ${canUndo &&
    html`<${Countdown} dueAt=${entry.dueAt} />
      <button type="button" class="quiet undo" onClick=${() => undo(keyOf(entry.row))}>Undo</button>`}
  </p>`;
}
