// The view in which a model learns.

import { ask, call } from "./remote.js";
import { download, element, percent, problem, say, showDrawing, Stage, theme } from "./stage.js";
import { classColour, mark } from "./colours.js";
import { Curves } from "./curves.js";

/** Milliseconds of steps between two pictures. */
const BUDGET = 24;
/** Cells of a side of the plane. */
const SIDE = 48;
/** Milliseconds between two reports to those who hear the page. */
const REPORTS = 6000;

const form = element("settings");
const stage = new Stage("training", "train");
const curves = new Curves(element("curves"));
const buttons = ["run", "step", "restart", "save"].map(element);

let running = false;
let steps = 0;
let table = null;
/** Settings of the model that is trained. */
let model = null;
let last = null;
let reported = 0;
/** Number of the present training; what belongs to an earlier one is dropped. */
let current = 0;

/** Returns the settings as the form has them. */
function settings() {
    const { data, qubits, layers, rate, seed } = form.elements;
    return {
        data: data.value === "table" ? table : data.value,
        qubits: Number(qubits.value),
        layers: Number(layers.value),
        rate: Number(shownRate(rate.value)),
        seed: Math.min(Math.max(Math.trunc(Number(seed.value)) || 0, 0), 4294967295),
    };
}

const shownRate = (power) => (10 ** Number(power)).toPrecision(2);

function showSettings() {
    for (const name of ["qubits", "layers"]) output(name).value = form.elements[name].value;
    output("rate").value = shownRate(form.elements.rate.value);
    form.elements.rate.setAttribute("aria-valuetext", shownRate(form.elements.rate.value));
}

const output = (name) => form.elements[name].parentElement.querySelector("output");

/** Keeps the settings in the address, so that a link has them. */
function keep() {
    const { data, ...rest } = settings();
    if (form.elements.data.value === "table") return;
    const words = new URLSearchParams({ data, ...rest });
    history.replaceState(null, "", `#${words}`);
}

/** Takes settings out of the address. */
function recall() {
    const words = new URLSearchParams(location.hash.slice(1));
    const known = [...form.elements.data].map(({ value }) => value).filter((value) => value !== "table");
    if (known.includes(words.get("data"))) form.elements.data.value = words.get("data");
    for (const name of ["qubits", "layers", "seed"]) if (words.get(name)) form.elements[name].value = words.get(name);
    if (Number(words.get("rate")) > 0) form.elements.rate.value = Math.log10(Number(words.get("rate")));
}

/** Begins a training from its first step. */
async function begin() {
    const own = ++current;
    const chosen = settings();
    element("table-hint").hidden = form.elements.data.value !== "table";
    // Until there is another model, there is none to save or to go on with.
    const enable = (on) => buttons.forEach((button) => (button.disabled = !on));
    if (chosen.data === null) {
        run(false);
        enable(false);
        return false;
    }
    try {
        const about = await call("train", chosen);
        if (own !== current) return false;
        problem(null);
        model = chosen;
        model.name = form.elements.data.value;
        steps = 0;
        last = null;
        stage.begin({ ...about, qubits: chosen.qubits });
        curves.clear();
        figures();
        enable(true);
        await Promise.all([stage.refresh(SIDE), draw()]);
        say(`${about.points.length / 3} points, ${about.classes.length} classes, ${about.parameters} parameters`);
        return true;
    } catch (error) {
        if (own !== current) return false;
        run(false);
        enable(false);
        problem(error);
        return false;
    }
}

async function draw() {
    const width = Math.max(element("train-circuit").clientWidth, 320);
    const text = `Circuit of ${model.qubits} qubits and ${model.layers} layers`;
    const svg = await ask("training", "circuit", width, theme());
    element("train-circuit").replaceChildren(showDrawing(svg, text));
}

/** Shows the numbers of the last step. */
function figures() {
    element("figure-steps").textContent = String(steps);
    element("figure-loss").textContent = last ? last.loss.toFixed(4) : "–";
    element("figure-loss").dataset.exact = last ? String(last.loss) : "";
    element("figure-accuracy").textContent = last ? percent(last.accuracy) : "–";
}

