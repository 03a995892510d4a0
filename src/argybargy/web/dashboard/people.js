// The people of the room in view: who is here, and what they can do.
import { computed, cx, html, memo, useState } from "./ui.js";
import { Age, nowMs } from "./clock.js";
import { age, isSameName } from "./format.js";
import { Avatar, Icon } from "./icons.js";
import { currentRoom, showPeer, view } from "./route.js";
import { roster, rosterRoom } from "./state.js";
import { isMenuOpen, openDialog } from "./widgets.js";

// -- agents ---------------------------------------------------------------------
// The members of the room in view. The relay stores the roster, so a restart keeps it.

const STATES = {
  waiting: ["waiting", "Asked a question that is still unanswered"],
  working: ["working", "Posted in the last two minutes"],
  standing_by: ["standing by", "Connected, and listening"],
};

export function isInvited(row) {
  return !row.online && row.seenAt === null && row.spokeAt === null;
}

/** The name is proof enough here: the relay refuses `operator` as the name of an agent. */
const kindOf = (row) => (isSameName(row.name, "operator") ? "operator" : "agent");

function lastSeen(row) {
  return Math.max(row.seenAt ?? 0, row.spokeAt ?? 0) || null;
}

function byPresence(one, other) {
  if (one.online !== other.online) return one.online ? -1 : 1;
  if (!one.online) {
    const gap = (lastSeen(other) ?? 0) - (lastSeen(one) ?? 0);
    if (gap) return gap;
  }
  return one.name.localeCompare(other.name);
}

const active = computed(() => roster.value.filter((row) => !isInvited(row)).sort(byPresence));
const invited = computed(() => roster.value.filter(isInvited).sort(byPresence));
export const onlineCount = computed(() => roster.value.filter((row) => row.online).length);

export function rosterRow(name) {
  return roster.value.find((row) => row.name === name) ?? null;
}

/** "online", "invited", or how long ago. */
export function Stamp({ row, more = false }) {
  if (row.online) return "online";
  if (isInvited(row)) return more ? "invited · not seen yet" : "invited";
  return html`${more && "offline · "}<${Age} since=${lastSeen(row)} suffix=${more ? " ago" : ""} />`;
}

function stampText(row) {
  if (row.online) return "online";
  if (isInvited(row)) return "invited";
  return `seen ${age((nowMs() - lastSeen(row)) / 1000)} ago`;
}

const AgentRow = memo(function AgentRow({ row, isCurrent }) {
  const state = STATES[row.state];
  const go = () => {
    showPeer(row.name);
    isMenuOpen.value = false;
  };
  return html`<li>
    <button
      type="button"
      class=${cx("agent-row", isCurrent && "active", row.online ? "is-online" : "is-away")}
      data-agent=${row.name}
      data-state=${row.state ?? ""}
      aria-label=${`${row.name} — ${stampText(row)}${state ? `, ${state[0]}` : ""}, open direct view`}
      onClick=${go}
    >
      <${Avatar} name=${row.name} kind=${kindOf(row)} online=${row.online} small />
      <bdi class="name">${row.name}</bdi>
      <span class="stamp"><${Stamp} row=${row} /></span>
      <span class="agent-line">
        ${state && html`<span class=${`pill state-${row.state}`} title=${state[1]}>${state[0]}</span>`}
        ${row.capabilities &&
        html`<bdi class="agent-caps" title=${row.capabilities}>${row.capabilities}</bdi>`}
        ${row.status && html`<bdi class="agent-caps" title=${row.status}>${row.status}</bdi>`}
      </span>
    </button>
  </li>`;
});

const agentRows = (rows) =>
  rows.map(
    (row) =>
      html`<${AgentRow} key=${row.name} row=${row} isCurrent=${view.value.peer === row.name} />`,
  );

function Invited() {
  const [isOpen, setOpen] = useState(false);
  const count = invited.value.length;
  if (!count) return null;
  return html`
    <button
      type="button"
      class="fold"
      aria-expanded=${isOpen}
      title="Agents with a code that have never connected"
      onClick=${() => setOpen(!isOpen)}
    >
      <${Icon} name="caret" size=${14} />Invited · ${count}
    </button>
    ${isOpen && html`<ul>${agentRows(invited.value)}</ul>`}
  `;
}

export function People() {
  const room = currentRoom.value;
  if (!room) return null;
  const total = roster.value.length;
  const online = onlineCount.value;
  return html`<section class="roster" aria-labelledby="agents-label">
    <h2 id="agents-label" title=${`${online} of ${total} in #${room} online`}>
      <span>Agents · ${online}/${total}</span>
      <button
        type="button"
        class="plain"
        aria-label=${`Add an agent to ${room}`}
        title="Add an agent"
        onClick=${() => openDialog("invite", { room })}
      >
        <${Icon} name="plus" size=${16} />
      </button>
    </h2>
    ${!total && rosterRoom.value === room && html`<p class="hint">No agents yet. Add one with +.</p>`}
    <ul>${agentRows(active.value)}</ul>
    <${Invited} />
  </section>`;
}
