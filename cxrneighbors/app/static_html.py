"""HTML of the search tab that Gradio has no component for; `static/` makes it work."""

from __future__ import annotations

PICKER = """
<div class="cxr-picker">
  <label for="cxr-film-input">Films of the index</label>
  <div class="cxr-combo">
    <ul class="cxr-chips" id="cxr-chips" aria-label="Targets"></ul>
    <input id="cxr-film-input" type="text" role="combobox" autocomplete="off" spellcheck="false"
      aria-expanded="false" aria-controls="cxr-film-list" aria-autocomplete="list"
      placeholder="id, finding or view">
    <ul id="cxr-film-list" role="listbox" aria-label="Films that fit" hidden></ul>
  </div>
  <p id="cxr-film-count" class="cxr-hint" role="status"></p>
  <label class="cxr-drop" for="cxr-file-input"><span><b>Bring a film</b>: PNG, JPEG or DICOM</span>
    <input id="cxr-file-input" type="file" multiple
      accept=".png,.jpg,.jpeg,.dcm,.dicom,image/png,image/jpeg,application/dicom"></label>
  <p id="cxr-upload-status" class="cxr-hint" role="status"></p>
</div>
"""

TOOLS = """
<div class="cxr-tools" role="toolbar" aria-label="How films are shown">
  <label>Level <input type="range" id="cxr-level" min="0" max="100" value="50"></label>
  <label>Window <input type="range" id="cxr-window" min="5" max="200" value="100"></label>
  <label class="cxr-toggle"><input type="checkbox" id="cxr-invert"> Invert</label>
  <label>Size <input type="range" id="cxr-size" min="140" max="420" value="195"></label>
  <button type="button" id="cxr-reset">Reset</button>
  <button type="button" id="cxr-copy">Copy link</button>
  <span id="cxr-copied" class="cxr-hint" role="status"></span>
</div>
<p id="cxr-announce" class="sr-only" role="status"></p>
<svg class="cxr-svg" aria-hidden="true" width="0" height="0"><filter id="cxr-window-filter"
  color-interpolation-filters="sRGB"><feComponentTransfer><feFuncR type="linear"/><feFuncG type="linear"/>
  <feFuncB type="linear"/></feComponentTransfer></filter></svg>
<dialog class="cxr-viewer" id="cxr-viewer" aria-label="Films side by side">
  <div class="cxr-panes"></div>
  <div class="cxr-viewer-tools">
    <button type="button" data-do="previous">Previous</button>
    <button type="button" data-do="next">Next</button>
    <button type="button" data-do="out" aria-label="Zoom out">−</button>
    <button type="button" data-do="in" aria-label="Zoom in">+</button>
    <button type="button" data-do="fit">Fit</button>
    <label>Level <input type="range" data-copy="cxr-level" min="0" max="100"></label>
    <label>Window <input type="range" data-copy="cxr-window" min="5" max="200"></label>
    <label class="cxr-toggle"><input type="checkbox" data-copy="cxr-invert"> Invert</label>
    <button type="button" data-do="close">Close</button>
  </div>
</dialog>
"""
