// What the map tells of films: the one that was picked, those nearest to the crosshair.

const NEAR = 8; // films in the list beside the crosshair
const base = new URL("../..", import.meta.url);

export const url = (path, query = {}) => {
  const address = new URL(path, base);
  for (const [name, value] of Object.entries(query)) [value].flat().forEach((one) => address.searchParams.append(name, one));
  return address;
};

export const picture = (id, size) => url(`film/${encodeURIComponent(id)}.png`, { size });

export class Films {
  constructor(map) {
    this.map = map;
    this.told = new Map(); // what the server told of films, by row
    this.picked = -1;
  }

  // What the server says of films, in the order of `rows`.
  async tell(rows, signal) {
    const unknown = rows.filter((row) => !this.told.has(row));
    if (unknown.length) {
      const answer = await fetch(url("map/films", { row: unknown }), { signal });
      if (!answer.ok) throw new Error("no answer");
      for (const film of await answer.json()) this.told.set(film.row, film);
    }
    return rows.map((row) => this.told.get(row));
  }

  async listNear() {
    const { map } = this, [x, y] = map.world(map.marks.clientWidth / 2, map.marks.clientHeight / 2);
    const rows = map.points.nearest(x, y, Infinity, NEAR, map.hidden);
    const films = await this.tell(rows).catch(() => []);
    map.part("near").replaceChildren(
      ...films.map((film) => {
        const item = document.createElement("li"), button = document.createElement("button");
        button.type = "button";
        button.textContent = film.id;
        button.addEventListener("click", () => this.pick(film.row));
        item.append(button, ` ${words(film)}`);
        return item;
      }),
    );
  }

  // Choose a film: it is framed on the map, shown beside it, and can be searched by.
  async pick(row) {
    this.picked = row;
    this.map.changed();
    const [film] = await this.tell([row]).catch(() => []);
    if (!film || this.picked !== row) return;
    const image = new Image();
    Object.assign(image, { src: picture(film.id, 256), alt: `Film ${film.id}`, loading: "lazy" });
    image.addEventListener("error", () => image.replaceWith("The film's file cannot be read."));
    const name = document.createElement("p"), about = document.createElement("p"), row1 = document.createElement("div");
    name.innerHTML = "<b></b>";
    name.firstChild.textContent = film.id;
    about.textContent = words(film);
    row1.className = "map-row";
    for (const [key, label] of [["search", "Find its neighbours"], ["explain", "Explain it"]]) {
      if (key === "explain" && !this.map.about.explains) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.dataset[key] = film.id;
      button.textContent = label;
      row1.append(button);
    }
    this.map.part("film").replaceChildren(image, name, about, row1);
  }
}

export function words(film) {
  const sex = { F: "female", M: "male" }[film.sex], age = film.age === null ? null : `${film.age} years`;
  const known = [film.view === "UNKNOWN" ? null : film.view, sex, age].filter(Boolean).join(", ");
  return [film.findings.join(", ") || "not labelled", known].filter(Boolean).join(" · ");
}
