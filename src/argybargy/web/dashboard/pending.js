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

function Line({ entry, words }) {
  const canUndo = entry.status === "waiting";
  return html`<p class=${cx("pending", canUndo && "is-undoable")}>
    <span role="status">${words}</span>
    ${canUndo &&
    html`<${Countdown} dueAt=${entry.dueAt} />
      <button type="button" class="quiet undo" onClick=${() => undo(keyOf(entry.row))}>Undo</button>`}
  </p>`;
}

export function Pending({ room, seq }) {
  const entry = entryOf(room, seq);
  if (!entry) return null;
  const words = entry.isAnswer ? "Your answer is being sent" : "The asker is told that it needs no answer";
  return html`<${Line} entry=${entry} words=${words} />`;
}

/** The answers that the composer of a room has sent, each with its Undo. */
export function PendingAnswers({ room }) {
  const entries = [...outbox.value.values()].filter(
    ({ row, status, isBelow }) => isBelow && row.room === room && ON_ITS_WAY.includes(status),
  );
  return entries.map(
    (entry) => html`<${Line}
      key=${keyOf(entry.row)}
      entry=${entry}
      words=${html`Your answer to <bdi>${entry.row.from}</bdi> is sent`}
    />`,
  );
}

/** Why an answer or a withdrawal was refused. */
export function Refused({ room, seq }) {
  const entry = outbox.value.get(keyOf({ room, seq }));
  if (entry?.status !== "failed") return null;
  return html`<p class="problem" role="alert">Not sent: ${entry.problem}</p>`;
}
