// The messages of the room in view, or of one agent in it.
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
import { entryMark } from "./attention.js";
import { clock, nowMs } from "./clock.js";
import { dayLabel, dayOf, fullTime, isSameName, isToAll, plural } from "./format.js";
import { Icon } from "./icons.js";
import { log } from "./log.js";
import { Message } from "./message.js";
import { dropSeq, view, visits } from "./route.js";
import { cardOf, isLoaded } from "./state.js";
import { say } from "./widgets.js";

const NEAR_BOTTOM = 32;
const NEAR_TOP = 240;
const GROUP_MS = 300_000;
const MARKED_MS = 4_000;

const today = computed(() => dayOf(clock.value));
const marked = signal(0);
/** Set to have the timeline go to its end. */
export const follow = signal(0);

function isOf(message, peer) {
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
  today.value; // "Today" becomes "Yesterday" at midnight
  return html`<div class="divider" role="separator">
    <span title=${fullTime(at)}>${dayLabel(at, nowMs())}</span>
  </div>`;
}

const News = () => html`<div class="divider is-news" role="separator"><span>New</span></div>`;

/** Rows in their order: dividers, and messages with all that they show. */
function rowsOf(messages, found, { room, peer }) {
  const bySeq = new Map(found.messages.value.map((message) => [message.seq, message]));
  const answers = found.answers.value;
  const rows = [];
  let before = null;
  let isNewsShown = messages[0]?.seq > entryMark.value;
  for (const message of messages) {
    const at = Date.parse(message.ts);
    const isNewDay = !before || dayOf(at) !== dayOf(Date.parse(before.ts));
    if (isNewDay) rows.push(html`<${Day} key=${`day-${dayOf(at)}`} at=${at} />`);
    const isNews = !isNewsShown && message.seq > entryMark.value;
    if (isNews) rows.push(html`<${News} key="news" />`);
    isNewsShown ||= isNews;
    rows.push(html`<${Message}
      key=${message.seq}
      message=${message}
      room=${room}
      peer=${peer}
      isFirst=${isNewDay || isNews || !isGrouped(message, before)}
      isMarked=${marked.value === message.seq}
      answer=${answers.get(message.seq)}
      quoted=${message.reply_to ? bySeq.get(message.reply_to) : undefined}
    />`);
    before = message;
  }
  return rows;
}

function Older({ found, load }) {
  if (found.problem.value) {
    return html`<p class="older problem">
      ${found.problem.value} <button type="button" class="quiet" onClick=${load}>Try again</button>
    </p>`;
  }
  if (!found.hasMore.value) return null;
  return html`<p class="older">
    <button type="button" class="quiet" disabled=${found.isLoading.value} onClick=${load}>
      ${found.isLoading.value ? "Loading…" : "Load older"}
    </button>
  </p>`;
}

