// The people of the room in view: who is here, how soon each hears, what each holds, and
// which agents are kept apart because they answered each other without end.
import { computed, cx, html, memo, useEffect, useState } from "./ui.js";
import { post, request, roomPath, sender } from "./api.js";
import { Avatar, NamelessAvatar } from "./avatar.js";
import { nowMs } from "./clock.js";
import { isSameName, plural, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { loadInvites, openInvites } from "./invites.js";
import { Menu } from "./menu.js";
import { openThread } from "./panes.js";
import { currentRoom, showPeer, showRoom, view } from "./route.js";
import { cardOf, codes, isWaiting, messageLog, roster, rosterRoom, waiting } from "./state.js";
import { activityOf, isDeaf, isInvited, isLongDeaf, isYou, kindOf, lastSeen, minute, statusOf } from "./status.js";
import { refresh } from "./stream.js";
import { ConfirmButton, isMenuOpen, openDialog, showError, showNotice } from "./widgets.js";

/** Who is online first; within both groups by name, so that nobody moves by speaking. */
function byPresence(one, other) {
  if (one.online !== other.online) return one.online ? -1 : 1;
  return one.name.localeCompare(other.name);
}

const isPerson = (row) => kindOf(row) === "person";
const members = computed(() => roster.value.filter((row) => kindOf(row) !== "operator"));
const operators = computed(() => roster.value.filter((row) => kindOf(row) === "operator" && !isYou(row)));
const active = computed(() => members.value.filter((row) => !isInvited(row)).sort(byPresence));
const unseen = computed(() => members.value.filter(isInvited).sort(byPresence));
const invited = computed(() => unseen.value.filter((row) => !isPerson(row)));
const invitedGuests = computed(() => unseen.value.filter(isPerson));
export const onlineCount = computed(() => members.value.filter((row) => row.online).length);
/** How many have been here: those who were only invited are counted by themselves. */
export const memberCount = computed(() => active.value.length);

export function rosterRow(name) {
  return roster.value.find((row) => row.name === name) ?? null;
}

/** The status of a member, in words. */
export function Status({ row }) {
  minute.value; // the time gets a day once it is not of today
  const { words, kind, title } = statusOf(row);
  return html`<span class=${`stamp hearing ${kind}`} title=${title}>${words}</span>`;
}

/** What a member does, in words that agree with its status. */
function Activity({ row, isHolding }) {
  minute.value;
  const words = activityOf(row, isHolding);
  return words && html`<span class="agent-activity">${words}</span>`;
}

// -- what each holds ----------------------------------------------------------------

/** The open questions of the room in view: those in the inbox, and those that are loaded. */
export const questions = computed(() => {
  const room = currentRoom.value;
  if (!room) return [];
  const loaded = messageLog(room).messages.value.filter(isWaiting);
  const asked = waiting.value.filter((row) => row.room === room);
  return [...new Map([...asked, ...loaded].map((each) => [each.seq, each])).values()];
});

/** What the members hold, by name in lower case: { claims, asked, asks }, lists of seqs. */
const holdings = computed(() => {
  const held = new Map();
  const add = (name, what, seq) => {
    const key = name?.toLowerCase();
    if (!held.has(key)) held.set(key, { claims: [], asked: [], asks: [] });
    held.get(key)[what].push(seq);
  };
  for (const each of questions.value) {
    if (each.claimed_by) add(each.claimed_by, "claims", each.seq);
    else add(each.expects_reply_resolved ?? each.expects_reply, "asked", each.seq);
    add(each.from, "asks", each.seq);
  }
  return held;
});
const NOTHING_HELD = { claims: [], asked: [], asks: [] };
const heldBy = (name) => holdings.value.get(name.toLowerCase()) ?? NOTHING_HELD;
/** As a text, which a memoised row can compare. */
const holdingText = (name) => JSON.stringify(heldBy(name));

const MAX_HELD = 3;

function Held({ seqs, what, title }) {
  const room = currentRoom.peek();
  const rest = seqs.length - MAX_HELD;
  const links = seqs.slice(0, MAX_HELD).map(
    (seq) => html`<button
      type="button"
      class="quiet held"
      key=${`${what} ${seq}`}
      title=${title}
      onClick=${() => openThread(room, seq)}
    >
      ${what} #${seq}
    </button>`,
  );
  return html`${links}${rest > 0 && html`<span class="hint">and ${rest} more</span>`}`;
}

/** What a member works on, is asked, and asks; each leads to the question. */
function Holdings({ row, held, more = false }) {
  minute.value;
  const works = isLongDeaf(row) ? "holds" : "working on";
  return html`<${Held} seqs=${held.claims} what=${works} title="A question that it has claimed" />
    <${Held} seqs=${held.asked} what="is asked" title="A question that waits for its answer" />
    ${more && html`<${Held} seqs=${held.asks} what="asks" title="A question of its own that waits for an answer" />`}`;
}

/** Ends the link of a guest: the codes of its name in the room in view. */
function EndLink({ name }) {
  const room = currentRoom.value;
  const keys = codes.value.filter((row) => row.room === room && isSameName(row.name, name)).map((row) => row.key_id);
  if (!keys.length) return null;
  const end = async () => {
    try {
      for (const target of keys) await post("admin/revoke", { target });
      showNotice(`The link of ${name} has ended.`);
      // Nothing more can be said to it or come from it.
      if (currentRoom.peek() === room && isSameName(view.peek().peer, name)) showRoom(room);
      refresh();
    } catch (error) {
      showError(error);
    }
  };
  return html`<${ConfirmButton} label="End its link" confirm=${`Yes, end the link of ${name}`} kind="danger small" onConfirm=${end} />`;
}

/** The status of the agent in view, what it does, holds and asks: the line below its name. */
export function PersonFacts({ name }) {
  const row = rosterRow(name);
  if (!row) return null;
  const held = heldBy(name);
  return html`<div class="person-facts">
    <${Status} row=${row} />
    <${Activity} row=${row} isHolding=${held.claims.length > 0} />
    <${Holdings} row=${row} held=${held} more />
    ${row.capabilities && html`<bdi class="agent-caps">${row.capabilities}</bdi>`}
    ${isPerson(row) && html`<${EndLink} key=${name} name=${name} />`}
  </div>`;
}

function accessibleName(row) {
  const kind = kindOf(row) === "person" ? ", guest" : "";
  return `${row.name} — ${statusOf(row).words}${kind}, open direct view`;
}

const PersonRow = memo(function PersonRow({ row, isCurrent, held }) {
  const holding = JSON.parse(held);
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
      aria-label=${accessibleName(row)}
      onClick=${go}
    >
      <${Avatar} name=${row.name} kind=${kindOf(row)} online=${row.online} small />
      <span class="agent-who">
        <bdi class="name">${row.name}</bdi>
        ${kindOf(row) === "person" &&
        html`<span class="pill guest" title="A person with a link to this room">
          ${row.role === "reader" ? "reads along" : "guest"}
        </span>`}
        <${Status} row=${row} />
      </span>
      <span class="agent-line">
        <${Activity} row=${row} isHolding=${holding.claims.length > 0} />
        ${row.capabilities && html`<bdi class="agent-caps" title=${row.capabilities}>${row.capabilities}</bdi>`}
      </span>
      ${row.status && html`<bdi class="agent-caps is-status" title=${row.status}>${row.status}</bdi>`}
    </button>
    <div class="holdings">
      <${Holdings} row=${row} held=${holding} />
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

/** An invite that has not been used: nobody can be written to yet. */
function OpenInvite({ row }) {
  return html`<li class="agent-row is-away" data-invite=${row.id}>
    ${row.name ? html`<${Avatar} name=${row.name} small />` : html`<${NamelessAvatar} />`}
    <span class="agent-who">
      <bdi class="name">${row.name ?? "any name"}</bdi>
      <span class="stamp">invited, until ${shortMoment(Date.parse(row.expires_at), nowMs())}</span>
    </span>
    <span class="agent-line"><span class="agent-caps">One-use invite, not used yet</span></span>
  </li>`;
}

/** A list that is folded at first; none without rows. */
function Folded({ words, title, count, children }) {
  const [isOpen, setOpen] = useState(false);
  if (!count) return null;
  return html`
    <button type="button" class="fold" aria-expanded=${isOpen} title=${title} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name="caret" size=${14} />${words} · ${count}
    </button>
    ${isOpen && html`<ul>${children}</ul>`}
  `;
}

function Invited({ room }) {
  const known = codes.value;
  // A code that appears may be what an invite was traded for.
  useEffect(() => void loadInvites().catch(showError), [room, known]);
  const unused = openInvites(room);
  const guests = invitedGuests.value;
  return html`
    <${Folded}
      words="Invited"
      title="Codes and one-use invites that nobody has used yet"
      count=${invited.value.length + unused.length}
    >
      ${personRows(invited.value)}${unused.map((row) => html`<${OpenInvite} key=${row.id} row=${row} />`)}
    <//>
    <${Folded} words="Invited guests" title="Guest links that nobody has opened yet" count=${guests.length}>
      ${personRows(guests)}
    <//>
  `;
}

// -- the operator ---------------------------------------------------------------------

function Operators() {
  return html`<ul class="operators">
    <li class="agent-row is-you" data-agent=${sender.value}>
      <${Avatar} name=${sender.value} kind="operator" online=${true} small />
      <span class="agent-who"><bdi class="name">${sender.value}</bdi><span class="stamp">here</span></span>
      <span class="agent-line"><span class="agent-caps">you, the operator</span></span>
    </li>
    ${operators.value.map(
      (row) => html`<li class="agent-row" key=${row.name} data-agent=${row.name}>
        <${Avatar} name=${row.name} kind="operator" small />
        <span class="agent-who">
          <bdi class="name">${row.name}</bdi>
          <span class="stamp">last spoke ${shortMoment(lastSeen(row), nowMs())}</span>
        </span>
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
    <h3 id="damped-label" title="They answered each other too often: for some minutes they do not wake each other">
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
      <${Icon} name="plus" size=${16} />Invite an agent
    </button>
  </div>`;
}

export function People() {
  const room = currentRoom.value;
  if (!room) return null;
  const total = memberCount.value;
  const online = onlineCount.value;
  const agents = invited.value.length + openInvites(room).length;
  const guests = invitedGuests.value.length;
  const deaf = active.value.filter(isDeaf).length;
  const title = `${online} of ${total} in #${room} online${deaf ? `, ${plural(deaf, "agent")} not listening` : ""}`;
  const counts = [
    `${online} of ${total} online`,
    deaf && `${deaf} not listening`,
    agents && `${agents} invited`,
    guests && `${plural(guests, "guest")} invited`,
  ];
  return html`<section class="roster" aria-labelledby="agents-label">
    <h2 id="agents-label" title=${title}>
      <span>${counts.filter(Boolean).join(" · ")}</span>
      <${Menu}
        label=${`Invite to ${room}`}
        icon="plus"
        items=${[
          { name: "Invite an agent", icon: "plus", act: () => openDialog("invite", { room }) },
          { name: "Invite a guest", icon: "person", act: () => openDialog("guest", { room }) },
        ]}
      />
    </h2>
    <${Damped} room=${room} />
    <ul>${personRows(active.value)}</ul>
    <${Operators} />
    ${!total && !agents && !guests && rosterRoom.value === room && html`<${Nobody} room=${room} />`}
    <${Invited} key=${room} room=${room} />
  </section>`;
}
