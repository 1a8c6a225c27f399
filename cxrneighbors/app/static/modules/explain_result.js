// One explanation on the page: overlay on the film, heat map, segments that answer to the pointer, neighbours.
import { picture } from "./map_films.js";

const STRONGEST = 0.8; // opacity of the largest weight, as on the package's panels
const SHOWN = 6; // segments listed at first

export class Result {
  constructor(root) {
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.part("opacity").addEventListener("input", () => this.fade());
    for (const name of ["stack", "heat"]) {
      this.part(name).addEventListener("pointermove", (event) => this.point(event));
      this.part(name).addEventListener("pointerleave", () => this.mark(-1));
    }
    this.part("more").addEventListener("click", () => this.list(true));
  }

  async show(found, base, asked) {
    this.found = found;
    [this.height, this.width] = found.size;
    this.labels = new Uint16Array(bytes(found.labels).buffer);
    this.values = new Int8Array(bytes(found.heat).buffer);
    this.part("question").textContent = found.question;
    this.part("answer").textContent = found.answer;
    const file = (name) => new URL(name, base).href;
    Object.assign(this.part("film"), { src: file("film.png"), alt: `The explained film${found.image_id ? ` ${found.image_id}` : ""}` });
    this.paint(this.part("overlay"), tints(found.colours));
    this.paint(this.part("heat"), ramp(found.colours.heat));
    const limit = found.limit.toPrecision(2);
    this.part("ramp").style.background = `linear-gradient(to right, ${found.colours.heat.join(", ")})`;
    this.part("low").textContent = `−${limit} against`;
    this.part("high").textContent = `for +${limit}`;
    this.part("heat").setAttribute("aria-label", `Heat map of evidence for ${found.target}`);
    this.fade();
    this.change(file);
    this.list(false);
    this.neighbours(asked);
    this.files(file);
    const fidelity = found.fidelity === null ? "" : `, fidelity of the surrogate ${found.fidelity.toFixed(2)} (weighted R², 1 at best)`;
    this.part("how").textContent = `${found.calls} films scored${fidelity}. The classifier sees ${this.width} × ${this.height} pixels; weights are its own, not a diagnosis.`;
    this.part("result").hidden = false;
    this.mark(-1);
    this.part("question").focus({ preventScroll: true });
    this.part("question").scrollIntoView({ block: "start" });
  }

  // colour(value): [r, g, b, alpha] for -1 .. 1
  paint(canvas, colour) {
    [canvas.width, canvas.height] = [this.width, this.height];
    const context = canvas.getContext("2d"), image = context.createImageData(this.width, this.height);
    const table = Array.from({ length: 255 }, (_, i) => colour((i - 127) / 127));
    this.values.forEach((value, i) => image.data.set(table[value + 127], 4 * i));
    context.putImageData(image, 0, 0);
  }

  fade() {
    this.part("overlay").style.opacity = this.part("opacity").value / 100;
  }

  // The film at which the decision turns, where there is one.
  change(file) {
    const { changed } = this.found, figure = this.part("changed");
    figure.hidden = !changed;
    this.turned = new Set(changed?.segments);
    if (!changed) return;
    Object.assign(this.part("changed-film"), { src: file("changed.png"), alt: "The film at which the decision turns" });
    const turns = changed.flipped ? "the decision turns" : "the decision does not turn";
    this.part("changed-text").textContent = `The film changed: ${changed.score.toFixed(2)}. The marked area is from ${changed.donor}; at ${changed.threshold}, ${turns}.`;
    this.outline(this.part("edge3"), (label) => this.turned.has(label));
  }

