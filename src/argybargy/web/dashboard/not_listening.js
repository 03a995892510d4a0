// The agents of all rooms that hear nothing now, folded in the inbox.
import { computed, html, signal, useEffect, useRef } from "./ui.js";
import { Avatar } from "./avatar.js";
import { isSameName, plural } from "./format.js";
import { Icon } from "./icons.js";
import { showInbox, showPeer, visits } from "./route.js";
import { rooms, waiting } from "./state.js";

const isOpen = signal(false);
/** Whether the list is to take the focus once it is rendered. */
let isWanted = false;

/** Show the agents that are not listening, of all rooms. */
export function showNotListening() {
  isOpen.value = true;
  isWanted = true;
  showInbox();
}

/** The questions that wait for an agent of a room. */
function questionsTo(name, room) {
  return waiting.value.filter((row) => {
    const asked = row.claimed_by ?? row.expects_reply_resolved ?? row.expects_reply;
    return row.room === room && isSameName(asked, name);
  });
}

/** The agents: { name, room, asked }, those first for which most questions wait. */
const rows = computed(() =>
  rooms.value
    .flatMap(({ room, not_listening: names = [] }) => names.map((name) => ({ name, room })))
    .map(({ name, room }) => ({ name, room, asked: questionsTo(name, room).length }))
    .sort((one, other) => other.asked - one.asked || one.name.localeCompare(other.name)),
);

function Agent({ name, room, asked }) {
  return html`<li>
    <button type="button" class="agent-row is-away" onClick=${() => showPeer(name, room)}>
      <${Avatar} name=${name} small />
      <span class="agent-who"><bdi class="name">${name}</bdi><span class="where">#<bdi>${room}</bdi></span></span>
      <span class="agent-line">${asked > 0 && `${plural(asked, "question")} ${asked === 1 ? "waits" : "wait"} for it`}</span>
    </button>
  </li>`;
}

export function NotListening() {
  const fold = useRef(null);
  useEffect(() => {
    if (isWanted) fold.current?.focus();
    isWanted = false;
  }, [visits.value]);
  const count = rows.value.length;
  return html`<section class="inbox" aria-labelledby="deaf-label">
    <h2 id="deaf-label">
      <button
        type="button"
        class="fold"
        ref=${fold}
        aria-expanded=${isOpen.value}
        title="Agents of open rooms that hear nothing now: they read a message when they come back"
        onClick=${() => (isOpen.value = !isOpen.value)}
      >
        <${Icon} name="caret" size=${14} />Not listening · ${count}
      </button>
    </h2>
    ${isOpen.value && !count && html`<p class="hint">Every agent that has been in an open room hears what is said there.</p>`}
    ${isOpen.value && html`<ul>${rows.value.map((row) => html`<${Agent} key=${`${row.room} ${row.name}`} ...${row} />`)}</ul>`}
  </section>`;
}
