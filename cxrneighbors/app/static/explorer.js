// What the tabs share in the browser: window.cxr.
(() => {
  const cxr = (window.cxr = {});
  const box = (id) => document.querySelector(`#${id} textarea, #${id} input`);

  // Give a Gradio textbox (by its elem_id) a value as if it had been typed.
  cxr.setText = (id, value) => {
    const found = box(id);
    if (!found) return;
    const kind = found.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(found, value);
    found.dispatchEvent(new Event("input", { bubbles: true }));
    found.dispatchEvent(new KeyboardEvent("keypress", { key: " ", bubbles: true })); // Gradio's `.input`
  };
  cxr.text = (id) => box(id)?.value ?? "";

  // Show a tab by its name: search, map, explain, evaluation.
  cxr.open = (name) => document.querySelector(`#cxr-tab-${name}-button`)?.click();

  // Search by films of the index, from any tab.
  cxr.search = (ids) => {
    cxr.open("search");
    cxr.setTargets(ids.map((id) => `film:${id}`));
    window.scrollTo({ top: 0, behavior: "smooth" });
  };

  // Open a film of the index, or "upload:" and the token of one, in the explanation tab, which may not be
  // there yet: it then takes up `cxr.toExplain`.
  cxr.explain = (id) => {
    cxr.toExplain = id;
    cxr.open("explain");
    cxr.setText("cxr-explain-film", id);
  };

  // Where the server has a film.
  cxr.source = (id, size) => `film/${encodeURIComponent(id)}.png?size=${size}`;

  // An element with properties and children.
  cxr.make = (tag, properties = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties))
      name in made ? (made[name] = value) : made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  // Buttons in the HTML of any tab: data-search="ID", data-explain="ID".
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-search], [data-explain]");
    if (button?.dataset.search) cxr.search([button.dataset.search]);
    else if (button?.dataset.explain) cxr.explain(button.dataset.explain);
  });
})();
