// The inbox: the unanswered questions of all rooms, to be answered in place. Those that ask
// the operator come first, up to three of them above the rooms; those between agents are
// folded.
import { computed, cx, html, memo, signal, useEffect, useRef, useState } from "./ui.js";
import { sender } from "./api.js";
import { OVERDUE_SECONDS, overdueCount } from "./attention.js";
import { Avatar } from "./avatar.js";
import { clock, secondsSince, Timer } from "./clock.js";
import { draftText, updateDraft } from "./drafts.js";
import { age, isSameName, plural } from "./format.js";
import { Icon } from "./icons.js";
import { dropEntry, keyOf, outbox, queueAnswer, queueDone, undo } from "./outbox.js";
import { isPhone, openThread } from "./panes.js";
import { isPinned } from "./pins.js";
import { showInbox, view } from "./route.js";
import { asksYou, waiting } from "./state.js";
import { isMenuOpen, isSendKey } from "./widgets.js";

/** Most questions shown above the rooms. */
const CARDS = 3;
const SNOOZE_MS = 600_000;
const ORDER = "Questions of pinned rooms come first, then the longest wait";

const snoozed = signal(new Map());
/** Keys of the questions whose answer is being written. */
const answering = signal(new Set());
/** Rows with a started answer: they outlive their question while their draft has text. */
const started = signal(new Map());
const textOf = (row) => draftText(keyOf(row));
/** The keys of the snoozed questions as one text: it is compared each second, and rarely differs. */
const asleep = computed(() =>
  [...snoozed.value].filter(([, until]) => until > clock.value).map(([key]) => key).join("\n"),
);
const isSnoozed = (row) => asleep.value.split("\n").includes(keyOf(row));

/** The rows that are shown though their question waits no longer. */
const outliving = computed(() => {
  const keys = new Set(waiting.value.map(keyOf));
  const kept = [...started.value.values()].filter((row) => textOf(row));
  const sent = [...outbox.value.values()].map(({ row }) => row);
  const rows = new Map([...kept, ...sent].map((row) => [keyOf(row), row]));
  return [...rows.values()].filter((row) => !keys.has(keyOf(row)));
});
const snoozedCount = computed(() => waiting.value.filter(isSnoozed).length);

/** Questions of pinned rooms first, then the longest wait. */
function byUrgency(one, other) {
  return isPinned(other.room) - isPinned(one.room) || one.since - other.since;
}

const shown = computed(() =>
  [...waiting.value.filter((row) => !isSnoozed(row)), ...outliving.value].sort(byUrgency),
);
const mine = computed(() => shown.value.filter((row) => row.asks_you));
const others = computed(() => shown.value.filter((row) => !row.asks_you));

function snooze(row) {
  snoozed.value = new Map(snoozed.value).set(keyOf(row), clock.peek() + SNOOZE_MS);
}

function wakeAll() {
  snoozed.value = new Map();
}

function setAnswering(row, isOpen) {
  const next = new Set(answering.peek());
  if (isOpen) next.add(keyOf(row));
  else next.delete(keyOf(row));
  answering.value = next;
}

function updateAnswer(row, text) {
  if (text) started.value = new Map(started.value).set(keyOf(row), row);
  updateDraft(keyOf(row), { text });
}

// -- a question -------------------------------------------------------------------

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

/** Keep the form whole on the screen, also when the keyboard of a phone appears. */
function useWhole() {
  const form = useRef(null);
  useEffect(() => {
    const show = () => form.current?.scrollIntoView({ block: "nearest" });
    show();
    const viewport = window.visualViewport;
    viewport?.addEventListener("resize", show);
    return () => viewport?.removeEventListener("resize", show);
  }, []);
  return form;
}

function Answer({ row, problem }) {
  const text = textOf(row);
  const form = useWhole();
  const close = () => setAnswering(row, false);
  const send = (event) => {
    event.preventDefault();
    if (!text.trim()) return;
    queueAnswer(row, { text }, sender.value);
    close();
  };
  const onKeyDown = (event) => {
    if (isSendKey(event)) send(event);
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  };
  return html`<form class="answer" ref=${form} onSubmit=${send}>
    <textarea
      rows="2"
      aria-label=${`Answer ${row.from}`}
      placeholder=${`Answer ${row.from}…`}
      value=${text}
      ref=${(node) => node && !node.dataset.ready && (node.dataset.ready = "1") && node.focus()}
      onInput=${(event) => updateAnswer(row, event.target.value)}
      onKeyDown=${onKeyDown}
    ></textarea>
    ${problem && html`<p class="problem" role="alert">Not sent: ${problem} Your text is kept.</p>`}
    <div class="row-actions">
      <button type="submit" class="primary small" disabled=${!text.trim()}>Send</button>
      <button type="button" class="quiet" onClick=${close}>Cancel</button>
    </div>
  </form>`;
}

