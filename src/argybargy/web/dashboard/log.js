// The messages of one room as far as they are loaded: always one stretch without gaps
// that ends at the newest.
import { computed, signal } from "./ui.js";
import { get, roomPath } from "./api.js";
import { answersOf } from "./questions.js";

const PAGE = 100;
const MOST_PAGES = 40;
/** A tab may be open for weeks: beyond this, the oldest go and can be loaded again. */
const MOST_KEPT = 4_000;

export const logs = new Map();

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
    this.hasMore = signal(false);
    this.isLoading = signal(false);
    this.problem = signal("");
  }

  /** Begin again with the newest; what was loaded stays if it joins on. */
  restart(newest) {
    const kept = this.messages.peek();
    const first = newest[0]?.seq ?? Infinity;
    const isJoined = kept.length && kept[0].seq <= first && kept.at(-1).seq >= first - 1;
    const isOlder = isJoined && kept.at(-1).seq <= newest.at(-1).seq;
    this.messages.value = isOlder ? merged(kept, newest) : newest;
    if (!isOlder) this.hasMore.value = newest.length > 0 && first > 1;
  }

  take(some) {
    const kept = this.messages.peek();
    const wanted = kept.length ? some.filter((each) => each.seq >= kept[0].seq) : some;
    if (wanted.length) this.keep(merged(kept, wanted));
    if (!kept.length && wanted.length) this.hasMore.value = wanted[0].seq > 1;
  }

  keep(messages) {
    const isTooMany = messages.length > MOST_KEPT;
    this.messages.value = isTooMany ? messages.slice(-MOST_KEPT / 2) : messages;
    if (isTooMany) this.hasMore.value = true;
  }

  /** Load a page of older messages; false if there was none. */
  async loadOlder() {
    const first = this.messages.peek()[0]?.seq;
    if (!first || this.isLoading.peek() || !this.hasMore.peek()) return false;
    this.isLoading.value = true;
    this.problem.value = "";
    try {
      const path = roomPath(this.room, "history");
      const page = await get(`${path}?limit=${PAGE}&before=${first}`);
      this.messages.value = merged(page.messages, this.messages.peek());
      this.hasMore.value = page.more;
      return page.messages.length > 0;
    } catch (error) {
      this.problem.value = error.message;
      return false;
    } finally {
      this.isLoading.value = false;
    }
  }

  /** Load until a message is there; false if it cannot be had. */
  async reach(seq) {
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const [first] = this.messages.peek();
      if (!first) return false;
      if (first.seq <= seq) return this.messages.peek().some((each) => each.seq === seq);
      if (!(await this.loadOlder())) return false;
    }
    return false;
  }
}
