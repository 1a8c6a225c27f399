// Points of the map: a view of them, their picture, and which lie where. No DOM in here.
// World coordinates are 0..1, y up; the view's centre (x, y) lies in the middle of the canvas, `scale` is
// canvas pixels per world unit.

export class Points {
  // pairs: Float32Array (2N), NaN where a film has no point; codes: Uint8Array (N)
  constructor(pairs, codes) {
    this.n = codes.length;
    this.codes = codes;
    this.x = new Float32Array(this.n).fill(NaN);
    this.y = new Float32Array(this.n).fill(NaN);
    this.place(pairs);
    this.grid = new Grid(this.x, this.y);
    this.order = drawingOrder(this.n);
  }

  place(pairs) {
    let left = Infinity, right = -Infinity, low = Infinity, high = -Infinity;
    for (let i = 0; i < this.n; i++) {
      const x = pairs[2 * i], y = pairs[2 * i + 1];
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < low) low = y;
      if (y > high) high = y;
    }
    const side = Math.max(right - left, high - low) || 1;
    for (let i = 0; i < this.n; i++) {
      this.x[i] = (pairs[2 * i] - (left + right) / 2) / side + 0.5;
      this.y[i] = (pairs[2 * i + 1] - (low + high) / 2) / side + 0.5;
    }
    this.width = (right - left) / side || 1;
    this.height = (high - low) / side || 1;
  }

  // The view that shows all points on a canvas of so many pixels.
  whole(width, height) {
    return { x: 0.5, y: 0.5, scale: 0.94 * Math.min(width / this.width, height / this.height) };
  }

  // The `count` visible points nearest to a world point, nearest first, none farther than `reach`.
  nearest(x, y, reach, count = 1, hidden = []) {
    return this.grid.nearest(x, y, reach, count, (i) => !hidden[this.codes[i]]);
  }

  // Points inside a polygon of world points [[x, y], ...], by the even-odd rule.
  inside(polygon, hidden = []) {
    const xs = polygon.map((p) => p[0]), ys = polygon.map((p) => p[1]);
    const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    const found = [];
    for (let i = 0; i < this.n; i++) {
      const x = this.x[i], y = this.y[i];
      if (!(x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]) || hidden[this.codes[i]]) continue;
      let odd = false;
      for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
        if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) odd = !odd;
      }
      if (odd) found.push(i);
    }
    return found;
  }
}

// A fixed shuffle, so that no part of the table lies on top of another.
function drawingOrder(n) {
  const key = Uint32Array.from({ length: n }, (_, i) => Math.imul(i + 1, 2654435761) >>> 0);
  return Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => key[a] - key[b]);
}

class Grid {
  constructor(x, y) {
    this.x = x;
    this.y = y;
    this.side = Math.max(1, Math.ceil(Math.sqrt(x.length / 4)));
    const cells = this.side * this.side, cell = new Int32Array(x.length).fill(-1);
    this.start = new Int32Array(cells + 1);
    for (let i = 0; i < x.length; i++) {
      if (Number.isNaN(x[i])) continue;
      cell[i] = this.column(y[i]) * this.side + this.column(x[i]);
      this.start[cell[i] + 1]++;
    }
    for (let c = 0; c < cells; c++) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    this.items = new Int32Array(this.start[cells]);
    for (let i = 0; i < x.length; i++) if (cell[i] >= 0) this.items[next[cell[i]]++] = i;
  }

  column(value) {
    return Math.min(this.side - 1, Math.max(0, Math.floor(value * this.side)));
  }

  // Ring after ring of cells, until no cell further out can hold a nearer point.
  nearest(x, y, reach, count, wanted) {
    const found = [], column = this.column(x), row = this.column(y);
    for (let ring = 0; ring < this.side; ring++) {
      const clear = (ring - 1) / this.side;
      if (clear > reach || (found.length === count && clear > found[count - 1].distance)) break;
      for (let r = row - ring; r <= row + ring; r++) {
        if (r < 0 || r >= this.side) continue;
        const step = r === row - ring || r === row + ring ? 1 : 2 * ring;
        for (let c = column - ring; c <= column + ring; c += step || 1) {
          if (c < 0 || c >= this.side) continue;
          this.look(r * this.side + c, x, y, reach, count, wanted, found);
        }
      }
    }
    return found.map((entry) => entry.i);
  }

  look(cell, x, y, reach, count, wanted, found) {
    for (let p = this.start[cell]; p < this.start[cell + 1]; p++) {
      const i = this.items[p], distance = Math.hypot(this.x[i] - x, this.y[i] - y);
      if (distance > reach || !wanted(i)) continue;
      if (found.length === count && distance >= found[count - 1].distance) continue;
      let at = found.length;
      while (at > 0 && found[at - 1].distance > distance) at--;
      found.splice(at, 0, { i, distance });
      if (found.length > count) found.pop();
    }
  }
}

export function toWorld(view, width, height, px, py) {
  return [view.x + (px - width / 2) / view.scale, view.y - (py - height / 2) / view.scale];
}

export function toCanvas(view, width, height, x, y) {
  return [(x - view.x) * view.scale + width / 2, (view.y - y) * view.scale + height / 2];
}

// '#rrggbb' as one opaque pixel of an ImageData, seen as Uint32 (little-endian, as every browser's machine is).
export function pixelOf(colour) {
  const value = parseInt(colour.slice(1), 16);
  return (0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}

// Offsets of a disc's pixels.
function disc(radius, width) {
  const offsets = [], reach = Math.ceil(radius);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      if (dx * dx + dy * dy <= radius * radius + 0.3) offsets.push(dy * width + dx);
    }
  }
  return { offsets: Int32Array.from(offsets), reach };
}

// Paints points into an ImageData. colours: pixels by code; hidden: codes left out; low: codes that lie below
// the others; chosen: Uint8Array (N), 1 for points with a white rim, or null.
export function paint(image, points, view, look) {
  const { width, height } = image, pixels = new Uint32Array(image.data.buffer);
  pixels.fill(look.ground);
  const { x, y, codes, order } = points;
  const dot = disc(look.radius, width), rim = disc(look.radius + Math.max(1, look.radius * 0.35), width);
  const left = width / 2 - view.x * view.scale, top = height / 2 + view.y * view.scale;
  const stamp = (i, shape, colour) => {
    const px = Math.round(left + x[i] * view.scale), py = Math.round(top - y[i] * view.scale);
    if (!(px >= shape.reach && py >= shape.reach && px < width - shape.reach && py < height - shape.reach)) return;
    const at = py * width + px, offsets = shape.offsets;
    for (let o = 0; o < offsets.length; o++) pixels[at + offsets[o]] = colour;
  };
  for (const below of [true, false]) {
    for (let o = 0; o < order.length; o++) {
      const i = order[o], code = codes[i];
      if (!look.hidden[code] && Boolean(look.low[code]) === below) stamp(i, dot, look.colours[code]);
    }
  }
  if (!look.chosen) return;
  for (let o = 0; o < order.length; o++) {
    const i = order[o];
    if (look.chosen[i] && !look.hidden[codes[i]]) {
      stamp(i, rim, 0xffffffff);
      stamp(i, dot, look.colours[codes[i]]);
    }
  }
}
