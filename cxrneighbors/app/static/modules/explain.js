// The explanation tab: choose a film and a finding, run one explanation on the server, follow it, show it.
import { picture, url } from "./map_films.js";
import { Result } from "./explain_result.js";

const UPLOAD = "upload:";

export function mount(element) {
  const root = element.querySelector(".ex");
  if (root && !root.cxrExplain) root.cxrExplain = new Explain(root);
}

class Explain {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.form = this.part("form");
    this.result = new Result(root);
    const film = this.form.elements.film;
    film.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.choose(film.value.trim()), film.value === window.cxr?.toExplain ? 0 : 300);
      this.suggest(film.value);
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    this.part("stop").addEventListener("click", () => this.stop());
    this.part("method").addEventListener("change", () => this.about());
    this.about();
    film.value ||= window.cxr?.toExplain ?? "";
    if (film.value) this.choose(film.value.trim());
  }

  about() {
    const method = this.part("method");
    this.part("about").textContent = method.selectedOptions[0].dataset.about;
    this.form.elements.k.disabled = ["lime", "alime"].includes(method.value);
  }

  // Films of the index that fit what is being typed.
  async suggest(text) {
    const found = await ask(url("suggest", { text }));
    const options = (found.value?.films ?? []).map((film) => new Option(film.about, film.id));
    if (text === this.form.elements.film.value) this.root.querySelector("datalist").replaceChildren(...options);
  }

  fail(text) {
    this.part("error").textContent = text;
  }

  // Show a film and the classifier's scores for it.
  async choose(film) {
    if (film === this.film) return;
    this.film = film;
    this.fail("");
    const seen = this.part("seen"), known = this.part("known");
    this.wanted = this.form.elements.target?.value ?? this.wanted; // the next film is asked about the same finding
    seen.hidden = true;
    delete this.root.dataset.film;
    this.part("scores").textContent = "";
    known.textContent = "Give an image id, or press Explain on a film in the other tabs.";
    if (!film) return;
    known.textContent = "The classifier looks at the film …";
    const answer = await ask(url("explain/scores", { film }));
    if (film !== this.film) return;
    if (answer.error) {
      known.textContent = /not in this index/.test(answer.error) ? "No film of the index has this id." : answer.error;
      return;
    }
    const upload = film.startsWith(UPLOAD);
    const labelled = answer.value.labelled.join(", ");
    known.textContent = upload ? "The film that was uploaded in the search tab." : labelled ? `Labelled: ${labelled}` : "Not labelled";
    const source = upload ? url(`uploaded/${film.slice(UPLOAD.length)}.png`, { size: 256 }) : picture(film, 256);
    Object.assign(seen, { src: source, alt: upload ? "The uploaded film" : `Film ${film}`, hidden: false });
    this.part("scores").replaceChildren(...answer.value.scores.map((row, place) => scoreRow(row, this.wanted ? row.label === this.wanted : place === 0)));
    this.root.dataset.film = film;
  }

  async run() {
    await this.choose(this.form.elements.film.value.trim());
    const given = Object.fromEntries(new FormData(this.form));
    if (!this.film || !given.target) {
      this.fail("Choose a film first: an image id, or Explain on a film in another tab.");
      this.form.elements.film.focus();
      return;
    }
    const asked = { ...given, film: this.film, k: Number(this.form.elements.k.value), masks: Number(given.masks) };
    this.fail("");
    this.busy(true);
    this.tell({ state: "waiting", before: 0 });
    const job = await ask(url("explain/jobs"), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) });
    if (job.error) this.end(job.error);
    else await this.follow((this.token = job.value.token), asked);
  }

  async follow(token, asked) {
    for (let pause = 250; ; pause = Math.min(pause * 1.2, 1000)) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      const { value: job, error } = await ask(url(`explain/jobs/${token}`));
      if (token !== this.token) return;
      if (error) return this.end(error);
      this.tell(job);
      if (job.state === "failed") return this.end(job.error);
      if (job.state === "cancelled") return this.end("Cancelled.");
      if (job.state === "done") break;
    }
    const { value, error } = await ask(url(`explain/jobs/${token}/result`));
    if (error) return this.end(error);
    this.busy(false);
    await this.result.show(value, url(`explain/jobs/${token}/`), asked);
  }

  tell(job) {
    const bar = this.root.querySelector("progress"), far = this.part("far");
    if (job.state === "running") {
      bar.max = job.films;
      bar.value = Math.min(job.scored, job.films);
      const left = job.scored ? Math.round((job.seconds * (job.films - job.scored)) / job.scored) : null;
      far.textContent = job.scored ? `${job.scored} of about ${job.films} films scored${left > 1 ? `, ${left} s left` : ""}` : "Neighbours and segments are being found …";
    } else {
      bar.removeAttribute("value");
      far.textContent = job.before > 0 ? `Waiting: ${job.before} before this one` : "Starting …";
    }
  }

  async stop() {
    const token = this.token;
    this.part("far").textContent = "Stopping …";
    if (token) await ask(url(`explain/jobs/${token}`), { method: "DELETE" });
  }

  busy(on) {
    this.root.dataset.state = on ? "running" : "idle";
    this.part("progress").hidden = !on;
    this.part("stop").hidden = !on;
    this.part("go").disabled = on;
  }

  end(text) {
    this.busy(false);
    this.token = null;
    this.fail(text);
  }
}

// A finding as a radio button with its score as a bar.
function scoreRow(row, chosen) {
  const label = document.createElement("label"), radio = document.createElement("input");
  Object.assign(radio, { type: "radio", name: "target", value: row.label, checked: chosen });
  const name = document.createElement("span"), bar = document.createElement("i"), score = document.createElement("b");
  name.textContent = row.title;
  if (row.labelled) name.append(Object.assign(document.createElement("em"), { textContent: "labelled" }));
  bar.style.setProperty("--share", row.score);
  score.textContent = row.score.toFixed(2);
  label.append(radio, name, bar, score);
  return label;
}

// What the server answers: {value}, or {error} in words.
async function ask(address, options) {
  const answer = await fetch(address, options).catch(() => null);
  if (!answer) return { error: "The server does not answer; is it still running?" };
  const content = await answer.json().catch(() => null);
  if (answer.ok) return { value: content };
  const reason = content?.detail;
  return { error: typeof reason === "string" ? reason : "The server refused; reload the page and try again." };
}