function report(now) {
    if (!last || (!now && performance.now() < reported + REPORTS)) return;
    reported = performance.now();
    say(`Step ${steps}: loss ${last.loss.toFixed(3)}, accuracy ${percent(last.accuracy)}`);
}

/** Takes steps and shows where they led. */
async function frame(budget, most) {
    const own = current;
    const { losses, picture } = await call("frame", budget, most, SIDE);
    if (own !== current) return;
    steps += losses.length;
    last = losses.at(-1);
    curves.add(losses);
    figures();
    stage.show(picture);
}

function run(on) {
    if (running === on) return;
    running = on;
    element("run").textContent = on ? "Pause" : "Train";
    if (on) loop();
    else report(true);
}

async function loop() {
    while (running) {
        try {
            await Promise.all([frame(BUDGET, 1000), new Promise(requestAnimationFrame)]);
        } catch (error) {
            run(false);
            problem(error);
        }
        report(false);
    }
    // The last steps have no picture yet, if it was too early for one.
    if (last) stage.refresh(SIDE).catch(problem);
}

async function save() {
    try {
        const bytes = await ask("training", "save");
        download(`${model.name}-${model.qubits}-qubits.safetensors`, bytes, "application/octet-stream");
        say("The model is saved");
    } catch (error) {
        problem(error);
    }
}

/** Trains on the text of a table. */
export function takeTable(text) {
    table = text;
    form.elements.data.value = "table";
    element("table-hint").hidden = false;
    begin();
}

/** Returns the file of the model, as it is now. */
export const trained = () => ask("training", "save");

/** Draws what each set of points looks like. */
function thumbnails() {
    const shapes = {
        circles: (k, n) => [k % 2, (k % 2 ? 8 : 17) * Math.cos((4 * Math.PI * k) / n), (k % 2 ? 8 : 17) * Math.sin((4 * Math.PI * k) / n)],
        moons(k, n) {
            const [turn, side] = [(Math.PI * k) / n, k % 2 ? 1 : -1];
            return [k % 2, side * (6 - 12 * Math.cos(turn)), 4 - 12 * Math.sin(turn)];
        },
        spirals(k, n) {
            const [r, turn] = [2 + (16 * k) / n, (3 * Math.PI * k) / n + (k % 2) * Math.PI];
            return [k % 2, r * Math.cos(turn), r * Math.sin(turn)];
        },
        table: (k, n) => [k % 3, 12 * Math.sin(7.1 * k) * Math.cos(k), 12 * Math.cos(5.3 * k + (k % 3)) + 3 * ((k % 3) - 1)],
    };
    for (const input of form.elements.data) {
        const canvas = input.parentElement.querySelector("canvas");
        canvas.width = canvas.height = 88;
        const context = canvas.getContext("2d");
        context.setTransform(2, 0, 0, 2, 44, 44);
        const count = 32;
        for (let k = 0; k < count; k++) {
            const [kind, x, y] = shapes[input.value](k, count);
            mark(context, kind, x, y, 1.7);
            context.fillStyle = classColour(kind);
            context.fill();
        }
    }
}

export function start() {
    recall();
    showSettings();
    thumbnails();
    addEventListener("theme", () => {
        thumbnails();
        if (model) draw().catch(problem);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
        showSettings();
        if (event.target.type === "file") return;
        keep();
        // The rate holds from the next step on; everything else is another model.
        if (event.target.name === "rate") ask("training", "set_rate", settings().rate).catch(problem);
        else begin();
    });
    element("run").addEventListener("click", () => run(!running));
    element("step").addEventListener("click", () => {
        run(false);
        frame(0, 1).then(() => report(true), problem);
    });
    element("restart").addEventListener("click", begin);
    element("save").addEventListener("click", save);
    element("choose-table").addEventListener("click", () => element("table-file").click());
    element("table-file").addEventListener("change", async ({ target }) => {
        if (target.files.length) takeTable(await target.files[0].text());
        target.value = "";
    });
    // Whoever prefers a page that stands still starts the training by hand.
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || new URLSearchParams(location.search).has("still");
    begin().then((begun) => run(begun && !still && current === 1 && !document.hidden && !element("train").hidden));
}

/** Stops the training, as another view is shown. */
export const pause = () => run(false);
