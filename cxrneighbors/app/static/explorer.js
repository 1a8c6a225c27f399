// What the tabs share in the browser: window.cxr.
(() => {
  const cxr = (window.cxr = {});

  // Give a Gradio textbox (its elem_id) a value as if it had been typed.
  cxr.setText = (id, value) => {
    const box = document.querySelector(`#${id} textarea, #${id} input`);
    if (!box) return;
    const proto = box.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(proto.prototype, "value").set.call(box, value);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };

  // Show a tab by its name: search, map, explain, evaluation.
  cxr.open = (name) => document.querySelector(`#cxr-tab-${name}-button`)?.click();

  // Search by films of the index, from any tab.
  cxr.search = (ids) => {
    cxr.open("search");
    cxr.setText("cxr-ask-films", ids.join("\n"));
  };

  // Open a film of the index in the explanation tab (its hidden textbox `cxr-explain-film`).
  cxr.explain = (id) => {
    cxr.open("explain");
    cxr.setText("cxr-explain-film", id);
  };

  // Buttons in HTML of any tab: data-search="ID", data-explain="ID".
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-search], [data-explain]");
    if (button?.dataset.search) cxr.search([button.dataset.search]);
    else if (button?.dataset.explain) cxr.explain(button.dataset.explain);
  });
})();
