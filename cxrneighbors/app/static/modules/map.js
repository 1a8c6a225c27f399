// The map tab: draws all films as points, tells of the one under the pointer, marks and tags groups.
import { Points, paint, pixelOf, toCanvas, toWorld } from "./map_points.js";
import { Films, url } from "./map_films.js";
import { Input } from "./map_input.js";
import { Tags } from "./map_tags.js";

const REACH = 9; // CSS pixels around the pointer in which a point is found
const MANY = 3000; // marked films from which on they have no rims
export function mount(element) {
  const root = element.querySelector(".cxr-map");
  if (!root || root.cxrMap) return;
  root.cxrMap = new FilmMap(root);
}

export class FilmMap {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.canvas = this.part("points");
    this.marks = this.part("marks");
    this.view = null;
    this.hidden = [];
    this.films = new Films(this);
    this.tags = new Tags(this);
    this.start();
  }

  async start() {
    try {
      this.about = await (await fetch(url("map/about"))).json();
    } catch {
      this.say("The server does not answer; reload the page once it runs again.");
      return;
    }
    this.fill("space", this.about.spaces);
    this.fill("method", this.about.methods);
    this.fillColours();
    for (const name of ["space", "method", "colour"]) this.part(name).addEventListener("change", () => this.load());
    this.input = new Input(this);
    this.tags.restore(this.about.key);
    new ResizeObserver(() => this.fit()).observe(this.marks.parentElement);
    await this.load();
  }

  fill(name, entries) {
    for (const entry of entries) {
      const option = new Option(entry.missing ? `${entry.title} (not installed)` : entry.title, entry.key);
      option.disabled = Boolean(entry.missing);
      option.title = entry.missing || "";
      this.part(name).add(option);
    }
  }

  fillColours() {
    const single = document.createElement("optgroup");
    single.label = "One finding";
    for (const each of this.about.colourings) {
      const option = new Option(each.title, each.key);
      if (each.key.startsWith("finding:")) single.append(option);
      else this.part("colour").add(option);
    }
    if (single.children.length) this.part("colour").append(single);
  }

  // Get the points that the controls ask for; a layout that takes long is asked for until it is there.
  async load() {
    const asked = { space: this.part("space").value, method: this.part("method").value, colour: this.part("colour").value };
    const turn = (this.turn = Symbol("load"));
    const since = Date.now();
    for (;;) {
      const answer = await fetch(url("map/points", asked)).catch(() => null);
      if (turn !== this.turn) return;
      if (!answer?.ok) {
        const reason = answer && (await answer.json().catch(() => null))?.detail;
        this.say(reason || "The points could not be had; is the server still running?");
        return;
      }
      if (answer.status === 200) {
        this.show(await answer.arrayBuffer(), asked);
        return;
      }
      this.say(`UMAP is at work (${Math.round((Date.now() - since) / 1000)} s); large indexes take minutes. The map stays usable.`);
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }

  show(bytes, asked) {
    const n = this.about.count;
    const moved = asked.space !== this.space || asked.method !== this.method;
    const codes = new Uint8Array(bytes, 8 * n, n);
    if (moved || !this.points) {
      this.points = new Points(new Float32Array(bytes, 0, 2 * n), codes);
      this.view = null;
    } else this.points.codes = codes;
    [this.space, this.method] = [asked.space, asked.method];
    this.colouring = this.about.colourings.find((each) => each.key === asked.colour);
    this.hidden = this.colouring.categories.map(() => false);
    this.legend();
    this.say("");
    this.fit();
    this.root.dataset.ready = asked.colour;
  }

  legend() {
    const { title, note, categories } = this.colouring;
    this.part("legend-title").textContent = title;
    this.part("note").textContent = note;
    this.part("legend").replaceChildren(
      ...categories.map((category, code) => {
        const label = document.createElement("label"), box = document.createElement("input");
        const swatch = document.createElement("i"), count = document.createElement("span");
        box.type = "checkbox";
        box.checked = true;
        box.addEventListener("change", () => {
          this.hidden[code] = !box.checked;
          this.changed();
        });
        swatch.style.background = category.colour;
        count.textContent = category.count.toLocaleString("en");
        const name = document.createElement("b");
        name.textContent = category.name;
        label.append(box, swatch, name, count);
        return label;
      }),
    );
    this.pixels = categories.map((category) => pixelOf(category.colour));
    this.low = categories.map((category) => category.low);
  }

  // Fit both canvases to their place; the first time show everything.
  fit() {
    const { clientWidth: width, clientHeight: height } = this.marks;
    if (!width || !height || !this.points) return;
    const ratio = window.devicePixelRatio || 1;
    const before = this.view && this.points.whole(this.canvas.width, this.canvas.height).scale;
    for (const canvas of [this.canvas, this.marks]) {
      if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        this.image = null;
      }
    }
    this.ratio = ratio;
    const whole = this.points.whole(this.canvas.width, this.canvas.height);
    if (this.view) this.view.scale *= whole.scale / before;
    this.view ??= whole;
    this.changed();
  }

  whole() {
    this.view = null;
    this.fit();
  }

  // Zoom by a factor around a CSS point of the canvas, the middle by default.
  zoom(factor, px = this.marks.clientWidth / 2, py = this.marks.clientHeight / 2) {
    const before = this.world(px, py), least = this.points.whole(this.canvas.width, this.canvas.height).scale / 2;
    this.view.scale = Math.min(Math.max(this.view.scale * factor, least), least * 20000);
    const after = this.world(px, py);
    this.view.x += before[0] - after[0];
    this.view.y += before[1] - after[1];
    this.changed();
  }

  pan(dx, dy) {
    this.view.x -= (dx * this.ratio) / this.view.scale;
    this.view.y += (dy * this.ratio) / this.view.scale;
    this.changed();
  }

  world(px, py) {
    return toWorld(this.view, this.canvas.width, this.canvas.height, px * this.ratio, py * this.ratio);
  }

  place(row) {
    const at = toCanvas(this.view, this.canvas.width, this.canvas.height, this.points.x[row], this.points.y[row]);
    return at.map((value) => value / this.ratio);
  }

  under(px, py, reach = REACH) {
    const [x, y] = this.world(px, py);
    return this.points.nearest(x, y, (reach * this.ratio) / this.view.scale, 1, this.hidden)[0] ?? -1;
  }

  changed() {
    if (this.waiting || !this.view) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.films.listNear(), 180);
  }

  // Draw one frame; milliseconds that it took.
  draw() {
    const began = performance.now(), context = this.canvas.getContext("2d", { alpha: false });
    this.image ??= context.createImageData(this.canvas.width, this.canvas.height);
    const whole = this.points.whole(this.canvas.width, this.canvas.height).scale;
    const room = Math.sqrt((this.canvas.width * this.canvas.height) / this.points.n) * 0.3;
    const radius = room * Math.sqrt(this.view.scale / whole);
    paint(this.image, this.points, this.view, {
      radius: Math.min(Math.max(radius, this.ratio), 5 * this.ratio),
      ground: pixelOf(this.about.ground),
      colours: this.pixels,
      hidden: this.hidden,
      low: this.low,
      chosen: this.tags.flags,
      many: this.tags.chosen.length > MANY,
    });
    context.putImageData(this.image, 0, 0);
    this.input.draw();
    return performance.now() - began;
  }

  say(text) {
    this.part("status").textContent = text;
  }
}
