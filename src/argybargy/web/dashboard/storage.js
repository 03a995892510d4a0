// Persistent settings in the browser's storage. Where storage is blocked, full or corrupt,
// values are kept in memory and last as long as the page.
import { signal } from "./ui.js";

function storageArea(name) {
  const fallback = new Map();
  return {
    get(key) {
      try {
        return window[name].getItem(key) ?? fallback.get(key) ?? null;
      } catch {
        return fallback.get(key) ?? null;
      }
    },
    set(key, value) {
      fallback.set(key, value);
      try {
        if (value === null) window[name].removeItem(key);
        else window[name].setItem(key, value);
      } catch {
        // Blocked (private windows, site settings) or full; `fallback` holds the value.
      }
    },
  };
}

/** Shared by all tabs, and kept when the browser closes. */
export const localStore = storageArea("localStorage");
/** Of this tab alone, and dropped when it closes. */
export const sessionStore = storageArea("sessionStorage");

/** Parse a stored value; the fallback if it is missing, corrupt, or of another type. */
export function readJson(store, key, fallback) {
  try {
    const value = JSON.parse(store.get(key));
    return value && typeof value === typeof fallback ? value : fallback;
  } catch {
    return fallback;
  }
}

/** Create a text signal that is stored under `key`. */
export function persistedSignal(store, key, fallback) {
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
