// Short texts outside the conversation, with their code marked.
import { html } from "./ui.js";

const CODE = /`([^`\n]+)`/;

/** A text in which `code` is set as code; all other Markdown stays as it was written. */
export function InlineCode({ text }) {
  // Every second part is what the group has matched.
  return text.split(CODE).map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));
}
