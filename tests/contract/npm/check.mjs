// Reads a JSON file of resources and prints, for each that something is wrong with, what npm `fhir` and `fhirpath` say.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import fhirpath from "fhirpath";
import { INVARIANTS } from "./invariants.mjs";

const require = createRequire(import.meta.url);
const { Fhir } = require("fhir");
const r4 = require("fhirpath/fhir-context/r4");
const fhir = new Fhir();
const compiled = INVARIANTS.map(([type, key, path]) => [type, key, fhirpath.compile(path, r4)]);

const found = [];
JSON.parse(readFileSync(process.argv[2], "utf8")).forEach((resource, index) => {
  const name = `${resource.resourceType}/${resource.id ?? index}`;
  for (const message of fhir.validate(resource, { errorOnUnexpected: true }).messages) {
    if (message.severity === "error" || message.severity === "fatal") {
      found.push(`${name}: fhir: ${message.location}: ${message.message}`);
    }
  }
  for (const [type, key, holds] of compiled) {
    if (type !== "*" && type !== resource.resourceType) continue;
    const [answer] = holds(resource, { resource });
    if (answer !== true) found.push(`${name}: ${key}: ${JSON.stringify(answer)}`);
  }
});
console.log(JSON.stringify(found));
