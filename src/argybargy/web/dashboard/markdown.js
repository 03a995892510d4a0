// A small subset of Markdown, parsed into virtual nodes. Text that is no valid markup stays
// as it was written.
//
// Messages come from agents and are untrusted: no HTML is ever made from a string, and
// links lead to http, https and mailto only. Every quantifier is bounded or unambiguous, so
// that no text makes a regular expression backtrack for long.
import { html, memo } from "./ui.js";
import { CodeBlock } from "./code.js";

const PLAIN = "[^\\s<>\"'`(]";
/** A pair of parentheses belongs to a URL; a single one to the text around it. */
const PAIR = "\\([^\\s<>\"'`()]*\\)";
const INLINE = new RegExp(
  [
    "(?<!`)(`{1,8})(?!`)(?<code>[^`]|[^`].*?[^`])\\1(?!`)",
    "\\[(?<label>[^\\]\\n]{1,300})\\]\\((?<to>https?:\\/\\/(?:[^\\s()]|\\([^\\s()]*\\)){1,2000}|mailto:[^\\s)]{1,300})\\)",
    `(?<url>https?:\\/\\/(?:${PLAIN}|${PAIR}){1,2000}(?:${PAIR}|(?![.,;:!?)\\]])${PLAIN}))`,
    "\\*\\*(?=\\S)(?<bold>(?:`[^`\\n]+`|[^*`\\n]|(?<!\\*)\\*(?!\\*))+)(?<=\\S)\\*\\*",
    "(?<![\\w*])\\*(?<em>[^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\w*])",
    "(?<![\\w_])_(?<em2>[^\\s_](?:[^_\\n]*[^\\s_])?)_(?![\\w_])",
    "~~(?<gone>[^~\\n]+)~~",
    "(?<![\\w#&/])#(?<seq>[1-9]\\d{0,9})(?![\\w#])",
  ].join("|"),
  "gs",
);

/** Whether links are made of addresses; parsing is synchronous. */
let isLinking = true;

function link(to, label) {
  if (!isLinking) return label;
  return html`<a href=${to} target="_blank" rel="noopener noreferrer nofollow">${label}</a>`;
}

/** Makes a link of the number of a message, in the text that is being parsed. */
let linkNumber = () => null;

function inlineNode({ groups }) {
  const { code, label, to, url, bold, em, em2, gone, seq } = groups;
  if (seq !== undefined) return (isLinking && linkNumber(Number(seq))) || `#${seq}`;
  if (code !== undefined) return html`<code>${code}</code>`;
  if (label !== undefined) return link(to, label);
  if (url !== undefined) return link(url, url);
  if (bold !== undefined) return html`<strong>${inline(bold)}</strong>`;
  if (gone !== undefined) return html`<del>${inline(gone)}</del>`;
  return html`<em>${inline(em ?? em2)}</em>`;
}

function inline(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    parts.push(inlineNode(match));
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function isFenceEnd(line, mark) {
  return line.startsWith(mark) && !line.replaceAll(mark[0], "");
}

function fence(lines, at) {
  const [head, mark] = FENCE.exec(lines[at]);
  const info = lines[at].slice(head.length).trim();
  let end = at + 1;
  while (end < lines.length && !isFenceEnd(lines[end].trim(), mark)) end += 1;
  const node = html`<${CodeBlock} code=${lines.slice(at + 1, end).join("\n")} info=${info} />`;
  return [node, end + 1];
}

/** Take lines while they match, without their marker; returns them and the next index. */
function takeWhile(lines, at, mark) {
  const taken = [];
  while (at < lines.length && mark.test(lines[at])) taken.push(lines[at++].replace(mark, ""));
  return [taken, at];
}

const TASK = /^\[([ xX])\] (?=\S)/;
const ITEM = /^(\s{0,12})(?:[-*+]|(\d{1,4})[.)]) (?=\S)/;
const QUOTE = /^> ?/;
const HEADING = /^#{1,6} (?=\S)/;
const MAX_QUOTE_DEPTH = 4;
const MAX_RULE_LENGTH = 500;
// Backticks closed on the same line are inline code, not a fence.
const FENCE = /^\s*(`{3,}(?=[^`]*$)|~{3,})/;
const RULE = /^ {0,3}([-*_])( ?\1){2,} *$/;

/** The text of an item; a task has a box that only shows its state. */
function itemContent(text) {
  const task = TASK.exec(text);
  if (!task) return inline(text);
  const isDone = task[1] !== " ";
  const box = html`<input type="checkbox" disabled checked=${isDone} aria-label=${isDone ? "Done" : "Not done"} />`;
  return Object.assign([box, ...inline(text.slice(task[0].length))], { isTask: true });
}

