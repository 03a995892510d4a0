// Dialogs: the browser's own, which keeps the focus in, gives it back, and closes on
// Escape. One is open at a time; `open` says which.
import { cx, html, signal, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { Icon } from "./icons.js";

/** The open dialog: its name and what it was opened with. */
export const open = signal({ name: null });
const toggled = signal(false);

export function openDialog(name, more = {}) {
  toggled.value = false;
  open.value = { name, ...more };
}

export function closeDialog() {
  open.value = { name: null };
}

/** Whether the sidebar covers a small screen. */
export const isMenuOpen = toggled;

export function Dialog({ title, kind = "sheet", children }) {
  const node = useRef(null);
  useLayoutEffect(() => {
    const dialog = node.current;
    dialog.showModal();
    // Whoever had the focus gets it back from the browser when this closes.
    return () => dialog.close();
  }, []);
  const pressed = useRef(null);
  const onClick = (event) => {
    // Not where a text was selected by dragging out of the dialog.
    if (event.target === node.current && pressed.current === node.current) closeDialog();
  };
  const onCancel = (event) => {
    event.preventDefault();
    closeDialog();
  };
  return html`<dialog
    ref=${node}
    class=${kind}
    aria-labelledby="dialog-title"
    onPointerDown=${(event) => (pressed.current = event.target)}
    onClick=${onClick}
    onCancel=${onCancel}
  >
    <div class="dialog-inside">
      <header>
        <h2 id="dialog-title">${title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick=${closeDialog}>
          <${Icon} name="close" />
        </button>
      </header>
      <div class="dialog-body">${children}</div>
    </div>
    <${Notice} />
  </dialog>`;
}

/** Whether one types and points with a finger. */
export const isTouch = () => matchMedia("(pointer: coarse)").matches;

/** Enter sends, where a keyboard has a Shift to begin a line with. */
export function isSendKey({ key, shiftKey, isComposing }) {
  return key === "Enter" && !shiftKey && !isComposing && !isTouch();
}

// -- notices --------------------------------------------------------------------
// Short words at the top of the page, read out too.

const SHOWN_MS = 6_000;
const notice = signal({ text: "", isProblem: false });
let timer = 0;

export function say(text, isProblem = false) {
  notice.value = { text, isProblem };
  clearTimeout(timer);
  timer = setTimeout(() => (notice.value = { text: "", isProblem: false }), SHOWN_MS);
}

export function complain(error) {
  if (error.status !== 401) say(error.message, true);
}

export function Notice() {
  const { text, isProblem } = notice.value;
  return html`<div class="notice-place" role="status">
    ${text && html`<p class=${isProblem ? "notice is-problem" : "notice"}>${text}</p>`}
  </div>`;
}

// -- confirming -----------------------------------------------------------------
// A button that has to be pressed twice.

export function SureButton({ label, sure, seconds = 3, act, kind = "", title, disabled }) {
  const [isArmed, setArmed] = useState(false);
  useEffect(() => {
    if (!isArmed) return undefined;
    const timer = setTimeout(() => setArmed(false), seconds * 1000);
    return () => clearTimeout(timer);
  }, [isArmed]);
  const onClick = (event) => {
    if (isArmed && event.detail > 1) return; // a double click is one
    setArmed(!isArmed);
    if (isArmed) act();
  };
  return html`<button
    type="button"
    class=${cx(kind, isArmed && "armed")}
    title=${title}
    disabled=${disabled}
    onClick=${onClick}
  >
    <span aria-live="polite">${isArmed ? sure : label}</span>
  </button>`;
}

// -- copying --------------------------------------------------------------------
// Copying that works without the clipboard API too, which plain-http pages lack.

const COPIED_MS = 2_000;

function copyBySelection(text, near) {
  const box = document.createElement("textarea");
  box.value = text;
  box.className = "offscreen";
  box.readOnly = true;
  // Outside an open dialog nothing can be selected.
  (near.closest("dialog") ?? document.body).append(box);
  box.select();
  const isDone = document.execCommand("copy");
  box.remove();
  near.focus();
  return isDone;
}

/** Copy; false if the browser lets nobody. */
export async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, near);
  }
}

function select(node) {
  if (!node) return;
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

/** A button that copies `text` and says that it did. */
export function CopyButton({ text, label = "Copy", what = "", source = null, quiet = false }) {
  const [told, setTold] = useState("");
  const timer = useRef(0);
  const act = async (event) => {
    const isDone = await copyText(text, event.currentTarget);
    if (!isDone) select(source?.current);
    setTold(isDone ? "Copied" : "Press Ctrl+C");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setTold(""), COPIED_MS);
  };
  return html`<button
    type="button"
    class=${quiet ? "quiet copy" : "copy"}
    aria-label=${told ? undefined : `${label} ${what}`.trim()}
    onClick=${act}
  >
    <${Icon} name=${told === "Copied" ? "check" : "copy"} size=${16} />
    <span aria-live="polite">${told || label}</span>
  </button>`;
}

/** A block of text to copy. */
export function CopyBlock({ text, what, wrap = false }) {
  const source = useRef(null);
  return html`<div class="copy-block">
    <pre class=${wrap ? "wrap" : ""} tabindex="0" ref=${source}>${text}</pre>
    <${CopyButton} text=${text} what=${what} source=${source} />
  </div>`;
}
