// Short words at the bottom of the page, read out too.
import { html, signal } from "./ui.js";

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
