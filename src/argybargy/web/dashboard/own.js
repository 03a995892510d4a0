// What the operator wrote, here, on another device or in a terminal: it is never unread.
import { signal } from "./ui.js";
import { get } from "./api.js";
import { localStore, readJson } from "./storage.js";

const KEY = "argy_own";
/** Most numbers kept for a room: those up to its read mark are dropped anyway. */
const MOST = 200;
/** What the operator wrote last, in any room. */
const SEARCH = `admin/search?q=${encodeURIComponent("from:operator")}&limit=50`;

const stored = () => readJson(localStore, KEY, {});
/** The numbers of own messages that are newer than the read mark, by room. */
const own = signal(stored());
/** Keys of the questions that this tab has withdrawn: the relay's word about it is own. */
const withdrawn = new Set();

function store(room, seqs) {
  // Read the storage again: other tabs write too.
  const next = { ...stored(), [room]: seqs };
  if (!seqs.length) delete next[room];
  own.value = next;
  localStore.set(KEY, JSON.stringify(next));
}

const seqsOf = (all, room) => (Array.isArray(all[room]) ? all[room] : []);

export function noteOwn(room, seq) {
  const seqs = seqsOf(stored(), room);
  if (!seqs.includes(seq)) store(room, [...seqs, seq].slice(-MOST));
}

/** Forget the numbers up to a read mark. */
export function forgetOwn(room, mark) {
  const seqs = seqsOf(own.peek(), room);
  if (seqs.some((seq) => seq <= mark)) store(room, seqs.filter((seq) => seq > mark));
}

/** The number of own messages above a read mark. */
export function countOwn(room, mark, last) {
  return seqsOf(own.value, room).filter((seq) => seq > mark && seq <= last).length;
}

export function noteWithdrawal(room, seq) {
  withdrawn.add(`${room} ${seq}`);
}

/** Whether the operator wrote a message, or caused it by withdrawing a question here. */
export function isOwn(room, { from_kind: kind, reply_to: parent }) {
  return kind === "operator" || (kind === "system" && withdrawn.has(`${room} ${parent}`));
}

/**
 * Note what the operator wrote elsewhere and has not been read: `cards` are the rooms whose
 * newest own message is not known here. There may be more before it than that one, which a
 * search tells; a relay without search knows that one.
 */
export async function noteElsewhere(cards) {
  for (const { room, operator_seq: seq } of cards) noteOwn(room, seq);
  try {
    const { results } = await get(SEARCH);
    const rooms = new Map(cards.map(({ room, read }) => [room, read]));
    for (const { room, message } of results) if (message.seq > rooms.get(room)) noteOwn(room, message.seq);
  } catch (error) {
    if (error.status !== 404 && error.status !== 405) throw error;
  }
}

/** Whether an own message is known. */
export const isNoted = (room, seq) => seqsOf(own.value, room).includes(seq);

export function startOwn() {
  addEventListener("storage", ({ key }) => key === KEY && (own.value = stored()));
}
