// The search, in the right pane: one room or all of them. The query and its results stay
// while the pane is closed, so that opening a result loses nothing.
import { cx, html, memo, signal, useEffect, useRef } from "./ui.js";
import { get } from "./api.js";
import { nowMs } from "./clock.js";
import { hasHue, hueStyle } from "./colours.js";
import { fullTime, shortMoment } from "./format.js";
import { Icon } from "./icons.js";
import { closePane, isNarrow } from "./panes.js";
import { currentRoom, showRoom } from "./route.js";
import { SearchHelp, unfinishedIn, withFilter } from "./search_help.js";
import { loadStyles } from "./widgets.js";

await loadStyles("search.css");

const PAGE = 30;
const DEBOUNCE_MS = 200;
const MIN_LETTERS = 2;
/** What each filter puts into the field, and what it finds. */
const FILTERS = [
  ["is:open ", "questions that wait for an answer"],
  ["from:", "messages of somebody"],
  ["to:", "messages to somebody"],
  ["before:", "messages before a day, such as 2026-01-31"],
  ['"', "words next to each other, in quotes"],
  ["-", "no messages with this word"],
];
const EMPTY = { results: [], more: false, next_before: null, status: "", fruitless: null };

const text = signal("");
const isHere = signal(false);
const found = signal(EMPTY);
/** The result that was opened last, which is marked. */
const opened = signal("");

const keyOf = ({ room, message }) => `${room} ${message.seq}`;

// -- asking -------------------------------------------------------------------------

/** Answers may arrive out of order: only the latest request may show its results. */
let latest = 0;

function pathOf(query, room, before) {
  const fields = new URLSearchParams({ q: query, limit: PAGE });
  if (room) fields.set("room", room);
  if (before) fields.set("before", before);
  return `admin/search?${fields}`;
}

async function ask(room, before = null) {
  const own = ++latest;
  try {
    const query = text.peek();
    const page = await get(pathOf(query, room, before));
    if (own !== latest) return;
    const results = before ? [...found.peek().results, ...page.results] : page.results;
    const isNothing = !results.length;
    found.value = { ...page, results, fruitless: isNothing ? query : null, status: isNothing ? "Nothing found." : "" };
  } catch (error) {
    // The relay names the field of the request, which nobody sees here.
    if (own === latest) found.value = { ...EMPTY, status: error.message.replace(/^q: /, "") };
  }
}

/** What was asked last, so that the same query is not asked again when the pane reopens. */
let asked = "";

