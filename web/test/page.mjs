// Uses the page in Chromium as a person would: trains, predicts, saves and reloads, and compares with native programs.
//
//     node web/test/page.mjs FOLDER NATIVE.json MODEL.safetensors TABLE.csv CANDLEWICK OUTPUT [INSTRUCTIONS]
//
// FOLDER is the built page, MODEL a model of the columns of TABLE, CANDLEWICK the command line, OUTPUT a folder for pictures.

import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, resolve } from "node:path";
import { chromium } from "playwright-core";

const [folder, nativeFile, model, table, candlewick, output, instructions = "simd128"] = process.argv.slice(2);
const native = JSON.parse(readFileSync(nativeFile, "utf8"));
mkdirSync(output, { recursive: true });

function check(holds, text) {
    if (!holds) throw new Error(text);
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm" };
const server = createServer((request, response) => {
    const path = join(resolve(folder), new URL(request.url, "http://page").pathname.replace(/\/$/, "/index.html"));
    if (!existsSync(path)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
    createReadStream(path).pipe(response);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Opens the page, and collects what must not be: errors, and requests to other hosts. */
async function open(settings, options = {}, query = "still") {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (error) => page.faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
    page.on("request", (request) => /^(blob|data):/.test(request.url()) || request.url().startsWith(origin) || page.faults.push(`a request to ${request.url()}`));
    await page.goto(`${origin}/?${query}&instructions=${instructions}#${new URLSearchParams(settings)}`);
    await page.waitForSelector("#run:enabled");
    return page;
}

/** Looks for faults of accessibility. */
async function accessible(page, of) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 90)).join(" | ")}`);
    check(found.length === 0, `${of}: ${found.join("\n")}`);
}

const text = (page, id) => page.textContent(`#${id}`);

async function saved(page, button, name) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
    const path = join(output, name ?? download.suggestedFilename());
    await download.saveAs(path);
    return path;
}

/** Returns the rows of a table without quotes, the fields of each. */
const fields = (text) => text.trim().split(/\r?\n/).map((line) => line.split(","));

/** Compares the page's predictions for the rows with those of the command line. */
async function compare(page, modelFile, rowsFile, of) {
    await page.fill("#rows", readFileSync(rowsFile, "utf8"));
    await page.click("#predict-rows");
    await page.waitForSelector("#download-rows:enabled");
    const here = fields(readFileSync(await saved(page, "#download-rows", `${of}.csv`), "utf8"));
    const there = fields(execFileSync(candlewick, ["predict", "--probabilities", modelFile, rowsFile], { encoding: "utf8" }));
    check(here.length === there.length && here[0].join() === there[0].join(), `${of}: ${here[0]} instead of ${there[0]}`);
    let off = 0;
    for (let k = 1; k < here.length; k++) {
        check(here[k][0] === there[k][0], `${of}: row ${k} is ${here[k][0]} instead of ${there[k][0]}`);
        here[k].slice(1).forEach((p, at) => (off = Math.max(off, Math.abs(p - there[k][at + 1]))));
    }
    check(off < 1e-5, `${of}: off by ${off}`);
    return off;
}

// The same steps as natively.
const settings = JSON.parse(native.settings);
const page = await open(settings);
const COUNT = 30;
for (let k = 1; k <= COUNT; k++) {
    await page.click("#step");
    await page.waitForFunction((k) => document.getElementById("figure-steps").textContent === String(k), k);
}
const loss = Number(await page.getAttribute("#figure-loss", "data-exact"));
const offLoss = Math.abs(loss - native.losses[COUNT - 1]);
check(offLoss < 1e-5, `the loss is off by ${offLoss}`);

// Training goes on by itself, and the page with it.
await page.click("#run");
await page.waitForFunction(() => parseFloat(document.getElementById("figure-accuracy").textContent) > 95, null, { timeout: 60_000 });
check((await text(page, "run")) === "Pause", "the button does not say that it pauses");
await page.click("#run");
await page.waitForTimeout(300);

