// The people of the room in view: who is here, how soon each hears, what each holds, and
// which agents are kept apart because they answered each other without end.
import { computed, cx, html, memo, useState } from "./ui.js";
import { request, roomPath, sender } from "./api.js";
import { Avatar } from "./avatar.js";
import { Age, nowMs } from "./clock.js";
import { age, fullTime, isSameName, plural, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { openThread } from "./panes.js";
import { currentRoom, showPeer, view } from "./route.js";
import { cardOf, messageLog, roster, rosterRoom, waiting } from "./state.js";
import { refresh } from "./stream.js";
import { isMenuOpen, openDialog, showError, showNotice } from "./widgets.js";

const STATES = {
  waiting: ["waiting", "Asked a question that is still unanswered"],
  working: ["working", "Posted in the last two minutes"],
  standing_by: ["standing by", "Connected, and not working on anything"],
};

/** How soon an agent hears of a message that wakes it: words, class and tooltip. */
const HEARING = {
  "wakes now": ["wakes now", "is-awake", "A message that wakes it starts a turn at once"],
  "next turn": ["next turn", "is-late", "A message is read when its next turn begins"],
  parked: ["listening", "is-awake", "Its poll is open: it reads a message at once"],
  online: ["online", "is-awake", "It called within the last two minutes, but is not waiting for messages"],
  "not listening": ["not listening", "is-deaf", "Nothing of it is waiting for messages"],
};

/** The relay tells the role; it refuses `operator` as the name of an agent. */
function kindOf({ role, name }) {
  if (role === "operator" || isSameName(name, "operator")) return "operator";
  return role === "person" || role === "reader" ? "person" : "agent";
}

const isYou = (row) => kindOf(row) === "operator" && isSameName(row.name, sender.value);

export function isInvited(row) {
  return !row.online && row.seenAt === null && row.spokeAt === null;
}

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

const members = computed(() => roster.value.filter((row) => kindOf(row) !== "operator"));
const operators = computed(() => roster.value.filter((row) => kindOf(row) === "operator" && !isYou(row)));
const active = computed(() => members.value.filter((row) => !isInvited(row)).sort(byPresence));
const invited = computed(() => members.value.filter(isInvited).sort(byPresence));
export const onlineCount = computed(() => members.value.filter((row) => row.online).length);
export const memberCount = computed(() => members.value.length);

export function rosterRow(name) {
  return roster.value.find((row) => row.name === name) ?? null;
}

/** "online", "invited", or how long ago. */
export function Stamp({ row, more = false }) {
  if (isYou(row)) return "here";
  if (row.online) return "online";
  if (isInvited(row)) return more ? "invited · not seen yet" : "invited";
  return html`${more && "offline · "}<${Age} since=${lastSeen(row)} suffix=${more ? " ago" : ""} />`;
}

function stampText(row) {
  if (row.online) return "online";
  if (isInvited(row)) return "invited";
  return `seen ${age((nowMs() - lastSeen(row)) / 1000)} ago`;
}

// -- what each holds ----------------------------------------------------------------

/** The open questions of the room in view: those in the inbox, and those that are loaded. */
const questions = computed(() => {
  const room = currentRoom.value;
  if (!room) return [];
  const loaded = messageLog(room).messages.value.filter(({ question }) => ["open", "claimed"].includes(question?.state));
  const asked = waiting.value.filter((row) => row.room === room);
  return [...new Map([...asked, ...loaded].map((each) => [each.seq, each])).values()];
});

/** What the members hold, by name in lower case: { claims, asked }, both lists of seqs. */
const holdings = computed(() => {
  const held = new Map();
  const add = (name, what, seq) => {
    const key = name?.toLowerCase();
    if (!held.has(key)) held.set(key, { claims: [], asked: [] });
    held.get(key)[what].push(seq);
  };
  for (const each of questions.value) {
    if (each.claimed_by) add(each.claimed_by, "claims", each.seq);
    else add(each.expects_reply_resolved ?? each.expects_reply, "asked", each.seq);
  }
  return held;
});
/** As a text, which a memoised row can compare. */
const holdingText = (name) => JSON.stringify(holdings.value.get(name.toLowerCase()) ?? {});

function Held({ seqs, one, many, title }) {
  if (!seqs?.length) return null;
  const room = currentRoom.peek();
  return html`<button
    type="button"
    class="quiet held"
    title=${`${title}: ${seqs.map((seq) => `#${seq}`).join(", ")}`}
    onClick=${() => openThread(room, seqs[0])}
  >
    ${seqs.length === 1 ? `${one} #${seqs[0]}` : `${seqs.length} ${many}`}
  </button>`;
}

/** How soon an online agent hears, or how long ago another was seen. */
function PersonStamp({ row }) {
  if (!row.online || !row.listening) return html`<span class="stamp"><${Stamp} row=${row} /></span>`;
  const [words, kind, title] = HEARING[row.listening];
  return html`<span class=${`stamp hearing ${kind}`} title=${title}>${words}</span>`;
}

/** Since when an agent that was here hears nothing. */
function Deaf({ row }) {
  if (row.listening !== "not listening" || !row.seenAt) return null;
  const title = `${HEARING["not listening"][2]}; it last called on ${fullTime(row.seenAt)}`;
  return html`<span class="hearing is-deaf" title=${title}>
    not listening since ${shortMoment(row.seenAt, nowMs())}
  </span>`;
}

function accessibleName(row, state) {
  const hearing = row.listening && !isInvited(row) ? `, ${HEARING[row.listening][0]}` : "";
  const kind = kindOf(row) === "person" ? ", guest" : "";
  return `${row.name} — ${stampText(row)}${kind}${state ? `, ${state[0]}` : ""}${hearing}, open direct view`;
}

const PersonRow = memo(function PersonRow({ row, isCurrent, held }) {
  const state = STATES[row.state];
  const { claims, asked } = JSON.parse(held);
  const go = () => {
    showPeer(row.name);
    isMenuOpen.value = false;
  };
  return html`<li class="person">
    <button
      type="button"
      class=${cx("agent-row", isCurrent && "active", row.online ? "is-online" : "is-away")}
      data-agent=${row.name}
      data-state=${row.state ?? ""}
      data-listening=${row.listening ?? ""}
      aria-label=${accessibleName(row, state)}
      onClick=${go}
    >
      <${Avatar} name=${row.name} kind=${kindOf(row)} online=${row.online} small />
      <bdi class="name">${row.name}</bdi>
      ${kindOf(row) === "person" &&
      html`<span class="pill guest" title="A person with a link to this room">
        ${row.role === "reader" ? "reads along" : "guest"}
      </span>`}
      <${PersonStamp} row=${row} />
      <span class="agent-line">
        ${state && html`<span class=${`pill state-${row.state}`} title=${state[1]}>${state[0]}</span>`}
        <${Deaf} row=${row} />
        ${row.capabilities && html`<bdi class="agent-caps" title=${row.capabilities}>${row.capabilities}</bdi>`}
      </span>
      ${row.status && html`<bdi class="agent-caps is-status" title=${row.status}>${row.status}</bdi>`}
    </button>
    <div class="holdings">
      <${Held} seqs=${claims} one="works on" many="claims" title="Claimed questions" />
      <${Held} seqs=${asked} one="is asked" many="questions wait" title="Questions that wait for this agent" />
    </div>
  </li>`;
});

const personRows = (rows) =>
  rows.map(
    (row) => html`<${PersonRow}
      key=${row.name}
      row=${row}
      isCurrent=${view.value.peer === row.name}
      held=${holdingText(row.name)}
    />`,
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
    ${isOpen && html`<ul>${personRows(invited.value)}</ul>`}
  `;
}

// -- the operator ---------------------------------------------------------------------

function Operators() {
  return html`<ul class="operators">
    <li class="agent-row is-you" data-agent=${sender.value}>
      <${Avatar} name=${sender.value} kind="operator" online=${true} small />
      <bdi class="name">${sender.value}</bdi>
      <span class="stamp">here</span>
      <span class="agent-line"><span class="agent-caps">you, the operator</span></span>
    </li>
    ${operators.value.map(
      (row) => html`<li class="agent-row" key=${row.name} data-agent=${row.name}>
        <${Avatar} name=${row.name} kind="operator" small />
        <bdi class="name">${row.name}</bdi>
        <span class="stamp">spoke <${Age} since=${lastSeen(row)} suffix=" ago" /></span>
        <span class="agent-line"><span class="agent-caps">operator</span></span>
      </li>`,
    )}
  </ul>`;
}

// -- pairs that are kept apart ------------------------------------------------------------

async function letGoOn(room, [one, other]) {
  const query = new URLSearchParams({ pair: `${one},${other}`, by: sender.value });
  try {
    await request("DELETE", `${roomPath(room, "damping")}?${query}`);
    showNotice(`${one} and ${other} wake each other again.`);
    refresh();
  } catch (error) {
    showError(error);
  }
}

function Damped({ room }) {
  const pairs = cardOf(room)?.damped ?? [];
  if (!pairs.length) return null;
  return html`<section class="damped" aria-labelledby="damped-label">
    <h3 id="damped-label" title="They answered each other again and again; for a while their answers wake neither">
      Kept from waking each other
    </h3>
    <ul>
      ${pairs.map(
        ({ agents, until }) => html`<li key=${agents.join(" ")}>
          <span><bdi class="name">${agents[0]}</bdi> and <bdi class="name">${agents[1]}</bdi></span>
          <span class="where">until ${shortMoment(Date.parse(until), nowMs())}</span>
          <button type="button" class="small" onClick=${() => letGoOn(room, agents)}>Let them go on</button>
        </li>`,
      )}
    </ul>
  </section>`;
}

// -- the pane ---------------------------------------------------------------------------

function Nobody({ room }) {
  return html`<div class="nobody">
    <p class="hint">Nobody is in #<bdi>${room}</bdi> yet.</p>
    <button type="button" class="primary" onClick=${() => openDialog("invite", { room })}>
      <${Icon} name="plus" size=${16} />Add an agent
    </button>
  </div>`;
}

export function People() {
  const room = currentRoom.value;
  if (!room) return null;
  const total = memberCount.value;
  const online = onlineCount.value;
  const deaf = active.value.filter((row) => row.listening === "not listening").length;
  const title = `${online} of ${total} in #${room} online${deaf ? `, ${plural(deaf, "agent")} not listening` : ""}`;
  return html`<section class="roster" aria-labelledby="agents-label">
    <h2 id="agents-label" title=${title}>
      <span>${online} of ${total} online${deaf > 0 && ` · ${deaf} not listening`}</span>
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
    <${Damped} room=${room} />
    <ul>${personRows(active.value)}</ul>
    <${Operators} />
    ${!total && rosterRoom.value === room && html`<${Nobody} room=${room} />`}
    <${Invited} />
  </section>`;
}
