// The messages of one room as far as they are loaded: always one stretch without gaps,
// which ends at the newest unless somebody went far back.
import { computed, signal } from "./ui.js";
import { get, roomPath } from "./api.js";
import { isSameName, isToAll } from "./format.js";

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

  /** Have a message there, with what lies around it; false if it cannot be had. */
  async reach(seq) {
    const isThere = () => this.messages.peek().some((each) => each.seq === seq);
    if (isThere()) return true;
    const [{ seq: first }] = this.messages.peek();
    const gap = first - seq;
    const isNear = gap > 0 && gap < MOST_AT_ONCE;
    await this.load(isNear ? first : seq + PAGE / 2, isNear ? gap + PAGE / 2 : PAGE, seq);
    return isThere();
  }
}

// -- questions ------------------------------------------------------------------
// What became of a question: open, claimed, or answered. The relay's own list of who
// waits has the last word; this is for what that list does not hold, such as the
// operator's own questions and those of closed rooms.

export function isQuestion(message) {
  return message.from_kind !== "system" && message.expects_reply !== "none";
}

/** Every human answers to `operator`, whatever name they speak under. */
function goesBy({ from, from_kind }, name) {
  return isSameName(from, name) || (from_kind === "operator" && isSameName("operator", name));
}

function isPutTo({ from, to, expects_reply }, answer) {
  if (goesBy(answer, from)) return false;
  if (goesBy(answer, expects_reply)) return true;
  if (expects_reply !== "anyone") return false;
  if (isToAll(to) || answer.from_kind === "operator") return true;
  return [to].flat().some((name) => goesBy(answer, name));
}

/** A reply answers what it replies to; other words all whose asker hears them. */
function isAnswered(question, answer) {
  if (!isPutTo(question, answer)) return false;
  if (answer.reply_to) return answer.reply_to === question.seq;
  return isToAll(answer.to) || [answer.to].flat().some((name) => isSameName(name, question.from));
}

/** Map each answered question's seq to the message that answered it. */
export function answersOf(messages) {
  const answers = new Map();
  let open = [];
  for (const message of messages) {
    if (message.from_kind !== "system") {
      open = open.filter((question) => {
        if (!isAnswered(question, message)) return true;
        answers.set(question.seq, message);
        return false;
      });
    }
    if (isQuestion(message)) open.push(message);
  }
  return answers;
}

/**
 * The state of a question, for a badge.
 *
 * @param {boolean|null} isWaiting what the relay says, `null` if it does not say
 */
export function stateOf(message, answer, isWaiting) {
  if (!isQuestion(message)) return null;
  const isTold = message.from_kind === "agent" && isWaiting !== null;
  if (isTold && isWaiting) return message.claimed_by ? "claimed" : "open";
  if (answer) return "answered";
  return message.claimed_by ? "claimed" : "open";
}
