// The link of the guest, and what this tab keeps of a visit.
//
// The code arrives in the fragment of the link, which browsers never send to a server. It is
// taken out of the address at once, and kept in this tab alone: it survives a reload, and a
// closed tab forgets it.

const CODE_KEY = "argy_guest";
const VISIT_KEY = "argy_guest_visit";

function read(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null; // storage is blocked: everything lasts until the page is reloaded
  }
}

function write(key, value) {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // Blocked or full; the page works without it until a reload.
  }
}

/**
 * What is kept of a visit: `draft` and `answers` (the seq that the draft replies to), `seen`
 * (the last message read), `room`, `until` (the end of the link), and `ended` (why the link
 * no longer opens the room).
 */
export const visit = readVisit();

function readVisit() {
  try {
    const kept = JSON.parse(read(VISIT_KEY));
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {};
  }
}

export function keep(fields) {
  Object.assign(visit, fields);
  write(VISIT_KEY, JSON.stringify(visit));
}

/** Return the code of the address, or of this tab before a reload; null without one. */
export function takeCode() {
  const given = new URLSearchParams(location.hash.slice(1)).get("code");
  if (location.hash) history.replaceState(null, "", location.pathname);
  if (!given) return read(CODE_KEY);
  if (given !== read(CODE_KEY)) {
    for (const name of Object.keys(visit)) delete visit[name];
    write(VISIT_KEY, null);
  }
  write(CODE_KEY, given);
  return given;
}

export function forgetCode() {
  write(CODE_KEY, null);
}

/** Call back when another link is opened in this tab: only the fragment changes then. */
export function onNewLink(act) {
  addEventListener("hashchange", () => {
    if (new URLSearchParams(location.hash.slice(1)).get("code")) act();
  });
}
