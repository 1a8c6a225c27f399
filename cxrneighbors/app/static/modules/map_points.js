// Points of the map: a view of them, their picture, and which lie where. No DOM in here.
// World coordinates are 0..1, y up; the view's centre (x, y) lies in the middle of the canvas, `scale` is
// canvas pixels per world unit.

const SOFT = 60000; // points times radius up to which edges are softened

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

  // Places and codes in the order of drawing, one behind the other in memory; points without a place are left out.
  drawn() {
    if (!this.sorted) {
      const rows = this.order.filter((i) => !Number.isNaN(this.x[i]));
      const take = (values) => values.constructor.from(rows, (i) => values[i]);
      this.sorted = { rows, x: take(this.x), y: take(this.y) };
    }
    if (this.sorted.from !== this.codes) {
      this.sorted.from = this.codes;
      this.sorted.codes = Uint8Array.from(this.sorted.rows, (i) => this.codes[i]);
    }
    return this.sorted;
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
    const edges = new Edges(polygon), { x, y, codes } = this, found = [];
    for (let i = 0; i < this.n; i++) {
      if (edges.around(x[i], y[i]) && !hidden[codes[i]]) found.push(i);
    }
    return found;
  }
}

// A polygon's edges in bands of y, so that a point meets only those that can lie beside it.
class Edges {
  constructor(polygon, count = 128) {
    this.ends = polygon.map((point, i) => [...polygon[(i || polygon.length) - 1], ...point]);
    const ys = polygon.map((point) => point[1]);
    this.low = Math.min(...ys);
    this.step = (Math.max(...ys) - this.low) / count || 1;
    this.bands = Array.from({ length: count + 1 }, () => []);
    for (const ends of this.ends) {
      const [from, to] = [ends[1], ends[3]].sort((a, b) => a - b).map((y) => Math.floor((y - this.low) / this.step));
      for (let band = from; band <= Math.min(to, count); band++) this.bands[band].push(ends);
    }
  }

  around(x, y) {
    const band = this.bands[Math.floor((y - this.low) / this.step)];
    let odd = false;
    for (let e = 0; band && e < band.length; e++) {
      const [ax, ay, bx, by] = band[e];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
    }
    return odd;
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

// Offsets of the pixels that a disc covers, and of those at its edge that it half covers, if `soft`.
function disc(radius, width, soft) {
  const offsets = [], edge = [], reach = Math.ceil(radius + 0.5);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const beyond = Math.hypot(dx, dy) - radius;
      if (beyond <= (soft ? -0.25 : 0.2)) offsets.push(dy * width + dx);
      else if (soft && beyond <= 0.45) edge.push(dy * width + dx);
    }
  }
  return { offsets: Int32Array.from(offsets), edge: Int32Array.from(edge), reach };
}

// Paints points into an ImageData. colours: pixels by code; hidden: codes left out; low: codes that lie below
// the others; chosen: Uint8Array (N), 1 for marked points: they have a white rim unless they are `many`, and all
// others are dimmed; or null.
export function paint(image, points, view, look) {
  const { width, height } = image, pixels = new Uint32Array(image.data.buffer);
  pixels.fill(look.ground);
  const soft = look.radius * points.n < SOFT, dot = disc(look.radius, width, soft);
  const target = { pixels, width, height, left: width / 2 - view.x * view.scale, top: height / 2 + view.y * view.scale };
  const { rows, codes } = points.drawn(), { chosen } = look;
  const layer = Uint8Array.from(look.colours, (_, code) => (look.hidden[code] ? 0 : look.low[code] ? 1 : 2));
  const colours = chosen ? look.colours.map((colour) => dimmed(colour, look.ground)) : look.colours;
  for (const each of layer.includes(1) ? [1, 2] : [2]) {
    stampAll(target, points, view.scale, dot, colours, (o) => layer[codes[o]] === each);
  }
  if (!chosen) return;
  if (look.many) {
    stampAll(target, points, view.scale, dot, look.colours, (o) => layer[codes[o]] > 0 && chosen[rows[o]]);
    return;
  }
  const rim = disc(look.radius + Math.max(1, look.radius * 0.35), width, soft);
  const white = look.colours.map(() => 0xffffffff), any = () => true;
  for (let o = 0; o < rows.length; o++) {
    if (!chosen[rows[o]] || !layer[codes[o]]) continue;
    stampAll(target, points, view.scale, rim, white, any, o, o + 1);
    stampAll(target, points, view.scale, dot, look.colours, any, o, o + 1);
  }
}

// A colour brought seven tenths of the way to the ground's.
function dimmed(colour, ground) {
  const part = (shift) => Math.round(0.3 * ((colour >>> shift) & 255) + 0.7 * ((ground >>> shift) & 255)) << shift;
  return (0xff000000 | part(0) | part(8) | part(16)) >>> 0;
}

// Stamps a disc at each point that is `wanted`, from place `from` to `to` in drawing order.
function stampAll(target, points, scale, shape, colours, wanted, from = 0, to = points.drawn().rows.length) {
  const { pixels, width, height, left, top } = target, { offsets, edge, reach } = shape;
  const { x, y, codes } = points.drawn(), ends = width - reach, bottom = height - reach;
  const n = offsets.length, m = edge.length;
  for (let o = from; o < to; o++) {
    if (!wanted(o)) continue;
    const px = (left + x[o] * scale + 0.5) | 0, py = (top - y[o] * scale + 0.5) | 0;
    if (px < reach || py < reach || px >= ends || py >= bottom) continue;
    const at = py * width + px, colour = colours[codes[o]];
    for (let k = 0; k < n; k++) pixels[at + offsets[k]] = colour;
    for (let k = 0; k < m; k++) {
      const mean = ((pixels[at + edge[k]] & 0xfefefe) >>> 1) + ((colour & 0xfefefe) >>> 1);
      pixels[at + edge[k]] = (0xff000000 | mean) >>> 0;
    }
  }
}