function useSearch(query, room) {
  useEffect(() => {
    const own = JSON.stringify([query, room]);
    if (own === asked) return undefined;
    latest += 1;
    const isPart = unfinishedIn(query) !== undefined;
    if (isPart || query.trim().length < MIN_LETTERS) {
      asked = own;
      found.value = { ...EMPTY, status: query.trim() && !isPart ? `Type ${MIN_LETTERS} letters or more.` : "" };
      return undefined;
    }
    const timer = setTimeout(() => ((asked = own), ask(room)), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [query, room]);
}

// -- results ------------------------------------------------------------------------

/** The marks of a code block, and those of a table that has a line under its head. */
const FENCE = /```[\w+-]*/g;
const TABLE_LINE = /\|(?:\s*:?-+:?\s*\|)+/;
const TABLE = /\|(?:\s*:?-+:?\s*\|)+|\|/g;

/** A text without the marks of code blocks and tables, and where its matches are then. */
function withoutMarkup(whole, marks) {
  const count = (text) => [...text].length;
  const found = [...whole.matchAll(FENCE), ...(TABLE_LINE.test(whole) ? whole.matchAll(TABLE) : [])];
  if (!found.length) return { plain: whole, places: marks };
  const spans = found.map(({ index, 0: mark }) => [count(whole.slice(0, index)), count(whole.slice(0, index + mark.length))]);
  const points = [...whole];
  const kept = [...points.keys()].filter((at) => !spans.some(([from, to]) => at >= from && at < to));
  const moved = (at) => (at > kept.at(-1) ? kept.length : kept.findIndex((each) => each >= at));
  return { plain: kept.map((at) => points[at]).join(""), places: marks.map(([from, to]) => [moved(from), moved(to)]) };
}

const CODE = /(?<!`)`(?!`)([^`]+)`(?!`)/g;

/** A part of a text with its matches marked; `at` is where the part begins. */
function marked(points, at, marks) {
  const between = (from, to) => points.slice(Math.max(0, from - at), Math.max(0, to - at)).join("");
  let end = at;
  const parts = marks.flatMap(([from, to]) => {
    const [before, match] = [between(end, from), between(from, to)];
    end = Math.max(end, to);
    return match ? [before, html`<mark>${match}</mark>`] : [before];
  });
  return [...parts, between(end, at + points.length)];
}

/**
 * A text with its matches marked and its inline code set as code. The relay counts code
 * points, JavaScript UTF-16 units.
 */
function Marked({ text, marks: matches }) {
  const { plain: whole, places: marks } = withoutMarkup(text, matches);
  const count = (text) => [...text].length;
  const parts = [];
  let at = 0;
  for (const { index, 0: quoted, 1: code } of whole.matchAll(CODE)) {
    parts.push(marked([...whole.slice(at, index)], count(whole.slice(0, at)), marks));
    parts.push(html`<code>${marked([...code], count(whole.slice(0, index)) + 1, marks)}</code>`);
    at = index + quoted.length;
  }
  return [...parts, marked([...whole.slice(at)], count(whole.slice(0, at)), marks)];
}

function show(result) {
  opened.value = keyOf(result);
  if (isNarrow.peek()) closePane(); // it would cover the message
  showRoom(result.room, result.message.seq);
}

const Result = memo(function Result({ result, isOpened }) {
  const { message, room, snippet, marks } = result;
  const at = Date.parse(message.ts);
  const isNamed = hasHue(message.from_kind);
  return html`<li>
    <button
      type="button"
      class=${cx("result", isOpened && "is-opened")}
      aria-current=${isOpened ? "true" : undefined}
      onClick=${() => show(result)}
    >
      <span class="result-head">
        <bdi class=${cx("name", isNamed && "is-hued")} style=${isNamed ? hueStyle(message.from) : undefined}>${message.from}</bdi>
        <span class="where">#${message.seq}</span>
        ${message.question && html`<span class="where">${message.question.state}</span>`}
        <time datetime=${message.ts} title=${fullTime(at)}>${shortMoment(at, nowMs())}</time>
      </span>
      <span class="result-text"><${Marked} text=${snippet} marks=${marks} /></span>
    </button>
  </li>`;
});

/** Results by room; the room with the newest result first. */
function grouped(results) {
  const rooms = new Map();
  for (const each of results) rooms.set(each.room, [...(rooms.get(each.room) ?? []), each]);
  return [...rooms];
}

function Results() {
  const { results, more, next_before: before } = found.value;
  const room = isHere.value ? currentRoom.value : null;
  return html`
    ${grouped(results).map(
      ([name, rows]) => html`<section class="result-group" key=${name} aria-label=${`Results in ${name}`}>
        <h3>#<bdi>${name}</bdi> <span class="where">${rows.length}</span></h3>
        <ul class="results">
          ${rows.map((each) => html`<${Result} key=${keyOf(each)} result=${each} isOpened=${opened.value === keyOf(each)} />`)}
        </ul>
      </section>`,
    )}
    ${more && html`<button type="button" class="quiet" onClick=${() => ask(room, before)}>More</button>`}
  `;
}

// -- the pane -----------------------------------------------------------------------

function Scope() {
  const here = currentRoom.value;
  if (!here) return null;
  return html`<div class="segments wide-segments" role="group" aria-label="Search in">
    ${[false, true].map(
      (only) => html`<button
        type="button"
        key=${only}
        class=${cx(isHere.value === only && "on")}
        aria-pressed=${isHere.value === only}
        onClick=${() => (isHere.value = only)}
      >
        ${only ? `#${here}` : "All rooms"}
      </button>`,
    )}
  </div>`;
}

/** The filters; pressing one puts it into the field. */
function Filters({ add }) {
  return html`<div class="filters" role="group" aria-label="Filters">
    ${FILTERS.map(
      ([filter, title]) => html`<button type="button" class="quiet" key=${filter} title=${title} onClick=${() => add(filter)}>
        <code>${{ '"': '"exact phrase"', "-": "-excluded" }[filter] ?? filter}</code>
      </button>`,
    )}
  </div>`;
}

/** Move the focus through the results, and back to the field above the first. */
function moveInResults(event, field) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.isComposing) return;
  const rows = [...event.currentTarget.querySelectorAll(".result")];
  const at = rows.indexOf(document.activeElement);
  if (at < 0 && document.activeElement !== field) return;
  event.preventDefault();
  if (at + step < 0) field.focus();
  else rows[Math.min(rows.length - 1, at + step)]?.focus();
}

/** The search; `query` replaces the one of before, unless it is null. */
export function SearchPane({ query = null, visit }) {
  const field = useRef(null);
  useEffect(() => {
    if (query !== null) text.value = query;
    // The field has the new text after the next rendering.
    const frame = requestAnimationFrame(() => field.current?.select());
    return () => cancelAnimationFrame(frame);
  }, [query, visit]);
  const room = isHere.value ? currentRoom.value : null;
  useSearch(text.value, room);
  const choose = (next) => {
    text.value = next;
    field.current.focus();
  };
  const add = (filter) => choose(withFilter(text.peek(), filter));
  const onKeyDown = (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    const [first] = found.peek().results;
    if (first) show(first);
  };
  return html`<div class="search-pane" role="search" onKeyDown=${(event) => moveInResults(event, field.current)}>
    <label class="search-field">
      <${Icon} name="search" />
      <input
        type="search"
        id="search-field"
        aria-label="Search messages"
        placeholder="Search for words"
        autocomplete="off"
        spellcheck=${false}
        ref=${field}
        value=${text.value}
        onInput=${(event) => (text.value = event.target.value)}
        onKeyDown=${onKeyDown}
      />
    </label>
    <${Scope} />
    <${Filters} add=${add} />
    <p class="hint" role="status">${found.value.status}</p>
    <${SearchHelp} query=${text.value} room=${room} isNothing=${found.value.fruitless === text.value} choose=${choose} />
    <${Results} />
  </div>`;
}
