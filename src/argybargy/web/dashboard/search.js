// The search dialog: one room or all of them.
import { cx, html, useEffect, useRef, useState } from "./ui.js";
import { get } from "./api.js";
import { nowMs } from "./clock.js";
import { fullTime, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { showRoom, view } from "./route.js";
import { closeDialog, Dialog, loadStyles } from "./widgets.js";

await loadStyles("search.css");

const PAGE = 30;
const DEBOUNCE_MS = 200;
const MIN_LETTERS = 2;
const HINT = ["from:name", "to:name", "is:open", "before:2026-01-31", '"exact phrase"', "-excluded"];

/** The last query, kept when the dialog closes. */
let lastQuery = "";

function hintFor(text) {
  if (text) return `Type ${MIN_LETTERS} letters or more.`;
  return ["Also: ", HINT.map((each) => [html`<code>${each}</code>`, " "])];
}

function pathOf(text, room, before) {
  const query = new URLSearchParams({ q: text, limit: PAGE });
  if (room) query.set("room", room);
  if (before) query.set("before", before);
  return `admin/search?${query}`;
}

/** A text with its matches marked. The relay counts code points, JavaScript UTF-16 units. */
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
  const [found, setFound] = useState({ results: [], more: false, status: "" });
  // Answers may arrive out of order: only the latest request may show its results.
  const latest = useRef(0);
  const ask = async (before) => {
    const own = ++latest.current;
    try {
      const page = await get(pathOf(text, room, before));
      if (own !== latest.current) return;
      const results = before ? [...found.results, ...page.results] : page.results;
      setFound({ ...page, results, status: results.length ? "" : "Nothing found." });
    } catch (error) {
      if (own === latest.current) setFound({ results: [], more: false, status: error.message });
    }
  };
  useEffect(() => {
    latest.current += 1;
    if (text.trim().length < MIN_LETTERS) {
      setFound({ results: [], more: false, status: hintFor(text.trim()) });
      return undefined;
    }
    const timer = setTimeout(() => ask(null), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [text, room]);
  return { ...found, more: found.more ? () => ask(found.next_before) : null };
}

export function SearchDialog() {
  const here = view.value.room;
  const [text, setText] = useState(lastQuery);
  const [isHere, setHere] = useState(false);
  const { results, more, status } = useSearch(text, isHere ? here : null);
  return html`<${Dialog} title="Search">
    <label class="search-field">
      <${Icon} name="search" />
      <input
        type="search"
        aria-label="Search messages"
        placeholder="Search for words"
        autocomplete="off"
        autofocus
        value=${text}
        onFocus=${(event) => event.target.select()}
        onInput=${(event) => setText((lastQuery = event.target.value))}
      />
    </label>
    ${here &&
    html`<div class="segments wide-segments" role="group" aria-label="Search in">
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
    <p class="hint" role="status">${status}</p>
    <ul class="results">
      ${results.map((each) => html`<${Result} key=${`${each.room} ${each.message.seq}`} result=${each} />`)}
    </ul>
    ${more && html`<button type="button" class="quiet" onClick=${more}>More</button>`}
  <//>`;
}