// The keyboard moves the place under test.
const before = await text(page, "train-probe");
await page.focus("#train-plane");
await page.keyboard.press("Shift+ArrowRight");
await page.waitForFunction((before) => document.getElementById("train-probe").textContent !== before, before);
const label = await page.getAttribute("#train-spheres canvas", "aria-label");
check(/^Bloch vector of qubit 0: x -?\d/.test(label), label);
for (const theme of ["dark", "light"]) {
    if ((await page.getAttribute("html", "data-theme")) !== theme) await page.click("#theme");
    await accessible(page, `the training, ${theme}`);
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(output, `train-${theme}.png`), fullPage: true });
}

// The saved model is loaded again, and predicts what the command line predicts.
const own = await saved(page, "#save", "page.safetensors");
await page.click("#tab-predict");
await page.setInputFiles("#model-file", own);
await page.waitForSelector("#model-stage:not([hidden])");
const rows = join(output, "rows.csv");
writeFileSync(rows, `x,y\n${Array.from({ length: 40 }, (_, k) => `${((k % 8) - 4) / 2.5},${(k / 8 - 2) / 2}`).join("\n")}\n`);
const offOwn = await compare(page, own, rows, "page");
await page.fill('#row input[data-column="x"]', "0.5");
await page.fill('#row input[data-column="y"]', "0.25");
await page.waitForSelector("#row-answer .track");
for (const theme of ["dark", "light"]) {
    if ((await page.getAttribute("html", "data-theme")) !== theme) await page.click("#theme");
    await page.waitForTimeout(300);
    await accessible(page, `the model, ${theme}`);
    await page.screenshot({ path: join(output, `predict-${theme}.png`), fullPage: true });
}

// A model of the command line, for a whole table.
await page.setInputFiles("#model-file", model);
await page.waitForFunction((name) => document.getElementById("model-name").textContent === name, model.split("/").at(-1));
const offTable = await compare(page, model, table, "table");
await page.screenshot({ path: join(output, "table.png"), fullPage: true });

// A table is learnt.
await page.click("#tab-train");
await page.setInputFiles("#table-file", { name: "points.csv", mimeType: "text/csv", buffer: Buffer.from("u;v;kind\n0;0;a\n1;1;b\n0;1;c\n1;0;b\n") });
await page.waitForFunction(() => /a \d.*b \d.*c \d/.test(document.getElementById("train-probe").textContent));
check(page.faults.length === 0, page.faults.join("\n"));

// What cannot be used says so, and nothing breaks.
for (const [id, name, words] of [
    ["#table-file", "wrong.csv", "needs a column beside the target"],
    ["#model-file", "wrong.safetensors", "bytes of the header"],
]) {
    await page.setInputFiles(id, { name, mimeType: "text/plain", buffer: Buffer.from("nonsense\n1\n") });
    await page.waitForSelector("#problem:not([hidden])");
    const said = await text(page, "problem");
    check(said.includes(words), `${name}: ${said}`);
    await page.click("#tab-predict");
}

// A phone, and a page that starts by itself.
const phone = await open({ data: "spirals", qubits: 5, layers: 5, rate: 0.05, seed: 1 }, { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: "dark", hasTouch: true }, "");
await phone.waitForFunction(() => Number(document.getElementById("figure-steps").textContent) > 60, null, { timeout: 60_000 });
const wide = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
check(wide <= 0, `the page is ${wide} pixels wider than a phone`);
await phone.screenshot({ path: join(output, "phone.png"), fullPage: true });
check(phone.faults.length === 0, phone.faults.join("\n"));
// The longest time without a frame while it learns.
const gap = await phone.evaluate(async () => {
    let [last, most] = [performance.now(), 0];
    for (let k = 0; k < 60; k++) {
        const now = await new Promise(requestAnimationFrame);
        [most, last] = [Math.max(most, now - last), now];
    }
    return most;
});

console.log(`${instructions}: loss off by ${offLoss}, predictions by ${offOwn} and ${offTable}; longest frame ${gap.toFixed(0)} ms`);
await browser.close();
server.close();
