// The agents that hear nothing now, of all open rooms, folded in the inbox.
import { computed, html, signal, useEffect, useRef } from "./ui.js";
import { Avatar } from "./avatar.js";
import { isSameName, plural } from "./format.js";
import { Icon } from "./icons.js";
import { showInbox, showPeer, visits } from "./route.js";
import { rooms, waiting } from "./state.js";
import { ownQuestions } from "./you_asked.js";

const isOpen = signal(false);
/** Whether the list is to take the focus once it is rendered. */
let isWanted = false;

/** Show the agents that are not listening, of all rooms. */
export function showNotListening() {
  isOpen.value = true;
  isWanted = true;
  showInbox();
}

/** The open questions of agents and of the operator: { room, message }. */
const questions = computed(() => [
  ...waiting.value.map((row) => ({ room: row.room, message: row })),
  ...(ownQuestions.value.results ?? []),
]);

/** The number of questions in a room that wait for an agent. */
function countFor(name, room) {
  const asked = ({ message }) => message.claimed_by ?? message.expects_reply_resolved ?? message.expects_reply;
  return questions.value.filter((each) => each.room === room && isSameName(asked(each), name)).length;
}

/** The agents by name, { name, places }, with the rooms where they hear nothing: { room, count }. */
const agents = computed(() => {
  const found = new Map();
  for (const { room, not_listening: names = [] } of rooms.value) {
    for (const name of names) {
      const key = name.toLowerCase();
      if (!found.has(key)) found.set(key, { name, places: [] });
      found.get(key).places.push({ room, count: countFor(name, room) });
    }
  }
  return [...found.values()].sort((one, other) => one.name.localeCompare(other.name));
});

const questionWords = (count) => `${plural(count, "question")} ${count === 1 ? "waits" : "wait"} for it`;

function Agent({ name, places }) {
  return html`<li class="deaf-agent" data-agent=${name}>
    <${Avatar} name=${name} small />
    <bdi class="name">${name}</bdi>
    <span class="deaf-places">
      ${places.map(
        ({ room, count }) => html`<button type="button" class="quiet" key=${room} title=${`${name} in #${room}`} onClick=${() => showPeer(name, room)}>
          <span>#<bdi>${room}</bdi>${count > 0 && html` · <b>${questionWords(count)}</b>`}</span>
        </button>`,
      )}
    </span>
  </li>`;
}

export function NotListening() {
  const fold = useRef(null);
  useEffect(() => {
    if (isWanted) {
      fold.current?.focus({ preventScroll: true });
      fold.current?.scrollIntoView({ block: "start" });
    }
    isWanted = false;
  }, [visits.value]);
  const count = agents.value.length;
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
        <${Icon} name="caret" size=${14} />Not listening · ${plural(count, "agent")}
      </button>
    </h2>
    ${isOpen.value && !count && html`<p class="hint">Every agent that has been in an open room hears what is said there.</p>`}
    ${isOpen.value && html`<ul>${agents.value.map((agent) => html`<${Agent} key=${agent.name} ...${agent} />`)}</ul>`}
  </section>`;
}
