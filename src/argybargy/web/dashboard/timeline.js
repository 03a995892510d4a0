// The timeline: the messages of the room in view, or those of one agent in it.
import {
  computed,
  cx,
  effect,
  html,
  signal,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "./ui.js";
import { readOnEntry } from "./attention.js";
import { clock, nowMs } from "./clock.js";
import { dayLabel, dayOf, fullTime, isSameName, isToAll, plural } from "./format.js";
import { Icon } from "./icons.js";
import { Message } from "./message.js";
import { isOwn } from "./own.js";
import { countReplies } from "./replies.js";
import { dropSeq, view, visits } from "./route.js";
import { cardOf, isAtEnd, messageLog, scrollToEnd } from "./state.js";
import { openDialog, showNotice } from "./widgets.js";

const NEAR_BOTTOM = 32;
const NEAR_TOP = 240;
const GROUP_MS = 300_000;
const HIGHLIGHT_MS = 4_000;

const today = computed(() => dayOf(clock.value));
/** The message to highlight for a moment; 0 for none. */
const highlighted = signal(0);

/** Whether an agent sent a message or is named as its recipient. */
function involves(message, peer) {
  if (isSameName(message.from, peer)) return true;
  return !isToAll(message.to) && [message.to].flat().some((name) => isSameName(name, peer));
}

function isGrouped(message, before) {
  return (
    before &&
    before.from_kind !== "system" &&
    before.from === message.from &&
    before.from_kind === message.from_kind &&
    Date.parse(message.ts) - Date.parse(before.ts) < GROUP_MS
  );
}

function Day({ at }) {
  // "Today" becomes "Yesterday" at midnight.
  today.value;
  return html`<div class="divider" role="separator">
    <span title=${fullTime(at)}>${dayLabel(at, nowMs())}</span>
  </div>`;
}

const NewDivider = () => html`<div class="divider is-news" role="separator"><span>New</span></div>`;

/** The rows of the timeline: messages, with dividers for days and for unread ones. */
function rowsOf(messages, log, { room, peer }) {
  const bySeq = new Map(log.messages.value.map((message) => [message.seq, message]));
  const replies = countReplies(log.messages.value);
  const rows = [];
  let previous = null;
  const isNew = (message) => message.seq > readOnEntry.value && !isOwn(room, message);
  let isNewsShown = messages[0]?.seq > readOnEntry.value;
  for (const message of messages) {
    const at = Date.parse(message.ts);
    const isNewDay = !previous || dayOf(at) !== dayOf(Date.parse(previous.ts));
    if (isNewDay) rows.push(html`<${Day} key=${`day-${dayOf(at)}`} at=${at} />`);
    const isNews = !isNewsShown && isNew(message);
    if (isNews) rows.push(html`<${NewDivider} key="news" />`);
    isNewsShown ||= isNews;
    rows.push(html`<${Message}
      key=${message.seq}
      message=${message}
      room=${room}
      peer=${peer}
      isFirst=${isNewDay || isNews || !isGrouped(message, previous)}
      isMarked=${highlighted.value === message.seq}
      quoted=${message.reply_to ? bySeq.get(message.reply_to) : undefined}
      replies=${replies.get(message.seq)}
      chosen=${message.choices && bySeq.get(message.question?.seq)?.choice}
    />`);
    previous = message;
  }
  return rows;
}

function Older({ log }) {
  const load = () => log.loadOlder();
  if (log.problem.value) {
    return html`<p class="older problem">
      ${log.problem.value} <button type="button" class="quiet" onClick=${load}>Try again</button>
    </p>`;
  }
  if (!log.hasOlder.value) return null;
  return html`<p class="older">
    <button type="button" class="quiet" disabled=${log.isLoading.value} onClick=${load}>
      ${log.isLoading.value ? "Loading…" : "Load older"}
    </button>
  </p>`;
}

function Empty({ log, peer }) {
  if (!log.isLoaded.value) return html`<div class="empty"><p>Loading…</p></div>`;
  const where = peer ? html`from or to <bdi>${peer}</bdi>` : html`in #<bdi>${log.room}</bdi>`;
  const isClosed = cardOf(log.room)?.status === "closed";
  return html`<div class="empty">
    <h2>Nothing ${where} ${log.hasOlder.value ? "in the latest messages" : "yet"}</h2>
    <p>${isClosed ? "This room is closed: only you can write here." : peer ? "New ones show up here live." : "Messages agents send here will show up live."}</p>
    ${!isClosed &&
    !peer &&
    html`<button type="button" class="primary" onClick=${() => openDialog("invite", { room: log.room })}>
      Invite an agent
    </button>`}
  </div>`;
}

/** The message to scroll to once it is rendered; 0 for none. */
let scrollTarget = 0;

/** The heights of a scrolled box and of its content; they change together or alone. */
const sizeOf = ({ scrollHeight, clientHeight }) => `${scrollHeight} ${clientHeight}`;

/**
 * Keep the scroll position: at the end if it was there, else at the same message.
 *
 * The browser's own scroll anchoring is switched off in the styles, since Safari lacks it.
 */
function useScroll(messages, place, log) {
  const box = useRef(null);
  const rendered = useRef({ first: 0, newest: 0, height: 0, place: "" });
  /** The size of the box when it was last scrolled to the end. */
  const size = useRef("");
  const [fresh, setFresh] = useState(0);
  const keepEnd = () => {
    box.current.scrollTop = box.current.scrollHeight;
    size.current = sizeOf(box.current);
  };
  const toEnd = async () => {
    if (log.isDetached.peek()) await log.load(log.newest + 1);
    if (!box.current) return;
    isAtEnd.value = true;
    keepEnd();
    setFresh(0);
  };
  useLayoutEffect(() => {
    const node = box.current;
    const was = rendered.current;
    const first = messages[0]?.seq ?? 0;
    const { newest } = log;
    if (was.place !== place) toEnd();
    else if (was.first && first < was.first) node.scrollTop += node.scrollHeight - was.height;
    else if (isAtEnd.peek()) keepEnd();
    else if (newest > was.newest) {
      const isFresh = (each) => each.seq > was.newest && !isOwn(log.room, each);
      setFresh(fresh + messages.filter(isFresh).length);
    }
    rendered.current = { first, newest, height: node.scrollHeight, place };
    scrollToTarget(log);
  });
  useEffect(() => {
    // A changed height (a font that loads, the composer, the window) must not leave the end.
    const watch = new ResizeObserver(() => {
      if (isAtEnd.peek() && box.current) keepEnd();
    });
    watch.observe(box.current);
    watch.observe(box.current.firstElementChild);
    return () => watch.disconnect();
  }, []);
  const onScroll = () => {
    // A line in the header or a longer message has changed the size, not a person the place.
    if (isAtEnd.peek() && sizeOf(box.current) !== size.current) return keepEnd();
    const gap = measureGap(box.current, log);
    if (isAtEnd.peek() && fresh) setFresh(0);
    if (log.problem.peek()) return;
    if (box.current.scrollTop < NEAR_TOP) log.loadOlder();
    else if (gap < NEAR_TOP) log.loadNewer();
  };
  return { box, fresh, toEnd, onScroll };
}

/** Update `isAtEnd`; returns the distance to the end in pixels. */
function measureGap({ scrollHeight, scrollTop, clientHeight }, log) {
  const gap = scrollHeight - scrollTop - clientHeight;
  isAtEnd.value = gap <= NEAR_BOTTOM && !log.isDetached.peek();
  return gap;
}

function scrollToTarget(log) {
  const node = scrollTarget && document.getElementById(`m-${scrollTarget}`);
  if (!node) return;
  scrollTarget = 0;
  node.scrollIntoView({ block: "center" });
  measureGap(node.closest(".timeline"), log);
}

/** Show a message, loading it first if necessary. */
async function showMessage(log, seq) {
  const isThere = await log.ensureLoaded(seq);
  // The view may have changed while the message was loading.
  const current = view.peek();
  if (current.room !== log.room || current.seq !== seq) return;
  if (!isThere) {
    showNotice(log.problem.peek() || `Message ${seq} does not exist, or is no longer stored.`, true);
    dropSeq();
    return;
  }
  scrollTarget = seq;
  // This renders the timeline again, which scrolls to the target.
  highlighted.value = seq;
  scrollToTarget(log);
  setTimeout(() => highlighted.peek() === seq && (highlighted.value = 0), HIGHLIGHT_MS);
}

export function Timeline() {
  const { room, peer, seq } = view.value;
  const log = messageLog(room);
  const all = log.messages.value;
  const messages = peer ? all.filter((message) => involves(message, peer)) : all;
  const { box, fresh, toEnd, onScroll } = useScroll(messages, `${room}/${peer}/${scrollToEnd.value}`, log);
  const hasAny = all.length > 0;
  useEffect(() => {
    if (seq && hasAny) showMessage(log, seq);
  }, [room, seq, hasAny, visits.value]);
  useEffect(() => {
    // Choosing the room in view again scrolls to its end.
    if (!seq) toEnd();
  }, [visits.value]);
  const isClosed = cardOf(room)?.status === "closed";
  return html`<div class="timeline-place">
    <div
      class="timeline"
      ref=${box}
      role="log"
      aria-live="polite"
      aria-relevant="additions"
      aria-busy=${log.isLoading.value}
      aria-label=${peer ? `Messages from and to ${peer}` : `Messages in ${room}`}
      tabindex="0"
      onScroll=${onScroll}
    >
      <div class=${cx("messages", isClosed && "is-closed")}>
        <${Older} log=${log} />
        ${messages.length ? rowsOf(messages, log, { room, peer }) : html`<${Empty} log=${log} peer=${peer} />`}
      </div>
    </div>
    ${!isAtEnd.value &&
    html`<button type="button" class="fresh" onClick=${toEnd}>
      ${fresh ? plural(fresh, "new message") : "Latest"} <${Icon} name="down" size=${14} />
    </button>`}
  </div>`;
}

/** The row where `j` and `k` begin: the first visible one, or at the end the newest. */
function startingRow(rows) {
  const { top } = rows[0].closest(".timeline").getBoundingClientRect();
  const found = rows.findIndex((row) => row.getBoundingClientRect().top >= top);
  return isAtEnd.peek() || found < 0 ? rows.length - 1 : found;
}

/** Move the focus through the messages. */
export function moveInTimeline(step) {
  const rows = [...document.querySelectorAll(".timeline [data-seq]")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement.closest?.("[data-seq]"));
  const next = at < 0 ? startingRow(rows) : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

/** The message with the focus, else the newest in view that is no system event. */
export function selectedMessage() {
  const { room, peer } = view.peek();
  if (!room) return null;
  const messages = messageLog(room).messages.peek().filter(
    (message) => message.from_kind !== "system" && (!peer || involves(message, peer)),
  );
  const seq = Number(document.activeElement.closest?.("[data-seq]")?.dataset.seq);
  return messages.find((message) => message.seq === seq) ?? messages.at(-1) ?? null;
}

effect(() => {
  view.value;
  highlighted.value = 0;
  // A target that has not been rendered yet would scroll the new view.
  scrollTarget = 0;
});
