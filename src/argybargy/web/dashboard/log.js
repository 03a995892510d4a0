// The messages of one room as far as they are loaded: always one stretch without gaps,
// which ends at the newest unless somebody went far back.
import { computed, signal } from "./ui.js";
import { get, roomPath } from "./api.js";
import { answersOf } from "./questions.js";

const PAGE = 100;
const MOST_AT_ONCE = 400;
/** A tab may be open for weeks: beyond this, the oldest go and can be loaded again. */
const MOST_KEPT = 4_000;

export const logs = new Map();
/** Whether the reader follows what comes; there is one timeline. */
export const isAtEnd = signal(true);

export function hasRoom(room) {
  return logs.has(room);
}

export function log(room) {
  let found = logs.get(room);
  if (!found) logs.set(room, (found = new Log(room)));
  return found;
}

/** Put what came among what is there: by seq, each once, the later word holding. */
export function merged(kept, some) {
  const last = kept.at(-1)?.seq ?? 0;
  if (some.every((message, at) => message.seq > (some[at - 1]?.seq ?? last))) {
    return [...kept, ...some];
  }
  const bySeq = new Map(kept.map((message) => [message.seq, message]));
  for (const message of some) bySeq.set(message.seq, { ...bySeq.get(message.seq), ...message });
  return [...bySeq.values()].sort((one, other) => one.seq - other.seq);
}

export class Log {
  constructor(room) {
    this.room = room;
    this.messages = signal([]);
    this.answers = computed(() => answersOf(this.messages.value));
    this.isKnown = signal(false);
    this.hasMore = signal(false);
    this.isPast = signal(false);
    this.newest = 0;
    this.isLoading = signal(false);
    this.problem = signal("");
  }

  /** Begin again with the newest; what was loaded stays if it joins on. */
  restart(newest) {
    const kept = this.messages.peek();
    const first = newest[0]?.seq ?? Infinity;
    this.isKnown.value = true;
    this.newest = newest.at(-1)?.seq ?? 0;
    const isOlder = kept.length && kept[0].seq <= first && kept.at(-1).seq <= this.newest;
    if (isOlder && this.isPast.peek()) return;
    const isJoined = isOlder && kept.at(-1).seq >= first - 1;
    this.isPast.value = false; // or another database
    this.messages.value = isJoined ? merged(kept, newest) : newest;
    if (!isJoined) this.hasMore.value = newest.length > 0 && first > 1;
  }

  take(some) {
    const kept = this.messages.peek();
    const last = this.isPast.peek() ? kept.at(-1).seq : Infinity;
    const isNear = ({ seq }) => seq >= kept[0].seq && seq <= last;
    const wanted = kept.length ? some.filter(isNear) : some;
    this.newest = Math.max(this.newest, ...some.map((each) => each.seq));
    if (wanted.length) this.keep(merged(kept, wanted));
    if (!kept.length && wanted.length) this.hasMore.value = wanted[0].seq > 1;
  }

  keep(messages) {
    const isTooMany = messages.length > MOST_KEPT && isAtEnd.peek();
    this.messages.value = isTooMany ? messages.slice(-MOST_KEPT / 2) : messages;
    if (isTooMany) this.hasMore.value = true;
  }

  /** Put a stretch to what is there, or in its place where the two do not meet. */
  put({ messages, more }) {
    const kept = this.messages.peek();
    const [first, last] = [messages[0].seq, messages.at(-1).seq];
    const isMeeting = kept.length && first <= kept.at(-1).seq + 1 && last >= kept[0].seq - 1;
    if (!isMeeting || first < kept[0].seq) this.hasMore.value = more;
    this.messages.value = isMeeting ? merged(kept, messages) : messages;
    this.isPast.value = this.messages.peek().at(-1).seq < this.newest;
  }

  /** Load what lies before a message, unless `sought` is not in it. */
  async load(before, limit = PAGE, sought = null) {
    this.isLoading.value = true;
    this.problem.value = "";
    try {
      const path = roomPath(this.room, "history");
      const page = await get(`${path}?limit=${limit}&before=${before}`);
      const { messages } = page;
      if (sought ? messages.some(({ seq }) => seq === sought) : messages.length) this.put(page);
    } catch (error) {
      this.problem.value = error.message;
    }
    this.isLoading.value = false;
  }

  /** Load a page of older messages, if there are any. */
  async loadOlder() {
    if (this.hasMore.peek() && !this.isLoading.peek()) await this.load(this.messages.peek()[0].seq);
  }

  /** Load a page of newer messages, if there are any. */
  async loadNewer() {
    if (this.isPast.peek() && !this.isLoading.peek()) {
      await this.load(this.messages.peek().at(-1).seq + PAGE + 1);
    }
  }

  async loadNewest() {
    if (this.isPast.peek()) await this.load(this.newest + 1);
  }

  /** Have a message there, with what lies around it; false if it cannot be had. */
  async reach(seq) {
    const isThere = () => this.messages.peek().some((each) => each.seq === seq);
    if (isThere()) return true;
    const [{ seq: first }] = this.messages.peek();
    const isNear = seq < first && first - seq < MOST_AT_ONCE;
    if (isNear) await this.load(first, first - seq + PAGE / 2, seq);
    else await this.load(seq + PAGE / 2, PAGE, seq);
    return isThere();
  }
}
