// The composer: text, recipient, who should answer, and what will happen in words.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { sender } from "./api.js";
import { useCompletion } from "./completion.js";
import {
  DEFAULT,
  draft,
  draftKey,
  draftText,
  focusComposer,
  replyTo,
  updateDraft,
  withMention,
  withoutReply,
  withRecipient,
  withText,
} from "./drafts.js";
import { isSameName, isToAll, reaches, recipients } from "./format.js";
import { setRoomStatus } from "./header.js";
import { Icon } from "./icons.js";
import { Inline } from "./markdown.js";
import { queueAnswer, rowOf, sendWaiting } from "./outbox.js";
import { isPending, PendingAnswers } from "./pending.js";
import { send as sendMessage } from "./posting.js";
import { showRoom, view } from "./route.js";
import {
  asksYou, cardOf, isQuestion, isWaiting, messageLog, roster, rosterRoom, scrollToEnd, waiting,
} from "./state.js";
import { isDeaf, isInvited, isUnheard, isYou, kindOf, minute, receiptWords, statusOf } from "./status.js";
import { isSendKey } from "./widgets.js";

const NOBODY = "Nobody here listens now: they read it when they come back";
/** Of a closed room: its agents do not come back by themselves. */
const NOBODY_LEFT = "Nobody here listens now";
const SENDER_CHARS = 16;
const MAX_CHOICES = 6;
const CHOICE_CHARS = 40;

/** The recipient of the next message: the agent of the direct view, else the draft's. */
function recipient() {
  return view.value.peer ?? draft.value.to;
}

/** Whether a name can answer: one that is here, and no guest who only reads. */
function canAnswer(name) {
  if (!roster.value.length || isSameName(name, "operator")) return true;
  return roster.value.some((row) => isSameName(row.name, name) && row.role !== "reader");
}

/** The expected replier that the relay applies if none is given. */
function impliedExpects(to) {
  return draft.value.replyTo || isToAll(to) || Array.isArray(to) ? "none" : to;
}

/** The expected replier if none is chosen: nobody who cannot answer. */
function defaultExpects(to) {
  const implied = impliedExpects(to);
  return implied === "none" || canAnswer(implied) ? implied : "none";
}

/** Those who can be expected to answer: not who asks, and nobody who has never been here. */
function possibleRepliers(to) {
  if (!isToAll(to)) return [to].flat().filter(canAnswer);
  return roster.value.filter((row) => row.role !== "reader" && !isYou(row) && !isInvited(row)).map((row) => row.name);
}

/** The chosen replier; the default if that is chosen, or the choice does not fit the recipient. */
function chosenReplier() {
  const { expects } = draft.value;
  if (expects === defaultExpects(recipient())) return DEFAULT;
  return ["anyone", "none", ...possibleRepliers(recipient())].includes(expects) ? expects : DEFAULT;
}

/** Who is asked by the next message: a name, "anyone" or "none". */
function expectedReplier() {
  const chosen = chosenReplier();
  return chosen === DEFAULT ? defaultExpects(recipient()) : chosen;
}

function bodyOf() {
  const { text, replyTo: reply, choices } = draft.peek();
  const expects = chosenReplier();
  const isAsking = expectedReplier() !== "none";
  const isImplied = defaultExpects(recipient()) === impliedExpects(recipient());
  return {
    text,
    to: recipient(),
    ...(expects !== DEFAULT ? { expects_reply: expects } : isImplied ? {} : { expects_reply: "none" }),
    ...(reply ? { reply_to: reply.seq } : {}),
    ...(isAsking && choices?.list.length ? { choices: choices.list } : {}),
  };
}

// -- in words -----------------------------------------------------------------------

/** What a reply does to the message that it replies to; nobody answers an own question. */
export function replyWords(message, to, asked = "none") {
  const { from, seq } = message;
  if (!isQuestion(message)) return [html`Reply to <bdi>${from}</bdi>'s message #${seq}`];
  const whose = html`Reply to <bdi>${from}</bdi>'s question #${seq}`;
  if (!isWaiting(message)) return [whose, `already ${message.question.state}`];
  if (message.from_kind === "operator") return [whose];
  if (asked !== "none") return [whose, "asks back, so it stays open"];
  return [whose, reaches(to, from) ? "answers it" : html`does not answer it: <bdi>${from}</bdi> will not see it`];
}

