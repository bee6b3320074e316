// The trial page of who sets the app up in an EHR: says which pages are around its frame, and which of them the practice does not name.
"use strict";

(() => {
  const place = document.getElementById("frame-seen");

  function around() {
    if (window.top === window) return [];
    if (location.ancestorOrigins) return [...location.ancestorOrigins];
    return document.referrer ? [new URL(document.referrer).origin] : [];
  }

  function show(id) {
    place.append(document.getElementById(id).content.cloneNode(true));
  }

  async function look() {
    const origins = around();
    const whole = Boolean(location.ancestorOrigins);
    const body = JSON.stringify({ iss: new URLSearchParams(location.search).get("iss"), origins, whole });
    const answer = await fetch("/launch/framed", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!answer.ok) throw new Error("no answer");
    const told = await answer.json();
    place.replaceChildren();
    if (!origins.length) return show("frame-none");
    const list = document.createElement("ul");
    for (const origin of told.seen) {
      const item = document.createElement("li");
      item.textContent = `${origin}: ${told.unnamed.includes(origin) ? "not named in the practice’s settings" : "named"}`;
      list.append(item);
    }
    place.append(list);
    if (!whole) show("frame-near");
  }

  look().catch(() => {
    place.replaceChildren();
    show("frame-failed");
  });
})();
