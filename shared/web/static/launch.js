// The page that an EHR opens: begins a launch, binds it to this browser by both stores, and goes to the EHR.
"use strict";

(() => {
  const main = document.getElementById("main");

  async function post(address, body) {
    return fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  function show(id) {
    main.replaceChildren(document.getElementById(id).content.cloneNode(true));
    main.querySelector("h1").focus();
  }

  function offerOwnWindow() {
    show("launch-own-window");
    document.getElementById("launch-open").href = location.href;
  }

  // Some browsers throw here, some forget at once: the secret counts as kept only if it can be read again.
  function kept(key, value) {
    try {
      sessionStorage.setItem(key, value);
      return sessionStorage.getItem(key) === value;
    } catch {
      return false;
    }
  }

  async function launch() {
    // a sandboxed frame without allow-same-origin has no origin: it can neither ask us nor keep anything
    if (self.origin === "null") return offerOwnWindow();
    const query = new URLSearchParams(location.search);
    const answer = await post("/launch/begin", { iss: query.get("iss"), launch: query.get("launch") });
    if (!answer.ok) {
      if (!(answer.headers.get("Content-Type") || "").startsWith("text/html")) throw new Error("no page");
      main.innerHTML = await answer.text();
      return main.querySelector("h1").focus();
    }
    const begun = await answer.json();
    const inPage = kept("ltx:" + begun.state, begun.secret);
    if (!inPage) {
      const proof = await (await post("/launch/proof", { state: begun.state })).json();
      if (!proof.cookie) {
        return offerOwnWindow();
      }
    }
    location.replace(begun.authorize_url);
  }

  launch().catch(() => show("launch-no-answer"));
})();
