// QR codes, after ISO/IEC 18004: bytes, error correction level L, versions 1 to 40.
// `qrOf(text)` returns rows of booleans, true for dark; null if the text is too long.
import { html } from "./ui.js";

// By version: the check bytes of a block, and how many blocks there are, at level L.
const CHECKS = [
  7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26,
  28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
];
const BLOCKS = [
  1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15,
  16, 17, 18, 19, 19, 20, 21, 22, 24, 25,
];
const LEVEL_L = 1;

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

// -- bytes ------------------------------------------------------------------------

/** All bytes of a symbol, data and checks, without the patterns that find it. */
function rawBytes(version) {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const count = Math.floor(version / 7) + 2;
    modules -= (25 * count - 10) * count - 55;
  }
  return Math.floor((modules - (version >= 7 ? 36 : 0)) / 8);
}

function dataBytes(version) {
  return rawBytes(version) - CHECKS[version - 1] * BLOCKS[version - 1];
}

const lengthBits = (version) => (version < 10 ? 8 : 16);

function versionFor(length) {
  for (let version = 1; version <= 40; version += 1) {
    if (4 + lengthBits(version) + 8 * length <= 8 * dataBytes(version)) return version;
  }
  return null;
}

function dataOf(bytes, version) {
  const bits = [];
  const put = (value, count) => {
    for (let at = count - 1; at >= 0; at -= 1) bits.push((value >> at) & 1);
  };
  put(4, 4);
  put(bytes.length, lengthBits(version));
  for (const byte of bytes) put(byte, 8);
  const room = 8 * dataBytes(version);
  put(0, Math.min(4, room - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8);
  const data = [];
  for (let at = 0; at < bits.length; at += 8) data.push(parseInt(bits.slice(at, at + 8).join(""), 2));
  return data;
}

/** Multiply in the field of 256 elements that Reed-Solomon works in. */
function times(one, other) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    if ((other >> bit) & 1) product ^= one;
  }
  return product;
}

function generatorOf(degree) {
  const terms = new Array(degree).fill(0);
  terms[degree - 1] = 1;
  let root = 1;
  for (let step = 0; step < degree; step += 1) {
    for (let at = 0; at < degree; at += 1) {
      terms[at] = times(terms[at], root) ^ (terms[at + 1] ?? 0);
    }
    root = times(root, 2);
  }
  return terms;
}

function checksOf(data, generator) {
  const rest = new Array(generator.length).fill(0);
  for (const byte of data) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    generator.forEach((term, at) => (rest[at] ^= times(term, factor)));
  }
  return rest;
}

/** Split into blocks, add the checks of each, and deal the bytes out in turns. */
function interleaved(data, version) {
  const count = BLOCKS[version - 1];
  const generator = generatorOf(CHECKS[version - 1]);
  const short = Math.floor(data.length / count);
  const longs = data.length % count;
  const blocks = [];
  for (let at = 0, start = 0; at < count; at += 1) {
    const end = start + short + (at >= count - longs ? 1 : 0);
    blocks.push(data.slice(start, end));
    start = end;
  }
  const checks = blocks.map((block) => checksOf(block, generator));
  const dealt = (rows, length) =>
    Array.from({ length }, (_, at) => rows.map((row) => row[at])).flat().filter((byte) => byte !== undefined);
  return [...dealt(blocks, short + 1), ...dealt(checks, generator.length)];
}

// -- the square -------------------------------------------------------------------

function alignmentsOf(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((4 * version + 4) / (2 * count - 2)) * 2;
  const places = [6];
  for (let at = count - 2; at >= 0; at -= 1) places.push(4 * version + 10 - at * step);
  return places;
}

class Square {
  constructor(version) {
    this.version = version;
    this.size = 4 * version + 17;
    const rows = (value) => Array.from({ length: this.size }, () => new Array(this.size).fill(value));
    this.dark = rows(false);
    this.isFixed = rows(false);
    this.drawPatterns();
  }

  set(x, y, isDark) {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.dark[y][x] = isDark;
    this.isFixed[y][x] = true;
  }

  drawPatterns() {
    const { size } = this;
    for (let at = 0; at < size; at += 1) {
      this.set(6, at, at % 2 === 0);
      this.set(at, 6, at % 2 === 0);
    }
    this.drawRings(3, 3, 4, [2, 4]);
    this.drawRings(size - 4, 3, 4, [2, 4]);
    this.drawRings(3, size - 4, 4, [2, 4]);
    const places = alignmentsOf(this.version);
    const last = places.length - 1;
    places.forEach((x, i) =>
      places.forEach((y, j) => {
        const isCorner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
        if (!isCorner) this.drawRings(x, y, 2, [1]);
      }),
    );
    this.drawFormat(0);
    this.drawVersion();
  }