/** What was sent, and the button that takes it back. */
function Outgoing({ row, entry }) {
  const button = useRef(null);
  const canUndo = entry.status === "waiting";
  // The focus was in what this replaces.
  useEffect(() => button.current?.focus({ preventScroll: true }), []);
  const takeBack = () => {
    undo(keyOf(row));
    if (textOf(row)) setAnswering(row, true);
  };
  return html`<div class="outgoing" data-status=${entry.status}>
    <span role="status">
      <${Icon} name="check" size=${14} />
      ${entry.told} ${entry.told === "Sent" && html`to #<bdi>${row.room}</bdi>`}
    </span>
    ${canUndo &&
    html`<button type="button" class="quiet undo" ref=${button} onClick=${takeBack}>Undo</button>`}
  </div>`;
}

/** The agent that was asked, if not the operator. */
function Asked({ who }) {
  const isMine = ["operator", sender.value].some((name) => isSameName(name, who));
  return isMine ? null : html` · asks <bdi>${who}</bdi>`;
}

function Choices({ row }) {
  if (!row.choices?.length) return null;
  return html`<div class="choices" role="group" aria-label=${`Answers that ${row.from} offers`}>
    ${row.choices.map(
      (choice) => html`<button
        type="button"
        class="small"
        key=${choice}
        title=${`Answer: ${choice}`}
        onClick=${() => queueAnswer(row, { choice }, sender.value)}
      >
        ${choice}
      </button>`,
    )}
  </div>`;
}

function Actions({ row, isResolved }) {
  if (isResolved) {
    return html`<div class="row-actions">
      <button type="button" class="quiet" onClick=${() => setAnswering(row, true)}>
        <${Icon} name="reply" size=${16} />Answer
      </button>
      <button
        type="button"
        class="quiet"
        title="Discard your answer"
        onClick=${() => (updateAnswer(row, ""), dropEntry(keyOf(row)))}
      >
        <${Icon} name="close" size=${16} />Discard
      </button>
    </div>`;
  }
  return html`<div class="row-actions">
    <button type="button" class="quiet" onClick=${() => setAnswering(row, true)}>
      <${Icon} name="reply" size=${16} />Answer
    </button>
    <button type="button" class="quiet" title="Hide for ten minutes" onClick=${() => snooze(row)}>
      <${Icon} name="clock" size=${16} />Later
    </button>
    <button
      type="button"
      class="quiet"
      aria-label="Mark as done"
      title="Mark as done: the question is withdrawn, nobody has to answer it any more"
      onClick=${() => queueDone(row)}
    >
      <${Icon} name="check" size=${16} />Done
    </button>
  </div>`;
}

const Row = memo(function Row({ row, entry, isAnswering, isResolved }) {
  const isFailed = entry?.status === "failed";
  const isGone = entry && !isFailed;
  return html`<li class=${cx("waiting-row", isGone && "is-outgoing")} data-question=${keyOf(row)}>
    <button
      type="button"
      class="waiting-open"
      data-row=${keyOf(row)}
      aria-label=${describe(row, (clock.peek() - row.since) / 1000)}
      title=${row.text + (row.claimed_by ? `\n(claimed by ${row.claimed_by}, still unanswered)` : "")}
      onClick=${() => openThread(row.room, row.seq)}
    >
      <${Avatar} name=${row.from} room=${row.room} small />
      <span class="waiting-head">
        <bdi class="name">${row.from}</bdi>
        <span class="where">#<bdi>${row.room}</bdi><${Asked} who=${row.expects_reply} /></span>
      </span>
      ${isResolved ? html`<span class="where">no longer waiting</span>` : html`<${WaitTimer} since=${row.since} />`}
      <span class="waiting-text">${row.text}</span>
      ${row.claimed_by && html`<span class="claimed">claimed by <bdi>${row.claimed_by}</bdi></span>`}
    </button>
    ${isGone && html`<${Outgoing} row=${row} entry=${entry} />`}
    ${!entry && !isAnswering && html`<${Choices} row=${row} />`}
    ${!isGone && (isAnswering || (isFailed && textOf(row)))
      ? html`<${Answer} row=${row} problem=${entry?.problem} />`
      : !isGone && html`<${Actions} row=${row} isResolved=${isResolved} />`}
    ${isFailed &&
    !textOf(row) &&
    html`<p class="problem" role="alert">${entry.told === "Sent" ? "Not sent" : "Not done"}: ${entry.problem}</p>`}
  </li>`;
});

function List({ rows }) {
  return html`<ul>
    ${rows.map(
      (row) => html`<${Row}
        key=${keyOf(row)}
        row=${row}
        entry=${outbox.value.get(keyOf(row))}
        isAnswering=${answering.value.has(keyOf(row))}
        isResolved=${outliving.value.includes(row)}
      />`,
    )}
  </ul>`;
}

function Snoozed() {
  const count = snoozedCount.value;
  if (!count) return null;
  return html`<button
    type="button"
    class="quiet wake"
    title="Show the questions that you put off"
    onClick=${wakeAll}
  >${count} later</button>`;
}

// -- above the rooms ----------------------------------------------------------------

/** The inbox in the left pane: its place, and the first questions that ask the operator. */
export function Inbox() {
  const isHere = view.value.place === "inbox";
  const count = asksYou.value.length;
  const between = waiting.value.length - count;
  // On a phone, the cards would push the rooms out of the menu.
  const isShort = isHere || isPhone.value;
  const cards = isShort ? [] : mine.value.slice(0, CARDS);
  const more = mine.value.length - cards.length;
  const go = () => {
    showInbox();
    isMenuOpen.value = false;
  };
  return html`<section class="inbox" aria-label="Inbox">
    <button
      type="button"
      class=${cx("place-row", isHere && "active")}
      aria-current=${isHere ? "true" : undefined}
      title=${`${plural(count, "question")} to you (${overdueCount.value} waiting over 5 minutes), ${between} between agents. ${ORDER}.`}
      onClick=${go}
    >
      <${Icon} name="inbox" size=${16} />
      <span class="name">Inbox</span>
      ${count > 0 && html`<span class="asks">Asks you ${count}</span>`}
    </button>
    ${cards.length > 0 && html`<${List} rows=${cards} />`}
    ${!isShort && more > 0 && html`<button type="button" class="fold more" onClick=${go}>${more} more</button>`}
    ${!isShort && html`<${Snoozed} />`}
  </section>`;
}

// -- in the middle --------------------------------------------------------------------

function Between() {
  const [isOpen, setOpen] = useState(false);
  const rows = others.value;
  if (!rows.length) return null;
  return html`<section class="inbox" aria-labelledby="between-label">
    <h2 id="between-label">
      <button
        type="button"
        class="fold"
        aria-expanded=${isOpen}
        title="Questions that another agent should answer, or that somebody has claimed"
        onClick=${() => setOpen(!isOpen)}
      >
        <${Icon} name="caret" size=${14} />Between agents · ${rows.length}
      </button>
    </h2>
    ${isOpen && html`<${List} rows=${rows} />`}
  </section>`;
}

/** The inbox as a view of its own. */
export function InboxView() {
  const rows = mine.value;
  return html`<div class="inbox-view" tabindex="-1">
    <section class="inbox" aria-labelledby="asks-label">
      <h2 id="asks-label" title=${ORDER}>Asks you · ${asksYou.value.length} <${Snoozed} /></h2>
      ${rows.length > 1 && html`<p class="hint">${ORDER}.</p>`}
      ${rows.length
        ? html`<${List} rows=${rows} />`
        : html`<p class="hint">
            ${snoozedCount.value ? "Nothing else asks you." : "Nothing asks you."} Questions to you appear here, and
            those to anyone that nobody has claimed for two minutes.
          </p>`}
    </section>
    <${Between} />
  </div>`;
}

/** Show the inbox, and focus its most urgent question. */
export function focusInbox() {
  showInbox();
  requestAnimationFrame(() => document.querySelector(".inbox-view :is(.waiting-open, .fold)")?.focus());
}
