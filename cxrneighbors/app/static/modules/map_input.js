// Mouse, keys and touch on the map, and what is drawn for them: hover, crosshair, ring, lasso.
import { picture, words } from "./map_films.js";

const STEP = 60; // CSS pixels an arrow key moves
const STILL = 4; // CSS pixels within which a press is a click

export class Input {
  constructor(map) {
    this.map = map;
    this.tool = "pan";
    this.ring = 40; // CSS pixels
    this.pointers = new Map();
    this.lasso = null;
    this.hovered = -1;
    const on = (name, act, options) => map.marks.addEventListener(name, (event) => map.view && act.call(this, event), options);
    on("pointerdown", this.down);
    on("pointermove", this.move);
    on("pointerup", this.up);
    on("pointercancel", this.cancel);
    on("dblclick", (event) => {
      const row = this.map.under(...this.at(event));
      if (row >= 0) this.map.films.tell([row]).then(([film]) => window.cxr.search([film.id]));
    });
    on("pointerleave", () => this.hover(-1));
    on("wheel", this.wheel, { passive: false });
    on("keydown", this.key);
    on("focus", () => this.map.changed());
    on("blur", () => this.map.changed());
    map.root.addEventListener("click", (event) => this.press(event));
  }

  press(event) {
    const button = event.target.closest("button");
    if (!button || !this.map.view) return;
    const { tool, do: act } = button.dataset;
    if (tool) this.use(tool);
    if (act === "in") this.map.zoom(1.6);
    if (act === "out") this.map.zoom(1 / 1.6);
    if (act === "whole") this.map.whole();
    if (act === "ring") this.markRing();
    if (act === "clear") this.map.tags.mark([]);
  }

