// The page of a guest: one room, live, to read or to speak in as a named person.
//
// It loads none of the operator's modules, and sends nothing but the guest's own code.
import { cx, effect, html, render, useEffect, useState } from "../dashboard/ui.js";
import { timeOfDay } from "../dashboard/format.js";
import { Icon, Mark } from "../dashboard/icons.js";
import { onNewLink } from "./link.js";
import { Log } from "./log.js";
import { link, mayWrite, me, retryNow, speaks, start, startReading, unread } from "./room.js";
import { draft, resetDraft, WriteBox } from "./write.js";

const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Format the end of the link: with the day, unless it is within twelve hours. */
function formatEnd(text) {
  const at = Date.parse(text);
  return at - Date.now() < 12 * 3600_000 ? timeOfDay(at) : dayAndTime.format(at);
}

// -- the state of the link, in words ------------------------------------------------

/** Seconds until the next attempt, hidden from screen readers, which would read each. */
function Countdown({ at }) {
  const left = () => Math.max(0, Math.ceil((at - Date.now()) / 1000));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    setSeconds(left());
    const timer = setInterval(() => setSeconds(left()), 500);
    return () => clearInterval(timer);
  }, [at]);
  return html`<span aria-hidden="true"> in ${seconds} s</span>`;
}

const OPENING = "Opening the room…";
const STATES = {
  opening: () => OPENING,
  live: () => "Live",
  retrying: ({ at }) => html`Not connected. Trying again<${Countdown} at=${at} />`,
  closed: ({ by }) => html`Closed${by && html` by <bdi>${by}</bdi>`}`,
  ended: ({ why }) => (why === "unknown" ? "No room" : "Ended"),
  missing: () => "No link",
};

function Status() {
  const now = link.value;
  const isRetrying = now.state === "retrying";
  return html`<p class=${cx("guest-status", isRetrying && "is-long")}>
    <span class=${cx("guest-state", `is-${now.state}`)} role="status"><i></i><span>${STATES[now.state](now)}</span></span>
    ${isRetrying && html`<button type="button" class="small" onClick=${retryNow}>Try now</button>`}
  </p>`;
}

function Who() {
  if (!me.value) return null;
  const { name, until } = me.value;
  return html`<p class="meta guest-who">
    ${speaks.value ? "You are" : "You read as"} <bdi class="name">${name}</bdi>${until && `, until ${formatEnd(until)}`}
  </p>`;
}

function Header() {
  return html`<header class="guest-top">
    <${Mark} />
    <div>
      <h1>${me.value ? html`#<bdi>${me.value.room}</bdi>` : "Argybargy"}</h1>
      <${Who} />
    </div>
    <${Status} />
  </header>`;
}

// -- the end --------------------------------------------------------------------------

const ASK = "Ask the person who sent it to you for a new link.";
const ENDS = new Map([
  ["late", ["This link has ended", `It opened the room for a limited time, which is over. ${ASK}`]],
  ["gone", ["This link has ended", `It was revoked, or its room was deleted. ${ASK}`]],
  [
    "unknown",
    [
      "This link does not open a room",
      `It is not complete, has ended, or was revoked. Check that you opened all of it. Otherwise ask the person who sent it to you for a new one.`,
    ],
  ],
]);
const MISSING = [
  "No link was opened here",
  "Open the link that you were given: it contains the code for a room. A tab forgets the code when it is closed.",
];

/** Return title and explanation of a page without a room. */
function ending({ state, why }) {
  return state === "missing" ? MISSING : (ENDS.get(why) ?? ENDS.get("unknown"));
}

function Ending() {
  const [title, explanation] = ending(link.value);
  return html`<div class="empty guest-ending" role="alert">
    <span class="empty-icon"><${Icon} name="lock" size=${28} /></span>
    <h2>${title}</h2>
    <p>${explanation}</p>
  </div>`;
}

/** What was shown stays readable, and what was being written can be copied. */
function EndedRoom() {
  const [title, explanation] = ending(link.value);
  return html`<div class="guest-foot" role="alert">
    <p><b>${title}.</b> ${explanation}</p>
    ${draft.value.text && html`<label class="guest-lost">Your unsent text <textarea readonly rows="3" value=${draft.value.text}></textarea></label>`}
  </div>`;
}

function Foot() {
  const { state, by } = link.value;
  if (state === "ended") return html`<${EndedRoom} />`;
  if (state === "closed") {
    return html`<p class="guest-foot hint">
      The room was closed${by && html` by <bdi>${by}</bdi>`}. It can be read, and nothing can be written.
      ${draft.value.text && "Your text is kept in case the room opens again."}
    </p>`;
  }
  if (mayWrite.value) return html`<${WriteBox} />`;
  return html`<p class="guest-foot hint">This link is for reading. To write, ask for a link with your name.</p>`;
}

export function Guest() {
  const { state } = link.value;
  const hasRoom = me.value !== null;
  return html`<div class="guest">
    <${Header} />
    <main aria-label="Room">
      ${hasRoom
        ? html`<${Log} /><${Foot} />`
        : state === "ended" || state === "missing"
          ? html`<${Ending} />`
          : html`<div class="empty"><p>${OPENING}</p></div>`}
    </main>
  </div>`;
}

// -- start ----------------------------------------------------------------------

effect(() => {
  const count = unread.value;
  document.title = `${count ? `(${count}) ` : ""}${me.value ? `#${me.value.room} · ` : ""}Argybargy`;
});
startReading();
onNewLink(() => {
  start();
  resetDraft();
});
render(html`<${Guest} />`, document.getElementById("app"));
start();
