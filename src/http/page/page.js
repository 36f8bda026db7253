// Keeps the status page up to date (see live.rs). Parts of it are changed in place, so that neither the focus nor a
// click on its way is lost.
"use strict";
(() => {
  const address = document.getElementById("main").dataset.live;
  const liveness = document.getElementById("liveness");
  let source = null;

  function say(kind, text) {
    if (liveness.textContent !== text) liveness.textContent = text;
    liveness.dataset.kind = kind;
  }

  // Makes `shown` like `wanted`.
  function morph(shown, wanted) {
    if (shown.isEqualNode(wanted)) return;
    if (shown.nodeType !== wanted.nodeType || shown.nodeName !== wanted.nodeName || shown.id !== wanted.id) {
      shown.replaceWith(wanted);
      return;
    }
    if (shown.nodeType === Node.TEXT_NODE) {
      shown.nodeValue = wanted.nodeValue;
      flash(shown.parentElement);
      return;
    }
    for (const { name } of [...shown.attributes]) if (!wanted.hasAttribute(name)) shown.removeAttribute(name);
    for (const { name, value } of [...wanted.attributes]) {
      if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    }
    const before = [...shown.childNodes];
    const after = [...wanted.childNodes];
    after.forEach((child, index) => (index < before.length ? morph(before[index], child) : shown.append(child)));
    before.slice(after.length).forEach((child) => child.remove());
  }

  // Shows that something has just moved.
  function flash(element) {
    if (!element.hasAttribute("data-moves")) return;
    element.classList.remove("moved");
    void element.offsetWidth; // so that the animation begins anew
    element.classList.add("moved");
  }

  function update(changes) {
    for (const { id, html } of changes) {
      const template = document.createElement("template");
      template.innerHTML = html;
      const shown = document.getElementById(id);
      if (shown) morph(shown, template.content.firstElementChild);
    }
  }

  function follow() {
    source = new EventSource(address);
    source.onopen = () => say("live", "Live");
    source.onmessage = (message) => update(JSON.parse(message.data));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) say("lost", "Not live any more: please load the page again");
      else say("waiting", "Connection lost, trying again…");
    };
  }

  // A page that nobody sees need not be kept up to date.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source.close();
    else follow();
  });
  follow();
})();
