// The view on screen and its address: ?room=&with=&seq=&thread=, or ?view=inbox
import { computed, signal } from "./ui.js";

function numberIn(query, name) {
  const number = Number(query.get(name));
  return Number.isInteger(number) && number > 0 ? number : null;
}

function parseAddress() {
  const query = new URLSearchParams(location.search);
  const room = query.get("room") || null;
  return {
    place: query.get("view") === "inbox" ? "inbox" : "room",
    room,
    peer: query.get("with") || null,
    seq: numberIn(query, "seq"),
    thread: room ? numberIn(query, "thread") : null,
  };
}

const NOWHERE = { place: "room", room: null, peer: null, seq: null, thread: null };

/**
 * The view: `place` is what the middle shows ("room" or "inbox"), `peer` the agent of a
 * direct view, `seq` a message to show, and `thread` the message whose replies are beside.
 * In the inbox, `room` is the room of the thread, if one is open.
 */
export const view = signal(parseAddress());
export const currentRoom = computed(() => view.value.room);
/** The room whose messages are on the screen: none in the inbox. */
export const shownRoom = computed(() => (view.value.place === "room" ? view.value.room : null));
/** Counts navigations: choosing the room in view again must scroll it to its end. */
export const visits = signal(0);

export function addressOf({ place, room, peer, seq, thread }) {
  const query = new URLSearchParams();
  if (place === "inbox") query.set("view", "inbox");
  if (room) query.set("room", room);
  if (peer) query.set("with", peer);
  if (seq) query.set("seq", seq);
  if (thread) query.set("thread", thread);
  const text = query.toString();
  return location.pathname + (text ? `?${text}` : "");
}

function show(next, how) {
  view.value = { ...NOWHERE, ...next };
  visits.value += 1;
  history[how](null, "", addressOf(next));
}

/** Show a room or a message in it. Only a message gets a history entry to go back from. */
export function showRoom(room, seq = null, how = null) {
  const isAway = view.peek().place !== "room";
  show({ room, seq }, how ?? (seq || isAway ? "pushState" : "replaceState"));
}

export function showPeer(peer, room = view.peek().room) {
  show({ room, peer }, "pushState");
}

/** Show the inbox, in which no room is in view. */
export function showInbox() {
  show({ place: "inbox" }, view.peek().place === "inbox" ? "replaceState" : "pushState");
}

/**
 * Show a thread beside the view.
 *
 * The inbox stays; any other view becomes that of the thread's room, at its first message.
 * The room in view does not scroll.
 */
export function showThread(room, seq) {
  const current = view.peek();
  const isHere = current.place === "inbox" || current.room === room;
  const next = isHere ? { ...current, room, seq: null, thread: seq } : { ...NOWHERE, room, seq, thread: seq };
  view.value = next;
  if (!isHere) visits.value += 1;
  history.pushState(null, "", addressOf(next));
}

/** Remove some fields from the view and the address, without moving anything. */
function drop(fields) {
  view.value = { ...view.peek(), ...fields };
  history.replaceState(null, "", addressOf(view.peek()));
}

/** Remove an unreachable message from the address. */
export function dropSeq() {
  if (view.peek().seq) drop({ seq: null });
}

/** Remove the thread from the view. */
export function dropThread() {
  const { place, thread } = view.peek();
  if (thread) drop({ thread: null, ...(place === "inbox" ? { room: null } : {}) });
}

window.addEventListener("popstate", () => {
  const before = view.peek();
  const next = parseAddress();
  view.value = next;
  // Going back from a thread leaves the conversation where it is.
  const isElsewhere = ["place", "room", "peer", "seq"].some((field) => before[field] !== next[field]);
  if (isElsewhere) visits.value += 1;
});
