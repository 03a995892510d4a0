// The open questions of the operator, folded in the inbox.
import { html, signal, useEffect, useRef } from "./ui.js";
import { get } from "./api.js";
import { Age } from "./clock.js";
import { Icon } from "./icons.js";
import { Inline } from "./markdown.js";
import { openThread } from "./panes.js";
import { isSameName } from "./format.js";
import { cardOf, rooms } from "./state.js";

/** The open questions: { results, more, problem }; `results` is null until they are loaded. */
export const ownQuestions = signal({ results: null, more: false, problem: "" });
const isOpen = signal(false);
const PATH = `admin/search?q=${encodeURIComponent("from:operator is:open")}&limit=50`;
/** Time after a change in a room until they are asked for again. */
const SETTLE_MS = 1_000;

/** Whether the agent that was asked, or that works on it, hears nothing now. */
function isUnheardBy(who, room) {
  return (cardOf(room)?.not_listening ?? []).some((name) => isSameName(name, who));
}

function Question({ room, message }) {
  const who = message.claimed_by ?? message.expects_reply;
  return html`<li class="waiting-row is-own">
    <button type="button" class="waiting-open" onClick=${() => openThread(room, message.seq)}>
      <span class="waiting-head">
        <span class="where">#<bdi>${room}</bdi> · #${message.seq} · asks <bdi>${message.expects_reply}</bdi></span>
      </span>
      <${Age} since=${Date.parse(message.ts)} />
      <span class="waiting-text"><${Inline} text=${message.text} /></span>
      ${message.claimed_by && html`<span class="claimed">claimed by <bdi>${message.claimed_by}</bdi></span>`}
      ${isUnheardBy(who, room) && html`<span class="claimed is-deaf"><bdi>${who}</bdi> is not listening</span>`}
    </button>
  </li>`;
}

/** Ask for the questions, and again after each change in a room. */
function useQuestions() {
  const isFirst = useRef(true);
  const news = rooms.value.map((card) => card.last_seq).join(" ");
  useEffect(() => {
    let isCurrent = true;
    const load = () =>
      get(PATH).then(
        ({ results, more }) => isCurrent && (ownQuestions.value = { results, more, problem: "" }),
        (error) => isCurrent && (ownQuestions.value = { ...ownQuestions.peek(), problem: error.message }),
      );
    const timer = setTimeout(load, isFirst.current ? 0 : SETTLE_MS);
    isFirst.current = false;
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [news]);
  return ownQuestions.value;
}

function Questions({ results, more, problem }) {
  if (problem) return html`<p class="problem" role="alert">${problem}</p>`;
  if (!results) return html`<p class="hint" role="status">Loading…</p>`;
  if (!results.length) return html`<p class="hint">None of your questions waits for an answer.</p>`;
  return html`<ul>
      ${results.map(({ room, message }) => html`<${Question} key=${`${room} ${message.seq}`} room=${room} message=${message} />`)}
    </ul>
    ${more && html`<p class="hint">These are the newest. Search for from:operator is:open to see all.</p>`}`;
}

export function YouAsked() {
  const found = useQuestions();
  const count = found.results && ` · ${found.results.length}${found.more ? "+" : ""}`;
  return html`<section class="inbox" aria-labelledby="asked-label">
    <h2 id="asked-label">
      <button
        type="button"
        class="fold"
        aria-expanded=${isOpen.value}
        title="Your own questions that wait for an answer"
        onClick=${() => (isOpen.value = !isOpen.value)}
      >
        <${Icon} name="caret" size=${14} />You asked${count}
      </button>
    </h2>
    ${isOpen.value && html`<${Questions} ...${found} />`}
  </section>`;
}
