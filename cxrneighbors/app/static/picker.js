// Targets of a search: films of the index found as one types, and films from the visitor's own disk.
(() => {
  const cxr = window.cxr;
  const find = (id) => document.getElementById(id);
  const names = {}; // file names of uploads, known to this page alone
  let active = -1;
  let asked = 0;
  let timer;

  const targets = () => cxr.text("cxr-targets").split("\n").filter(Boolean);

  cxr.setTargets = (lines) => {
    for (const gone of targets().filter((line) => line.startsWith("upload:") && !lines.includes(line)))
      fetch(`upload/${gone.slice(7)}`, { method: "DELETE" });
    cxr.setText("cxr-targets", lines.join("\n"));
    showChips();
  };

  const showChips = () => {
    const chips = targets().map((line) => {
      const upload = line.startsWith("upload:");
      const id = line.slice(line.indexOf(":") + 1);
      const name = upload ? (names[id] ?? "uploaded film") : id;
      const source = upload ? `uploaded/${id}.png?size=128` : cxr.source(id, 128);
      const remove = cxr.make("button", { type: "button", textContent: "×", "aria-label": `Remove ${name}` });
      remove.onclick = () => {
        cxr.setTargets(targets().filter((other) => other !== line));
        find("cxr-film-input").focus();
      };
      return cxr.make("li", {}, cxr.make("img", { src: source, alt: "" }), cxr.make("span", { textContent: name }), remove);
    });
    find("cxr-chips")?.replaceChildren(...chips);
  };
  cxr.restored = showChips;

  const choose = (id, add) => {
    const line = `film:${id}`;
    cxr.setTargets(add ? [...new Set([...targets(), line])] : [line]);
    find("cxr-film-input").value = "";
    close();
  };

  const close = () => {
    clearTimeout(timer);
    asked += 1;
    active = -1;
    const list = find("cxr-film-list");
    list.hidden = true;
    list.replaceChildren();
    find("cxr-film-count").textContent = "";
    const input = find("cxr-film-input");
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const suggest = async () => {
    const text = find("cxr-film-input").value;
    const turn = ++asked;
    const answer = await fetch(`suggest?text=${encodeURIComponent(text)}`).then((r) => r.json());
    if (turn !== asked) return;
    const options = answer.films.map((film, number) => {
      const about = [film.about, ...film.findings.map((name) => name.replaceAll("_", " "))].join(" · ");
      const words = cxr.make("span", {}, cxr.make("b", { textContent: film.id }), cxr.make("small", { textContent: about }));
      const image = cxr.make("img", { src: cxr.source(film.id, 128), alt: "", loading: "lazy" });
      const option = cxr.make("li", { id: `cxr-option-${number}`, role: "option", "aria-selected": "false" }, image, words);
      option.dataset.id = film.id;
      return option;
    });
    find("cxr-film-list").replaceChildren(...options);
    find("cxr-film-list").hidden = !options.length;
    find("cxr-film-input").setAttribute("aria-expanded", String(options.length > 0));
    const many = answer.count > options.length ? `${answer.count.toLocaleString("en")} films fit; the first are shown. ` : "";
    const keys = options.length ? "Enter searches by a film, Shift+Enter adds it." : "No film fits.";
    find("cxr-film-count").textContent = many + keys;
    active = -1;
  };

  const move = (step) => {
    const options = [...find("cxr-film-list").children];
    if (!options.length) return suggest();
    active = (active + step + options.length) % options.length;
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === active)));
    options[active].scrollIntoView({ block: "nearest" });
    find("cxr-film-input").setAttribute("aria-activedescendant", options[active].id);
  };

  const onKey = (event) => {
    const options = [...find("cxr-film-list").children];
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && options.length) choose(options[Math.max(active, 0)].dataset.id, event.shiftKey);
    else if (event.key === "Enter") find("cxr-go").click();
    else if (event.key === "Backspace" && !event.target.value) return cxr.setTargets(targets().slice(0, -1));
    else return;
    event.preventDefault();
  };

  const upload = async (files) => {
    const status = find("cxr-upload-status");
    const lines = [];
    const errors = [];
    for (const [number, file] of [...files].entries()) {
      status.className = "cxr-hint";
      status.textContent = `Reading ${file.name} (${number + 1} of ${files.length}) …`;
      try {
        if (file.size > 64 * 2 ** 20) throw new Error("the file is too large: at most 64 MB are taken");
        const answer = await fetch("upload", { method: "POST", body: file });
        const said = await answer.json();
        if (!answer.ok) throw new Error(said.detail);
        names[said.token] = file.name;
        lines.push(`upload:${said.token}`);
      } catch (error) {
        errors.push(`${file.name}: ${error.message}`);
      }
    }
    status.textContent = errors.join(" ");
    status.className = errors.length ? "cxr-error" : "cxr-hint";
    if (lines.length) cxr.setTargets(lines);
  };

  document.addEventListener("input", (event) => {
    if (event.target.id !== "cxr-film-input") return;
    clearTimeout(timer);
    timer = setTimeout(suggest, 120);
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.id === "cxr-film-input") suggest();
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.id === "cxr-film-input") close();
  });
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("#cxr-film-list li");
    if (!option) return;
    event.preventDefault(); // the input keeps the focus
    choose(option.dataset.id, event.shiftKey);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "cxr-film-input") return onKey(event);
    // Enter searches from every text of the form; Shift+Enter is a new line.
    const typed = event.target.matches(".cxr-ask textarea, .cxr-ask input[type=number]");
    if (event.key !== "Enter" || event.shiftKey || !typed) return;
    event.preventDefault();
    event.stopPropagation();
    find("cxr-go").click();
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.id !== "cxr-file-input") return;
    upload(event.target.files).finally(() => (event.target.value = ""));
  });
  for (const kind of ["dragover", "dragleave", "drop"])
    document.addEventListener(kind, (event) => {
      const zone = event.target.closest?.(".cxr-drop");
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
      if (kind === "drop") upload(event.dataTransfer.files);
    });
})();