  use(tool) {
    this.tool = tool;
    this.map.root.dataset.tool = tool;
    for (const button of this.map.root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
  }

  at(event) {
    const box = this.map.marks.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    if (event.button) return;
    this.map.marks.setPointerCapture(event.pointerId);
    const at = this.at(event);
    this.pointers.set(event.pointerId, { at, from: at });
    this.hover(-1);
    this.lasso = this.pointers.size === 1 && (this.tool === "lasso" || event.shiftKey) ? [at] : null;
    if (this.pointers.size > 1) this.moved = true;
    else this.moved = false;
  }

  move(event) {
    const at = this.at(event), pointer = this.pointers.get(event.pointerId);
    if (!pointer) {
      this.hover(event.pointerType === "mouse" ? this.map.under(...at) : -1, at);
      return;
    }
    if (Math.hypot(at[0] - pointer.from[0], at[1] - pointer.from[1]) > STILL) this.moved = true;
    if (this.pointers.size === 2) this.pinch(event.pointerId, at);
    else if (this.lasso) this.lasso.push(at);
    else if (this.moved) this.map.pan(at[0] - pointer.at[0], at[1] - pointer.at[1]);
    pointer.at = at;
    if (this.lasso) this.draw();
  }

  // Two fingers: the map follows their middle and their distance.
  pinch(id, at) {
    const other = [...this.pointers].find(([key]) => key !== id)[1].at, before = this.pointers.get(id).at;
    const span = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1;
    this.map.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    this.map.zoom(span(at) / span(before), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
  }

  up(event) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (!pointer) return;
    if (this.lasso && this.moved) this.markLasso(event.ctrlKey || event.metaKey);
    else if (!this.moved) {
      const row = this.map.under(...pointer.at, event.pointerType === "touch" ? 22 : undefined);
      if (row >= 0) this.map.films.pick(row);
    }
    this.lasso = null;
    this.draw();
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.lasso = null;
    this.draw();
  }

  wheel(event) {
    event.preventDefault();
    this.map.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), ...this.at(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { map } = this;
    const acts = {
      ArrowLeft: () => map.pan(STEP, 0),
      ArrowRight: () => map.pan(-STEP, 0),
      ArrowUp: () => map.pan(0, STEP),
      ArrowDown: () => map.pan(0, -STEP),
      "+": () => map.zoom(1.4),
      "=": () => map.zoom(1.4),
      "-": () => map.zoom(1 / 1.4),
      0: () => map.whole(),
      Enter: () => {
        const row = map.under(map.marks.clientWidth / 2, map.marks.clientHeight / 2, Infinity);
        if (row >= 0) map.films.pick(row);
      },
      "[": () => this.sizeRing(1 / 1.25),
      "]": () => this.sizeRing(1.25),
      m: () => this.markRing(),
      Escape: () => map.tags.mark([]),
    };
    const act = acts[event.key] ?? acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }

  sizeRing(factor) {
    this.ring = Math.min(Math.max(this.ring * factor, 8), 400);
    this.map.changed();
  }

  markRing() {
    const { map } = this, middle = [map.marks.clientWidth / 2, map.marks.clientHeight / 2];
    const circle = Array.from({ length: 48 }, (_, i) => {
      const angle = (i / 24) * Math.PI;
      return map.world(middle[0] + this.ring * Math.cos(angle), middle[1] + this.ring * Math.sin(angle));
    });
    map.tags.mark(map.points.inside(circle, map.hidden));
  }

  markLasso(add) {
    const found = this.map.points.inside(this.lasso.map((at) => this.map.world(...at)), this.map.hidden);
    this.map.tags.mark(add ? [...this.map.tags.chosen, ...found] : found);
  }

  // Tell of the film under the pointer, once the pointer rests on it.
  hover(row, at) {
    if (row === this.hovered) return;
    this.hovered = row;
    clearTimeout(this.resting);
    this.asking?.abort();
    const tip = this.map.part("tip");
    tip.hidden = true;
    this.map.marks.style.cursor = row >= 0 ? "pointer" : "";
    this.draw();
    if (row < 0) return;
    this.resting = setTimeout(async () => {
      this.asking = new AbortController();
      const [film] = await this.map.films.tell([row], this.asking.signal).catch(() => []);
      if (!film || this.hovered !== row) return;
      const image = new Image(), text = document.createElement("div"), name = document.createElement("b");
      Object.assign(image, { src: picture(film.id, 128), alt: "", width: 128 });
      image.addEventListener("error", () => image.remove());
      name.textContent = film.id;
      text.append(name, document.createElement("br"), words(film));
      tip.replaceChildren(image, text);
      tip.hidden = false;
      const { clientWidth, clientHeight } = this.map.marks;
      tip.style.left = `${Math.max(4, at[0] + 290 > clientWidth ? at[0] - 284 : at[0] + 14)}px`;
      tip.style.top = `${Math.max(4, Math.min(at[1] - 20, clientHeight - 150))}px`;
    }, 70);
  }

  draw() {
    const { map } = this, { marks, ratio } = map, context = marks.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, marks.width, marks.height);
    if (!map.view) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const line = (shape, dashed = []) => {
      context.setLineDash(dashed);
      for (const [colour, width] of [["#000", 4], ["#fff", 1.6]]) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.beginPath();
        shape();
        context.stroke();
      }
    };
    const circle = (x, y, r) => line(() => context.arc(x, y, r, 0, 2 * Math.PI));
    if (this.hovered >= 0) circle(...map.place(this.hovered), 8);
    if (map.films.picked >= 0) {
      const [x, y] = map.place(map.films.picked);
      circle(x, y, 7);
      circle(x, y, 12);
    }
    if (document.activeElement === marks) this.cross(line);
    if (this.lasso?.length > 1) {
      line(() => {
        this.lasso.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
        context.closePath();
      }, [6, 4]);
    }
  }

  cross(line) {
    const { marks } = this.map, context = marks.getContext("2d");
    const x = marks.clientWidth / 2, y = marks.clientHeight / 2;
    line(() => {
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 4 * dx, y + 4 * dy);
        context.lineTo(x + 14 * dx, y + 14 * dy);
      }
    });
    line(() => context.arc(x, y, this.ring, 0, 2 * Math.PI), [3, 3]);
  }
}
