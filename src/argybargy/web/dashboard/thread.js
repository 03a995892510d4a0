// A thread: a message, the replies to it and to those, and a composer that replies.
import { cx, html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./ui.js";
import { get, roomPath, sender } from "./api.js";
import { useCompletion } from "./completion.js";
import { answers, describeFailure, focusField, grow, hearingWords, noteOf, putBack, replyWords, useTold } from "./composer.js";
import { draftText, threadTarget, updateDraft } from "./drafts.js";
import { plural } from "./format.js";
import { Icon } from "./icons.js";
import { Message } from "./message.js";
import { queueAnswer, rowOf, sendWaiting } from "./outbox.js";
import { isPending } from "./pending.js";
import { replyRecipients, sendReply, withdrawQuestion } from "./posting.js";
import { isSaid, repliesIn } from "./replies.js";
import { isWaiting, keyOf, messageLog, waiting } from "./state.js";
import { ConfirmButton, isSendKey, loadStyles, showError } from "./widgets.js";

await loadStyles("thread.css");

/** Bound on the requests for messages that are older than those in the timeline. */
const MAX_READS = 40;
const NOTHING = { text: "" };

// -- loading ------------------------------------------------------------------------

/** Reads messages with their replies, at most MAX_READS of them, each once. */
class Reader {
  constructor(room) {
    this.room = room;
    this.found = new Map();
    this.read = new Set();
  }

  /** Read a message and its direct replies; null if the relay no longer has it. */
  async open(seq) {
    if (!this.read.has(seq) && this.read.size < MAX_READS) {
      this.read.add(seq);
      try {
        const { message, replies } = await get(roomPath(this.room, `messages/${seq}`));
        for (const each of [message, ...replies]) this.found.set(each.seq, each);
      } catch (error) {
        if (error.status !== 404) throw error;
      }
    }
    return this.found.get(seq) ?? null;
  }
}

/**
 * Find the first message of a thread, and read what the timeline has not loaded of it.
 *
 * What is in the timeline stays up to date by itself, so it is not read again.
 */
async function loadThread(room, seq) {
  const log = messageLog(room);
  const loaded = new Map(log.messages.peek().map((message) => [message.seq, message]));
  const first = log.messages.peek()[0]?.seq ?? Infinity;
  const isFollowed = (each) => each >= first && !log.isDetached.peek();
  const reader = new Reader(room);
  let root = loaded.get(seq) ?? (await reader.open(seq));
  if (!root) return { root: null, read: reader.found };
  while (root.reply_to) {
    const parent = loaded.get(root.reply_to) ?? (await reader.open(root.reply_to));
    if (!parent) break; // retention has deleted it
    root = parent;
  }
  const queue = [root.seq];
  while (queue.length) {
    const next = queue.shift();
    if (isFollowed(next)) continue;
    await reader.open(next);
    for (const { seq: each, reply_to: to } of reader.found.values()) if (to === next) queue.push(each);
  }
  return { root: root.seq, read: reader.found };
}

const isOf = (room, seq) => (row) => row.room === room && row.seq === seq;

function useThread(room, seq) {
  const log = messageLog(room);
  const messages = log.messages.value;
  const [thread, setThread] = useState({ seq: 0, root: null, read: new Map(), problem: "" });
  const root = thread.seq === seq ? thread.root : null;
  // The state of a question that is older than the timeline changes with its row in the inbox.
  const row = waiting.value.find(isOf(room, root));
  const isLoaded = log.isLoaded.value;
  useEffect(() => {
    if (!isLoaded) return undefined;
    let isCurrent = true;
    loadThread(room, seq).then(
      (found) => isCurrent && setThread({ seq, problem: "", ...found }),
      (error) => isCurrent && setThread({ seq, root: null, read: new Map(), problem: error.message }),
    );
    return () => (isCurrent = false);
  }, [room, seq, isLoaded, row]);
  const all = useMemo(() => {
    const bySeq = new Map([...thread.read, ...messages.map((each) => [each.seq, each])]);
    return [...bySeq.values()].sort((one, other) => one.seq - other.seq);
  }, [thread.read, messages]);
  return {
    isLoaded: isLoaded && thread.seq === seq,
    problem: thread.problem,
    first: all.find((each) => each.seq === root) ?? null,
    replies: useMemo(() => (root ? repliesIn(all, root) : []), [all, root]),
  };
}

// -- parts --------------------------------------------------------------------------

/** Who has read a message; asked for on demand, since it changes with every poll. */
function ReadBy({ room, seq }) {
  const [names, setNames] = useState(null);
  useEffect(() => setNames(null), [room, seq]);
  const ask = async () => {
    try {
      setNames((await get(roomPath(room, `messages/${seq}`))).read_by);
    } catch (error) {
      showError(error);
    }
  };
  return html`<button type="button" class="quiet" onClick=${ask}>Who has read it?</button>
    <span class="hint" role="status">
      ${names && (names.length ? html`Read by <bdi>${names.join(", ")}</bdi>` : "Nobody has read it yet.")}
    </span>`;
}

async function withdraw(room, seq) {
  try {
    await withdrawQuestion(room, seq);
  } catch (error) {
    showError(error);
  }
}

function Tools({ room, message }) {
  return html`<div class="thread-tools row-actions">
    ${isWaiting(message) &&
    html`<${ConfirmButton}
      kind="small"
      label="No answer needed"
      confirm="Withdraw the question?"
      title=${`Withdraws the question; ${message.from} is told`}
      onConfirm=${() => withdraw(room, message.seq)}
    />`}
    <${ReadBy} room=${room} seq=${message.seq} />
  </div>`;
}

function ThreadComposer({ room, target, isThreadStart }) {
  const key = keyOf({ room, seq: target.seq });
  const text = draftText(key);
  const box = useRef(null);
  const [told, setTold] = useTold(NOTHING);
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const setText = (next) => updateDraft(key, { text: next });
  const completion = useCompletion("thread-names", setText);
  const to = replyRecipients(target);
  const isOwn = target.from_kind === "operator" || target.from_kind === "system";
  const asked = !isOwn ? target.from : to === "all" ? "anyone" : [to].flat()[0];
  useLayoutEffect(() => grow(box.current), [text]);
  const send = async (event) => {
    event?.preventDefault();
    if (!text.trim() || isBusy) return;
    setTold(NOTHING);
    setText("");
    const failed = (error) => {
      putBack(key, text);
      setTold({ text: describeFailure(error), isProblem: true });
    };
    if (!isAsking && answers(target, to) && !isPending(room, target.seq)) {
      queueAnswer(rowOf(room, target), { text }, sender.value, {
        sent: (answer) => setTold(noteOf(answer)),
        undone: () => (putBack(key, text), box.current?.focus()),
        failed,
      });
      return;
    }
    setBusy(true);
    try {
      await sendWaiting(room);
      const answer = await sendReply(room, target, { text, ...(isAsking ? { expects_reply: asked } : {}) });
      setTold(noteOf(answer));
      setAsking(false);
      threadTarget.value = null;
    } catch (error) {
      failed(error);
    }
    setBusy(false);
    if (document.activeElement.matches("body, .send")) box.current?.focus();
  };
  const onKeyDown = (event) => {
    if (completion.onKeyDown(event)) return;
    if (isSendKey(event)) send(event);
  };
  const words = [...replyWords(target, to, isAsking ? asked : "none"), ...(isAsking ? [html`asks <bdi>${asked}</bdi>`] : [])];
  if (!told.isDoubt) words.push(...hearingWords(to, isAsking ? asked : "none"));
  return html`<form class="composer thread-composer" onSubmit=${send}>
    <p class=${told.isProblem ? "problem" : cx("composer-note", told.isDoubt && "is-doubt")} role="status">${told.text}</p>
    ${completion.list}
    <div class="composer-box" onClick=${focusField}>
      <p class="says" id="thread-says">
        ${words.map((word, at) => [at > 0 && " · ", word])}
        ${!isThreadStart &&
        html`<button type="button" class="quiet" onClick=${() => (threadTarget.value = null)}>Not to this</button>`}
      </p>
      <textarea
        id="thread-composer"
        ref=${box}
        rows="2"
        aria-label=${`Reply to ${target.from}`}
        aria-describedby="thread-says"
        placeholder=${isWaiting(target) ? `Answer ${target.from}…` : `Reply to ${target.from}…`}
        value=${text}
        ...${completion.field}
        onInput=${({ target: field }) => (setText(field.value), completion.onTyped(field))}
        onKeyDown=${onKeyDown}
      ></textarea>
      <div class="composer-foot">
        <label class="check is-small">
          <input type="checkbox" checked=${isAsking} onChange=${(event) => setAsking(event.target.checked)} />
          <span>Ask <bdi>${asked}</bdi> back</span>
        </label>
        <span class="spring"></span>
        <button
          type="submit"
          class=${text.trim() ? "send is-ready" : "send"}
          aria-label="Send the reply"
          disabled=${isBusy}
        >
          <${Icon} name="send" />
        </button>
      </div>
    </div>
  </form>`;
}

// -- the thread -----------------------------------------------------------------------

/** What the composer replies to: a chosen reply, the opened message if it waits, else the first. */
function targetOf(thread, seq) {
  const all = [thread.first, ...thread.replies];
  const chosen = all.find((each) => each.seq === threadTarget.value?.seq);
  const opened = all.find((each) => each.seq === seq);
  return chosen ?? (opened && isWaiting(opened) ? opened : thread.first);
}

export function Thread({ room, seq }) {
  const thread = useThread(room, seq);
  const end = useRef(null);
  const { first, replies } = thread;
  const count = replies.filter(isSaid).length;
  useEffect(() => {
    threadTarget.value = null;
    return () => (threadTarget.value = null);
  }, [room, seq]);
  useEffect(() => {
    const node = document.getElementById(`t-${seq}`);
    if (node && first?.seq !== seq) node.scrollIntoView({ block: "nearest" });
  }, [seq, first?.seq]);
  useLayoutEffect(() => {
    // An own reply, or one that came while the end was in view.
    const box = end.current?.closest(".thread-scroll");
    if (box && box.scrollHeight - box.scrollTop - box.clientHeight < 200) end.current.scrollIntoView({ block: "end" });
  }, [count]);
  if (thread.problem) return html`<p class="problem" role="alert">${thread.problem}</p>`;
  if (!thread.isLoaded) return html`<p class="hint" role="status">Loading…</p>`;
  if (!first) return html`<p class="hint">Message ${seq} does not exist, or is no longer stored.</p>`;
  const chosen = (message) => message.choices && replies.find((each) => each.seq === message.question?.seq)?.choice;
  const target = targetOf(thread, seq);
  const row = (message) => html`<${Message}
    key=${message.seq}
    message=${message}
    room=${room}
    isFirst
    inThread
    isMarked=${message.seq === seq && first.seq !== seq}
    chosen=${chosen(message)}
  />`;
  return html`<div class="thread">
    <div class="thread-scroll" tabindex="0" role="log" aria-label=${`Thread of message ${first.seq}`}>
      ${row(first)}
      <${Tools} room=${room} message=${first} />
      <h3 class="thread-count">${count ? plural(count, "reply", "replies") : "No replies yet"}</h3>
      ${replies.map(row)}
      <div ref=${end}></div>
    </div>
    <${ThreadComposer} key=${target.seq} room=${room} target=${target} isThreadStart=${target.seq === first.seq} />
  </div>`;
}
