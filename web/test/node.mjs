// Trains, predicts, saves and reloads in Node, and compares with what the native program printed.
//
//     node web/test/node.mjs FOLDER NATIVE.json MODEL.safetensors

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const [folder, native_, model] = process.argv.slice(2);
const { Loaded, Training, initSync } = await import(resolve(folder, "candlewick_web.js"));
initSync({ module: readFileSync(resolve(folder, "candlewick_web_bg.wasm")) });
const native = JSON.parse(readFileSync(native_, "utf8"));

function fail(text) {
    console.error(text);
    process.exit(1);
}

function largest(a, b) {
    if (a.length !== b.length) fail(`${a.length} numbers instead of ${b.length}`);
    return a.reduce((most, x, k) => Math.max(most, Math.abs(x - b[k])), 0);
}

// A file of any other program.
const loaded = new Loaded(readFileSync(model));
const predicted = Array.from(loaded.predict(new Float64Array(native.rows)));
const offPredicted = largest(predicted, native.predicted);
if (!(offPredicted < 1e-5)) fail(`predictions are off by ${offPredicted}`);
if (!loaded.circuit(0, 860, "dark").startsWith("<svg")) fail("no drawing");
try {
    new Loaded(new Uint8Array([1, 2, 3]));
    fail("three bytes are no model");
} catch (error) {
    if (!/safetensors/.test(error.message)) fail(error.message);
}

// The same training, step by step.
const training = new Training(native.settings);
const losses = [];
const start = performance.now();
for (let k = 0; k < native.losses.length; k++) losses.push(training.steps(1)[0]);
const step = (performance.now() - start) / losses.length;
const offLosses = largest(losses, native.losses);
if (!(offLosses < 1e-4)) fail(`losses are off by ${offLosses}`);
const accuracy = training.steps(1)[1];
if (!(accuracy > 0.9)) fail(`accuracy ${accuracy}`);

// What was saved predicts what the page shows.
const again = new Loaded(training.save());
const [[left, right], [low, high]] = JSON.parse(training.about()).range;
const cell = [left + (right - left) / 8, high + (low - high) / 8];
const offSaved = largest(Array.from(again.predict(new Float64Array(cell))), Array.from(training.grid(4).slice(0, 2)));
if (offSaved !== 0) fail(`the saved model is off by ${offSaved}`);

console.log(`predictions off by ${offPredicted}, losses by ${offLosses}; accuracy ${accuracy}`);
console.log(`${step.toFixed(2)} ms a step, ${native.step.toFixed(2)} ms natively on one thread`);