const isHere = (name) => roster.value.some((row) => isSameName(row.name, name));
const isReader = (name) => roster.value.some((row) => row.role === "reader" && isSameName(row.name, name));
const doubt = (words) => html`<span class="is-deaf">${words}</span>`;

function recipientWords(to) {
  if (isToAll(to)) return ["To everyone"];
  const gone = [to].flat().filter((name) => !isSameName(name, "operator") && !isHere(name));
  const missing = gone.length && roster.value.length ? [doubt(html`<bdi>${gone.join(", ")}</bdi> is not in this room`)] : [];
  const reads = isReader(recipients(to)) ? [doubt(html`<bdi>${recipients(to)}</bdi> reads only what is said to everyone`)] : [];
  return [html`To <bdi>${recipients(to)}</bdi> alone`, ...missing, ...reads];
}

const isClosed = (room) => cardOf(room)?.status === "closed";

/** Whether nobody hears the next message now, in words; nothing if somebody does. */
export function hearingWords(to, asked) {
  minute.value;
  const readers = roster.value.filter((row) => kindOf(row) === "agent");
  const rowOf = (name) => readers.find((row) => isSameName(row.name, name));
  const named = asked === "none" ? to : asked;
  const one = !isToAll(named) && [named].flat().length === 1 ? rowOf([named].flat()[0]) : null;
  if (one) return isDeaf(one) ? [doubt(statusOf(one).words)] : [];
  const heard = isToAll(to) ? readers : [to].flat().map(rowOf).filter(Boolean);
  if (!heard.length || !heard.every(isDeaf)) return [];
  return [doubt(isClosed(view.value.room) ? NOBODY_LEFT : NOBODY)];
}

/** The message that a draft replies to, if it is loaded or an open question. */
function repliedIn(room, reply) {
  if (!reply) return reply;
  const isIt = ({ seq }) => seq === reply.seq;
  return messageLog(room).messages.value.find(isIt) ?? waiting.value.find((row) => row.room === room && isIt(row));
}

/** Whether a reply that asks nothing answers a message: a question of another that still waits. */
export const answers = (message, to) =>
  Boolean(message) && isWaiting(message) && message.from_kind !== "operator" && reaches(to, message.from);

/** The questions to the operator that the draft does not answer though their askers read it, oldest first. */
function leftOpen(room, to) {
  if (draft.value.replyTo || !draft.value.text.trim()) return [];
  return asksYou.value.filter((row) => row.room === room && reaches(to, row.from) && !isPending(room, row.seq));
}