/** Parse a list of one kind; deeper items become a list in the item before them. */
function list(lines, at) {
  const [, { length: margin }, first] = ITEM.exec(lines[at]);
  const rows = [];
  let item;
  while ((item = ITEM.exec(lines[at] ?? "")) && item[1].length > margin - 2) {
    if (item[1].length > margin + 1) {
      const [inner, end] = list(lines, at);
      rows.at(-1).push(inner);
      at = end;
    } else if (!item[2] === !first) rows.push(itemContent(lines[at++].slice(item[0].length)));
    else break;
  }
  const items = rows.map((row) => html`<li class=${row.isTask ? "task" : undefined}>${row}</li>`);
  return [first ? html`<ol start=${Number(first)}>${items}</ol>` : html`<ul>${items}</ul>`, at];
}

function quote(lines, at, depth) {
  const [inside, end] = takeWhile(lines, at, QUOTE);
  return [html`<blockquote>${blocks(inside, depth + 1)}</blockquote>`, end];
}

function isTable(lines, at) {
  const rule = lines[at + 1] ?? "";
  if (!lines[at].includes("|") || rule.length > MAX_RULE_LENGTH) return false;
  return /^\s*\|?[\s:|-]*-{2}[\s:|-]*$/.test(rule);
}

/** Split a row into cells. Bars in inline code or after a backslash do not split. */
function cells(line) {
  const safe = line.replace(/\\\||`[^`]*`/g, (bit) => bit.replace(/\\?\|/g, "\0"));
  return safe.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim().replaceAll("\0", "|"));
}

/** The class that aligns a column. */
function alignment(rule) {
  if (!rule.endsWith(":")) return undefined;
  return rule.startsWith(":") ? "is-mid" : "is-end";
}

function table(lines, at) {
  const alignments = cells(lines[at + 1]).map(alignment);
  const row = (line, tag) =>
    html`<tr>${cells(line).map((cell, at) => html`<${tag} class=${alignments[at]}>${inline(cell)}<//>`)}</tr>`;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const node = html`<div class="table" tabindex="0">
    <table>
      <thead>${row(lines[at], "th")}</thead>
      <tbody>${lines.slice(at + 2, end).map((line) => row(line, "td"))}</tbody>
    </table>
  </div>`;
  return [node, end];
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines, end)) end += 1;
  return [html`<p>${inline(lines.slice(at, end).join("\n"))}</p>`, end];
}

function startsBlock(lines, at) {
  return [FENCE, ITEM, QUOTE, HEADING, RULE].some((mark) => mark.test(lines[at])) || isTable(lines, at);
}

function block(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return fence(lines, at);
  if (RULE.test(line)) return [html`<hr />`, at + 1];
  if (HEADING.test(line)) {
    return [html`<p class="heading">${inline(line.replace(HEADING, ""))}</p>`, at + 1];
  }
  if (QUOTE.test(line) && depth < MAX_QUOTE_DEPTH) return quote(lines, at, depth);
  if (ITEM.test(line)) return list(lines, at);
  if (isTable(lines, at)) return table(lines, at);
  return paragraph(lines, at);
}

function blocks(lines, depth = 0) {
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [node, end] = block(lines, at, depth);
    nodes.push(node);
    at = end;
  }
  return nodes;
}

/**
 * A text as Markdown. `toNumber(room, before, seq)` makes a link of the number of a message
 * that stands in the text of message `before`, or returns null; without it, numbers are text.
 */
export const Markdown = memo(function Markdown({ text, room = null, before = 0, toNumber }) {
  linkNumber = (seq) => toNumber?.(room, before, seq) ?? null; // parsing is synchronous
  return html`<div class="prose" dir="auto">${blocks(text.split(/\r\n|\r|\n/))}</div>`;
});

/**
 * One line of a text: code, bold and the like as in the text itself, but no links, since the
 * line is part of a button.
 */
export const Inline = memo(function Inline({ text }) {
  isLinking = false;
  try {
    return html`${inline(text)}`;
  } finally {
    isLinking = true;
  }
});

const LINE_CHARS = 80;
const FENCED_LINES = 16; // a longer code block is folded by itself

/** Estimate the lines that a text takes on the screen. */
export function linesOf(text) {
  let [count, fenced] = [0, -1];
  for (const line of text.split("\n")) {
    if (FENCE.test(line)) fenced = fenced < 0 ? 0 : -1;
    else if (fenced >= 0 && ++fenced > FENCED_LINES) continue;
    count += fenced < 0 ? Math.max(1, Math.ceil(line.length / LINE_CHARS)) : 1;
  }
  return count;
}
