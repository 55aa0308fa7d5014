// The view in which a model of a file predicts.

import { classStyle } from "./colours.js";
import { ask, call, latest } from "./remote.js";
import { download, element, made, percent, problem, say, showDrawing, Stage, theme } from "./stage.js";
import { trained } from "./train.js";

/** Rows that the page shows of a table, at most; the file has all. */
const SHOWN = 200;
/** Inputs of a form for one sample, at most. */
const INPUTS = 64;
/** Cells of a side of the plane. */
const SIDE = 72;

const stage = new Stage("loaded", "predict");
let about = null;
let answer = null;

/** Shows the model of a file. */
export async function takeModel(name, bytes) {
    try {
        about = await call("load", bytes);
    } catch (error) {
        problem(error);
        return;
    }
    problem(null);
    element("model").hidden = false;
    element("model-name").textContent = name;
    summary();
    form();
    element("rows").value = `${(about.columns ?? numbered()).map(quoted).join(",")}\n`;
    element("rows-answer").replaceChildren();
    element("download-rows").disabled = true;
    element("model-stage").hidden = !about.plane;
    try {
        if (about.plane) {
            stage.begin({ range: about.plane, classes: about.classes, features: about.columns ?? ["x", "y"], qubits: about.qubits });
            await stage.refresh(SIDE);
        }
        await drawings();
    } catch (error) {
        problem(error);
    }
    say(`${name} is loaded: ${element("model-summary").textContent}`);
}

const size = () => about.input.reduce((product, entry) => product * entry, 1);
const numbered = () => Array.from({ length: size() }, (_, k) => `x${k}`);

function summary() {
    const given = about.classes ? `${about.classes.length} classes of ${about.label}` : about.values ? about.values.join(", ") : `numbers of shape [${about.output}]`;
    const taken = about.columns ? `the columns ${about.columns.join(", ")}` : `numbers of shape [${about.input}]`;
    element("model-summary").textContent = `Takes ${taken}; gives ${given}. ${about.parameters} parameters.`;
    element("model-layers").replaceChildren(...about.layers.map((layer) => made("li", layer, layer.startsWith("quantum") ? "quantum" : "")));
    const notes = Object.entries(about.notes).flatMap(([key, text]) => [made("dt", key), made("dd", text)]);
    element("model-notes").replaceChildren(...notes);
}

async function drawings() {
    const box = element("predict-circuit");
    const width = Math.max(box.clientWidth, 320);
    const pictures = [];
    for (let k = 0; k < about.circuits; k++) {
        pictures.push(showDrawing(await ask("loaded", "circuit", k, width, theme()), `Circuit ${k + 1} of ${about.circuits}`));
    }
    element("predict-circuit-card").hidden = pictures.length === 0;
    box.replaceChildren(...pictures);
}

/** Makes an input for each column. */
function form() {
    const names = about.columns ?? numbered();
    const inputs = names.slice(0, INPUTS).map((name) => {
        const label = made("label");
        const input = document.createElement("input");
        input.type = "text";
        input.dataset.column = name;
        input.autocomplete = "off";
        label.append(made("span", name), input);
        return label;
    });
    element("row").replaceChildren(...inputs);
    const hint = names.length > INPUTS ? "Too many inputs for a form; use a table." : "Type a value for each input.";
    element("row-answer").replaceChildren(made("p", hint));
}

const quoted = (field) => (/[",;\t\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);

/** Predicts for the rows of a table, or of numbers without one. */
const rows = (text) => ask("loaded", "predict_table", text).then(JSON.parse);

const predictRow = latest(async () => {
    const box = element("row-answer");
    const inputs = [...element("row").querySelectorAll("input")];
    if (inputs.some(({ value }) => value.trim() === "")) return;
    const text = `${inputs.map(({ dataset }) => quoted(dataset.column)).join(",")}\n${inputs.map(({ value }) => quoted(value)).join(",")}\n`;
    try {
        const { columns, numbers } = await rows(text);
        box.replaceChildren(...(about.classes ? bars(numbers[0]) : numbers[0].map((value, k) => line(columns[k], "", String(value)))));
    } catch (error) {
        box.replaceChildren(made("p", error.message));
    }
});

function bars(probabilities) {
    return probabilities.map((p, k) => {
        const one = line(about.classes[k], "track", percent(p));
        const bar = document.createElement("i");
        bar.style.width = `${100 * p}%`;
        bar.style.background = classStyle(k);
        one.children[1].append(bar);
        return one;
    });
}

function line(name, middle, text) {
    const one = made("div", "", "line");
    one.append(made("span", name), made("span", "", middle), made("span", text));
    return one;
}

async function predictRows() {
    const box = element("rows-answer");
    try {
        answer = await rows(element("rows").value);
    } catch (error) {
        box.replaceChildren();
        element("download-rows").disabled = true;
        problem(error);
        return;
    }
    problem(null);
    element("download-rows").disabled = false;
    const { columns, labels, numbers } = answer;
    const table = made("table");
    const head = made("tr");
    head.append(...(labels ? [about.label, ...columns] : columns).map((name) => made("th", name)));
    table.append(head);
    for (const [k, row] of numbers.slice(0, SHOWN).entries()) {
        const fields = made("tr");
        if (labels) fields.append(made("td", labels[k]));
        fields.append(...row.map((value) => made("td", value.toFixed(4))));
        table.append(fields);
    }
    const more = numbers.length > SHOWN ? [made("p", `${numbers.length - SHOWN} more rows are in the file.`, "hint")] : [];
    box.replaceChildren(table, ...more);
    say(`${numbers.length} rows are predicted`);
}

/** Offers the predictions as a table. */
function downloadRows() {
    const { columns, labels, numbers } = answer;
    const lines = [(labels ? [about.label, ...columns] : columns).map(quoted).join(",")];
    for (const [k, row] of numbers.entries()) lines.push([...(labels ? [quoted(labels[k])] : []), ...row].join(","));
    download("predictions.csv", `${lines.join("\n")}\n`, "text/csv");
}

/** Predicts for the text of a table, if there is a model. */
export function takeRows(text) {
    if (!about) return problem(new Error("A table needs a model first: drop its file, too."));
    element("rows").value = text;
    predictRows();
}

export function start() {
    element("choose-model").addEventListener("click", () => element("model-file").click());
    element("model-file").addEventListener("change", async ({ target }) => {
        const [file] = target.files;
        if (file) await takeModel(file.name, new Uint8Array(await file.arrayBuffer()));
        target.value = "";
    });
    element("take-model").addEventListener("click", () =>
        trained().then((bytes) => takeModel("the model of this page", bytes), problem),
    );
    element("choose-rows").addEventListener("click", () => element("rows-file").click());
    element("rows-file").addEventListener("change", async ({ target }) => {
        if (target.files.length) takeRows(await target.files[0].text());
        target.value = "";
    });
    element("row").addEventListener("input", predictRow);
    element("row").addEventListener("submit", (event) => event.preventDefault());
    element("predict-rows").addEventListener("click", predictRows);
    element("download-rows").addEventListener("click", downloadRows);
    addEventListener("theme", () => about && drawings().catch(problem));
}
