// How films are shown: level, window, inversion and size of all of them, and two side by side, enlarged.
(() => {
  const cxr = window.cxr;
  const find = (id) => document.getElementById(id);
  const DEFAULTS = { "cxr-level": 50, "cxr-window": 100, "cxr-size": 195 };
  const value = (id) => Number(find(id).value);

  // A linear window as in DICOM (PS3.3 C.11.2.1.2): level and width in per cent of the film's range.
  const showWindow = () => {
    const invert = find("cxr-invert").checked;
    const slope = 100 / value("cxr-window");
    const intercept = 0.5 - (value("cxr-level") / 100) * slope;
    for (const part of document.querySelectorAll("#cxr-window-filter feComponentTransfer > *")) {
      part.setAttribute("slope", invert ? -slope : slope);
      part.setAttribute("intercept", invert ? 1 - intercept : intercept);
    }
    const plain = !invert && value("cxr-level") === 50 && value("cxr-window") === 100;
    document.documentElement.classList.toggle("cxr-windowed", !plain);
    for (const copy of document.querySelectorAll("[data-copy]")) {
      const own = find(copy.dataset.copy);
      copy.value = own.value;
      copy.checked = own.checked;
    }
  };
  const showSize = () => document.documentElement.style.setProperty("--cxr-size", `${value("cxr-size")}px`);

  document.addEventListener("input", (event) => {
    const copied = event.target.dataset?.copy;
    if (copied) {
      find(copied).value = event.target.value;
      find(copied).checked = event.target.checked;
    }
    if (copied || ["cxr-level", "cxr-window", "cxr-invert"].includes(event.target.id)) showWindow();
    if (event.target.id === "cxr-size") showSize();
  });

  // The viewer: the target, where there is one, and one film beside it, moved and enlarged together.
  const view = { films: [], target: null, at: 0, zoom: 1, x: 0, y: 0 };
  const place = () => {
    for (const image of document.querySelectorAll("#cxr-viewer img"))
      image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
  };
  const fit = () => {
    Object.assign(view, { zoom: 1, x: 0, y: 0 });
    place();
  };
  const zoom = (factor, x = 0, y = 0) => {
    const wanted = Math.min(Math.max(view.zoom * factor, 1), 12);
    const by = wanted / view.zoom;
    Object.assign(view, { zoom: wanted, x: x - (x - view.x) * by, y: y - (y - view.y) * by });
    if (wanted === 1) fit();
    place();
  };
  const pane = (button, title) => {
    const image = button.querySelector("img");
    const large = cxr.make("img", { src: image.src.replace(/size=\d+/, "size=2048"), alt: image.alt, draggable: false });
    return cxr.make("figure", {}, cxr.make("div", {}, large), cxr.make("figcaption", { textContent: title }));
  };
  const name = (button) => button.getAttribute("aria-label").replace("Enlarge ", "");
  const showFilms = () => {
    const shown = view.films[view.at];
    const panes = [];
    if (view.target && view.target !== shown) panes.push(pane(view.target, `Target: ${name(view.target)}`));
    panes.push(pane(shown, shown === view.target ? `Target: ${name(shown)}` : `Neighbour ${view.at + view.first}: ${name(shown)}`));
    document.querySelector("#cxr-viewer .cxr-panes").replaceChildren(...panes);
    place();
  };
  const turn = (step) => {
    view.at = (view.at + step + view.films.length) % view.films.length;
    showFilms();
  };
  const open = (button) => {
    const answer = button.closest(".cxr-answer");
    view.films = answer ? [...answer.querySelectorAll("[data-zoom]")] : [button];
    view.target = answer?.querySelector(".cxr-target [data-zoom]") ?? null;
    view.first = view.target ? 0 : 1;
    view.at = view.films.indexOf(button);
    Object.assign(view, { zoom: 1, x: 0, y: 0 });
    showFilms();
    find("cxr-viewer").showModal();
  };
  const acts = {
    previous: () => turn(-1),
    next: () => turn(1),
    in: () => zoom(1.4),
    out: () => zoom(1 / 1.4),
    fit,
    close: () => find("cxr-viewer").close(),
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom], #cxr-viewer [data-do], #cxr-reset");
    if (!button) return;
    if (button.id === "cxr-reset") {
      for (const [id, plain] of Object.entries(DEFAULTS)) find(id).value = plain;
      find("cxr-invert").checked = false;
      showWindow();
      showSize();
    } else if (button.dataset.do) acts[button.dataset.do]();
    else open(button);
  });
  document.addEventListener("keydown", (event) => {
    if (!find("cxr-viewer")?.open || event.target.matches("input")) return;
    const act = { ArrowLeft: "previous", ArrowRight: "next", "+": "in", "=": "in", "-": "out", 0: "fit" }[event.key];
    if (!act) return;
    event.preventDefault();
    acts[act]();
  });
  document.addEventListener("wheel", (event) => {
    const frame = event.target.closest("#cxr-viewer figure > div");
    if (!frame) return;
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    zoom(Math.exp(-event.deltaY / 400), x, y);
  }, { passive: false });

  // Dragging moves the films; with the right button it sets level and window, as at a workstation.
  let drag = null;
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("#cxr-viewer figure > div")) return;
    drag = { x: event.clientX, y: event.clientY, window: event.button === 2 };
    event.target.setPointerCapture?.(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    Object.assign(drag, { x: event.clientX, y: event.clientY });
    if (drag.window) {
      find("cxr-window").value = value("cxr-window") + dx / 3;
      find("cxr-level").value = value("cxr-level") + dy / 5;
      showWindow();
    } else {
      Object.assign(view, { x: view.x + dx, y: view.y + dy });
      place();
    }
  });
  document.addEventListener("pointerup", () => (drag = null));
  document.addEventListener("contextmenu", (event) => {
    if (event.target.closest("#cxr-viewer figure")) event.preventDefault();
  });
  // Films that are gone from the disk say so.
  document.addEventListener("error", (event) => {
    if (event.target.matches?.(".cxr-film img, .cxr-chips img")) event.target.classList.add("missing");
  }, true);
})();
