// What is on screen, and the address that leads back there: ?room=&with=&seq=
import { computed, signal } from "./ui.js";

function fromAddress() {
  const query = new URLSearchParams(location.search);
  const seq = Number(query.get("seq"));
  return {
    room: query.get("room") || null,
    peer: query.get("with") || null,
    seq: Number.isInteger(seq) && seq > 0 ? seq : null,
  };
}

export const view = signal(fromAddress());
export const currentRoom = computed(() => view.value.room);
/** Counts the choices of a view, so that choosing the same one again is seen. */
export const visits = signal(0);

export function addressOf({ room, peer, seq }) {
  const query = new URLSearchParams();
  if (room) query.set("room", room);
  if (peer) query.set("with", peer);
  if (seq) query.set("seq", seq);
  const text = query.toString();
  return location.pathname + (text ? `?${text}` : "");
}

function show(next, how) {
  view.value = next;
  visits.value += 1;
  history[how](null, "", addressOf(next));
}

/** Choosing a room replaces the address; from a message the browser leads back. */
export function showRoom(room, seq = null, how = seq ? "pushState" : "replaceState") {
  show({ room, peer: null, seq }, how);
}

export function showPeer(peer) {
  show({ room: view.peek().room, peer, seq: null }, "pushState");
}

/** Forget the message that the address names, once it was shown. */
export function dropSeq() {
  if (view.peek().seq) {
    view.value = { ...view.peek(), seq: null };
    history.replaceState(null, "", addressOf(view.peek()));
  }
}

window.addEventListener("popstate", () => {
  view.value = fromAddress();
  visits.value += 1;
});
