// The inbox: the unanswered questions of all rooms, to be answered in place. It is hidden
// while no question waits.
import { computed, cx, html, memo, signal, useState } from "./ui.js";
import { postMessage, sender } from "./api.js";
import { OVERDUE_SECONDS, overdueCount } from "./attention.js";
import { clock, secondsSince, Timer } from "./clock.js";
import { draftText, focusComposer, updateDraft } from "./drafts.js";
import { age, isSameName } from "./format.js";
import { Avatar, Icon } from "./icons.js";
import { showRoom } from "./route.js";
import { applyOwnMessage, waiting } from "./state.js";
import { refresh } from "./stream.js";
import { isMenuOpen, isSendKey, showError } from "./widgets.js";

const SNOOZE_MS = 600_000;
const snoozed = signal(new Map());
/** Rows with a started answer: they outlive their question while their draft has text. */
const started = signal(new Map());
const keyOf = (row) => `${row.room} ${row.seq}`;
const textOf = (row) => draftText(keyOf(row));
const resolved = computed(() => {
  const keys = new Set(waiting.value.map(keyOf));
  return [...started.value.values()].filter((row) => !keys.has(keyOf(row)) && textOf(row));
});
const snoozedCount = computed(
  () => waiting.value.filter((row) => snoozed.value.get(keyOf(row)) > clock.value).length,
);

function snooze(row) {
  snoozed.value = new Map(snoozed.value).set(keyOf(row), clock.peek() + SNOOZE_MS);
}

function updateAnswer(row, text) {
  if (text) started.value = new Map(started.value).set(keyOf(row), row);
  updateDraft(keyOf(row), { text });
}

function wakeAll() {
  snoozed.value = new Map();
}

function describe(row, seconds) {
  const claimed = row.claimed_by ? ` Claimed by ${row.claimed_by}, still unanswered.` : "";
  return `${row.from} in ${row.room} has been waiting ${age(seconds)}: ${row.text}.${claimed}`;
}

/** The only part of a row that subscribes to the clock. */
function WaitTimer({ since }) {
  const isOverdue = secondsSince(since) >= OVERDUE_SECONDS;
  return html`<span class=${cx("wait", isOverdue && "is-loud")} data-loud=${String(isOverdue)}>
    <${Timer} since=${since} />
  </span>`;
}

function Answer({ row, close }) {
  const text = textOf(row);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    if (!text.trim() || isBusy) return;
    setBusy(true);
    try {
      const { message } = await postMessage({
        text,
        room: row.room,
        sender: sender.value,
        reply_to: row.seq,
        to: row.to === "all" ? "all" : row.from,
        expects_reply: "none",
      });
      applyOwnMessage(row.room, message);
      refresh();
      updateAnswer(row, "");
      close();
    } catch (error) {
      setProblem(error.message);
      showError(error);
    }
    setBusy(false);
  };
  const onKeyDown = (event) => {
    if (isSendKey(event)) send(event);
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  };
  return html`<form class="answer" onSubmit=${send}>
    <textarea
      rows="2"
      aria-label=${`Answer ${row.from}`}
      placeholder=${`Answer ${row.from}…`}
      value=${text}
      readonly=${isBusy}
      ref=${(node) => node && !node.dataset.ready && (node.dataset.ready = "1") && node.focus()}
      onInput=${(event) => updateAnswer(row, event.target.value)}
      onKeyDown=${onKeyDown}
    ></textarea>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <div class="row-actions">
      <button type="submit" class="primary small" disabled=${isBusy || !text.trim()}>Send</button>
      <button type="button" class="quiet" onClick=${close}>Cancel</button>
    </div>
  </form>`;
}

/** The agent that was asked, if not the operator. */
function Asked({ who }) {
  const isMine = ["operator", "anyone", sender.value].some((name) => isSameName(name, who));
  return isMine ? null : html` · asks <bdi>${who}</bdi>`;
}

const Row = memo(function Row({ row, isResolved }) {
  const [isAnswering, setAnswering] = useState(false);
  const go = () => {
    showRoom(row.room, row.seq);
    isMenuOpen.value = false;
    focusComposer();
  };
  const claimed = row.claimed_by && html`<span class="claimed">claimed by <bdi>${row.claimed_by}</bdi></span>`;
  return html`<li class="waiting-row">
    <button
      type="button"
      class="waiting-open"
      data-row=${keyOf(row)}
      aria-label=${describe(row, (clock.peek() - row.since) / 1000)}
      title=${row.text + (row.claimed_by ? `\n(claimed by ${row.claimed_by}, still unanswered)` : "")}
      onClick=${go}
    >
      <${Avatar} name=${row.from} small />
      <span class="waiting-head">
        <bdi class="name">${row.from}</bdi>
        <span class="where">#<bdi>${row.room}</bdi><${Asked} who=${row.expects_reply} /></span>
      </span>
      ${isResolved ? html`<span class="where">no longer waiting</span>` : html`<${WaitTimer} since=${row.since} />`}
      <span class="waiting-text">${row.text}</span>
    </button>
    ${isAnswering
      ? html`<${Answer} row=${row} close=${() => setAnswering(false)} />`
      : html`<div class="row-actions">
          <button type="button" class="quiet" onClick=${() => setAnswering(true)}>
            <${Icon} name="reply" size=${16} />Answer
          </button>
          <button
            type="button"
            class="quiet"
            title=${isResolved ? "Discard your answer" : "Hide for ten minutes"}
            onClick=${() => (isResolved ? updateAnswer(row, "") : snooze(row))}
          >
            <${Icon} name=${isResolved ? "close" : "clock"} size=${16} />${isResolved ? "Discard" : "Later"}
          </button>
          ${claimed}
        </div>`}
  </li>`;
});

function Shown() {
  const hidden = snoozedCount.value;
  const awake = waiting.value.filter((row) => !(snoozed.value.get(keyOf(row)) > clock.peek()));
  const rows = [...awake, ...resolved.value].sort((one, other) => one.since - other.since);
  const count = waiting.value.length;
  const title = overdueCount.value
    ? `${overdueCount.value} waiting over 5 minutes`
    : "Nobody has waited over 5 minutes";
  return html`<section class="inbox" aria-labelledby="inbox-label">
    <h2 id="inbox-label" title=${title}>
      Waiting for you · ${count}
      ${hidden > 0 && html`<button type="button" class="quiet" onClick=${wakeAll}>${hidden} later</button>`}
    </h2>
    <ul>
      ${rows.map((row) => html`<${Row} key=${keyOf(row)} row=${row} isResolved=${resolved.value.includes(row)} />`)}
    </ul>
  </section>`;
}

export function Inbox() {
  return waiting.value.length || resolved.value.length ? html`<${Shown} />` : null;
}

/** The inbox in the middle of the page. */
export function InboxView() {
  return html`<div class="inbox-view"><${Inbox} /></div>`;
}

/** Focus the longest-waiting question. */
export function focusInbox() {
  document.querySelector(".waiting-open")?.focus();
}
