// What the fragments of consent and timetrack need beside htmx: Ctrl+Enter sends a form, a page opens over the month and closes
// again with everything under it as it was, a signature goes with its form, files are shown or saved with the token, printing.
//
// [data-open="consent/history"]  opens that fragment over the chart's view; [data-back] closes it
// form[data-ctrl-enter]          Ctrl+Enter sends it; [data-draft-status] says when its draft was kept
// [data-picked="# picked"]       says how many boxes of its form are ticked, wherever they stand
// [data-pad] canvas              drawn on; its PNG goes with the form as `signature`
// [data-file="consent/…"]        shows a picture in place, saves any other file; data-name is its name
// [data-file-window]             the same file in a window of its own, where a frame may not download
// [data-print]                   prints the page
"use strict";

(() => {
  const OVER = "page-over";
  const main = () => document.getElementById("main");

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.closest && event.target.closest("form[data-ctrl-enter]");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  });

  document.addEventListener("careledger:draft-kept", (event) => {
    const place = event.target.querySelector("[data-draft-status]");
    if (place && event.detail.ok) place.textContent = "Draft kept " + new Date().toLocaleTimeString("en-US").toLowerCase();
  });

  // ------------------------------------------------------------------ what is picked
  document.addEventListener("change", (event) => {
    const form = event.target.matches(".cl-check[form]") && event.target.form;
    if (!form) return;
    const picked = [...form.elements].filter((part) => part.type === "checkbox" && part.checked).length;
    for (const part of form.querySelectorAll("[data-picked]")) part.textContent = part.dataset.picked.replace("#", picked);
  });

  // ------------------------------------------------------------------ pages over the month
  let opener = null;
  let changed = false;

  function openOver(path) {
    let over = document.getElementById(OVER);
    if (!over) {
      opener = document.activeElement;
      changed = false;
      over = document.createElement("div");
      over.id = OVER;
      over.className = "cl-stack";
      for (const part of main().children) part.hidden = true;
      main().append(over);
    }
    return htmx.ajax("GET", careledger.address(path), { source: over, target: over, swap: "innerHTML" });
  }

  function closeOver() {
    document.getElementById(OVER).remove();
    for (const part of main().children) part.hidden = false;
    if (changed) refresh();
    if (opener && opener.isConnected) opener.focus();
  }

  // A timer's panel keeps what is typed in it; without a timer it is asked for again.
  function refresh() {
    for (const [id, path] of [["consent", "consent/panel"], ["time", "time/panel"]]) {
      const slot = document.getElementById(id);
      if (!slot || slot.querySelector("[data-timer]")) continue;
      htmx.ajax("GET", careledger.address(path), { source: slot, target: slot, swap: "innerHTML" });
    }
  }

  document.addEventListener("careledger:written", () => {
    if (document.getElementById(OVER)) changed = true;
  });

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest && event.target.closest(selector);
    const open = at("[data-open]");
    if (open) {
      event.preventDefault();
      openOver(open.dataset.open);
    } else if (at("[data-back]")) {
      event.preventDefault();
      closeOver();
    } else if (at("[data-print]")) {
      window.print();
    } else if (at("[data-file-window]")) {
      event.preventDefault();
      fileInWindow(at("[data-file-window]"));
    } else if (at("[data-file]")) {
      event.preventDefault();
      file(at("[data-file]"));
    } else if (at("[data-pad-clear]")) {
      event.preventDefault();
      wipe(at("[data-pad]").querySelector("canvas"));
    }
  });

  // ------------------------------------------------------------------ files
  async function file(link) {
    const answer = await careledger.ask(careledger.address(link.dataset.file));
    if (!answer.ok) return;
    const body = await answer.blob();
    const address = URL.createObjectURL(body);
    if (body.type.startsWith("image/")) {
      const image = document.createElement("img");
      image.src = address;
      image.alt = link.textContent;
      image.width = Math.min(link.parentElement.clientWidth, 480);
      link.replaceWith(image);
      return;
    }
    const save = document.createElement("a");
    save.href = address;
    save.download = link.dataset.name;
    save.click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    offerWindow(link);
  }

  // A frame that may not download fails without a word: beside the link the same file by an address of its own.
  function offerWindow(link) {
    const framed = window.top !== window.self && link.dataset.file.startsWith("billing/");
    if (!framed || (link.nextElementSibling && link.nextElementSibling.matches("[data-file-window]"))) return;
    const other = document.createElement("a");
    other.href = "#main";
    other.className = "cl-sm";
    other.dataset.fileWindow = link.dataset.file.slice("billing/".length);
    other.textContent = "Nothing saved? Open a window";
    link.after(other);
  }

  async function fileInWindow(link) {
    const body = new URLSearchParams({ file: link.dataset.fileWindow });
    const answer = await careledger.ask(careledger.address("billing/exports"), { method: "POST", body });
    if (answer.ok) window.open((await answer.json()).address, "_blank", "noopener");
  }

  // ------------------------------------------------------------------ signature
  function wipe(pad) {
    pad.getContext("2d").clearRect(0, 0, pad.width, pad.height);
    delete pad.dataset.signed;
  }

  function place(pad, event) {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * pad.width, ((event.clientY - box.top) / box.height) * pad.height];
  }

  document.addEventListener("pointerdown", (event) => {
    const pad = event.target.closest && event.target.closest("[data-pad] canvas");
    if (!pad) return;
    event.preventDefault();
    if (!("signed" in pad.dataset)) [pad.width, pad.height] = [pad.clientWidth, pad.clientHeight];
    pad.setPointerCapture(event.pointerId);
    const pen = pad.getContext("2d");
    [pen.lineWidth, pen.lineCap, pen.lineJoin] = [2, "round", "round"];
    pen.beginPath();
    pen.moveTo(...place(pad, event));
    const draw = (move) => {
      pen.lineTo(...place(pad, move));
      pen.stroke();
      pad.dataset.signed = "";
    };
    const stop = () => pad.removeEventListener("pointermove", draw);
    pad.addEventListener("pointermove", draw);
    pad.addEventListener("pointerup", stop, { once: true });
    pad.addEventListener("pointercancel", stop, { once: true });
  });

  document.addEventListener("htmx:config:request", (event) => {
    const { request, sourceElement } = event.detail.ctx;
    const pad = sourceElement.querySelector && sourceElement.querySelector("[data-pad] canvas[data-signed]");
    if (pad && pad.checkVisibility()) request.body.set("signature", pad.toDataURL("image/png"));
  });
})();
