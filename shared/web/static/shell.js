// The shell: holds the page's token in memory, asks each service for its fragments, covers the chart when nobody is there.
//
// Other scripts find it as `window.careledger`:
//   ask(address, options)  fetch with the token; refreshed and repeated once on 401; rejects if the session is over
//   address(path)          "/t/<tenant>/app/<path>"
//   lastInput()            the instant (Date) of the last key, pointer or wheel
// Events at document: careledger:open (detail: what the shell knows, no patient data), careledger:alive (every 30 s, detail
// {lastInput}), careledger:covered, careledger:uncovered, careledger:over. A fragment's answer may carry
// HX-Trigger: {"careledger:written": {"seen": "<aggregate>@<version>"}}: what joins contexts is then asked for again.
"use strict";

(() => {
  const IDLE_MS = 15 * 60 * 1000;
  const ALIVE_MS = 30 * 1000;
  const EARLY_MS = 30 * 1000;
  const byId = (id) => document.getElementById(id);
  const main = byId("main");
  let page = null;
  let token = null;
  let freshUntil = 0;
  let refreshing = null;
  let lastInput = new Date();
  let covered = false;

  class SessionOver extends Error {}

  const tell = (name, detail) => document.dispatchEvent(new CustomEvent("careledger:" + name, { detail }));
  const copy = (id) => byId(id).content.cloneNode(true);

  function stored(change) {
    try {
      return change(sessionStorage);
    } catch {
      return null; // this frame keeps nothing: the cookie does
    }
  }

  function post(address, body, launch) {
    const headers = { "Content-Type": "application/json" };
    if (launch) headers["X-Careledger-Launch"] = launch;
    return window.fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
  }

  // ------------------------------------------------------------------ session
  function heldHandle(launch) {
    const held = stored((store) => store.getItem("cls:" + launch));
    return held ? JSON.parse(held).handle : null;
  }

  function take(answer) {
    token = answer.token;
    freshUntil = performance.now() + answer.expires_in * 1000 - EARLY_MS;
  }

  async function renew() {
    const launch = page ? page.launch : location.pathname.split("/")[2];
    const answer = await post("/session/token", { handle: heldHandle(launch) }, launch);
    if (answer.status === 401 || answer.status === 400 || answer.status === 404) throw new SessionOver();
    if (!answer.ok) throw new Error("no token now");
    const body = await answer.json();
    take(body);
    return body;
  }

  // Any number of requests wait for one renewal.
  function renewed() {
    refreshing = refreshing || renew().finally(() => (refreshing = null));
    return refreshing;
  }

  async function ask(address, options = {}) {
    if (performance.now() > freshUntil) await renewed().catch(endIfOver);
    const sent = () => {
      const headers = { ...options.headers, Authorization: "Bearer " + token, "X-Careledger-Launch": page.launch };
      return window.fetch(address, { ...options, headers });
    };
    const answer = await sent();
    if (answer.status !== 401) return answer;
    await renewed().catch(endIfOver);
    const again = await sent();
    if (again.status === 401) endIfOver(new SessionOver());
    return again;
  }

  function endIfOver(error) {
    if (error instanceof SessionOver) over();
    throw error;
  }

  function over() {
    token = null;
    page && stored((store) => store.removeItem("cls:" + page.launch));
    byId("shell-cover").open && byId("shell-cover").close();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    byId("ident").hidden = true;
    byId("ident").replaceChildren();
    for (const id of ["shell-pages", "shell-acts"]) byId(id).replaceChildren();
    show(copy("shell-over"), true);
    tell("over", {});
  }

  // On a shared workstation: whoever sat here before does not go on.
  function endOthers(answer) {
    stored((store) => {
      for (const key of Object.keys(store).filter((name) => name.startsWith("cls:"))) {
        const held = JSON.parse(store.getItem(key));
        if (held.user === answer.user_key) continue;
        store.removeItem(key);
        post("/session/end", { handle: held.handle }, key.slice(4)).catch(() => {});
      }
    });
  }

  // ------------------------------------------------------------------ opening
  async function open() {
    if (location.pathname !== "/callback") return begin(await renew());
    const query = Object.fromEntries(new URLSearchParams(location.search));
    history.replaceState(null, "", "/callback");
    const secret = stored((store) => store.getItem("ltx:" + query.state));
    const { state = "", code = null, iss = null, error = null } = query;
    const answer = await post("/launch/complete", { state, code, iss, error, secret });
    stored((store) => store.removeItem("ltx:" + state));
    if (!answer.ok) {
      const html = document.createElement("template");
      html.innerHTML = (answer.headers.get("Content-Type") || "").startsWith("text/html") ? await answer.text() : "";
      if (!html.innerHTML) throw new Error("no answer");
      return show(html.content, true);
    }
    const body = await answer.json();
    endOthers(body);
    if (body.handle) {
      stored((store) => store.setItem("cls:" + body.launch, JSON.stringify({ handle: body.handle, user: body.user_key })));
    }
    history.replaceState(null, "", "/app/" + body.launch);
    take(body);
    return begin(body);
  }

  function begin(answer) {
    page = answer;
    byId("shell-user").textContent = page.user;
    byId("shell-role").textContent = page.role + " · " + page.practice;
    if (page.chart) {
      show(copy("shell-chart"), false);
      chartPages();
      const ident = byId("ident");
      ident.hidden = false;
      ident.dataset.slot = "billing/identity";
      ident.dataset.joined = "";
      for (const slot of document.querySelectorAll("[data-slot]")) load(slot, "");
    } else {
      show(copy("shell-desk"), false);
      const links = page.pages.map(pageLink);
      byId("shell-pages").replaceChildren(...links);
      if (links.length) links[0].click();
    }
    tell("open", { ...page, token: undefined, handle: undefined });
  }

  function pageLink(entry) {
    const link = document.createElement("a");
    link.href = "#main";
    link.textContent = entry.name;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      for (const other of byId("shell-pages").children) other.removeAttribute("aria-current");
      link.setAttribute("aria-current", "page");
      htmx.ajax("GET", address(entry.path), { source: link, target: "#page", swap: "innerHTML" });
    });
    return link;
  }

  // What opens over the month does so by data-open and data-back (forms.js); here only the way home and what is current.
  function chartPages() {
    // in a chart the identity strip above says whose it is and who works in it
    for (const part of document.querySelectorAll("#shell-nav .cl-nav__brand, #shell-nav .cl-nav__who")) part.hidden = true;
    const allowed = page.pages.map((entry) => entry.path);
    const places = [[byId("shell-pages"), copy("shell-chart-pages")], [byId("shell-acts"), copy("shell-chart-acts")]];
    for (const [place, links] of places) {
      for (const link of links.querySelectorAll("[data-open]")) if (!allowed.includes(link.dataset.open)) link.remove();
      place.replaceChildren(links);
      place.hidden = false;
    }
    const home = document.querySelector("[data-home]");
    home.addEventListener("click", (event) => {
      event.preventDefault();
      home.toggleAttribute("data-back", byId("page-over") !== null);
    });
    document.addEventListener("click", (event) => {
      const opened = event.target.closest && event.target.closest("#shell-pages [data-open]");
      const current = byId("page-over") ? opened : home;
      if (!current) return;
      for (const link of byId("shell-pages").children) link.removeAttribute("aria-current");
      current.setAttribute("aria-current", "page");
    });
  }

  const address = (path) => "/t/" + page.tenant + "/app/" + path;

  function load(slot, seen) {
    const query = seen ? "?seen=" + encodeURIComponent(seen) : "";
    return htmx.ajax("GET", address(slot.dataset.slot) + query, { source: slot, target: slot, swap: "innerHTML" });
  }

  function show(content, asText) {
    main.classList.toggle("cl-main--text", asText);
    main.replaceChildren(content);
    const heading = main.querySelector("[data-focus]");
    if (heading) heading.focus();
  }

  // ------------------------------------------------------------------ htmx
  // Of several presses that ask for the page the last one stands, however the answers arrive. A page that asks for itself anew
  // gives way to a press, and to whoever works in it: who typed, or stands on anything but its heading.
  let latest = null;
  const forPage = (ctx) => Boolean(ctx.target) && ctx.target.id === "page";
  const atWork = (place) => typedIn(place) || place.querySelector(":focus:not(h1)") !== null;

  document.addEventListener("htmx:config:request", (event) => {
    event.detail.ctx.fetch = ask;
  });

  document.addEventListener("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    if (!forPage(ctx)) return;
    if (ctx.sourceElement.matches(".cl-wait") && (latest || atWork(ctx.target))) event.preventDefault();
    else latest = ctx;
  });

  // Asked once the whole answer is read, so that its connection is free again.
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (ctx.response.raw.ok && forPage(ctx) && latest !== ctx) event.preventDefault();
  });

  document.addEventListener("htmx:finally:request", (event) => {
    if (event.detail.ctx === latest) latest = null;
  });

  const REFUSALS = {
    403: ["This is not for your role", "Nothing was changed. Ask the lead of your care program if it should be."],
    404: ["This is not here any more", "Somebody else may have changed it. Open the page again."],
    409: ["Not saved: it changed meanwhile", "What you typed is still here. Look at what is stored now, then save again."],
    429: ["Too much at once", "Wait a minute, then go on. What you typed is still here."],
  };

  function notice(heading, text) {
    const box = byId("shell-notice");
    const message = copy("shell-message");
    message.querySelector("h2").textContent = heading;
    message.querySelector("p").textContent = text;
    box.replaceChildren(message);
    box.hidden = false;
  }

  function clearNotice() {
    byId("shell-notice").hidden = true;
    byId("shell-notice").replaceChildren();
  }

  async function refusalOf(response) {
    const [heading, text] = REFUSALS[response.status] || ["Not done", "What you typed is still here. Try again."];
    const problem = await response.clone().json().catch(() => null);
    const said = problem && response.status < 500 && problem.title !== "Not Found" ? problem.title : null;
    return [heading, said ? said[0].toUpperCase() + said.slice(1) + (/[.?]$/.test(said) ? "" : ".") : text];
  }

  // A fragment is swapped also when it refuses (409, 422 with the form); a refusal without a page becomes a notice.
  document.addEventListener("htmx:before:response", (event) => {
    const response = event.detail.ctx.response.raw;
    const isPage = (response.headers.get("Content-Type") || "").startsWith("text/html");
    if (response.ok || (isPage && [409, 422].includes(response.status))) {
      if (event.detail.ctx.request.method !== "GET") clearNotice();
      return;
    }
    event.preventDefault();
    if (response.status !== 401) refusalOf(response).then(([heading, text]) => notice(heading, text));
  });

  document.addEventListener("htmx:error", (event) => {
    if (event.detail.error instanceof SessionOver || !event.detail.ctx) return;
    notice("No connection", "Nothing was lost: what you typed is still here. Try again in a moment.");
  });

  // After a swap, focus goes to what the fragment marks, or stays.
  document.addEventListener("htmx:after:settle", (event) => {
    for (const node of event.detail.newContent) {
      const wanted = node.nodeType === 1 && (node.matches("[data-focus]") ? node : node.querySelector("[data-focus]"));
      if (wanted) return wanted.focus();
    }
  });

  // A form in which somebody typed is not taken away by somebody's other save.
  const typedIn = (slot) =>
    [...slot.querySelectorAll("form input:not([type=hidden]), form textarea")].some((field) => field.value !== field.defaultValue);

  document.addEventListener("careledger:written", (event) => {
    const seen = (event.detail && event.detail.seen) || "";
    for (const slot of document.querySelectorAll("[data-joined]")) if (!typedIn(slot)) load(slot, seen);
  });

  // ------------------------------------------------------------------ presence
  for (const name of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"]) {
    document.addEventListener(name, () => !covered && (lastInput = new Date()), { passive: true, capture: true });
  }

  function cover() {
    if (covered || !page || !token) return;
    covered = true;
    for (const part of [byId("ident"), main, byId("shell-notice")]) {
      part.dataset.was = part.hidden ? "hidden" : "";
      part.hidden = true;
    }
    byId("shell-cover").showModal();
    tell("covered", {});
  }

  async function uncover() {
    try {
      await renewed();
    } catch (error) {
      if (!(error instanceof SessionOver)) return;
      for (const part of [main]) part.hidden = false;
      covered = false;
      over();
      return;
    }
    covered = false;
    lastInput = new Date();
    for (const part of [byId("ident"), main, byId("shell-notice")]) part.hidden = part.dataset.was === "hidden";
    byId("shell-cover").close();
    tell("uncovered", {});
  }

  byId("shell-uncover").addEventListener("click", uncover);
  byId("shell-cover").addEventListener("cancel", (event) => event.preventDefault());
  setInterval(() => Date.now() - lastInput.getTime() >= IDLE_MS && cover(), 1000);
  setInterval(() => page && token && tell("alive", { lastInput }), ALIVE_MS);

  // A page out of the back/forward cache shows nothing before the session was asked again.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted || !page) return;
    cover();
    uncover();
  });

  window.careledger = { ask, address, lastInput: () => lastInput };
  open().catch((error) => {
    if (error instanceof SessionOver) return over();
    notice("Careledger does not answer", "Wait a minute, then start Careledger again from the chart’s menu. Nothing was recorded.");
    main.replaceChildren();
  });
})();
