// Searching what was said, in this room or in all. A relay that cannot search hides it.
import { cx, html, useEffect, useRef, useState } from "./ui.js";
import { get } from "./api.js";
import { nowMs } from "./clock.js";
import { fullTime, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { showRoom, view } from "./route.js";
import { closeDialog, Dialog } from "./widgets.js";

const PAGE = 30;
const TYPING_MS = 200;
const FEWEST = 2;
const HINT = ["from:name", "to:name", "is:open", "before:2026-01-31", '"words together"', "-without"];

/** What was looked for last, to go on from. */
let last = "";

function needed(text) {
  if (text) return `Type ${FEWEST} letters or more.`;
  return ["Also: ", HINT.map((each) => [html`<code>${each}</code>`, " "])];
}

function pathOf(text, room, before) {
  const query = new URLSearchParams({ q: text, limit: PAGE });
  if (room) query.set("room", room);
  if (before) query.set("before", before);
  return `admin/search?${query}`;
}

/** A text with what was found in it marked; the relay counts in code points. */
function Marked({ text, marks }) {
  const points = [...text];
  const between = (from, to) => points.slice(from, to).join("");
  let end = 0;
  const parts = marks.flatMap(([from, to]) => {
    const before = between(end, from);
    end = to;
    return [before, html`<mark>${between(from, to)}</mark>`];
  });
  return [...parts, between(end)];
}

function Result({ result }) {
  const { message, room, snippet, marks } = result;
  const at = Date.parse(message.ts);
  const go = () => {
    closeDialog();
    showRoom(room, message.seq);
  };
  return html`<li>
    <button type="button" class="result" onClick=${go}>
      <span class="result-head">
        <bdi class="name">${message.from}</bdi>
        <span class="where">#<bdi>${room}</bdi></span>
        <time datetime=${message.ts} title=${fullTime(at)}>${shortMoment(at, nowMs())}</time>
      </span>
      <span class="result-text"><${Marked} text=${snippet} marks=${marks} /></span>
    </button>
  </li>`;
}

function useSearch(text, room) {
  const [found, setFound] = useState({ results: [], more: false, told: "" });
  const turn = useRef(0);
  const ask = async (before) => {
    const mine = ++turn.current;
    try {
      const page = await get(pathOf(text, room, before));
      if (mine !== turn.current) return;
      const results = before ? [...found.results, ...page.results] : page.results;
      setFound({ ...page, results, told: results.length ? "" : "Nothing found." });
    } catch (error) {
      if (mine === turn.current) setFound({ results: [], more: false, told: error.message });
    }
  };
  useEffect(() => {
    turn.current += 1;
    if (text.trim().length < FEWEST) {
      setFound({ results: [], more: false, told: needed(text.trim()) });
      return undefined;
    }
    const timer = setTimeout(() => ask(null), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, room]);
  return { ...found, more: found.more ? () => ask(found.next_before) : null };
}

export function SearchDialog() {
  const here = view.value.room;
  const [text, setText] = useState(last);
  const [isHere, setHere] = useState(false);
  const { results, more, told } = useSearch(text, isHere ? here : null);
  return html`<${Dialog} title="Search">
    <label class="search-field">
      <${Icon} name="search" />
      <input
        type="search"
        aria-label="Search messages"
        placeholder="Words to look for"
        autocomplete="off"
        autofocus
        value=${text}
        onFocus=${(event) => event.target.select()}
        onInput=${(event) => setText((last = event.target.value))}
      />
    </label>
    ${here &&
    html`<div class="segments wide-segments" role="group" aria-label="Where to look">
      ${[false, true].map(
        (only) => html`<button
          type="button"
          key=${only}
          class=${cx(isHere === only && "on")}
          aria-pressed=${isHere === only}
          onClick=${() => setHere(only)}
        >
          ${only ? `#${here}` : "All rooms"}
        </button>`,
      )}
    </div>`}
    <p class="hint" role="status">${told}</p>
    <ul class="results">
      ${results.map((each) => html`<${Result} key=${`${each.room} ${each.message.seq}`} result=${each} />`)}
    </ul>
    ${more && html`<button type="button" class="quiet" onClick=${more}>More</button>`}
  <//>`;
}