  /** Draw concentric rings, those at the distances named being light. */
  drawRings(x, y, radius, light) {
    for (let dy = -radius; dy <= radius; dy += 1) {
      for (let dx = -radius; dx <= radius; dx += 1) {
        this.set(x + dx, y + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
      }
    }
  }

  drawFormat(mask) {
    const data = (LEVEL_L << 3) | mask;
    let rest = data;
    for (let at = 0; at < 10; at += 1) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
    const bits = ((data << 10) | rest) ^ 0x5412;
    const bit = (at) => ((bits >> at) & 1) === 1;
    const { size } = this;
    for (let at = 0; at < 15; at += 1) {
      if (at < 6) this.set(8, at, bit(at));
      else if (at < 8) this.set(8, at + 1, bit(at));
      else if (at === 8) this.set(7, 8, bit(at));
      else this.set(14 - at, 8, bit(at));
      if (at < 8) this.set(size - 1 - at, 8, bit(at));
      else this.set(8, size - 15 + at, bit(at));
    }
    this.set(8, size - 8, true);
  }

  drawVersion() {
    if (this.version < 7) return;
    let rest = this.version;
    for (let at = 0; at < 12; at += 1) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
    const bits = (this.version << 12) | rest;
    for (let at = 0; at < 18; at += 1) {
      const isDark = ((bits >> at) & 1) === 1;
      const [near, far] = [Math.floor(at / 3), this.size - 11 + (at % 3)];
      this.set(far, near, isDark);
      this.set(near, far, isDark);
    }
  }

  /** Lay the bytes out: pairs of columns from the right, up and down in turns. */
  fill(bytes) {
    let at = 0;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      const isUp = ((right + 1) & 2) === 0;
      for (let step = 0; step < this.size; step += 1) {
        const y = isUp ? this.size - 1 - step : step;
        for (const x of [right, right - 1]) {
          if (this.isFixed[y][x] || at >= 8 * bytes.length) continue;
          this.dark[y][x] = ((bytes[at >> 3] >> (7 - (at & 7))) & 1) === 1;
          at += 1;
        }
      }
    }
  }

  flip(mask) {
    this.dark.forEach((row, y) =>
      row.forEach((isDark, x) => {
        if (!this.isFixed[y][x]) row[x] = isDark !== MASKS[mask](x, y);
      }),
    );
  }
}

// -- which mask reads best --------------------------------------------------------

const FINDER = ["10111010000", "00001011101"];

function lineCost(line) {
  const text = line.map((isDark) => (isDark ? "1" : "0")).join("");
  let cost = 0;
  for (const [same] of text.matchAll(/0{5,}|1{5,}/g)) cost += same.length - 2;
  for (const pattern of FINDER) {
    for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) cost += 40;
  }
  return cost;
}

function costOf(dark) {
  const size = dark.length;
  const columns = dark.map((_, x) => dark.map((row) => row[x]));
  let cost = [...dark, ...columns].reduce((sum, line) => sum + lineCost(line), 0);
  for (let y = 0; y < size - 1; y += 1) {
    for (let x = 0; x < size - 1; x += 1) {
      const is = dark[y][x];
      if (is === dark[y][x + 1] && is === dark[y + 1][x] && is === dark[y + 1][x + 1]) cost += 3;
    }
  }
  const share = dark.flat().filter(Boolean).length / (size * size);
  return cost + 10 * Math.floor(Math.abs(share * 20 - 10));
}

export function qrOf(text) {
  const bytes = new TextEncoder().encode(text);
  const version = versionFor(bytes.length);
  if (!version) return null;
  const square = new Square(version);
  square.fill(interleaved(dataOf(bytes, version), version));
  const costs = MASKS.map((_, mask) => {
    square.drawFormat(mask);
    square.flip(mask);
    const cost = costOf(square.dark);
    square.flip(mask);
    return cost;
  });
  const best = costs.indexOf(Math.min(...costs));
  square.drawFormat(best);
  square.flip(best);
  return square.dark;
}

// -- the picture ----------------------------------------------------------------
// A QR code as a picture.

const QUIET = 4;

export function QrCode({ text, label }) {
  const rows = qrOf(text);
  if (!rows) return html`<p class="hint">Too long for a QR code.</p>`;
  const size = rows.length + 2 * QUIET;
  const path = rows
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "")))
    .join("");
  return html`<svg
    class="qr"
    role="img"
    aria-label=${label}
    viewBox=${`0 0 ${size} ${size}`}
    shape-rendering="crispEdges"
  >
    <rect width=${size} height=${size} fill="#fff" />
    <path d=${path} fill="#000" />
  </svg>`;
}
