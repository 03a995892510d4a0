// Persistent settings in the browser's storage. Where storage is blocked, full or corrupt,
// values are kept in memory and last as long as the page.
import { signal } from "./ui.js";

function storageArea(name) {
  const fallback = new Map();
  return {
    get(key) {
      // A value that could be stored may have been changed by another tab since.
      if (fallback.has(key)) return fallback.get(key);
      try {
        return window[name].getItem(key);
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        if (value === null) window[name].removeItem(key);
        else window[name].setItem(key, value);
        fallback.delete(key);
      } catch {
        // Blocked (private windows, site settings) or full.
        fallback.set(key, value);
      }
    },
  };
}

/** Shared by all tabs, and kept when the browser closes. */
export const localStore = storageArea("localStorage");
/** Of this tab alone, and dropped when it closes. */
export const sessionStore = storageArea("sessionStorage");

/** Call `act` with the new value, or null, when another tab changes a value of localStorage. */
export function onStored(key, act) {
  window.addEventListener("storage", (event) => {
    // A key of null means that everything was deleted.
    if (event.key === key || event.key === null) act(localStore.get(key));
  });
}

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
