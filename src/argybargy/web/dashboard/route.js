// The view on screen and its address: ?room=&with=&seq=
import { computed, signal } from "./ui.js";

function parseAddress() {
  const query = new URLSearchParams(location.search);
  const seq = Number(query.get("seq"));
  return {
    room: query.get("room") || null,
    peer: query.get("with") || null,
    seq: Number.isInteger(seq) && seq > 0 ? seq : null,
  };
}

export const view = signal(parseAddress());
export const currentRoom = computed(() => view.value.room);
/** Counts navigations: choosing the room in view again must scroll it to its end. */
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

/** Show a room or a message in it. Only a message gets a history entry to go back from. */
export function showRoom(room, seq = null, how = seq ? "pushState" : "replaceState") {
  show({ room, peer: null, seq }, how);
}

export function showPeer(peer) {
  show({ room: view.peek().room, peer, seq: null }, "pushState");
}

/** Remove an unreachable message from the address. */
export function dropSeq() {
  if (view.peek().seq) {
    view.value = { ...view.peek(), seq: null };
    history.replaceState(null, "", addressOf(view.peek()));
  }
}

window.addEventListener("popstate", () => {
  view.value = parseAddress();
  visits.value += 1;
});
