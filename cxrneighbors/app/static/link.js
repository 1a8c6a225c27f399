// A query is a link: the address of the page follows what is shown, and brings it back.
(() => {
  const cxr = window.cxr;
  const find = (id) => document.getElementById(id);
  let seen;
  const narrow = () => matchMedia("(max-width: 60rem)").matches;
  const restore = () => cxr.setText("cxr-link", location.search);

  const follow = () => {
    const link = document.querySelector("#cxr-results .cxr-answers")?.dataset.link;
    if (link !== undefined && link !== location.search) history.pushState(null, "", link || location.pathname);
    if (link && link !== seen && narrow()) find("cxr-tools").scrollIntoView(); // the form fills the screen there
    seen = link;
    // Those who do not see the page hear what was found.
    const said = document.querySelector("#cxr-results :is(h2, .cxr-error)")?.textContent.trim() ?? "";
    if (find("cxr-announce").textContent !== said) find("cxr-announce").textContent = said;
  };

  cxr.started = () => {
    new MutationObserver(follow).observe(find("cxr-results"), { childList: true, subtree: true });
    if (narrow()) document.querySelector("#cxr-filters > button.open")?.click();
    if (location.search) restore();
  };

  window.addEventListener("popstate", restore);

  document.addEventListener("click", async (event) => {
    if (event.target.id !== "cxr-copy") return;
    const upload = document.querySelector("#cxr-results .cxr-answers[data-upload]");
    const without = upload ? " without the uploaded film, which no link holds" : "";
    try {
      await navigator.clipboard.writeText(location.href);
      find("cxr-copied").textContent = `Copied${without}.`;
    } catch {
      window.prompt(`The link${without}:`, location.href);
    }
    setTimeout(() => (find("cxr-copied").textContent = ""), 4000);
  });
})();
