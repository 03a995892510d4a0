// Completing `@names` in a text field: a list box that the field controls, as in the
// combobox pattern of ARIA. The focus stays in the field.
import { html, useState } from "./ui.js";
import { Avatar } from "./avatar.js";
import { isSameName } from "./format.js";
import { roster } from "./state.js";

const MENTION = /(?:^|[\s(])@([\w.-]{0,64})$/;
const MAX_SHOWN = 8;
const CLOSED = { start: 0, end: 0, names: [], at: 0 };

/** The names that begin with, else contain, what was typed. */
function matching(typed) {
  const part = typed.toLowerCase();
  const names = roster.peek().filter((row) => row.role !== "reader").map((row) => row.name);
  const rank = (name) => (name.toLowerCase().startsWith(part) ? 0 : 1);
  return names
    .filter((name) => name.toLowerCase().includes(part))
    .sort((one, other) => rank(one) - rank(other) || one.localeCompare(other))
    .slice(0, MAX_SHOWN);
}

function mentionAt(field) {
  const { value, selectionStart: end, selectionEnd } = field;
  const found = end === selectionEnd && MENTION.exec(value.slice(0, end));
  if (!found) return CLOSED;
  const names = matching(found[1]);
  // A name that is complete needs no list.
  if (names.length === 1 && isSameName(names[0], found[1])) return CLOSED;
  return { start: end - found[1].length - 1, end, names, at: 0 };
}

/**
 * Complete names in a text field.
 *
 * Returns the props and handlers for the field, and the list to render beside it.
 * `replace(text, name, isFirst)` sets the new text; `isFirst` tells that it begins with
 * the name.
 */
export function useCompletion(id, replace) {
  const [open, setOpen] = useState(CLOSED);
  const isOpen = open.names.length > 0;
  const close = () => setOpen(CLOSED);
  const choose = (name, field) => {
    const { start, end } = open;
    const before = `${field.value.slice(0, start)}@${name} `;
    const text = before + field.value.slice(end).replace(/^ /, "");
    close();
    replace(text, name, start === 0);
    // The caret can be set once the new text is in the field.
    requestAnimationFrame(() => {
      field.focus();
      field.setSelectionRange(before.length, before.length);
    });
  };
  /** Handle a key press; true if it was for the list. */
  const onKeyDown = (event) => {
    if (!isOpen || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const { names, at } = open;
    if (step) setOpen({ ...open, at: (at + step + names.length) % names.length });
    else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") choose(names[at], event.currentTarget);
    else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const field = {
    "aria-autocomplete": "list",
    "aria-controls": isOpen ? id : undefined,
    // A combobox only while there is a list: a text of several lines is none otherwise.
    role: isOpen ? "combobox" : undefined,
    "aria-expanded": isOpen ? "true" : undefined,
    "aria-activedescendant": isOpen ? `${id}-${open.at}` : undefined,
    onBlur: close,
    onClick: ({ currentTarget }) => setOpen(mentionAt(currentTarget)),
  };
  const list = html`<div class="completion-place">
    ${isOpen &&
    html`<ul class="completion" role="listbox" id=${id} aria-label="Names in this room">
      ${open.names.map(
        (name, at) => html`<li
          key=${name}
          id=${`${id}-${at}`}
          role="option"
          aria-selected=${at === open.at}
          onMouseDown=${(event) => event.preventDefault() /* the focus stays in the field */}
          onClick=${() => choose(name, document.activeElement)}
        >
          <${Avatar} name=${name} small /><bdi>${name}</bdi>
        </li>`,
      )}
    </ul>`}
    <span class="offscreen" role="status">
      ${isOpen && `${open.names.length} names; arrow keys and Enter choose one`}
    </span>
  </div>`;
  const onTyped = (node) => setOpen(mentionAt(node));
  return { field, list, onKeyDown, onTyped };
}
