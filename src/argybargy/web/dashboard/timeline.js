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
import { Message } from "./message.js";
import { dropSeq, view, visits } from "./route.js";
import { cardOf, follow, isAtEnd, log } from "./state.js";
import { say } from "./widgets.js";

const NEAR_BOTTOM = 32;
const NEAR_TOP = 240;
const GROUP_MS = 300_000;
const MARKED_MS = 4_000;

const today = computed(() => dayOf(clock.value));
const marked = signal(0);

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
  // "Today" becomes "Yesterday" at midnight.
  today.value;
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

function Older({ found }) {
  const load = () => found.loadOlder();
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

function Empty({ found, peer }) {
  if (!found.isKnown.value) return html`<div class="empty"><p>Loading…</p></div>`;
  const where = peer ? html`from or to <bdi>${peer}</bdi>` : html`in #<bdi>${found.room}</bdi>`;
  return html`<div class="empty">
    <h2>Nothing ${where} ${found.hasMore.value ? "in the latest messages" : "yet"}</h2>
    <p>Messages agents send here will show up live.</p>
  </div>`;
}

/** The message to go to as soon as it is drawn; 0 for none. */
let wanted = 0;

/** Keeps the reader where the reader is: at the end, or at the same message. */
function useScroll(messages, place, found) {
  const box = useRef(null);
  const kept = useRef({ first: 0, newest: 0, height: 0, place: "" });
  const [fresh, setFresh] = useState(0);
  const toEnd = async () => {
    if (found.isPast.peek()) await found.load(found.newest + 1);
    if (!box.current) return;
    isAtEnd.value = true;
    box.current.scrollTop = box.current.scrollHeight;
    setFresh(0);
  };
  useLayoutEffect(() => {
    const node = box.current;
    const was = kept.current;
    const first = messages[0]?.seq ?? 0;
    const { newest } = found;
    if (was.place !== place) toEnd();
    else if (was.first && first < was.first) node.scrollTop += node.scrollHeight - was.height;
    else if (isAtEnd.peek()) node.scrollTop = node.scrollHeight;
    else if (newest > was.newest) setFresh(fresh + messages.filter((each) => each.seq > was.newest).length);
    kept.current = { first, newest, height: node.scrollHeight, place };
    goToWanted(found);
  });
  useEffect(() => {
    // Whatever changes a height (a font, the composer, the window) must not unstick.
    const watch = new ResizeObserver(() => {
      if (isAtEnd.peek() && box.current) box.current.scrollTop = box.current.scrollHeight;
    });
    watch.observe(box.current);
    watch.observe(box.current.firstElementChild);
    return () => watch.disconnect();
  }, []);
  const onScroll = () => {
    const gap = measure(box.current, found);
    if (isAtEnd.peek() && fresh) setFresh(0);
    if (found.problem.peek()) return;
    if (box.current.scrollTop < NEAR_TOP) found.loadOlder();
    else if (gap < NEAR_TOP) found.loadNewer();
  };
  return { box, fresh, toEnd, onScroll };
}

function measure({ scrollHeight, scrollTop, clientHeight }, found) {
  const gap = scrollHeight - scrollTop - clientHeight;
  isAtEnd.value = gap <= NEAR_BOTTOM && !found.isPast.peek();
  return gap;
}

function goToWanted(found) {
  const node = wanted && document.getElementById(`m-${wanted}`);
  if (!node) return;
  wanted = 0;
  node.scrollIntoView({ block: "center" });
  measure(node.closest(".timeline"), found);
}

/** Go to a message, loading it if need be. */
async function reach(found, seq) {
  const isThere = await found.reach(seq);
  const { room, seq: sought } = view.peek();
  if (room !== found.room || sought !== seq) return;
  if (!isThere) {
    say(found.problem.peek() || `Message ${seq} is not there any more, or never was.`, true);
    dropSeq();
    return;
  }
  wanted = seq;
  // Which draws the timeline again.
  marked.value = seq;
  goToWanted(found);
  setTimeout(() => marked.peek() === seq && (marked.value = 0), MARKED_MS);
}

export function Timeline() {
  const { room, peer, seq } = view.value;
  const found = log(room);
  const all = found.messages.value;
  const messages = peer ? all.filter((message) => isOf(message, peer)) : all;
  const { box, fresh, toEnd, onScroll } = useScroll(messages, `${room}/${peer}/${follow.value}`, found);
  const hasAny = all.length > 0;
  useEffect(() => {
    if (seq && hasAny) reach(found, seq);
  }, [room, seq, hasAny, visits.value]);
  useEffect(() => {
    // The same room again leads there too.
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
      aria-busy=${found.isLoading.value}
      aria-label=${peer ? `Messages from and to ${peer}` : `Messages in ${room}`}
      tabindex="0"
      onScroll=${onScroll}
    >
      <div class=${cx("messages", isClosed && "is-closed")}>
        <${Older} found=${found} />
        ${messages.length ? rowsOf(messages, found, { room, peer }) : html`<${Empty} found=${found} peer=${peer} />`}
      </div>
    </div>
    ${!isAtEnd.value &&
    html`<button type="button" class="fresh" onClick=${toEnd}>
      ${fresh ? plural(fresh, "new message") : "Latest"} <${Icon} name="down" size=${14} />
    </button>`}
  </div>`;
}

/** Where to begin: the newest, or for who went up the first that can be seen. */
function firstInView(rows) {
  const { top } = rows[0].closest(".timeline").getBoundingClientRect();
  const found = rows.findIndex((row) => row.getBoundingClientRect().top >= top);
  return isAtEnd.peek() || found < 0 ? rows.length - 1 : found;
}

/** `j` and `k` walk through the messages. */
export function moveInTimeline(step) {
  const rows = [...document.querySelectorAll(".timeline [data-seq]")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement.closest?.("[data-seq]"));
  const next = at < 0 ? firstInView(rows) : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

/** The message that has the focus, else the newest in view that somebody said. */
export function messageInHand() {
  const { room, peer } = view.peek();
  if (!room) return null;
  const messages = log(room).messages.peek().filter(
    (message) => message.from_kind !== "system" && (!peer || isOf(message, peer)),
  );
  const seq = Number(document.activeElement.closest?.("[data-seq]")?.dataset.seq);
  return messages.find((message) => message.seq === seq) ?? messages.at(-1) ?? null;
}

effect(() => {
  view.value;
  marked.value = 0;
  // What was not drawn by now would scroll another view.
  wanted = 0;
});