/** Says that a message is no answer, with a button that makes it one; one part, or none. */
function openWords(room, to) {
  const [row, ...others] = leftOpen(room, to);
  if (!row) return [];
  const whose = html`<bdi>${row.from}</bdi>'s question #${row.seq}`;
  const words = others.length ? html`${whose} and ${others.length} more stay open` : html`${whose} stays open`;
  return [
    html`<span class="left-open">${words}</span> <button type="button" class="quiet" onClick=${() => replyTo(row)}>
        ${others.length ? `Answer #${row.seq} instead` : "Answer it instead"}
      </button>`,
  ];
}

/** What sending will do, in words; `isTold` if a note says already that nobody hears it. */
function Says({ room, isTold }) {
  const to = recipient();
  const asked = expectedReplier();
  const { replyTo: reply } = draft.value;
  const replied = repliedIn(room, reply);
  const isDirect = !reply && !isToAll(to) && isSameName(asked, recipients(to));
  const who = isDirect ? recipientWords(to).slice(1) : recipientWords(to);
  const [verb, rest] = asked === "none" ? ["no answer needed", ""] : [isDirect ? "Asks " : "asks ", asked];
  const asking = html`${verb}${rest && html`<bdi>${rest}</bdi>`}`;
  const answering = reply ? replyWords(replied ?? { ...reply, question: null }, to, asked) : [];
  const isAnswer = replied && isWaiting(replied) && replied.from_kind !== "operator" && asked === "none";
  const isHidden = asked === "none" && draft.value.choices?.list.length > 0;
  const kept = isHidden ? ["the choices are not sent, since nobody is asked"] : [];
  const parts = isDirect ? [asking, ...who] : [...answering, ...who.slice(reply ? 1 : 0), ...(isAnswer ? [] : [asking]), ...kept];
  // The header of an agent says how soon it hears.
  if (!isTold && !view.value.peer) parts.push(...hearingWords(to, asked));
  parts.push(...openWords(room, to));
  return html`<p class="says" id="says">${parts.map((part, at) => [at > 0 && " · ", part])}</p>`;
}

// -- choosing -----------------------------------------------------------------------

function options(rows) {
  return rows.map((row) => html`<option key=${row.name} value=${row.name}>${row.name}</option>`);
}

/** The groups of the recipients, in this order: the words of a status without its time. */
const GROUPS = ["here", "wakes now", "listening", "next turn", "online", "not listening", "last seen", "invited, never seen"];

/** The members by status, as [words, rows]. */
function byStatus(rows) {
  const groups = GROUPS.map((words) => [words, []]);
  for (const row of rows) {
    const { words } = statusOf(row);
    (groups.find(([each]) => words === each || words.startsWith(`${each} `)) ?? groups.at(-1))[1].push(row);
  }
  return groups.filter(([, members]) => members.length);
}

/** A click beside the field is meant for it: what is typed next would act as shortcuts. */
export function focusField({ currentTarget, target }) {
  if (!target.closest("a, button, input, label, textarea")) currentTarget.querySelector("textarea").focus();
}

function ToChoice() {
  const { peer } = view.value;
  const to = recipients(recipient());
  if (peer) return html`<span class="choice is-set" title="Set by the direct view">to: ${peer}</span>`;
  const isGone = to !== "all" && !isHere(to);
  const choose = ({ target }) => {
    const current = draft.peek();
    const next = withRecipient(current, target.value);
    const replyTo = current.replyTo && { ...current.replyTo, before: { ...current.replyTo.before, to: target.value } };
    updateDraft(draftKey.peek(), { ...next, replyTo, mention: null });
  };
  return html`<label class="choice-of">
    to:
    <select class=${to === "all" ? "choice" : "choice is-set"} aria-label="Recipient" value=${to} onChange=${choose}>
      <option value="all">everyone</option>
      ${byStatus(roster.value.filter((row) => row.role !== "reader")).map(
        ([words, rows]) => html`<optgroup key=${words} label=${words}>${options(rows)}</optgroup>`,
      )}
      ${isGone && html`<option value=${to}>${to}</option>`}
    </select>
  </label>`;
}

function ExpectsChoice() {
  const to = recipient();
  const expects = chosenReplier();
  const isSet = expects !== DEFAULT;
  const usual = defaultExpects(to);
  return html`<label class="choice-of">
    asks:
    <select
      class=${isSet ? "choice is-set" : "choice"}
      aria-label="Who should answer"
      value=${expects}
      onChange=${(event) => updateDraft(draftKey.peek(), { expects: event.target.value })}
    >
      <option value=${DEFAULT}>${usual === "none" ? "nobody" : usual}</option>
      <option value="anyone">anyone</option>
      ${possibleRepliers(to).filter((name) => name !== usual).map(
        (name) => html`<option key=${name} value=${name}>${name}</option>`,
      )}
      ${usual !== "none" && html`<option value="none">nobody</option>`}
    </select>
  </label>`;
}

function SenderChoice() {
  const [isOpen, setOpen] = useState(false);
  const commit = (event) => {
    sender.value = event.target.value.trim() || sender.value;
    setOpen(false);
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      commit(event);
    }
    if (event.key === "Escape") {
      event.stopPropagation();
      event.target.value = ""; // the blur that follows commits an empty name as no change
      setOpen(false);
    }
  };
  if (isOpen) {
    return html`<input
      class="choice sender"
      aria-label="Speak as"
      maxlength=${SENDER_CHARS}
      defaultValue=${sender.value}
      ref=${(node) => node?.select()}
      onBlur=${commit}
      onKeyDown=${onKeyDown}
    />`;
  }
  return html`<button
    type="button"
    class="choice"
    aria-label=${`as ${sender.value}`}
    title="Change the name on your messages"
    onClick=${() => setOpen(true)}
  >
    <span class="as">as </span><b>${sender.value}</b>
  </button>`;
}

function Replying() {
  const { replyTo: reply } = draft.value;
  if (!reply) return null;
  return html`<p class="replying">
    <${Icon} name="reply" size=${14} />
    <span>Replying to <bdi class="name">${reply.from}</bdi>: <${Inline} text=${reply.text} /></span>
    <button
      type="button"
      class="plain"
      aria-label="Cancel the reply"
      onClick=${() => updateDraft(draftKey.peek(), withoutReply(draft.peek()))}
    >
      <${Icon} name="close" size=${14} />
    </button>
  </p>`;
}

// -- offering choices ---------------------------------------------------------------

/** The choices with what is typed but not yet added. */
function completeChoices({ list, typed }) {
  const next = typed.trim();
  const isNew = next && !list.some((each) => isSameName(each, next)) && list.length < MAX_CHOICES;
  return { list: isNew ? [...list, next] : list, typed: "" };
}

/** The answers to offer with an own question. */
function OfferedChoices() {
  const { choices } = draft.value;
  if (!choices || expectedReplier() === "none") return null;
  const update = (next) => updateDraft(draftKey.peek(), { choices: next });
  const onKeyDown = (event) => {
    if (event.key === "Enter" && choices.typed.trim()) update(completeChoices(choices));
    if (event.key === "Enter") event.preventDefault();
    if (event.key === "Backspace" && !choices.typed) update({ ...choices, list: choices.list.slice(0, -1) });
    if (event.key !== "Escape") return;
    event.stopPropagation();
    update(null);
    focusComposer();
  };
  return html`<div class="offered" role="group" aria-label="Offered answers">
    ${choices.list.map(
      (each) => html`<span class="choice-mark" key=${each}>
        <bdi>${each}</bdi>
        <button
          type="button"
          class="plain"
          aria-label=${`Remove ${each}`}
          onClick=${() => update({ ...choices, list: choices.list.filter((other) => other !== each) })}
        >
          <${Icon} name="close" size=${14} />
        </button>
      </span>`,
    )}
    ${choices.list.length < MAX_CHOICES &&
    html`<input
      aria-label="Add an answer to offer"
      placeholder=${choices.list.length ? "Another answer" : "An answer, then Enter"}
      maxlength=${CHOICE_CHARS}
      value=${choices.typed}
      ref=${(node) => node && !node.dataset.ready && (node.dataset.ready = "1") && node.focus()}
      onInput=${(event) => update({ ...choices, typed: event.target.value })}
      onKeyDown=${onKeyDown}
    />`}
  </div>`;
}

function OfferButton() {
  const { choices } = draft.value;
  if (choices || expectedReplier() === "none") return null;
  return html`<button
    type="button"
    class="choice"
    title="Offer two to six answers to choose from"
    onClick=${() => updateDraft(draftKey.peek(), { choices: { list: [], typed: "" } })}
  >
    Offer choices
  </button>`;
}

// -- sending ------------------------------------------------------------------------

/** Grow the text field with its text, up to two fifths of the window. */
export function grow(node) {
  if (!node) return;
  node.style.height = "auto";
  node.style.height = `${Math.min(node.scrollHeight, innerHeight * 0.4)}px`;
}

export function describeFailure(error) {
  return error.status
    ? `Send failed — ${error.message}`
    : "Send failed — the relay does not answer. Your text is kept. Try again.";
}

/** What the relay says about a message that it stored: who hears of it, and doubts. */
export function noteOf({ message, receipts, hint, warning }) {
  const all = Object.entries(receipts ?? {});
  const rowOf = (name) => roster.peek().find((row) => isSameName(row.name, name));
  const heard = all.map(([name, receipt]) => `${name}: ${receiptWords(receipt, rowOf(name))}`);
  const isUnread = all.length > 0 && all.every(([, receipt]) => isUnheard(receipt));
  const doubts = [warning, hint].filter(Boolean);
  if (!heard.length && !doubts.length) return { text: "", isDoubt: false };
  const who = isUnread && heard.length > 1 ? [isClosed(view.peek().room) ? NOBODY_LEFT : NOBODY] : heard;
  return { text: [`Sent #${message.seq}`, ...who, ...doubts].join(" · "), isDoubt: isUnread || doubts.length > 0 };
}

/** Time for which a note is shown, and one with a doubt. */
const NOTE_MS = 10_000;
const DOUBT_MS = 30_000;

/** What is told after sending, and its setter; a note goes away by itself, a problem does not. */
export function useTold(nothing) {
  const [told, setTold] = useState(nothing);
  useEffect(() => {
    if (!told.text || told.isProblem) return undefined;
    const timer = setTimeout(() => setTold(nothing), told.isDoubt ? DOUBT_MS : NOTE_MS);
    return () => clearTimeout(timer);
  }, [told]);
  return [told, setTold];
}

const NOTHING = { room: "", problem: "", text: "", isDoubt: false, to: "" };

/** Put text back, in front of what was typed in the meantime. */
export function putBack(key, text, fields = {}) {
  updateDraft(key, { ...fields, text: [text, draftText(key)].filter(Boolean).join("\n") });
}

/** Complete the offered choices of a draft; returns the draft, or a problem. */
function readyToSend(at) {
  const { choices } = draft.peek();
  if (choices) updateDraft(at, { choices: completeChoices(choices) });
  const isOne = expectedReplier() !== "none" && draft.peek().choices?.list.length === 1;
  return isOne ? "Offer at least two choices, or none." : "";
}

function useSend(room) {
  const [told, setTold] = useTold(NOTHING);
  const [isBusy, setBusy] = useState(false);
  /** Send an answer in some seconds, as from the inbox. */
  const queue = (replied, sent, body, at) => {
    updateDraft(at, clearedDraft(sent));
    setTold(NOTHING);
    queueAnswer(rowOf(room, replied), { text: body.text, to: body.to }, sender.value, {
      isBelow: true,
      sent: (answer) => setTold({ ...NOTHING, room, to: recipients(body.to), ...noteOf(answer) }),
      undone: () => (putBack(at, sent.text, sent), focusComposer()),
      failed: (error) => {
        putBack(at, sent.text, sent);
        setTold({ ...NOTHING, room, problem: describeFailure(error) });
      },
    });
  };
  const send = async (event) => {
    event?.preventDefault();
    if (isBusy || !draft.peek().text.trim()) return;
    const at = draftKey.peek();
    const problem = readyToSend(at);
    if (problem) return setTold({ ...NOTHING, room, problem });
    const sent = draft.peek();
    const body = bodyOf();
    const replied = repliedIn(room, sent.replyTo);
    const isAnswer = expectedReplier() === "none" && answers(replied, body.to);
    if (isAnswer && !isPending(room, replied.seq)) return queue(replied, sent, body, at);
    setBusy(true);
    setTold(NOTHING);
    // Clear the field before the request, so that typing can go on during a slow one.
    updateDraft(at, clearedDraft(sent));
    try {
      await sendWaiting(room);
      const answer = await sendMessage(room, body);
      setTold({ ...NOTHING, room, to: recipients(body.to), ...noteOf(answer) });
      if (draftKey.peek() === at) scrollToEnd.value += 1;
    } catch (error) {
      putBack(at, sent.text, sent);
      setTold({ ...NOTHING, room, problem: describeFailure(error) });
    }
    setBusy(false);
    // The disabled button lost the focus; leave it alone if the operator has moved on.
    if (document.activeElement.matches("body, #composer, .send")) focusComposer();
  };
  return { send, isBusy, told: told.room === room ? told : NOTHING, forget: () => told.text && setTold(NOTHING) };
}

/** The draft after it was sent: it keeps a chosen recipient, but not one of its text. */
function clearedDraft(sent) {
  const to = sent.mention ? sent.mention.before : withoutReply(sent).to;
  return { ...withoutReply(sent), to, text: "", expects: DEFAULT, choices: null, mention: null };
}

/** Why a message to the member of the direct view would never be read; or null. */
function unreachable(room, peer) {
  if (!peer || rosterRoom.value !== room || isSameName(peer, "operator")) return null;
  if (!isHere(peer)) return html`<bdi class="name">${peer}</bdi> is not in this room.`;
  return isReader(peer) ? html`<bdi class="name">${peer}</bdi> reads only what is said to everyone.` : null;
}

/** In place of the composer, where nobody would read a message. */
function NoComposer({ room, why }) {
  const go = () => (showRoom(room), focusComposer());
  return html`<div class="composer is-unreachable">
    <p>${why}</p>
    <button type="button" class="small" onClick=${go}>Write to everyone</button>
  </div>`;
}

export function Composer() {
  const { room, peer } = view.value;
  const why = unreachable(room, peer);
  return why ? html`<${NoComposer} room=${room} why=${why} />` : html`<${Writing} room=${room} peer=${peer} />`;
}

function Writing({ room, peer }) {
  const box = useRef(null);
  const { send, isBusy, told, forget } = useSend(room);
  const { text } = draft.value;
  const replace = (next, name, isFirst) =>
    updateDraft(draftKey.peek(), isFirst && !peer ? withMention(draft.peek(), next, name) : { text: next });
  const completion = useCompletion("composer-names", replace);
  useLayoutEffect(() => grow(box.current), [text, room, peer]);
  const onInput = ({ target }) => {
    forget();
    updateDraft(draftKey.peek(), withText(draft.peek(), target.value));
    completion.onTyped(target);
  };
  const onKeyDown = (event) => {
    if (completion.onKeyDown(event)) return;
    if (isSendKey(event)) send(event);
    if (event.key === "Escape" && draft.peek().replyTo) updateDraft(draftKey.peek(), withoutReply(draft.peek()));
  };
  const hint = `Message ${peer ? `@${peer}` : `#${room}`}`;
  return html`<form class="composer" onSubmit=${send}>
    ${told.problem && html`<p class="problem" role="alert">${told.problem}</p>`}
    <p class=${told.isDoubt ? "composer-note is-doubt" : "composer-note"} role="status">${told.text}</p>
    <${PendingAnswers} room=${room} />
    ${isClosed(room) &&
    html`<p class="closed-note">
      <span>This room is closed and its agents were told to leave: only you can post.</span>
      <button type="button" class="small" onClick=${() => setRoomStatus(room, "reopen")}>Reopen room</button>
    </p>`}
    <${Replying} />
    ${completion.list}
    <div class="composer-box" onClick=${focusField}>
      <${Says} room=${room} isTold=${told.isDoubt && told.to === recipients(recipient())} />
      <textarea
        id="composer"
        ref=${box}
        rows="1"
        aria-label=${hint}
        aria-describedby="says"
        placeholder=${hint}
        value=${text}
        ...${completion.field}
        onInput=${onInput}
        onKeyDown=${onKeyDown}
      ></textarea>
      <${OfferedChoices} />
      <div class="composer-foot">
        <${SenderChoice} />
        <${ToChoice} />
        <${ExpectsChoice} />
        <${OfferButton} />
        <span class="spring"></span>
        <span class="composer-hint">Shift+Enter for a new line</span>
        <button
          type="submit"
          class=${text.trim() ? "send is-ready" : "send"}
          aria-label="Send"
          disabled=${isBusy}
        >
          <${Icon} name="send" />
        </button>
      </div>
    </div>
  </form>`;
}
