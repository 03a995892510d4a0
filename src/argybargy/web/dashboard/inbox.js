// The inbox: the unanswered questions of all rooms, to be answered in place. Those that ask
// the operator come first, up to three of them above the rooms; those between agents and the
// operator's own are folded.
import { computed, cx, html, memo, signal, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { sender } from "./api.js";
import { OVERDUE_SECONDS, overdueCount } from "./attention.js";
import { Avatar } from "./avatar.js";
import { clock, nowMs, secondsSince, Timer } from "./clock.js";
import { draftText, updateDraft } from "./drafts.js";
import { age, plural, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { Inline } from "./markdown.js";
import { Menu } from "./menu.js";
import { dropEntry, held, outbox, queueAnswer, queueWithdrawal, undo } from "./outbox.js";
import { isPhone, openThread } from "./panes.js";
import { Countdown } from "./pending.js";
import { isPinned } from "./pins.js";
import { showInbox, view } from "./route.js";
import { asksNow, backAt, DELAYS, isSnoozed, later, snooze, wake } from "./snooze.js";
import { keyOf, rooms, waiting } from "./state.js";
import { namesYou } from "./status.js";
import { isMenuOpen, isSendKey, isTouch, showNotice } from "./widgets.js";

/** Most questions shown above the rooms. */
const CARDS = 3;
/** Time in which no key takes an answer back: it may be the second press that sent it. */
const DOUBLE_PRESS_MS = 500;
const ORDER = "Pinned rooms come first, then urgent questions, then the longest wait";
/** Time for which a card that was put off keeps its place on a touch screen, but on the inbox page until one leaves it. */
const KEPT_MS = 5_000;
/** Time without a move after which the pointer rests: then cards below it may leave. */
const REST_MS = 2_000;

/** Keys of the questions whose answer is being written. */
const answering = signal(new Set());
/** Rows with a started answer: they outlive their question while their draft has text. */
const started = signal(new Map());
const textOf = (row) => draftText(keyOf(row));
/** Keys of the questions that were put off and keep their place: no other may slide under the pointer. */
const kept = signal(new Set());

/** The rows that are shown though their question waits no longer. */
const outliving = computed(() => {
  const keys = new Set(waiting.value.map(keyOf));
  const begun = [...started.value.values()].filter((row) => textOf(row));
  const sent = [...outbox.value.values()].map(({ row }) => row);
  const rows = new Map([...begun, ...sent].map((row) => [keyOf(row), row]));
  return [...rows.values()].filter((row) => !keys.has(keyOf(row)));
});

/** The order of questions, which is the same in each frame: `since` is rounded, `ts` is not. */
function byUrgency(one, other) {
  return (
    isPinned(other.room) - isPinned(one.room) ||
    (other.urgent === true) - (one.urgent === true) ||
    one.ts.localeCompare(other.ts) ||
    one.room.localeCompare(other.room) ||
    one.seq - other.seq
  );
}

const isShown = (row) => !isSnoozed(row) || kept.value.has(keyOf(row));
const shown = computed(() => [...waiting.value.filter(isShown), ...outliving.value].sort(byUrgency));
const mine = computed(() => shown.value.filter((row) => row.asks_you));
const others = computed(() => shown.value.filter((row) => !row.asks_you));

function release(keys) {
  const next = new Set([...kept.peek()].filter((key) => !keys.has(key)));
  if (next.size !== kept.peek().size) kept.value = next;
}

function putOff(row, until) {
  const isPage = view.peek().place === "inbox";
  if (isTouch() || held.peek().size) kept.value = new Set(kept.peek()).add(keyOf(row));
  if (isTouch() && !isPage) setTimeout(release, KEPT_MS, new Set([keyOf(row)]));
  snooze(row, until);
}

function showAgain(row) {
  release(new Set([keyOf(row)]));
  wake(row);
}

/** Let no card leave but those that are not among these keys. */
function hold(keys) {
  if (keys.join("\n") !== [...held.peek()].join("\n")) held.value = new Set(keys);
  release(new Set([...kept.peek()].filter((key) => !held.peek().has(key))));
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

function LaterMenu({ row }) {
  return html`<${Menu}
    label=${`Put off the question of ${row.from}`}
    words="Later"
    title="Hide it for a while"
    icon="clock"
    kind="quiet"
    items=${DELAYS.map(([name, until]) => ({ name, icon: "clock", act: () => putOff(row, until()) }))}
  />`;
}

function Answer({ row, problem, isResolved }) {
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
      ${!isResolved && html`<${LaterMenu} row=${row} />`}
    </div>
  </form>`;
}

/** What becomes of an answer or a withdrawal, in words. */
function Standing({ row, entry }) {
  const { isAnswer, status, dueAt, seq } = entry;
  if (status === "waiting") return html`${isAnswer ? "Sending" : "No answer needed · told"} <${Countdown} dueAt=${dueAt} />`;
  if (status === "sending") return isAnswer ? "Sending…" : "No answer needed…";
  const done = isAnswer
    ? html`Sent to #<bdi>${row.room}</bdi>${seq && ` · #${seq}`}`
    : html`No answer needed · <bdi>${row.from}</bdi> is told`;
  return html`<${Icon} name="check" size=${14} /> ${done}`;
}

/** What is on its way or was sent, and the button that takes it back. */
function Outgoing({ row, entry }) {
  const button = useRef(null);
  const canUndo = entry.status === "waiting";
  // The focus was in what this replaces.
  useEffect(() => button.current?.focus({ preventScroll: true }), []);
  const shownAt = useRef(Date.now());
  const takeBack = ({ detail }) => {
    // A key has no count of clicks.
    if (detail === 0 && Date.now() - shownAt.current < DOUBLE_PRESS_MS) return;
    undo(keyOf(row));
    if (textOf(row)) setAnswering(row, true);
  };
  return html`<div class="outgoing" data-status=${entry.status}>
    ${entry.said && html`<p class="said" dir="auto">${entry.said}</p>`}
    <span role="status"><${Standing} row=${row} entry=${entry} /></span>
    ${canUndo &&
    html`<button type="button" class="quiet undo" ref=${button} onClick=${takeBack} onKeyDown=${(event) => event.repeat && event.preventDefault()}>Undo</button>`}
  </div>`;
}

/** A question that was put off and keeps its place until the pointer leaves. */
function PutOff({ row }) {
  return html`<div class="outgoing is-put-off">
    <span role="status">Back at ${shortMoment(backAt(row), nowMs())}</span>
    <button type="button" class="quiet undo" onClick=${() => showAgain(row)}>Show now</button>
  </div>`;
}

/** The agent that was asked, if not the operator. */
function Asked({ who }) {
  return namesYou(who) ? null : html` · asks <bdi>${who}</bdi>`;
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
  const withdraw = () => queueWithdrawal(row);
  return html`<div class="row-actions">
    <button type="button" class="quiet" onClick=${() => setAnswering(row, true)}>
      <${Icon} name="reply" size=${16} />Answer
    </button>
    <${LaterMenu} row=${row} />
    ${row.asks_you
      ? html`<button
          type="button"
          class="quiet"
          title=${`Ends the question; ${row.from} is told that it needs no answer`}
          onClick=${withdraw}
        >
          <${Icon} name="close" size=${16} />No answer needed
        </button>`
      : html`<${Menu}
          label=${`Actions for the question of ${row.from}`}
          items=${[{ name: `No answer needed: ${row.from} is told`, icon: "close", act: withdraw }]}
        />`}
  </div>`;
}

const Row = memo(function Row({ row, entry, isAnswering, isResolved, isPutOff }) {
  const isFailed = entry?.status === "failed";
  const isGone = isPutOff || (entry && !isFailed);
  // Nothing urgent is left to do once it is answered, put off or answered by another.
  const isDone = isResolved || isGone;
  const card = useRef(null);
  const height = useRef(0);
  // A card that is done keeps its height, so that none below it moves.
  useLayoutEffect(() => {
    if (!isGone) height.current = card.current.getBoundingClientRect().height;
  });
  return html`<li ref=${card} style=${isGone ? { minHeight: `${height.current}px` } : undefined} class=${cx("waiting-row", isGone && "is-outgoing")} data-question=${keyOf(row)}>
    <button
      type="button"
      class="waiting-open"
      data-row=${keyOf(row)}
      aria-label=${describe(row, (clock.peek() - row.since) / 1000)}
      title=${row.text + (row.claimed_by ? `\n(claimed by ${row.claimed_by}, still unanswered)` : "")}
      onClick=${() => openThread(row.room, row.seq)}
    >
      <${Avatar} name=${row.from} small />
      <span class="waiting-head">
        <bdi class="name">${row.from}</bdi>
        ${row.urgent && !isDone && html`<span class="pill urgent" title="It has one of your urgent words">urgent</span>`}
        <span class="where">#<bdi>${row.room}</bdi><${Asked} who=${row.expects_reply} /></span>
      </span>
      ${!isResolved && html`<${WaitTimer} since=${row.since} />`}
      <span class="waiting-text"><${Inline} text=${row.text} /></span>
      ${isResolved && !isGone && html`<span class="where is-resolved">no longer waiting</span>`}
      ${row.claimed_by && html`<span class="claimed">claimed by <bdi>${row.claimed_by}</bdi></span>`}
    </button>
    ${isPutOff && html`<${PutOff} row=${row} />`}
    ${isGone && !isPutOff && html`<${Outgoing} row=${row} entry=${entry} />`}
    ${!isGone && !entry && !isAnswering && html`<${Choices} row=${row} />`}
    ${!isGone && (isAnswering || (isFailed && textOf(row)))
      ? html`<${Answer} row=${row} problem=${entry?.problem} isResolved=${isResolved} />`
      : !isGone && html`<${Actions} row=${row} isResolved=${isResolved} />`}
    ${isFailed &&
    !textOf(row) &&
    html`<p class="problem" role="alert">${entry.isAnswer ? "Not sent" : "The asker was not told"}: ${entry.problem}</p>`}
  </li>`;
});

/** The keys of the cards in a list; with a height on the screen, of those that begin above it. */
function cardKeys(list, below = Infinity) {
  const cards = [...list.children].filter((card) => card.getBoundingClientRect().top <= below);
  return cards.map(({ dataset }) => dataset.question);
}

/**
 * What keeps cards from moving under the pointer: all stay while it moves over their list;
 * once it rests, the ones below it may leave.
 */
function useStillness() {
  const timer = useRef(0);
  const leave = () => {
    clearTimeout(timer.current);
    hold([]);
  };
  // A list that goes away under the pointer does not tell that the pointer has left it.
  useEffect(() => leave, []);
  const onMove = ({ pointerType, currentTarget: list, clientY }) => {
    if (pointerType !== "mouse") return;
    clearTimeout(timer.current);
    hold(cardKeys(list));
    timer.current = setTimeout(() => hold(cardKeys(list, clientY)), REST_MS);
  };
  // A finger leaves with each tap, before the click: the card must still be there for that.
  const onLeave = ({ pointerType }) => pointerType === "mouse" && leave();
  return { onPointerOver: onMove, onPointerMove: onMove, onPointerLeave: onLeave };
}

function List({ rows }) {
  return html`<ul ...${useStillness()}>
    ${rows.map(
      (row) => html`<${Row}
        key=${keyOf(row)}
        row=${row}
        entry=${outbox.value.get(keyOf(row))}
        isAnswering=${answering.value.has(keyOf(row))}
        isResolved=${outliving.value.includes(row)}
        isPutOff=${isSnoozed(row)}
      />`,
    )}
  </ul>`;
}

/** The number of questions that were put off; it unfolds them, with the time each comes back. */
function Later({ isMine }) {
  const [isOpen, setOpen] = useState(false);
  const rows = later.value.filter((row) => row.asks_you === isMine && !kept.value.has(keyOf(row)));
  if (!rows.length) return null;
  return html`<div class="later">
    <button type="button" class="fold wake" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name="caret" size=${14} />${rows.length} later
    </button>
    ${isOpen &&
    html`<ul>
      ${rows.map(
        (row) => html`<li key=${keyOf(row)}>
          <span class="later-text" title=${row.text}>
            <bdi class="name">${row.from}</bdi> #<bdi>${row.room}</bdi> · <${Inline} text=${row.text} />
          </span>
          <span class="where">back at ${shortMoment(backAt(row), nowMs())}</span>
          <button type="button" class="quiet" onClick=${() => showAgain(row)}>Show now</button>
        </li>`,
      )}
    </ul>`}
  </div>`;
}

// -- in words -------------------------------------------------------------------------

/** Who is asked by the questions that wait for the operator, and how many they are. */
function asksWords(separator) {
  const you = asksNow.value.filter((row) => namesYou(row.expects_reply)).length;
  const anyone = asksNow.value.length - you;
  if (!you && anyone) return `Asks anyone${separator}${anyone}`;
  return `Asks you${separator}${you}${anyone ? `, anyone${separator}${anyone}` : ""}`;
}

// -- above the rooms ----------------------------------------------------------------

/** The first cards: those that are done take the place of none that waits. */
function firstCards(rows) {
  const isDone = (row) => isSnoozed(row) || outbox.value.has(keyOf(row));
  let count = 0;
  return rows.filter((row) => isDone(row) || ++count <= CARDS);
}

/** The number of agents that hear nothing in some open room where they have been. */
const deafCount = computed(
  () => new Set(rooms.value.flatMap((card) => card.not_listening ?? []).map((name) => name.toLowerCase())).size,
);

/** The way to the agents that hear nothing, of all rooms. */
function NotListening() {
  const go = () => {
    isMenuOpen.value = false;
    import("./not_listening.js").then(
      (module) => module.showNotListening(),
      () => showNotice("The relay does not answer.", true),
    );
  };
  // Always there: a row that comes and goes moves the rooms below it.
  return html`<button
    type="button"
    class="place-row"
    title="Agents of all open rooms that hear nothing now"
    onClick=${go}
  >
    <${Icon} name="people" size=${16} />
    <span class="name">Not listening</span>
    <span class="meta">${deafCount.value ? plural(deafCount.value, "agent") : "nobody"}</span>
  </button>`;
}

/** The inbox in the left pane: its place, and the first questions that ask the operator. */
export function Inbox() {
  const isHere = view.value.place === "inbox";
  const count = asksNow.value.length;
  const between = waiting.value.filter((row) => !row.asks_you && !isSnoozed(row)).length;
  // On a phone, the cards would push the rooms out of the menu.
  const isShort = isHere || isPhone.value;
  const cards = isShort ? [] : firstCards(mine.value);
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
      ${count > 0 && html`<span class="asks">${asksWords(" ")}</span>`}
    </button>
    ${cards.length > 0 && html`<${List} rows=${cards} />`}
    ${!isShort && more > 0 && html`<button type="button" class="fold more" onClick=${go}>${more} more</button>`}
    ${!isShort && html`<${Later} isMine=${true} />`}
    ${rooms.value.length > 0 && html`<${NotListening} />`}
  </section>`;
}

// -- in the middle --------------------------------------------------------------------

function Between() {
  const [isOpen, setOpen] = useState(false);
  const rows = others.value;
  const count = rows.filter((row) => !isSnoozed(row)).length;
  const put = later.value.filter((row) => !row.asks_you && !kept.value.has(keyOf(row))).length;
  if (!rows.length && !put) return null;
  return html`<section class="inbox" aria-labelledby="between-label">
    <h2 id="between-label">
      <button
        type="button"
        class="fold"
        aria-expanded=${isOpen}
        title="Questions that another agent should answer, or that somebody has claimed"
        onClick=${() => setOpen(!isOpen)}
      >
        <${Icon} name="caret" size=${14} />Between agents · ${count}${put > 0 && ` · ${put} later`}
      </button>
    </h2>
    ${isOpen && html`<${List} rows=${rows} /><${Later} isMine=${false} />`}
  </section>`;
}

/** What is folded below the questions, loaded with the first view of the inbox. */
function Folds() {
  const [views, setViews] = useState([]);
  useEffect(() => {
    Promise.all([import("./you_asked.js"), import("./not_listening.js")]).then(
      ([asked, deaf]) => setViews([asked.YouAsked, deaf.NotListening]),
      () => showNotice("The relay does not answer.", true),
    );
  }, []);
  return views.map((View) => html`<${View} />`);
}

/** The inbox as a view of its own. */
export function InboxView() {
  useEffect(() => () => release(kept.peek()), []);
  const rows = mine.value;
  return html`<div class="inbox-view" tabindex="-1">
    <section class="inbox" aria-labelledby="asks-label">
      <h2 id="asks-label">${asksWords(" · ")}</h2>
      <p class="hint">
        ${rows.length
          ? `Questions to you, and those to anyone that nobody has claimed for two minutes. ${ORDER}.`
          : "Nothing asks you. Questions to you appear here, and those to anyone that nobody has claimed for two minutes."}
      </p>
      ${rows.length > 0 && html`<${List} rows=${rows} />`}
      <${Later} isMine=${true} />
    </section>
    <${Between} />
    <${Folds} />
  </div>`;
}

/** Show the inbox, and focus its most urgent question. */
export function focusInbox() {
  showInbox();
  requestAnimationFrame(() => document.querySelector(".inbox-view :is(.waiting-open, .fold)")?.focus());
}
