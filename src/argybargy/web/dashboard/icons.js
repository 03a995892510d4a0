// Small pictures, drawn for this page on a grid of 20.
import { cx, html } from "./ui.js";
import { hueOf, monogram } from "./format.js";

const PATHS = {
  hash: "M7.5 3 6 17M14 3l-1.5 14M3.5 7.500h13.500M3 12.500h13.5",
  lock: "M5.5 9h9v7.500h-9zM7.5 9V6.500a2.5 2.5 0 0 1 5 0V9",
  unlock: "M5.5 9h9v7.500h-9zM7.5 9V6a2.5 2.5 0 0 1 4.8-1",
  caret: "m7.5 5 5 5-5 5",
  gear: "M10 7.200a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.600M10 2.500v2M10 15.500v2M2.5 10h2M15.5 10h2M4.7 4.700l1.4 1.400M13.9 13.900l1.4 1.400M4.7 15.300l1.4-1.400M13.9 6.100l1.4-1.4",
  sun: "M10 6.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2v1.500M10 16.500V18M2 10h1.500M16.5 10H18M4.3 4.300l1 1M14.7 14.700l1 1M4.3 15.700l1-1M14.7 5.300l1-1",
  moon: "M16 12.200A6.6 6.6 0 0 1 7.8 4a6.6 6.6 0 1 0 8.2 8.200z",
  auto: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  send: "M3.5 10 17 4l-4 13-3-5.500z",
  reply: "M8 5 3.5 9.5 8 14M3.5 9.500H12a4.5 4.5 0 0 1 4.5 4.500v1",
  copy: "M7 7h9v9H7zM13 7V4H4v9h3",
  link: "M8.5 11.5 11.5 8.500M9 6.500l1.5-1.500a3.2 3.2 0 0 1 4.5 4.500L13.5 11M11 13.5 9.5 15A3.2 3.2 0 0 1 5 10.500L6.5 9",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  close: "m5 5 10 10M15 5 5 15",
  plus: "M10 4v12M4 10h12",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4M12.7 12.7 17 17",
  key: "M12.5 4a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 10l-6 6M6 14l2 2",
  menu: "M3.5 6h13M3.5 10h13M3.5 14h13",
  back: "m12 4.5-5.5 5.5 5.5 5.5",
  down: "M10 4v11M5.5 10.5 10 15l4.5-4.5",
  bell: "M5 14V9a5 5 0 0 1 10 0v5l1.2 1H3.800zM8.5 17h3",
  phone: "M6.5 2.500h7v15h-7zM9.3 15h1.4",
  person: "M10 4a3 3 0 1 0 0 6 3 3 0 0 0 0-6M4.5 16.500a5.5 4.5 0 0 1 11 0",
  people: "M7.5 5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M3 15.500a4.5 3.8 0 0 1 9 0M13 5.300a2.4 2.4 0 0 1 0 4.600M14.5 11.800a4 4 0 0 1 2.6 3.7",
  ask: "M10 2.800a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.400M8 8a2 2 0 1 1 2.7 1.900c-.5.2-.7.5-.7 1.100M10 13.700v.1",
  clock: "M10 2.800a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.400M10 6v4l2.7 1.6",
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

/** The mark of the relay. */
export function Mark({ size = 22 }) {
  return html`<svg width=${size} height=${size} viewBox="0 0 32 32" aria-hidden="true">
    <path
      class="mark-one"
      d="M6 3h13a5 5 0 0 1 5 5v4a5 5 0 0 1-5 5h-6l-6 5v-5.200A5 5 0 0 1 1 12V8a5 5 0 0 1 5-5z"
    />
    <path
      class="mark-two"
      d="M27 11.500A5 5 0 0 1 31 16v5a5 5 0 0 1-4 4.900V30l-5-4h-6a5 5 0 0 1-4.4-2.600l2.5-2.100H20a7 7 0 0 0 7-7z"
    />
  </svg>`;
}

// -- avatars --------------------------------------------------------------------
// Who speaks, at a glance. A name decides the letters and the hue, never any trust:
// that somebody is the operator is said by the relay alone (`from_kind`).

export function Avatar({ name, kind = "agent", online = null, small = false }) {
  const isAgent = kind === "agent";
  return html`<span
    class=${cx("avatar", isAgent ? `hue-${hueOf(name)}` : `is-${kind}`, small && "is-small")}
    aria-hidden="true"
  >
    ${isAgent ? monogram(name) : html`<${Icon} name=${kind === "system" ? "auto" : "person"} />`}
    ${online !== null && html`<i class=${cx("presence", online && "is-online")}></i>`}
  </span>`;
}
