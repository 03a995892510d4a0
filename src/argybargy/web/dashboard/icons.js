// Icons, drawn for this page on a 20 by 20 grid.
import { html } from "./ui.js";

const PATHS = {
  hash: "M7.5 3 6 17M14 3l-1.5 14M3.5 7.5h13.5M3 12.5h13.5",
  lock: "M5.5 9h9v7.5h-9zM7.5 9V6.5a2.5 2.5 0 0 1 5 0V9",
  caret: "m7.5 5 5 5-5 5",
  gear: "M8.3 4.7 8.5 2.3h3l.2 2.4 2 1.1 2.2-.9 1.5 2.6-1.9 1.3v2.4l1.9 1.3-1.5 2.6-2.2-.9-2 1.1-.2 2.4h-3l-.2-2.4-2-1.1-2.2.9-1.5-2.6 1.9-1.3V8.8L2.6 7.5l1.5-2.6 2.2.9zM10 7.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4",
  sun: "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1 1M14.7 14.7l1 1M4.3 15.7l1-1M14.7 5.3l1-1",
  moon: "M16 12.2A6.6 6.6 0 0 1 7.8 4a6.6 6.6 0 1 0 8.2 8.2z",
  auto: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  send: "M3.5 10 17 4l-4 13-3-5.5z",
  reply: "M8 5 3.5 9.5 8 14M3.5 9.5H12a4.5 4.5 0 0 1 4.5 4.5v1",
  thread: "M3.5 4h13v9H9l-3.5 3v-3h-2zM6.5 7.5h7M6.5 10h4.5",
  link: "M8.5 11.5a3 3 0 0 0 4.3 0l2.8-2.8a3 3 0 0 0-4.3-4.3l-1.2 1.2M11.5 8.5a3 3 0 0 0-4.3 0l-2.8 2.8a3 3 0 0 0 4.3 4.3l1.2-1.2",
  copy: "M7 7h9v9H7zM13 7V4H4v9h3",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  close: "m5 5 10 10M15 5 5 15",
  plus: "M10 4v12M4 10h12",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4M12.7 12.7 17 17",
  key: "M12.5 4a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 10l-6 6M6 14l2 2",
  menu: "M3.5 6h13M3.5 10h13M3.5 14h13",
  back: "m12 4.5-5.5 5.5 5.5 5.5",
  down: "M10 4v11M5.5 10.5 10 15l4.5-4.5",
  phone: "M6.5 2.5h7v15h-7zM9.3 15h1.4",
  person: "M10 4a3 3 0 1 0 0 6 3 3 0 0 0 0-6M4.5 16.5a5.5 4.5 0 0 1 11 0",
  people: "M7.5 4.5a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2M2.5 16a5 4.2 0 0 1 10 0M13 5a2.3 2.3 0 0 1 0 4.4M14.6 12.3A4.5 4.5 0 0 1 17.5 16",
  inbox: "M3 11.5 5 4h10l2 7.5V16H3zM3 11.5h4.2a2.8 2.8 0 0 0 5.6 0H17",
  pin: "m12.2 2.8 5 5-1.4.9-.8 4.1-2 2-7.8-7.8 2-2 4.1-.8zM9 11l-5.5 5.5",
  more: "M4.5 10h.1M10 10h.1M15.5 10h.1",
  jump: "M3.5 10h9M9 6l4 4-4 4M16.5 4v12",
  ask: "M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4M8 8a2 2 0 1 1 2.7 1.9c-.5.2-.7.5-.7 1.1M10 13.7v.1",
  clock: "M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4M10 6v4l2.7 1.6",
};

export function Icon({ name, size = 18 }) {
  return html`<svg
    class="icon"
    width=${size}
    height=${size}
    viewBox="0 0 20 20"
    fill="none"
    stroke="currentColor"
    stroke-width="1.6"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d=${PATHS[name]} />
  </svg>`;
}

/** The logo. */
export function Mark({ size = 22 }) {
  return html`<svg width=${size} height=${size} viewBox="0 0 32 32" aria-hidden="true">
    <path
      class="mark-one"
      d="M6 3h13a5 5 0 0 1 5 5v4a5 5 0 0 1-5 5h-6l-6 5v-5.2A5 5 0 0 1 1 12V8a5 5 0 0 1 5-5z"
    />
    <path
      class="mark-two"
      d="M27 11.5A5 5 0 0 1 31 16v5a5 5 0 0 1-4 4.9V30l-5-4h-6a5 5 0 0 1-4.4-2.6l2.5-2.1H20a7 7 0 0 0 7-7z"
    />
  </svg>`;
}