function Empty({ room, peer }) {
  if (!isLoaded.value) return html`<div class="empty"><p>Loading…</p></div>`;
  return html`<div class="empty">
    <h2>${peer ? html`Nothing from or to <bdi>${peer}</bdi> yet` : html`Nothing in #<bdi>${room}</bdi> yet`}</h2>
    <p>Messages agents send here will show up live.</p>
  </div>`;
}

/** Whether the reader follows what comes; there is one timeline. */
let isAtEnd = true;
/** The message to go to as soon as it is drawn; 0 for none. */
let wanted = 0;

/** Keeps the reader where the reader is: at the end, or at the same message. */
function useScroll(messages, place) {
  const box = useRef(null);
  const kept = useRef({ first: 0, last: 0, height: 0, place: "" });
  const [fresh, setFresh] = useState(0);
  const toEnd = () => {
    isAtEnd = true;
    box.current.scrollTop = box.current.scrollHeight;
    setFresh(0);
  };
  useLayoutEffect(() => {
    const node = box.current;
    const was = kept.current;
    const first = messages[0]?.seq ?? 0;
    const last = messages.at(-1)?.seq ?? 0;
    if (was.place !== place) toEnd();
    else if (was.first && first < was.first) node.scrollTop += node.scrollHeight - was.height;
    else if (isAtEnd) node.scrollTop = node.scrollHeight;
    else if (last > was.last) setFresh(fresh + messages.filter((each) => each.seq > was.last).length);
    kept.current = { first, last, height: node.scrollHeight, place };
    goToWanted();
  });
  useEffect(() => {
    // Whatever changes a height (a font, the composer, the window) must not unstick.
    const watch = new ResizeObserver(() => {
      if (isAtEnd && box.current) box.current.scrollTop = box.current.scrollHeight;
    });
    watch.observe(box.current);
    watch.observe(box.current.firstElementChild);
    return () => watch.disconnect();
  }, []);
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current;
    isAtEnd = scrollHeight - scrollTop - clientHeight <= NEAR_BOTTOM;
    if (isAtEnd && fresh) setFresh(0);
    return scrollTop;
  };
  return { box, fresh, toEnd, onScroll };
}

function goToWanted() {
  const node = wanted && document.getElementById(`m-${wanted}`);
  if (!node) return;
  wanted = 0;
  isAtEnd = false;
  node.scrollIntoView({ block: "center" });
}

/** Go to a message, loading what lies between if need be. */
async function reach(found, seq) {
  const isThere = await found.reach(seq);
  if (!isThere) {
    say(`Message ${seq} is not there any more, or never was.`, true);
    dropSeq();
    return;
  }
  wanted = seq;
  marked.value = seq; // which draws the timeline again
  goToWanted();
  setTimeout(() => marked.peek() === seq && (marked.value = 0), MARKED_MS);
}

export function Timeline() {
  const { room, peer, seq } = view.value;
  const found = log(room);
  const all = found.messages.value;
  const messages = peer ? all.filter((message) => isOf(message, peer)) : all;
  const { box, fresh, toEnd, onScroll } = useScroll(messages, `${room}/${peer}/${follow.value}`);
  const hasAny = all.length > 0;
  const load = () => found.loadOlder();
  useEffect(() => {
    if (seq && hasAny) reach(found, seq);
  }, [room, seq, hasAny, visits.value]);
  const scrolled = () => {
    if (onScroll() < NEAR_TOP && !found.problem.value) load();
  };
  const isClosed = cardOf(room)?.status === "closed";
  return html`<div class="timeline-place">
    <div
      class="timeline"
      ref=${box}
      role="log"
      aria-live="polite"
      aria-relevant="additions"
      aria-busy=${found.isLoading.value}
      aria-label=${peer ? `Messages from and to ${peer}` : `Messages in ${room}`}
      tabindex="0"
      onScroll=${scrolled}
    >
      <div class=${cx("messages", isClosed && "is-closed")}>
        <${Older} found=${found} load=${load} />
        ${messages.length ? rowsOf(messages, found, { room, peer }) : html`<${Empty} room=${room} peer=${peer} />`}
      </div>
    </div>
    ${fresh > 0 &&
    html`<button type="button" class="fresh" onClick=${toEnd}>
      ${plural(fresh, "new message")} <${Icon} name="down" size=${14} />
    </button>`}
  </div>`;
}

/** `j` and `k` walk through the messages. */
export function moveInTimeline(step) {
  const rows = [...document.querySelectorAll(".timeline [data-seq]")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement.closest?.("[data-seq]"));
  const next = at < 0 ? rows.length - 1 : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

/** The message that has the focus, else the newest question, else the newest. */
export function messageInHand() {
  const { room } = view.peek();
  if (!room) return null;
  const messages = log(room).messages.peek();
  const seq = Number(document.activeElement.closest?.("[data-seq]")?.dataset.seq);
  return messages.find((message) => message.seq === seq) ?? messages.at(-1) ?? null;
}

effect(() => {
  view.value.room;
  marked.value = 0;
});