  point(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * this.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * this.height);
    const inside = x >= 0 && y >= 0 && x < this.width && y < this.height;
    this.mark(inside ? this.labels[y * this.width + x] : -1);
  }

  // Outline a segment and tell its weight; -1 for none.
  mark(segment) {
    if (segment === this.marked) return;
    this.marked = segment;
    for (const name of ["edge", "edge2"]) this.outline(this.part(name), (label) => label === segment);
    const none = "Point at a part of the film, or choose a segment below, to read its weight.";
    this.part("told").textContent = segment < 0 ? none : this.found.segments[segment].words;
    for (const button of this.part("segments").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.segment) === segment));
    }
  }

  // The border of an area, along the edges of the classifier's pixels.
  outline(canvas, inside) {
    const scale = Math.max(1, Math.round(900 / this.width)); // the same line for any classifier's size
    [canvas.width, canvas.height] = [this.width * scale, this.height * scale];
    const context = canvas.getContext("2d"), at = (x, y) => x >= 0 && y >= 0 && x < this.width && y < this.height && inside(this.labels[y * this.width + x]);
    const path = new Path2D();
    for (let y = 0; y <= this.height; y++) {
      for (let x = 0; x <= this.width; x++) {
        const here = at(x, y);
        if (here !== at(x - 1, y)) path.moveTo(x * scale, y * scale), path.lineTo(x * scale, (y + 1) * scale);
        if (here !== at(x, y - 1)) path.moveTo(x * scale, y * scale), path.lineTo((x + 1) * scale, y * scale);
      }
    }
    for (const [colour, width] of [["#000", 6], ["#fff", 2.5]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width, lineCap: "square" });
      context.stroke(path);
    }
  }

  list(all) {
    const order = [...this.found.segments].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
    const shown = all ? order : order.slice(0, SHOWN), largest = Math.abs(order[0]?.weight) || 1;
    this.part("segments").replaceChildren(
      ...shown.map((row) => {
        const item = document.createElement("li"), button = document.createElement("button"), bar = document.createElement("i");
        button.type = "button";
        button.dataset.segment = row.segment;
        button.textContent = row.words;
        for (const name of ["focus", "pointerenter", "click"]) button.addEventListener(name, () => this.mark(row.segment));
        bar.style.width = `${(100 * Math.abs(row.weight)) / largest}%`;
        bar.className = row.weight > 0 ? "ex-for" : "ex-against";
        button.append(bar);
        item.append(button);
        return item;
      }),
    );
    this.part("more").hidden = all || order.length <= SHOWN;
    this.part("more").textContent = `Show all ${order.length}`;
  }

  neighbours(asked) {
    const { neighbours, method, target, changed } = this.found;
    this.part("who").textContent = method === "contrast-lime" ? `Donors: near films without ${target}` : "Neighbours";
    this.part("neighbours").replaceChildren(
      ...neighbours.map((film) => {
        const card = document.createElement("article"), image = new Image(), name = document.createElement("b");
        Object.assign(image, { src: picture(film.id, 256), alt: `Film ${film.id}`, loading: "lazy" });
        name.textContent = film.id;
        const findings = document.createElement("span");
        findings.append(`distance ${film.distance.toFixed(2)}; `);
        film.findings.forEach((finding, i) => {
          const mark = document.createElement(film.shared.includes(finding) ? "mark" : "span");
          mark.textContent = finding;
          findings.append(i ? ", " : "", mark);
        });
        if (!film.findings.length) findings.append("not labelled");
        const search = document.createElement("button");
        Object.assign(search, { type: "button", textContent: "Its neighbours" });
        search.dataset.search = film.id;
        card.append(image, name, findings, search);
        if (film.id === changed?.donor) {
          card.className = "ex-donor";
          name.append(" (shown in the changed film)");
        }
        return card;
      }),
    );
    if (!neighbours.length) this.part("neighbours").textContent = `${asked.method === "alime" ? "ALIME" : "LIME"} takes no neighbours.`;
  }

  files(file) {
    const stem = `${this.found.image_id ?? "film"}-${this.found.target}-${this.found.method}`.replace(/[^\w.-]+/g, "_");
    const links = [["panel.png", "Panel as PNG", ".png"], ["panel.svg", "Panel as SVG", ".svg"], ["explanation.zip", "Explanation file", ".zip"]];
    this.part("files").replaceChildren(
      ...links.map(([name, title, end]) => Object.assign(document.createElement("a"), { href: file(name), download: stem + end, textContent: title })),
    );
    const panel = this.part("panel"), details = panel.closest("details");
    details.open = false;
    panel.removeAttribute("src");
    details.ontoggle = () => details.open && (panel.src ||= file("panel.png"));
  }
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

// Evidence that lies on a film: the stronger, the less of the film shows through.
function tints(colours) {
  const [pro, contra] = [rgb(colours.for), rgb(colours.against)];
  return (value) => [...(value > 0 ? pro : contra), Math.round(255 * STRONGEST * Math.abs(value) ** 0.75)];
}

// The heat map's colours, from against by way of white to for.
function ramp(stops) {
  const known = stops.map(rgb);
  return (value) => {
    const place = ((value + 1) / 2) * (known.length - 1), low = Math.min(Math.floor(place), known.length - 2);
    return [...known[low].map((part, i) => Math.round(part + (place - low) * (known[low + 1][i] - part))), 255];
  };
}
