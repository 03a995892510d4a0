// Copying that works without the clipboard API too, which plain-http pages lack.
import { html, useRef, useState } from "./ui.js";
import { Icon } from "./icons.js";

const SHOWN_MS = 2_000;

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
    timer.current = setTimeout(() => setTold(""), SHOWN_MS);
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
