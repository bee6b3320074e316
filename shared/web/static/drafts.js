// Drafts: a form with data-draft="<name>" is kept 1 s after a pause in typing, offered again after any relaunch, and
// forgotten once it was saved.
"use strict";

(() => {
  const PAUSE_MS = 1000;
  const waiting = new WeakMap();
  const place = (form) => careledger.address("drafts/" + form.dataset.draft);

  function fieldsOf(form) {
    const fields = {};
    for (const [name, value] of new FormData(form)) if (typeof value === "string" && value) fields[name] = value;
    return fields;
  }

  async function keep(form) {
    waiting.delete(form);
    const headers = { "Content-Type": "application/json" };
    const answer = await careledger.ask(place(form), {
      method: "PUT", headers, body: JSON.stringify({ fields: fieldsOf(form) }), keepalive: true,
    });
    form.dispatchEvent(new CustomEvent("careledger:draft-kept", { bubbles: true, detail: { ok: answer.ok } }));
  }

  function later(form) {
    clearTimeout(waiting.get(form));
    waiting.set(form, setTimeout(() => keep(form).catch(() => {}), PAUSE_MS));
  }

  function drop(form) {
    clearTimeout(waiting.get(form));
    waiting.delete(form);
    return careledger.ask(place(form), { method: "DELETE" });
  }

  function use(form, fields) {
    for (const [name, value] of Object.entries(fields)) {
      for (const field of form.querySelectorAll("[name='" + CSS.escape(name) + "']")) {
        if (field.type === "radio" || field.type === "checkbox") field.checked = field.value === value;
        else if (field.type !== "file" && field.type !== "hidden") field.value = value;
      }
    }
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async function offer(form) {
    form.dataset.draftAsked = "";
    const answer = await careledger.ask(place(form));
    if (answer.status !== 200) return;
    const draft = await answer.json();
    const box = document.getElementById("shell-draft").content.cloneNode(true).firstElementChild;
    const at = new Date(draft.saved_at).toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit" });
    box.querySelector("p").textContent = "What you typed here at " + at + " was not saved. It is kept.";
    box.querySelector("[data-use]").addEventListener("click", () => {
      use(form, draft.fields);
      box.remove();
      form.querySelector("textarea, input:not([type=hidden]), select").focus();
    });
    box.querySelector("[data-drop]").addEventListener("click", () => {
      box.remove();
      drop(form).catch(() => {});
    });
    form.prepend(box);
  }

  document.addEventListener("input", (event) => {
    const form = event.target.closest && event.target.closest("form[data-draft]");
    if (form) later(form);
  });

  document.addEventListener("htmx:after:swap", () => {
    for (const form of document.querySelectorAll("form[data-draft]:not([data-draft-asked])")) offer(form).catch(() => {});
  });

  document.addEventListener("htmx:after:request", (event) => {
    const form = event.detail.ctx.sourceElement;
    if (form.matches("form[data-draft]") && event.detail.ctx.response.raw.ok) drop(form).catch(() => {});
  });

  // Last words: what waits for its pause is kept now.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden") return;
    for (const form of document.querySelectorAll("form[data-draft]")) if (waiting.has(form)) keep(form).catch(() => {});
  });
})();
