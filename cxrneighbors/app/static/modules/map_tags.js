// Marked films and tags: named groups of rows, kept by the browser for this visit, saved as a table.
import { url } from "./map_films.js";

export class Tags {
  constructor(map) {
    this.map = map;
    this.chosen = [];
    this.flags = null; // Uint8Array (N), 1 for marked films
    this.groups = new Map(); // name -> rows
    map.part("tag").addEventListener("submit", (event) => {
      event.preventDefault();
      this.tag(new FormData(event.target).get("name"));
    });
    for (const button of map.root.querySelectorAll("[data-save]")) {
      button.addEventListener("click", () => this.save(button.dataset.save));
    }
  }

  mark(rows) {
    this.chosen = [...new Set(rows)];
    this.flags = this.chosen.length ? new Uint8Array(this.map.points.n) : null;
    for (const row of this.chosen) this.flags[row] = 1;
    const none = "No films are marked. Use the lasso, or mark those in the ring.";
    this.map.part("chosen").textContent = this.chosen.length ? `${films(this.chosen.length)} marked: ${this.madeOf()}.` : none;
    this.map.changed();
  }

  // The three most frequent colours among the marked films.
  madeOf() {
    const counts = new Map();
    for (const row of this.chosen) {
      const code = this.map.points.codes[row];
      counts.set(code, (counts.get(code) || 0) + 1);
    }
    const first = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 3);
    return first.map(([code, count]) => `${this.map.colouring.categories[code].name} ${count.toLocaleString("en")}`).join(", ");
  }

  tag(given) {
    const name = given.trim().replace(/\s+/g, " "), said = this.map.part("saved");
    if (!name || name.includes("|")) {
      said.textContent = "Give the tag a name without |.";
      return;
    }
    if (!this.chosen.length) {
      said.textContent = "Mark films first: draw around them with the lasso.";
      return;
    }
    this.groups.set(name, [...new Set([...(this.groups.get(name) || []), ...this.chosen])]);
    said.textContent = `${films(this.chosen.length)} tagged ${name}.`;
    this.map.part("tag").reset();
    this.list();
  }

  list() {
    this.map.part("tags").replaceChildren(
      ...[...this.groups].map(([name, rows]) => {
        const item = document.createElement("li"), show = document.createElement("button"), drop = document.createElement("button");
        show.type = drop.type = "button";
        show.textContent = `${name} (${rows.length.toLocaleString("en")})`;
        show.title = "Mark these films";
        show.addEventListener("click", () => this.mark(rows));
        drop.textContent = "×";
        drop.setAttribute("aria-label", `Remove tag ${name}`);
        drop.addEventListener("click", () => {
          this.groups.delete(name);
          this.list();
        });
        item.append(show, drop);
        return item;
      }),
    );
    this.map.part("save").hidden = !this.groups.size;
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.coded()));
    } catch {
      // Too many for the browser's store: they last until the page is left.
    }
  }

  // Under each name base64 of one bit a film, as the server reads them.
  coded() {
    const code = (rows) => {
      const bits = new Uint8Array(Math.ceil(this.map.about.count / 8));
      for (const row of rows) bits[row >> 3] |= 1 << (row & 7);
      return btoa(Array.from(bits, (byte) => String.fromCharCode(byte)).join(""));
    };
    return Object.fromEntries([...this.groups].map(([name, rows]) => [name, code(rows)]));
  }

  restore(key) {
    this.key = `cxr-tags-${key}`;
    try {
      const kept = Object.entries(JSON.parse(sessionStorage.getItem(this.key) || "{}"));
      this.groups = new Map(kept.map(([name, bits]) => [name, decoded(bits)]));
    } catch {
      this.groups = new Map();
    }
    this.list();
  }

  async save(kind) {
    const said = this.map.part("saved");
    said.textContent = "The table is being made …";
    const answer = await fetch(url(`map/tagged/${kind}`), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(this.coded()),
    }).catch(() => null);
    if (!answer?.ok) {
      const reason = answer && (await answer.json().catch(() => null))?.detail;
      const large = answer?.status === 413 && "These are too many tags for one table; save a part of them.";
      said.textContent = large || (typeof reason === "string" ? reason : "The table could not be made; try again.");
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `tagged-studies.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    said.textContent = `Saved as ${link.download}, a new table with column tags; the index is as it was.`;
  }
}

function decoded(text) {
  const rows = [];
  atob(text).split("").forEach((letter, byte) => {
    for (let bit = 0, value = letter.charCodeAt(0); value >> bit; bit++) if ((value >> bit) & 1) rows.push(8 * byte + bit);
  });
  return rows;
}

function films(count) {
  return count === 1 ? "1 film" : `${count.toLocaleString("en")} films`;
}
