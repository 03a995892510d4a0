// The messages of the room: days, the mark of unread ones, and where the page is scrolled to.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../dashboard/ui.js";
import { dayLabel, dayOf, plural } from "../dashboard/format.js";
import { Icon } from "../dashboard/icons.js";
import { Message } from "./message.js";
import {
  hasOlder,
  isAtEnd,
  isLoadingOlder,
  link,
  loadOlder,
  mayWrite,
  messages,
  readBefore,
  unread,
} from "./room.js";

const NEAR_PX = 80;

function Older() {
  const [problem, setProblem] = useState("");
  if (!hasOlder.value) return null;
  const load = () => loadOlder().then(() => setProblem(""), (error) => setProblem(error.message));
  return html`<p class="guest-older">
    <button type="button" disabled=${isLoadingOlder.value} onClick=${load}>Earlier messages</button>
    <span class="problem" role="alert">${problem}</span>
  </p>`;
}

/** A line before a message: its day, or the beginning of the unread ones. */
function linesBefore(message, before) {
  const at = Date.parse(message.ts);
  const isNewDay = !before || dayOf(Date.parse(before.ts)) !== dayOf(at);
  const isFirstUnread = message.seq > readBefore.value && (!before || before.seq <= readBefore.value);
  return [
    isNewDay && html`<p key=${`day-${message.seq}`} class="guest-day">${dayLabel(at, Date.now())}</p>`,
    isFirstUnread && html`<p key="unread" class="guest-unread">New</p>`,
  ];
}

/** Keep the end in view while it is, and what is read in place when older ones come above. */
function useScroll(node, list) {
  const first = useRef({ seq: null, height: 0 });
  useLayoutEffect(() => {
    const { scrollHeight } = node.current;
    const seq = list[0]?.seq ?? null;
    const hasMoreAbove = first.current.seq !== null && seq < first.current.seq;
    if (hasMoreAbove) node.current.scrollTop += scrollHeight - first.current.height;
    else if (isAtEnd.peek()) node.current.scrollTop = scrollHeight;
    first.current = { seq, height: scrollHeight };
  }, [list]);
  useEffect(() => {
    const log = node.current;
    const watcher = new ResizeObserver(() => {
      if (isAtEnd.peek()) log.scrollTop = log.scrollHeight;
    });
    watcher.observe(log);
    return () => watcher.disconnect();
  }, []);
}

export function Log() {
  const node = useRef(null);
  const list = messages.value;
  useScroll(node, list);
  // The history is not read out; what comes from now on is.
  const [isAnnounced, setAnnounced] = useState(false);
  useEffect(() => setAnnounced(link.value.state !== "opening"), [link.value.state]);
  const onScroll = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
    isAtEnd.value = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  };
  const toEnd = () => (node.current.scrollTop = node.current.scrollHeight);
  return html`<div class="guest-place">
    <div
      class="guest-log"
      role="log"
      aria-label="Messages"
      aria-live=${isAnnounced ? "polite" : "off"}
      tabindex="0"
      ref=${node}
      onScroll=${onScroll}
    >
      <${Older} />
      ${!list.length && html`<p class="guest-none hint">No messages yet. They appear here as they come.</p>`}
      ${list.map((message, at) => [
        ...linesBefore(message, list[at - 1]),
        html`<${Message} key=${message.seq} message=${message} isAble=${mayWrite.value} />`,
      ])}
    </div>
    ${!isAtEnd.value &&
    html`<button type="button" class="guest-fresh" onClick=${toEnd}>
      <${Icon} name="down" size=${16} />${unread.value ? plural(unread.value, "new message") : "To the newest"}
    </button>`}
  </div>`;
}
