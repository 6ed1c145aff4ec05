// Tokenises files as VS Code does and reports each place whose scope is `invalid…`, or that no rule names.
// Usage: node test.mjs FILE... (after `npm ci`). Exit status 3: the engine is not installed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
let oniguruma, textmate;
try {
  oniguruma = require("vscode-oniguruma");
  textmate = require("vscode-textmate");
} catch {
  console.log("vscode-textmate is not installed; run npm ci in editors/vscode");
  process.exit(3);
}

const wasm = readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
const file = new URL("syntaxes/walrus.tmLanguage.json", import.meta.url);
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(readFileSync(file, "utf8"), file.pathname),
});
const grammar = await registry.loadGrammar("source.walrus");

// `SHOW=1` prints every token with its scopes.
let faults = 0;
for (const name of process.argv.slice(2)) {
  let state = textmate.INITIAL;
  readFileSync(name, "utf8").split(/\r?\n/).forEach((line, index) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    for (const { startIndex, endIndex, scopes } of tokens) {
      const text = line.slice(startIndex, endIndex);
      if (process.env.SHOW) console.log(`${text}\t${scopes.slice(1).join(" ")}`);
      const isNamed = scopes.length > 1 || text.trim() === "";
      if (!isNamed || scopes.some((scope) => scope.startsWith("invalid"))) {
        console.log(`${name}:${index + 1}:${startIndex + 1}: ${text}  ${scopes.join(" ")}`);
        faults += 1;
      }
    }
  });
  if (state.depth > 1) {
    console.log(`${name}: a rule is still open at the end`);
    faults += 1;
  }
}
process.exit(faults > 0 ? 1 : 0);
