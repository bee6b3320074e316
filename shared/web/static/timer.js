// The running timer: shows the second, says that somebody is there, asks after idleness, never cuts. The time itself is the
// server's: this page only counts on from what it was told (data-timer-seconds) and is corrected by every answer.
// Markup (services/timetrack templates): #time-panel[data-timer=running|paused|forgotten][data-timer-seconds][data-timer-idle]
// [data-timer-beat][data-timer-call], [data-timer-clock], [data-timer-words], [data-timer-away], #time-beat, #time-ask, #time-idle,
// dialog[data-question]. Elsewhere on the page a bar may follow the running second: rect[data-timer-full="3600"] gets the width
// of the running seconds in percent of data-timer-full, and [data-timer-chip] shows the clock.
(() => {
  "use strict";
  const FAR = 1e9;
  let panel = null;
  let base = 0; // seconds at the moment `since` of the monotonic clock
  let since = 0;
  let lastInput = performance.now();
  let asked = false; // a question is open or unanswered: input no longer means work
  let askAgainAt = FAR;
  let lastBeat = 0;

  const words = (seconds) => {
    const parts = [];
    const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60, left = seconds % 60;
    if (hours) parts.push(`${hours} h`);
    if (minutes) parts.push(`${minutes} min`);
    if (left) parts.push(`${left} s`);
    return parts.join(" ") || "0 s";
  };
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const running = () => panel !== null && panel.dataset.timer === "running";
  const seconds = () => Math.floor(base + (running() ? (performance.now() - since) / 1000 : 0));
  const idle = () => Math.floor((performance.now() - lastInput) / 1000);

  const covered = () => document.querySelector("#shell-cover[open]") !== null;
  const question = () => document.querySelector("body > dialog[data-question]");

  const adopt = () => {
    const found = document.getElementById("time-panel");
    if (found === panel) return;
    question()?.remove();
    panel = found && found.dataset.timer ? found : null;
    if (panel === null) return;
    base = Number(panel.dataset.timerSeconds);
    since = lastBeat = performance.now();
    lastInput = performance.now(); // the panel comes anew only after somebody pressed something, or opened it
    asked = false;
  };

  const show = () => {
    if (panel === null) return;
    const now = seconds();
    for (const element of document.querySelectorAll("[data-timer-clock], [data-timer-chip]")) element.textContent = clock(now);
    for (const element of document.querySelectorAll("[data-timer-words]")) element.textContent = words(now);
    panel.querySelector("[data-timer-clock]")?.setAttribute("aria-label", words(now));
    for (const rect of document.querySelectorAll("rect[data-timer-full]")) {
      rect.setAttribute("width", `${Math.min((now / Number(rect.dataset.timerFull)) * 100, 100).toFixed(3)}%`);
    }
  };

  const say = (id, event) => {
    const element = document.getElementById(id), field = document.getElementById("time-idle");
    if (element === null || field === null) return;
    field.value = String(idle());
    element.dispatchEvent(new CustomEvent(event, { bubbles: true }));
  };

  const beat = () => {
    lastBeat = performance.now();
    say("time-beat", "careledger:heartbeat");
  };

  const tick = () => {
    adopt();
    show();
    if (!running()) return;
    if (performance.now() - lastBeat >= Number(panel.dataset.timerBeat) * 1000) beat();
    const limit = Number(panel.dataset.timerIdle);
    if (covered()) return; // the question names the patient: it waits until somebody is there
    const due = asked ? performance.now() >= askAgainAt : idle() >= limit;
    if (due && !("timerCall" in panel.dataset) && !question()?.open) {
      asked = true;
      askAgainAt = performance.now() + 60000;
      say("time-ask", "careledger:idle");
    }
  };

  const away = (lost) => {
    for (const element of document.querySelectorAll("[data-timer-away]")) element.hidden = !lost;
  };

  for (const kind of ["pointerdown", "keydown", "wheel", "input", "pointermove"]) {
    document.addEventListener(kind, () => { if (!asked && !covered()) lastInput = performance.now(); }, { capture: true, passive: true });
  }
  setInterval(tick, 1000);
  document.addEventListener("htmx:after:swap", () => {
    adopt();
    show();
    const dialog = document.querySelector("#time-dialog dialog[data-question]");
    if (dialog === null) return;
    const opener = question()?.opener ?? document.activeElement;
    question()?.remove();
    dialog.opener = opener; // out of the panel, which a page over the month may hide
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("[aria-invalid]") ?? dialog.querySelector("[data-key=k]")).focus();
    dialog.addEventListener("close", () => opener?.focus?.());
  });
  document.addEventListener("careledger:covered", () => question()?.close());
  document.addEventListener("careledger:uncovered", () => { askAgainAt = 0; });
  // letter keys choose only within the question, and not while typing
  document.addEventListener("keydown", (event) => {
    const dialog = event.target.closest?.("dialog[data-question]");
    if (!dialog || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=radio]), textarea")) return;
    const choice = dialog.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (choice === null) return;
    event.preventDefault();
    choice.checked = true;
    choice.focus();
    if (choice.value === "part") dialog.querySelector("[name=until]")?.focus();
  });
  // the last word of a window that closes still arrives
  document.addEventListener("htmx:config:request", (event) => {
    if (event.target.id === "time-beat") event.detail.ctx.request.keepalive = true;
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (event.target.id === "time-beat") away(!event.detail.ctx.response);
  });
  window.addEventListener("pagehide", () => { if (running()) beat(); });
  document.addEventListener("visibilitychange", () => { if (running()) beat(); });
})();
