// An authorization server that is not ours (npm oidc-provider) as the EHR of a launch: what SMART adds to OpenID Connect is the
// discovery document, the launch handle (`patient:person` here) and the context beside the tokens. Prints one line when it listens.
import { readFileSync } from "node:fs";
import http from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import Provider, { interactionPolicy } from "oidc-provider";

const { port, jwks, redirect, resources } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const issuer = `http://127.0.0.1:${port}`;
const base = `${issuer}/fhir/R4`;
const { privateKey } = await generateKeyPair("RS256", { extractable: true });
const signing = { ...(await exportJWK(privateKey)), kid: "op-1", alg: "RS256", use: "sig" };
const reads = ["patient/Patient.r", "patient/Condition.rs", "patient/Coverage.rs", "user/Practitioner.r", "user/PractitionerRole.rs"];
const state = { deny: false, seen: [] };

const provider = new Provider(issuer, {
  clients: [{
    client_id: "careledger-app",
    redirect_uris: [redirect],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "RS384",
    id_token_signed_response_alg: "RS256",
    jwks,
  }],
  jwks: { keys: [signing] },
  cookies: { keys: ["a key of this run"] },
  clientAuthMethods: ["private_key_jwt"],
  enabledJWA: { clientAuthSigningAlgValues: ["RS384", "ES384"] },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  pkce: { required: () => true },
  scopes: ["launch", "openid", "online_access", ...reads],
  claims: { openid: ["sub"], fhirUser: ["fhirUser"] },
  conformIdTokenClaims: false,
  extraParams: ["launch", "aud"],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: `person-${id}`, fhirUser: `${base}/Practitioner/${id}` }) }),
  interactions: { policy: interactionPolicy.base(), url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_, client, code) => client.grantTypeAllowed("refresh_token") && code.scopes.has("online_access"),
  rotateRefreshToken: true,
  extraTokenClaims: () => undefined,
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600 },
});

provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route !== "token") return;
  state.seen.push({ grant: ctx.oidc.params?.grant_type, status: ctx.status, error: ctx.body?.error });
  const code = ctx.oidc.entities.AuthorizationCode;
  if (ctx.status === 200 && code) {
    const [patient] = (await launchOf(code.grantId)).split(":");
    // what EHRs add besides: a style sheet, an organisation, how long a person counts as present, a banner flag as text
    const besides = { need_patient_banner: "false", smart_style_url: `${issuer}/style.json`, tenant: "org-1", active_ttl: 600 };
    ctx.body = { ...ctx.body, ...(patient && { patient }), ...besides };
  }
});

const launches = new Map();
const launchOf = async (grantId) => launches.get(grantId) ?? "";

async function interact(request, response) {
  const { params, prompt, session } = await provider.interactionDetails(request, response);
  const [, person] = String(params.launch).split(":");
  if (state.deny) {
    const refusal = { error: "access_denied", error_description: "given up" };
    return provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
  }
  if (prompt.name === "login") return provider.interactionFinished(request, response, { login: { accountId: person } });
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  launches.set(consent.grantId, params.launch);
  return provider.interactionFinished(request, response, { consent });
}

function answer(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/fhir+json" }).end(JSON.stringify(body));
}

async function fhir(request, response, path) {
  const bearer = (request.headers.authorization ?? "").replace(/^Bearer /i, "");
  const token = await provider.AccessToken.find(bearer);
  if (!token?.isValid) return answer(response, 401, { resourceType: "OperationOutcome", issue: [] });
  const [kind, id] = path.split("/");
  const [patient] = (await launchOf(token.grantId)).split(":");
  const mine = resources.filter((one) => one.resourceType === kind);
  if (id) {
    const found = mine.find((one) => one.id === id);
    return found ? answer(response, 200, found) : answer(response, 404, { resourceType: "OperationOutcome", issue: [] });
  }
  const about = (one) => JSON.stringify(one).includes(`Patient/${patient}`) || kind === "PractitionerRole";
  const entry = mine.filter(about).map((resource) => ({ resource, search: { mode: "match" } }));
  return answer(response, 200, { resourceType: "Bundle", type: "searchset", total: entry.length, link: [], entry });
}

async function discovery(response) {
  const told = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const capabilities = ["launch-ehr", "client-confidential-asymmetric", "sso-openid-connect", "context-ehr-patient", "permission-v2"];
  answer(response, 200, { ...told, capabilities });
}

const callback = provider.callback();
http.createServer(async (request, response) => {
  const path = new URL(request.url, issuer).pathname;
  if (path === "/control/deny") { state.deny = request.method === "POST"; return answer(response, 200, {}); }
  if (path === "/style.json") state.seen.push({ grant: "style" });
  if (path === "/control/seen") return answer(response, 200, state.seen);
  if (path.startsWith("/interaction/")) return interact(request, response);
  if (path === "/fhir/R4/.well-known/smart-configuration") return discovery(response);
  if (path.startsWith("/fhir/R4/")) return fhir(request, response, path.slice("/fhir/R4/".length));
  return callback(request, response);
}).listen(port, "127.0.0.1", () => console.log("listening"));
