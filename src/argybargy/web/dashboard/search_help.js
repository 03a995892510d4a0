// Help with a search query: what an unfinished filter still needs, and what to try when
// nothing was found.
import { html, signal } from "./ui.js";
import { nowMs } from "./clock.js";
import { isSameName } from "./format.js";
import { codes, roster } from "./state.js";

const MOST_OFFERED = 8;
const DAY_MS = 86_400_000;
const PIECE = /-?"[^"]*"?|(?:from|to|room|is|before):(?:"[^"]*"?|\S*)|\S+/gi;
const FILTER = /^(from|to|room|is|before):(.*)$/i;
/** A day or a time that can still become one that the relay accepts. */
const PART_OF_TIME = /^(\d{0,4}|\d{4}-\d{0,2}|\d{4}-\d\d-\d?|\d{4}-\d\d-\d\dT(\d{0,2}|\d\d:\d?))$/i;

// -- the parts of a query -------------------------------------------------------------

/** The parts of a query, in order: { text, key, value }; words have no key. */
export function piecesOf(query) {
  return [...query.matchAll(PIECE)].map(([text]) => {
    const [, key, value] = FILTER.exec(text) ?? [];
    return { text, key: key?.toLowerCase(), value: value?.replaceAll('"', "") };
  });
}

const joined = (pieces) => pieces.map(({ text }) => text).join(" ");

/** Put a filter into a query, at its end; one of the same kind is replaced. */
export function withFilter(query, filter) {
  const key = FILTER.exec(filter.trim())?.[1];
  const rest = joined(piecesOf(query).filter((piece) => !key || piece.key !== key));
  return rest ? `${rest} ${filter}` : filter;
}

function isUnfinished({ text, key, value }) {
  if (key === "is") return "open".startsWith(value.toLowerCase()) && value.length < 4;
  if (key === "before") return PART_OF_TIME.test(value);
  return key ? !value : /^-?"*$/.test(text);
}

/** The first part of a query that needs more before the relay is asked; or undefined. */
export const unfinishedIn = (query) => piecesOf(query).find(isUnfinished);

// -- names ----------------------------------------------------------------------------

/** Everybody who may have written: in one room, or on the whole relay. */
function knownNames(room) {
  const rows = codes.value.filter((row) => !room || row.room === room);
  const all = ["operator", ...[...rows, ...roster.value].map((row) => row.name)];
  return [...new Map(all.map((name) => [name.toLowerCase(), name])).values()].sort((one, other) =>
    one.localeCompare(other),
  );
}

/** The names that begin with, else contain, some letters. */
function namesLike(names, letters) {
  const part = letters.toLowerCase();
  const begin = names.filter((name) => name.toLowerCase().startsWith(part));
  return begin.length ? begin : names.filter((name) => name.toLowerCase().includes(part));
}

// -- what to offer ----------------------------------------------------------------------

const dayOf = (ms) => {
  const day = new Date(ms);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
};

/** A query for each value, which replaces that of a filter. */
const fillings = (pieces, piece, values) =>
  values.map((value) => [
    value,
    `${joined(pieces.map((each) => (each === piece ? { text: `${piece.key}:${value}` } : each)))} `,
  ]);

function offerForUnfinished(pieces, piece, names) {
  const { key } = piece;
  if (key === "from" || key === "to") {
    const words = key === "from" ? "Messages of whom?" : "Messages to whom?";
    const isPart = names.length > MOST_OFFERED;
    const more = isPart ? ` These are ${MOST_OFFERED} of ${names.length} names: choose one, or type more of it.` : "";
    return { words: words + more, choices: fillings(pieces, piece, names.slice(0, MOST_OFFERED)) };
  }
  if (key === "room") return { words: "Type the name of the room.", choices: [] };
  if (key === "is") return { words: "Questions in which state?", choices: fillings(pieces, piece, ["open"]) };
  if (key === "before") {
    const days = [0, 1, 7].map((count) => dayOf(nowMs() - count * DAY_MS));
    return { words: "Before which day?", choices: fillings(pieces, piece, days) };
  }
  const isExcluded = piece.text.startsWith("-");
  return { words: isExcluded ? "Type the word that must not occur." : "Type the words that stand next to each other.", choices: [] };
}

/** A name that does not exist: those that are like it. */
function offerForName(pieces, names) {
  const isUnknown = ({ key, value }) =>
    (key === "from" || key === "to") && !value.includes(":") && !names.some((name) => isSameName(name, value));
  const piece = pieces.find(isUnknown);
  if (!piece) return null;
  const like = namesLike(names, piece.value).slice(0, MOST_OFFERED);
  const words = `Nobody here is named “${piece.value}”.${like.length ? " Did you mean:" : ""}`;
  return { words, choices: fillings(pieces, piece, like), isKept: true };
}

/** Several words: the query without each of them, and names that one of them begins. */
function offersForWords(pieces, names) {
  const words = pieces.filter(({ key, text }) => !key && !text.startsWith("-"));
  if (words.length < 2) return [];
  const without = words.slice(0, MOST_OFFERED).map((word) => joined(pieces.filter((each) => each !== word)));
  const fewer = { words: "No message has all of these words. Try fewer:", choices: without.map((query) => [query, query]) };
  if (pieces.some(({ key }) => key === "from")) return [fewer];
  const written = words.flatMap((word) => {
    const begun = names.filter((name) => name.toLowerCase().startsWith(word.text.toLowerCase()));
    const rest = joined(pieces.filter((each) => each !== word));
    return begun.map((name) => [`from:${name} ${rest}`, `from:${name} ${rest}`]);
  });
  return written.length ? [fewer, { words: "Or what somebody wrote:", choices: written.slice(0, MOST_OFFERED) }] : [fewer];
}

/** The names that were offered before one of them was chosen: the others stay within reach. */
const chosenFrom = signal(null);
const isChosen = (query) => chosenFrom.value?.choices.some(([, next]) => next.trim() === query.trim());

function offersFor(query, room, isNothing) {
  const pieces = piecesOf(query);
  const names = knownNames(room);
  const piece = pieces.find(isUnfinished);
  if (piece) return [offerForUnfinished(pieces, piece, names)];
  if (isChosen(query)) return [chosenFrom.value, ...(isNothing ? offersForWords(pieces, names) : [])];
  if (!isNothing) return [];
  const name = offerForName(pieces, names);
  return name ? [name] : offersForWords(pieces, names);
}

/**
 * What to add to an unfinished query, or to try after one that found nothing; `choose` gets
 * the query of the offer that is pressed.
 */
export function SearchHelp({ query, room, isNothing, choose }) {
  return offersFor(query, room, isNothing).map(
    (offer) => {
      const { words, choices, isKept } = offer;
      const take = (next) => {
        if (isKept) chosenFrom.value = offer;
        choose(next);
      };
      return html`<div class="search-help" key=${words} role="group" aria-label=${words}>
      <p class="hint" aria-live="polite">${words}</p>
      ${choices.length > 0 &&
      html`<div class="offers">
        ${choices.map(
          ([label, next]) => html`<button type="button" class="quiet" key=${next} aria-pressed=${isKept ? String(next.trim() === query.trim()) : undefined} onClick=${() => take(next)}>
            <bdi>${label}</bdi>
          </button>`,
        )}
      </div>`}
    </div>`;
    },
  );
}
