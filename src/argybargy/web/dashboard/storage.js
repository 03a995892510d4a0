// What this browser remembers. A locked or corrupt storage is as good as none: what
// it would have held then lasts as long as the page.
import { signal } from "./ui.js";

function area(name) {
  const kept = new Map();
  return {
    get(key) {
      try {
        return window[name].getItem(key) ?? kept.get(key) ?? null;
      } catch {
        return kept.get(key) ?? null;
      }
    },
    set(key, value) {
      kept.set(key, value);
      try {
        if (value === null) window[name].removeItem(key);
        else window[name].setItem(key, value);
      } catch {
        // The storage is locked or full; `kept` has it for this page.
      }
    },
  };
}

export const lasting = area("localStorage");
export const passing = area("sessionStorage");

export function readJson(store, key, fallback) {
  try {
    const value = JSON.parse(store.get(key));
    return value && typeof value === typeof fallback ? value : fallback;
  } catch {
    return fallback;
  }
}

/** A signal that is kept under `key`, as text. */
export function remembered(store, key, fallback) {
  const value = signal(store.get(key) ?? fallback);
  return {
    get value() {
      return value.value;
    },
    set value(next) {
      value.value = next;
      store.set(key, next);
    },
  };
}
