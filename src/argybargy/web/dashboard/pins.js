// The rooms that the operator pinned in this browser. They come first, in the list of rooms
// and among the questions.
import { signal } from "./ui.js";
import { localStore, readJson } from "./storage.js";

const KEY = "argy_pinned";
const stored = () => readJson(localStore, KEY, []).filter((room) => typeof room === "string");
const pinned = signal(new Set(stored()));

export function isPinned(room) {
  return pinned.value.has(room);
}

export function togglePin(room) {
  // Read the storage again: other tabs pin too.
  const next = new Set(stored());
  if (pinned.peek().has(room)) next.delete(room);
  else next.add(room);
  pinned.value = next;
  localStore.set(KEY, JSON.stringify([...next]));
}

addEventListener("storage", ({ key }) => key === KEY && (pinned.value = new Set(stored())));
