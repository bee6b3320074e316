// What every form of the app can do: Ctrl+Enter sends it, typing tells the shell of a draft (careledger:draft), a signature is
// drawn into its hidden field, a scan goes as soon as it is chosen, the page prints.
(() => {
  "use strict";
  const DRAFT_AFTER = 1000;
  const waiting = new WeakMap();

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.closest?.("form[data-ctrl-enter]");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  });

  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (!form) return;
    clearTimeout(waiting.get(form));
    waiting.set(form, setTimeout(() => {
      const fields = Object.fromEntries([...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "signature"));
      form.dispatchEvent(new CustomEvent("careledger:draft", { bubbles: true, detail: { form: form.dataset.draft, fields } }));
    }, DRAFT_AFTER));
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-print]")) window.print();
    const clear = event.target.closest?.("[data-pad-clear]");
    const pad = clear?.closest("[data-pad]")?.querySelector("canvas");
    if (pad) wipe(pad);
  });

  const field = (pad) => pad.closest("[data-pad]").querySelector("input[name=signature]");

  const wipe = (pad) => {
    pad.getContext("2d").clearRect(0, 0, pad.width, pad.height);
    field(pad).value = "";
  };

  const place = (pad, event) => {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * pad.width, ((event.clientY - box.top) / box.height) * pad.height];
  };

  document.addEventListener("pointerdown", (event) => {
    const pad = event.target.closest?.("[data-pad] canvas");
    if (!pad) return;
    if (pad.width !== pad.clientWidth && !field(pad).value) [pad.width, pad.height] = [pad.clientWidth, pad.clientHeight];
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    const pen = pad.getContext("2d");
    [pen.lineWidth, pen.lineCap, pen.lineJoin] = [2, "round", "round"];
    pen.beginPath();
    pen.moveTo(...place(pad, event));
    const draw = (move) => { pen.lineTo(...place(pad, move)); pen.stroke(); };
    const end = () => {
      pad.removeEventListener("pointermove", draw);
      field(pad).value = pad.toDataURL("image/png");
    };
    pad.addEventListener("pointermove", draw);
    pad.addEventListener("pointerup", end, { once: true });
    pad.addEventListener("pointercancel", end, { once: true });
  });
})();
