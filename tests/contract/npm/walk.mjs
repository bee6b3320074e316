// What a partner's engineer would do with software of others: discovery and token by oauth4webapi and jose, FHIR by fhir-kit-client.
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { Client as FhirClient } from "fhir-kit-client";
import * as jose from "jose";
import * as oauth from "oauth4webapi";

const { base, client_id, scope, key_file, alg, consent, task, steps } = JSON.parse(readFileSync(process.argv[2], "utf8"));

const smart = await (await fetch(`${base}/.well-known/smart-configuration`)).json();
const server = { issuer: new URL(base).origin, token_endpoint: smart.token_endpoint };
const key = await jose.importPKCS8(readFileSync(key_file, "utf8"), alg, { extractable: true });
const { kid } = await jose.exportJWK(key).then(async (jwk) => ({ kid: await jose.calculateJwkThumbprint(jwk) }));
const insecure = { [oauth.allowInsecureRequests]: true };

async function assertion(claims = {}) {
  const now = Math.floor(Date.now() / 1000);
  return new jose.SignJWT({ jti: crypto.randomUUID(), ...claims })
    .setProtectedHeader({ alg, kid, typ: "JWT" })
    .setIssuer(client_id).setSubject(client_id)
    .setAudience(claims.aud ?? smart.token_endpoint).setExpirationTime(now + 240).sign(key);
}
const proving = (signed) => (as, client, body) => {
  body.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  body.set("client_assertion", signed);
};
async function token(signed) {
  const client = { client_id };
  const answer = await oauth.clientCredentialsGrantRequest(server, client, proving(signed), { scope }, insecure);
  return oauth.processClientCredentialsResponse(server, client, answer);
}

const signed = await assertion();
const got = await token(signed);
assert.equal(got.token_type, "bearer");
assert.ok(got.expires_in <= 300 && !got.refresh_token);
await assert.rejects(token(signed), { error: "invalid_client" }, "the same assertion twice");
await assert.rejects(token(await assertion({ aud: base })), { error: "invalid_client" }, "another audience");

const fhir = new FhirClient({ baseUrl: base, customHeaders: { Authorization: `Bearer ${got.access_token}` } });
const capabilities = await fhir.capabilityStatement();
assert.equal(capabilities.fhirVersion, "4.0.1");
const done = [];

async function create(kind, body) {
  const { system, value } = body.identifier[0];
  const headers = { "If-None-Exist": `identifier=${system}|${value}` };
  const first = await fhir.create({ resourceType: kind, body, options: { headers } });
  const again = await fhir.create({ resourceType: kind, body, options: { headers } });
  assert.equal(first.id, again.id);
  const read = await fhir.read({ resourceType: kind, id: first.id });
  assert.deepEqual(read, first);
  const version = await fhir.vread({ resourceType: kind, id: first.id, version: "1" });
  assert.equal(version.meta.versionId, "1");
  const history = await fhir.history({ resourceType: kind, id: first.id });
  assert.equal(history.type, "history");
  await assert.rejects(fhir.update({ resourceType: kind, id: first.id, body: first }), (error) => error.response.status === 400);
  done.push(`create ${kind}`);
  return first;
}
async function all(kind, searchParams) {
  let bundle = await fhir.search({ resourceType: kind, searchParams });
  const ids = [];
  while (bundle) {
    for (const entry of bundle.entry ?? []) if (entry.search.mode === "match") ids.push(entry.resource.id);
    bundle = bundle.link.some((link) => link.relation === "next") ? await fhir.nextPage({ bundle }) : undefined;
  }
  assert.equal(new Set(ids).size, ids.length);
  done.push(`search ${kind}`);
  return ids;
}

if (steps.includes("consent")) {
  const made = await create("Consent", consent);
  assert.ok((await all("Consent", { patient: consent.patient.reference, _count: 2 })).includes(made.id));
}
if (steps.includes("task")) {
  const made = await create("Task", task);
  assert.ok((await all("Task", { patient: task.for.reference, _count: 2 })).includes(made.id));
}
if (steps.includes("charge")) {
  const queue = await all("ChargeItem", { status: "billable", _count: 1 });
  for (const id of queue.slice(0, 1)) {
    const item = [
      { name: "charge", valueReference: { reference: `ChargeItem/${id}` } },
      { name: "outcome", valueCode: "billed" },
      { name: "claim", valueIdentifier: { system: "https://biller.example/claims", value: `claim-${id}` } },
    ];
    const input = { resourceType: "Parameters", parameter: [{ name: "item", part: item }] };
    const answer = await fhir.operation({ resourceType: "ChargeItem", name: "acknowledge", method: "POST", input });
    assert.equal(answer.resourceType, "Parameters");
    assert.ok(!(await all("ChargeItem", { status: "billable" })).includes(id));
    done.push("acknowledge");
  }
}
console.log(JSON.stringify({ done, scope: got.scope }));
