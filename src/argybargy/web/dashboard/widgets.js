// Dialogs, notices and buttons that several parts of the page share.

// -- dialogs --------------------------------------------------------------------
// The browser's own <dialog>, which traps the focus, restores it, and closes on Escape.
import { cx, html, signal, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { Icon } from "./icons.js";

/** The open dialog: its name (null for none) and the props it was opened with. */
export const openedDialog = signal({ name: null });
/** Whether the sidebar is shown over the page on a small screen. */
export const isMenuOpen = signal(false);

export function openDialog(name, props = {}) {
  isMenuOpen.value = false;
  // It is not about what the dialog shows.
  clearNotice();
  openedDialog.value = { name, ...props };
}

export function closeDialog() {
  openedDialog.value = { name: null };
}

export function Dialog({ title, kind = "sheet", children }) {
  const node = useRef(null);
  useLayoutEffect(() => {
    const dialog = node.current;
    dialog.showModal();
    // Closing, not just removing, makes the browser restore the focus.
    return () => dialog.close();
  }, []);
  const pressed = useRef(null);
  const onClick = (event) => {
    // A click on the backdrop, but not the end of a text selection dragged out of here.
    if (event.target === node.current && pressed.current === node.current) closeDialog();
  };
  const onCancel = (event) => {
    // Let the state close it; otherwise the browser would, and the two would disagree.
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

/** Whether the main pointer is a finger. */
export const isTouch = () => matchMedia("(pointer: coarse)").matches;

/** Whether a key press sends: Enter, except on touch keyboards, which lack Shift+Enter. */
export function isSendKey({ key, shiftKey, isComposing }) {
  return key === "Enter" && !shiftKey && !isComposing && !isTouch();
}

// -- notices --------------------------------------------------------------------
// Short messages over the page, or over a dialog: they move nothing, and clicks go through
// them. Screen readers announce them.

const SHOWN_MS = 6_000;
const notice = signal({ text: "", isProblem: false });
let timer = 0;

function clearNotice() {
  clearTimeout(timer);
  notice.value = { text: "", isProblem: false };
}

export function showNotice(text, isProblem = false) {
  notice.value = { text, isProblem };
  clearTimeout(timer);
  timer = setTimeout(clearNotice, SHOWN_MS);
}

/** Show an error, except a 401: the page says by itself that the session has ended. */
export function showError(error) {
  if (error.status !== 401) showNotice(error.message, true);
}

export function Notice() {
  const { text, isProblem } = notice.value;
  return html`<div class="notice-place" role="status">
    ${text && html`<p class=${isProblem ? "notice is-problem" : "notice"}>${text}</p>`}
  </div>`;
}

// -- confirming -----------------------------------------------------------------

/**
 * A button that asks before it acts. The question stays until it is answered: by its own
 * button, Cancel, Escape, or a press elsewhere.
 */
export function ConfirmButton({ label, confirm, onConfirm, kind = "", title, disabled }) {
  const [isArmed, setArmed] = useState(false);
  const place = useRef(null);
  useEffect(() => {
    if (!isArmed) return undefined;
    const onPointerDown = ({ target }) => place.current.contains(target) || setArmed(false);
    document.addEventListener("pointerdown", onPointerDown, true);
    return () => document.removeEventListener("pointerdown", onPointerDown, true);
  }, [isArmed]);
  const cancel = () => {
    setArmed(false);
    place.current.querySelector("button").focus();
  };
  const onClick = (event) => {
    if (isArmed && event.detail > 1) return; // the second half of a double click
    setArmed(!isArmed);
    if (isArmed) onConfirm();
  };
  const onKeyDown = (event) => {
    if (!isArmed || event.key !== "Escape") return;
    event.preventDefault(); // the dialog around it stays
    event.stopPropagation();
    cancel();
  };
  return html`<span class="confirm" ref=${place} onKeyDown=${onKeyDown}>
    <button type="button" class=${cx(kind, isArmed && "armed")} title=${title} disabled=${disabled} onClick=${onClick}>
      <span aria-live="polite">${isArmed ? confirm : label}</span>
    </button>
    ${isArmed && html`<button type="button" class=${cx(kind.includes("small") && "small")} onClick=${cancel}>Cancel</button>`}
  </span>`;
}

// -- copying --------------------------------------------------------------------
// With a fallback for pages on plain http, which have no clipboard API.

const COPIED_MS = 2_000;

function copyBySelection(text, near) {
  const box = document.createElement("textarea");
  box.value = text;
  box.className = "offscreen";
  box.readOnly = true;
  // While a modal dialog is open, nothing outside it can be selected.
  (near.closest("dialog") ?? document.body).append(box);
  box.select();
  const isDone = document.execCommand("copy");
  box.remove();
  near.focus();
  return isDone;
}

/** Copy a text; false if the browser refuses. */
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

/** A button that copies `text` and confirms it. */
export function CopyButton({ text, label = "Copy", what = "", icon = "copy", source = null, quiet = false }) {
  const [status, setStatus] = useState("");
  const timer = useRef(0);
  const act = async (event) => {
    const isDone = await copyText(text, event.currentTarget);
    if (!isDone) select(source?.current);
    setStatus(isDone ? "Copied" : isTouch() ? "Copy it by hand" : "Press Ctrl+C");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setStatus(""), COPIED_MS);
  };
  return html`<button
    type="button"
    class=${quiet ? "quiet copy" : "copy"}
    aria-label=${status ? undefined : `${label} ${what}`.trim()}
    onClick=${act}
  >
    <${Icon} name=${status === "Copied" ? "check" : icon} size=${16} />
    <span aria-live="polite">${status || label}</span>
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

// -- styles ---------------------------------------------------------------------

/**
 * Load the stylesheet of a part that is loaded when it is first needed. It never fails: the
 * module that waits for it could not be imported again, and a part without its styles is
 * better than none.
 */
export function loadStyles(name) {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(name, import.meta.url);
    link.onload = resolve;
    link.onerror = resolve;
    document.head.append(link);
  });
}
