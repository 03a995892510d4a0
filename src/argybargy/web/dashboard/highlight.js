// A small tokenizer for code blocks: comments, strings, numbers and keywords. It never
// changes the text, and each regular expression is linear.

const words = (text) => new Set(text.split(" "));

const C_LIKE = "\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?(?:\\*\\/|$)";
const HASH = "#[^\\n]*";
const DOUBLE = '"(?:[^"\\\\\\n]|\\\\.)*"?';
const SINGLE = "'(?:[^'\\\\\\n]|\\\\.)*'?";
const BACKTICK = "`(?:[^`\\\\]|\\\\[\\s\\S])*`?";
const TRIPLE = '"""[\\s\\S]*?(?:"""|$)|\'\'\'[\\s\\S]*?(?:\'\'\'|$)';

const LANGUAGES = [
  {
    names: words("python py"),
    comment: HASH,
    string: `${TRIPLE}|${DOUBLE}|${SINGLE}`,
    keywords: words(
      "False None True and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield",
    ),
  },
  {
    names: words("javascript js jsx typescript ts tsx mjs"),
    comment: C_LIKE,
    string: `${DOUBLE}|${SINGLE}|${BACKTICK}`,
    keywords: words(
      "async await break case catch class const continue default delete do else enum export extends false finally for from function if implements import in instanceof interface let new null of return static super switch this throw true try type typeof undefined var void while yield",
    ),
  },
  {
    names: words("sh bash shell zsh console"),
    comment: "(?<![^\\s])#[^\\n]*",
    string: `${DOUBLE}|'[^']*'?`,
    keywords: words("case do done elif else esac export fi for function if in local return set then until while"),
  },
  {
    names: words("c h cpp c++ java go golang rust rs swift kotlin kt cs csharp"),
    comment: C_LIKE,
    string: `${DOUBLE}|'(?:[^'\\\\\\n]|\\\\.)'|\`[^\`]*\`?`,
    keywords: words(
      "abstract as async auto await bool boolean break case catch chan char class const continue crate default defer do double else enum export extern false final float fn for func go goto if impl import in int interface let long loop map match mod move mut new nil null package private protected pub public range return select self short static string struct super switch this throw throws trait true try type unsafe use var void where while",
    ),
  },
  {
    names: words("sql sqlite postgres postgresql mysql"),
    comment: "--[^\\n]*|\\/\\*[\\s\\S]*?(?:\\*\\/|$)",
    string: "'(?:[^']|'')*'?",
    isCaseless: true,
    keywords: words(
      "add all alter and as asc begin between by case check column commit constraint create default delete desc distinct drop else end exists foreign from group having if in index insert into is join key left like limit not null offset on or order outer primary references right rollback select set table then transaction union unique update values view when where with",
    ),
  },
  { names: words("json jsonl json5"), comment: C_LIKE, string: DOUBLE, keywords: words("true false null") },
  {
    names: words("yaml yml toml ini conf dockerfile make makefile"),
    comment: "(?<![^\\s])#[^\\n]*",
    string: `${DOUBLE}|${SINGLE}`,
    keywords: words("true false null yes no on off FROM RUN COPY CMD ENTRYPOINT ENV WORKDIR EXPOSE"),
  },
];
const DIFF = words("diff patch");

const expressions = new Map();

function expressionOf(language) {
  let found = expressions.get(language);
  if (!found) {
    const parts = [
      `(?<comment>${language.comment})`,
      `(?<string>${language.string})`,
      "(?<number>(?<![\\w.])\\d[\\w.]{0,40})",
      "(?<word>[A-Za-z_]\\w*)",
    ];
    expressions.set(language, (found = new RegExp(parts.join("|"), "g")));
  }
  return found;
}

function kindOf({ comment, string, number, word }, { keywords, isCaseless }) {
  if (comment !== undefined) return "comment";
  if (string !== undefined) return "string";
  if (number !== undefined) return "number";
  return keywords.has(isCaseless ? word.toLowerCase() : word) ? "keyword" : "";
}

function diffTokens(code) {
  const kinds = { "+": "added", "-": "removed", "@": "keyword" };
  return code.split("\n").map((line, at) => [kinds[line[0]] ?? "", (at ? "\n" : "") + line]);
}

/** Split code into [kind, text]; null for an unknown language. The texts add up to the code. */
export function tokensOf(code, name) {
  if (DIFF.has(name)) return diffTokens(code);
  const language = LANGUAGES.find(({ names }) => names.has(name));
  if (!language) return null;
  const tokens = [];
  let at = 0;
  for (const found of code.matchAll(expressionOf(language))) {
    const kind = kindOf(found.groups, language);
    if (!kind) continue;
    if (found.index > at) tokens.push(["", code.slice(at, found.index)]);
    tokens.push([kind, found[0]]);
    at = found.index + found[0].length;
  }
  if (at < code.length) tokens.push(["", code.slice(at)]);
  return tokens;
}
