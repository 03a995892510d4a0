// Colours and letters for names, so that no two of a relay are the same.
import { hashOf, monogram } from "./format.js";

/** Hues of the first ring, far enough apart to be told from each other. */
const SLOTS = 12;
/** Coprime to SLOTS, so that stepping by it visits every slot. */
const STRIDE = 7;
const ALPHABET = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"];

/** Halve, quarter, and so on: 0, 1/2, 1/4, 3/4, 1/8 ... without end, and never twice. */
function fraction(number) {
  let [value, part] = [0, 0.5];
  for (let rest = number; rest > 0; rest = Math.floor(rest / 2), part /= 2) value += (rest % 2) * part;
  return value;
}

/** The letters that a name may have, the best first. */
function* lettersFor(name) {
  const own = [...name.toUpperCase()].filter((each) => ALPHABET.includes(each));
  const first = own[0] ?? "X";
  yield monogram(name);
  for (const each of own.slice(1)) yield first + each;
  for (const each of ALPHABET) yield first + each;
  for (const one of ALPHABET) for (const other of ALPHABET) yield one + other;
}

/**
 * The marks of the names of one relay. A name has its own hue unless an earlier one has
 * taken it; who comes later changes nothing. Beyond twelve names, the hues between those of
 * before are used.
 */
export class Palette {
  constructor() {
    this.marks = new Map();
    this.hues = new Set();
    this.letters = new Set();
  }

  /** The { hue, letters } of a name, compared without regard to case. */
  markOf(name) {
    const key = name.toLowerCase();
    let mark = this.marks.get(key);
    if (!mark) this.marks.set(key, (mark = { hue: this.takeHue(key), letters: this.takeLetters(key) }));
    return mark;
  }

  takeHue(key) {
    const start = hashOf(key) % SLOTS;
    for (let at = 0; ; at += 1) {
      const slot = (start + at * STRIDE) % SLOTS;
      const hue = ((slot + fraction(Math.floor(at / SLOTS))) * 360) / SLOTS;
      if (this.hues.has(hue)) continue;
      this.hues.add(hue);
      return hue;
    }
  }

  takeLetters(key) {
    for (const each of lettersFor(key)) {
      if (this.letters.has(each)) continue;
      this.letters.add(each);
      return each;
    }
    return monogram(key); // more than a thousand names: letters are the least of it
  }
}
